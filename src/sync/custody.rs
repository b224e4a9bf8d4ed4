//! Custody: where one record is durable and since when, at this hub and by the words of the tiers above.

use super::feed::{Feeds, UpstreamProgress};
use crate::domain::clock::Timestamp;
use crate::domain::node::NodeId;
use crate::domain::record::{RecordId, RecordKey, RecordKind, Version};
use crate::store::{FeedRow, StoreError, TracedBatch, TracedVersion, Transaction};

/// Versions of one record that are shown.
const TRACED_VERSIONS_MAX: i64 = 20;

/// The custody of one record, all of it as of one moment.
#[derive(Clone, Debug)]
pub struct Trace {
    /// Versions in the log, the newest first.
    pub versions: Vec<TracedVersion>,
    /// What became of the record, as the node's feed tells it.
    pub states: Vec<FeedRow>,
    /// How far the upstream was.
    pub progress: UpstreamProgress,
    /// Since when the golden record is what it is, and its version.
    pub golden: Option<(Timestamp, Version)>,
    /// The batch that carried the golden record as it is now.
    pub batch: Option<TracedBatch>,
}

impl Feeds {
    /// Follows a record of a node, or gives `None` if this hub never took it in.
    pub async fn trace(
        &self,
        node: NodeId,
        kind: RecordKind,
        record_id: RecordId,
    ) -> Result<Option<Trace>, StoreError> {
        let key = RecordKey {
            node,
            kind,
            record_id,
        };
        let mut reading = self.store.read().await?;
        let versions = reading
            .read_traced_versions(key, TRACED_VERSIONS_MAX)
            .await?;
        let mut states = Vec::new();
        for number in reading.find_feed_numbers(key).await? {
            // A number stands for one event.
            states.extend(reading.read_feed(node, number - 1, 1).await?);
        }
        let progress = UpstreamProgress::read(&mut reading).await?;
        let states = self.complete(&mut reading, node, states, progress).await?;
        if versions.is_empty() && states.is_empty() {
            return Ok(None);
        }
        let golden = golden_since(&mut reading, &states).await?;
        let change = states.iter().map(|row| row.golden_change).max();
        let batch = match change {
            Some(change @ 1..) => reading.find_covering_batch(kind.lane(), change).await?,
            Some(_) | None => None,
        };
        Ok(Some(Trace {
            versions,
            states,
            progress,
            golden,
            batch,
        }))
    }
}

/// Since when the golden record is what it is: since its predecessor was replaced, or since it has its identity.
async fn golden_since(
    reading: &mut Transaction,
    states: &[FeedRow],
) -> Result<Option<(Timestamp, Version)>, StoreError> {
    let named = states
        .iter()
        .find_map(|row| Some((row.golden_id?, row.golden_version?)));
    let Some((golden_id, version)) = named else {
        return Ok(None);
    };
    let replaced = reading.find_golden_since(golden_id, version).await?;
    let since = replaced.or_else(|| golden_id.named_at());
    Ok(since.map(|since| (since, version)))
}
