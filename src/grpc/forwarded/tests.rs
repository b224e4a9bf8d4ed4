//! Nothing that a policy keeps here leaves in a forwarded form.

use std::collections::BTreeMap;

use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, Kind, MessageDescriptor, Value};

use super::*;
use crate::domain::circumstance::CircumstanceGroup;
use crate::grpc::canonical::canonicalise;
use crate::grpc::convert::{read_case_report, read_child};
use crate::grpc::proto::FILE_DESCRIPTOR_SET;
use crate::grpc::proto::record::{CaseReport, ChildRecord, CircumstanceEpisode, ListedCode};

const KINDS: [(RecordKind, &str, &str); 2] = [
    (RecordKind::Child, "childsync.v1.ChildRecord", "child"),
    (
        RecordKind::CaseReport,
        "childsync.v1.CaseReport",
        "case_report",
    ),
];

/// A record in which every field of every part is filled, each text with a mark of its own.
fn filled(message: &MessageDescriptor, path: &str) -> DynamicMessage {
    let mut record = DynamicMessage::new(message.clone());
    for field in message.fields() {
        let path = format!("{path}.{}", field.name());
        let value = match field.kind() {
            Kind::String => Value::String(mark(&path)),
            Kind::Message(part) if part.full_name().starts_with("childsync") => {
                Value::Message(filled(&part, &path))
            }
            Kind::Message(part) => {
                let mut at = DynamicMessage::new(part);
                at.set_field_by_name("seconds", Value::I64(number(&path).into()));
                Value::Message(at)
            }
            Kind::Bool => Value::Bool(true),
            Kind::Uint32 => Value::U32(number(&path)),
            Kind::Uint64 => Value::U64(number(&path).into()),
            Kind::Enum(_) => Value::EnumNumber(1),
            Kind::Double
            | Kind::Float
            | Kind::Int32
            | Kind::Int64
            | Kind::Sint32
            | Kind::Sint64
            | Kind::Fixed32
            | Kind::Fixed64
            | Kind::Sfixed32
            | Kind::Sfixed64
            | Kind::Bytes => panic!("{path} is of a kind that no record had"),
        };
        let value = if field.is_list() {
            Value::List(vec![value])
        } else {
            value
        };
        record.set_field(&field, value);
    }
    record
}

fn mark(path: &str) -> String {
    format!("Dấu<{path}>")
}

/// A number that no other field has: four bytes on the wire.
fn number(path: &str) -> u32 {
    let hash = blake3::hash(path.as_bytes());
    let bytes = hash.as_bytes().first_chunk().copied().unwrap_or_default();
    u32::from_be_bytes(bytes) | 0x1000_0000
}

/// What of a field can be found in bytes that leave.
fn traces(field: &ContractField) -> Vec<Vec<u8>> {
    let mut varint = Vec::new();
    encode_varint(number(&field.path).into(), &mut varint);
    vec![mark(&field.path).into_bytes(), varint]
}

fn holds(bytes: &[u8], trace: &[u8]) -> bool {
    bytes.windows(trace.len()).any(|window| window == trace)
}

fn record(kind: RecordKind) -> Vec<u8> {
    let pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET).expect("the contract");
    let (_, name, path) = KINDS
        .into_iter()
        .find(|(known, ..)| *known == kind)
        .expect("a kind");
    let message = pool.get_message_by_name(name).expect("a message");
    let mut content = filled(&message, path).encode_to_vec();
    content.extend_from_slice(UNKNOWN);
    canonicalise(kind, &content).expect("readable").into_owned()
}

/// A field of a newer program.
const UNKNOWN: &[u8] = &[0xc2, 0x3e, 0x05, b'n', b'e', b'w', b'e', b'r'];

/// Sends every group by name, so that only what a test says stays.
fn everything() -> Policy {
    let all = CircumstanceGroup::ALL.iter();
    Policy {
        circumstances: all.map(|group| (*group, true)).collect(),
        ..Policy::default()
    }
}

fn key() -> PseudonymKey {
    PseudonymKey::new([9; 32])
}

fn form(policy: Policy) -> PolicyForm {
    PolicyForm::new(policy, Some(key())).expect("a policy")
}

fn formed(policy: Policy, kind: RecordKind, content: &[u8]) -> Vec<u8> {
    form(policy)
        .of(kind, content)
        .expect("readable")
        .into_owned()
}

/// The filled record with one episode of a group that is known.
fn in_group(code: &str, restricted: bool) -> Vec<u8> {
    let mut child = ChildRecord::decode(&*record(RecordKind::Child)).expect("readable");
    for episode in &mut child.episodes {
        let group = ListedCode {
            list_version: "2016".into(),
            code: code.into(),
        };
        (episode.group, episode.restricted) = (Some(group), restricted);
    }
    let mut content = child.encode_to_vec();
    content.extend_from_slice(UNKNOWN);
    content
}

#[test]
fn a_policy_that_keeps_nothing_changes_nothing() {
    for content in [in_group("11", true), in_group("04", false)] {
        let kept = form(everything());

        assert!(matches!(
            kept.of(RecordKind::Child, &content),
            Ok(Cow::Borrowed(_))
        ));
    }
    let report = record(RecordKind::CaseReport);
    assert_eq!(
        formed(everything(), RecordKind::CaseReport, &report),
        report
    );
}

/// Every field by itself, by its path: it is gone with all that is in it, and every other field is there.
#[test]
fn a_withheld_field_cannot_be_found_in_what_leaves() {
    let mut kept_back = 0;
    for field in FIELDS.iter().filter(|field| may_be_withheld(field).is_ok()) {
        let content = match field.kind {
            RecordKind::Child => in_group("04", false),
            RecordKind::CaseReport => record(RecordKind::CaseReport),
        };
        let policy = Policy {
            withhold: [field.path.clone()].into(),
            ..everything()
        };

        let left = formed(policy, field.kind, &content);

        for other in FIELDS.iter().filter(|other| other.kind == field.kind) {
            let stays = other.is_within(&field.path);
            for trace in traces(other).iter().filter(|trace| holds(&content, trace)) {
                assert_eq!(
                    !holds(&left, trace),
                    stays,
                    "{} without {}",
                    other.path,
                    field.path
                );
                kept_back += usize::from(stays);
            }
        }
    }
    assert!(kept_back > 120, "{kept_back} traces were looked for");
}

#[test]
fn a_pseudonym_goes_in_the_place_of_its_value() {
    for field in FIELDS.iter().filter(|field| field.purpose.is_some()) {
        let content = in_group("04", false);
        let content = match field.kind {
            RecordKind::Child => content,
            RecordKind::CaseReport => record(RecordKind::CaseReport),
        };
        let policy = Policy {
            pseudonymise: [field.path.clone()].into(),
            ..everything()
        };

        let left = formed(policy, field.kind, &content);

        let [mark, _] = traces(field).try_into().expect("two traces");
        let purpose = field.purpose.expect("a purpose");
        let value = String::from_utf8(mark.clone()).expect("text");
        assert!(
            holds(&content, &mark) && !holds(&left, &mark),
            "{}",
            field.path
        );
        let pseudonym = key().pseudonym(purpose, &value);
        assert!(holds(&left, pseudonym.as_bytes()), "{}", field.path);
    }
}

#[test]
fn a_name_means_every_field_of_that_name() {
    let policy = Policy {
        withhold: ["phone".to_owned()].into(),
        ..everything()
    };

    for kind in [RecordKind::Child, RecordKind::CaseReport] {
        let left = formed(policy.clone(), kind, &record(kind));
        assert!(!holds(&left, b".phone>"), "{kind:?}");
    }
}

#[test]
fn a_withheld_group_leaves_no_trace() {
    for group in CircumstanceGroup::ALL {
        let mut policy = everything();
        policy.circumstances.insert(*group, false);
        let content = in_group(group.code(), false);

        let left = formed(policy, RecordKind::Child, &content);

        let child = ChildRecord::decode(&*left).expect("readable");
        assert_eq!(child.episodes, Vec::<CircumstanceEpisode>::new(), "{group}");
        for field in FIELDS
            .iter()
            .filter(|field| field.path.starts_with("child."))
        {
            let stays = field.path.starts_with("child.episodes") || tells(&field.path);
            for trace in traces(field).iter().filter(|_| stays) {
                assert!(!holds(&left, trace), "{group} leaves {}", field.path);
            }
        }
        assert!(!holds(&left, UNKNOWN), "{group} leaves by a newer field");
        read_child(&left).expect("a record");
    }
}

#[test]
fn restricted_groups_stay_without_a_word_in_the_configuration() {
    for group in CircumstanceGroup::ALL {
        let left = formed(
            Policy::default(),
            RecordKind::Child,
            &in_group(group.code(), false),
        );

        let child = ChildRecord::decode(&*left).expect("readable");
        assert_eq!(child.episodes.is_empty(), group.is_restricted(), "{group}");
    }
    let marked = formed(Policy::default(), RecordKind::Child, &in_group("04", true));
    let child = ChildRecord::decode(&*marked).expect("readable");
    assert!(child.episodes.is_empty());
}

#[test]
fn risks_and_support_of_a_withheld_group_stay_and_others_go() {
    let mut child = ChildRecord {
        at_risk_codes: vec!["R01".into(), "R11".into()],
        ..ChildRecord::default()
    };
    for programme in ["P02", "P05"] {
        child.supports.push(crate::grpc::proto::record::Support {
            programme_code: programme.into(),
            ..Default::default()
        });
    }

    let left = formed(Policy::default(), RecordKind::Child, &child.encode_to_vec());

    let left = ChildRecord::decode(&*left).expect("readable");
    assert_eq!(left.at_risk_codes, ["R01"]);
    assert_eq!(left.supports.len(), 1);
    assert_eq!(left.supports[0].programme_code, "P05");
}

#[test]
fn of_a_case_report_goes_that_it_is_there_and_no_prose() {
    let report = CaseReport {
        case_kind: "abused".into(),
        ..CaseReport::decode(&*record(RecordKind::CaseReport)).expect("readable")
    };

    let left = formed(
        Policy::default(),
        RecordKind::CaseReport,
        &report.encode_to_vec(),
    );

    for field in FIELDS.iter().filter(|field| tells(&field.path)) {
        assert!(!holds(&left, &traces(field)[0]), "{}", field.path);
    }
    assert!(!holds(&left, b"abused") && !holds(&left, UNKNOWN));
    let left = CaseReport::decode(&*left).expect("readable");
    assert_eq!(
        (left.case_kind.as_str(), &left.child_name),
        ("special_circumstance", &report.child_name)
    );
    assert_eq!(left.emergency_action_at, report.emergency_action_at);
    read_case_report(&left.encode_to_vec()).expect("a report");
}

#[test]
fn unknown_fields_go_unless_the_policy_keeps_them() {
    let content = in_group("04", false);
    let keeping = Policy {
        withhold_unknown: true,
        ..everything()
    };

    assert!(holds(
        &formed(everything(), RecordKind::Child, &content),
        UNKNOWN
    ));
    assert!(!holds(
        &formed(keeping, RecordKind::Child, &content),
        UNKNOWN
    ));
}

#[test]
fn a_form_is_canonical_and_its_own_form() {
    let policy = Policy {
        withhold: ["phone".to_owned()].into(),
        ..Policy::default()
    };
    for content in [in_group("05", true), in_group("04", false)] {
        let once = formed(policy.clone(), RecordKind::Child, &content);

        let canonical = canonicalise(RecordKind::Child, &once).expect("readable");
        assert_eq!(canonical, once);
        assert_eq!(formed(policy.clone(), RecordKind::Child, &once), once);
    }
}

#[test]
fn what_cannot_be_done_is_refused_by_name() {
    let refused = |policy: Policy, key: Option<PseudonymKey>| {
        PolicyForm::new(policy, key)
            .err()
            .expect("refused")
            .to_string()
    };
    let named = |name: &str| [name.to_owned()].into();

    let unknown = Policy {
        withhold: named("telephone"),
        ..Policy::default()
    };
    assert!(refused(unknown, None).contains("telephone is no field"));
    let required = Policy {
        withhold: named("child.birth_date"),
        ..Policy::default()
    };
    assert!(refused(required, None).contains("child.birth_date must go"));
    let nameless = Policy {
        pseudonymise: named("full_name"),
        ..Policy::default()
    };
    assert!(refused(nameless, Some(key())).contains("no form for a pseudonym"));
    let keyless = Policy {
        pseudonymise: named("personal_number"),
        ..Policy::default()
    };
    assert!(refused(keyless, None).starts_with("key_file"));
}

#[test]
fn another_policy_has_another_digest_and_another_spelling_has_not() {
    let digest = |policy: Policy, key: PseudonymKey| {
        PolicyForm::new(policy, Some(key))
            .expect("a policy")
            .digest()
    };
    let withholding = |names: &[&str]| Policy {
        withhold: names.iter().map(|name| (*name).to_owned()).collect(),
        ..Policy::default()
    };
    let usual = digest(Policy::default(), key());
    let pseudonyms = Policy {
        pseudonymise: ["personal_number".to_owned()].into(),
        ..Policy::default()
    };

    assert_ne!(digest(withholding(&["phone"]), key()), usual);
    assert_eq!(
        digest(withholding(&["phone"]), key()),
        digest(
            withholding(&["child.carers.phone", "case_report.informant.phone"]),
            key()
        )
    );
    assert_ne!(
        digest(pseudonyms.clone(), key()),
        digest(pseudonyms, PseudonymKey::new([8; 32]))
    );
    assert_eq!(digest(Policy::default(), PseudonymKey::new([8; 32])), usual);
    let hiv = BTreeMap::from([(CircumstanceGroup::Hiv, true)]);
    assert_ne!(
        digest(
            Policy {
                circumstances: hiv,
                ..Policy::default()
            },
            key()
        ),
        usual
    );
}
