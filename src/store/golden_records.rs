//! Golden records: one for each real child, with the number of its newest change.

use std::collections::BTreeSet;

use sqlx::{query_as, query_scalar};
use uuid::Uuid;

use super::bulk::Column;
use super::relations::{read_golden_ids, write_golden_ids};
use super::submissions::{expect_rows, read_hash, read_version};
use super::{StoreError, Transaction, on_conn, sql};
use crate::domain::golden::GoldenId;
use crate::domain::record::{ContentHash, Lane, RecordKind, Version};
use crate::domain::units_in_use::UnitMove;

/// Whether a golden record counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GoldenState {
    /// It counts.
    Live,
    /// All its source records were withdrawn.
    Withdrawn,
    /// Its source records belong to this golden record now.
    MergedInto(GoldenId),
}

impl GoldenState {
    fn code(self) -> i16 {
        match self {
            Self::Live => 1,
            Self::Withdrawn => 2,
            Self::MergedInto(_) => 3,
        }
    }

    fn merged_into(self) -> Option<Uuid> {
        match self {
            Self::MergedInto(survivor) => Some(survivor.as_uuid()),
            Self::Live | Self::Withdrawn => None,
        }
    }

    pub(super) fn read(code: i16, merged_into: Option<Uuid>) -> Result<Self, StoreError> {
        match (code, merged_into) {
            (1, None) => Ok(Self::Live),
            (2, None) => Ok(Self::Withdrawn),
            (3, Some(survivor)) => Ok(Self::MergedInto(GoldenId::new(survivor))),
            _ => Err(StoreError::Corrupt {
                table: "golden_record",
                column: "state",
            }),
        }
    }
}

/// A golden record without its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoldenRow {
    /// Its identity.
    pub golden_id: GoldenId,
    /// Rises with every change.
    pub version: Version,
    /// Whether it counts.
    pub state: GoldenState,
    /// Hash of its content.
    pub hash: ContentHash,
    /// Which submission each field's value came from.
    pub provenance: String,
    /// Fields that its sources contradict each other on, as JSON.
    pub conflicts: String,
    /// Golden records that are other children, whatever the evidence.
    pub different_from: BTreeSet<GoldenId>,
    /// Which act moved it, from which unit and to which; `None` where none did.
    pub unit_move: Option<UnitMove>,
}

/// A changed golden record: what the reconciler writes and the forwarder sends.
#[derive(Clone, Debug)]
pub struct GoldenChange {
    /// Number of the change.
    pub change: i64,
    /// Its identity.
    pub golden_id: GoldenId,
    /// Child or case report.
    pub kind: RecordKind,
    /// Rises with every change.
    pub version: Version,
    /// Whether it counts.
    pub state: GoldenState,
    /// Hash of its content.
    pub hash: ContentHash,
    /// Hash of what goes upstream of it: the same unless the policy keeps something of it here.
    pub forwarded_hash: ContentHash,
    /// The sealed content; empty unless live.
    pub content: Vec<u8>,
    /// Which submission each field's value came from; not read back by [`Transaction::read_golden_changes`].
    pub provenance: String,
    /// Fields that its sources contradict each other on, as JSON.
    pub conflicts: String,
    /// Golden records that are other children, whatever the evidence.
    pub different_from: BTreeSet<GoldenId>,
    /// Which act moved it; not read back by [`Transaction::read_golden_changes`] either.
    pub unit_move: Option<UnitMove>,
}

type GoldenTuple = (
    Uuid,
    i64,
    i16,
    Option<Uuid>,
    Vec<u8>,
    String,
    String,
    String,
    String,
);
type ChangeTuple = (
    i64,
    Uuid,
    i16,
    i64,
    i16,
    Option<Uuid>,
    Vec<u8>,
    Vec<u8>,
    Vec<u8>,
    String,
);

impl Transaction {
    /// The golden records of these identities, in no order; absent ones are left out.
    pub async fn find_golden_records(
        &mut self,
        golden: &[GoldenId],
    ) -> Result<Vec<GoldenRow>, StoreError> {
        let columns = vec![Column::Uuid(golden.iter().map(|id| id.as_uuid()).collect())];
        let rows: Vec<GoldenTuple> = self.fetch_bulk(&sql::FIND_GOLDEN_RECORDS, columns).await?;
        rows.into_iter()
            .map(
                |(
                    golden_id,
                    version,
                    state,
                    merged_into,
                    hash,
                    provenance,
                    conflicts,
                    different,
                    unit_move,
                )| {
                    Ok(GoldenRow {
                        unit_move: read_unit_move(&unit_move)?,
                        different_from: read_golden_ids(&different)?,
                        golden_id: GoldenId::new(golden_id),
                        version: read_version("golden_record", version)?,
                        state: GoldenState::read(state, merged_into)?,
                        hash: read_hash("golden_record", &hash)?,
                        provenance,
                        conflicts,
                    })
                },
            )
            .collect()
    }

    /// Inserts or replaces golden records.
    pub async fn put_golden_records(&mut self, rows: Vec<GoldenChange>) -> Result<(), StoreError> {
        let expected = rows.len();
        let hashes = rows
            .iter()
            .map(|row| row.hash.as_bytes().to_vec())
            .collect();
        let mut columns = vec![
            Column::Uuid(rows.iter().map(|row| row.golden_id.as_uuid()).collect()),
            Column::Short(rows.iter().map(|row| row.kind.code()).collect()),
            Column::Short(rows.iter().map(|row| row.kind.lane().code()).collect()),
            Column::Long(rows.iter().map(|row| row.version.as_i64()).collect()),
            Column::Long(rows.iter().map(|row| row.change).collect()),
            Column::Short(rows.iter().map(|row| row.state.code()).collect()),
            Column::UuidOrNull(rows.iter().map(|row| row.state.merged_into()).collect()),
            Column::Bytes(hashes),
        ];
        let forwarded = rows.iter().map(write_forwarded).collect();
        let conflicts = rows.iter().map(|row| row.conflicts.clone()).collect();
        let different_from = rows
            .iter()
            .map(|row| write_golden_ids(&row.different_from))
            .collect();
        let unit_moves = rows
            .iter()
            .map(|row| write_unit_move(row.unit_move.as_ref()));
        let unit_moves = unit_moves.collect();
        let (contents, provenance) = rows
            .into_iter()
            .map(|row| (row.content, row.provenance))
            .unzip();
        columns.push(Column::Bytes(contents));
        columns.push(Column::Text(provenance));
        columns.push(Column::Text(conflicts));
        columns.push(Column::Text(different_from));
        columns.push(Column::Text(unit_moves));
        columns.push(Column::Bytes(forwarded));
        let changed = self.execute_bulk(&sql::PUT_GOLDEN_RECORDS, columns).await?;
        expect_rows("PUT_GOLDEN_RECORDS", expected, changed)
    }

    /// Changes of a lane after one number up to another, in order, at most `limit`.
    pub async fn read_golden_changes(
        &mut self,
        lane: Lane,
        after: i64,
        up_to: i64,
        limit: i64,
    ) -> Result<Vec<GoldenChange>, StoreError> {
        let rows: Vec<ChangeTuple> = on_conn!(self, |conn| {
            query_as(sql::READ_GOLDEN_CHANGES)
                .bind(lane.code())
                .bind(after)
                .bind(up_to)
                .bind(limit)
                .fetch_all(conn)
                .await?
        });
        rows.into_iter().map(read_change).collect()
    }

    /// Which submission each field of a golden record came from, or `None` if there is no such record.
    pub async fn read_provenance(
        &mut self,
        golden_id: GoldenId,
    ) -> Result<Option<String>, StoreError> {
        let id = golden_id.as_uuid();
        Ok(on_conn!(self, |conn| {
            query_scalar(sql::READ_PROVENANCE)
                .bind(id)
                .fetch_optional(conn)
                .await?
        }))
    }
}

/// Nothing where it is the hash of the content.
fn write_forwarded(row: &GoldenChange) -> Vec<u8> {
    if row.forwarded_hash == row.hash {
        Vec::new()
    } else {
        row.forwarded_hash.as_bytes().to_vec()
    }
}

pub(super) fn read_forwarded(hash: ContentHash, stored: &[u8]) -> Result<ContentHash, StoreError> {
    if stored.is_empty() {
        Ok(hash)
    } else {
        read_hash("golden_record", stored)
    }
}

fn read_change(row: ChangeTuple) -> Result<GoldenChange, StoreError> {
    let (change, golden_id, kind, version, state, merged_into, hash, forwarded, content, different) =
        row;
    let kind = RecordKind::from_code(kind).ok_or(StoreError::Corrupt {
        table: "golden_record",
        column: "kind",
    })?;
    let hash = read_hash("golden_record", &hash)?;
    Ok(GoldenChange {
        change,
        golden_id: GoldenId::new(golden_id),
        kind,
        version: read_version("golden_record", version)?,
        state: GoldenState::read(state, merged_into)?,
        hash,
        forwarded_hash: read_forwarded(hash, &forwarded)?,
        content,
        provenance: String::new(),
        conflicts: String::new(),
        different_from: read_golden_ids(&different)?,
        unit_move: None,
    })
}

fn write_unit_move(unit_move: Option<&UnitMove>) -> String {
    unit_move.map_or_else(String::new, UnitMove::to_string)
}

pub(super) fn read_unit_move(text: &str) -> Result<Option<UnitMove>, StoreError> {
    if text.is_empty() {
        return Ok(None);
    }
    let read = text.parse().map_err(|_| StoreError::Corrupt {
        table: "golden_record",
        column: "unit_move",
    });
    read.map(Some)
}
