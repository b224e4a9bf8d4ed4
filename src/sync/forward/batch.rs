//! Forward batches as they are sealed, and the records that they hold.

use uuid::Uuid;

use super::ForwardError;
use super::upstream::{OutgoingBody, OutgoingChange};
use crate::domain::clock::Timestamp;
use crate::domain::golden::GoldenId;
use crate::domain::record::{ContentHash, Lane, TombstoneReason, Version};
use crate::security::seal::SealKey;
use crate::store::{GoldenChange, GoldenState};
use crate::sync::forwarded::ForwardedForm;
use crate::sync::sealing::open_golden;

/// Bytes of an entry where entries are written out: identity, version, hash.
pub const BATCH_ENTRY_BYTES: usize = 16 + 8 + 32;

/// What a hub says of a batch and signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Identity of the batch, a UUID of version 7: no two batches share one, whatever backup a hub was set back to.
    pub id: Uuid,
    /// Its lane.
    pub lane: Lane,
    /// Its number, without gaps over both lanes of a hub.
    pub number: i64,
    /// First change that it covers.
    pub first_change: i64,
    /// Last change that it covers.
    pub last_change: i64,
    /// Records in it.
    pub records: i64,
    /// [`digest`] of its entries.
    pub digest: [u8; 32],
    /// When it was sealed, by the hub's clock, for people only.
    pub sealed_at: Timestamp,
}

/// A batch that was sealed and waits for its receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedBatch {
    /// What was sealed.
    pub manifest: Manifest,
    /// The signed manifest as it was written when it was sealed.
    pub letter: Vec<u8>,
}

/// A manifest could not be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the manifest cannot be signed: check signing-key.pem in the identity directory")]
pub struct SigningFailed;

/// Writes manifests as signed letters.
pub trait ManifestWriter: Send + Sync {
    /// The letter of a manifest.
    fn write(&self, manifest: &Manifest) -> Result<Vec<u8>, SigningFailed>;
}

/// A record of a batch, without what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchEntry {
    /// Its identity.
    pub golden_id: GoldenId,
    /// Its version.
    pub version: Version,
    /// The hash of its content, or of the reason of its tombstone, as its submission upstream has it.
    pub hash: ContentHash,
}

/// The entries of a batch, in order.
pub(super) fn entries(changes: &[GoldenChange]) -> Vec<BatchEntry> {
    let entry = |change: &GoldenChange| BatchEntry {
        golden_id: change.golden_id,
        version: change.version,
        hash: match change.state {
            GoldenState::Live => change.forwarded_hash,
            GoldenState::Withdrawn => ContentHash::of_tombstone(TombstoneReason::Withdrawn),
            GoldenState::MergedInto(_) => ContentHash::of_tombstone(TombstoneReason::Merged),
        },
    };
    changes.iter().map(entry).collect()
}

/// Entries one after the other, each 56 bytes: identity, version as a big-endian number, hash.
pub fn write_entries(entries: &[BatchEntry]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(entries.len() * BATCH_ENTRY_BYTES);
    for entry in entries {
        bytes.extend_from_slice(entry.golden_id.as_uuid().as_bytes());
        bytes.extend_from_slice(&entry.version.as_i64().to_be_bytes());
        bytes.extend_from_slice(entry.hash.as_bytes());
    }
    bytes
}

/// Entries that were written out, or `None` if these bytes are none.
pub fn read_entries(bytes: &[u8]) -> Option<Vec<BatchEntry>> {
    let (entries, rest) = bytes.as_chunks::<BATCH_ENTRY_BYTES>();
    let entry = |entry: &[u8; BATCH_ENTRY_BYTES]| {
        let (id, rest) = entry.split_first_chunk()?;
        let (version, hash) = rest.split_first_chunk()?;
        Some(BatchEntry {
            golden_id: GoldenId::new(Uuid::from_bytes(*id)),
            version: Version::from_i64(i64::from_be_bytes(*version))?,
            hash: ContentHash::from_slice(hash)?,
        })
    };
    let entries = entries.iter().map(entry).collect::<Option<Vec<_>>>();
    entries.filter(|_| rest.is_empty())
}

/// BLAKE3 over the entries as they are written out.
pub fn digest(entries: &[BatchEntry]) -> [u8; 32] {
    *blake3::hash(&write_entries(entries)).as_bytes()
}

/// The records of a batch with what goes upstream of their contents: nothing leaves but by here.
pub(super) fn open(
    key: &SealKey,
    form: &dyn ForwardedForm,
    changes: &[GoldenChange],
) -> Result<Vec<OutgoingChange>, ForwardError> {
    let changes = changes.iter();
    changes.map(|change| open_one(key, form, change)).collect()
}

fn open_one(
    key: &SealKey,
    form: &dyn ForwardedForm,
    change: &GoldenChange,
) -> Result<OutgoingChange, ForwardError> {
    let (golden_id, version) = (change.golden_id, change.version);
    let body = match change.state {
        GoldenState::Live => {
            let whole = open_golden(key, golden_id, version, &change.content)?;
            let content = form.of(change.kind, &whole)?.into_owned();
            if ContentHash::of(&content) != change.forwarded_hash {
                return Err(ForwardError::PolicyDiffers);
            }
            OutgoingBody::Content(content)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_read_as_they_were_written() {
        let entries: Vec<BatchEntry> = (1..=3)
            .map(|number| BatchEntry {
                golden_id: GoldenId::new(Uuid::from_u128(number)),
                version: Version::FIRST,
                hash: ContentHash::of(&number.to_be_bytes()),
            })
            .collect();
        let bytes = write_entries(&entries);

        assert_eq!(read_entries(&bytes), Some(entries.clone()));
        assert_eq!(read_entries(&bytes[1..]), None);
        assert_ne!(digest(&entries), digest(&entries[1..]));
    }

    #[test]
    fn a_version_that_no_record_has_is_no_entry() {
        assert_eq!(read_entries(&[0xff; BATCH_ENTRY_BYTES]), None);
    }
}
