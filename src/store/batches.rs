//! Forward batches for those who look, and those of hubs below, as this hub has receipted them.

use sqlx::{query, query_as};
use uuid::Uuid;

use super::bulk::Column;
use super::sql::forward as sql;
use super::submissions::{key_columns, read_hash, read_version};
use super::{StoreError, Transaction, on_conn};
use crate::domain::clock::Timestamp;
use crate::domain::node::NodeId;
use crate::domain::record::{ContentHash, Lane, RecordId, RecordKey, Version};

/// A batch that this hub has sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentBatch {
    /// Its number.
    pub number: i64,
    /// Its identity.
    pub id: Uuid,
    /// Its lane.
    pub lane: Lane,
    /// First change it covers.
    pub first_change: i64,
    /// Last change it covers.
    pub last_change: i64,
    /// Golden records in it.
    pub records: i64,
    /// When it was sealed.
    pub sealed_at: Timestamp,
    /// When it was receipted, if it was.
    pub receipted_at: Option<Timestamp>,
    /// Records that were new to the upstream.
    pub accepted: i64,
    /// Records that it held already.
    pub unchanged: i64,
    /// Records that it refused.
    pub refused: i64,
    /// The number of the batch that was sealed in its place, if one was.
    pub replaced_by: Option<i64>,
}

/// A batch of a hub below.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedBatch {
    /// Its number.
    pub number: i64,
    /// Its identity.
    pub id: Uuid,
    /// Name of the node that sealed it.
    pub node: String,
    /// Its lane.
    pub lane: Lane,
    /// Records in it.
    pub records: i64,
    /// Those that this hub held when it gave its receipt.
    pub held: i64,
    /// When that was.
    pub received_at: Timestamp,
}

/// A batch to note as received.
#[derive(Clone, Debug)]
pub struct NewReceivedBatch {
    /// The node that sealed it.
    pub node: NodeId,
    /// Its identity.
    pub id: Uuid,
    /// Its number.
    pub number: i64,
    /// Its lane.
    pub lane: Lane,
    /// Records in it.
    pub records: i64,
    /// Those that this hub holds.
    pub held: i64,
    /// BLAKE3 hash of the manifest.
    pub digest: [u8; 32],
    /// The manifest.
    pub manifest: Vec<u8>,
    /// The receipt.
    pub receipt: Vec<u8>,
    /// Now.
    pub received_at: Timestamp,
}

/// What the log has under one version.
#[derive(Clone, Debug)]
pub struct Submitted {
    /// The record.
    pub record_id: RecordId,
    /// The version.
    pub version: Version,
    /// Hash of its content as it is kept.
    pub hash: ContentHash,
    /// What the node had sent, sealed, where normalising changed it.
    pub sent: Option<Vec<u8>>,
}

/// Manifest and receipt of a batch, as they were written.
pub type BatchLetters = (Vec<u8>, Vec<u8>);

type SentTuple = (i64, Uuid, i16, i64, i64, i64, i64, i64, i64, i64, i64, i64);
type ReceivedTuple = (i64, Uuid, String, i16, i64, i64, i64);
type SubmittedTuple = (Uuid, i64, Vec<u8>, Option<Vec<u8>>);

impl Transaction {
    /// Batches of this hub below a number, the newest first.
    pub async fn list_batches(
        &mut self,
        before: i64,
        limit: i64,
    ) -> Result<Vec<SentBatch>, StoreError> {
        let rows: Vec<SentTuple> = on_conn!(self, |conn| {
            query_as(sql::LIST_BATCHES)
                .bind(before)
                .bind(limit)
                .fetch_all(conn)
                .await?
        });
        rows.into_iter().map(read_sent).collect()
    }

    /// A batch of this hub.
    pub async fn find_batch(&mut self, number: i64) -> Result<Option<SentBatch>, StoreError> {
        let row: Option<SentTuple> = on_conn!(self, |conn| {
            query_as(sql::FIND_BATCH)
                .bind(number)
                .fetch_optional(conn)
                .await?
        });
        row.map(read_sent).transpose()
    }

    /// Manifest and receipt of a batch of this hub.
    pub async fn batch_letters(&mut self, number: i64) -> Result<BatchLetters, StoreError> {
        Ok(on_conn!(self, |conn| {
            query_as(sql::READ_BATCH_LETTERS)
                .bind(number)
                .fetch_one(conn)
                .await?
        }))
    }

    /// What the log has of a node's records under exactly these versions.
    pub async fn find_submitted(
        &mut self,
        wanted: &[(RecordKey, Version)],
    ) -> Result<Vec<Submitted>, StoreError> {
        let mut columns = key_columns(wanted.iter().map(|(key, _)| *key));
        columns.push(Column::Long(
            wanted.iter().map(|(_, version)| version.as_i64()).collect(),
        ));
        let rows: Vec<SubmittedTuple> = self.fetch_bulk(&sql::FIND_SUBMITTED, columns).await?;
        let read = |(record_id, version, hash, sent): SubmittedTuple| {
            Ok(Submitted {
                record_id: RecordId::new(record_id),
                version: read_version("submission", version)?,
                hash: read_hash("submission", &hash)?,
                sent,
            })
        };
        rows.into_iter().map(read).collect()
    }

    /// Hash of the manifest and receipt of a batch that was received, or `None`.
    pub async fn find_received_batch(
        &mut self,
        node: NodeId,
        id: Uuid,
    ) -> Result<Option<(Vec<u8>, Vec<u8>)>, StoreError> {
        Ok(on_conn!(self, |conn| {
            query_as(sql::FIND_RECEIVED_BATCH)
                .bind(node.get())
                .bind(id)
                .fetch_optional(conn)
                .await?
        }))
    }

    /// Notes a batch as received, and says whether it was new.
    pub async fn insert_received_batch(
        &mut self,
        batch: NewReceivedBatch,
    ) -> Result<bool, StoreError> {
        let inserted = on_conn!(self, |conn| {
            query(sql::INSERT_RECEIVED_BATCH)
                .bind(batch.node.get())
                .bind(batch.id)
                .bind(batch.number)
                .bind(batch.lane.code())
                .bind(batch.records)
                .bind(batch.held)
                .bind(batch.digest.to_vec())
                .bind(batch.manifest)
                .bind(batch.receipt)
                .bind(batch.received_at.as_micros())
                .execute(conn)
                .await?
                .rows_affected()
        });
        Ok(inserted == 1)
    }

    /// Batches of every node below that were received before a place, the newest first.
    pub async fn list_received_batches(
        &mut self,
        (at, id): (Timestamp, Uuid),
        limit: i64,
    ) -> Result<Vec<ReceivedBatch>, StoreError> {
        let rows: Vec<ReceivedTuple> = on_conn!(self, |conn| {
            query_as(sql::LIST_RECEIVED_BATCHES)
                .bind(at.as_micros())
                .bind(id)
                .bind(limit)
                .fetch_all(conn)
                .await?
        });
        rows.into_iter().map(read_received).collect()
    }

    /// The newest batch of a node under a number.
    pub async fn find_received_by_number(
        &mut self,
        node: &str,
        number: i64,
    ) -> Result<Option<ReceivedBatch>, StoreError> {
        let row: Option<ReceivedTuple> = on_conn!(self, |conn| {
            query_as(sql::FIND_RECEIVED_BY_NUMBER)
                .bind(node.to_owned())
                .bind(number)
                .fetch_optional(conn)
                .await?
        });
        row.map(read_received).transpose()
    }

    /// Manifest and receipt of a batch of a node below.
    pub async fn received_letters(
        &mut self,
        batch: &ReceivedBatch,
    ) -> Result<BatchLetters, StoreError> {
        Ok(on_conn!(self, |conn| {
            query_as(sql::READ_RECEIVED_LETTERS)
                .bind(batch.id)
                .bind(batch.node.clone())
                .fetch_one(conn)
                .await?
        }))
    }
}

fn read_sent(row: SentTuple) -> Result<SentBatch, StoreError> {
    let (number, id, lane, first_change, last_change, records, sealed_at, receipted_at, ..) = row;
    let (.., accepted, unchanged, refused, replaced_by) = row;
    let instant = |micros: i64| (micros > 0).then(|| Timestamp::from_micros(micros));
    Ok(SentBatch {
        number,
        id,
        lane: read_lane("forward_batch", lane)?,
        first_change,
        last_change,
        records,
        sealed_at: Timestamp::from_micros(sealed_at),
        receipted_at: instant(receipted_at),
        accepted,
        unchanged,
        refused,
        replaced_by: (replaced_by > 0).then_some(replaced_by),
    })
}

fn read_received(row: ReceivedTuple) -> Result<ReceivedBatch, StoreError> {
    let (number, id, node, lane, records, held, received_at) = row;
    Ok(ReceivedBatch {
        number,
        id,
        node,
        lane: read_lane("received_batch", lane)?,
        records,
        held,
        received_at: Timestamp::from_micros(received_at),
    })
}

fn read_lane(table: &'static str, code: i16) -> Result<Lane, StoreError> {
    let mut lanes = Lane::ALL.into_iter();
    lanes
        .find(|lane| lane.code() == code)
        .ok_or(StoreError::Corrupt {
            table,
            column: "lane",
        })
}
