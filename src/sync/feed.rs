//! The feed: a node reads what became of its records, from a cursor.

use std::collections::HashMap;

use crate::domain::clock::Timestamp;
use crate::domain::golden::GoldenId;
use crate::domain::node::NodeId;
use crate::domain::record::Lane;
use crate::domain::unit::UnitReference;
use crate::store::{FeedRow, Store, StoreError, Transaction};

/// Events of one page.
pub const FEED_PAGE_ROWS: i64 = 500;
/// Units of other nodes that one event names.
const LINKED_UNITS_MAX: usize = 16;

/// A page of a node's feed and how far the hub's own upstream was, both as of one moment.
#[derive(Clone, Debug)]
pub struct FeedPage {
    /// The events.
    pub rows: Vec<FeedRow>,
    /// The cursor to go on from.
    pub cursor: i64,
    /// What the upstream has receipted.
    pub progress: UpstreamProgress,
}

/// Up to which change of each lane the upstream has receipted golden records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpstreamProgress {
    /// Last receipted change of the routine lane.
    pub routine: i64,
    /// Last receipted change of the urgent lane.
    pub urgent: i64,
    /// When the newest receipt came.
    pub receipted_at: Option<Timestamp>,
}

/// What the upstream says of a golden record as it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpstreamWord<'a> {
    /// It has not got it.
    NotYet,
    /// It holds it, at the latest since this time.
    Held(Timestamp),
    /// It refuses it.
    Refused(&'a str),
}

impl UpstreamProgress {
    /// What the upstream says of the golden record of an event that was read at the same moment. A receipt
    /// covers a change only as long as the golden record has not changed again: then it is not there yet.
    pub fn word_on(self, row: &FeedRow) -> UpstreamWord<'_> {
        let receipted = match row.kind.lane() {
            Lane::Routine => self.routine,
            Lane::Urgent => self.urgent,
        };
        let is_covered = row.golden_change > 0 && row.golden_change <= receipted;
        match (is_covered, &row.refusal, self.receipted_at) {
            (true, Some(reason), _) => UpstreamWord::Refused(reason),
            (true, None, Some(receipted_at)) => UpstreamWord::Held(receipted_at),
            (true, None, None) | (false, _, _) => UpstreamWord::NotYet,
        }
    }
}

/// A page of a node's feed after a cursor.
pub async fn read_page(store: &Store, node: NodeId, cursor: i64) -> Result<FeedPage, StoreError> {
    let mut reading = store.read().await?;
    let mut rows = reading.read_feed(node, cursor, FEED_PAGE_ROWS).await?;
    name_linked_units(&mut reading, node, &mut rows).await?;
    let cursor = rows.last().map_or(cursor, |row| row.feed);
    let progress = UpstreamProgress {
        routine: reading.forward_position(Lane::Routine).await?,
        urgent: reading.forward_position(Lane::Urgent).await?,
        receipted_at: reading.last_receipt().await?.map(|(_, at)| at),
    };
    Ok(FeedPage {
        rows,
        cursor,
        progress,
    })
}

/// Says where else the children of linked records are registered.
async fn name_linked_units(
    reading: &mut Transaction,
    node: NodeId,
    rows: &mut [FeedRow],
) -> Result<(), StoreError> {
    let linked = rows.iter().filter(|row| row.linked > 1);
    let mut golden: Vec<GoldenId> = linked.filter_map(|row| row.golden_id).collect();
    golden.sort_unstable();
    golden.dedup();
    let mut units: HashMap<GoldenId, Vec<UnitReference>> = HashMap::new();
    for (id, unit) in reading.find_linked_units(node, &golden).await? {
        units.entry(id).or_default().push(unit);
    }
    for row in rows {
        let found = row.golden_id.and_then(|id| units.get(&id));
        let mut found = found.cloned().unwrap_or_default();
        found.sort_unstable();
        found.dedup();
        found.truncate(LINKED_UNITS_MAX);
        row.linked_units = found;
    }
    Ok(())
}
