//! An agent's gRPC server: `Push` of the one contract, for the node whose certificate the agent has.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::Stream;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::codec::CompressionEncoding::{Gzip, Zstd};
use tonic::transport::Server;
use tonic::{Request, Response, Status, Streaming};
use tower::util::MapResponseLayer;

use super::ingest::Session;
use super::listener::AuthenticatedStream;
use super::proto::v1;
use super::proto::v1::ingest_service_server::{IngestService, IngestServiceServer};
use super::server::{HEADER_BYTES_MAX, MESSAGE_BYTES_MAX, ServerError};
use super::status::{AccessError, blame_undecodable, no_uploads, peer};
use crate::domain::node::NodeName;
use crate::security::identity::Identity;
use crate::sync::ingest::{Examiner, SubmissionLog};

/// Requests that an agent reads ahead of its answers: fewer than a hub, because it has little memory.
const WINDOW_REQUESTS: usize = 2;
/// Streams of one connection at a time.
const CONNECTION_STREAMS_MAX: u32 = 8;
/// Bytes of one stream, and of one connection, that may be on their way.
const WINDOW_BYTES: u32 = 256 * 1024;

/// The service of an agent.
pub struct AgentIngest<L> {
    /// Whose records it takes.
    pub name: NodeName,
    /// Looks at each change.
    pub examiner: Arc<Examiner>,
    /// Where they are kept.
    pub log: L,
    /// Told when the agent stops.
    pub stop: CancellationToken,
}

type Responses<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl<L: SubmissionLog> IngestService for AgentIngest<L> {
    type PushStream = Responses<v1::PushResponse>;
    type SendChunksStream = Responses<v1::SendChunksResponse>;
    type CommitUploadStream = Responses<v1::CommitUploadResponse>;

    async fn push(
        &self,
        request: Request<Streaming<v1::PushRequest>>,
    ) -> Result<Response<Self::PushStream>, Status> {
        match &peer(&request)?.identity {
            Identity::Node(name) if *name == self.name => {}
            Identity::Node(_) | Identity::Operator(_) => return Err(AccessError::NotOwnNode.into()),
        }
        let session = Session {
            examiner: Arc::clone(&self.examiner),
            log: self.log.clone(),
            window: WINDOW_REQUESTS,
            stop: self.stop.clone(),
        };
        let (responses, stream) = mpsc::channel(WINDOW_REQUESTS);
        tokio::spawn(session.run(request.into_inner(), responses));
        Ok(Response::new(Box::pin(ReceiverStream::new(stream))))
    }

    async fn open_upload(
        &self,
        _: Request<v1::OpenUploadRequest>,
    ) -> Result<Response<v1::OpenUploadResponse>, Status> {
        Err(no_uploads())
    }

    async fn send_chunks(
        &self,
        _: Request<Streaming<v1::SendChunksRequest>>,
    ) -> Result<Response<Self::SendChunksStream>, Status> {
        Err(no_uploads())
    }

    async fn commit_upload(
        &self,
        _: Request<v1::CommitUploadRequest>,
    ) -> Result<Response<Self::CommitUploadStream>, Status> {
        Err(no_uploads())
    }

    async fn get_upload(
        &self,
        _: Request<v1::GetUploadRequest>,
    ) -> Result<Response<v1::GetUploadResponse>, Status> {
        Err(no_uploads())
    }

    async fn list_uploads(
        &self,
        _: Request<v1::ListUploadsRequest>,
    ) -> Result<Response<v1::ListUploadsResponse>, Status> {
        Err(no_uploads())
    }
}

/// Serves until `drained`; then takes no new request and returns when the open ones are answered.
pub async fn serve<L: SubmissionLog>(
    service: AgentIngest<L>,
    connections: impl Stream<Item = io::Result<AuthenticatedStream>>,
    drained: impl Future<Output = ()>,
) -> Result<(), ServerError> {
    let service = IngestServiceServer::new(service)
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .accept_compressed(Gzip)
        .accept_compressed(Zstd);
    Server::builder()
        .layer(MapResponseLayer::new(blame_undecodable))
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES)
        .max_concurrent_streams(CONNECTION_STREAMS_MAX)
        .http2_max_header_list_size(HEADER_BYTES_MAX)
        .add_service(service)
        .serve_with_incoming_shutdown(connections, drained)
        .await?;
    Ok(())
}
