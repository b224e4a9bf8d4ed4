//! What was said about pairs of records, and the pairs that wait for somebody to say it.

use sqlx::{query_as, query_scalar};
use uuid::Uuid;

use super::bulk::Column;
use super::sql::linkage as sql;
use super::submissions::{expect_rows, read_key};
use super::{StoreError, Transaction, on_conn};
use crate::domain::clock::Timestamp;
use crate::domain::pair::{Pair, Verdict};
use crate::domain::record::RecordKey;

/// A decision as it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecisionRow {
    /// Its number; a higher one is newer.
    pub sequence: i64,
    /// The pair.
    pub pair: Pair,
    /// What was said; `None` undoes what was said before.
    pub verdict: Option<Verdict>,
    /// Who said it.
    pub decided_by: String,
    /// When.
    pub decided_at: Timestamp,
}

/// A pair that waits for a steward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReviewRow {
    /// The pair.
    pub pair: Pair,
    /// Its score in hundredths of a bit.
    pub centibits: i32,
    /// Since when it waits.
    pub opened_at: Timestamp,
}

/// The order of a list of reviews.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReviewOrder {
    /// The likeliest first.
    Score,
    /// Those that wait longest first.
    Age,
}

type DecisionTuple = (i64, i64, Uuid, i64, Uuid, i16, i16, String, i64);
type ReviewTuple = (i64, Uuid, i64, Uuid, i64, i64);

/// Who decided: a steward. What nodes say of their records stands with the records.
const CAUSE_STEWARD: i16 = 1;

impl Transaction {
    /// Appends decisions on pairs, each with the same verdict, and gives their numbers; numbers come in
    /// commit order.
    pub async fn append_decisions(
        &mut self,
        pairs: &[Pair],
        verdict: Option<Verdict>,
        decided_by: &str,
        now: Timestamp,
    ) -> Result<Vec<i64>, StoreError> {
        let last = self.lock_counter("decision").await?;
        let numbers: Vec<i64> = (last + 1..).take(pairs.len()).collect();
        let head = numbers.last().copied().unwrap_or(last);
        let count = pairs.len();
        let mut columns = pair_columns(&pairs.iter().copied());
        columns.extend([
            Column::Long(numbers.clone()),
            Column::Short(vec![verdict.map_or(0, Verdict::code); count]),
            Column::Short(vec![CAUSE_STEWARD; count]),
            Column::Text(vec![decided_by.to_owned(); count]),
            Column::Long(vec![now.as_micros(); count]),
        ]);
        let changed = self.execute_bulk(&sql::APPEND_DECISIONS, columns).await?;
        expect_rows("APPEND_DECISIONS", count, changed)?;
        self.set_counter("decision", head).await?;
        Ok(numbers)
    }

    /// Decisions after a number, in order, at most `limit`.
    pub async fn read_decisions(
        &mut self,
        after: i64,
        limit: i64,
    ) -> Result<Vec<DecisionRow>, StoreError> {
        let rows: Vec<DecisionTuple> = on_conn!(self, |conn| {
            let query = query_as(sql::READ_DECISIONS).bind(after).bind(limit);
            query.fetch_all(conn).await?
        });
        rows.into_iter().map(read_decision).collect()
    }

    /// Decisions before a number, the newest first, at most `limit`.
    pub async fn list_decisions(
        &mut self,
        before: i64,
        limit: i64,
    ) -> Result<Vec<DecisionRow>, StoreError> {
        let rows: Vec<DecisionTuple> = on_conn!(self, |conn| {
            let query = query_as(sql::LIST_DECISIONS).bind(before).bind(limit);
            query.fetch_all(conn).await?
        });
        rows.into_iter().map(read_decision).collect()
    }

    /// The newest decision on a pair.
    pub async fn find_decision(&mut self, pair: Pair) -> Result<Option<DecisionRow>, StoreError> {
        let (one, other) = (pair.one(), pair.other());
        let row: Option<DecisionTuple> = on_conn!(self, |conn| {
            query_as(sql::FIND_DECISION)
                .bind(one.node.get())
                .bind(one.record_id.as_uuid())
                .bind(other.node.get())
                .bind(other.record_id.as_uuid())
                .fetch_optional(conn)
                .await?
        });
        row.map(read_decision).transpose()
    }

    /// Opens reviews, or gives them another score.
    pub async fn put_reviews(
        &mut self,
        reviews: &[(Pair, i32)],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut columns = pair_columns(&reviews.iter().map(|(pair, _)| *pair));
        let scores = reviews.iter().map(|(_, centibits)| i64::from(*centibits));
        columns.push(Column::Long(scores.collect()));
        columns.push(Column::Long(vec![now.as_micros(); reviews.len()]));
        self.execute_bulk(&sql::PUT_REVIEWS, columns).await?;
        Ok(())
    }

    /// Closes reviews.
    pub async fn delete_reviews(&mut self, pairs: &[Pair]) -> Result<(), StoreError> {
        let columns = pair_columns(&pairs.iter().copied());
        self.execute_bulk(&sql::DELETE_REVIEWS, columns).await?;
        Ok(())
    }

    /// A page of all reviews after a pair, in the order of their pairs.
    pub async fn scan_reviews(
        &mut self,
        after: Option<Pair>,
        limit: i64,
    ) -> Result<Vec<ReviewRow>, StoreError> {
        let ends = after.map(|pair| [pair.one(), pair.other()]);
        let end = |place: usize| -> (i64, Uuid) {
            let key = ends.and_then(|ends| ends.get(place).copied());
            key.map_or((i64::MIN, Uuid::nil()), |key| {
                (key.node.get(), key.record_id.as_uuid())
            })
        };
        let ((node_a, record_a), (node_b, record_b)) = (end(0), end(1));
        let rows: Vec<ReviewTuple> = on_conn!(self, |conn| {
            query_as(sql::SCAN_REVIEWS)
                .bind(node_a)
                .bind(record_a)
                .bind(node_b)
                .bind(record_b)
                .bind(limit)
                .fetch_all(conn)
                .await?
        });
        rows.into_iter().map(read_review).collect()
    }

    /// A page of the reviews of a unit's nodes, or of all where `unit` is empty.
    pub async fn list_reviews(
        &mut self,
        order: ReviewOrder,
        unit: &str,
        limit: i64,
        offset: i64,
    ) -> Result<Vec<ReviewRow>, StoreError> {
        let text = match order {
            ReviewOrder::Score => sql::LIST_REVIEWS_BY_SCORE,
            ReviewOrder::Age => sql::LIST_REVIEWS_BY_AGE,
        };
        let unit = unit.to_owned();
        let rows: Vec<ReviewTuple> = on_conn!(self, |conn| {
            let query = query_as(text).bind(unit).bind(limit).bind(offset);
            query.fetch_all(conn).await?
        });
        rows.into_iter().map(read_review).collect()
    }

    /// How many pairs wait.
    pub async fn count_reviews(&mut self) -> Result<i64, StoreError> {
        Ok(on_conn!(self, |conn| {
            query_scalar(sql::COUNT_REVIEWS).fetch_one(conn).await?
        }))
    }
}

fn pair_columns(pairs: &(impl Iterator<Item = Pair> + Clone)) -> Vec<Column> {
    let nodes = |end: fn(Pair) -> RecordKey| {
        Column::Long(pairs.clone().map(|pair| end(pair).node.get()).collect())
    };
    let records = |end: fn(Pair) -> RecordKey| {
        let records = pairs.clone().map(|pair| end(pair).record_id.as_uuid());
        Column::Uuid(records.collect())
    };
    vec![
        nodes(Pair::one),
        records(Pair::one),
        nodes(Pair::other),
        records(Pair::other),
    ]
}

fn read_pair(table: &'static str, [one, other]: [(i64, Uuid); 2]) -> Result<Pair, StoreError> {
    const CHILD: i16 = 1;
    Ok(Pair::new(
        read_key(table, one.0, CHILD, one.1)?,
        read_key(table, other.0, CHILD, other.1)?,
    ))
}

fn read_decision(row: DecisionTuple) -> Result<DecisionRow, StoreError> {
    let (sequence, node_a, record_a, node_b, record_b, verdict, _, decided_by, at) = row;
    let verdict = match verdict {
        0 => None,
        code => Some(Verdict::from_code(code).ok_or(StoreError::Corrupt {
            table: "linkage_decision",
            column: "verdict",
        })?),
    };
    Ok(DecisionRow {
        sequence,
        pair: read_pair("linkage_decision", [(node_a, record_a), (node_b, record_b)])?,
        verdict,
        decided_by,
        decided_at: Timestamp::from_micros(at),
    })
}

fn read_review(row: ReviewTuple) -> Result<ReviewRow, StoreError> {
    let (node_a, record_a, node_b, record_b, centibits, opened_at) = row;
    Ok(ReviewRow {
        pair: read_pair("review", [(node_a, record_a), (node_b, record_b)])?,
        centibits: i32::try_from(centibits).map_err(|_| StoreError::Corrupt {
            table: "review",
            column: "centibits",
        })?,
        opened_at: Timestamp::from_micros(opened_at),
    })
}
