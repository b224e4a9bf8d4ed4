//! What the reconciler reads before it decides.

use std::collections::HashMap;
use std::sync::Arc;

use super::plan::Placed;
use super::units::Placements;
use super::{ReconcileError, Reconciler};
use crate::domain::golden::GoldenId;
use crate::domain::record::{Lane, RecordKey, RecordKind};
use crate::domain::units_in_use::UnitsInUse;
use crate::store::{GoldenRow, LogEntry, Member, SourceRow};

/// A slice of one lane of the log, and the source records it may change.
pub(super) struct Slice {
    pub(super) lane: Lane,
    pub(super) from: i64,
    pub(super) entries: Vec<LogEntry>,
    pub(super) held: HashMap<RecordKey, SourceRow>,
    /// Of the slice's records those in whose favour others were withdrawn, with the golden records of
    /// those others.
    pub(super) predecessors: HashMap<RecordKey, Vec<GoldenId>>,
}

/// Golden records that a slice touches, as the store has them.
#[derive(Default)]
pub(super) struct Known {
    pub(super) golden: HashMap<GoldenId, GoldenRow>,
    pub(super) members: HashMap<GoldenId, Vec<Member>>,
    /// The acts about units that hold.
    pub(super) units: Arc<UnitsInUse>,
    /// What operators said of records of units that were split.
    pub(super) placements: Placements,
}

/// The next slice of a lane, or `None` when the lane is at its end.
pub(super) async fn read_slice(
    reconciler: &Reconciler,
    lane: Lane,
    records_max: u32,
) -> Result<Option<Slice>, ReconcileError> {
    let mut reading = reconciler.store.read().await?;
    let from = reading.log_position(lane).await?;
    let entries = reading.read_log(lane, from, i64::from(records_max)).await?;
    if entries.is_empty() {
        return Ok(None);
    }
    let mut keys: Vec<RecordKey> = entries.iter().map(|entry| entry.key).collect();
    keys.sort_unstable();
    keys.dedup();
    let held = reading.find_source_records(&keys).await?;
    let mut predecessors: HashMap<RecordKey, Vec<GoldenId>> = HashMap::new();
    if lane == RecordKind::Child.lane() {
        for (key, golden) in reading.find_predecessors(&keys).await? {
            predecessors.entry(key).or_default().push(golden);
        }
    }
    Ok(Some(Slice {
        lane,
        from,
        entries,
        held: held.into_iter().map(|row| (row.key, row)).collect(),
        predecessors,
    }))
}

/// The golden records that the slice touches and, where others than the slice's records are in them,
/// those others.
pub(super) async fn read_affected(
    reconciler: &Reconciler,
    placed: &Placed,
    units: Arc<UnitsInUse>,
) -> Result<Known, ReconcileError> {
    let mut known = Known {
        units,
        ..Known::default()
    };
    let existing = placed.existing_golden();
    let mut reading = reconciler.store.read().await?;
    if !existing.is_empty() {
        let golden = reading.find_golden_records(&existing).await?;
        known.golden = golden.into_iter().map(|row| (row.golden_id, row)).collect();
        for member in reading.read_members(&existing).await? {
            let members = known.members.entry(member.golden_id).or_default();
            members.push(member);
        }
    }
    if known.units.has_splits() {
        let members = known.members.values().flatten().map(|member| member.key);
        let keys: Vec<RecordKey> = members.chain(placed.contents.keys().copied()).collect();
        known.placements = Placements::new(reading.find_placements(&keys).await?);
    }
    Ok(known)
}
