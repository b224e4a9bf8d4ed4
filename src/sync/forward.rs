//! The forwarder: golden-record changes go upstream as forward batches.
//!
//! A batch is a range of change numbers, sealed with a number and a signed manifest before it is sent, and kept
//! until the upstream has answered for every record of it and has signed what it holds. What is sent is what
//! was sealed: if a record has changed by the next attempt, the batch is replaced by one under the next
//! number, and the record goes with a later one: many changes collapse into one. Sending twice is safe, because
//! the upstream knows each record by identity and version and each batch by its own; so a crash anywhere
//! between sealing, sending, the upstream's commit and our note of the receipt is harmless.

mod batch;
mod health;
mod receipt;
mod seal;
mod upstream;

use std::collections::HashMap;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::backoff::backoff;
use super::codec::Unreadable;
use super::forwarded::ForwardedForm;
use super::leadership::Leadership;
use super::signals::Signals;
use crate::domain::clock::Clock;
use crate::domain::golden::GoldenId;
use crate::domain::record::{Lane, Version};
use crate::observability::metrics::Metrics;
use crate::security::seal::{SealError, SealKey};
use crate::store::{Store, StoreError};
use health::asked_wait;

pub use batch::{
    BATCH_ENTRY_BYTES, BatchEntry, Manifest, ManifestWriter, SealedBatch, SigningFailed, digest,
    read_entries, write_entries,
};
pub use upstream::{
    Answer, OutgoingBody, OutgoingChange, ReceiptError, SignedReceipt, Upstream, UpstreamError,
};

/// What the upstream has answered of the batch that is on its way: at most one batch.
type Answered = HashMap<(GoldenId, Version), Answer>;

/// How far the batch is that is on its way.
#[derive(Default)]
struct Progress {
    answered: Answered,
    /// The upstream does not take the manifest, or contradicts itself about it: another one may do.
    seal_anew: bool,
}

/// Why a step did not succeed.
#[derive(Debug, thiserror::Error)]
enum ForwardError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Sealing(#[from] SealError),
    #[error(transparent)]
    Signing(#[from] SigningFailed),
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    #[error("the reconciler forms records under another policy: give all replicas the same one")]
    PolicyDiffers,
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    #[error(transparent)]
    Receipt(#[from] ReceiptError),
    #[error("the upstream's receipt says that it does not hold what it had acknowledged")]
    ReceiptDiffers,
}

/// When changes of a lane may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// As soon as they are there.
    Open,
    /// When the forward job has let them go.
    Scheduled,
}

/// Sends one lane of a hub's golden-record changes. Each lane has its own line, so that an urgent
/// report never waits behind routine records.
pub struct Forwarder<U> {
    /// The hub's database.
    pub store: Store,
    /// Opens contents.
    pub key: Arc<SealKey>,
    /// What of a record goes upstream.
    pub form: Arc<dyn ForwardedForm>,
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
    /// When its changes may be sent.
    pub gate: Gate,
    /// The line upstream.
    pub upstream: U,
    /// Writes and signs manifests.
    pub manifests: Arc<dyn ManifestWriter>,
    /// Gives batches their identities.
    pub fresh_id: fn() -> Uuid,
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
        let mut progress = Progress::default();
        while !stop.is_cancelled() {
            let before = progress.answered.len();
            let Some(step) = stop.run_until_cancelled(self.step(&mut progress)).await else {
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
                    failures = if progress.answered.len() > before {
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
    async fn step(&mut self, progress: &mut Progress) -> Result<usize, ForwardError> {
        let Some(token) = self.leadership.hold().await? else {
            return Ok(0);
        };
        if !self.is_formed().await? {
            return Ok(0);
        }
        let Some((batch, changes)) = self.next_batch(token, progress.seal_anew).await? else {
            return Ok(0);
        };
        progress.seal_anew = false;
        let entries = batch::entries(&changes);
        let sent = batch::open(&self.key, &*self.form, &changes)?;
        self.send_unanswered(&batch, &sent, &mut progress.answered)
            .await?;
        let answers = sent.iter().map(|change| {
            let key = (change.golden_id, change.version);
            progress.answered.get(&key).cloned()
        });
        let Some(answers) = answers.collect() else {
            return Err(
                UpstreamError::Nonsense("it answered for another number of records").into(),
            );
        };
        let receipt = self.ask_receipt(&batch, &entries, progress).await?;
        let judged = receipt::judge(answers, receipt.as_ref());
        let Some(answers) = judged else {
            *progress = Progress {
                seal_anew: true,
                ..Progress::default()
            };
            return Err(ForwardError::ReceiptDiffers);
        };
        self.note_receipt(token, &batch, &entries, answers, receipt)
            .await?;
        progress.answered.clear();
        self.metrics.batch_forwarded(sent.len());
        Ok(sent.len().max(1))
    }

    /// Asks for the receipt of a batch. A manifest that the upstream does not take will not be taken later
    /// either: its certificate has run out by now, or its identity is taken.
    async fn ask_receipt(
        &mut self,
        batch: &SealedBatch,
        entries: &[BatchEntry],
        progress: &mut Progress,
    ) -> Result<Option<SignedReceipt>, ReceiptError> {
        let asked = self.upstream.receipt(batch, entries).await;
        if let Err(error) = &asked {
            progress.seal_anew = match error {
                ReceiptError::Upstream(UpstreamError::Refused { retry_after, .. }) => {
                    retry_after.is_none()
                }
                ReceiptError::Invalid(_) => true,
                ReceiptError::Upstream(
                    UpstreamError::Unreachable(_)
                    | UpstreamError::Nonsense(_)
                    | UpstreamError::TimedOut,
                ) => false,
            };
        }
        asked
    }

    /// Whether all records of the lane are formed under the policy of this program; until then none leaves.
    async fn is_formed(&self) -> Result<bool, ForwardError> {
        let mut reading = self.store.read().await?;
        let state = reading.forward_policy(self.lane).await?;
        match state.digest {
            Some(digest) if digest == self.form.digest() => Ok(state.is_done),
            Some(_) => Err(ForwardError::PolicyDiffers),
            None => Ok(false),
        }
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
}
