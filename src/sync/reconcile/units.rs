//! Following acts that change units, and what operators say of records of units that were split.
//!
//! The leader begins with an act when its day has come. From then on every golden record that is written is
//! kept under its unit of today; those that were written before are put together again, some at a time, beside
//! new work. Sources stay as they are, so that the same act looked at again changes nothing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::plan::Placed;
use super::write::Followed;
use super::{ReconcileError, Reconciler, Reign};
use crate::domain::golden::GoldenId;
use crate::domain::record::{RecordKey, RecordKind};
use crate::domain::unit::UnitReference;
use crate::domain::units_in_use::{Today, UnitMove, UnitsInUse};
use crate::linkage::index::Settlement;
use crate::store::{LeaseName, Placement, UnitProgress};

/// Golden records that are looked at in one transaction after an act began.
const LOOKED_AT_RECORDS: i64 = 1_000;
/// Records of placements that one transaction follows.
const PLACED_ROWS: i64 = 2_000;

/// Refused golden records that are offered to the upstream again in one transaction.
const OFFERED_RECORDS: i64 = 1_000;
/// Longest wait until they are offered again; the first one is a second, and each is twice the one before.
const OFFER_SECONDS_MAX: u64 = 600;

/// When golden records are offered again that the upstream refuses as outside their territory: its operator
/// may not have given it the act yet that made them the territory's, or that made a node write new codes.
#[derive(Clone, Copy)]
struct Offer {
    wait: Duration,
    not_before: Instant,
}

impl Default for Offer {
    fn default() -> Self {
        let wait = Duration::from_secs(1);
        let not_before = Instant::now() + wait;
        Self { wait, not_before }
    }
}

impl Offer {
    fn next(self) -> Self {
        let wait = (self.wait * 2).min(Duration::from_secs(OFFER_SECONDS_MAX));
        let not_before = Instant::now() + wait;
        Self { wait, not_before }
    }
}

/// Acts that hold as the leader follows them.
#[derive(Clone, Default)]
pub(super) struct UnitsFollowed {
    pub(super) units: Arc<UnitsInUse>,
    begun: i64,
    /// All golden records were looked at.
    is_finished: bool,
    offer: Offer,
}

/// What operators said of the records of a slice.
#[derive(Default)]
pub(super) struct Placements(BTreeMap<RecordKey, Vec<(i64, UnitReference, UnitReference)>>);

impl Placements {
    pub(super) fn new(rows: Vec<Placement>) -> Self {
        let mut said: BTreeMap<RecordKey, Vec<_>> = BTreeMap::new();
        for (key, number, from, to) in rows {
            said.entry(key).or_default().push((number, from, to));
        }
        Self(said)
    }

    /// Into which part each unit's records were placed, of these records; the newest word counts.
    pub(super) fn of(
        &self,
        records: impl Iterator<Item = RecordKey>,
    ) -> BTreeMap<UnitReference, UnitReference> {
        let mut said: Vec<_> = records
            .filter_map(|key| self.0.get(&key))
            .flatten()
            .copied()
            .collect();
        said.sort_unstable();
        said.into_iter().map(|(_, from, to)| (from, to)).collect()
    }
}

/// A consolidated content under its unit of today.
#[derive(Default)]
pub(super) struct Located {
    pub(super) content: Bytes,
    pub(super) unit_move: Option<UnitMove>,
    /// The unit that was split, where nothing says into which part the record belongs.
    pub(super) waits_at: Option<UnitReference>,
}

/// Puts a content under its unit of today.
pub(super) fn locate(
    reconciler: &Reconciler,
    units: &UnitsInUse,
    kind: RecordKind,
    content: Bytes,
    placed: &BTreeMap<UnitReference, UnitReference>,
) -> Result<Located, ReconcileError> {
    let mut located = Located {
        content,
        unit_move: None,
        waits_at: None,
    };
    if units.is_empty() {
        return Ok(located);
    }
    let place = reconciler.codec.place(kind, &located.content)?;
    let Some(from) = place.unit else {
        return Ok(located);
    };
    let Today { unit, act, waits } = units.today(from, &place.village, placed);
    if let Some(act) = act {
        let codec = &reconciler.codec;
        located.content = codec.with_unit(kind, &located.content, unit)?;
        let to = unit;
        located.unit_move = Some(UnitMove { act, from, to });
    }
    located.waits_at = waits.then_some(unit);
    Ok(located)
}

impl Reconciler {
    /// Acts that hold, for a new leader.
    pub(super) async fn begin_units(&self) -> Result<UnitsFollowed, ReconcileError> {
        let mut reading = self.store.read().await?;
        let (begun, units) = self.units.newest(&mut reading).await?;
        let progress = reading.read_unit_progress().await?;
        Ok(UnitsFollowed {
            units,
            begun,
            is_finished: begun == 0 || progress.finished_at.is_some(),
            offer: Offer::default(),
        })
    }

    /// Begins with acts whose day has come, looks at some golden records again, and follows placements.
    pub(super) async fn follow_units(&self, reign: &mut Reign) -> Result<usize, ReconcileError> {
        self.begin_due_acts(reign).await?;
        let mut done = self.look_again(reign).await?;
        if reign.units.units.has_splits() {
            done += self.follow_placements(reign).await?;
        }
        if !reign.units.units.is_empty() && Instant::now() >= reign.units.offer.not_before {
            done += self.offer_again(reign).await?;
            reign.units.offer = reign.units.offer.next();
        }
        Ok(done)
    }

    /// Lets the forwarder send again what the upstream refuses because it does not know the act.
    async fn offer_again(&self, reign: &Reign) -> Result<usize, ReconcileError> {
        let mut reading = self.store.read().await?;
        let refused = reading.find_outsiders(OFFERED_RECORDS).await?;
        drop(reading);
        if refused.is_empty() {
            return Ok(0);
        }
        let mut transaction = self.store.write().await?;
        transaction
            .check_fence(LeaseName::Reconciler, reign.token)
            .await?;
        let change = transaction.lock_counter("change").await?;
        let offered: Vec<(GoldenId, i64)> = refused.into_iter().zip(change + 1..).collect();
        let last = offered.last().map_or(change, |(_, number)| *number);
        transaction.offer_again(&offered).await?;
        transaction.set_counter("change", last).await?;
        transaction.commit().await?;
        Ok(offered.len())
    }

    /// From the commit on, the act holds: a clock that is set back later does not end it.
    async fn begin_due_acts(&self, reign: &mut Reign) -> Result<(), ReconcileError> {
        let mut reading = self.store.read().await?;
        if reading.read_counter("unit_act").await? == reign.units.begun {
            return Ok(());
        }
        let now = self.clock.now();
        let due = reading.find_due_unit_acts(now.date()).await?;
        drop(reading);
        if due.is_empty() {
            return Ok(());
        }
        let mut transaction = self.store.write().await?;
        transaction
            .check_fence(LeaseName::Reconciler, reign.token)
            .await?;
        let mut begun = transaction.lock_counter("unit_act_begun").await?;
        for (number, act) in due {
            begun += 1;
            transaction.begin_unit_act(begun, number, now).await?;
            tracing::info!(act.id = act, "An act about units holds from now on");
        }
        let progress = UnitProgress {
            begun,
            after: GoldenId::default(),
            looked_at: 0,
            changed: 0,
            finished_at: None,
        };
        transaction.set_unit_progress(&progress).await?;
        transaction.commit().await?;
        reign.units = self.begin_units().await?;
        Ok(())
    }

    /// Puts a page of golden records together again; the same transaction says how far that is.
    async fn look_again(&self, reign: &mut Reign) -> Result<usize, ReconcileError> {
        if reign.units.is_finished {
            return Ok(0);
        }
        let mut reading = self.store.read().await?;
        let mut progress = reading.read_unit_progress().await?;
        let page = reading
            .scan_live_golden(progress.after, LOOKED_AT_RECORDS)
            .await?;
        drop(reading);
        match page.last() {
            Some((last, _)) => progress.after = *last,
            None => progress.finished_at = Some(self.clock.now()),
        }
        let looked = page.len();
        progress.looked_at += i64::try_from(looked).unwrap_or_default();
        let followed = Followed::Units(progress);
        self.write_again(reign, page, followed).await?;
        reign.units.is_finished = looked == 0;
        Ok(looked.max(1))
    }

    async fn follow_placements(&self, reign: &mut Reign) -> Result<usize, ReconcileError> {
        let mut reading = self.store.read().await?;
        let done = reading.read_counter("placement_done").await?;
        if reading.read_counter("placement").await? == done {
            return Ok(0);
        }
        let mut rows = reading.read_placed(done, PLACED_ROWS).await?;
        drop(reading);
        let Some(last) = rows.last().map(|row| row.0) else {
            return Ok(0);
        };
        // A full page may have cut the last number's records: they come with the next one.
        let is_cut = rows.len() >= usize::try_from(PLACED_ROWS).unwrap_or_default();
        let is_cut = is_cut && rows.first().is_some_and(|row| row.0 < last);
        let last = if is_cut { last - 1 } else { last };
        rows.retain(|row| row.0 <= last);
        let live = rows.iter().filter(|row| row.3).map(|row| (row.1, row.2));
        let golden: BTreeMap<GoldenId, RecordKind> = live.collect();
        let golden = golden.into_iter().collect();
        self.write_again(reign, golden, Followed::Placements(last))
            .await?;
        Ok(rows.len())
    }

    /// Puts golden records together again although none of their sources is another.
    async fn write_again(
        &self,
        reign: &mut Reign,
        golden: Vec<(GoldenId, RecordKind)>,
        followed: Followed,
    ) -> Result<(), ReconcileError> {
        let mut placed = Placed::default();
        for (golden, kind) in golden {
            placed.affected.entry(golden).or_default().kind = Some(kind);
        }
        self.write(reign, placed, Settlement::default(), followed)
            .await
    }
}
