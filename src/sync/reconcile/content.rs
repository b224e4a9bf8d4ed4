//! Opening and reading what was stored.

use bytes::Bytes;

use super::{ReconcileError, Reconciler};
use crate::domain::golden::SubmissionKey;
use crate::domain::record::RecordKind;
use crate::linkage::details::Details;
use crate::linkage::features::Normalised;
use crate::store::Member;
use crate::sync::codec::Unreadable;
use crate::sync::sealing::open_submission;

/// The submission that a member is.
pub(super) fn submission_of(member: &Member) -> SubmissionKey {
    SubmissionKey {
        record: member.key,
        version: member.version,
    }
}

pub(super) fn open_member(
    reconciler: &Reconciler,
    member: &Member,
) -> Result<Bytes, ReconcileError> {
    let submission = submission_of(member);
    Ok(open_submission(&reconciler.key, submission, &member.content)?.into())
}

/// What linkage looks at in a record that was accepted; `None` for a report, which is never linked.
/// Rules are not asked again: what was accepted under the rules of its day stays.
pub(super) fn read_normalised(
    reconciler: &Reconciler,
    kind: RecordKind,
    content: &Bytes,
) -> Result<Option<Normalised>, Unreadable> {
    match kind {
        RecordKind::Child => {
            let draft = reconciler.codec.read_child(content)?;
            Ok(Some(Normalised::new(&Details::of(&draft))))
        }
        RecordKind::CaseReport => {
            reconciler.codec.fields(content)?;
            Ok(None)
        }
    }
}
