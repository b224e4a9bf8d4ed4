//! The fields of records by path, read from the contract.

use std::sync::LazyLock;

use prost::Message;
use prost_types::field_descriptor_proto::Type;
use prost_types::{DescriptorProto, FileDescriptorSet};

use crate::domain::record::RecordKind;
use crate::grpc::proto::FILE_DESCRIPTOR_SET;

/// Whether a field has fields of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Value,
    Part,
}

/// A field of a record.
#[derive(Clone, Debug)]
pub struct ContractField {
    /// The kind of records that it is in.
    pub kind: RecordKind,
    /// From the record down, for example `child.carers.phone`.
    pub path: String,
    /// No hub takes a record without it.
    pub is_required: bool,
    /// For what its pseudonym is, where it can have one.
    pub purpose: Option<&'static str>,
    pub(super) numbers: Vec<u32>,
    pub(super) shape: Shape,
}

impl ContractField {
    /// Whether a configuration means this field: by its path or its own name.
    pub fn is_named(&self, name: &str) -> bool {
        self.path == name || self.path.rsplit('.').next() == Some(name)
    }

    /// Whether a configuration means this field or a part that it is in.
    pub(super) fn is_within(&self, name: &str) -> bool {
        let rest = self.path.strip_prefix(name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            || self.path.split('.').skip(1).any(|step| step == name)
    }
}

/// Fields without which a hub quarantines a record, by path.
const REQUIRED: &[&str] = &[
    "child.commune",
    "child.status",
    "child.status_since",
    "child.full_name",
    "child.birth_date",
    "child.sex",
    "child.ethnicity",
    "child.carers.relation_code",
    "child.episodes.group",
    "child.episodes.from",
    "case_report.commune",
    "case_report.received_at",
    "case_report.case_kind",
    "case_report.informant.agreed",
];

/// Fields that can have a pseudonym, and for what. One person's number has one pseudonym wherever it stands.
const PURPOSES: &[(&str, &str)] = &[
    ("child.personal_number", "number"),
    ("child.carers.personal_number", "number"),
    ("child.household.head_personal_number", "number"),
    // The card of a child is the personal number since August 2025.
    ("child.insurance.number", "number"),
    ("child.birth_registration.number", "birth_registration"),
    ("child.carers.phone", "phone"),
    ("case_report.informant.phone", "phone"),
    ("child.household.number", "household"),
    ("child.disabilities.certificate_number", "certificate"),
    ("child.supports.decision_number", "decision"),
    ("child.episodes.evidence_number", "evidence"),
    ("child.changed_by", "person"),
    ("child.collected_by", "person"),
];

/// Every field of every kind of record, a part before its fields.
pub(super) static FIELDS: LazyLock<Vec<ContractField>> = LazyLock::new(|| {
    // The set is compiled in; were it broken, no record could be read and every test would fail.
    let set = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap_or_default();
    let messages: Vec<DescriptorProto> = set
        .file
        .into_iter()
        .filter(|file| file.package() == "childsync.v1")
        .flat_map(|file| file.message_type)
        .collect();
    let mut fields = Vec::new();
    for (kind, name, path) in [
        (RecordKind::Child, "ChildRecord", "child"),
        (RecordKind::CaseReport, "CaseReport", "case_report"),
    ] {
        collect(&messages, kind, name, (path, &[]), &mut fields);
    }
    fields
});

/// Every field of every kind of record, a part before its fields.
pub fn contract_fields() -> &'static [ContractField] {
    &FIELDS
}

fn collect(
    messages: &[DescriptorProto],
    kind: RecordKind,
    message: &str,
    (path, numbers): (&str, &[u32]),
    fields: &mut Vec<ContractField>,
) {
    let Some(message) = messages.iter().find(|known| known.name() == message) else {
        return;
    };
    for field in &message.field {
        let path = format!("{path}.{}", field.name());
        let mut numbers = numbers.to_vec();
        numbers.extend(u32::try_from(field.number()));
        let part = field.type_name().strip_prefix(".childsync.v1.");
        let part = part.filter(|_| field.r#type() == Type::Message);
        let is_required = REQUIRED.iter().any(|required| {
            let inside = path.strip_prefix(required);
            inside.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        });
        let purpose = PURPOSES.iter().find(|(known, _)| *known == path);
        fields.push(ContractField {
            kind,
            path: path.clone(),
            is_required,
            purpose: purpose.map(|(_, purpose)| *purpose),
            numbers: numbers.clone(),
            shape: part.map_or(Shape::Value, |_| Shape::Part),
        });
        if let Some(part) = part {
            collect(messages, kind, part, (&path, &numbers), fields);
        }
    }
}
