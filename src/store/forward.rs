//! Forward batches: what went upstream, and what the upstream said.

use sqlx::{query, query_as, query_scalar};

use super::bulk::Column;
use super::submissions::expect_rows;
use super::{StoreError, Transaction, on_conn, sql};
use crate::domain::clock::Timestamp;
use crate::domain::golden::GoldenId;
use crate::domain::record::{Lane, Version};

/// A sealed batch that waits for its receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForwardBatch {
    /// Its number, without gaps over both lanes.
    pub number: i64,
    /// First change it covers.
    pub first_change: i64,
    /// Last change it covers.
    pub last_change: i64,
}

/// A batch to seal.
#[derive(Clone, Debug)]
pub struct NewForwardBatch {
    /// Its lane.
    pub lane: Lane,
    /// First change it covers.
    pub first_change: i64,
    /// Last change it covers.
    pub last_change: i64,
    /// Golden records in it.
    pub records: i64,
    /// BLAKE3 over identity, version and content hash of its records.
    pub digest: [u8; 32],
}

/// What the upstream acknowledged of a batch.
#[derive(Clone, Copy, Debug)]
pub struct Receipt {
    /// Golden records that were sent in the end: fewer than sealed when newer changes overtook some.
    pub records: i64,
    /// Digest over those.
    pub digest: [u8; 32],
    /// Records that were new to the upstream.
    pub accepted: i64,
    /// Records that it held already.
    pub unchanged: i64,
    /// Records that it refused.
    pub refused: i64,
}

/// A golden record that the upstream refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The golden record.
    pub golden_id: GoldenId,
    /// The refused version.
    pub version: Version,
    /// The upstream's reason, a stable word.
    pub reason: String,
}

/// How the forwarder is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ForwarderHealth {
    /// Why the last attempt failed; empty after a success.
    pub last_error: String,
    /// Failed attempts since the last success.
    pub failed_attempts: i64,
}

impl Transaction {
    /// Last change of a lane that the upstream has receipted.
    pub async fn forward_position(&mut self, lane: Lane) -> Result<i64, StoreError> {
        let lane = lane.code();
        Ok(on_conn!(self, |conn| {
            query_scalar(sql::READ_FORWARD_CURSOR)
                .bind(lane)
                .fetch_one(conn)
                .await?
        }))
    }

    /// The sealed batch of a lane that has no receipt yet, if there is one.
    pub async fn find_open_batch(
        &mut self,
        lane: Lane,
    ) -> Result<Option<ForwardBatch>, StoreError> {
        let row: Option<(i64, i64, i64)> = on_conn!(self, |conn| {
            query_as(sql::FIND_OPEN_BATCH)
                .bind(lane.code())
                .fetch_optional(conn)
                .await?
        });
        Ok(row.map(|(number, first_change, last_change)| ForwardBatch {
            number,
            first_change,
            last_change,
        }))
    }

    /// Seals a batch and gives it the next number.
    pub async fn seal_batch(
        &mut self,
        batch: &NewForwardBatch,
        now: Timestamp,
    ) -> Result<ForwardBatch, StoreError> {
        let number = self.lock_counter("batch").await? + 1;
        self.set_counter("batch", number).await?;
        on_conn!(self, |conn| {
            query(sql::INSERT_BATCH)
                .bind(number)
                .bind(batch.lane.code())
                .bind(batch.first_change)
                .bind(batch.last_change)
                .bind(batch.records)
                .bind(batch.digest.to_vec())
                .bind(now.as_micros())
                .execute(conn)
                .await?;
        });
        Ok(ForwardBatch {
            number,
            first_change: batch.first_change,
            last_change: batch.last_change,
        })
    }

    /// Notes the receipt of a batch and moves the lane's cursor to its end, both or neither.
    pub async fn receipt_batch(
        &mut self,
        lane: Lane,
        batch: ForwardBatch,
        receipt: &Receipt,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let from = self.forward_position(lane).await?;
        let (receipted, moved) = on_conn!(self, |conn| {
            let receipted = query(sql::RECEIPT_BATCH)
                .bind(batch.number)
                .bind(receipt.records)
                .bind(receipt.digest.to_vec())
                .bind(now.as_micros())
                .bind(receipt.accepted)
                .bind(receipt.unchanged)
                .bind(receipt.refused)
                .execute(&mut *conn)
                .await?;
            let moved = query(sql::MOVE_FORWARD_CURSOR)
                .bind(lane.code())
                .bind(from)
                .bind(batch.last_change)
                .execute(&mut *conn)
                .await?;
            (receipted.rows_affected(), moved.rows_affected())
        });
        expect_rows("RECEIPT_BATCH", 1, receipted)?;
        expect_rows("MOVE_FORWARD_CURSOR", 1, moved)
    }

    /// Notes what the upstream refuses, and forgets older refusals of what it has taken now.
    pub async fn note_refusals(
        &mut self,
        taken: &[GoldenId],
        refused: &[Refusal],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let any: i64 = on_conn!(self, |conn| {
            query_scalar(sql::COUNT_REFUSED).fetch_one(conn).await?
        });
        if any > 0 {
            let columns = vec![Column::Uuid(taken.iter().map(|id| id.as_uuid()).collect())];
            self.execute_bulk(&sql::CLEAR_REFUSALS, columns).await?;
        }
        let columns = vec![
            Column::Uuid(refused.iter().map(|row| row.golden_id.as_uuid()).collect()),
            Column::Long(refused.iter().map(|row| row.version.as_i64()).collect()),
            Column::Text(refused.iter().map(|row| row.reason.clone()).collect()),
            Column::Long(vec![now.as_micros(); refused.len()]),
        ];
        self.execute_bulk(&sql::PUT_REFUSALS, columns).await?;
        Ok(())
    }

    /// Number and time of the newest receipt, or `None` before the first.
    pub async fn last_receipt(&mut self) -> Result<Option<(i64, Timestamp)>, StoreError> {
        let row: Option<(i64, i64)> = on_conn!(self, |conn| {
            query_as(sql::READ_LAST_RECEIPT)
                .fetch_optional(conn)
                .await?
        });
        Ok(row.map(|(number, at)| (number, Timestamp::from_micros(at))))
    }

    /// Notes how the last attempt of a lane went.
    pub async fn set_forwarder_health(
        &mut self,
        lane: Lane,
        health: &ForwarderHealth,
    ) -> Result<(), StoreError> {
        let changed = on_conn!(self, |conn| {
            query(sql::SET_FORWARDER_HEALTH)
                .bind(lane.code())
                .bind(health.last_error.clone())
                .bind(health.failed_attempts)
                .execute(conn)
                .await?
                .rows_affected()
        });
        expect_rows("SET_FORWARDER_HEALTH", 1, changed)
    }

    /// How the last attempts went, of the lane that is worse off.
    pub async fn forwarder_health(&mut self) -> Result<ForwarderHealth, StoreError> {
        let (last_error, failed_attempts) = on_conn!(self, |conn| {
            query_as(sql::READ_FORWARDER_HEALTH).fetch_one(conn).await?
        });
        Ok(ForwarderHealth {
            last_error,
            failed_attempts,
        })
    }
}
