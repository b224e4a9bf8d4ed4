//! Status: how a hub is doing, all of it as of one moment.

use crate::domain::clock::Timestamp;
use crate::domain::record::Lane;
use crate::store::{
    ComparisonRow, ForwarderHealth, HubCounts, Lease, LeaseName, NodeCounts, Store, StoreError,
};

/// Nodes of one page at most.
pub const NODES_PAGE_ROWS_MAX: u32 = 1_000;
/// Nodes of one page unless asked otherwise.
pub const NODES_PAGE_ROWS: u32 = 100;

/// Newest comparisons that are shown at most, one with each node.
const COMPARISONS_SHOWN_MAX: i64 = 1_000;

/// A position in a lane and what waits after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LanePosition {
    /// The lane.
    pub lane: Lane,
    /// The position.
    pub position: i64,
    /// What waits after it.
    pub waiting: i64,
}

/// A hub at one moment.
#[derive(Clone, Debug)]
pub struct HubStatus {
    /// Number of the newest submission.
    pub log_head: i64,
    /// How far the reconciler is.
    pub reconciler: Vec<LanePosition>,
    /// Who reconciles.
    pub lease: Lease,
    /// Counts of the tables.
    pub counts: HubCounts,
    /// Number of the newest golden-record change.
    pub change_head: i64,
    /// How far the forwarder is.
    pub forwarder: Vec<LanePosition>,
    /// The newest receipt.
    pub receipt: Option<(i64, Timestamp)>,
    /// How the forwarder's last attempt went.
    pub health: ForwarderHealth,
    /// Digest of the golden records, if it was asked for.
    pub digest: Option<[u8; 32]>,
    /// The newest comparison with the upstream and with each node.
    pub comparisons: Vec<ComparisonRow>,
}

/// Reads a hub's status; the digest reads every golden record.
pub async fn read_hub(store: &Store, with_digest: bool) -> Result<HubStatus, StoreError> {
    let mut reading = store.read().await?;
    let mut reconciler = Vec::new();
    let mut forwarder = Vec::new();
    for lane in Lane::ALL {
        let position = reading.log_position(lane).await?;
        let waiting = reading.count_waiting(lane, position).await?;
        reconciler.push(LanePosition {
            lane,
            position,
            waiting,
        });
        let position = reading.forward_position(lane).await?;
        let waiting = reading.count_waiting_changes(lane, position).await?;
        forwarder.push(LanePosition {
            lane,
            position,
            waiting,
        });
    }
    Ok(HubStatus {
        log_head: reading.read_counter("log").await?,
        reconciler,
        lease: reading.read_lease(LeaseName::Reconciler).await?,
        counts: reading.hub_counts().await?,
        change_head: reading.read_counter("change").await?,
        forwarder,
        receipt: reading.last_receipt().await?,
        health: reading.forwarder_health().await?,
        digest: if with_digest {
            Some(reading.digest_golden_records().await?)
        } else {
            None
        },
        comparisons: reading.newest_comparisons(COMPARISONS_SHOWN_MAX).await?,
    })
}

/// Reads a page of nodes after a name; digests read every record of theirs.
pub async fn read_nodes(
    store: &Store,
    after: &str,
    rows: u32,
    with_digests: bool,
) -> Result<Vec<(NodeCounts, Option<[u8; 32]>)>, StoreError> {
    let mut reading = store.read().await?;
    let mut page = Vec::new();
    for node in reading.list_nodes(after, i64::from(rows)).await? {
        let digest = if with_digests {
            Some(reading.digest_source_records(node.node_id).await?)
        } else {
            None
        };
        page.push((node, digest));
    }
    Ok(page)
}
