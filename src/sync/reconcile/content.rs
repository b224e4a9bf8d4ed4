//! Opening and reading what was stored.

use bytes::Bytes;

use super::ReconcileError;
use crate::domain::golden::SubmissionKey;
use crate::domain::record::RecordKind;
use crate::linkage::details::Details;
use crate::linkage::features::Normalised;
use crate::security::seal::SealKey;
use crate::store::Member;
use crate::sync::codec::{RecordCodec, Unreadable};
use crate::sync::sealing::open_submission;

/// The submission that a member is.
pub(super) fn submission_of(member: &Member) -> SubmissionKey {
    SubmissionKey {
        record: member.key,
        version: member.version,
    }
}

pub(super) fn open_member(key: &SealKey, member: &Member) -> Result<Bytes, ReconcileError> {
    let submission = submission_of(member);
    Ok(open_submission(key, submission, &member.content)?.into())
}

/// What linkage looks at in a record that was accepted; `None` for a report, which is never linked.
/// Rules are not asked again: what was accepted under the rules of its day stays.
pub(super) fn read_normalised(
    codec: &dyn RecordCodec,
    kind: RecordKind,
    content: &Bytes,
) -> Result<Option<Normalised>, Unreadable> {
    match kind {
        RecordKind::Child => {
            let draft = codec.read_child(content)?;
            Ok(Some(Normalised::new(&Details::of(&draft))))
        }
        RecordKind::CaseReport => {
            codec.fields(content)?;
            Ok(None)
        }
    }
}
