//! What each sealed content is bound to.
//!
//! The associated data names the table, the key and the version, so that one sealed content cannot be
//! put in the place of another.

use crate::domain::golden::{GoldenId, SubmissionKey};
use crate::domain::record::Version;
use crate::security::seal::{SealError, SealKey};
use crate::store::{Store, StoreError, UploadKey};

/// What the key proof of a database says.
const PROOF: &[u8] = b"childsync";
/// The place of the key proof.
const PROOF_PLACE: &[u8] = b"k";

/// The key cannot be shown to be the database's.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The database was first used with another key.
    #[error("is not the key that this database was sealed with: give the hub its first key again")]
    Other,
    /// A new database could not be marked with the key.
    #[error(transparent)]
    Sealing(SealError),
    /// The database did not take part.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Makes sure that the database was sealed with this key, and marks a new database with it. A hub with
/// another key would take records in that it can never put beside those it holds.
pub async fn prove_key(store: &Store, key: &SealKey) -> Result<(), KeyError> {
    let mut transaction = store.write().await?;
    let proof = key.seal(PROOF_PLACE, PROOF).map_err(KeyError::Sealing)?;
    transaction.put_key_proof(proof).await?;
    let held = transaction.read_key_proof().await?.unwrap_or_default();
    transaction.commit().await?;
    match key.open(PROOF_PLACE, &held) {
        Ok(opened) if opened == PROOF => Ok(()),
        Ok(_) | Err(_) => Err(KeyError::Other),
    }
}

/// Seals a submission's content.
pub fn seal_submission(
    key: &SealKey,
    submission: SubmissionKey,
    content: &[u8],
) -> Result<Vec<u8>, SealError> {
    key.seal(&submission_place(submission), content)
}

/// Opens a submission's content.
pub fn open_submission(
    key: &SealKey,
    submission: SubmissionKey,
    sealed: &[u8],
) -> Result<Vec<u8>, SealError> {
    key.open(&submission_place(submission), sealed)
}

/// Seals a chunk of an upload.
pub fn seal_chunk(
    key: &SealKey,
    upload: UploadKey,
    start: u64,
    content: &[u8],
) -> Result<Vec<u8>, SealError> {
    key.seal(&chunk_place(upload, start), content)
}

/// Opens a chunk of an upload.
pub fn open_chunk(
    key: &SealKey,
    upload: UploadKey,
    start: u64,
    sealed: &[u8],
) -> Result<Vec<u8>, SealError> {
    key.open(&chunk_place(upload, start), sealed)
}

/// Seals a golden record's content.
pub fn seal_golden(
    key: &SealKey,
    golden: GoldenId,
    version: Version,
    content: &[u8],
) -> Result<Vec<u8>, SealError> {
    key.seal(&golden_place(golden, version), content)
}

/// Opens a golden record's content.
pub fn open_golden(
    key: &SealKey,
    golden: GoldenId,
    version: Version,
    sealed: &[u8],
) -> Result<Vec<u8>, SealError> {
    key.open(&golden_place(golden, version), sealed)
}

fn submission_place(submission: SubmissionKey) -> [u8; 36] {
    let mut place = [0; 36];
    let record = submission.record;
    let (table, rest) = place.split_at_mut(2);
    table.copy_from_slice(&[b's', record.kind.code().to_be_bytes()[1]]);
    let (node, rest) = rest.split_at_mut(8);
    node.copy_from_slice(&record.node.get().to_be_bytes());
    let (id, version) = rest.split_at_mut(16);
    id.copy_from_slice(record.record_id.as_uuid().as_bytes());
    if let Some(version) = version.first_chunk_mut() {
        *version = submission.version.as_i64().to_be_bytes();
    }
    place
}

fn chunk_place(upload: UploadKey, start: u64) -> [u8; 33] {
    let mut place = [0; 33];
    let (table, rest) = place.split_at_mut(1);
    table.copy_from_slice(b"u");
    let (node, rest) = rest.split_at_mut(8);
    node.copy_from_slice(&upload.node.get().to_be_bytes());
    let (id, offset) = rest.split_at_mut(16);
    id.copy_from_slice(upload.upload.as_uuid().as_bytes());
    offset.copy_from_slice(&start.to_be_bytes());
    place
}

fn golden_place(golden: GoldenId, version: Version) -> [u8; 25] {
    let mut place = [0; 25];
    let (table, rest) = place.split_at_mut(1);
    table.copy_from_slice(b"g");
    let (id, number) = rest.split_at_mut(16);
    id.copy_from_slice(golden.as_uuid().as_bytes());
    number.copy_from_slice(&version.as_i64().to_be_bytes());
    place
}
