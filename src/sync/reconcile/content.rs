//! Opening and reading what was stored.

use bytes::Bytes;

use super::{ReconcileError, Reconciler};
use crate::domain::golden::SubmissionKey;
use crate::domain::record::{Record, RecordKind};
use crate::store::Member;
use crate::sync::codec::Unreadable;
use crate::sync::sealing::open_submission;

pub(super) fn open_member(
    reconciler: &Reconciler,
    member: &Member,
) -> Result<Bytes, ReconcileError> {
    let submission = SubmissionKey {
        record: member.key,
        version: member.version,
    };
    Ok(open_submission(&reconciler.key, submission, &member.content)?.into())
}

/// Reads a record that was valid when it was accepted. The day must not matter any more, so every
/// date lies in the past of the day that is asked for.
pub(super) fn read_record(
    reconciler: &Reconciler,
    kind: RecordKind,
    content: &[u8],
) -> Result<Record, Unreadable> {
    let validated = reconciler.codec.validate(kind, content, time::Date::MAX)?;
    validated.record.ok_or(Unreadable(
        "it breaks a rule of this version of the program",
    ))
}
