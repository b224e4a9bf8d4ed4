//! What golden records were before, and what became of them.

use sqlx::{query_as, query_scalar};
use uuid::Uuid;

use super::bulk::Column;
use super::golden_records::{GoldenState, read_unit_move};
use super::source_records::{Member, MemberTuple, read_member};
use super::sql::linkage as sql;
use super::submissions::{expect_rows, read_version};
use super::{StoreError, Transaction, on_conn};
use crate::domain::clock::Timestamp;
use crate::domain::golden::GoldenId;
use crate::domain::node::NodeId;
use crate::domain::record::{RecordKey, Version};
use crate::domain::units_in_use::UnitMove;

/// What happened to a golden record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AliasKind {
    /// All its source records are in the other one now.
    Merged,
    /// Some of its source records are in the other one now.
    Split,
}

/// Why it happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AliasCause {
    /// The evidence says so.
    Evidence,
    /// A steward says so.
    Decision,
    /// The node that keeps the record says so.
    Node,
}

/// A golden record that another one stands for now, whole or in part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AliasRow {
    /// Where records left.
    pub from: GoldenId,
    /// Where they are now.
    pub to: GoldenId,
    /// What happened.
    pub kind: AliasKind,
    /// Why.
    pub cause: AliasCause,
    /// When.
    pub happened_at: Timestamp,
}

/// A golden record as it is or as it was.
#[derive(Clone, Debug)]
pub struct GoldenVersion {
    /// Its version.
    pub version: Version,
    /// Whether it counted.
    pub state: GoldenState,
    /// Its sealed content.
    pub content: Vec<u8>,
    /// Which submission each field's value came from, as JSON.
    pub provenance: String,
    /// Fields that its sources contradict each other on, as JSON.
    pub conflicts: String,
    /// Which act moved it, from which unit and to which; `None` where none did.
    pub unit_move: Option<UnitMove>,
    /// When a newer version took its place; `None` for the present one.
    pub replaced_at: Option<Timestamp>,
}

type VersionTuple = (i64, i16, Option<Uuid>, Vec<u8>, String, String, String, i64);

impl AliasKind {
    /// The number that the store keeps; never 0, which stands for none.
    pub const fn code(self) -> i16 {
        match self {
            Self::Merged => 1,
            Self::Split => 2,
        }
    }

    pub(super) const fn from_code(code: i16) -> Option<Self> {
        match code {
            1 => Some(Self::Merged),
            2 => Some(Self::Split),
            _ => None,
        }
    }
}

impl Transaction {
    /// Keeps golden records that are about to be replaced as they are.
    pub async fn keep_history(
        &mut self,
        golden: &[GoldenId],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let columns = vec![
            Column::Uuid(golden.iter().map(|id| id.as_uuid()).collect()),
            Column::Long(vec![now.as_micros(); golden.len()]),
        ];
        self.execute_bulk(&sql::KEEP_HISTORY, columns).await?;
        Ok(())
    }

    /// Appends what became of golden records, in order.
    pub async fn append_aliases(&mut self, aliases: &[AliasRow]) -> Result<(), StoreError> {
        if aliases.is_empty() {
            return Ok(());
        }
        let last = self.lock_counter("alias").await?;
        let numbers: Vec<i64> = (last + 1..).take(aliases.len()).collect();
        let head = numbers.last().copied().unwrap_or(last);
        let cause = |alias: &AliasRow| match alias.cause {
            AliasCause::Evidence => 1,
            AliasCause::Decision => 2,
            AliasCause::Node => 3,
        };
        let columns = vec![
            Column::Long(numbers),
            Column::Uuid(aliases.iter().map(|alias| alias.from.as_uuid()).collect()),
            Column::Uuid(aliases.iter().map(|alias| alias.to.as_uuid()).collect()),
            Column::Short(aliases.iter().map(|alias| alias.kind.code()).collect()),
            Column::Short(aliases.iter().map(cause).collect()),
            Column::Long(
                aliases
                    .iter()
                    .map(|alias| alias.happened_at.as_micros())
                    .collect(),
            ),
        ];
        let changed = self.execute_bulk(&sql::APPEND_ALIASES, columns).await?;
        expect_rows("APPEND_ALIASES", aliases.len(), changed)?;
        self.set_counter("alias", head).await
    }

    /// What became of a golden record, and what it came from, in order.
    pub async fn read_aliases(&mut self, golden: GoldenId) -> Result<Vec<AliasRow>, StoreError> {
        let id = golden.as_uuid();
        let rows: Vec<(Uuid, Uuid, i16, i16, i64)> = on_conn!(self, |conn| {
            query_as(sql::READ_ALIASES).bind(id).fetch_all(conn).await?
        });
        let corrupt = |column| StoreError::Corrupt {
            table: "golden_alias",
            column,
        };
        rows.into_iter()
            .map(|(from, to, kind, cause, at)| {
                Ok(AliasRow {
                    from: GoldenId::new(from),
                    to: GoldenId::new(to),
                    kind: AliasKind::from_code(kind).ok_or_else(|| corrupt("kind"))?,
                    cause: match cause {
                        1 => AliasCause::Evidence,
                        2 => AliasCause::Decision,
                        3 => AliasCause::Node,
                        _ => return Err(corrupt("cause")),
                    },
                    happened_at: Timestamp::from_micros(at),
                })
            })
            .collect()
    }

    /// A golden record and all that it was before, the newest first; empty if there is none.
    pub async fn read_golden_versions(
        &mut self,
        golden: GoldenId,
    ) -> Result<Vec<GoldenVersion>, StoreError> {
        let id = golden.as_uuid();
        let mut rows: Vec<VersionTuple> = on_conn!(self, |conn| {
            query_as(sql::READ_GOLDEN_RECORD)
                .bind(id)
                .fetch_all(conn)
                .await?
        });
        let history: Vec<VersionTuple> = on_conn!(self, |conn| {
            query_as(sql::READ_HISTORY).bind(id).fetch_all(conn).await?
        });
        rows.extend(history);
        rows.into_iter().map(read_golden_version).collect()
    }

    /// A page of the golden records whose sources contradict each other, after one of them.
    pub async fn list_conflicts(
        &mut self,
        after: GoldenId,
        limit: i64,
    ) -> Result<Vec<(GoldenId, String)>, StoreError> {
        let id = after.as_uuid();
        let rows: Vec<(Uuid, String)> = on_conn!(self, |conn| {
            let query = query_as(sql::LIST_CONFLICTS).bind(id).bind(limit);
            query.fetch_all(conn).await?
        });
        let rows = rows.into_iter();
        Ok(rows
            .map(|(id, conflicts)| (GoldenId::new(id), conflicts))
            .collect())
    }

    /// A live child record with its sealed content.
    pub async fn find_member(&mut self, key: RecordKey) -> Result<Option<Member>, StoreError> {
        let (node, record) = (key.node.get(), key.record_id.as_uuid());
        let row: Option<MemberTuple> = on_conn!(self, |conn| {
            let query = query_as(sql::FIND_MEMBER).bind(node).bind(record);
            query.fetch_optional(conn).await?
        });
        row.map(read_member).transpose()
    }

    /// The name of a node.
    pub async fn find_node_name(&mut self, node: NodeId) -> Result<Option<String>, StoreError> {
        let node = node.get();
        Ok(on_conn!(self, |conn| {
            query_scalar(sql::FIND_NODE_NAME)
                .bind(node)
                .fetch_optional(conn)
                .await?
        }))
    }
}

fn read_golden_version(row: VersionTuple) -> Result<GoldenVersion, StoreError> {
    let (version, state, merged_into, content, provenance, conflicts, unit_move, replaced_at) = row;
    Ok(GoldenVersion {
        version: read_version("golden_record", version)?,
        state: GoldenState::read(state, merged_into)?,
        content,
        provenance,
        conflicts,
        unit_move: read_unit_move(&unit_move)?,
        replaced_at: (replaced_at > 0).then(|| Timestamp::from_micros(replaced_at)),
    })
}
