//! The sender of one lane: what waits goes to the hub, and leaves the queue on the hub's word only.

mod bulk;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::answers::note_answers;
use super::health::{Line, asked_wait};
use super::upward::{OutgoingRecord, Upward, UpwardAnswer};
use super::{OWN_NODE, own_key};
use crate::domain::clock::Clock;
use crate::domain::golden::SubmissionKey;
use crate::domain::record::{Lane, TombstoneReason};
use crate::security::seal::{SealError, SealKey};
use crate::store::{AgentStore, QueuedState, StoreError};
use crate::sync::backoff::backoff;
use crate::sync::forward::UpstreamError;
use crate::sync::sealing::open_submission;
use crate::sync::signals::Signal;

pub use bulk::{BULK_RECORDS_MAX, BULK_RECORDS_MIN, Bulk};

/// Records that are read from the queue and sent at a time.
const BATCH_RECORDS: i64 = 200;

/// Sends one lane. Each lane has a line of its own, so that an urgent report never waits.
pub struct Sender<U> {
    /// The agent's database.
    pub store: AgentStore,
    /// Opens contents.
    pub key: Arc<SealKey>,
    /// Says what time it is, for status only.
    pub clock: Arc<dyn Clock>,
    /// Called when something was kept.
    pub kept: Arc<Signal>,
    /// The lane.
    pub lane: Lane,
    /// The way up.
    pub upward: U,
    /// The way up for a backlog, where the lane may have one.
    pub bulk: Option<Bulk>,
    /// How the line is doing.
    pub line: Arc<Line>,
    /// Spreads waits, from 0 to 1.
    pub chance: fn() -> f64,
}

/// Why a step did not succeed.
#[derive(Debug, thiserror::Error)]
pub(super) enum SendError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Sealing(#[from] SealError),
    #[error("a record in the queue is withdrawn for no known reason")]
    Tombstone,
    #[error("an upload cannot be packed: {0}")]
    Packing(#[from] std::io::Error),
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
}

impl<U: Upward> Sender<U> {
    /// Sends until it is told to stop.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut kept = self.kept.listen();
        let mut failures = 0;
        while !stop.is_cancelled() {
            let Some((answered, step)) = stop.run_until_cancelled(self.step()).await else {
                break;
            };
            if answered > 0 {
                self.line.answered(self.clock.now());
                // A line that carries something before it breaks is worth another try soon.
                failures = 0;
            }
            match step {
                Ok(()) if answered > 0 => {}
                Ok(()) => {
                    stop.run_until_cancelled(kept.heard()).await;
                }
                Err(error) => {
                    failures += 1;
                    self.note_failure(&error, failures);
                    let asked = match &error {
                        SendError::Upstream(error) => asked_wait(error),
                        SendError::Store(_)
                        | SendError::Sealing(_)
                        | SendError::Tombstone
                        | SendError::Packing(_) => std::time::Duration::ZERO,
                    };
                    let wait = backoff(failures, (self.chance)()).max(asked);
                    stop.run_until_cancelled(tokio::time::sleep(wait)).await;
                }
            }
        }
    }

    fn note_failure(&self, error: &SendError, failures: u32) {
        tracing::warn!(lane = ?self.lane, error = %error, attempt = failures, "Sending failed");
        let word = match error {
            SendError::Store(_) => "STORE".to_owned(),
            SendError::Sealing(_) | SendError::Tombstone => "SEALING".to_owned(),
            SendError::Packing(_) => "PACKING".to_owned(),
            SendError::Upstream(error) => error.word(),
        };
        self.line.failed(word, failures);
    }

    /// Brings the lane on: a backlog by upload, anything else by the stream. Says how much came of it, at
    /// least 1 if the hub took anything, also before an error.
    async fn step(&mut self) -> (usize, Result<(), SendError>) {
        if let Some(bulk) = &mut self.bulk
            && let Some(brought_on) = bulk.step().await
        {
            return brought_on;
        }
        self.stream().await
    }

    /// Sends what waits longest and notes the answers that came, also those before an error. Says how many
    /// records were answered.
    async fn stream(&mut self) -> (usize, Result<(), SendError>) {
        let states = match self.waiting().await {
            Ok(states) => states,
            Err(error) => return (0, Err(error.into())),
        };
        if states.is_empty() {
            return (0, Ok(()));
        }
        let records = states.iter().cloned();
        let records: Result<Vec<_>, _> = records.map(|state| open(&self.key, state)).collect();
        let mut answers = Vec::with_capacity(states.len());
        let sent = match records {
            Ok(records) => self.upward.send(records, &mut answers).await,
            Err(error) => return (0, Err(error)),
        };
        let answered = answers.len();
        match self.note(&states, answers).await {
            Ok(()) => (answered, sent.map_err(SendError::from)),
            Err(error) => (0, Err(error.into())),
        }
    }

    /// Nothing is sent before the feed was read once: only then is it known which versions the hub holds
    /// of records that this agent numbers.
    async fn waiting(&self) -> Result<Vec<QueuedState>, StoreError> {
        let mut reading = self.store.read().await?;
        if !reading.position().await?.feed_read {
            return Ok(Vec::new());
        }
        reading.read_queue(self.lane, BATCH_RECORDS).await
    }

    async fn note(
        &self,
        states: &[QueuedState],
        answers: Vec<UpwardAnswer>,
    ) -> Result<(), StoreError> {
        if answers.is_empty() {
            return Ok(());
        }
        let sent = states.iter().map(QueuedState::sent);
        let answered: Vec<_> = sent.zip(answers).collect();
        let mut transaction = self.store.write().await?;
        note_answers(&mut transaction, &answered).await?;
        transaction.commit().await
    }
}

/// A state of the queue as it goes up.
pub(super) fn open(key: &SealKey, state: QueuedState) -> Result<OutgoingRecord, SendError> {
    let (kind, record_id) = state.key;
    let submission = SubmissionKey {
        record: own_key(OWN_NODE, state.key),
        version: state.sealed_version,
    };
    let body = if state.tombstone == 0 {
        Ok(open_submission(key, submission, &state.content)?)
    } else {
        Err(TombstoneReason::from_code(state.tombstone).ok_or(SendError::Tombstone)?)
    };
    Ok(OutgoingRecord {
        kind,
        record_id,
        version: state.version,
        body,
        relations: state.relations,
    })
}
