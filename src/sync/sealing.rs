//! What each sealed content is bound to.
//!
//! The associated data names the table, the key and the version, so that one sealed content cannot be
//! put in the place of another.

use crate::domain::golden::{GoldenId, SubmissionKey};
use crate::domain::record::Version;
use crate::security::seal::{SealError, SealKey};

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

fn golden_place(golden: GoldenId, version: Version) -> [u8; 25] {
    let mut place = [0; 25];
    let (table, rest) = place.split_at_mut(1);
    table.copy_from_slice(b"g");
    let (id, number) = rest.split_at_mut(16);
    id.copy_from_slice(golden.as_uuid().as_bytes());
    number.copy_from_slice(&version.as_i64().to_be_bytes());
    place
}
