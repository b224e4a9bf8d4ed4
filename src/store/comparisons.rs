//! The comparisons that a hub asks for, and what they came to.

mod entries;
mod resends;

use sqlx::{FromRow, Row, query, query_as};
use uuid::Uuid;

use super::bulk::Column;
use super::{StoreError, Transaction, on_conn, sql};
use crate::domain::clock::Timestamp;
use crate::domain::comparison::{
    ComparisonCounts, ComparisonReport, ComparisonState, Difference, Finding, Repair,
};
use crate::domain::node::NodeId;
use crate::domain::record::{RecordId, RecordKind, Version};

pub use resends::{GoldenContent, Resend};

/// A comparison that somebody asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewComparison {
    /// Its name.
    pub comparison: Uuid,
    /// The downstream node; `None` for the upstream.
    pub node: Option<NodeId>,
    /// What to do about differences.
    pub repair: Repair,
    /// Who asks.
    pub asked_by: String,
    /// When.
    pub asked_at: Timestamp,
}

/// A comparison as the table holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComparisonRow {
    /// Its name.
    pub comparison: Uuid,
    /// Name of the downstream node; `None` for the upstream.
    pub node: Option<String>,
    /// What to do about differences.
    pub repair: Repair,
    /// Who asked.
    pub asked_by: String,
    /// When.
    pub asked_at: Timestamp,
    /// How far it is.
    pub state: ComparisonState,
    /// When it ended, if it has.
    pub ended_at: Option<Timestamp>,
    /// What it came to, without the differences.
    pub report: ComparisonReport,
    /// Why it failed, as a stable word; empty otherwise.
    pub failure: String,
}

impl Transaction {
    /// Notes that a comparison is asked for; says `false` if it is under way or has ended already.
    pub async fn ask_comparison(&mut self, new: &NewComparison) -> Result<bool, StoreError> {
        let asked = on_conn!(self, |conn| {
            query(sql::comparisons::ASK_COMPARISON)
                .bind(new.comparison)
                .bind(new.node.map_or(0, NodeId::get))
                .bind(new.repair.code())
                .bind(new.asked_by.clone())
                .bind(new.asked_at.as_micros())
                .execute(conn)
                .await?
                .rows_affected()
        });
        Ok(asked > 0)
    }

    /// Notes that a comparison is under way.
    pub async fn begin_comparison(&mut self, comparison: Uuid) -> Result<(), StoreError> {
        on_conn!(self, |conn| {
            query(sql::comparisons::BEGIN_COMPARISON)
                .bind(comparison)
                .execute(conn)
                .await?;
        });
        Ok(())
    }

    /// Notes what a comparison with a node, or with the upstream, came to, or why it failed. One that has
    /// ended stays as it is.
    pub async fn end_comparison(
        &mut self,
        comparison: Uuid,
        node: Option<NodeId>,
        ended: Result<&ComparisonReport, &str>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let empty = ComparisonReport::default();
        let (state, report, failure) = match ended {
            Ok(report) => (ComparisonState::Ended, report, ""),
            Err(word) => (ComparisonState::Failed, &empty, word),
        };
        let counts = report.counts;
        let noted = on_conn!(self, |conn| {
            query(sql::comparisons::END_COMPARISON)
                .bind(comparison)
                .bind(node.map_or(0, NodeId::get))
                .bind(state.code())
                .bind(now.as_micros())
                .bind(counts.matched)
                .bind(counts.different)
                .bind(counts.missing)
                .bind(counts.extra)
                .bind(counts.refused)
                .bind(counts.moving)
                .bind(report.repaired)
                .bind(report.remaining.unwrap_or(-1))
                .bind(report.rounds)
                .bind(report.traffic_bytes)
                .bind(failure.to_owned())
                .execute(conn)
                .await?
                .rows_affected()
        });
        if noted > 0 {
            self.put_differences(comparison, &report.differences)
                .await?;
        }
        Ok(())
    }

    async fn put_differences(
        &mut self,
        comparison: Uuid,
        differences: &[Difference],
    ) -> Result<(), StoreError> {
        let number = |version: Option<Version>| version.map_or(0, Version::as_i64);
        let rows = differences.iter();
        let columns = vec![
            Column::Uuid(vec![comparison; differences.len()]),
            Column::Short(rows.clone().map(|row| row.kind.code()).collect()),
            Column::Uuid(rows.clone().map(|row| row.record.as_uuid()).collect()),
            Column::Short(rows.clone().map(|row| row.finding.code()).collect()),
            Column::Long(rows.clone().map(|row| number(row.lower)).collect()),
            Column::Long(rows.map(|row| number(row.upper)).collect()),
        ];
        self.execute_bulk(&sql::comparisons::PUT_DIFFERENCES, columns)
            .await?;
        Ok(())
    }

    /// Removes the oldest comparisons with a node, or with the upstream, that have ended, with their
    /// differences, so that `kept` stay.
    pub async fn forget_comparisons(
        &mut self,
        node: Option<NodeId>,
        kept: i64,
    ) -> Result<(), StoreError> {
        let node = node.map_or(0, NodeId::get);
        on_conn!(self, |conn| {
            for statement in [
                sql::comparisons::FORGET_DIFFERENCES,
                sql::comparisons::FORGET_COMPARISONS,
            ] {
                query(statement)
                    .bind(node)
                    .bind(kept)
                    .execute(&mut *conn)
                    .await?;
            }
        });
        Ok(())
    }

    /// Comparisons that were asked for before a place, the newest first.
    pub async fn list_comparisons(
        &mut self,
        (at, comparison): (Timestamp, Uuid),
        limit: i64,
    ) -> Result<Vec<ComparisonRow>, StoreError> {
        let rows: Vec<ComparisonRead> = on_conn!(self, |conn| {
            query_as(sql::comparisons::LIST_COMPARISONS)
                .bind(at.as_micros())
                .bind(comparison)
                .bind(limit)
                .fetch_all(conn)
                .await?
        });
        rows.into_iter().map(ComparisonRead::into_row).collect()
    }

    /// The newest comparison with each node and with the upstream that has ended or failed.
    pub async fn newest_comparisons(
        &mut self,
        limit: i64,
    ) -> Result<Vec<ComparisonRow>, StoreError> {
        let rows: Vec<ComparisonRead> = on_conn!(self, |conn| {
            query_as(sql::comparisons::LIST_NEWEST_COMPARISONS)
                .bind(limit)
                .fetch_all(conn)
                .await?
        });
        rows.into_iter().map(ComparisonRead::into_row).collect()
    }

    /// A comparison, or `None`.
    pub async fn find_comparison(
        &mut self,
        comparison: Uuid,
    ) -> Result<Option<ComparisonRow>, StoreError> {
        let row: Option<ComparisonRead> = on_conn!(self, |conn| {
            query_as(sql::comparisons::FIND_COMPARISON)
                .bind(comparison)
                .fetch_optional(conn)
                .await?
        });
        row.map(ComparisonRead::into_row).transpose()
    }

    /// Comparisons with a node, or with the upstream, that are still to be made, the oldest first.
    pub async fn open_comparisons(
        &mut self,
        node: Option<NodeId>,
        limit: i64,
    ) -> Result<Vec<(Uuid, Repair)>, StoreError> {
        let rows: Vec<(Uuid, i16)> = on_conn!(self, |conn| {
            query_as(sql::comparisons::LIST_OPEN_COMPARISONS)
                .bind(node.map_or(0, NodeId::get))
                .bind(limit)
                .fetch_all(conn)
                .await?
        });
        rows.into_iter()
            .map(|(comparison, repair)| Ok((comparison, read_repair(repair)?)))
            .collect()
    }

    /// A page of the differences that were kept of a comparison, after a record of a kind.
    pub async fn list_differences(
        &mut self,
        comparison: Uuid,
        after: Option<(RecordKind, RecordId)>,
        limit: i64,
    ) -> Result<Vec<Difference>, StoreError> {
        let (kind, record) = after.map_or((0, Uuid::nil()), |(kind, record)| {
            (kind.code(), record.as_uuid())
        });
        let rows: Vec<(i16, Uuid, i16, i64, i64)> = on_conn!(self, |conn| {
            query_as(sql::comparisons::LIST_DIFFERENCES)
                .bind(comparison)
                .bind(kind)
                .bind(record)
                .bind(limit)
                .fetch_all(conn)
                .await?
        });
        rows.into_iter()
            .map(|(kind, record, finding, lower, upper)| {
                Ok(Difference {
                    kind: RecordKind::from_code(kind).ok_or(corrupt("kind"))?,
                    record: RecordId::new(record),
                    finding: Finding::from_code(finding).ok_or(corrupt("finding"))?,
                    lower: Version::from_i64(lower),
                    upper: Version::from_i64(upper),
                })
            })
            .collect()
    }
}

fn corrupt(column: &'static str) -> StoreError {
    StoreError::Corrupt {
        table: "comparison",
        column,
    }
}

fn read_repair(code: i16) -> Result<Repair, StoreError> {
    Repair::from_code(code).ok_or(corrupt("repair"))
}

/// A comparison as it is read: more columns than a tuple can have.
struct ComparisonRead {
    comparison: Uuid,
    node: i64,
    node_name: String,
    repair: i16,
    asked_by: String,
    asked_at: i64,
    state: i16,
    ended_at: i64,
    /// Matched, different, missing, extra, refused, moving, repaired, remaining, rounds, bytes.
    figures: [i64; 10],
    failure: String,
}

macro_rules! read_comparison {
    ($($row:ty),*) => {
        $(impl FromRow<'_, $row> for ComparisonRead {
            fn from_row(row: &$row) -> Result<Self, sqlx::Error> {
                let mut figures = [0; 10];
                for (place, figure) in (8..).zip(&mut figures) {
                    let place: usize = place;
                    *figure = row.try_get(place)?;
                }
                Ok(Self {
                    comparison: row.try_get(0)?,
                    node: row.try_get(1)?,
                    node_name: row.try_get(2)?,
                    repair: row.try_get(3)?,
                    asked_by: row.try_get(4)?,
                    asked_at: row.try_get(5)?,
                    state: row.try_get(6)?,
                    ended_at: row.try_get(7)?,
                    figures,
                    failure: row.try_get(18)?,
                })
            }
        })*
    };
}
read_comparison!(sqlx::sqlite::SqliteRow, sqlx::postgres::PgRow);

impl ComparisonRead {
    fn into_row(self) -> Result<ComparisonRow, StoreError> {
        let [
            matched,
            different,
            missing,
            extra,
            refused,
            moving,
            repaired,
            remaining,
            rounds,
            traffic_bytes,
        ] = self.figures;
        let report = ComparisonReport {
            counts: ComparisonCounts {
                matched,
                different,
                missing,
                extra,
                refused,
                moving,
            },
            differences: Vec::new(),
            repaired,
            remaining: (remaining >= 0).then_some(remaining),
            rounds,
            traffic_bytes,
        };
        Ok(ComparisonRow {
            comparison: self.comparison,
            node: (self.node > 0).then_some(self.node_name),
            repair: read_repair(self.repair)?,
            asked_by: self.asked_by,
            asked_at: Timestamp::from_micros(self.asked_at),
            state: ComparisonState::from_code(self.state).ok_or(corrupt("state"))?,
            ended_at: (self.ended_at > 0).then(|| Timestamp::from_micros(self.ended_at)),
            report,
            failure: self.failure,
        })
    }
}
