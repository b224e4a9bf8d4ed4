//! Records of made-up children.

use childsync::domain::clock::Timestamp;
use childsync::domain::draft::{CaseReportDraft, ChildDraft, CodeDraft, DateDraft, UnitDraft};
use childsync::grpc::convert::{write_case_report, write_child};
use childsync::grpc::proto::record::{RecordKind, Tombstone, TombstoneReason};
use childsync::grpc::proto::v1::RecordChange;
use childsync::grpc::proto::v1::record_change::Content;
use childsync::grpc::push_client::child_change;
use uuid::Uuid;

/// A commune of Kiên Giang, code 91 before July 2025.
pub(crate) const COMMUNE: &str = "30742";

/// A valid child without a personal number.
pub(crate) fn child() -> ChildDraft {
    ChildDraft {
        commune: Some(unit(COMMUNE)),
        status: 1,
        full_name: "Danh Thị Mẫu".into(),
        birth_date: Some(DateDraft::day(2018, 4, 2)),
        sex: 2,
        ethnicity: Some(CodeDraft {
            list_version: "1979".into(),
            code: "05".into(),
        }),
        personal_number_absence: "pending".into(),
        ..ChildDraft::default()
    }
}

/// A valid child with the number of this order.
pub(crate) fn numbered_child(number: u32) -> ChildDraft {
    ChildDraft {
        personal_number: format!("091318{number:06}"),
        personal_number_absence: String::new(),
        ..child()
    }
}

/// A valid case report.
pub(crate) fn report() -> CaseReportDraft {
    CaseReportDraft {
        commune: Some(unit(COMMUNE)),
        received_at: Some(Timestamp::from_micros(1_760_000_000_000_000)),
        case_kind: "abused".into(),
        source_code: "1".into(),
        ..CaseReportDraft::default()
    }
}

pub(crate) fn unit(code: &str) -> UnitDraft {
    UnitDraft {
        scheme: "GSO_PRE2025".into(),
        code: code.into(),
    }
}

/// The record id of this order.
pub(crate) fn id(number: u128) -> Uuid {
    Uuid::from_u128(0x0197_0000_0000_7000_8000_0000_0000_0000 + number)
}

pub(crate) fn change(number: u128, version: u64, draft: ChildDraft) -> RecordChange {
    child_change(id(number), version, write_child(draft))
}

pub(crate) fn report_change(number: u128, version: u64, draft: CaseReportDraft) -> RecordChange {
    let content = Some(Content::CaseReport(write_case_report(draft).into()));
    RecordChange {
        record_id: id(number).to_string(),
        version,
        content,
        ..RecordChange::default()
    }
}

pub(crate) fn raw_change(number: u128, version: u64, content: Vec<u8>) -> RecordChange {
    child_change(id(number), version, content)
}

pub(crate) fn tombstone(number: u128, version: u64) -> RecordChange {
    succeeded(number, version, "")
}

/// A withdrawal in favour of another record.
pub(crate) fn succeeded(number: u128, version: u64, successor: &str) -> RecordChange {
    let tombstone = Tombstone {
        kind: RecordKind::Child.into(),
        reason: TombstoneReason::Moved.into(),
        successor_record_id: successor.to_owned(),
    };
    let content = Some(Content::Tombstone(tombstone));
    RecordChange {
        record_id: id(number).to_string(),
        version,
        content,
        ..RecordChange::default()
    }
}
