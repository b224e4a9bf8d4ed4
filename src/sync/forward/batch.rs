//! Forward batches as they are sealed, and the records that they hold.

use super::upstream::{OutgoingBody, OutgoingChange};
use crate::domain::golden::GoldenId;
use crate::domain::record::{ContentHash, Lane, TombstoneReason, Version};
use crate::security::seal::{SealError, SealKey};
use crate::store::{ForwardBatch, GoldenChange, GoldenState};
use crate::sync::sealing::open_golden;

/// A batch that was sealed and waits for its receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedBatch {
    /// Its lane.
    pub lane: Lane,
    /// Its number, without gaps over both lanes of a hub.
    pub number: i64,
    /// First change that it covers.
    pub first_change: i64,
    /// Last change that it covers.
    pub last_change: i64,
    /// Digest over its records.
    pub digest: [u8; 32],
}

impl SealedBatch {
    pub(super) fn new(lane: Lane, row: ForwardBatch, digest: [u8; 32]) -> Self {
        Self {
            lane,
            number: row.number,
            first_change: row.first_change,
            last_change: row.last_change,
            digest,
        }
    }

    pub(super) fn row(&self) -> ForwardBatch {
        ForwardBatch {
            number: self.number,
            first_change: self.first_change,
            last_change: self.last_change,
        }
    }
}

/// A record of a batch, without what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchEntry {
    /// Its identity.
    pub golden_id: GoldenId,
    /// Its version.
    pub version: Version,
    /// The hash of its content.
    pub hash: ContentHash,
}

/// The entries of a batch, in order.
pub(super) fn entries(changes: &[GoldenChange]) -> Vec<BatchEntry> {
    let entry = |change: &GoldenChange| BatchEntry {
        golden_id: change.golden_id,
        version: change.version,
        hash: change.hash,
    };
    changes.iter().map(entry).collect()
}

/// BLAKE3 over identity, version and content hash of each record.
pub fn digest(entries: &[BatchEntry]) -> [u8; 32] {
    let mut digest = blake3::Hasher::new();
    for entry in entries {
        digest.update(entry.golden_id.as_uuid().as_bytes());
        digest.update(&entry.version.as_i64().to_be_bytes());
        digest.update(entry.hash.as_bytes());
    }
    *digest.finalize().as_bytes()
}

/// The records of a batch with their contents opened.
pub(super) fn open(
    key: &SealKey,
    changes: &[GoldenChange],
) -> Result<Vec<OutgoingChange>, SealError> {
    let changes = changes.iter();
    changes.map(|change| open_one(key, change)).collect()
}

fn open_one(key: &SealKey, change: &GoldenChange) -> Result<OutgoingChange, SealError> {
    let (golden_id, version) = (change.golden_id, change.version);
    let body = match change.state {
        GoldenState::Live => {
            OutgoingBody::Content(open_golden(key, golden_id, version, &change.content)?)
        }
        GoldenState::Withdrawn => OutgoingBody::Tombstone(TombstoneReason::Withdrawn, None),
        GoldenState::MergedInto(survivor) => {
            OutgoingBody::Tombstone(TombstoneReason::Merged, Some(survivor.as_uuid()))
        }
    };
    let different_from = change.different_from.iter().map(|id| id.as_uuid());
    Ok(OutgoingChange {
        golden_id,
        version,
        kind: change.kind,
        body,
        different_from: different_from.collect(),
    })
}
