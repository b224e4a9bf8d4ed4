//! Acts that change units: keeping them, knowing which hold, and placing records of units that were split.
//!
//! An act is kept when an operator gives it and begins when the leader of the reconciler sees that its day has
//! come; from then on it holds, whatever a clock says later. What holds is laid over registrations and records:
//! neither the register nor the log is rewritten.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use uuid::Uuid;

use crate::domain::clock::Clock;
use crate::domain::golden::GoldenId;
use crate::domain::node::NodeName;
use crate::domain::territory::Territory;
use crate::domain::unit::UnitReference;
use crate::domain::unit_act::{ActId, ActInvalid, Fate, UnitAct};
use crate::domain::units_in_use::{ActConflict, UnitsInUse};
use crate::store::{
    NodeTerritory, PlacementTask, Store, StoreError, Transaction, UnitActRow, UnitProgress,
};
use crate::sync::signals::Signals;

/// Acts, nodes or tasks of one page.
pub const UNIT_PAGE_ROWS: i64 = 100;
/// The same, at most.
pub const UNIT_PAGE_ROWS_MAX: i64 = 500;
/// Golden records that one call places.
pub const PLACED_RECORDS_MAX: usize = 500;

/// What was asked cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum UnitError {
    /// The database did not take part.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The text is no act.
    #[error(transparent)]
    Invalid(#[from] ActInvalid),
    /// The act cannot hold beside those that are known.
    #[error(transparent)]
    Conflict(#[from] ActConflict),
    /// Another act has the same name.
    #[error("another act is kept under the id {0}: give this one an id of its own")]
    IdReused(ActId),
    /// More golden records than one call may place.
    #[error("a call places 1 to {PLACED_RECORDS_MAX} golden records and this one names {0}")]
    TooMany(usize),
    /// A golden record does not wait for a place.
    #[error("{0} does not wait for a place: `childsync units tasks` lists those that do")]
    NoTask(Uuid),
    /// The unit is none of the parts.
    #[error("no part of {from} went into {to}: `childsync units tasks` lists where its parts went")]
    NotAPart {
        /// The unit that was split.
        from: UnitReference,
        /// The unit that was named.
        to: UnitReference,
    },
}

/// Knows which acts hold. One for each process, which remembers what it has read last; an agent, which knows
/// no acts, has one that stays empty.
#[derive(Default)]
pub struct KnownUnits {
    newest: Mutex<(i64, Arc<UnitsInUse>)>,
}

impl KnownUnits {
    /// What held when it was read last.
    pub fn current(&self) -> Arc<UnitsInUse> {
        let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&newest.1)
    }

    /// What holds as of a transaction, and how many acts do. Reads acts only when one more has begun.
    pub async fn newest(
        &self,
        reading: &mut Transaction,
    ) -> Result<(i64, Arc<UnitsInUse>), StoreError> {
        let begun = reading.read_counter("unit_act_begun").await?;
        if let Some(held) = self.held(begun) {
            return Ok((begun, held));
        }
        let acts = reading.read_begun_unit_acts().await?;
        // Acts are kept only if they can hold beside each other.
        let units = UnitsInUse::new(&acts).map_err(|_| StoreError::Corrupt {
            table: "unit_act",
            column: "act_text",
        })?;
        let units = Arc::new(units);
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        *newest = (begun, Arc::clone(&units));
        Ok((begun, units))
    }

    fn held(&self, begun: i64) -> Option<Arc<UnitsInUse>> {
        let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        (newest.0 == begun).then(|| Arc::clone(&newest.1))
    }
}

/// What an act does, or would do.
#[derive(Clone, Debug)]
pub struct Applied {
    /// The act.
    pub act: UnitAct,
    /// It was not known before.
    pub is_new: bool,
    /// Its day has come.
    pub is_due: bool,
    /// Registered nodes that stand in another unit by it.
    pub nodes: u64,
}

/// How far the acts are followed.
#[derive(Clone, Copy, Debug)]
pub struct UnitStatus {
    /// What the leader has looked at.
    pub progress: UnitProgress,
    /// Golden records that count.
    pub golden_records: i64,
    /// Golden records that wait for a place.
    pub tasks: i64,
}

/// A node by the acts that hold.
#[derive(Clone, Debug)]
pub struct SeatedNode {
    /// As it was registered.
    pub registered: NodeTerritory,
    /// The unit that it stands in now.
    pub seat: UnitReference,
    /// What its territory has besides, where it was not registered for it.
    pub gained: BTreeSet<UnitReference>,
}

/// The use cases of operators.
pub struct UnitActs {
    /// The hub's database.
    pub store: Store,
    /// Says what day it is.
    pub clock: Arc<dyn Clock>,
    /// Wakes the reconciler.
    pub signals: Arc<Signals>,
    /// Knows which acts hold.
    pub known: Arc<KnownUnits>,
}

impl UnitActs {
    /// Keeps an act, or only says what it would do. The same act again changes nothing.
    pub async fn apply(
        &self,
        text: &str,
        dry_run: bool,
        operator: &NodeName,
    ) -> Result<Applied, UnitError> {
        let act = UnitAct::parse(text)?;
        let now = self.clock.now();
        let mut transaction = self.store.write().await?;
        let last = transaction.lock_counter("unit_act").await?;
        let is_new = match transaction.knows_unit_act(&act).await? {
            None => true,
            Some(true) => false,
            Some(false) => return Err(UnitError::IdReused(act.id().clone())),
        };
        if is_new {
            let mut acts = transaction.read_unit_acts().await?;
            acts.push(act.clone());
            UnitsInUse::new(&acts)?;
        }
        let nodes = count_moved(&mut transaction, &act).await?;
        if is_new && !dry_run {
            transaction
                .append_unit_act(last + 1, &act, operator, now)
                .await?;
            transaction.commit().await?;
            self.signals.log.call();
        }
        Ok(Applied {
            is_due: act.effective_from() <= now.date(),
            act,
            is_new,
            nodes,
        })
    }

    /// Acts before a number, the newest first.
    pub async fn list(&self, before: i64, limit: i64) -> Result<Vec<UnitActRow>, StoreError> {
        self.store.read().await?.list_unit_acts(before, limit).await
    }

    /// How far the acts are followed.
    pub async fn status(&self) -> Result<UnitStatus, StoreError> {
        let mut reading = self.store.read().await?;
        let golden_children = reading.read_counter("golden_children").await?;
        Ok(UnitStatus {
            progress: reading.read_unit_progress().await?,
            golden_records: golden_children + reading.read_counter("case_reports").await?,
            tasks: reading.count_placement_tasks().await?,
        })
    }

    /// Nodes after a name, by the acts that hold, in the order of their names.
    pub async fn nodes(&self, after: &str, limit: i64) -> Result<Vec<SeatedNode>, StoreError> {
        let mut reading = self.store.read().await?;
        let (_, units) = self.known.newest(&mut reading).await?;
        let nodes = reading.list_territories(after, limit).await?.into_iter();
        let seated = nodes.map(|registered| SeatedNode {
            seat: units.seat(registered.unit),
            gained: gained(&units, &registered.territory),
            registered,
        });
        Ok(seated.collect())
    }

    /// Records that wait for a place after one, each with the units that the parts of its own went into.
    pub async fn tasks(
        &self,
        after: (&str, Uuid),
        limit: i64,
    ) -> Result<Vec<(PlacementTask, Vec<UnitReference>)>, StoreError> {
        let mut reading = self.store.read().await?;
        let (_, units) = self.known.newest(&mut reading).await?;
        let tasks = reading.list_placement_tasks(after, limit).await?;
        let parts = |task: PlacementTask| {
            let fate = units.fate(&task.unit);
            (task, fate.map_or(Vec::new(), |(_, fate)| fate.successors()))
        };
        Ok(tasks.into_iter().map(parts).collect())
    }

    /// Says of golden records into which part of a unit that was split they belong; all of them or none.
    pub async fn place(
        &self,
        golden: &[GoldenId],
        to: UnitReference,
        operator: &NodeName,
    ) -> Result<(), UnitError> {
        let golden: BTreeSet<GoldenId> = golden.iter().copied().collect();
        let golden: Vec<GoldenId> = golden.into_iter().collect();
        if golden.is_empty() || golden.len() > PLACED_RECORDS_MAX {
            return Err(UnitError::TooMany(golden.len()));
        }
        let now = self.clock.now();
        let mut transaction = self.store.write().await?;
        let last = transaction.lock_counter("placement").await?;
        let (_, units) = self.known.newest(&mut transaction).await?;
        let tasks = transaction.find_placement_tasks(&golden).await?;
        for id in &golden {
            let task = tasks.iter().find(|task| task.golden_id == *id);
            let task = task.ok_or_else(|| UnitError::NoTask(id.as_uuid()))?;
            let is_part = match units.fate(&task.unit) {
                Some((_, Fate::Split(parts))) => parts.contains(&to),
                Some(_) | None => false,
            };
            if !is_part {
                let from = task.unit;
                return Err(UnitError::NotAPart { from, to });
            }
        }
        transaction
            .append_placements(last + 1, &tasks, to, (operator, now))
            .await?;
        let count = i64::try_from(tasks.len()).unwrap_or_default();
        transaction.set_counter("placement", last + count).await?;
        transaction.commit().await?;
        self.signals.log.call();
        Ok(())
    }
}

/// How many registered nodes an act alone moves.
async fn count_moved(transaction: &mut Transaction, act: &UnitAct) -> Result<u64, UnitError> {
    let units = UnitsInUse::new([act])?;
    let (mut moved, mut after) = (0, String::new());
    loop {
        let page = transaction
            .list_territories(&after, UNIT_PAGE_ROWS_MAX)
            .await?;
        let Some(last) = page.last() else {
            return Ok(moved);
        };
        after.clone_from(&last.name);
        let is_moved = |node: &&NodeTerritory| {
            let of_territory = || {
                node.territory
                    .units()
                    .iter()
                    .any(|unit| units.touches(unit))
            };
            units.touches(&node.unit) || of_territory()
        };
        moved += page.iter().filter(is_moved).map(|_| 1).sum::<u64>();
    }
}

/// The units that a territory has now besides those that it was registered for.
fn gained(units: &UnitsInUse, territory: &Territory) -> BTreeSet<UnitReference> {
    let listed = territory.units();
    let ends = listed.iter().flat_map(|unit| units.ends_within(unit));
    ends.filter(|unit| !listed.contains(unit)).collect()
}
