//! The forwarder: golden-record changes go upstream as forward batches.
//!
//! A batch is a range of change numbers, sealed with a number before it is sent and kept until the
//! upstream has acknowledged every record of it. Sending a batch twice is safe, because the upstream
//! knows each record by identity and version; so a crash anywhere between sealing, sending, the
//! upstream's commit and our note of the receipt is harmless. A record that changes again while its
//! batch waits moves on to a later batch: many changes collapse into one.

mod batch;
mod upstream;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::backoff::backoff;
use super::leadership::Leadership;
use super::signals::Signals;
use crate::domain::clock::Clock;
use crate::domain::golden::GoldenId;
use crate::domain::record::{Lane, Version};
use crate::observability::metrics::Metrics;
use crate::security::seal::{SealError, SealKey};
use crate::store::{
    ForwarderHealth, GoldenChange, LeaseName, NewForwardBatch, Receipt, Refusal, Store, StoreError,
};

pub use batch::{BatchEntry, SealedBatch, digest};
pub use upstream::{Answer, OutgoingBody, OutgoingChange, SignedReceipt, Upstream, UpstreamError};

/// What the upstream has answered of the batch that is on its way: at most one batch.
type Answered = HashMap<(GoldenId, Version), Answer>;

/// Why a step did not succeed.
#[derive(Debug, thiserror::Error)]
enum ForwardError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Sealing(#[from] SealError),
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
}

/// Sends one lane of a hub's golden-record changes. Each lane has its own line, so that an urgent
/// report never waits behind routine records.
pub struct Forwarder<U> {
    /// The hub's database.
    pub store: Store,
    /// Opens contents.
    pub key: Arc<SealKey>,
    /// Says what time it is, for the tables only.
    pub clock: Arc<dyn Clock>,
    /// Wakes it.
    pub signals: Arc<Signals>,
    /// Where it counts what it did.
    pub metrics: Arc<Metrics>,
    /// Its claim to be the one forwarder; the lanes of one process share it.
    pub leadership: Leadership,
    /// The lane.
    pub lane: Lane,
    /// The line upstream.
    pub upstream: U,
    /// Golden records of one batch at most.
    pub batch_records: u32,
    /// Spreads waits, from 0 to 1.
    pub chance: fn() -> f64,
}

impl<U: Upstream> Forwarder<U> {
    /// Forwards until it is told to stop.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut changes = self.signals.changes.listen();
        // What an earlier process noted is not known: the first success clears it.
        let mut failures = 1;
        let mut answered = Answered::new();
        while !stop.is_cancelled() {
            let before = answered.len();
            let Some(step) = stop.run_until_cancelled(self.step(&mut answered)).await else {
                break;
            };
            match step {
                Ok(0) => {
                    self.recovered(&mut failures).await;
                    stop.run_until_cancelled(changes.heard()).await;
                }
                Ok(_) => self.recovered(&mut failures).await,
                Err(error) => {
                    // A line that carries something before it breaks is worth another try soon.
                    failures = if answered.len() > before {
                        1
                    } else {
                        failures + 1
                    };
                    self.failed(&error, failures).await;
                    let wait = backoff(failures, (self.chance)()).max(asked_wait(&error));
                    stop.run_until_cancelled(tokio::time::sleep(wait)).await;
                }
            }
        }
        if let Err(error) = self.leadership.release().await {
            tracing::warn!(error = %error, "The forwarder's lease could not be released");
        }
    }

    /// Sends one batch, if this process leads and there is one. Returns how many changes it covered.
    async fn step(&mut self, answered: &mut Answered) -> Result<usize, ForwardError> {
        let Some(token) = self.leadership.hold().await? else {
            return Ok(0);
        };
        let Some((batch, changes)) = self.next_batch(token).await? else {
            return Ok(0);
        };
        let entries = batch::entries(&changes);
        let sent = batch::open(&self.key, &changes)?;
        self.send_unanswered(&batch, &sent, answered).await?;
        let answers = sent
            .iter()
            .map(|change| answered.get(&(change.golden_id, change.version)).cloned());
        let Some(answers) = answers.collect() else {
            return Err(
                UpstreamError::Nonsense("it answered for another number of records").into(),
            );
        };
        self.upstream.receipt(&batch, &entries).await?;
        self.note_receipt(token, &batch, &sent, answers).await?;
        answered.clear();
        self.metrics.batch_forwarded(sent.len());
        Ok(sent.len().max(1))
    }

    /// Sends what an earlier attempt did not get an answer for, and remembers the answers as they come.
    async fn send_unanswered(
        &mut self,
        batch: &SealedBatch,
        sent: &[OutgoingChange],
        answered: &mut Answered,
    ) -> Result<(), UpstreamError> {
        let key = |change: &OutgoingChange| (change.golden_id, change.version);
        let missing: Vec<OutgoingChange> = sent
            .iter()
            .filter(|change| !answered.contains_key(&key(change)))
            .cloned()
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let keys: Vec<_> = missing.iter().map(key).collect();
        let mut answers = Vec::with_capacity(keys.len());
        let pushed = self.upstream.push(batch, missing, &mut answers).await;
        answered.extend(keys.into_iter().zip(answers));
        pushed
    }

    /// The batch that waits for its receipt, or a newly sealed one, with its records as they are now.
    async fn next_batch(
        &self,
        token: i64,
    ) -> Result<Option<(SealedBatch, Vec<GoldenChange>)>, StoreError> {
        let mut reading = self.store.read().await?;
        let position = reading.forward_position(self.lane).await?;
        let open = reading.find_open_batch(self.lane).await?;
        // A sealed batch is read whole: its receipt will move the cursor to its end.
        let (up_to, limit) = match open {
            Some(batch) => (batch.last_change, i64::MAX),
            None => (i64::MAX, i64::from(self.batch_records)),
        };
        let changes = reading
            .read_golden_changes(self.lane, position, up_to, limit)
            .await?;
        drop(reading);
        let digest = digest(&batch::entries(&changes));
        if let Some(batch) = open {
            return Ok(Some((SealedBatch::new(self.lane, batch, digest), changes)));
        }
        let (Some(first), Some(last)) = (changes.first(), changes.last()) else {
            return Ok(None);
        };
        let new = NewForwardBatch {
            lane: self.lane,
            first_change: first.change,
            last_change: last.change,
            records: i64::try_from(changes.len()).unwrap_or(i64::MAX),
            digest,
        };
        let mut transaction = self.store.write().await?;
        transaction.check_fence(LeaseName::Forwarder, token).await?;
        let batch = transaction.seal_batch(&new, self.clock.now()).await?;
        transaction.commit().await?;
        Ok(Some((SealedBatch::new(self.lane, batch, digest), changes)))
    }

    async fn note_receipt(
        &self,
        token: i64,
        batch: &SealedBatch,
        sent: &[OutgoingChange],
        answers: Vec<Answer>,
    ) -> Result<(), StoreError> {
        let mut receipt = Receipt {
            records: 0,
            digest: batch.digest,
            accepted: 0,
            unchanged: 0,
            refused: 0,
        };
        let (mut taken, mut refused) = (Vec::new(), Vec::new());
        for (change, answer) in sent.iter().zip(answers) {
            receipt.records += 1;
            match answer {
                Answer::Accepted => {
                    receipt.accepted += 1;
                    taken.push(change.golden_id);
                }
                Answer::Unchanged => {
                    receipt.unchanged += 1;
                    taken.push(change.golden_id);
                }
                Answer::Refused(reason) => {
                    receipt.refused += 1;
                    let (golden_id, version) = (change.golden_id, change.version);
                    refused.push(Refusal {
                        golden_id,
                        version,
                        reason,
                    });
                }
            }
        }
        let now = self.clock.now();
        let mut transaction = self.store.write().await?;
        transaction.check_fence(LeaseName::Forwarder, token).await?;
        transaction
            .receipt_batch(batch.lane, batch.row(), &receipt, now)
            .await?;
        transaction.note_refusals(&taken, &refused, now).await?;
        if !refused.is_empty() {
            // What is taken is told by the upstream's feed; what it refuses stands in no feed but ours.
            let golden: Vec<GoldenId> = refused.iter().map(|row| row.golden_id).collect();
            let feed = transaction.lock_counter("feed").await?;
            let feed = transaction.retell_golden_records(&golden, feed).await?;
            transaction.set_counter("feed", feed).await?;
        }
        transaction.commit().await?;
        if !refused.is_empty() {
            self.signals.changes.call();
            tracing::warn!(
                batch.number = batch.number,
                batch.refused = receipt.refused,
                "The upstream refused records of a batch; the others went through"
            );
        }
        Ok(())
    }

    async fn recovered(&self, failures: &mut u32) {
        if std::mem::take(failures) > 0 {
            tracing::info!(lane = ?self.lane, "The upstream takes records");
            self.note_health(ForwarderHealth::default()).await;
        }
    }

    async fn failed(&self, error: &ForwardError, failures: u32) {
        self.metrics.forward_failed();
        tracing::warn!(lane = ?self.lane, error = %error, attempt = failures, "Forwarding failed");
        let last_error = match error {
            ForwardError::Store(_) => "STORE".to_owned(),
            ForwardError::Sealing(_) => "SEALING".to_owned(),
            ForwardError::Upstream(error) => error.word(),
        };
        let failed_attempts = i64::from(failures);
        self.note_health(ForwarderHealth {
            last_error,
            failed_attempts,
        })
        .await;
    }

    async fn note_health(&self, health: ForwarderHealth) {
        let noted = async {
            let mut transaction = self.store.write().await?;
            transaction.set_forwarder_health(self.lane, &health).await?;
            transaction.commit().await
        };
        if let Err(error) = noted.await {
            tracing::warn!(error = %error, "The forwarder's health could not be noted");
        }
    }
}

/// How long the upstream asks us to wait.
fn asked_wait(error: &ForwardError) -> Duration {
    match error {
        ForwardError::Upstream(UpstreamError::Refused { retry_after, .. }) => {
            retry_after.unwrap_or_default()
        }
        ForwardError::Upstream(_) | ForwardError::Store(_) | ForwardError::Sealing(_) => {
            Duration::ZERO
        }
    }
}
