//! An upstream that answers nonsense: somebody else's server, with our contract and no manners.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use childsync::grpc::listener;
use childsync::grpc::proto::v1::ingest_service_server::{IngestService, IngestServiceServer};
use childsync::grpc::proto::v1::{self, PushRequest, PushResponse, RecordOutcome};
use childsync::observability::metrics::Metrics;
use childsync::security::live::LiveIdentity;
use tokio_stream::{Stream, StreamExt};
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;
use tonic::{Request, Response, Status, Streaming};
use tonic_types::{ErrorDetails, StatusExt};

use crate::support::database::{Database, Engine};
use crate::support::eventually;
use crate::support::hub::{HubOptions, TestHub, free_port};
use crate::support::on_both_engines;
use crate::support::pki::Pki;
use crate::support::records::{change, numbered_child};

on_both_engines![
    whatever_an_upstream_answers_nothing_is_lost_or_doubled,
    a_refused_record_is_shown_and_the_others_go_through,
    a_sealed_batch_goes_up_whole_after_its_limit_was_lowered,
];

/// Misbehaves in a new way at every stream.
#[derive(Default)]
struct Rude {
    streams: Arc<AtomicUsize>,
}

/// The ways in which it misbehaves.
const WAYS: usize = 6;

type Answers = Pin<Box<dyn Stream<Item = Result<PushResponse, Status>> + Send>>;

#[tonic::async_trait]
impl IngestService for Rude {
    type PushStream = Answers;

    async fn push(
        &self,
        request: Request<Streaming<PushRequest>>,
    ) -> Result<Response<Answers>, Status> {
        let way = self.streams.fetch_add(1, Ordering::SeqCst) % WAYS;
        if way == 0 {
            return Err(Status::internal("Nguyễn Bí Mật"));
        }
        if way == 1 {
            let details = ErrorDetails::with_retry_info(Some(Duration::from_millis(300)));
            let code = tonic::Code::ResourceExhausted;
            return Err(Status::with_error_details(code, "", details));
        }
        let hello = PushResponse {
            window_requests: u32::MAX,
            ..PushResponse::default()
        };
        let answers = request.into_inner().map(move |request| {
            let request = request?;
            let sequence = request.sequence;
            let count = u32::try_from(request.changes.len()).unwrap_or_default();
            let stranger = RecordOutcome {
                position: 7_000,
                ..RecordOutcome::default()
            };
            Ok(match way {
                2 => PushResponse {
                    acknowledged_sequence: sequence + 5,
                    ..hello_of(count)
                },
                3 => PushResponse {
                    acknowledged_sequence: sequence,
                    ..hello_of(count + 1)
                },
                4 => PushResponse {
                    acknowledged_sequence: sequence,
                    outcomes: vec![stranger],
                    ..hello_of(count)
                },
                _ => return Err(Status::unavailable("")),
            })
        });
        Ok(Response::new(Box::pin(
            tokio_stream::once(Ok(hello)).chain(answers),
        )))
    }

    type SendChunksStream = tokio_stream::Empty<Result<v1::SendChunksResponse, Status>>;
    type CommitUploadStream = tokio_stream::Empty<Result<v1::CommitUploadResponse, Status>>;

    async fn open_upload(
        &self,
        _: Request<v1::OpenUploadRequest>,
    ) -> Result<Response<v1::OpenUploadResponse>, Status> {
        Err(Status::unimplemented("a forwarder pushes"))
    }

    async fn send_chunks(
        &self,
        _: Request<Streaming<v1::SendChunksRequest>>,
    ) -> Result<Response<Self::SendChunksStream>, Status> {
        Err(Status::unimplemented("a forwarder pushes"))
    }

    async fn commit_upload(
        &self,
        _: Request<v1::CommitUploadRequest>,
    ) -> Result<Response<Self::CommitUploadStream>, Status> {
        Err(Status::unimplemented("a forwarder pushes"))
    }

    async fn get_upload(
        &self,
        _: Request<v1::GetUploadRequest>,
    ) -> Result<Response<v1::GetUploadResponse>, Status> {
        Err(Status::unimplemented("a forwarder pushes"))
    }

    async fn list_uploads(
        &self,
        _: Request<v1::ListUploadsRequest>,
    ) -> Result<Response<v1::ListUploadsResponse>, Status> {
        Err(Status::unimplemented("a forwarder pushes"))
    }
}

fn hello_of(accepted: u32) -> PushResponse {
    PushResponse {
        accepted,
        ..PushResponse::default()
    }
}

async fn whatever_an_upstream_answers_nothing_is_lost_or_doubled(engine: Engine) {
    let pki = Arc::new(Pki::new());
    let port = free_port();
    let stop = CancellationToken::new();
    let rude = Rude::default();
    let streams = Arc::clone(&rude.streams);
    let serving = serve(&pki, port, rude, stop.clone()).await;
    let upstream = format!("https://127.0.0.1:{port}");
    let province = TestHub::province_below(&pki, engine, &upstream).await;
    province.register("commune", "GSO_PRE2025:30742").await;
    province
        .push(
            (1..=50)
                .map(|at| change(at.into(), 1, numbered_child(at)))
                .collect(),
        )
        .await;

    eventually("every way was tried", || async {
        streams.load(Ordering::SeqCst) >= WAYS
    })
    .await;
    let forwarder = province
        .status()
        .await
        .forwarder
        .expect("it has an upstream");
    assert!(
        !forwarder.last_error.is_empty() && forwarder.failed_attempts > 0,
        "{forwarder:?}"
    );
    assert_eq!(forwarder.receipted_batch, 0);
    stop.cancel();
    serving.await.expect("no panic");

    // The real nation takes the address over.
    let options = HubOptions {
        name: "nation",
        port,
        ..HubOptions::province()
    };
    let database = Arc::new(Database::new(engine).await);
    let nation = TestHub::start(Arc::clone(&pki), database, options).await;
    nation.register("province", "GSO_PRE2025:91").await;
    eventually("the nation holds what the province says", || async {
        let said = province.status().await;
        let held = nation.node_status("province").await;
        held.digest == said.golden_digest && held.source_records == 50
    })
    .await;
    assert_eq!(nation.node_status("province").await.accepted, 50);
    province.stop().await;
    nation.stop().await;
}

async fn serve(
    pki: &Pki,
    port: u16,
    service: Rude,
    stop: CancellationToken,
) -> tokio::task::JoinHandle<()> {
    let identity = LiveIdentity::read(&pki.node("nation")).expect("an identity directory");
    let socket = tokio::net::TcpListener::bind(("127.0.0.1", port))
        .await
        .expect("the port");
    let metrics = Arc::new(Metrics::default());
    let connections =
        listener::accept(socket, Arc::new(identity), metrics, stop.clone()).expect("a listener");
    tokio::spawn(async move {
        let serving = Server::builder().add_service(IngestServiceServer::new(service));
        let stopped = stop.cancelled_owned();
        let served = serving
            .serve_with_incoming_shutdown(connections, stopped)
            .await;
        served.expect("a clean end");
    })
}

/// The nation does not let the province write for one of its communes: only that record waits.
async fn a_refused_record_is_shown_and_the_others_go_through(engine: Engine) {
    let pki = Arc::new(Pki::new());
    let options = HubOptions {
        name: "nation",
        ..HubOptions::province()
    };
    let database = Arc::new(Database::new(engine).await);
    let nation = TestHub::start(Arc::clone(&pki), database, options).await;
    nation.register("province", "GSO_PRE2025:30742").await;
    let province = TestHub::province_below(&pki, engine, &nation.url).await;
    province.register("commune", "GSO_PRE2025:91").await;
    let mut elsewhere = numbered_child(2);
    elsewhere.commune = Some(crate::support::records::unit("30745"));

    let changes = vec![change(1, 1, numbered_child(1)), change(2, 1, elsewhere)];
    province.push(changes).await;

    eventually("the nation holds the one and refuses the other", || async {
        let forwarder = province
            .status()
            .await
            .forwarder
            .expect("it has an upstream");
        forwarder.refused == 1 && nation.status().await.golden_records == 1
    })
    .await;
    province.stop().await;
    nation.stop().await;
}

/// A batch was sealed while the upstream was away; the hub starts again with a smaller limit.
async fn a_sealed_batch_goes_up_whole_after_its_limit_was_lowered(engine: Engine) {
    let pki = Arc::new(Pki::new());
    let port = free_port();
    let upstream = Some(format!("https://127.0.0.1:{port}"));
    let options = HubOptions {
        upstream,
        ..HubOptions::province()
    };
    let database = Arc::new(Database::new(engine).await);
    let province = TestHub::start(Arc::clone(&pki), Arc::clone(&database), options.clone()).await;
    province.register("commune", "GSO_PRE2025:30742").await;
    province
        .push(
            (1..=50)
                .map(|at| change(at.into(), 1, numbered_child(at)))
                .collect(),
        )
        .await;
    eventually("a batch was sealed and failed", || async {
        province
            .status()
            .await
            .forwarder
            .expect("an upstream")
            .failed_attempts
            > 1
    })
    .await;
    province.stop().await;

    let options = HubOptions {
        tuning: "batch_records_max = 7",
        ..options
    };
    let province = TestHub::start(Arc::clone(&pki), database, options).await;
    let options = HubOptions {
        name: "nation",
        port,
        ..HubOptions::province()
    };
    let database = Arc::new(Database::new(engine).await);
    let nation = TestHub::start(Arc::clone(&pki), database, options).await;
    nation.register("province", "GSO_PRE2025:91").await;

    eventually(
        "the nation holds all of it and nothing looks failed",
        || async {
            let forwarder = province.status().await.forwarder.expect("an upstream");
            let held = nation.node_status("province").await.source_records;
            held == 50 && forwarder.last_error.is_empty() && forwarder.failed_attempts == 0
        },
    )
    .await;
    province.stop().await;
    nation.stop().await;
}
