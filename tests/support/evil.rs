//! An upstream that misbehaves: a real server with our contract, and one fault at a time.

mod push;

use std::pin::Pin;
use std::sync::{Arc, Mutex};

use childsync::domain::clock::{Clock, SystemClock, Timestamp};
use childsync::grpc::batch_file::{EvidenceWriter, ManifestLetter};
use childsync::grpc::listener;
use childsync::grpc::proto::v1::batch_service_server::{BatchService, BatchServiceServer};
use childsync::grpc::proto::v1::ingest_service_server::{IngestService, IngestServiceServer};
use childsync::grpc::proto::v1::{self, PushRequest, PushResponse};
use childsync::observability::metrics::Metrics;
use childsync::security::directory::{IdentityDirectory, Signer};
use childsync::security::live::LiveIdentity;
use childsync::sync::batches::Holding;
use childsync::sync::forward::ManifestWriter;
use tokio::task::JoinHandle;
use tokio_stream::{Stream, StreamExt};
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;
use tonic::{Code, Request, Response, Status, Streaming};
use tonic_types::{ErrorDetails, StatusExt};

use super::forwarding::writer;
use super::pki::Pki;
use push::{accepted, hello, stream};

pub(crate) use push::PushFault;

/// A text that must not come out anywhere.
pub(crate) const SECRET: &str = "Nguyễn Bí Mật";

/// How a receipt goes wrong, when every record was said to be accepted and none was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReceiptFault {
    Unimplemented,
    Internal,
    IdReused,
    Silent,
    Cancelled,
    Empty,
    Garbage,
    Echo,
    Cut,
    Longer,
    SignatureChanged,
    HeaderChanged,
    SignedByTheLine,
    SignedByAStranger,
    SignedLongAgo,
    InAnothersName,
    OtherBatch,
    OtherManifest,
    OtherHub,
    OtherNumber,
    OtherDigest,
    MoreRecords,
    FewerRecords,
    PositionsOutside,
    PositionsFalling,
    PositionsTwice,
    NothingHeld,
    OneNotHeld,
}

impl ReceiptFault {
    /// Every fault, with what status says of it.
    pub(crate) const ALL: [(Self, &'static str); 28] = [
        (Self::Unimplemented, "GRPC_UNIMPLEMENTED"),
        (Self::Internal, "GRPC_INTERNAL"),
        (Self::IdReused, "BATCH_ID_REUSED"),
        (Self::Silent, "TIMED_OUT"),
        (Self::Cancelled, "UNREACHABLE"),
        (Self::Empty, "RECEIPT_INVALID"),
        (Self::Garbage, "RECEIPT_INVALID"),
        (Self::Echo, "RECEIPT_INVALID"),
        (Self::Cut, "RECEIPT_INVALID"),
        (Self::Longer, "RECEIPT_INVALID"),
        (Self::SignatureChanged, "RECEIPT_INVALID"),
        (Self::HeaderChanged, "RECEIPT_INVALID"),
        (Self::SignedByTheLine, "RECEIPT_INVALID"),
        (Self::SignedByAStranger, "RECEIPT_INVALID"),
        (Self::SignedLongAgo, "RECEIPT_INVALID"),
        (Self::InAnothersName, "RECEIPT_INVALID"),
        (Self::OtherBatch, "RECEIPT_INVALID"),
        (Self::OtherManifest, "RECEIPT_INVALID"),
        (Self::OtherHub, "RECEIPT_INVALID"),
        (Self::OtherNumber, "RECEIPT_INVALID"),
        (Self::OtherDigest, "RECEIPT_INVALID"),
        (Self::MoreRecords, "RECEIPT_INVALID"),
        (Self::FewerRecords, "RECEIPT_INVALID"),
        (Self::PositionsOutside, "RECEIPT_INVALID"),
        (Self::PositionsFalling, "RECEIPT_INVALID"),
        (Self::PositionsTwice, "RECEIPT_INVALID"),
        (Self::NothingHeld, "RECEIPT_DIFFERS"),
        (Self::OneNotHeld, "RECEIPT_DIFFERS"),
    ];
}

/// What is wrong now.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    Push(PushFault),
    Receipt(ReceiptFault),
}

/// Who signs its receipts, rightly or wrongly.
struct Signers {
    nation: EvidenceWriter,
    line: EvidenceWriter,
    stranger: EvidenceWriter,
    expired: EvidenceWriter,
    another: EvidenceWriter,
}

impl Signers {
    fn new(pki: &Pki) -> Self {
        let own = pki.directory("nation");
        let line = EvidenceWriter {
            signer: Signer {
                chain: own.chain.clone(),
                key: own.key.clone_key(),
            },
            ..writer(&own, "nation")
        };
        let days_ago = SystemClock.now().as_micros() - 9 * 86_400_000_000;
        let out = pki.path().join("nation-of-old");
        let name = "childsync://node/nation".parse().expect("a name");
        pki.issue(name, 1, Timestamp::from_micros(days_ago), &out);
        let expired = IdentityDirectory::read(&out).expect("an identity");
        Self {
            line,
            stranger: writer(&Pki::new().directory("nation"), "nation"),
            expired: writer(&expired, "nation"),
            another: writer(&own, "somebody-else"),
            nation: writer(&own, "nation"),
        }
    }
}

/// An upstream with a fault that can be chosen while it serves.
#[derive(Clone)]
pub(crate) struct Evil {
    fault: Arc<Mutex<Fault>>,
    signers: Arc<Signers>,
}

type Answers = Pin<Box<dyn Stream<Item = Result<PushResponse, Status>> + Send>>;

impl Evil {
    /// Serves as the nation on a port until it is stopped.
    pub(crate) async fn serve(
        pki: &Pki,
        port: u16,
        stop: CancellationToken,
    ) -> (Self, JoinHandle<()>) {
        let evil = Self {
            fault: Arc::new(Mutex::new(Fault::Push(PushFault::Internal))),
            signers: Arc::new(Signers::new(pki)),
        };
        let identity = Arc::new(LiveIdentity::read(&pki.node("nation")).expect("an identity"));
        let socket = tokio::net::TcpListener::bind(("127.0.0.1", port)).await;
        let metrics = Arc::new(Metrics::default());
        let connections =
            listener::accept(socket.expect("the port"), identity, metrics, stop.clone());
        let connections = connections.expect("a listener");
        let services = Server::builder()
            .add_service(IngestServiceServer::new(evil.clone()))
            .add_service(BatchServiceServer::new(evil.clone()));
        let serving = tokio::spawn(async move {
            // Calls that are silent for ever are cut off with it.
            tokio::select! {
                () = stop.cancelled() => {}
                served = services.serve_with_incoming(connections) => served.expect("it serves"),
            }
        });
        (evil, serving)
    }

    pub(crate) fn misbehave(&self, fault: Fault) {
        *self.fault.lock().expect("no panic") = fault;
    }

    fn fault(&self) -> Fault {
        *self.fault.lock().expect("no panic")
    }
}

#[tonic::async_trait]
impl IngestService for Evil {
    type PushStream = Answers;

    async fn push(
        &self,
        request: Request<Streaming<PushRequest>>,
    ) -> Result<Response<Answers>, Status> {
        let requests = request.into_inner();
        let answers = match self.fault() {
            Fault::Push(fault) => stream(fault, requests)?,
            Fault::Receipt(_) => {
                let answers = requests.map(|request| Ok(accepted(&request?)));
                Box::pin(tokio_stream::once(Ok(hello())).chain(answers))
            }
        };
        Ok(Response::new(answers))
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

impl Evil {
    /// The receipt that an honest upstream which held everything would give.
    fn honest(manifest: &ManifestLetter) -> Holding {
        Holding {
            records: manifest.manifest.records,
            not_held: Vec::new(),
            received_at: SystemClock.now(),
        }
    }

    fn receipt(&self, fault: ReceiptFault, letter: &[u8]) -> Vec<u8> {
        let mut manifest = ManifestLetter::read(letter).expect("ours is honest");
        let mut holding = Self::honest(&manifest);
        let mut writer = &self.signers.nation;
        let records = usize::try_from(holding.records).expect("small");
        match fault {
            ReceiptFault::Empty => return Vec::new(),
            ReceiptFault::Garbage => return SECRET.as_bytes().to_vec(),
            ReceiptFault::Echo => return letter.to_vec(),
            ReceiptFault::SignedByTheLine => writer = &self.signers.line,
            ReceiptFault::SignedByAStranger => writer = &self.signers.stranger,
            ReceiptFault::SignedLongAgo => writer = &self.signers.expired,
            ReceiptFault::InAnothersName => writer = &self.signers.another,
            ReceiptFault::OtherBatch => manifest.manifest.id = uuid::Uuid::now_v7(),
            ReceiptFault::OtherManifest => {
                // The same batch, but another letter about it.
                let forger = EvidenceWriter {
                    hub: manifest.hub.parse().expect("a name"),
                    ..self.signers.nation.clone()
                };
                let sealed = forger.write(&manifest.manifest).expect("signed");
                manifest = ManifestLetter::read(&sealed).expect("a manifest");
            }
            ReceiptFault::OtherHub => SECRET.clone_into(&mut manifest.hub),
            ReceiptFault::OtherNumber => manifest.manifest.number += 1,
            ReceiptFault::OtherDigest => manifest.manifest.digest = [7; 32],
            ReceiptFault::MoreRecords => holding.records += 1,
            ReceiptFault::FewerRecords => holding.records -= 1,
            ReceiptFault::PositionsOutside => holding.not_held = vec![records],
            ReceiptFault::PositionsFalling => holding.not_held = vec![1, 0],
            ReceiptFault::PositionsTwice => holding.not_held = vec![1, 1],
            ReceiptFault::NothingHeld => holding.not_held = (0..records).collect(),
            ReceiptFault::OneNotHeld => holding.not_held = vec![records - 1],
            ReceiptFault::Cut
            | ReceiptFault::Longer
            | ReceiptFault::SignatureChanged
            | ReceiptFault::HeaderChanged
            | ReceiptFault::Unimplemented
            | ReceiptFault::Internal
            | ReceiptFault::IdReused
            | ReceiptFault::Silent
            | ReceiptFault::Cancelled => {}
        }
        let receipt = writer.write_receipt(&manifest, &holding);
        damaged(fault, receipt.expect("signed"))
    }
}

fn damaged(fault: ReceiptFault, mut receipt: Vec<u8>) -> Vec<u8> {
    if fault == ReceiptFault::Cut {
        receipt.truncate(receipt.len() - 9);
    } else if fault == ReceiptFault::Longer {
        receipt.push(0);
    } else if fault == ReceiptFault::SignatureChanged {
        let last = receipt.len() - 1;
        receipt[last] ^= 1;
    } else if fault == ReceiptFault::HeaderChanged {
        receipt[20] ^= 1;
    }
    receipt
}

fn refusal(fault: ReceiptFault) -> Option<Status> {
    let details = ErrorDetails::with_error_info("BATCH_ID_REUSED", "childsync.v1", []);
    let reused = Status::with_error_details(Code::AlreadyExists, SECRET, details);
    let refusals = [
        (ReceiptFault::Unimplemented, Status::unimplemented(SECRET)),
        (ReceiptFault::Internal, Status::internal(SECRET)),
        (ReceiptFault::Cancelled, Status::cancelled(SECRET)),
        (ReceiptFault::IdReused, reused),
    ];
    let mut refusals = refusals.into_iter();
    refusals.find_map(|(of, status)| (of == fault).then_some(status))
}

#[tonic::async_trait]
impl BatchService for Evil {
    async fn submit_manifest(
        &self,
        request: Request<v1::SubmitManifestRequest>,
    ) -> Result<Response<v1::SubmitManifestResponse>, Status> {
        let Fault::Receipt(fault) = self.fault() else {
            return Err(Status::unimplemented("it takes records only"));
        };
        if let Some(refusal) = refusal(fault) {
            return Err(refusal);
        }
        if fault == ReceiptFault::Silent {
            std::future::pending::<()>().await;
        }
        let receipt = self.receipt(fault, &request.get_ref().manifest);
        Ok(Response::new(v1::SubmitManifestResponse { receipt }))
    }

    async fn list_batches(
        &self,
        _: Request<v1::ListBatchesRequest>,
    ) -> Result<Response<v1::ListBatchesResponse>, Status> {
        Err(Status::unimplemented("a forwarder hands manifests in"))
    }

    async fn get_batch(
        &self,
        _: Request<v1::GetBatchRequest>,
    ) -> Result<Response<v1::GetBatchResponse>, Status> {
        Err(Status::unimplemented("a forwarder hands manifests in"))
    }
}
