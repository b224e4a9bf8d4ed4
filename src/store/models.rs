//! The linkage models that operators put in use, and how far linking under the newest one is.

use sqlx::{query, query_as};

use super::bulk::Column;
use super::source_records::{Member, MemberTuple, read_member};
use super::sql::relink as sql;
use super::submissions::expect_rows;
use super::{StoreError, Transaction, on_conn};
use crate::domain::clock::Timestamp;
use crate::domain::record::RecordKey;

/// Where a model in use comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelOrigin {
    /// Its text was given with the call that put it in use.
    Call,
    /// The call went back to the model of the hub's configuration.
    Configuration,
}

/// A model as it was put in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelRow {
    /// Its number; the highest is in use.
    pub number: i64,
    /// Where it comes from.
    pub origin: ModelOrigin,
    /// The text of its file; empty in [`Transaction::list_models`].
    pub text: String,
    /// BLAKE3 of the text.
    pub digest: [u8; 32],
    /// The operator who put it in use.
    pub used_by: String,
    /// When.
    pub used_at: Timestamp,
}

/// How far the leader is with linking under the model in use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RelinkProgress {
    /// Number of the model that its index links by; 0 is the configuration's.
    pub linked_model: i64,
    /// Number of the model that it builds an index for; 0 for none.
    pub building_model: i64,
    /// Records that the new index will have, as of its begin.
    pub build_records: i64,
    /// Records that were read for it.
    pub read_records: i64,
    /// Records that were compared for it.
    pub compared_records: i64,
    /// Records whose links wait to be settled.
    pub unsettled_records: i64,
}

type ModelTuple = (i64, i16, String, Vec<u8>, String, i64);

const ORIGIN_CALL: i16 = 1;
const ORIGIN_CONFIGURATION: i16 = 2;

impl Transaction {
    /// Puts a model in use. Its number must be the one after the `model` counter, which the caller has
    /// locked and which becomes that number.
    pub async fn append_model(&mut self, row: &ModelRow) -> Result<(), StoreError> {
        let origin = match row.origin {
            ModelOrigin::Call => ORIGIN_CALL,
            ModelOrigin::Configuration => ORIGIN_CONFIGURATION,
        };
        let changed = on_conn!(self, |conn| {
            query(sql::INSERT_MODEL)
                .bind(row.number)
                .bind(origin)
                .bind(row.text.clone())
                .bind(row.digest.to_vec())
                .bind(row.used_by.clone())
                .bind(row.used_at.as_micros())
                .execute(conn)
                .await?
                .rows_affected()
        });
        expect_rows("INSERT_MODEL", 1, changed)?;
        self.set_counter("model", row.number).await
    }

    /// The model of a number, or `None` if none was put in use under it.
    pub async fn find_model(&mut self, number: i64) -> Result<Option<ModelRow>, StoreError> {
        let row: Option<ModelTuple> = on_conn!(self, |conn| {
            query_as(sql::FIND_MODEL)
                .bind(number)
                .fetch_optional(conn)
                .await?
        });
        row.map(read_model_row).transpose()
    }

    /// Models before a number, the newest first, at most `limit`, without their texts.
    pub async fn list_models(
        &mut self,
        before: i64,
        limit: i64,
    ) -> Result<Vec<ModelRow>, StoreError> {
        let rows: Vec<ModelTuple> = on_conn!(self, |conn| {
            let query = query_as(sql::LIST_MODELS).bind(before).bind(limit);
            query.fetch_all(conn).await?
        });
        rows.into_iter().map(read_model_row).collect()
    }

    /// Those of these children that are live, with their sealed contents, in no order.
    pub async fn find_members(&mut self, keys: &[RecordKey]) -> Result<Vec<Member>, StoreError> {
        let columns = vec![
            Column::Long(keys.iter().map(|key| key.node.get()).collect()),
            Column::Uuid(keys.iter().map(|key| key.record_id.as_uuid()).collect()),
        ];
        let rows: Vec<MemberTuple> = self.fetch_bulk(&sql::FIND_MEMBERS, columns).await?;
        rows.into_iter().map(read_member).collect()
    }

    /// How far linking again is, as the leader wrote it last.
    pub async fn read_relink_progress(&mut self) -> Result<RelinkProgress, StoreError> {
        let row: (i64, i64, i64, i64, i64, i64) = on_conn!(self, |conn| {
            query_as(sql::READ_RELINK_PROGRESS).fetch_one(conn).await?
        });
        Ok(RelinkProgress {
            linked_model: row.0,
            building_model: row.1,
            build_records: row.2,
            read_records: row.3,
            compared_records: row.4,
            unsettled_records: row.5,
        })
    }

    /// Writes how far linking again is.
    pub async fn set_relink_progress(&mut self, row: &RelinkProgress) -> Result<(), StoreError> {
        let changed = on_conn!(self, |conn| {
            query(sql::SET_RELINK_PROGRESS)
                .bind(row.linked_model)
                .bind(row.building_model)
                .bind(row.build_records)
                .bind(row.read_records)
                .bind(row.compared_records)
                .bind(row.unsettled_records)
                .execute(conn)
                .await?
                .rows_affected()
        });
        expect_rows("SET_RELINK_PROGRESS", 1, changed)
    }
}

fn read_model_row(row: ModelTuple) -> Result<ModelRow, StoreError> {
    let (number, origin, text, digest, used_by, used_at) = row;
    let corrupt = |column| StoreError::Corrupt {
        table: "linkage_model",
        column,
    };
    Ok(ModelRow {
        number,
        origin: match origin {
            ORIGIN_CALL => ModelOrigin::Call,
            ORIGIN_CONFIGURATION => ModelOrigin::Configuration,
            _ => return Err(corrupt("source")),
        },
        text,
        digest: digest.try_into().map_err(|_| corrupt("digest"))?,
        used_by,
        used_at: Timestamp::from_micros(used_at),
    })
}
