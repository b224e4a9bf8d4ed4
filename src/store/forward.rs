//! Forward batches: what went upstream, and what the upstream said.

use sqlx::{query, query_as, query_scalar};
use uuid::Uuid;

use super::bulk::Column;
use super::sql::forward as sql;
use super::submissions::expect_rows;
use super::{StoreError, Transaction, on_conn};
use crate::domain::clock::Timestamp;
use crate::domain::golden::GoldenId;
use crate::domain::record::{Lane, Version};

/// A sealed batch that waits for its receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForwardBatch {
    /// Its number, without gaps over both lanes.
    pub number: i64,
    /// Its identity; the UUID of zeros if an older program sealed it.
    pub id: Uuid,
    /// First change it covers.
    pub first_change: i64,
    /// Last change it covers.
    pub last_change: i64,
    /// Golden records in it.
    pub records: i64,
    /// Digest over its records.
    pub digest: [u8; 32],
    /// Its signed manifest; empty if an older program sealed it.
    pub manifest: Vec<u8>,
    /// When it was sealed.
    pub sealed_at: Timestamp,
}

/// A batch to seal.
#[derive(Clone, Debug)]
pub struct NewForwardBatch {
    /// Its identity.
    pub id: Uuid,
    /// Its number, from [`Transaction::next_batch_number`] of the same transaction.
    pub number: i64,
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
    /// Its signed manifest.
    pub manifest: Vec<u8>,
    /// When it is sealed.
    pub sealed_at: Timestamp,
    /// The waiting batch whose changes it covers now.
    pub replaced: Option<i64>,
}

/// What the upstream acknowledged of a batch.
#[derive(Clone, Debug)]
pub struct Receipt {
    /// The signed receipt; empty where the upstream gives none.
    pub letter: Vec<u8>,
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

type OpenTuple = (i64, Uuid, i64, i64, i64, Vec<u8>, Vec<u8>, i64);

fn read_open(row: OpenTuple) -> Result<ForwardBatch, StoreError> {
    let (number, id, first_change, last_change, records, digest, manifest, sealed_at) = row;
    let digest = digest.try_into().map_err(|_| StoreError::Corrupt {
        table: "forward_batch",
        column: "digest",
    })?;
    Ok(ForwardBatch {
        number,
        id,
        first_change,
        last_change,
        records,
        digest,
        manifest,
        sealed_at: Timestamp::from_micros(sealed_at),
    })
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
        let row: Option<OpenTuple> = on_conn!(self, |conn| {
            query_as(sql::FIND_OPEN_BATCH)
                .bind(lane.code())
                .fetch_optional(conn)
                .await?
        });
        row.map(read_open).transpose()
    }

    /// The number of the batch that this transaction seals.
    pub async fn next_batch_number(&mut self) -> Result<i64, StoreError> {
        let number = self.lock_counter("batch").await? + 1;
        self.set_counter("batch", number).await?;
        Ok(number)
    }

    /// Seals a batch, and puts it in the place of one that was sealed before.
    pub async fn seal_batch(&mut self, batch: &NewForwardBatch) -> Result<(), StoreError> {
        let replaced = on_conn!(self, |conn| {
            query(sql::INSERT_BATCH)
                .bind(batch.number)
                .bind(batch.id)
                .bind(batch.lane.code())
                .bind(batch.first_change)
                .bind(batch.last_change)
                .bind(batch.records)
                .bind(batch.digest.to_vec())
                .bind(batch.manifest.clone())
                .bind(batch.sealed_at.as_micros())
                .execute(&mut *conn)
                .await?;
            match batch.replaced {
                Some(replaced) => query(sql::REPLACE_BATCH)
                    .bind(replaced)
                    .bind(batch.number)
                    .execute(&mut *conn)
                    .await?
                    .rows_affected(),
                None => 0,
            }
        });
        expect_rows("REPLACE_BATCH", batch.replaced.map_or(0, |_| 1), replaced)
    }

    /// Notes the receipt of a batch and moves the lane's cursor to its end, both or neither.
    pub async fn receipt_batch(
        &mut self,
        lane: Lane,
        number: i64,
        last_change: i64,
        receipt: Receipt,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let from = self.forward_position(lane).await?;
        let (receipted, moved) = on_conn!(self, |conn| {
            let receipted = query(sql::RECEIPT_BATCH)
                .bind(number)
                .bind(now.as_micros())
                .bind(receipt.accepted)
                .bind(receipt.unchanged)
                .bind(receipt.refused)
                .bind(receipt.letter)
                .execute(&mut *conn)
                .await?;
            let moved = query(sql::MOVE_FORWARD_CURSOR)
                .bind(lane.code())
                .bind(from)
                .bind(last_change)
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
            query_scalar(super::sql::COUNT_REFUSED)
                .fetch_one(conn)
                .await?
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
