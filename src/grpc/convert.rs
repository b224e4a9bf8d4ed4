//! Where protobuf types end: records to and from drafts, and the small types of the contract.

mod mirror;
mod place;

use std::sync::LazyLock;

use bytes::Bytes;
use prost::Message;

use super::canonical;
use super::ingest::read_change;
use super::proto::v1;
use super::proto::{FILE_DESCRIPTOR_SET, record};
use crate::domain::clock::Timestamp;
use crate::domain::draft::{CaseReportDraft, ChildDraft};
use crate::domain::record::{Lane, Record, RecordKind, TombstoneReason};
use crate::domain::unit::{AdminScheme, UnitReference};
use crate::domain::validation::{
    Level, Validated, Violation, validate_case_report, validate_child,
};
use crate::linkage::survivorship::{Field, Rules};
use crate::sync::codec::{RecordCodec, RecordPlace, Unreadable};
use crate::sync::ingest::{IncomingChange, Outcome};
use mirror::Mirror;

/// The rules of the survivorship file, with the contract's numbers of its fields. A report is never
/// linked, so that it needs none. Tests read the file that ships; a program without it takes every field
/// from the highest-ranking source.
static CHILD_RULES: LazyLock<Rules> =
    LazyLock::new(|| Rules::of_children(child_field).unwrap_or_default());
static NO_RULES: LazyLock<Rules> = LazyLock::new(Rules::default);

/// Numbers and names of the fields of a child record.
static CHILD_FIELDS: LazyLock<Vec<(u32, String)>> = LazyLock::new(|| {
    let files = prost_types::FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap_or_default();
    let messages = files.file.into_iter().flat_map(|file| file.message_type);
    let child = messages
        .into_iter()
        .find(|message| message.name() == "ChildRecord");
    let fields = child.into_iter().flat_map(|message| message.field);
    let named = fields.filter_map(|field| {
        let number = u32::try_from(field.number()).ok()?;
        Some((number, field.name().to_owned()))
    });
    named.collect()
});

/// Number of a field of a child record.
fn child_field(name: &str) -> Option<u32> {
    let mut fields = CHILD_FIELDS.iter();
    fields
        .find(|(_, known)| known == name)
        .map(|(number, _)| *number)
}

/// Name of a field of a child record, or its number where this program does not know it.
pub(super) fn child_field_name(number: u32) -> String {
    let mut fields = CHILD_FIELDS.iter();
    let known = fields.find(|(known, _)| *known == number);
    known.map_or_else(|| number.to_string(), |(_, name)| name.clone())
}

/// Names of the fields on which sources disagree, from the text that stands with a golden record.
pub(super) fn conflicting_fields(text: &str) -> Vec<String> {
    let fields: Vec<(u32, serde_json::Value)> = serde_json::from_str(text).unwrap_or_default();
    fields
        .into_iter()
        .map(|(number, _)| child_field_name(number))
        .collect()
}

/// Reads records as the contract encodes them.
#[derive(Clone, Copy, Debug, Default)]
pub struct ContractCodec;

impl RecordCodec for ContractCodec {
    fn read_change(&self, encoded: Bytes) -> Result<IncomingChange, Unreadable> {
        v1::RecordChange::decode(encoded)
            .map(read_change)
            .map_err(|_| Unreadable("the bytes are not a change"))
    }

    fn canonicalise<'a>(
        &self,
        kind: RecordKind,
        content: &'a [u8],
    ) -> Result<std::borrow::Cow<'a, [u8]>, Unreadable> {
        canonical::canonicalise(kind, content)
    }

    fn validate(
        &self,
        kind: RecordKind,
        content: &[u8],
        today: time::Date,
    ) -> Result<Validated<Record>, Unreadable> {
        Ok(match kind {
            RecordKind::Child => {
                let validated = validate_child(&read_child(content)?, today);
                let record = validated.record.map(|child| Record::Child(Box::new(child)));
                Validated {
                    record,
                    unit: validated.unit,
                    violations: validated.violations,
                }
            }
            RecordKind::CaseReport => {
                let validated = validate_case_report(&read_case_report(content)?, today);
                let record = validated
                    .record
                    .map(|report| Record::CaseReport(Box::new(report)));
                Validated {
                    record,
                    unit: validated.unit,
                    violations: validated.violations,
                }
            }
        })
    }

    fn read_child(&self, content: &[u8]) -> Result<ChildDraft, Unreadable> {
        read_child(content)
    }

    fn place(&self, kind: RecordKind, content: &[u8]) -> Result<RecordPlace, Unreadable> {
        place::read(kind, content)
    }

    fn with_unit(
        &self,
        kind: RecordKind,
        content: &Bytes,
        unit: UnitReference,
    ) -> Result<Bytes, Unreadable> {
        place::replace_unit(kind, content, unit)
    }

    fn fields(&self, content: &Bytes) -> Result<Vec<Field>, Unreadable> {
        canonical::split(content)
    }

    fn survivorship(&self, kind: RecordKind) -> &'static Rules {
        match kind {
            RecordKind::Child => &CHILD_RULES,
            RecordKind::CaseReport => &NO_RULES,
        }
    }
}

/// Reads an encoded child record.
pub fn read_child(content: &[u8]) -> Result<ChildDraft, Unreadable> {
    record::ChildRecord::decode(content)
        .map(Mirror::mirror)
        .map_err(|_| Unreadable("a field is not of the type that the contract says"))
}

/// Reads an encoded case report.
pub fn read_case_report(content: &[u8]) -> Result<CaseReportDraft, Unreadable> {
    record::CaseReport::decode(content)
        .map(Mirror::mirror)
        .map_err(|_| Unreadable("a field is not of the type that the contract says"))
}

/// Encodes a child record.
pub fn write_child(draft: ChildDraft) -> Vec<u8> {
    let message: record::ChildRecord = draft.mirror();
    message.encode_to_vec()
}

/// Encodes a case report.
pub fn write_case_report(draft: CaseReportDraft) -> Vec<u8> {
    let message: record::CaseReport = draft.mirror();
    message.encode_to_vec()
}

pub(super) fn scheme(number: i32) -> Option<AdminScheme> {
    match record::AdminScheme::try_from(number).ok()? {
        record::AdminScheme::Unspecified => None,
        record::AdminScheme::Gso2017 => Some(AdminScheme::Gso2017),
        record::AdminScheme::GsoPre2025 => Some(AdminScheme::GsoPre2025),
        record::AdminScheme::Gso2025 => Some(AdminScheme::Gso2025),
        record::AdminScheme::Gso2026 => Some(AdminScheme::Gso2026),
    }
}

pub(super) fn scheme_number(scheme: AdminScheme) -> i32 {
    i32::from(match scheme {
        AdminScheme::Gso2017 => record::AdminScheme::Gso2017,
        AdminScheme::GsoPre2025 => record::AdminScheme::GsoPre2025,
        AdminScheme::Gso2025 => record::AdminScheme::Gso2025,
        AdminScheme::Gso2026 => record::AdminScheme::Gso2026,
    })
}

/// A unit that its list has, or `None`.
pub(super) fn read_unit(unit: &record::UnitReference) -> Option<UnitReference> {
    let unit = UnitReference {
        scheme: scheme(unit.scheme)?,
        code: unit.code.parse().ok()?,
    };
    unit.find().map(|_| unit)
}

pub(super) fn write_unit(unit: UnitReference) -> record::UnitReference {
    record::UnitReference {
        scheme: scheme_number(unit.scheme),
        code: unit.code.to_string(),
    }
}

pub(super) fn read_tombstone(
    tombstone: &record::Tombstone,
) -> Option<(RecordKind, TombstoneReason)> {
    let kind = match tombstone.kind() {
        record::RecordKind::Unspecified => return None,
        record::RecordKind::Child => RecordKind::Child,
        record::RecordKind::CaseReport => RecordKind::CaseReport,
    };
    let reason = match tombstone.reason() {
        record::TombstoneReason::Unspecified => return None,
        record::TombstoneReason::Error => TombstoneReason::Error,
        record::TombstoneReason::Duplicate => TombstoneReason::Duplicate,
        record::TombstoneReason::Moved => TombstoneReason::Moved,
        record::TombstoneReason::Turned16 => TombstoneReason::Turned16,
        record::TombstoneReason::Merged => TombstoneReason::Merged,
        record::TombstoneReason::Withdrawn => TombstoneReason::Withdrawn,
        record::TombstoneReason::Erased => TombstoneReason::Erased,
    };
    Some((kind, reason))
}

pub(super) fn write_kind(kind: RecordKind) -> record::RecordKind {
    match kind {
        RecordKind::Child => record::RecordKind::Child,
        RecordKind::CaseReport => record::RecordKind::CaseReport,
    }
}

pub(super) fn read_kind(number: i32) -> Option<RecordKind> {
    match record::RecordKind::try_from(number) {
        Ok(record::RecordKind::Child) => Some(RecordKind::Child),
        Ok(record::RecordKind::CaseReport) => Some(RecordKind::CaseReport),
        Ok(record::RecordKind::Unspecified) | Err(_) => None,
    }
}

pub(super) fn write_tombstone_reason(reason: TombstoneReason) -> record::TombstoneReason {
    match reason {
        TombstoneReason::Error => record::TombstoneReason::Error,
        TombstoneReason::Duplicate => record::TombstoneReason::Duplicate,
        TombstoneReason::Moved => record::TombstoneReason::Moved,
        TombstoneReason::Turned16 => record::TombstoneReason::Turned16,
        TombstoneReason::Merged => record::TombstoneReason::Merged,
        TombstoneReason::Withdrawn => record::TombstoneReason::Withdrawn,
        TombstoneReason::Erased => record::TombstoneReason::Erased,
    }
}

pub(super) fn write_lane(lane: Lane) -> v1::Lane {
    match lane {
        Lane::Routine => v1::Lane::Routine,
        Lane::Urgent => v1::Lane::Urgent,
    }
}

pub(super) fn read_lane(lane: v1::Lane) -> Option<Lane> {
    match lane {
        v1::Lane::Unspecified => None,
        v1::Lane::Routine => Some(Lane::Routine),
        v1::Lane::Urgent => Some(Lane::Urgent),
    }
}

pub(super) fn read_instant(at: &prost_types::Timestamp) -> Timestamp {
    let micros = at.seconds.saturating_mul(1_000_000);
    Timestamp::from_micros(micros.saturating_add(i64::from(at.nanos) / 1_000))
}

pub(super) fn write_instant(at: Timestamp) -> prost_types::Timestamp {
    let micros = at.as_micros();
    let nanos = i32::try_from(micros.rem_euclid(1_000_000) * 1_000).unwrap_or_default();
    prost_types::Timestamp {
        seconds: micros.div_euclid(1_000_000),
        nanos,
    }
}

/// An outcome, and why it is that one.
pub(super) fn write_outcome(outcome: Outcome) -> (v1::Outcome, &'static str) {
    match outcome {
        Outcome::Accepted => (v1::Outcome::Accepted, ""),
        Outcome::Unchanged => (v1::Outcome::Unchanged, ""),
        Outcome::Superseded => (v1::Outcome::Superseded, ""),
        Outcome::Rejected(reason) => (v1::Outcome::Rejected, reason.word()),
        Outcome::Quarantined => (v1::Outcome::Quarantined, "RULE_BROKEN"),
    }
}

pub(super) fn write_violation(violation: &Violation) -> v1::FieldViolation {
    let level = match violation.level {
        Level::Reject => v1::ViolationLevel::Reject,
        Level::Warn => v1::ViolationLevel::Warn,
    };
    v1::FieldViolation {
        field: violation.path.to_string(),
        rule: violation.rule.as_str().to_owned(),
        description: format!("{} {}", violation.path, violation.rule.description()),
        level: level.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::draft::{CarerDraft, CodeDraft, DateDraft, EpisodeDraft, UnitDraft};

    fn child() -> ChildDraft {
        ChildDraft {
            commune: Some(UnitDraft {
                scheme: "GSO_PRE2025".into(),
                code: "30742".into(),
            }),
            changed_at: Some(Timestamp::from_micros(1_700_000_000_123_456)),
            full_name: "Trần Thị Mẫu".into(),
            birth_date: Some(DateDraft::day(2018, 4, 2)),
            sex: 2,
            status: 1,
            carers: vec![CarerDraft {
                relation_code: "02".into(),
                ..CarerDraft::default()
            }],
            episodes: vec![EpisodeDraft {
                group: Some(CodeDraft {
                    list_version: "2016".into(),
                    code: "04".into(),
                }),
                ..EpisodeDraft::default()
            }],
            ..ChildDraft::default()
        }
    }

    #[test]
    fn a_draft_comes_back_as_it_went() {
        assert!(read_child(&write_child(child())).expect("readable") == child());
    }

    #[test]
    fn every_survivorship_rule_names_a_field_of_the_contract() {
        let rules = Rules::of_children(child_field).expect("the file that ships");

        assert_eq!(rules.united, [51, 52, 60, 61, 62, 63, 64]);
        assert_eq!(rules.conflict_as_name, [20]);
    }

    #[test]
    fn a_field_of_another_type_is_unreadable() {
        // Field 20, the name, as a number.
        assert!(read_child(&[0xa0, 0x01, 0x05]).is_err());
    }

    #[test]
    fn what_drafts_write_is_canonical() {
        let content = write_child(child());

        let canonical = ContractCodec
            .canonicalise(RecordKind::Child, &content)
            .expect("readable");

        assert!(matches!(canonical, std::borrow::Cow::Borrowed(_)));
    }
}
