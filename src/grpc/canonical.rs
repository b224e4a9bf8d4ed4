//! The one form in which a record is hashed, stored and sent on.
//!
//! Every text field is normalised and the fields of every known part stand in the order of their
//! numbers, so that the same record gives the same bytes whatever program encoded it. Fields that this
//! program does not know are kept as they are. The walk is driven by the contract's descriptors and
//! never decodes a message.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use bytes::Bytes;
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint};
use prost_types::field_descriptor_proto::Type;
use prost_types::{DescriptorProto, FileDescriptorSet};

use super::proto::FILE_DESCRIPTOR_SET;
use super::wire::{WireField, WireFields};
use crate::domain::record::RecordKind;
use crate::domain::text::normalise;
use crate::linkage::survivorship::Field;
use crate::sync::codec::Unreadable;

/// How deep the parts of a record may lie in each other.
pub const NESTING_MAX: u32 = 8;
/// Fields of a record with all its parts.
pub const FIELDS_MAX: u32 = 4_000;

/// What a length-delimited field of the contract holds.
#[derive(Clone, Copy)]
enum Holds {
    Text,
    Part(usize),
}

/// The length-delimited fields of one message by number.
type Layout = HashMap<u32, Holds>;

struct Layouts {
    all: Vec<Layout>,
    child: usize,
    case_report: usize,
}

static LAYOUTS: LazyLock<Layouts> = LazyLock::new(|| {
    // The set is compiled in; were it broken, no record could be read and every test would fail.
    let set = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap_or_default();
    let messages: Vec<(String, DescriptorProto)> = set
        .file
        .into_iter()
        .flat_map(|file| {
            let package = file.package().to_owned();
            let name = move |message: &DescriptorProto| format!(".{package}.{}", message.name());
            file.message_type
                .into_iter()
                .map(move |message| (name(&message), message))
        })
        .collect();
    let place = |name: &str| messages.iter().position(|(listed, _)| listed == name);
    let layout = |message: &DescriptorProto| {
        let holds = message.field.iter().filter_map(|field| {
            let number = u32::try_from(field.number()).ok()?;
            if field.r#type() == Type::String {
                Some((number, Holds::Text))
            } else {
                place(field.type_name()).map(|part| (number, Holds::Part(part)))
            }
        });
        holds.collect()
    };
    Layouts {
        child: place(".childsync.v1.ChildRecord").unwrap_or_default(),
        case_report: place(".childsync.v1.CaseReport").unwrap_or_default(),
        all: messages
            .iter()
            .map(|(_, message)| layout(message))
            .collect(),
    }
});

/// The canonical form of a record; borrowed when it has it already.
pub fn canonicalise(kind: RecordKind, content: &[u8]) -> Result<Cow<'_, [u8]>, Unreadable> {
    let part = match kind {
        RecordKind::Child => LAYOUTS.child,
        RecordKind::CaseReport => LAYOUTS.case_report,
    };
    if is_canonical(part, content, 0, &mut 0)? {
        return Ok(Cow::Borrowed(content));
    }
    let mut canonical = Vec::with_capacity(content.len() + 16);
    rewrite(part, content, &mut canonical)?;
    Ok(Cow::Owned(canonical))
}

/// Splits a record into its fields, which must stand in the order of their numbers.
pub fn split(content: &Bytes) -> Result<Vec<Field>, Unreadable> {
    let field = |field: Result<WireField<'_>, Unreadable>| {
        field.map(|field| Field {
            number: field.number,
            encoded: content.slice_ref(field.encoded),
        })
    };
    WireFields::new(content).map(field).collect()
}

fn holds(part: usize, number: u32) -> Option<Holds> {
    LAYOUTS.all.get(part)?.get(&number).copied()
}

/// Checks the whole record and says whether anything must be rewritten.
fn is_canonical(
    part: usize,
    message: &[u8],
    depth: u32,
    fields: &mut u32,
) -> Result<bool, Unreadable> {
    if depth > NESTING_MAX {
        return Err(Unreadable("parts lie too deep in each other"));
    }
    let mut canonical = true;
    let mut last = 0;
    for field in WireFields::new(message) {
        let field = field?;
        *fields += 1;
        if *fields > FIELDS_MAX {
            return Err(Unreadable("it has too many fields"));
        }
        canonical &= field.number >= last;
        last = field.number;
        match (field.delimited, holds(part, field.number)) {
            (Some(bytes), Some(Holds::Text)) => {
                canonical &= matches!(normalise(text(bytes)?), Cow::Borrowed(_));
            }
            (Some(bytes), Some(Holds::Part(inner))) => {
                canonical &= is_canonical(inner, bytes, depth + 1, fields)?;
            }
            _ => {}
        }
    }
    Ok(canonical)
}

fn rewrite(part: usize, message: &[u8], canonical: &mut Vec<u8>) -> Result<(), Unreadable> {
    let mut fields: Vec<WireField<'_>> = WireFields::new(message).collect::<Result<_, _>>()?;
    fields.sort_by_key(|field| field.number);
    for field in fields {
        match (field.delimited, holds(part, field.number)) {
            (Some(bytes), Some(Holds::Text)) => {
                put(field.number, normalise(text(bytes)?).as_bytes(), canonical);
            }
            (Some(bytes), Some(Holds::Part(inner))) => {
                let mut rewritten = Vec::with_capacity(bytes.len());
                rewrite(inner, bytes, &mut rewritten)?;
                put(field.number, &rewritten, canonical);
            }
            _ => canonical.extend_from_slice(field.encoded),
        }
    }
    Ok(())
}

fn text(bytes: &[u8]) -> Result<&str, Unreadable> {
    std::str::from_utf8(bytes).map_err(|_| Unreadable("a text is not UTF-8"))
}

fn put(number: u32, bytes: &[u8], canonical: &mut Vec<u8>) {
    encode_key(number, WireType::LengthDelimited, canonical);
    encode_varint(u64::try_from(bytes.len()).unwrap_or(u64::MAX), canonical);
    canonical.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::grpc::proto::record::{Carer, ChildRecord};

    fn record(name: &str, carer: &str) -> ChildRecord {
        let carer = Carer {
            name: carer.into(),
            ..Carer::default()
        };
        ChildRecord {
            full_name: name.into(),
            carers: vec![carer],
            ..ChildRecord::default()
        }
    }

    /// An unknown field: number 1000, five bytes of a newer program.
    const UNKNOWN: &[u8] = &[0xc2, 0x3e, 0x05, 1, 2, 3, 4, 5];

    #[test]
    fn what_is_canonical_is_given_back_as_it_is() {
        let content = record("Trần Mẫu", "Lê Thử").encode_to_vec();

        let canonical = canonicalise(RecordKind::Child, &content).expect("readable");

        assert!(matches!(canonical, Cow::Borrowed(_)));
    }

    #[test]
    fn text_in_every_part_is_normalised() {
        let content = record("Nguye\u{303}\u{302}n", "Le\u{302} Thu\u{31b}\u{309}").encode_to_vec();

        let canonical = canonicalise(RecordKind::Child, &content).expect("readable");

        let read = ChildRecord::decode(&*canonical).expect("readable");
        assert_eq!(read, record("Nguyễn", "Lê Thử"));
    }

    #[test]
    fn fields_of_a_newer_program_survive_in_the_record_and_in_its_parts() {
        let mut carer = Carer {
            name: "Le\u{302}".into(),
            ..Carer::default()
        }
        .encode_to_vec();
        carer.extend_from_slice(UNKNOWN);
        let mut content = Vec::new();
        put(51, &carer, &mut content);
        content.extend_from_slice(UNKNOWN);

        let canonical = canonicalise(RecordKind::Child, &content).expect("readable");

        let kept = canonical
            .windows(UNKNOWN.len())
            .filter(|bytes| bytes == &UNKNOWN)
            .count();
        assert_eq!(kept, 2);
    }

    #[test]
    fn the_order_in_which_a_program_writes_fields_does_not_matter() {
        let village = ChildRecord {
            village: "Ấp Thử".into(),
            ..ChildRecord::default()
        };
        let name = ChildRecord {
            full_name: "Trần Mẫu".into(),
            ..ChildRecord::default()
        };
        let forth = [village.encode_to_vec(), name.encode_to_vec()].concat();
        let back = [name.encode_to_vec(), village.encode_to_vec()].concat();

        let canonical = |bytes: &[u8]| canonicalise(RecordKind::Child, bytes).map(Cow::into_owned);

        assert_eq!(canonical(&forth), canonical(&back));
    }

    #[test]
    fn text_that_is_not_utf_8_is_an_error() {
        let mut content = Vec::new();
        put(20, &[0xff, 0xfe], &mut content);

        assert!(canonicalise(RecordKind::Child, &content).is_err());
    }

    #[test]
    fn splitting_and_joining_gives_the_same_bytes() {
        let content = Bytes::from(record("Trần Mẫu", "Lê Thử").encode_to_vec());

        let joined: Vec<u8> = split(&content)
            .expect("readable")
            .iter()
            .flat_map(|field| field.encoded.to_vec())
            .collect();

        assert_eq!(joined, content);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            drop(canonicalise(RecordKind::Child, &bytes));
        }

        #[test]
        fn canonicalising_twice_is_canonicalising_once(name in "\\PC{0,20}", carer in "[a-zàễ\u{300}-\u{310}]{0,20}") {
            let content = record(&name, &carer).encode_to_vec();
            let once = canonicalise(RecordKind::Child, &content).expect("readable").into_owned();
            let twice = canonicalise(RecordKind::Child, &once).expect("readable").into_owned();
            prop_assert_eq!(once, twice);
        }

        #[test]
        fn a_record_cut_short_never_panics(cut in 0_usize..60) {
            let content = record("Trần Thị Mẫu", "Lê Thử").encode_to_vec();
            let cut = cut.min(content.len());
            drop(canonicalise(RecordKind::Child, &content[..cut]));
        }
    }
}
