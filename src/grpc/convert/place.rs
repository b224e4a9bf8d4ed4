//! The unit and the village of a record, read and replaced field by field: what this program does not know
//! of the record stays as it is.

use bytes::Bytes;
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint};

use super::{read_unit, write_unit};
use crate::domain::record::RecordKind;
use crate::domain::unit::UnitReference;
use crate::grpc::proto::record;
use crate::grpc::wire::WireFields;
use crate::sync::codec::{RecordPlace, Unreadable};

/// Number of the field `commune`, as `record.proto` has it.
const fn unit_field(kind: RecordKind) -> u32 {
    match kind {
        RecordKind::Child => 2,
        RecordKind::CaseReport => 1,
    }
}

/// Number of the field `village` of a child; a report has none.
const CHILD_VILLAGE: u32 = 3;

pub(super) fn read(kind: RecordKind, content: &[u8]) -> Result<RecordPlace, Unreadable> {
    let mut place = RecordPlace::default();
    for field in WireFields::new(content) {
        let field = field?;
        let Some(inner) = field.delimited else {
            continue;
        };
        if field.number == unit_field(kind) {
            let unit = record::UnitReference::decode(inner);
            let unit = unit.map_err(|_| Unreadable("the commune is no unit"))?;
            place.unit = read_unit(&unit);
        } else if field.number == CHILD_VILLAGE && kind == RecordKind::Child {
            place.village = String::from_utf8_lossy(inner).into_owned();
        }
    }
    Ok(place)
}

pub(super) fn replace_unit(
    kind: RecordKind,
    content: &Bytes,
    unit: UnitReference,
) -> Result<Bytes, Unreadable> {
    let own = unit_field(kind);
    let mut replaced = Vec::with_capacity(content.len() + 8);
    let mut is_written = false;
    for field in WireFields::new(content) {
        let field = field?;
        if field.number >= own && !is_written {
            write_field(&mut replaced, own, &write_unit(unit).encode_to_vec());
            is_written = true;
        }
        if field.number != own {
            replaced.extend_from_slice(field.encoded);
        }
    }
    Ok(replaced.into())
}

fn write_field(content: &mut Vec<u8>, number: u32, inner: &[u8]) {
    encode_key(number, WireType::LengthDelimited, content);
    // A unit has some twenty bytes.
    encode_varint(u64::try_from(inner.len()).unwrap_or_default(), content);
    content.extend_from_slice(inner);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::draft::{CaseReportDraft, ChildDraft, UnitDraft};
    use crate::grpc::canonical::canonicalise;
    use crate::grpc::convert::{read_child, write_case_report, write_child};

    fn commune() -> UnitDraft {
        UnitDraft {
            scheme: "GSO_PRE2025".into(),
            code: "30742".into(),
        }
    }

    #[test]
    fn only_the_unit_of_a_record_is_another() {
        let child = ChildDraft {
            commune: Some(commune()),
            village: "Ấp Mẫu".into(),
            full_name: "Danh Thị Mẫu".into(),
            ..ChildDraft::default()
        };
        let content = Bytes::from(write_child(child.clone()));
        let new: UnitReference = "GSO_2025:30742".parse().expect("a unit");

        let moved = replace_unit(RecordKind::Child, &content, new).expect("readable");

        let place = read(RecordKind::Child, &moved).expect("readable");
        assert_eq!(place.unit, Some(new));
        assert_eq!(place.village, "Ấp Mẫu");
        let back = replace_unit(
            RecordKind::Child,
            &moved,
            "GSO_PRE2025:30742".parse().expect("a unit"),
        );
        assert!(read_child(&back.expect("readable")).expect("readable") == child);
        let canonical = canonicalise(RecordKind::Child, &moved).expect("canonical");
        assert!(matches!(canonical, std::borrow::Cow::Borrowed(_)));
    }

    #[test]
    fn a_report_has_a_unit_too() {
        let report = CaseReportDraft {
            commune: Some(commune()),
            ..CaseReportDraft::default()
        };
        let content = write_case_report(report);

        let place = read(RecordKind::CaseReport, &content).expect("readable");

        assert_eq!(place.unit, "GSO_PRE2025:30742".parse().ok());
    }
}
