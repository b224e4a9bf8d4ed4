//! The feed: a node reads what became of its records, from a cursor.

use crate::domain::node::NodeId;
use crate::store::{FeedRow, Store, StoreError};

/// Events of one page.
pub const FEED_PAGE_ROWS: i64 = 500;

/// A page of a node's feed after a cursor, and the cursor to go on from.
pub async fn read_page(
    store: &Store,
    node: NodeId,
    cursor: i64,
) -> Result<(Vec<FeedRow>, i64), StoreError> {
    let mut reading = store.read().await?;
    let rows = reading.read_feed(node, cursor, FEED_PAGE_ROWS).await?;
    let cursor = rows.last().map_or(cursor, |row| row.feed);
    Ok((rows, cursor))
}
