//! The upload that is on its way, and which states of which records it holds.

use sqlx::{query, query_as, query_scalar};
use uuid::Uuid;

use super::{
    AgentTransaction, QueueTuple, QueuedState, SentState, key_columns, read_key, read_queued,
};
use crate::domain::record::Lane;
use crate::domain::unit::UnitReference;
use crate::domain::upload::UploadId;
use crate::store::bulk::Column;
use crate::store::submissions::read_version;
use crate::store::{OwnKey, StoreError, on_conn, sql};

/// An upload as it was packed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BulkRow {
    /// Its name.
    pub upload: UploadId,
    /// The unit of its manifest.
    pub unit: UnitReference,
    /// How many changes it holds.
    pub records: u64,
    /// Its packed bytes, sealed.
    pub content: Vec<u8>,
}

impl AgentTransaction {
    /// Whether at least so many records wait in a lane.
    pub async fn queue_reaches(&mut self, lane: Lane, records: i64) -> Result<bool, StoreError> {
        Ok(on_conn!(self.inner, |conn| {
            query_scalar(sql::agent::QUEUE_REACHES)
                .bind(lane.code())
                .bind(records - 1)
                .fetch_one(conn)
                .await?
        }))
    }

    /// What waits in a lane behind a place in the order of sending, each with its place; 0 is before the
    /// first one.
    pub async fn read_queue_after(
        &mut self,
        lane: Lane,
        place: i64,
        limit: i64,
    ) -> Result<Vec<(i64, QueuedState)>, StoreError> {
        type Row = (i64, i16, Uuid, i64, i64, i64, i16, String, Vec<u8>);
        let rows: Vec<Row> = on_conn!(self.inner, |conn| {
            query_as(sql::agent::READ_QUEUE_AFTER)
                .bind(lane.code())
                .bind(place)
                .bind(limit)
                .fetch_all(conn)
                .await?
        });
        let read =
            |(place, kind, id, state, version, sealed, tombstone, relations, content): Row| {
                let row: QueueTuple = (
                    kind, id, state, version, sealed, tombstone, relations, content,
                );
                Ok((place, read_queued(row)?))
            };
        rows.into_iter().map(read).collect()
    }

    /// The upload that is on its way, if there is one.
    pub async fn read_bulk(&mut self) -> Result<Option<BulkRow>, StoreError> {
        let row: Option<(Uuid, String, i64, Vec<u8>)> = on_conn!(self.inner, |conn| {
            query_as(sql::agent::READ_BULK).fetch_optional(conn).await?
        });
        row.map(|(upload, unit, records, content)| {
            Ok(BulkRow {
                upload: UploadId::new(upload),
                unit: unit.parse().map_err(|_| StoreError::Corrupt {
                    table: "bulk",
                    column: "unit",
                })?,
                records: records.unsigned_abs(),
                content,
            })
        })
        .transpose()
    }

    /// Keeps an upload with the states that it holds, in their order; there must be none yet.
    pub async fn put_bulk(
        &mut self,
        bulk: BulkRow,
        states: &[SentState],
    ) -> Result<(), StoreError> {
        let records = i64::try_from(bulk.records).unwrap_or(i64::MAX);
        on_conn!(self.inner, |conn| {
            query(sql::agent::INSERT_BULK)
                .bind(bulk.upload.as_uuid())
                .bind(bulk.unit.to_string())
                .bind(records)
                .bind(bulk.content)
                .execute(conn)
                .await?;
        });
        let keys: Vec<OwnKey> = states.iter().map(|sent| sent.key).collect();
        let mut columns = key_columns(&keys);
        columns.push(Column::Long((0..).take(states.len()).collect()));
        columns.push(Column::Long(states.iter().map(|sent| sent.state).collect()));
        let versions = states.iter().map(|sent| sent.version.as_i64());
        columns.push(Column::Long(versions.collect()));
        self.inner
            .execute_bulk(&sql::agent::INSERT_BULK_RECORDS, columns)
            .await?;
        Ok(())
    }

    /// States of the upload that the hub's word is not noted of yet, with their places in it, in order.
    pub async fn read_bulk_records(
        &mut self,
        limit: i64,
    ) -> Result<Vec<(u64, SentState)>, StoreError> {
        let rows: Vec<(i64, i16, Uuid, i64, i64)> = on_conn!(self.inner, |conn| {
            query_as(sql::agent::READ_BULK_RECORDS)
                .bind(limit)
                .fetch_all(conn)
                .await?
        });
        rows.into_iter()
            .map(|(place, kind, record_id, state, version)| {
                let sent = SentState {
                    key: read_key("bulk_record", kind, record_id)?,
                    state,
                    version: read_version("bulk_record", version)?,
                };
                Ok((place.unsigned_abs(), sent))
            })
            .collect()
    }

    /// The hub's word is noted of all states of the upload before a place.
    pub async fn delete_bulk_records(&mut self, before: u64) -> Result<(), StoreError> {
        let before = i64::try_from(before).unwrap_or(i64::MAX);
        on_conn!(self.inner, |conn| {
            query(sql::agent::DELETE_BULK_RECORDS)
                .bind(before)
                .execute(conn)
                .await?;
        });
        Ok(())
    }

    /// The upload is over, or given up: what it held and is not noted waits in the queue as before.
    pub async fn delete_bulk(&mut self) -> Result<(), StoreError> {
        self.delete_bulk_records(u64::MAX).await?;
        on_conn!(self.inner, |conn| {
            query(sql::agent::DELETE_BULK).execute(conn).await?;
        });
        Ok(())
    }
}
