//! `CompareService`: nodes compare what they hold with what the hub holds of them, and operators ask for it.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::Stream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};
use uuid::Uuid;

use super::compare_messages::{
    read_ids, read_place, read_repair, read_report, write_comparison, write_difference,
    write_digest, write_looked, write_place, write_repair,
};
use super::convert::read_kind;
use super::hub::Hub;
use super::proto::v1;
use super::proto::v1::compare_request::Step;
use super::proto::v1::compare_response::Answer as StepAnswer;
use super::proto::v1::compare_service_server::CompareService;
use super::status::{blame_client, comparison_wait, draining, field};
use crate::domain::clock::Timestamp;
use crate::domain::comparison::ComparisonState;
use crate::domain::node::NodeId;
use crate::domain::record::RecordKind;
use crate::sync::comparison::register::{
    COMPARISON_PAGE_ROWS, COMPARISON_PAGE_ROWS_MAX, Comparisons, DIFFERENCE_PAGE_ROWS,
    DIFFERENCE_PAGE_ROWS_MAX, OtherEnd,
};
use crate::sync::comparison::upper::UpperSession;
use crate::sync::comparison::{
    ComparisonError, DIFFERENCES_KEPT_MAX, LOOKED_RECORDS_MAX, MESSAGE_BYTES_MAX,
};

/// Comparisons that a hub answers at a time.
const COMPARISONS_MAX: usize = 2;
/// How long a node may take for its next step: it may be waiting for receipts of what it sent again.
const STEP_SECONDS_MAX: u64 = 600;
/// Answers that may wait for their reader.
const ANSWERS_WAITING_MAX: usize = 2;
/// How often a hub looks for comparisons that another replica was asked for.
const LOOK_MILLISECONDS: u64 = 5_000;

/// The service of one hub.
pub struct HubCompareService {
    /// What all services share.
    pub hub: Arc<Hub>,
    /// The comparisons of the hub.
    pub comparisons: Comparisons,
    places: Arc<Semaphore>,
}

type Answer<T> = Result<Response<T>, Status>;
type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

impl HubCompareService {
    /// The service.
    pub fn new(hub: Arc<Hub>) -> Self {
        Self {
            comparisons: hub.comparisons(),
            places: Arc::new(Semaphore::new(COMPARISONS_MAX)),
            hub,
        }
    }
}

#[tonic::async_trait]
impl CompareService for HubCompareService {
    type CompareStream = Answers<v1::CompareResponse>;
    type FollowComparisonsStream = Answers<v1::FollowComparisonsResponse>;
    type RunComparisonStream = Answers<v1::RunComparisonResponse>;

    async fn compare(
        &self,
        request: Request<Streaming<v1::CompareRequest>>,
    ) -> Answer<Self::CompareStream> {
        let node = self.hub.node(&request).await?.node_id;
        let place = Arc::clone(&self.places).try_acquire_owned();
        let place = place.map_err(|_| comparison_wait())?;
        let (answers, stream) = mpsc::channel(ANSWERS_WAITING_MAX);
        let answering = Answering {
            hub: Arc::clone(&self.hub),
            comparisons: self.comparisons.clone(),
            node,
            comparison: None,
            session: None,
            _place: place,
        };
        tokio::spawn(answering.run(request.into_inner(), answers));
        Ok(Response::new(Box::pin(ReceiverStream::new(stream))))
    }

    async fn follow_comparisons(
        &self,
        request: Request<v1::FollowComparisonsRequest>,
    ) -> Answer<Self::FollowComparisonsStream> {
        let node = self.hub.node(&request).await?.node_id;
        let (answers, stream) = mpsc::channel(ANSWERS_WAITING_MAX);
        let (hub, comparisons) = (Arc::clone(&self.hub), self.comparisons.clone());
        tokio::spawn(tell_requests(hub, comparisons, node, answers));
        Ok(Response::new(Box::pin(ReceiverStream::new(stream))))
    }

    async fn run_comparison(
        &self,
        request: Request<v1::RunComparisonRequest>,
    ) -> Answer<Self::RunComparisonStream> {
        let by = self.hub.steward(&request)?;
        let request = request.into_inner();
        let with = match request.node.as_str() {
            "" => OtherEnd::Upstream,
            name => OtherEnd::Node(
                name.parse()
                    .map_err(|error| field("node", "NAME_INVALID", &error))?,
            ),
        };
        let repair = read_repair(request.repair)
            .ok_or_else(|| field("repair", "REPAIR_UNKNOWN", &"is none that this hub knows"))?;
        let comparison = self.comparisons.ask(&with, repair, by.as_str()).await?;
        let (answers, stream) = mpsc::channel(ANSWERS_WAITING_MAX);
        let (hub, comparisons) = (Arc::clone(&self.hub), self.comparisons.clone());
        tokio::spawn(tell_progress(hub, comparisons, comparison, answers));
        Ok(Response::new(Box::pin(ReceiverStream::new(stream))))
    }

    async fn list_comparisons(
        &self,
        request: Request<v1::ListComparisonsRequest>,
    ) -> Answer<v1::ListComparisonsResponse> {
        self.hub.operator(&request)?;
        let request = request.into_inner();
        let limit = rows(
            request.page_size,
            COMPARISON_PAGE_ROWS,
            COMPARISON_PAGE_ROWS_MAX,
        );
        let before = match request.page_token.as_str() {
            "" => None,
            token => Some(read_moment(token).ok_or_else(strange_token)?),
        };
        let page = self.comparisons.list(before, limit).await?;
        let next_page_token = match page.last() {
            Some(last) if i64::try_from(page.len()) == Ok(limit) => {
                format!("{}.{}", last.asked_at.as_micros(), last.comparison)
            }
            Some(_) | None => String::new(),
        };
        Ok(Response::new(v1::ListComparisonsResponse {
            comparisons: page.into_iter().map(write_comparison).collect(),
            next_page_token,
        }))
    }

    async fn list_differences(
        &self,
        request: Request<v1::ListDifferencesRequest>,
    ) -> Answer<v1::ListDifferencesResponse> {
        self.hub.operator(&request)?;
        let request = request.into_inner();
        let limit = rows(
            request.page_size,
            DIFFERENCE_PAGE_ROWS,
            DIFFERENCE_PAGE_ROWS_MAX,
        );
        let comparison = read_name(&request.comparison_id)?;
        let after = match request.page_token.as_str() {
            "" => None,
            token => Some(read_place(token).ok_or_else(strange_token)?),
        };
        let page = self
            .comparisons
            .differences(comparison, after, limit)
            .await?;
        let is_full = i64::try_from(page.len()) == Ok(limit);
        let next = page.last().filter(|_| is_full);
        Ok(Response::new(v1::ListDifferencesResponse {
            differences: page.iter().map(write_difference).collect(),
            next_page_token: next.map(write_place).unwrap_or_default(),
        }))
    }
}

fn rows(asked: u32, usual: i64, most: i64) -> i64 {
    match asked {
        0 => usual,
        asked => i64::from(asked).min(most),
    }
}

fn read_name(text: &str) -> Result<Uuid, Status> {
    text.parse()
        .map_err(|error| field("comparison_id", "COMPARISON_ID_INVALID", &error))
}

fn read_moment(token: &str) -> Option<(Timestamp, Uuid)> {
    let (at, comparison) = token.split_once('.')?;
    let at = Timestamp::from_micros(at.parse().ok()?);
    Some((at, comparison.parse().ok()?))
}

fn strange_token() -> Status {
    let problem = "is not what the page before said";
    field("page_token", "PAGE_TOKEN_INVALID", &problem)
}

/// Answers the steps of one comparison.
struct Answering {
    hub: Arc<Hub>,
    comparisons: Comparisons,
    node: NodeId,
    comparison: Option<Uuid>,
    session: Option<UpperSession>,
    _place: OwnedSemaphorePermit,
}

impl Answering {
    async fn run(
        mut self,
        mut steps: Streaming<v1::CompareRequest>,
        answers: mpsc::Sender<Result<v1::CompareResponse, Status>>,
    ) {
        let limit = Duration::from_secs(STEP_SECONDS_MAX);
        let stop = self.hub.stop.clone();
        loop {
            let next = tokio::select! {
                next = tokio::time::timeout(limit, steps.message()) => next,
                () = stop.cancelled() => {
                    drop(answers.send(Err(draining())).await);
                    return;
                }
            };
            let answered = match next {
                // The node is silent, or has said everything.
                Err(_) | Ok(Ok(None)) => return,
                Ok(Err(status)) => Err(blame_client(status)),
                Ok(Ok(Some(request))) => self.answer(request).await,
            };
            let is_over = answered.is_err();
            let answer = answered.map(|answer| v1::CompareResponse {
                answer: Some(answer),
            });
            if answers.send(answer).await.is_err() || is_over {
                return;
            }
        }
    }

    async fn answer(&mut self, request: v1::CompareRequest) -> Result<StepAnswer, Status> {
        let step = request
            .step
            .ok_or_else(|| field("step", "STEP_MISSING", &"must be given"))?;
        match step {
            Step::Opening(opening) => self.open(&opening.comparison_id).await,
            Step::Message(message) => self.reconcile(message).await,
            Step::Look(look) => self.look(&look).await,
            Step::Report(report) => self.note(report).await,
        }
    }

    /// Another opening of the same comparison follows a repair: everything is read anew.
    async fn open(&mut self, name: &str) -> Result<StepAnswer, Status> {
        let comparison = read_name(name)?;
        if self.comparison.is_some_and(|open| open != comparison) {
            return Err(ComparisonError::OutOfTurn.into());
        }
        // What was read before is let go first, so that it is not held twice.
        self.session = None;
        let (store, signals) = (self.hub.store.clone(), Arc::clone(&self.hub.signals));
        let mut session = UpperSession::new(store, signals, self.node);
        let kinds = session.open().await?.into_iter().map(write_digest);
        self.comparison = Some(comparison);
        self.session = Some(session);
        let kinds = kinds.collect();
        Ok(StepAnswer::Digests(v1::CompareDigests { kinds }))
    }

    fn session(&mut self) -> Result<&mut UpperSession, ComparisonError> {
        self.session.as_mut().ok_or(ComparisonError::OutOfTurn)
    }

    async fn reconcile(&mut self, message: v1::CompareMessage) -> Result<StepAnswer, Status> {
        let kind = known_kind(message.kind)?;
        if message.content.len() > MESSAGE_BYTES_MAX {
            let problem = "is longer than a message may be";
            return Err(field("message.content", "MESSAGE_TOO_LARGE", &problem));
        }
        let content = self.session()?.reconcile(kind, message.content).await?;
        let kind = message.kind;
        Ok(StepAnswer::Message(v1::CompareMessage { kind, content }))
    }

    async fn look(&mut self, look: &v1::CompareLook) -> Result<StepAnswer, Status> {
        let kind = known_kind(look.kind)?;
        let records = read_ids(&look.record_ids)
            .filter(|records| records.len() <= LOOKED_RECORDS_MAX)
            .ok_or_else(|| {
                let problem = "holds ids of 16 bytes each, and not more than may be asked for";
                field("look.record_ids", "RECORD_IDS_INVALID", &problem)
            })?;
        let looked = self.session()?.look(kind, &records).await?;
        let records = looked.into_iter().map(write_looked).collect();
        Ok(StepAnswer::Looked(v1::CompareLooked { records }))
    }

    async fn note(&mut self, report: v1::CompareReport) -> Result<StepAnswer, Status> {
        let comparison = self.comparison.ok_or(ComparisonError::OutOfTurn)?;
        let report = Some(report)
            .filter(|report| report.differences.len() <= DIFFERENCES_KEPT_MAX)
            .and_then(|report| read_report(&report))
            .ok_or_else(|| {
                let problem = "lists too many differences, or some that cannot be read";
                field("report.differences", "REPORT_INVALID", &problem)
            })?;
        self.comparisons
            .note_report(comparison, self.node, report)
            .await?;
        Ok(StepAnswer::Noted(v1::CompareNoted {}))
    }
}

fn known_kind(number: i32) -> Result<RecordKind, Status> {
    read_kind(number).ok_or_else(|| field("kind", "KIND_UNKNOWN", &"is none that this hub knows"))
}

/// Tells a node each comparison that it is to make, once on this stream.
async fn tell_requests(
    hub: Arc<Hub>,
    comparisons: Comparisons,
    node: NodeId,
    answers: mpsc::Sender<Result<v1::FollowComparisonsResponse, Status>>,
) {
    let mut asked = hub.signals.comparisons.listen();
    let mut told: Vec<Uuid> = Vec::new();
    loop {
        let open = match comparisons.open(Some(node)).await {
            Ok(open) => open,
            Err(error) => {
                drop(answers.send(Err(error.into())).await);
                return;
            }
        };
        let news: Vec<_> = open
            .iter()
            .filter(|(comparison, _)| !told.contains(comparison))
            .collect();
        for (comparison, repair) in news {
            let response = v1::FollowComparisonsResponse {
                comparison_id: comparison.to_string(),
                repair: write_repair(*repair).into(),
            };
            if answers.send(Ok(response)).await.is_err() {
                return;
            }
        }
        told = open.into_iter().map(|(comparison, _)| comparison).collect();
        tokio::select! {
            () = asked.heard_within(Duration::from_millis(LOOK_MILLISECONDS)) => {}
            () = answers.closed() => return,
            () = hub.stop.cancelled() => {
                drop(answers.send(Err(draining())).await);
                return;
            }
        }
    }
}

/// Tells how far a comparison is until it ends, its reader is gone, or the hub stops.
async fn tell_progress(
    hub: Arc<Hub>,
    comparisons: Comparisons,
    comparison: Uuid,
    answers: mpsc::Sender<Result<v1::RunComparisonResponse, Status>>,
) {
    let mut further = hub.signals.comparisons.listen();
    let mut told = None;
    loop {
        let row = match comparisons.find(comparison).await {
            Ok(row) => row,
            Err(error) => {
                drop(answers.send(Err(error.into())).await);
                return;
            }
        };
        let is_over = match row.state {
            ComparisonState::Asked | ComparisonState::Running => false,
            ComparisonState::Ended | ComparisonState::Failed => true,
        };
        if told != Some(row.state) {
            told = Some(row.state);
            let comparison = Some(write_comparison(row));
            let response = v1::RunComparisonResponse { comparison };
            if answers.send(Ok(response)).await.is_err() || is_over {
                return;
            }
        }
        tokio::select! {
            () = further.heard() => {}
            () = answers.closed() => return,
            () = hub.stop.cancelled() => {
                drop(answers.send(Err(draining())).await);
                return;
            }
        }
    }
}
