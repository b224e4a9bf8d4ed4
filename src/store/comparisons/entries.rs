//! What the two ends of a comparison hold: entries to compare, and a second look at single records.

use futures_util::TryStreamExt;
use sqlx::{query_as, query_scalar};
use uuid::Uuid;

use crate::domain::comparison::{Entry, LowerRecord, RecordState, UpperRecord};
use crate::domain::node::NodeId;
use crate::domain::record::{
    ContentHash, Lane, RecordId, RecordKey, RecordKind, TombstoneReason, Version,
};
use crate::store::bulk::Column;
use crate::store::submissions::{key_columns, read_hash, read_version};
use crate::store::{StoreError, Transaction, on_conn, sql};

/// The upstream's word for a version that it holds with another content: sending a higher version mends it.
const VERSION_REUSED: &str = "VERSION_REUSED";

type LowerTuple = (
    Uuid,
    Option<i64>,
    Option<i16>,
    Option<Vec<u8>>,
    Option<i64>,
    Option<i64>,
    Option<String>,
);
type UpperTuple = (Uuid, Option<i64>, Option<Vec<u8>>, Option<i64>, Option<i64>);
impl Transaction {
    /// An entry for each record of a lane as the upstream should have it, in no order, at most `limit`.
    pub async fn scan_golden_entries(
        &mut self,
        lane: Lane,
        limit: i64,
    ) -> Result<Vec<Entry>, StoreError> {
        let mut entries = Vec::new();
        on_conn!(self, |conn| {
            let mut rows = query_as(sql::comparisons::SCAN_GOLDEN_ENTRIES)
                .bind(lane.code())
                .bind(limit)
                .fetch(conn);
            while let Some(row) = rows.try_next().await? {
                let (id, version, state, hash): (Uuid, i64, i16, Vec<u8>) = row;
                let state = read_golden(version, state, &hash)?;
                entries.push(Entry::new(RecordId::new(id), state));
            }
        });
        Ok(entries)
    }

    /// An entry for each reconciled record of a node, in no order, at most `limit`.
    pub async fn scan_source_entries(
        &mut self,
        node: NodeId,
        kind: RecordKind,
        limit: i64,
    ) -> Result<Vec<Entry>, StoreError> {
        let mut entries = Vec::new();
        on_conn!(self, |conn| {
            let mut rows = query_as(sql::comparisons::SCAN_SOURCE_ENTRIES)
                .bind(node.get())
                .bind(kind.code())
                .bind(limit)
                .fetch(conn);
            while let Some(row) = rows.try_next().await? {
                let (id, version, hash): (Uuid, i64, Vec<u8>) = row;
                let state = RecordState {
                    version: read_version("source_record", version)?,
                    hash: read_hash("source_record", &hash)?,
                };
                entries.push(Entry::new(RecordId::new(id), state));
            }
        });
        Ok(entries)
    }

    /// Number of the newest golden-record change of a lane.
    pub async fn change_head(&mut self, lane: Lane) -> Result<i64, StoreError> {
        Ok(on_conn!(self, |conn| {
            query_scalar(sql::comparisons::READ_CHANGE_HEAD)
                .bind(lane.code())
                .fetch_one(conn)
                .await?
        }))
    }

    /// Number of the newest submission of a lane.
    pub async fn log_head(&mut self, lane: Lane) -> Result<i64, StoreError> {
        Ok(on_conn!(self, |conn| {
            query_scalar(sql::comparisons::READ_LOG_HEAD)
                .bind(lane.code())
                .fetch_one(conn)
                .await?
        }))
    }

    /// What a hub knows of golden records as its upstream should have them, in the order of their ids.
    pub async fn look_at_golden_records(
        &mut self,
        lane: Lane,
        records: &[RecordId],
    ) -> Result<Vec<LowerRecord>, StoreError> {
        let position = self.forward_position(lane).await?;
        let columns = vec![Column::Uuid(
            records.iter().map(|id| id.as_uuid()).collect(),
        )];
        let statement = &sql::comparisons::LOOK_AT_GOLDEN_RECORDS;
        let rows: Vec<LowerTuple> = self.fetch_bulk(statement, columns).await?;
        let mut found = Vec::with_capacity(rows.len());
        for (id, version, state, hash, change, refused, reason) in rows {
            let held = match (version, state, hash) {
                (Some(version), Some(state), Some(hash)) => {
                    Some(read_golden(version, state, &hash)?)
                }
                _ => None,
            };
            let is_refused = refused.is_some()
                && refused == version
                && reason.as_deref() != Some(VERSION_REUSED);
            found.push(LowerRecord {
                record: RecordId::new(id),
                held,
                is_receipted: change.is_some_and(|change| change <= position),
                is_refused,
            });
        }
        found.sort_unstable_by_key(|row| row.record);
        Ok(found)
    }

    /// What a hub knows of records of a node, in the order of their ids.
    pub async fn look_at_source_records(
        &mut self,
        node: NodeId,
        kind: RecordKind,
        records: &[RecordId],
    ) -> Result<Vec<UpperRecord>, StoreError> {
        let position = self.log_position(kind.lane()).await?;
        let keys = records.iter().map(|record_id| RecordKey {
            node,
            kind,
            record_id: *record_id,
        });
        let columns = key_columns(keys);
        let statement = &sql::comparisons::LOOK_AT_SOURCE_RECORDS;
        let rows: Vec<UpperTuple> = self.fetch_bulk(statement, columns).await?;
        let mut found = Vec::with_capacity(rows.len());
        for (id, version, hash, quarantined, newest) in rows {
            let held = match (version, hash) {
                (Some(version), Some(hash)) => Some(RecordState {
                    version: read_version("source_record", version)?,
                    hash: read_hash("source_record", &hash)?,
                }),
                _ => None,
            };
            found.push(UpperRecord {
                record: RecordId::new(id),
                held,
                is_unsettled: newest.is_some_and(|newest| newest > position),
                quarantined: quarantined.and_then(Version::from_i64),
            });
        }
        found.sort_unstable_by_key(|row| row.record);
        Ok(found)
    }
}

/// A golden record as it should stand upstream: withdrawn and merged ones as their tombstones.
fn read_golden(version: i64, state: i16, hash: &[u8]) -> Result<RecordState, StoreError> {
    let hash = match state {
        1 => read_hash("golden_record", hash)?,
        2 => ContentHash::of_tombstone(TombstoneReason::Withdrawn),
        3 => ContentHash::of_tombstone(TombstoneReason::Merged),
        _ => {
            return Err(StoreError::Corrupt {
                table: "golden_record",
                column: "state",
            });
        }
    };
    let version = read_version("golden_record", version)?;
    Ok(RecordState { version, hash })
}
