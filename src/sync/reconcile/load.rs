//! What the reconciler reads before it decides.

use std::collections::HashMap;
use std::sync::Arc;

use super::content::{open_member, read_normalised};
use super::{ReconcileError, Reconciler};
use crate::domain::golden::GoldenId;
use crate::domain::record::{Lane, RecordKey, RecordKind};
use crate::linkage::decisions::Decisions;
use crate::linkage::index::{LinkageIndex, Review};
use crate::linkage::model::Model;
use crate::security::seal::SealKey;
use crate::store::{GoldenRow, LogEntry, Member, ReviewRow, SourceRow, Store};
use crate::sync::bulk;
use crate::sync::codec::RecordCodec;

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

/// The index as the store has it: every live child, read page by page, then compared on all cores.
pub async fn rebuild_index(
    store: &Store,
    codec: &dyn RecordCodec,
    key: &SealKey,
    model: Arc<Model>,
) -> Result<LinkageIndex, ReconcileError> {
    let mut index = LinkageIndex::new(model, read_decisions(store).await?);
    let mut after = None;
    loop {
        let mut reading = store.read().await?;
        let page = reading.scan_live_children(after, REBUILD_PAGE_ROWS).await?;
        drop(reading);
        let Some(last) = page.last() else {
            break;
        };
        after = Some(last.key);
        for member in page {
            let opened = open_member(key, &member)?;
            match read_normalised(codec, RecordKind::Child, &opened) {
                Ok(Some(read)) => {
                    index.load(member.key, &read, Some(member.golden_id));
                }
                Ok(None) => {}
                Err(error) => {
                    let record = member.key.record_id;
                    tracing::warn!(record.id = %record, error = %error, "A held record cannot be linked");
                }
            }
        }
    }
    restore_reviews(store, &mut index).await?;
    let index = tokio::task::spawn_blocking(move || {
        bulk::compare_all(&mut index);
        index.touch_all();
        index
    });
    index.await.map_err(|_| ReconcileError::Interrupted)
}

/// The decisions that the links of the store already rest on.
async fn read_decisions(store: &Store) -> Result<Decisions, ReconcileError> {
    let mut reading = store.read().await?;
    let done = reading.read_counter("decision_done").await?;
    let mut decisions = Decisions::default();
    let mut after = 0;
    loop {
        let page = reading.read_decisions(after, REBUILD_PAGE_ROWS).await?;
        let Some(last) = page.last() else {
            return Ok(decisions);
        };
        after = last.sequence;
        for decision in page
            .into_iter()
            .filter(|decision| decision.sequence <= done)
        {
            decisions.put(decision.pair, decision.verdict);
        }
    }
}

/// The reviews that the store has, so that only what differs is written.
async fn restore_reviews(store: &Store, index: &mut LinkageIndex) -> Result<(), ReconcileError> {
    let mut reading = store.read().await?;
    let mut after = None;
    loop {
        let page = reading.scan_reviews(after, REBUILD_PAGE_ROWS).await?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        after = Some(last.pair);
        for ReviewRow {
            pair, centibits, ..
        } in page
        {
            index.restore_review(Review { pair, centibits });
        }
    }
}
