//! Looking at one change alone: can it be read, is it allowed, which rules does it break.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;

use super::{IngestError, Reason};
use crate::domain::clock::Clock;
use crate::domain::golden::SubmissionKey;
use crate::domain::node::NodeId;
use crate::domain::record::{
    ContentHash, RecordId, RecordKey, RecordKind, TombstoneReason, Version,
};
use crate::domain::relations::{DIFFERENT_FROM_MAX, Relations};
use crate::domain::territory::Territory;
use crate::domain::validation::{Level, Violation};
use crate::security::seal::SealKey;
use crate::sync::codec::RecordCodec;
use crate::sync::sealing::seal_submission;
use crate::sync::units::KnownUnits;

/// Largest content of one record, in bytes.
pub const RECORD_BYTES_MAX: usize = 64 * 1024;

/// A change as it came over the wire, split but not yet believed.
#[derive(Clone, Debug)]
pub struct IncomingChange {
    /// The record id as text.
    pub record_id: String,
    /// The version.
    pub version: u64,
    /// What the record says.
    pub body: IncomingBody,
    /// Ids, as text, of the node's records that are other children.
    pub different_from: Vec<String>,
}

/// What a change says.
#[derive(Clone)]
pub enum IncomingBody {
    /// A record of a kind, encoded.
    Content(RecordKind, Bytes),
    /// A withdrawal, `None` where the kind or the reason is not known, and the id of the record that
    /// stands in its place, empty if there is none.
    Tombstone(Option<(RecordKind, TombstoneReason)>, String),
    /// Nothing.
    Missing,
}

impl std::fmt::Debug for IncomingBody {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Content(..) => "Content(redacted)",
            Self::Tombstone(..) => "Tombstone",
            Self::Missing => "Missing",
        })
    }
}

/// A change that may go to the log or to quarantine.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The submission.
    pub submission: SubmissionKey,
    /// 0 for content, otherwise the number of the tombstone's reason.
    pub tombstone: i16,
    /// Hash of the canonical content.
    pub hash: ContentHash,
    /// The sealed canonical content; empty for a tombstone.
    pub content: Vec<u8>,
    /// What the source sent, sealed, where normalisation changed it.
    pub sent: Option<Vec<u8>>,
    /// What it says of other records of the node.
    pub relations: Relations,
    /// What is wrong or odd in it.
    pub violations: Vec<Violation>,
}

/// What looking at a change alone came to.
#[derive(Clone, Debug)]
pub enum Examined {
    /// It may go to the log.
    Take(Candidate),
    /// It breaks a rule and goes to quarantine.
    Quarantine(Candidate),
    /// It is refused.
    Refuse(Reason),
}

/// Examines the changes of one node.
#[derive(Clone)]
pub struct Examiner {
    /// The node that sends.
    pub node: NodeId,
    /// What it may write.
    pub territory: Arc<Territory>,
    /// Knows the acts by which its territory has grown.
    pub units: Arc<KnownUnits>,
    /// Reads records.
    pub codec: Arc<dyn RecordCodec>,
    /// Seals contents.
    pub key: Arc<SealKey>,
    /// Says what day it is.
    pub clock: Arc<dyn Clock>,
}

impl Examiner {
    /// Examines one change.
    pub fn examine(&self, change: IncomingChange) -> Result<Examined, IngestError> {
        let Ok(record_id) = change.record_id.parse::<RecordId>() else {
            return Ok(Examined::Refuse(Reason::RecordIdInvalid));
        };
        let Some(version) = Version::from_u64(change.version) else {
            return Ok(Examined::Refuse(Reason::VersionInvalid));
        };
        let submission = |kind| SubmissionKey {
            record: RecordKey {
                node: self.node,
                kind,
                record_id,
            },
            version,
        };
        match change.body {
            IncomingBody::Content(kind, content) => {
                match read_different_from(kind, record_id, &change.different_from) {
                    Some(relations) => self.examine_content(submission(kind), &content, relations),
                    None => Ok(Examined::Refuse(Reason::RelationInvalid)),
                }
            }
            IncomingBody::Tombstone(Some((kind, reason)), successor) => {
                Ok(match read_successor(record_id, &successor) {
                    Some(relations) if change.different_from.is_empty() => {
                        Examined::Take(tombstone(submission(kind), reason, relations))
                    }
                    Some(_) | None => Examined::Refuse(Reason::RelationInvalid),
                })
            }
            IncomingBody::Tombstone(None, _) => Ok(Examined::Refuse(Reason::TombstoneInvalid)),
            IncomingBody::Missing => Ok(Examined::Refuse(Reason::ContentMissing)),
        }
    }

    fn examine_content(
        &self,
        submission: SubmissionKey,
        sent: &[u8],
        relations: Relations,
    ) -> Result<Examined, IngestError> {
        if sent.len() > RECORD_BYTES_MAX {
            return Ok(Examined::Refuse(Reason::ContentTooLarge));
        }
        let kind = submission.record.kind;
        let Ok(canonical) = self.codec.canonicalise(kind, sent) else {
            return Ok(Examined::Refuse(Reason::ContentUnreadable));
        };
        let today = self.clock.now().date();
        let Ok(validated) = self.codec.validate(kind, &canonical, today) else {
            return Ok(Examined::Refuse(Reason::ContentUnreadable));
        };
        // Also a record that breaks a rule must be the node's to send.
        if validated
            .unit
            .is_some_and(|unit| !self.units.current().allows(&self.territory, &unit))
        {
            return Ok(Examined::Refuse(Reason::OutsideTerritory));
        }
        let usable = validated.record.is_some();
        let differs = matches!(canonical, Cow::Owned(_));
        let violations = validated.violations;
        let candidate = Candidate {
            relations,
            violations,
            ..self.candidate(submission, sent, &canonical, differs)?
        };
        Ok(if usable {
            Examined::Take(candidate)
        } else {
            Examined::Quarantine(candidate)
        })
    }

    fn candidate(
        &self,
        submission: SubmissionKey,
        sent: &[u8],
        canonical: &[u8],
        differs: bool,
    ) -> Result<Candidate, IngestError> {
        let seal = |content: &[u8]| {
            seal_submission(&self.key, submission, content).map_err(|_| IngestError::Sealing)
        };
        Ok(Candidate {
            submission,
            tombstone: 0,
            hash: ContentHash::of(canonical),
            content: seal(canonical)?,
            sent: if differs { Some(seal(sent)?) } else { None },
            relations: Relations::None,
            violations: Vec::new(),
        })
    }
}

/// The records that a record is said to be different from; `None` if that cannot be said so.
fn read_different_from(
    kind: RecordKind,
    own: RecordId,
    different_from: &[String],
) -> Option<Relations> {
    if different_from.is_empty() {
        return Some(Relations::None);
    }
    if kind != RecordKind::Child || different_from.len() > DIFFERENT_FROM_MAX {
        return None;
    }
    let records = different_from.iter().map(|id| id.parse().ok());
    let records: BTreeSet<RecordId> = records.collect::<Option<_>>()?;
    (!records.contains(&own)).then(|| Relations::different_from(records))
}

/// The record in whose favour one is withdrawn; `None` if it cannot be.
fn read_successor(own: RecordId, successor: &str) -> Option<Relations> {
    if successor.is_empty() {
        return Some(Relations::None);
    }
    let record: RecordId = successor.parse().ok()?;
    (record != own).then_some(Relations::Successor(record))
}

/// A withdrawal under a version.
pub(in crate::sync) fn tombstone(
    submission: SubmissionKey,
    reason: TombstoneReason,
    relations: Relations,
) -> Candidate {
    Candidate {
        submission,
        tombstone: reason.code(),
        hash: ContentHash::of_tombstone(reason),
        content: Vec::new(),
        sent: None,
        relations,
        violations: Vec::new(),
    }
}

/// The broken rules as quarantine keeps them: `path RULE`, one a line, rejecting rules only.
pub fn rule_lines(violations: &[Violation]) -> String {
    lines_of(violations, Level::Reject)
}

/// What is only odd, in the same form.
pub fn warning_lines(violations: &[Violation]) -> String {
    lines_of(violations, Level::Warn)
}

fn lines_of(violations: &[Violation], level: Level) -> String {
    let lines: Vec<String> = violations
        .iter()
        .filter(|violation| violation.level == level)
        .map(|violation| format!("{} {}", violation.path, violation.rule.as_str()))
        .collect();
    lines.join("\n")
}
