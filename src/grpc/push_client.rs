//! The client side of `Push`: for the forwarder, the command line and everybody who sends records.

mod pace;

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use tonic::transport::Channel;
use uuid::Uuid;

use super::convert::{write_kind, write_tombstone_reason};
use super::ingest::REQUEST_CHANGES_MAX;
use super::proto::record::Tombstone;
use super::proto::v1;
use super::proto::v1::ingest_service_client::IngestServiceClient;
use super::proto::v1::record_change::Content;
use super::status::read_upstream_error;
use crate::domain::record::RecordKind;
use crate::sync::forward::{OutgoingBody, UpstreamError};
use pace::Pace;

/// How long the hub may take to acknowledge a request.
pub const ACKNOWLEDGE_MILLISECONDS_MAX: u64 = 30_000;
/// Largest window that a client believes, in requests.
const WINDOW_REQUESTS_MAX: usize = 64;
/// Bytes of one request to aim at: a request of large records has fewer of them.
const REQUEST_BYTES_MAX: usize = 2 * 1024 * 1024;
/// How often request and window are halved on a line that fails again and again: down to requests of
/// 8 KiB, one at a time.
const CAUTION_MAX: u32 = 8;

/// A line to a hub's ingest service. The stream is opened when it is first needed and again after a
/// failure.
pub struct PushClient {
    client: IngestServiceClient<Channel>,
    stream: Option<PushStream>,
    /// How often request and window are halved: once more by every failure before the first answer, once
    /// less by every success. On a line that is cut after some kilobytes a large request never arrives.
    caution: u32,
    /// How long the hub may be silent.
    patience: Duration,
    pace: Option<Pace>,
}

struct PushStream {
    requests: mpsc::Sender<v1::PushRequest>,
    responses: Streaming<v1::PushResponse>,
    window: usize,
    sequence: u64,
    patience: Duration,
}

impl PushClient {
    /// A client over a line.
    pub fn new(line: Channel) -> Self {
        Self {
            client: IngestServiceClient::new(line),
            stream: None,
            caution: 0,
            patience: Duration::from_millis(ACKNOWLEDGE_MILLISECONDS_MAX),
            pace: None,
        }
    }

    /// The same client, which sends no more than so many bytes a second.
    #[must_use]
    pub fn with_cap(self, bytes_per_second: Option<u64>) -> Self {
        Self {
            pace: bytes_per_second.map(|cap| Pace::new(cap, Instant::now())),
            ..self
        }
    }

    /// Waits until the cap of the line lets so many bytes go.
    pub(super) async fn wait_for(&mut self, bytes: usize) {
        if let Some(pace) = &mut self.pace {
            tokio::time::sleep_until(pace.book(bytes, Instant::now())).await;
        }
    }

    /// The same client, which gives a silent hub up after another time.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Sends changes and returns the outcome of each, in order, when all are durable. After an error it is
    /// not known what was taken: send again.
    pub async fn send(
        &mut self,
        changes: Vec<v1::RecordChange>,
    ) -> Result<Vec<v1::RecordOutcome>, UpstreamError> {
        let mut outcomes = Vec::with_capacity(changes.len());
        self.send_each(changes, |answered| outcomes.extend(answered))
            .await?;
        Ok(outcomes)
    }

    /// Sends changes and gives their outcomes, in order, as they come. After an error, what was given is
    /// durable, and of the rest it is not known what was taken: send that again.
    pub async fn send_each(
        &mut self,
        changes: Vec<v1::RecordChange>,
        mut answered: impl FnMut(Vec<v1::RecordOutcome>) + Send,
    ) -> Result<(), UpstreamError> {
        let mut nothing_answered = true;
        let sent = self
            .try_send(changes, |outcomes| {
                nothing_answered = false;
                answered(outcomes);
            })
            .await;
        match sent {
            Ok(()) => self.caution = self.caution.saturating_sub(1),
            Err(_) if nothing_answered => self.caution = (self.caution + 1).min(CAUTION_MAX),
            Err(_) => {}
        }
        sent
    }

    async fn try_send(
        &mut self,
        changes: Vec<v1::RecordChange>,
        mut answered: impl FnMut(Vec<v1::RecordOutcome>) + Send,
    ) -> Result<(), UpstreamError> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => PushStream::open(&mut self.client, self.patience).await?,
        };
        let window = (stream.window >> self.caution).max(1);
        let mut waiting: VecDeque<(u64, Vec<(String, u64)>)> = VecDeque::new();
        let bytes_max = match &self.pace {
            Some(pace) => pace.request_bytes_max().min(REQUEST_BYTES_MAX),
            None => REQUEST_BYTES_MAX,
        };
        let mut requests = split(changes, bytes_max >> self.caution)
            .into_iter()
            .peekable();
        while requests.peek().is_some() || !waiting.is_empty() {
            if waiting.len() < window
                && let Some(changes) = requests.next()
            {
                let names = changes
                    .iter()
                    .map(|change| (change.record_id.clone(), change.version));
                let names = names.collect();
                if self.pace.is_some() {
                    let sizes = changes.iter().map(prost::Message::encoded_len);
                    self.wait_for(sizes.sum()).await;
                }
                waiting.push_back((stream.request(changes).await?, names));
                continue;
            }
            let response = stream.response().await?;
            let Some((sequence, names)) = waiting.pop_front() else {
                break;
            };
            if response.acknowledged_sequence != sequence {
                return Err(UpstreamError::Nonsense(
                    "it acknowledged a request out of turn",
                ));
            }
            answered(read_outcomes(names, response)?);
        }
        self.stream = Some(stream);
        Ok(())
    }
}

impl PushStream {
    async fn open(
        client: &mut IngestServiceClient<Channel>,
        patience: Duration,
    ) -> Result<Self, UpstreamError> {
        let (requests, outgoing) = mpsc::channel(1);
        let opening = client.push(ReceiverStream::new(outgoing));
        let responses = within(patience, opening).await?.into_inner();
        let mut stream = Self {
            requests,
            responses,
            window: 1,
            sequence: 0,
            patience,
        };
        let hello = stream.response().await?;
        if hello.acknowledged_sequence != 0 {
            return Err(UpstreamError::Nonsense(
                "it acknowledged what was never sent",
            ));
        }
        let window = usize::try_from(hello.window_requests).unwrap_or(1);
        stream.window = window.clamp(1, WINDOW_REQUESTS_MAX);
        Ok(stream)
    }

    async fn request(&mut self, changes: Vec<v1::RecordChange>) -> Result<u64, UpstreamError> {
        self.sequence += 1;
        let request = v1::PushRequest {
            sequence: self.sequence,
            changes,
        };
        if self.requests.send(request).await.is_err() {
            // The stream has ended; its status says why.
            self.response().await?;
            return Err(UpstreamError::Nonsense(
                "it answered after its stream had ended",
            ));
        }
        Ok(self.sequence)
    }

    async fn response(&mut self) -> Result<v1::PushResponse, UpstreamError> {
        within(self.patience, self.responses.message())
            .await?
            .ok_or(UpstreamError::Nonsense(
                "it ended the stream before it had answered",
            ))
    }
}

/// Waits for an answer no longer than an acknowledgement may take.
pub(super) async fn in_time<T>(
    call: impl Future<Output = Result<T, tonic::Status>>,
) -> Result<T, UpstreamError> {
    within(Duration::from_millis(ACKNOWLEDGE_MILLISECONDS_MAX), call).await
}

/// Waits for an answer no longer than so long.
pub(super) async fn within<T>(
    patience: Duration,
    call: impl Future<Output = Result<T, tonic::Status>>,
) -> Result<T, UpstreamError> {
    match tokio::time::timeout(patience, call).await {
        Ok(answer) => answer.map_err(|status| read_upstream_error(&status)),
        Err(_) => Err(UpstreamError::TimedOut),
    }
}

/// Splits changes into requests that keep the limits of number and size.
fn split(changes: Vec<v1::RecordChange>, bytes_max: usize) -> Vec<Vec<v1::RecordChange>> {
    let mut requests: Vec<Vec<v1::RecordChange>> = Vec::new();
    let mut bytes = 0;
    for change in changes {
        let size = prost::Message::encoded_len(&change);
        match requests.last_mut() {
            Some(request) if request.len() < REQUEST_CHANGES_MAX && bytes + size <= bytes_max => {
                bytes += size;
                request.push(change);
            }
            Some(_) | None => {
                bytes = size;
                requests.push(vec![change]);
            }
        }
    }
    requests
}

/// One outcome for each change; those that the hub left out were accepted.
fn read_outcomes(
    names: Vec<(String, u64)>,
    response: v1::PushResponse,
) -> Result<Vec<v1::RecordOutcome>, UpstreamError> {
    let counted = [
        response.accepted,
        response.unchanged,
        response.superseded,
        response.rejected,
        response.quarantined,
    ];
    let total: u64 = counted.iter().map(|count| u64::from(*count)).sum();
    if u64::try_from(names.len()) != Ok(total) {
        return Err(UpstreamError::Nonsense(
            "its counts are not those of the request",
        ));
    }
    let mut outcomes: Vec<v1::RecordOutcome> = (0..)
        .zip(names)
        .map(|(position, (record_id, version))| v1::RecordOutcome {
            position,
            record_id,
            version,
            outcome: v1::Outcome::Accepted.into(),
            ..v1::RecordOutcome::default()
        })
        .collect();
    for outcome in response.outcomes {
        let place = usize::try_from(outcome.position)
            .ok()
            .and_then(|at| outcomes.get_mut(at));
        match place {
            Some(place)
                if (&place.record_id, place.version) == (&outcome.record_id, outcome.version) =>
            {
                *place = outcome;
            }
            Some(_) | None => {
                return Err(UpstreamError::Nonsense(
                    "it answered for a record that was not sent",
                ));
            }
        }
    }
    if tally(&outcomes) == counted {
        Ok(outcomes)
    } else {
        Err(UpstreamError::Nonsense(
            "its counts are not those of its outcomes",
        ))
    }
}

/// How many outcomes of each kind there are, in the order of the fields of a response.
fn tally(outcomes: &[v1::RecordOutcome]) -> [u32; 5] {
    let kinds = [
        v1::Outcome::Accepted,
        v1::Outcome::Unchanged,
        v1::Outcome::Superseded,
        v1::Outcome::Rejected,
        v1::Outcome::Quarantined,
    ];
    kinds.map(|kind| {
        let of_kind = outcomes.iter().filter(|one| one.outcome() == kind);
        u32::try_from(of_kind.count()).unwrap_or(u32::MAX)
    })
}

/// A change that says what a child record is now.
pub fn child_change(record_id: Uuid, version: u64, content: Vec<u8>) -> v1::RecordChange {
    let content = Some(Content::Child(content.into()));
    v1::RecordChange {
        record_id: record_id.to_string(),
        version,
        content,
        ..v1::RecordChange::default()
    }
}

/// A change that says what a record of any kind is now.
pub fn record_change(
    record_id: Uuid,
    version: u64,
    kind: RecordKind,
    body: OutgoingBody,
    different_from: &[Uuid],
) -> v1::RecordChange {
    let content = match (kind, body) {
        (RecordKind::Child, OutgoingBody::Content(bytes)) => Content::Child(bytes.into()),
        (RecordKind::CaseReport, OutgoingBody::Content(bytes)) => Content::CaseReport(bytes.into()),
        (kind, OutgoingBody::Tombstone(reason, successor)) => Content::Tombstone(Tombstone {
            kind: write_kind(kind).into(),
            reason: write_tombstone_reason(reason).into(),
            successor_record_id: successor.map(|id| id.to_string()).unwrap_or_default(),
        }),
    };
    v1::RecordChange {
        record_id: record_id.to_string(),
        version,
        content: Some(content),
        different_from: different_from.iter().map(Uuid::to_string).collect(),
    }
}
