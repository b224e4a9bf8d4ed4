//! Forward batches of hubs below: what this hub signs for, and batches of both directions for those who look.

use std::collections::HashMap;
use std::sync::Arc;

use uuid::Uuid;

use super::forward::{BatchEntry, Manifest, SigningFailed};
use super::sealing::open_submission;
use crate::domain::clock::{Clock, Timestamp};
use crate::domain::golden::SubmissionKey;
use crate::domain::node::NodeId;
use crate::domain::record::{ContentHash, Lane, RecordId, RecordKey, RecordKind, Version};
use crate::security::seal::{SealError, SealKey};
use crate::store::{
    BatchLetters, NewReceivedBatch, ReceivedBatch, SentBatch, Store, StoreError, Submitted,
};

/// Batches of one page unless asked otherwise.
pub const BATCH_PAGE_ROWS: i64 = 100;
/// Batches of one page at most.
pub const BATCH_PAGE_ROWS_MAX: i64 = 500;
/// Records of one batch at most.
pub const BATCH_RECORDS_MAX: i64 = 100_000;

/// Why a manifest was not receipted.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    /// The database did not take part.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A stored content cannot be opened.
    #[error(transparent)]
    Sealing(#[from] SealError),
    /// The receipt cannot be signed.
    #[error(transparent)]
    Signing(#[from] SigningFailed),
    /// Another manifest of the node has the same identity.
    #[error("the node has handed in another manifest under this identity: seal the batch anew")]
    IdReused,
    /// There is no such batch.
    #[error("there is no batch under this number here")]
    Unknown,
}

/// What this hub says of a batch that it has received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    /// Records in it.
    pub records: i64,
    /// Positions, from 0 and rising, of those that are not held.
    pub not_held: Vec<usize>,
    /// When this was found.
    pub received_at: Timestamp,
}

/// A manifest that may be receipted: its writer is the node that hands it in, and the entries are its own.
#[derive(Clone, Debug)]
pub struct SubmittedManifest {
    /// What it says.
    pub manifest: Manifest,
    /// The letter.
    pub letter: Vec<u8>,
    /// The records of the batch.
    pub entries: Vec<BatchEntry>,
}

/// Before which batch a page of received ones begins.
pub type BatchPlace = (Timestamp, Uuid);

/// Receipts batches and shows them.
#[derive(Clone)]
pub struct Batches {
    /// The hub's database.
    pub store: Store,
    /// Opens what nodes have sent.
    pub key: Arc<SealKey>,
    /// Says what time it is.
    pub clock: Arc<dyn Clock>,
}

impl Batches {
    /// Looks which records of a batch are held and gives the receipt, which `write_receipt` signs. The same
    /// manifest again gives its first receipt.
    pub async fn receive(
        &self,
        node: NodeId,
        submitted: SubmittedManifest,
        write_receipt: impl Fn(&Holding) -> Result<Vec<u8>, SigningFailed> + Send + Sync,
    ) -> Result<Vec<u8>, BatchError> {
        let digest = *blake3::hash(&submitted.letter).as_bytes();
        let manifest = submitted.manifest;
        if let Some(receipt) = self.receipted(node, manifest.id, digest).await? {
            return Ok(receipt);
        }
        let not_held = self
            .not_held(node, manifest.lane, &submitted.entries)
            .await?;
        let holding = Holding {
            records: manifest.records,
            not_held,
            received_at: self.clock.now(),
        };
        let missing = i64::try_from(holding.not_held.len()).unwrap_or(i64::MAX);
        let receipt = write_receipt(&holding)?;
        let batch = NewReceivedBatch {
            node,
            id: manifest.id,
            number: manifest.number,
            lane: manifest.lane,
            records: manifest.records,
            held: manifest.records - missing,
            digest,
            manifest: submitted.letter,
            receipt: receipt.clone(),
            received_at: holding.received_at,
        };
        let mut transaction = self.store.write().await?;
        let is_new = transaction.insert_received_batch(batch).await?;
        transaction.commit().await?;
        if is_new {
            return Ok(receipt);
        }
        // Another call with the same batch was quicker.
        let first = self.receipted(node, manifest.id, digest).await?;
        first.ok_or(BatchError::IdReused)
    }

    async fn receipted(
        &self,
        node: NodeId,
        id: Uuid,
        digest: [u8; 32],
    ) -> Result<Option<Vec<u8>>, BatchError> {
        let mut reading = self.store.read().await?;
        match reading.find_received_batch(node, id).await? {
            Some((held, receipt)) if held == digest => Ok(Some(receipt)),
            Some(_) => Err(BatchError::IdReused),
            None => Ok(None),
        }
    }

    /// Positions of the records that the log does not have under this version with this content. What was
    /// committed stays, so that reading needs no lock.
    async fn not_held(
        &self,
        node: NodeId,
        lane: Lane,
        entries: &[BatchEntry],
    ) -> Result<Vec<usize>, BatchError> {
        let record = |id: RecordId| RecordKey {
            node,
            kind: kind_of(lane),
            record_id: id,
        };
        let id = |entry: &BatchEntry| RecordId::new(entry.golden_id.as_uuid());
        let wanted: Vec<(RecordKey, Version)> = entries
            .iter()
            .map(|entry| (record(id(entry)), entry.version))
            .collect();
        let mut reading = self.store.read().await?;
        let found = reading.find_submitted(&wanted).await?;
        drop(reading);
        let mut held: HashMap<(RecordId, Version), Submitted> = HashMap::new();
        for row in found {
            held.insert((row.record_id, row.version), row);
        }
        let mut not_held = Vec::new();
        for (position, entry) in entries.iter().enumerate() {
            let key = (id(entry), entry.version);
            let is_held = match held.get(&key) {
                Some(row) => self.is_content(record(key.0), row, entry.hash)?,
                None => false,
            };
            if !is_held {
                not_held.push(position);
            }
        }
        Ok(not_held)
    }

    /// Whether a submission has this content, as it is kept or as it was sent.
    fn is_content(
        &self,
        record: RecordKey,
        row: &Submitted,
        hash: ContentHash,
    ) -> Result<bool, SealError> {
        if row.hash == hash {
            return Ok(true);
        }
        let Some(sent) = &row.sent else {
            return Ok(false);
        };
        let submission = SubmissionKey {
            record,
            version: row.version,
        };
        let sent = open_submission(&self.key, submission, sent)?;
        Ok(ContentHash::of(&sent) == hash)
    }

    /// Batches of this hub below a number, or from the newest, the newest first.
    pub async fn sent(
        &self,
        before: Option<i64>,
        limit: i64,
    ) -> Result<Vec<SentBatch>, StoreError> {
        let mut reading = self.store.read().await?;
        reading
            .list_batches(before.unwrap_or(i64::MAX), limit)
            .await
    }

    /// Batches of hubs below before a place, or from the newest, the newest first.
    pub async fn received(
        &self,
        before: Option<BatchPlace>,
        limit: i64,
    ) -> Result<Vec<ReceivedBatch>, StoreError> {
        let newest = (Timestamp::from_micros(i64::MAX), Uuid::max());
        let mut reading = self.store.read().await?;
        reading
            .list_received_batches(before.unwrap_or(newest), limit)
            .await
    }

    /// A batch of this hub with its letters.
    pub async fn sent_one(&self, number: i64) -> Result<(SentBatch, BatchLetters), BatchError> {
        let mut reading = self.store.read().await?;
        let batch = reading.find_batch(number).await?;
        let batch = batch.ok_or(BatchError::Unknown)?;
        let letters = reading.batch_letters(number).await?;
        Ok((batch, letters))
    }

    /// The newest batch of a node below under a number, with its letters.
    pub async fn received_one(
        &self,
        node: &str,
        number: i64,
    ) -> Result<(ReceivedBatch, BatchLetters), BatchError> {
        let mut reading = self.store.read().await?;
        let batch = reading.find_received_by_number(node, number).await?;
        let batch = batch.ok_or(BatchError::Unknown)?;
        let letters = reading.received_letters(&batch).await?;
        Ok((batch, letters))
    }
}

/// The kind of the records in a lane.
const fn kind_of(lane: Lane) -> RecordKind {
    match lane {
        Lane::Routine => RecordKind::Child,
        Lane::Urgent => RecordKind::CaseReport,
    }
}
