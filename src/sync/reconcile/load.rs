//! What the reconciler reads before it decides.

use std::collections::HashMap;

use super::content::{open_member, read_record};
use super::{ReconcileError, Reconciler};
use crate::domain::golden::GoldenId;
use crate::domain::record::{Lane, RecordKey, RecordKind};
use crate::linkage::clusters::Clusters;
use crate::linkage::identity::Identity;
use crate::store::{GoldenRow, LogEntry, Member, SourceRow};

/// Records that rebuilding the index reads at a time.
const REBUILD_PAGE_ROWS: i64 = 5_000;

/// A slice of one lane of the log, and the source records it may change.
pub(super) struct Slice {
    pub(super) lane: Lane,
    pub(super) from: i64,
    pub(super) entries: Vec<LogEntry>,
    pub(super) held: HashMap<RecordKey, SourceRow>,
}

/// Golden records that a slice touches, as the store has them.
#[derive(Default)]
pub(super) struct Known {
    pub(super) golden: HashMap<GoldenId, GoldenRow>,
    pub(super) members: HashMap<GoldenId, Vec<Member>>,
}

/// The next slice of a lane, or `None` when the lane is at its end.
pub(super) async fn read_slice(
    reconciler: &Reconciler,
    lane: Lane,
) -> Result<Option<Slice>, ReconcileError> {
    let mut reading = reconciler.store.read().await?;
    let from = reading.log_position(lane).await?;
    let limit = i64::from(reconciler.slice_records);
    let entries = reading.read_log(lane, from, limit).await?;
    if entries.is_empty() {
        return Ok(None);
    }
    let mut keys: Vec<RecordKey> = entries.iter().map(|entry| entry.key).collect();
    keys.sort_unstable();
    keys.dedup();
    let held = reading.find_source_records(&keys).await?;
    let held = held.into_iter().map(|row| (row.key, row)).collect();
    Ok(Some(Slice {
        lane,
        from,
        entries,
        held,
    }))
}

/// The golden records that the slice touches and, where others than the slice's records are in them,
/// those others.
pub(super) async fn read_affected(
    reconciler: &Reconciler,
    existing: &[GoldenId],
) -> Result<Known, ReconcileError> {
    if existing.is_empty() {
        return Ok(Known::default());
    }
    let mut reading = reconciler.store.read().await?;
    let golden = reading.find_golden_records(existing).await?;
    let golden = golden.into_iter().map(|row| (row.golden_id, row)).collect();
    let mut members: HashMap<GoldenId, Vec<Member>> = HashMap::new();
    for member in reading.read_members(existing).await? {
        members.entry(member.golden_id).or_default().push(member);
    }
    Ok(Known { golden, members })
}

/// The clusters as the store has them: every live child, read page by page.
pub(super) async fn rebuild_clusters(reconciler: &Reconciler) -> Result<Clusters, ReconcileError> {
    let mut clusters = Clusters::default();
    let mut after = None;
    loop {
        let mut reading = reconciler.store.read().await?;
        let page = reading.scan_live_children(after, REBUILD_PAGE_ROWS).await?;
        drop(reading);
        let Some(last) = page.last() else {
            return Ok(clusters);
        };
        after = Some(last.key);
        for member in page {
            let opened = open_member(reconciler, &member)?;
            clusters.restore(member.golden_id, identity_of(reconciler, &member, &opened));
        }
    }
}

/// The identity of a record that was accepted. A later version of the program may have stricter rules
/// and not read it any more: then it keeps its golden record and no other is linked to it.
fn identity_of(reconciler: &Reconciler, member: &Member, opened: &[u8]) -> Option<Identity> {
    match read_record(reconciler, RecordKind::Child, opened) {
        Ok(record) => record.as_child().and_then(Identity::of),
        Err(error) => {
            let record = member.key.record_id;
            tracing::warn!(record.id = %record, error = %error, "A held record breaks a newer rule");
            None
        }
    }
}
