//! Uploads: files of records that come in chunks, over any number of lines, and are taken in at the end.
//!
//! A node announces an upload, sends its bytes, and commits it. The bytes are kept sealed until the
//! [`UploadCommitter`] has checked them and has taken their records into the same log as `Push`, by the same
//! rules. Everything goes on where it stopped: bytes at the durable offset, records at those that were
//! dealt with, which are written down in the transaction that dealt with them.

mod committer;
mod compare;
mod found;
mod lookup;
mod reading;
mod report;
mod slice;
mod take;
mod unpack;

use std::sync::Arc;

use bytes::{Buf, Bytes};

use crate::domain::clock::Clock;
use crate::domain::node::NodeId;
use crate::domain::territory::Territory;
use crate::domain::upload::{Faults, Manifest, Missing, UploadFault, UploadKind, UploadState};
use crate::security::seal::SealKey;
use crate::store::{
    Entry, HeldUpload, Store, StoreError, Transaction, UploadKey, UploadProgress, UploadRow,
};
use crate::sync::sealing::seal_chunk;
use crate::sync::signals::Signals;
use crate::sync::units::KnownUnits;

pub use committer::{AWAITED_SWEEPS_MAX, ENDED_SWEEPS_MAX, UploadCommitter};

/// Bytes of one chunk at most.
pub const CHUNK_BYTES_MAX: usize = 256 * 1024;
/// Chunks of one upload at most: enough for the largest upload in pieces of 4 KiB.
pub const CHUNKS_MAX: u64 = 65_536;
/// Bytes of one upload at most, as they are sent.
pub const UPLOAD_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Bytes of one upload at most, unpacked.
pub const UNPACKED_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// Changes of one upload at most.
pub const UPLOAD_RECORDS_MAX: u64 = 500_000;
/// Changes of an upload of which all or nothing is taken in: they go into the log in one transaction,
/// and whoever pushes meanwhile waits for it.
pub const ALL_OR_NOTHING_RECORDS_MAX: u64 = 20_000;
/// Unpacked bytes of such an upload: it is in memory as a whole.
pub const ALL_OR_NOTHING_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Uploads of one node that have not ended, at most.
pub const OPEN_UPLOADS_MAX: i64 = 4;
/// Rows of a page of uploads or entries, unless asked otherwise.
pub const PAGE_ROWS: u32 = 100;
/// Rows of such a page at most.
pub const PAGE_ROWS_MAX: u32 = 500;

/// Why an upload does not go on.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// The node has no upload of this name.
    #[error("this node has no such upload: open it first")]
    Unknown,
    /// The name stands for an upload with another manifest.
    #[error("this upload_id stands for an upload with another manifest: choose a new one")]
    IdReused,
    /// Nobody asked for the upload for a long time, and it is being removed.
    #[error("this upload was given up and is being removed: open it again in a moment")]
    Expiring,
    /// The manifest cannot be used.
    #[error("{problem}")]
    Manifest {
        /// The field.
        field: &'static str,
        /// What is wrong with it and what to do.
        problem: &'static str,
    },
    /// The unit is not in the node's territory.
    #[error("the unit is not in this node's territory")]
    OutsideTerritory,
    /// The node has too many uploads that have not ended.
    #[error("this node has {OPEN_UPLOADS_MAX} uploads that have not ended: end one of them first")]
    TooManyOpen,
    /// All uploads of the hub together hold as much as they may.
    #[error(
        "the uploads of this hub hold as much as they may: come back when some of them are taken in, \
         or push the records"
    )]
    StorageFull,
    /// A chunk is empty or too large.
    #[error("a chunk has 1 byte to 256 KiB")]
    ChunkSize,
    /// The bytes came in too many chunks.
    #[error(
        "the bytes came in more than {CHUNKS_MAX} chunks: open another upload and send larger ones"
    )]
    TooManyChunks,
    /// The bytes before the chunk are not there yet.
    #[error("bytes are missing before this chunk: go on at {durable}")]
    OffsetAhead {
        /// Where to go on.
        durable: u64,
    },
    /// The chunk goes beyond the end that the manifest names.
    #[error("the chunk ends beyond the bytes that the manifest names")]
    BeyondEnd,
    /// Bytes are missing at the end.
    #[error("bytes are missing: go on at {durable}")]
    Incomplete {
        /// Where to go on.
        durable: u64,
    },
    /// The commit found fault with the bytes, which must be sent again.
    #[error(transparent)]
    Fault(#[from] UploadFault),
    /// A chunk could not be sealed.
    #[error("a chunk could not be sealed")]
    Sealing,
    /// The database did not take part.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The uploads of a hub, for those that send and show them.
#[derive(Clone)]
pub struct Uploads {
    /// The hub's database.
    pub store: Store,
    /// Seals chunks.
    pub key: Arc<SealKey>,
    /// Says what time it is, for the tables only.
    pub clock: Arc<dyn Clock>,
    /// Wakes the committer.
    pub signals: Arc<Signals>,
    /// Knows the acts by which territories have grown.
    pub units: Arc<KnownUnits>,
    /// What all uploads together may hold until they are taken in, in bytes.
    pub bytes_max: u64,
}

impl Uploads {
    /// Announces an upload, or finds it: the same manifest again changes nothing.
    pub async fn open(
        &self,
        node: NodeId,
        territory: &Territory,
        manifest: Manifest,
    ) -> Result<HeldUpload, UploadError> {
        check(&manifest)?;
        if !self.units.current().allows(territory, &manifest.unit) {
            return Err(UploadError::OutsideTerritory);
        }
        let key = UploadKey {
            node,
            upload: manifest.upload,
        };
        let mut transaction = self.store.write().await?;
        let last = transaction.lock_counter("upload").await?;
        if let Some(held) = find(&mut transaction, key).await? {
            if held.row.manifest != manifest {
                return Err(UploadError::IdReused);
            }
            if held.progress.state == UploadState::Expired {
                return Err(UploadError::Expiring);
            }
            transaction.touch_upload(key).await?;
            transaction.commit().await?;
            return Ok(held);
        }
        if transaction.count_open_uploads(node).await? >= OPEN_UPLOADS_MAX {
            return Err(UploadError::TooManyOpen);
        }
        // An upload counts with all that it announces, so that none runs out of room on its way.
        let announced = transaction.sum_announced_bytes().await?;
        if announced.saturating_add(manifest.bytes) > self.bytes_max {
            return Err(UploadError::StorageFull);
        }
        let row = UploadRow {
            node,
            number: last + 1,
            manifest,
            log_position: transaction.read_counter("log").await?,
            opened_at: self.clock.now(),
        };
        transaction.set_counter("upload", row.number).await?;
        transaction.insert_upload(&row).await?;
        let held = find(&mut transaction, key).await?;
        transaction.commit().await?;
        held.ok_or(UploadError::Unknown)
    }

    /// Keeps a chunk and says how many bytes are durable now. What is durable already is passed over, so
    /// that a chunk may come twice, and from two clients.
    pub async fn receive(
        &self,
        key: UploadKey,
        bytes: u64,
        offset: u64,
        mut content: Bytes,
    ) -> Result<u64, UploadError> {
        if content.is_empty() || content.len() > CHUNK_BYTES_MAX {
            return Err(UploadError::ChunkSize);
        }
        let end = offset.saturating_add(length(&content));
        if end > bytes {
            return Err(UploadError::BeyondEnd);
        }
        let mut transaction = self.store.write().await?;
        let held = transaction.lock_upload(key).await?;
        let held = held.ok_or(UploadError::Unknown)?;
        if !is_receiving(held.state)? {
            return Ok(bytes);
        }
        if offset > held.bytes {
            let durable = held.bytes;
            return Err(UploadError::OffsetAhead { durable });
        }
        if end <= held.bytes {
            transaction.touch_upload(key).await?;
            transaction.commit().await?;
            return Ok(held.bytes);
        }
        if held.chunks >= CHUNKS_MAX {
            return Err(UploadError::TooManyChunks);
        }
        content.advance(usize::try_from(held.bytes - offset).unwrap_or(usize::MAX));
        let sealed =
            seal_chunk(&self.key, key, held.bytes, &content).map_err(|_| UploadError::Sealing)?;
        transaction
            .append_chunk(key, held.bytes, sealed, end)
            .await?;
        transaction.commit().await?;
        Ok(end)
    }

    /// Begins to take an upload in, unless that has been begun already.
    pub async fn commit(&self, key: UploadKey) -> Result<(), UploadError> {
        let mut transaction = self.store.write().await?;
        let held = transaction.lock_upload(key).await?;
        let held = held.ok_or(UploadError::Unknown)?;
        if !is_receiving(held.state)? {
            return Ok(());
        }
        let row = transaction.find_upload(key).await?;
        let row = row.ok_or(UploadError::Unknown)?;
        if held.bytes < row.manifest.bytes {
            let durable = held.bytes;
            return Err(UploadError::Incomplete { durable });
        }
        let states = (UploadState::Receiving, UploadState::Committing);
        transaction.set_upload_state(key, states, "", None).await?;
        transaction.commit().await?;
        self.signals.uploads.call();
        Ok(())
    }

    /// An upload with how far it is.
    pub async fn find(&self, key: UploadKey) -> Result<HeldUpload, UploadError> {
        let held = find(&mut self.store.read().await?, key).await?;
        held.ok_or(UploadError::Unknown)
    }

    /// Uploads before a number, the newest first, of one node or of all, with the names of their nodes.
    pub async fn list(
        &self,
        before: i64,
        node: Option<NodeId>,
        limit: i64,
    ) -> Result<Vec<(String, HeldUpload)>, UploadError> {
        let mut transaction = self.store.read().await?;
        let mut listed = Vec::new();
        for row in transaction.list_uploads(before, node, limit).await? {
            let name = transaction.name_of_node(row.node).await?;
            let progress = transaction.upload_progress(row.key()).await?;
            let progress = progress.ok_or(UploadError::Unknown)?;
            listed.push((name, HeldUpload { row, progress }));
        }
        Ok(listed)
    }

    /// A page of the report of an upload after a place; -1 is before the first.
    pub async fn entries(
        &self,
        key: UploadKey,
        after: i64,
        limit: i64,
    ) -> Result<Vec<Entry>, UploadError> {
        let mut transaction = self.store.read().await?;
        Ok(transaction.read_entries(key, after, limit).await?)
    }
}

/// Whether bytes are awaited; false where all of them are there and the upload goes on by itself.
fn is_receiving(state: UploadState) -> Result<bool, UploadError> {
    match state {
        UploadState::Receiving => Ok(true),
        UploadState::Committing
        | UploadState::Committed
        | UploadState::Validated
        | UploadState::Refused => Ok(false),
        UploadState::Expired => Err(UploadError::Expiring),
    }
}

async fn find(
    transaction: &mut Transaction,
    key: UploadKey,
) -> Result<Option<HeldUpload>, StoreError> {
    let Some(row) = transaction.find_upload(key).await? else {
        return Ok(None);
    };
    let progress: Option<UploadProgress> = transaction.upload_progress(key).await?;
    Ok(progress.map(|progress| HeldUpload { row, progress }))
}

/// What a manifest must keep beside being readable.
fn check(manifest: &Manifest) -> Result<(), UploadError> {
    let wrong = |field, problem| Err(UploadError::Manifest { field, problem });
    let is_empty = manifest.records == 0;
    if manifest.records > UPLOAD_RECORDS_MAX {
        return wrong(
            "records",
            "at most 500,000 records go into one upload: split it",
        );
    }
    if manifest.bytes > UPLOAD_BYTES_MAX {
        return wrong("bytes", "at most 256 MiB go into one upload: split it");
    }
    if manifest.faults == Faults::RefuseAll && manifest.records > ALL_OR_NOTHING_RECORDS_MAX {
        return wrong(
            "all_or_nothing",
            "at most 20,000 records go in together: split the upload, or keep the good records",
        );
    }
    let withdraws = match manifest.kind {
        UploadKind::Delta => false,
        UploadKind::Snapshot { missing, .. } => missing == Missing::Withdraw,
    };
    if is_empty && withdraws {
        return wrong(
            "withdraw_missing",
            "an empty snapshot would withdraw every record of the unit: send tombstones instead",
        );
    }
    Ok(())
}

fn length(content: &[u8]) -> u64 {
    u64::try_from(content.len()).unwrap_or(u64::MAX)
}
