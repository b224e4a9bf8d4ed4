//! The feed: a node reads what became of its records, from a cursor.

use crate::domain::clock::Timestamp;
use crate::domain::node::NodeId;
use crate::domain::record::Lane;
use crate::store::{FeedRow, Store, StoreError};

/// Events of one page.
pub const FEED_PAGE_ROWS: i64 = 500;

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
    let rows = reading.read_feed(node, cursor, FEED_PAGE_ROWS).await?;
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
