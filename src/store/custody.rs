//! Following one record through a hub.

use sqlx::{query_as, query_scalar};

use super::sql::custody as sql;
use super::submissions::read_version;
use super::{StoreError, Transaction, on_conn};
use crate::domain::clock::Timestamp;
use crate::domain::golden::GoldenId;
use crate::domain::record::{Lane, RecordKey, Version};

/// A version of a record in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TracedVersion {
    /// The version.
    pub version: Version,
    /// Number in the log.
    pub sequence: i64,
    /// When it was taken in.
    pub received_at: Timestamp,
    /// Whether it withdraws the record.
    pub is_withdrawal: bool,
    /// Whether the reconciler has dealt with it.
    pub is_reconciled: bool,
}

/// The batch that covers a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TracedBatch {
    /// Its number.
    pub number: i64,
    /// First change it covers.
    pub first_change: i64,
    /// Last change it covers.
    pub last_change: i64,
    /// When it was sealed.
    pub sealed_at: Timestamp,
    /// When the upstream had acknowledged all of it; `None` before.
    pub receipted_at: Option<Timestamp>,
    /// What the upstream signed; empty where it has not, or signs nothing.
    pub receipt: Vec<u8>,
}

impl Transaction {
    /// The versions of a record that the log holds, the newest first, at most `limit`.
    pub async fn read_traced_versions(
        &mut self,
        key: RecordKey,
        limit: i64,
    ) -> Result<Vec<TracedVersion>, StoreError> {
        let rows: Vec<(i64, i64, i64, i16, i32)> = on_conn!(self, |conn| {
            query_as(sql::READ_TRACED_VERSIONS)
                .bind(key.node.get())
                .bind(key.kind.code())
                .bind(key.record_id.as_uuid())
                .bind(limit)
                .fetch_all(conn)
                .await?
        });
        rows.into_iter()
            .map(|(version, sequence, received_at, tombstone, reconciled)| {
                Ok(TracedVersion {
                    version: read_version("submission", version)?,
                    sequence,
                    received_at: Timestamp::from_micros(received_at),
                    is_withdrawal: tombstone != 0,
                    is_reconciled: reconciled != 0,
                })
            })
            .collect()
    }

    /// Where a record stands in its node's feed, in order.
    pub async fn find_feed_numbers(&mut self, key: RecordKey) -> Result<Vec<i64>, StoreError> {
        let mut numbers: Vec<i64> = on_conn!(self, |conn| {
            query_scalar(sql::FIND_FEED_NUMBERS)
                .bind(key.node.get())
                .bind(key.kind.code())
                .bind(key.record_id.as_uuid())
                .fetch_all(conn)
                .await?
        });
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// When a golden record became what this version says; `None` for the first version.
    pub async fn find_golden_since(
        &mut self,
        golden_id: GoldenId,
        version: Version,
    ) -> Result<Option<Timestamp>, StoreError> {
        let since: Option<i64> = on_conn!(self, |conn| {
            query_scalar(sql::FIND_GOLDEN_SINCE)
                .bind(golden_id.as_uuid())
                .bind(version.as_i64())
                .fetch_optional(conn)
                .await?
        });
        Ok(since.map(Timestamp::from_micros))
    }

    /// The batch that covers a change of a lane, once one is sealed.
    pub async fn find_covering_batch(
        &mut self,
        lane: Lane,
        change: i64,
    ) -> Result<Option<TracedBatch>, StoreError> {
        let row: Option<(i64, i64, i64, i64, i64, Vec<u8>)> = on_conn!(self, |conn| {
            query_as(sql::FIND_COVERING_BATCH)
                .bind(lane.code())
                .bind(change)
                .fetch_optional(conn)
                .await?
        });
        Ok(row.map(
            |(number, first_change, last_change, sealed_at, receipted_at, receipt)| TracedBatch {
                number,
                first_change,
                last_change,
                sealed_at: Timestamp::from_micros(sealed_at),
                receipted_at: (receipted_at != 0).then_some(Timestamp::from_micros(receipted_at)),
                receipt,
            },
        ))
    }
}
