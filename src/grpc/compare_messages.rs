//! Comparisons as the contract writes them: the small messages of both ends.

use super::convert::{read_kind, write_instant, write_kind};
use super::proto::v1;
use crate::domain::comparison::{
    ComparisonCounts, ComparisonReport, ComparisonState, Difference, Finding, RecordState, Repair,
    UpperRecord,
};
use crate::domain::record::{ContentHash, RecordId, RecordKind, Version};
use crate::store::ComparisonRow;
use crate::sync::comparison::lower::KindDigest;
use uuid::Uuid;

/// Bytes of a record's id.
const ID_BYTES: usize = 16;

pub(super) fn write_ids(records: &[RecordId]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(records.len() * ID_BYTES);
    for record in records {
        bytes.extend_from_slice(record.as_uuid().as_bytes());
    }
    bytes
}

/// The ids that stand one after the other; `None` if the last one is cut short.
pub(super) fn read_ids(bytes: &[u8]) -> Option<Vec<RecordId>> {
    let (ids, rest) = bytes.as_chunks::<ID_BYTES>();
    let record = |id: &[u8; ID_BYTES]| RecordId::new(Uuid::from_bytes(*id));
    rest.is_empty().then(|| ids.iter().map(record).collect())
}

pub(super) fn write_digest(digest: KindDigest) -> v1::KindDigest {
    v1::KindDigest {
        kind: write_kind(digest.kind).into(),
        entries: digest.entries,
        digest: digest.digest,
    }
}

pub(super) fn read_digest(digest: v1::KindDigest) -> Option<KindDigest> {
    Some(KindDigest {
        kind: read_kind(digest.kind)?,
        entries: digest.entries,
        digest: digest.digest,
    })
}

pub(super) fn write_looked(row: UpperRecord) -> v1::LookedRecord {
    v1::LookedRecord {
        record_id: row.record.as_uuid().as_bytes().to_vec(),
        version: row.held.map_or(0, |held| held.version.as_u64()),
        hash: row
            .held
            .map(|held| held.hash.as_bytes().to_vec())
            .unwrap_or_default(),
        unsettled: row.is_unsettled,
        quarantined_version: row.quarantined.map_or(0, Version::as_u64),
    }
}

pub(super) fn read_looked(row: &v1::LookedRecord) -> Option<UpperRecord> {
    let held = match row.version {
        0 => None,
        version => Some(RecordState {
            version: Version::from_u64(version)?,
            hash: ContentHash::from_slice(&row.hash)?,
        }),
    };
    Some(UpperRecord {
        record: RecordId::new(Uuid::from_slice(&row.record_id).ok()?),
        held,
        is_unsettled: row.unsettled,
        quarantined: Version::from_u64(row.quarantined_version),
    })
}

pub(super) fn write_report(report: &ComparisonReport) -> v1::CompareReport {
    v1::CompareReport {
        counts: Some(write_counts(report.counts)),
        differences: report.differences.iter().map(write_difference).collect(),
        repaired: report.repaired.unsigned_abs(),
        remaining: report.remaining.map(i64::unsigned_abs),
        rounds: report.rounds.unsigned_abs(),
        traffic_bytes: report.traffic_bytes.unsigned_abs(),
    }
}

/// `None` where a difference is of no kind that there is.
pub(super) fn read_report(report: &v1::CompareReport) -> Option<ComparisonReport> {
    let counts = report.counts.unwrap_or_default();
    Some(ComparisonReport {
        counts: ComparisonCounts {
            matched: clamped(counts.matched),
            different: clamped(counts.different),
            missing: clamped(counts.missing),
            extra: clamped(counts.extra),
            refused: clamped(counts.refused),
            moving: clamped(counts.moving),
        },
        differences: report
            .differences
            .iter()
            .map(read_difference)
            .collect::<Option<_>>()?,
        repaired: clamped(report.repaired),
        remaining: report.remaining.map(clamped),
        rounds: clamped(report.rounds),
        traffic_bytes: clamped(report.traffic_bytes),
    })
}

fn clamped(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn write_counts(counts: ComparisonCounts) -> v1::ComparisonCounts {
    v1::ComparisonCounts {
        matched: counts.matched.unsigned_abs(),
        different: counts.different.unsigned_abs(),
        missing: counts.missing.unsigned_abs(),
        extra: counts.extra.unsigned_abs(),
        refused: counts.refused.unsigned_abs(),
        moving: counts.moving.unsigned_abs(),
    }
}

pub(super) fn write_difference(difference: &Difference) -> v1::RecordDifference {
    v1::RecordDifference {
        kind: write_kind(difference.kind).into(),
        record_id: difference.record.to_string(),
        finding: match difference.finding {
            Finding::Different => v1::Finding::Different,
            Finding::Missing => v1::Finding::Missing,
            Finding::Extra => v1::Finding::Extra,
            Finding::Refused => v1::Finding::Refused,
            Finding::Moving => v1::Finding::Moving,
        }
        .into(),
        lower_version: difference.lower.map_or(0, Version::as_u64),
        upper_version: difference.upper.map_or(0, Version::as_u64),
    }
}

fn read_difference(difference: &v1::RecordDifference) -> Option<Difference> {
    Some(Difference {
        kind: read_kind(difference.kind)?,
        record: difference.record_id.parse().ok()?,
        finding: match difference.finding() {
            v1::Finding::Unspecified => return None,
            v1::Finding::Different => Finding::Different,
            v1::Finding::Missing => Finding::Missing,
            v1::Finding::Extra => Finding::Extra,
            v1::Finding::Refused => Finding::Refused,
            v1::Finding::Moving => Finding::Moving,
        },
        lower: Version::from_u64(difference.lower_version),
        upper: Version::from_u64(difference.upper_version),
    })
}

pub(super) fn write_repair(repair: Repair) -> v1::Repair {
    match repair {
        Repair::Nothing => v1::Repair::Unspecified,
        Repair::SendAgain => v1::Repair::SendAgain,
        Repair::WithdrawExtra => v1::Repair::WithdrawExtra,
    }
}

/// `None` for a repair of a later version of the contract, which is not to be guessed.
pub(super) fn read_repair(number: i32) -> Option<Repair> {
    Some(match v1::Repair::try_from(number).ok()? {
        v1::Repair::Unspecified => Repair::Nothing,
        v1::Repair::SendAgain => Repair::SendAgain,
        v1::Repair::WithdrawExtra => Repair::WithdrawExtra,
    })
}

pub(super) fn write_comparison(row: ComparisonRow) -> v1::HubComparison {
    let report = row.report;
    v1::HubComparison {
        comparison_id: row.comparison.to_string(),
        node: row.node.unwrap_or_default(),
        repair: write_repair(row.repair).into(),
        state: match row.state {
            ComparisonState::Asked => v1::ComparisonState::Asked,
            ComparisonState::Running => v1::ComparisonState::Running,
            ComparisonState::Ended => v1::ComparisonState::Ended,
            ComparisonState::Failed => v1::ComparisonState::Failed,
        }
        .into(),
        asked_by: row.asked_by,
        asked_at: Some(write_instant(row.asked_at)),
        ended_at: row.ended_at.map(write_instant),
        counts: Some(write_counts(report.counts)),
        repaired: report.repaired.unsigned_abs(),
        remaining: report.remaining.map(i64::unsigned_abs),
        rounds: report.rounds.unsigned_abs(),
        traffic_bytes: report.traffic_bytes.unsigned_abs(),
        failure: row.failure,
    }
}

/// The place of a difference in a page token, `kind.id`.
pub(super) fn write_place(difference: &Difference) -> String {
    format!("{}.{}", difference.kind.code(), difference.record)
}

pub(super) fn read_place(token: &str) -> Option<(RecordKind, RecordId)> {
    let (kind, record) = token.split_once('.')?;
    let kind = RecordKind::from_code(kind.parse().ok()?)?;
    Some((kind, record.parse().ok()?))
}
