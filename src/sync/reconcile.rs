//! The reconciler: turns the submission log into source records and golden records.
//!
//! Exactly one runs per hub, elected by a lease. It reads a slice of the log, decides, and writes the
//! slice's whole effect together with its cursor in one transaction that checks the fencing token:
//! that is what makes the effect exactly-once. Reading happens before that transaction, because
//! nobody else writes what it reads; if somebody else does lead by now, the token stops the write.

mod consolidate;
mod content;
mod form;
mod load;
mod pace;
mod plan;
mod rebuild;
mod relink;
mod resend;
mod units;
mod write;

pub use rebuild::{Rebuild, rebuild_index};
pub(in crate::sync) use rebuild::{read_normalised_children, restore_reviews};

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::domain::clock::Clock;
use crate::domain::pair::Pair;
use crate::domain::record::Lane;
use crate::linkage::index::{LinkageIndex, Settlement};
use crate::observability::metrics::Metrics;
use crate::security::seal::{SealError, SealKey};
use crate::store::{RelinkProgress, Store, StoreError};
use crate::sync::codec::{RecordCodec, Unreadable};
use crate::sync::forwarded::Forms;
use crate::sync::leadership::Leadership;
use crate::sync::models::ModelsInUse;
use crate::sync::signals::Signals;
use crate::sync::units::KnownUnits;
use pace::Pace;
use units::UnitsFollowed;
use write::Followed;

/// Quarantined records that one transaction tells the feed of.
const QUARANTINE_TOLD_ROWS_MAX: i64 = 2_000;

/// Records that are linked again in one transaction, at least, when no new submission asks for it.
const SETTLED_RECORDS: usize = 2_000;

/// Records that a leader reconciles before it has the database look at its tables for the first time; it
/// asks again whenever it has reconciled twice as many.
const RECORDS_BEFORE_STATISTICS: usize = 5_000;

/// Decisions that one transaction follows.
const DECISIONS_OF_A_SLICE: i64 = 500;

/// Why a slice was not reconciled.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// The database did not take part.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A stored content cannot be opened: the sealing key is not the one it was sealed with.
    #[error("a stored content cannot be opened: {0}")]
    Sealing(#[from] SealError),
    /// A content that was readable before cannot be read now.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// Comparing was stopped in the middle, as the program ends or after a fault of its own.
    #[error("comparing all records was interrupted")]
    Interrupted,
    /// Nobody wants the index any more that was being built.
    #[error("comparing all records was given up")]
    Unwanted,
}

/// What the reconciler works with.
pub struct Reconciler {
    /// The hub's database.
    pub store: Store,
    /// Reads records.
    pub codec: Arc<dyn RecordCodec>,
    /// What of a record goes upstream.
    pub forms: Forms,
    /// Opens and seals contents.
    pub key: Arc<SealKey>,
    /// Says what time it is, for the tables only.
    pub clock: Arc<dyn Clock>,
    /// Wakes it, and wakes those that wait for it.
    pub signals: Arc<Signals>,
    /// Where it counts what it did.
    pub metrics: Arc<Metrics>,
    /// Its claim to lead.
    pub leadership: Leadership,
    /// Knows the model that decides who is the same child.
    pub models: Arc<ModelsInUse>,
    /// Knows which acts about units hold.
    pub units: Arc<KnownUnits>,
    /// Names new golden records.
    pub fresh_id: fn() -> Uuid,
    /// Submissions of one slice at most.
    pub slice_records: u32,
}

/// What a leader remembers between slices; thrown away whenever a write did not succeed.
struct Reign {
    token: i64,
    index: LinkageIndex,
    /// How large slices of the routine lane are.
    pace: Pace,
    /// Number of the model that the index links by.
    model: i64,
    /// Records that it has reconciled, and with how many the database looks at its tables again.
    reconciled: usize,
    statistics_at: usize,
    /// Lanes whose records are to be looked at under another policy.
    unformed: Vec<Lane>,
    /// The index of a newer model, on its way.
    build: Option<relink::Build>,
    attempts: relink::Attempts,
    /// The acts about units that hold.
    units: UnitsFollowed,
    /// What was written last of how far linking again is, and when.
    reported: Option<RelinkProgress>,
    reported_at: tokio::time::Instant,
}

impl Reconciler {
    /// Leads whenever it can, until it is told to stop; then lets the next leader in.
    pub async fn run(self, stop: CancellationToken) {
        let mut failures = 0;
        while !stop.is_cancelled() {
            match self.reign(&stop).await {
                Ok(()) => failures = 0,
                Err(ReconcileError::Store(StoreError::Fenced(lease))) => {
                    tracing::warn!(lease.name = lease, "Another replica leads now");
                }
                Err(error) => {
                    failures += 1;
                    tracing::error!(error = %error, attempt = failures, "Reconciling failed");
                }
            }
            let wait = self
                .leadership
                .interval()
                .min(crate::sync::backoff::backoff(failures, 1.0));
            let pause = if failures == 0 {
                self.leadership.interval()
            } else {
                wait
            };
            stop.run_until_cancelled(tokio::time::sleep(pause)).await;
        }
        if let Err(error) = self.leadership.release().await {
            tracing::warn!(error = %error, "The reconciler's lease could not be released");
        }
    }

    /// Leads until stopped, fenced out or failed; returns at once if another leads.
    async fn reign(&self, stop: &CancellationToken) -> Result<(), ReconcileError> {
        let Some(token) = self.leadership.hold().await? else {
            // A replica that does not lead takes records in all the same.
            self.units.newest(&mut self.store.read().await?).await?;
            return Ok(());
        };
        let mut reign = self.begin_reign(token).await?;
        let mut log = self.signals.log.listen();
        let mut extended = tokio::time::Instant::now();
        while !stop.is_cancelled() {
            if extended.elapsed() >= self.leadership.interval() {
                if self.leadership.hold().await? != Some(token) {
                    return Err(StoreError::Fenced("reconciler").into());
                }
                extended = tokio::time::Instant::now();
            }
            self.follow_model(&mut reign).await?;
            if self.work(&mut reign).await? == 0 {
                stop.run_until_cancelled(log.heard()).await;
            }
        }
        Ok(())
    }

    /// Builds the index of a new leader, under the model that is in use now.
    async fn begin_reign(&self, token: i64) -> Result<Reign, ReconcileError> {
        let mut reading = self.store.read().await?;
        let in_use = self.models.newest(&mut reading).await?;
        let progress = RelinkProgress {
            linked_model: in_use.number,
            unsettled_records: reading.read_counter("live_children").await?,
            ..RelinkProgress::default()
        };
        drop(reading);
        self.write_progress(token, &progress).await?;
        let (codec, key) = (Arc::clone(&self.codec), Arc::clone(&self.key));
        let model = Arc::clone(&in_use.model);
        let index = rebuild_index(&self.store, codec, key, model).await?;
        tracing::info!(
            lease.token = token,
            index.records = index.len(),
            model.number = in_use.number,
            "This replica reconciles"
        );
        Ok(Reign {
            token,
            index,
            pace: Pace::new(self.slice_records),
            model: in_use.number,
            reconciled: 0,
            statistics_at: RECORDS_BEFORE_STATISTICS,
            unformed: form::begin(self, token).await?,
            build: None,
            attempts: relink::Attempts::default(),
            units: self.begin_units().await?,
            reported: None,
            reported_at: tokio::time::Instant::now(),
        })
    }

    /// One slice of each lane, the urgent one first, and what quarantine has to tell.
    async fn work(&self, reign: &mut Reign) -> Result<usize, ReconcileError> {
        let mut done = self.tell_quarantine(reign.token).await?;
        if let Some(lane) = reign.unformed.first() {
            done += 1;
            if form::look(self, reign.token, *lane).await? {
                reign.unformed.remove(0);
            }
        }
        for lane in [Lane::Urgent, Lane::Routine] {
            done += self.reconcile_slice(reign, lane).await?;
        }
        reign.reconciled += done;
        if reign.reconciled >= reign.statistics_at {
            self.store.refresh_statistics().await?;
            reign.statistics_at = 2 * reign.reconciled;
        }
        done += self.follow_units(reign).await?;
        done += self.follow_decisions(reign).await?;
        done += self.settle_links(reign).await?;
        done += resend::send_again(self, reign.token).await?;
        if done > 0 {
            self.signals.changes.call();
        }
        Ok(done)
    }

    async fn reconcile_slice(
        &self,
        reign: &mut Reign,
        lane: Lane,
    ) -> Result<usize, ReconcileError> {
        let limit = match lane {
            Lane::Urgent => self.slice_records,
            Lane::Routine => reign.pace.records(),
        };
        let begun = tokio::time::Instant::now();
        let Some(slice) = load::read_slice(self, lane, limit).await? else {
            return Ok(0);
        };
        let entries = slice.entries.len();
        let (placed, settlement) = plan::place(self, slice, &mut reign.index)?;
        self.write(reign, placed, settlement, Followed::Nothing)
            .await?;
        if lane == Lane::Routine {
            reign.pace.took(entries, begun.elapsed());
        }
        self.metrics.slice_reconciled(entries);
        Ok(entries)
    }

    /// What stewards have decided since the last time.
    async fn follow_decisions(&self, reign: &mut Reign) -> Result<usize, ReconcileError> {
        let mut reading = self.store.read().await?;
        let done = reading.read_counter("decision_done").await?;
        let decisions = reading.read_decisions(done, DECISIONS_OF_A_SLICE).await?;
        drop(reading);
        let Some(last) = decisions.last().map(|decision| decision.sequence) else {
            return Ok(0);
        };
        for decision in &decisions {
            reign.index.decide(decision.pair, decision.verdict);
            reign.note_decision(decision.pair, decision.verdict);
        }
        let pairs: Vec<Pair> = decisions.iter().map(|decision| decision.pair).collect();
        // Of what was put off after the index was built nothing more than what the decisions touch.
        let (placed, settlement) = plan::place_links(self, &mut reign.index, &pairs, 0);
        let followed = Followed::Decisions(last);
        self.write(reign, placed, settlement, followed).await?;
        Ok(decisions.len())
    }

    /// Some of the links that wait to be looked at again: all of them after the index was built.
    async fn settle_links(&self, reign: &mut Reign) -> Result<usize, ReconcileError> {
        let waiting = reign.index.unsettled();
        if waiting == 0 {
            return Ok(0);
        }
        let (placed, settlement) = plan::place_links(self, &mut reign.index, &[], SETTLED_RECORDS);
        if settlement != Settlement::default() {
            self.write(reign, placed, settlement, Followed::Nothing)
                .await?;
        }
        Ok(waiting - reign.index.unsettled())
    }

    async fn write(
        &self,
        reign: &mut Reign,
        placed: plan::Placed,
        settlement: Settlement,
        followed: Followed,
    ) -> Result<(), ReconcileError> {
        let units = Arc::clone(&reign.units.units);
        let known = load::read_affected(self, &placed, units).await?;
        let effect = consolidate::consolidate(self, &reign.index, placed, known, settlement)?;
        let changed = relink::changed_records(&effect);
        write::write_effect(self, reign.token, effect, followed).await?;
        reign.note_records(changed);
        Ok(())
    }

    async fn tell_quarantine(&self, token: i64) -> Result<usize, ReconcileError> {
        let mut reading = self.store.read().await?;
        let untold = reading
            .read_untold_quarantine(QUARANTINE_TOLD_ROWS_MAX)
            .await?;
        drop(reading);
        if !untold.is_empty() {
            write::tell_quarantine(self, token, &untold).await?;
        }
        Ok(untold.len())
    }
}
