//! A hub's gRPC server: all services on one listener.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio_stream::Stream;
use tonic::codec::CompressionEncoding::{Gzip, Zstd};
use tonic::transport::Server;
use tower::util::MapResponseLayer;

use super::batch_service::HubBatchService;
use super::bundle_service::HubBundleService;
use super::compare_service::HubCompareService;
use super::custody_service::HubCustodyService;
use super::feed::Feed;
use super::hub::Hub;
use super::ingest::Ingest;
use super::job_service::HubJobService;
use super::linkage_service::HubLinkageService;
use super::listener::AuthenticatedStream;
use super::nodes::Nodes;
use super::proto::FILE_DESCRIPTOR_SET;
use super::proto::v1::batch_service_server::BatchServiceServer;
use super::proto::v1::bundle_service_server::BundleServiceServer;
use super::proto::v1::compare_service_server::CompareServiceServer;
use super::proto::v1::custody_service_server::CustodyServiceServer;
use super::proto::v1::feed_service_server::FeedServiceServer;
use super::proto::v1::ingest_service_server::IngestServiceServer;
use super::proto::v1::job_service_server::JobServiceServer;
use super::proto::v1::linkage_service_server::LinkageServiceServer;
use super::proto::v1::node_service_server::NodeServiceServer;
use super::proto::v1::review_service_server::ReviewServiceServer;
use super::proto::v1::status_service_server::StatusServiceServer;
use super::proto::v1::unit_service_server::UnitServiceServer;
use super::review_service::HubReviewService;
use super::status::blame_undecodable;
use super::status_service::HubStatusService;
use super::unit_service::HubUnitService;
use crate::sync::ingest::GroupCommit;
use crate::sync::models::Models;
use crate::sync::review::Reviews;
use crate::sync::units::UnitActs;

/// Largest message, decompressed, in bytes: 500 records of ordinary size with room to spare.
pub const MESSAGE_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Streams of one connection at a time.
pub const CONNECTION_STREAMS_MAX: u32 = 64;
/// Largest header list, in bytes.
pub const HEADER_BYTES_MAX: u32 = 16 * 1024;
/// Bytes of one stream that may be on their way.
const STREAM_WINDOW_BYTES: u32 = 1024 * 1024;
/// Bytes of one connection that may be on their way.
const CONNECTION_WINDOW_BYTES: u32 = 4 * 1024 * 1024;
/// A connection on which nothing was heard for so long is asked whether it is there.
const KEEPALIVE_SECONDS: u64 = 30;

/// The server cannot run.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The contract's descriptors cannot be served.
    #[error("reflection cannot be served: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// The transport failed.
    #[error("the server failed: {0}")]
    Transport(#[from] tonic::transport::Error),
}

/// Serves until `drained`; then takes no new request and returns when the open ones are answered.
pub async fn serve(
    hub: Arc<Hub>,
    log: GroupCommit,
    connections: impl Stream<Item = io::Result<AuthenticatedStream>>,
    drained: impl Future<Output = ()>,
) -> Result<(), ServerError> {
    let (health, health_service) = tonic_health::server::health_reporter();
    health.set_serving::<IngestServiceServer<Ingest>>().await;
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
        .build_v1()?;
    macro_rules! limited {
        ($service:expr) => {
            $service
                .max_decoding_message_size(MESSAGE_BYTES_MAX)
                .accept_compressed(Gzip)
                .accept_compressed(Zstd)
                .send_compressed(Gzip)
                .send_compressed(Zstd)
        };
    }
    Server::builder()
        .layer(MapResponseLayer::new(blame_undecodable))
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_concurrent_streams(CONNECTION_STREAMS_MAX)
        .http2_max_header_list_size(HEADER_BYTES_MAX)
        .http2_keepalive_interval(Some(Duration::from_secs(KEEPALIVE_SECONDS)))
        .add_service(limited!(IngestServiceServer::new(Ingest {
            hub: Arc::clone(&hub),
            log
        })))
        .add_service(limited!(BundleServiceServer::new(HubBundleService::new(
            Arc::clone(&hub)
        ))))
        .add_service(limited!(CompareServiceServer::new(HubCompareService::new(
            Arc::clone(&hub)
        ))))
        .add_service(limited!(BatchServiceServer::new(HubBatchService::new(
            Arc::clone(&hub)
        ))))
        .add_service(limited!(FeedServiceServer::new(Feed {
            hub: Arc::clone(&hub)
        })))
        .add_service(limited!(CustodyServiceServer::new(HubCustodyService {
            hub: Arc::clone(&hub)
        })))
        .add_service(limited!(StatusServiceServer::new(HubStatusService {
            hub: Arc::clone(&hub)
        })))
        .add_service(limited!(ReviewServiceServer::new(HubReviewService {
            reviews: reviews(&hub),
            hub: Arc::clone(&hub)
        })))
        .add_service(limited!(LinkageServiceServer::new(HubLinkageService {
            models: models(&hub),
            hub: Arc::clone(&hub)
        })))
        .add_service(limited!(UnitServiceServer::new(HubUnitService {
            acts: unit_acts(&hub),
            hub: Arc::clone(&hub)
        })))
        .add_service(limited!(JobServiceServer::new(HubJobService::new(
            Arc::clone(&hub)
        ))))
        .add_service(limited!(NodeServiceServer::new(Nodes { hub })))
        .add_service(health_service)
        .add_service(reflection)
        .serve_with_incoming_shutdown(connections, drained)
        .await?;
    Ok(())
}

fn reviews(hub: &Hub) -> Reviews {
    Reviews {
        store: hub.store.clone(),
        codec: Arc::clone(&hub.codec),
        key: Arc::clone(&hub.key),
        models: Arc::clone(&hub.models),
    }
}

fn unit_acts(hub: &Hub) -> UnitActs {
    UnitActs {
        store: hub.store.clone(),
        clock: Arc::clone(&hub.clock),
        signals: Arc::clone(&hub.signals),
        known: Arc::clone(&hub.units),
    }
}

fn models(hub: &Hub) -> Models {
    Models {
        store: hub.store.clone(),
        codec: Arc::clone(&hub.codec),
        key: Arc::clone(&hub.key),
        in_use: Arc::clone(&hub.models),
    }
}
