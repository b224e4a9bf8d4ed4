//! `IngestService`: takes in records and answers after commit.

use std::pin::Pin;
use std::sync::Arc;

use futures_util::stream::FuturesOrdered;
use futures_util::{Stream, StreamExt};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

use super::convert::{read_tombstone, write_outcome, write_violation};
use super::hub::Hub;
use super::proto::v1;
use super::proto::v1::ingest_service_server::IngestService;
use super::proto::v1::record_change::Content;
use super::status::{blame_client, draining};
use super::uploads::{Answers, UploadCalls};
use crate::domain::record::RecordKind;
use crate::sync::ingest::examine::Examined;
use crate::sync::ingest::{
    Examiner, GroupCommit, IncomingBody, IncomingChange, IngestError, Outcome, Settled,
    SubmissionLog,
};

/// Changes of one request at most.
pub const REQUEST_CHANGES_MAX: usize = 500;
/// Requests of one stream that may be unacknowledged.
pub const WINDOW_REQUESTS: usize = 16;

/// The service of one hub.
pub struct Ingest {
    /// What all services share.
    pub hub: Arc<Hub>,
    /// The way to the log.
    pub log: GroupCommit,
}

type Responses = Pin<Box<dyn Stream<Item = Result<v1::PushResponse, Status>> + Send>>;

#[tonic::async_trait]
impl IngestService for Ingest {
    type PushStream = Responses;

    async fn push(
        &self,
        request: Request<Streaming<v1::PushRequest>>,
    ) -> Result<Response<Responses>, Status> {
        let node = self.hub.node(&request).await?;
        let session = Session {
            examiner: Arc::new(Examiner {
                node: node.node_id,
                territory: Arc::new(node.territory),
                units: Arc::clone(&self.hub.units),
                codec: Arc::clone(&self.hub.codec),
                key: Arc::clone(&self.hub.key),
                clock: Arc::clone(&self.hub.clock),
            }),
            log: self.log.clone(),
            window: WINDOW_REQUESTS,
            stop: self.hub.stop.clone(),
        };
        let (responses, stream) = mpsc::channel(WINDOW_REQUESTS);
        tokio::spawn(session.run(request.into_inner(), responses));
        Ok(Response::new(Box::pin(ReceiverStream::new(stream))))
    }

    type SendChunksStream = Answers<v1::SendChunksResponse>;
    type CommitUploadStream = Answers<v1::CommitUploadResponse>;

    async fn open_upload(
        &self,
        request: Request<v1::OpenUploadRequest>,
    ) -> Result<Response<v1::OpenUploadResponse>, Status> {
        self.uploads().open(request).await
    }

    async fn send_chunks(
        &self,
        request: Request<Streaming<v1::SendChunksRequest>>,
    ) -> Result<Response<Self::SendChunksStream>, Status> {
        self.uploads().send(request).await
    }

    async fn commit_upload(
        &self,
        request: Request<v1::CommitUploadRequest>,
    ) -> Result<Response<Self::CommitUploadStream>, Status> {
        self.uploads().commit(request).await
    }

    async fn get_upload(
        &self,
        request: Request<v1::GetUploadRequest>,
    ) -> Result<Response<v1::GetUploadResponse>, Status> {
        self.uploads().get(request).await
    }

    async fn list_uploads(
        &self,
        request: Request<v1::ListUploadsRequest>,
    ) -> Result<Response<v1::ListUploadsResponse>, Status> {
        self.uploads().list(request).await
    }
}

impl Ingest {
    fn uploads(&self) -> UploadCalls<'_> {
        UploadCalls { hub: &self.hub }
    }
}

/// One stream of a node, to a hub or to an agent.
pub(super) struct Session<L> {
    pub(super) examiner: Arc<Examiner>,
    pub(super) log: L,
    /// How many requests it reads ahead.
    pub(super) window: usize,
    pub(super) stop: CancellationToken,
}

impl<L: SubmissionLog> Session<L> {
    /// Reads requests while others are being committed, and answers in the order of the requests.
    pub(super) async fn run(
        self,
        mut requests: Streaming<v1::PushRequest>,
        responses: mpsc::Sender<Result<v1::PushResponse, Status>>,
    ) {
        let hello = v1::PushResponse {
            window_requests: requests_number(self.window),
            ..v1::PushResponse::default()
        };
        if responses.send(Ok(hello)).await.is_err() {
            return;
        }
        let mut waiting = FuturesOrdered::new();
        let mut last = 0;
        let mut ended = None;
        loop {
            let reading = ended.is_none() && waiting.len() < self.window;
            tokio::select! {
                request = requests.message(), if reading => match request {
                    Ok(Some(request)) => match self.begin(request, &mut last) {
                        Ok(append) => waiting.push_back(append),
                        Err(error) => ended = Some(Some(Status::from(error))),
                    },
                    Ok(None) => ended = Some(None),
                    // The line is gone, or what came cannot be decoded: the status says which.
                    Err(status) => ended = Some(Some(blame_client(status))),
                },
                () = self.stop.cancelled(), if reading => ended = Some(Some(draining())),
                Some(answer) = waiting.next() => {
                    let failed = Result::is_err(&answer);
                    if responses.send(answer).await.is_err() || failed {
                        return;
                    }
                },
                else => break,
            }
        }
        if let Some(Some(status)) = ended {
            // If the client is gone there is nobody to tell.
            drop(responses.send(Err(status)).await);
        }
    }

    fn begin(
        &self,
        request: v1::PushRequest,
        last: &mut u64,
    ) -> Result<impl Future<Output = Result<v1::PushResponse, Status>> + use<L>, IngestError> {
        let (sequence, changes) = (request.sequence, request.changes);
        if sequence <= *last {
            return Err(IngestError::SequenceNotRising {
                last: *last,
                actual: sequence,
            });
        }
        if changes.len() > REQUEST_CHANGES_MAX {
            let (allowed, actual) = (REQUEST_CHANGES_MAX, changes.len());
            return Err(IngestError::TooManyChanges { allowed, actual });
        }
        *last = sequence;
        let names: Vec<_> = changes
            .iter()
            .map(|change| (change.record_id.clone(), change.version))
            .collect();
        let examined = self.examine(changes)?;
        let (log, node, window) = (self.log.clone(), self.examiner.node, self.window);
        Ok(async move {
            let settled = log.append(node, examined).await?;
            Ok(acknowledge(sequence, window, &names, &settled))
        })
    }

    fn examine(&self, changes: Vec<v1::RecordChange>) -> Result<Vec<Examined>, IngestError> {
        changes
            .into_iter()
            .map(|change| self.examiner.examine(read_change(change)))
            .collect()
    }
}

fn requests_number(window: usize) -> u32 {
    u32::try_from(window).unwrap_or(1)
}

/// Splits a change of the contract.
pub(super) fn read_change(change: v1::RecordChange) -> IncomingChange {
    let body = match change.content {
        Some(Content::Child(bytes)) => IncomingBody::Content(RecordKind::Child, bytes),
        Some(Content::CaseReport(bytes)) => IncomingBody::Content(RecordKind::CaseReport, bytes),
        Some(Content::Tombstone(tombstone)) => {
            IncomingBody::Tombstone(read_tombstone(&tombstone), tombstone.successor_record_id)
        }
        None => IncomingBody::Missing,
    };
    IncomingChange {
        record_id: change.record_id,
        version: change.version,
        body,
        different_from: change.different_from,
    }
}

fn acknowledge(
    sequence: u64,
    window: usize,
    names: &[(String, u64)],
    settled: &[Settled],
) -> v1::PushResponse {
    let mut response = v1::PushResponse {
        acknowledged_sequence: sequence,
        window_requests: requests_number(window),
        ..v1::PushResponse::default()
    };
    for (position, ((record_id, version), settled)) in (0..).zip(names.iter().zip(settled)) {
        let count = match settled.outcome {
            Outcome::Accepted => &mut response.accepted,
            Outcome::Unchanged => &mut response.unchanged,
            Outcome::Superseded => &mut response.superseded,
            Outcome::Rejected(_) => &mut response.rejected,
            Outcome::Quarantined => &mut response.quarantined,
        };
        *count += 1;
        let (outcome, reason) = write_outcome(settled.outcome);
        if settled.outcome != Outcome::Accepted || !settled.violations.is_empty() {
            response.outcomes.push(v1::RecordOutcome {
                position,
                record_id: record_id.clone(),
                version: *version,
                outcome: outcome.into(),
                reason: reason.to_owned(),
                violations: settled.violations.iter().map(write_violation).collect(),
            });
        }
    }
    response
}
