//! Quarantine: where an unusable submission waits, whole, with its reason.

use sqlx::{query_as, query_scalar};
use uuid::Uuid;

use super::bulk::Column;
use super::submissions::{key_columns, read_key, read_version};
use super::{StoreError, Transaction, on_conn, sql};
use crate::domain::clock::Timestamp;
use crate::domain::record::{RecordKey, Version};

/// A submission that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantined {
    /// The record.
    pub key: RecordKey,
    /// Its version.
    pub version: Version,
    /// Why, as a stable word.
    pub reason: String,
    /// The broken rules as `path RULE`, one a line; never what a field holds.
    pub rules: String,
    /// The sealed content.
    pub content: Vec<u8>,
}

impl Transaction {
    /// Keeps these submissions; of one record only the newest stays. On repeat nothing is doubled.
    pub async fn put_quarantined(
        &mut self,
        quarantined: Vec<Quarantined>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut columns = key_columns(quarantined.iter().map(|row| row.key));
        columns.push(Column::Long(
            quarantined.iter().map(|row| row.version.as_i64()).collect(),
        ));
        columns.push(Column::Long(vec![now.as_micros(); quarantined.len()]));
        columns.push(Column::Text(
            quarantined.iter().map(|row| row.reason.clone()).collect(),
        ));
        columns.push(Column::Text(
            quarantined.iter().map(|row| row.rules.clone()).collect(),
        ));
        columns.push(Column::Bytes(
            quarantined.into_iter().map(|row| row.content).collect(),
        ));
        self.execute_bulk(&sql::PUT_QUARANTINED, columns).await?;
        Ok(())
    }

    /// Records in quarantine that the feed has not told of, at most `limit`.
    pub async fn read_untold_quarantine(
        &mut self,
        limit: i64,
    ) -> Result<Vec<RecordKey>, StoreError> {
        let rows: Vec<(i64, i16, Uuid)> = on_conn!(self, |conn| {
            query_as(sql::READ_UNTOLD_QUARANTINE)
                .bind(limit)
                .fetch_all(conn)
                .await?
        });
        rows.into_iter()
            .map(|(node, kind, record_id)| read_key("quarantine", node, kind, record_id))
            .collect()
    }

    /// Gives quarantined records their numbers in the feed.
    pub async fn tell_quarantined(&mut self, told: &[(RecordKey, i64)]) -> Result<(), StoreError> {
        let mut columns = key_columns(told.iter().map(|(key, _)| *key));
        columns.push(Column::Long(told.iter().map(|(_, feed)| *feed).collect()));
        self.execute_bulk(&sql::TELL_QUARANTINED, columns).await?;
        Ok(())
    }

    /// Removes what these accepted versions correct.
    pub async fn clear_quarantined(
        &mut self,
        corrected: &[(RecordKey, Version)],
    ) -> Result<(), StoreError> {
        let some: i64 = on_conn!(self, |conn| {
            query_scalar(sql::IS_QUARANTINE_EMPTY)
                .fetch_one(conn)
                .await?
        });
        if some == 0 {
            return Ok(());
        }
        let mut columns = key_columns(corrected.iter().map(|(key, _)| *key));
        columns.push(Column::Long(
            corrected.iter().map(|(_, v)| v.as_i64()).collect(),
        ));
        self.execute_bulk(&sql::CLEAR_QUARANTINED, columns).await?;
        Ok(())
    }

    /// What quarantine holds of a record: version, reason and rules, or `None`.
    pub async fn find_quarantined(
        &mut self,
        key: RecordKey,
    ) -> Result<Option<(Version, String, String)>, StoreError> {
        let row: Option<(i64, String, String)> = on_conn!(self, |conn| {
            query_as(sql::READ_QUARANTINED)
                .bind(key.node.get())
                .bind(key.kind.code())
                .bind(key.record_id.as_uuid())
                .fetch_optional(conn)
                .await?
        });
        row.map(|(version, reason, rules)| {
            Ok((read_version("quarantine", version)?, reason, rules))
        })
        .transpose()
    }
}
