//! The sender of one lane: what waits goes to the hub, and leaves the queue on the hub's word only.

use std::collections::HashMap;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::health::{Line, asked_wait};
use super::settle::standing_of;
use super::upward::{OutgoingRecord, Upward, UpwardAnswer};
use super::{OWN_NODE, own_key};
use crate::domain::clock::Clock;
use crate::domain::golden::SubmissionKey;
use crate::domain::record::{Lane, TombstoneReason};
use crate::security::seal::{SealError, SealKey};
use crate::store::{AgentStore, Answered, OwnKey, QueuedState, StoreError};
use crate::sync::backoff::backoff;
use crate::sync::forward::UpstreamError;
use crate::sync::sealing::open_submission;
use crate::sync::signals::Signal;

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
    /// How the line is doing.
    pub line: Arc<Line>,
    /// Spreads waits, from 0 to 1.
    pub chance: fn() -> f64,
}

/// Why a step did not succeed.
#[derive(Debug, thiserror::Error)]
enum SendError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Sealing(#[from] SealError),
    #[error("a record in the queue is withdrawn for no known reason")]
    Tombstone,
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
                        SendError::Store(_) | SendError::Sealing(_) | SendError::Tombstone => {
                            std::time::Duration::ZERO
                        }
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
            SendError::Upstream(error) => error.word(),
        };
        self.line.failed(word, failures);
    }

    /// Sends what waits longest and notes the answers that came, also those before an error. Says how many
    /// records were answered.
    async fn step(&mut self) -> (usize, Result<(), SendError>) {
        let states = match self.waiting().await {
            Ok(states) => states,
            Err(error) => return (0, Err(error.into())),
        };
        if states.is_empty() {
            return (0, Ok(()));
        }
        let records: Result<Vec<_>, _> = states.iter().map(|state| self.open(state)).collect();
        let mut answers = Vec::with_capacity(states.len());
        let sent = match records {
            Ok(records) => self.upward.send(records, &mut answers).await,
            Err(error) => return (0, Err(error)),
        };
        match self.note_answers(&states, &answers).await {
            Ok(()) => (answers.len(), sent.map_err(SendError::from)),
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

    fn open(&self, state: &QueuedState) -> Result<OutgoingRecord, SendError> {
        let (kind, record_id) = state.key;
        let submission = SubmissionKey {
            record: own_key(OWN_NODE, state.key),
            version: state.sealed_version,
        };
        let body = if state.tombstone == 0 {
            Ok(open_submission(&self.key, submission, &state.content)?)
        } else {
            Err(TombstoneReason::from_code(state.tombstone).ok_or(SendError::Tombstone)?)
        };
        Ok(OutgoingRecord {
            kind,
            record_id,
            version: state.version,
            body,
            relations: state.relations.clone(),
        })
    }

    async fn note_answers(
        &self,
        sent: &[QueuedState],
        answers: &[UpwardAnswer],
    ) -> Result<(), StoreError> {
        if answers.is_empty() {
            return Ok(());
        }
        let answered: HashMap<OwnKey, (&QueuedState, &UpwardAnswer)> = sent
            .iter()
            .zip(answers)
            .map(|(state, answer)| (state.key, (state, answer)))
            .collect();
        let keys: Vec<OwnKey> = answered.keys().copied().collect();
        let mut transaction = self.store.write().await?;
        let position = transaction.position().await?;
        let queued = transaction.find_queued(&keys).await?;
        let queued: HashMap<OwnKey, i64> = queued
            .into_iter()
            .map(|(key, state, _)| (key, state))
            .collect();
        let mut records = transaction.find_records(&keys).await?;
        for record in &mut records {
            let Some((state, answer)) = answered.get(&record.key) else {
                continue;
            };
            record.answered = Some(Answered {
                version: state.version,
                answer: answer.answer,
                reason: answer.reason.clone(),
                rules: answer.rules.clone(),
            });
            // A newer state that came meanwhile waits on.
            let is_waiting = queued
                .get(&record.key)
                .is_some_and(|newest| *newest != state.state);
            record.standing = standing_of(record, is_waiting);
        }
        transaction.put_records(&records).await?;
        let done: Vec<_> = answered
            .values()
            .map(|(state, _)| (state.key, state.state))
            .collect();
        let gone = transaction.delete_queued(&done).await?;
        let left = position.queued - i64::try_from(gone).unwrap_or(position.queued);
        transaction
            .set_last_state(position.last_state, left)
            .await?;
        transaction.commit().await
    }
}
