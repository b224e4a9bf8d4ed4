//! Bytes and reports of uploads, what snapshots are compared with, and the sweeping of what is over.

use std::collections::HashMap;

use sqlx::{query, query_as};
use uuid::Uuid;

use super::bulk::Column;
use super::submissions::{expect_rows, key_columns, read_held_version, read_key, read_version};
use super::uploads::{UploadKey, signed};
use super::{HeldVersion, StoreError, Transaction, on_conn, sql};
use crate::domain::node::NodeId;
use crate::domain::record::{RecordId, RecordKey, RecordKind, Version};
use crate::domain::upload::{Fate, UploadId};

/// What there is to say about one record of an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Position in the upload; what a snapshot does not list comes after the last one.
    pub place: u64,
    /// The record, if its id is one.
    pub record_id: Option<RecordId>,
    /// The version; 0 if it is none.
    pub version: u64,
    /// What became of it.
    pub fate: Fate,
    /// Why, as a stable word; empty when there is nothing to explain.
    pub reason: String,
    /// What is wrong or odd as `LEVEL path RULE`, one a line.
    pub violations: String,
}

/// The newest version of a record that the log holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewestSubmission {
    /// The record.
    pub record_id: RecordId,
    /// The version.
    pub version: Version,
    /// Whether it withdraws the record.
    pub is_tombstone: bool,
    /// Number in the log.
    pub sequence: i64,
}

impl Transaction {
    /// Keeps a chunk that begins where the durable bytes end; the caller has locked the upload.
    pub async fn append_chunk(
        &mut self,
        key: UploadKey,
        start: u64,
        sealed: Vec<u8>,
        received: u64,
    ) -> Result<(), StoreError> {
        let (node, upload) = (key.node.get(), key.upload.as_uuid());
        let changed = on_conn!(self, |conn| {
            query(sql::uploads::INSERT_CHUNK)
                .bind(node)
                .bind(upload)
                .bind(signed(start))
                .bind(sealed)
                .execute(&mut *conn)
                .await?;
            query(sql::uploads::ADVANCE_RECEIVED)
                .bind(node)
                .bind(upload)
                .bind(signed(received))
                .execute(&mut *conn)
                .await?
                .rows_affected()
        });
        expect_rows("ADVANCE_RECEIVED", 1, changed)
    }

    /// Sealed chunks from an offset on, in order, with where they begin.
    pub async fn read_chunks(
        &mut self,
        key: UploadKey,
        from: u64,
        limit: i64,
    ) -> Result<Vec<(u64, Vec<u8>)>, StoreError> {
        let rows: Vec<(i64, Vec<u8>)> = on_conn!(self, |conn| {
            query_as(sql::uploads::READ_CHUNKS)
                .bind(key.node.get())
                .bind(key.upload.as_uuid())
                .bind(signed(from))
                .bind(limit)
                .fetch_all(conn)
                .await?
        });
        let rows = rows.into_iter();
        Ok(rows
            .map(|(start, sealed)| (start.unsigned_abs(), sealed))
            .collect())
    }

    /// Forgets the bytes of an upload whose commit had begun: all of them must come again.
    pub async fn forget_bytes(&mut self, key: UploadKey, failure: &str) -> Result<(), StoreError> {
        let failure = failure.to_owned();
        self.delete_chunks(key, i64::MAX).await?;
        let changed = on_conn!(self, |conn| {
            query(sql::uploads::FORGET_UPLOAD_BYTES)
                .bind(key.node.get())
                .bind(key.upload.as_uuid())
                .bind(failure)
                .execute(conn)
                .await?
                .rows_affected()
        });
        expect_rows("FORGET_UPLOAD_BYTES", 1, changed)
    }

    /// Adds to the report of an upload.
    pub async fn insert_entries(
        &mut self,
        key: UploadKey,
        entries: Vec<Entry>,
    ) -> Result<(), StoreError> {
        let expected = entries.len();
        let columns = vec![
            Column::Long(vec![key.node.get(); expected]),
            Column::Uuid(vec![key.upload.as_uuid(); expected]),
            Column::Long(entries.iter().map(|entry| signed(entry.place)).collect()),
            Column::UuidOrNull(
                entries
                    .iter()
                    .map(|entry| entry.record_id.map(RecordId::as_uuid))
                    .collect(),
            ),
            Column::Long(entries.iter().map(|entry| signed(entry.version)).collect()),
            Column::Short(entries.iter().map(|entry| entry.fate.code()).collect()),
            Column::Text(entries.iter().map(|entry| entry.reason.clone()).collect()),
            Column::Text(entries.into_iter().map(|entry| entry.violations).collect()),
        ];
        let changed = self
            .execute_bulk(&sql::uploads::INSERT_UPLOAD_ENTRIES, columns)
            .await?;
        expect_rows("INSERT_UPLOAD_ENTRIES", expected, changed)
    }

    /// A page of the report after a place; -1 is before the first.
    pub async fn read_entries(
        &mut self,
        key: UploadKey,
        after: i64,
        limit: i64,
    ) -> Result<Vec<Entry>, StoreError> {
        type Row = (i64, Option<Uuid>, i64, i16, String, String);
        let rows: Vec<Row> = on_conn!(self, |conn| {
            query_as(sql::uploads::READ_UPLOAD_ENTRIES)
                .bind(key.node.get())
                .bind(key.upload.as_uuid())
                .bind(after)
                .bind(limit)
                .fetch_all(conn)
                .await?
        });
        rows.into_iter()
            .map(|(place, record_id, version, fate, reason, violations)| {
                Ok(Entry {
                    place: place.unsigned_abs(),
                    record_id: record_id.map(RecordId::new),
                    version: version.unsigned_abs(),
                    fate: Fate::from_code(fate).ok_or(StoreError::Corrupt {
                        table: "upload_entry",
                        column: "fate",
                    })?,
                    reason,
                    violations,
                })
            })
            .collect()
    }

    /// Removes at most so many entries of a report and says how many there were.
    pub async fn delete_entries(&mut self, key: UploadKey, limit: i64) -> Result<u64, StoreError> {
        self.delete_part(sql::uploads::DELETE_UPLOAD_ENTRIES, key, limit)
            .await
    }

    /// Removes at most so many chunks and says how many there were.
    pub async fn delete_chunks(&mut self, key: UploadKey, limit: i64) -> Result<u64, StoreError> {
        self.delete_part(sql::uploads::DELETE_CHUNKS, key, limit)
            .await
    }

    async fn delete_part(
        &mut self,
        text: &'static str,
        key: UploadKey,
        limit: i64,
    ) -> Result<u64, StoreError> {
        Ok(on_conn!(self, |conn| {
            query(text)
                .bind(key.node.get())
                .bind(key.upload.as_uuid())
                .bind(limit)
                .execute(conn)
                .await?
                .rows_affected()
        }))
    }

    /// Looks at every upload once more, and lets those expire that nothing has happened to for so many
    /// looks: one number for uploads whose bytes are awaited, one for those that have ended.
    pub async fn sweep_uploads(&mut self, awaited: i64, ended: i64) -> Result<u64, StoreError> {
        Ok(on_conn!(self, |conn| {
            query(sql::uploads::SWEEP_UPLOADS)
                .execute(&mut *conn)
                .await?;
            query(sql::uploads::EXPIRE_UPLOADS)
                .bind(awaited)
                .bind(ended)
                .execute(&mut *conn)
                .await?
                .rows_affected()
        }))
    }

    /// An upload that has ended and whose bytes are still there, if there is one.
    pub async fn find_spent_chunks(&mut self) -> Result<Option<UploadKey>, StoreError> {
        self.find_one(sql::uploads::FIND_SPENT_CHUNKS).await
    }

    /// An expired upload, if there is one.
    pub async fn find_expired_upload(&mut self) -> Result<Option<UploadKey>, StoreError> {
        self.find_one(sql::uploads::FIND_EXPIRED_UPLOAD).await
    }

    async fn find_one(&mut self, text: &'static str) -> Result<Option<UploadKey>, StoreError> {
        let row: Option<(i64, Uuid)> =
            on_conn!(self, |conn| query_as(text).fetch_optional(conn).await?);
        Ok(row.map(|(node, upload)| UploadKey {
            node: NodeId::new(node),
            upload: UploadId::new(upload),
        }))
    }

    /// Notes that no byte of an ended upload is held any more.
    pub async fn chunks_are_gone(&mut self, key: UploadKey) -> Result<(), StoreError> {
        on_conn!(self, |conn| {
            query(sql::uploads::CHUNKS_ARE_GONE)
                .bind(key.node.get())
                .bind(key.upload.as_uuid())
                .execute(conn)
                .await?;
        });
        Ok(())
    }

    /// Forgets an expired upload whose bytes and report are gone.
    pub async fn delete_upload(&mut self, key: UploadKey) -> Result<(), StoreError> {
        on_conn!(self, |conn| {
            for text in [
                sql::uploads::DELETE_UPLOAD_PROGRESS,
                sql::uploads::DELETE_UPLOAD,
            ] {
                query(text)
                    .bind(key.node.get())
                    .bind(key.upload.as_uuid())
                    .execute(&mut *conn)
                    .await?;
            }
        });
        Ok(())
    }

    /// The held versions of these records that are not older than the version asked for, and the newest
    /// one that is. Most records are new, or all that is held of them is older: there the newest version
    /// says everything, and finding it is half the work.
    pub async fn find_held_and_prior_versions(
        &mut self,
        wanted: &[(RecordKey, Version)],
    ) -> Result<Vec<HeldVersion>, StoreError> {
        let statement = &sql::uploads::FIND_NEWEST_VERSIONS;
        let rows = self.fetch_bulk(statement, version_columns(wanted)).await?;
        let rows = rows.into_iter().map(read_held_version);
        let mut held: Vec<HeldVersion> = rows.collect::<Result<_, _>>()?;
        let newest: HashMap<RecordKey, Version> =
            held.iter().map(|row| (row.key, row.version)).collect();
        let is_older = |(key, version): &&(RecordKey, Version)| {
            newest.get(key).is_some_and(|newest| newest >= version)
        };
        let late: Vec<_> = wanted.iter().filter(is_older).copied().collect();
        let statement = &sql::uploads::FIND_HELD_AND_PRIOR_VERSIONS;
        let rows = self.fetch_bulk(statement, version_columns(&late)).await?;
        for row in rows {
            held.push(read_held_version(row)?);
        }
        Ok(held)
    }

    /// What the log has got from a node behind one position and up to another.
    pub async fn read_appended(
        &mut self,
        node: NodeId,
        (after, last): (i64, i64),
    ) -> Result<Vec<HeldVersion>, StoreError> {
        let rows: Vec<_> = on_conn!(self, |conn| {
            query_as(sql::uploads::READ_APPENDED)
                .bind(after)
                .bind(last)
                .bind(node.get())
                .fetch_all(conn)
                .await?
        });
        rows.into_iter().map(read_held_version).collect()
    }

    /// A page of the newest versions of a node's records of a kind, in the order of their ids.
    pub async fn scan_newest_submissions(
        &mut self,
        node: NodeId,
        kind: RecordKind,
        after: Uuid,
        limit: i64,
    ) -> Result<Vec<NewestSubmission>, StoreError> {
        let rows: Vec<(Uuid, i64, i16, i64)> = on_conn!(self, |conn| {
            query_as(sql::uploads::SCAN_NEWEST_SUBMISSIONS)
                .bind(node.get())
                .bind(kind.code())
                .bind(after)
                .bind(limit)
                .fetch_all(conn)
                .await?
        });
        rows.into_iter()
            .map(|(record_id, version, tombstone, sequence)| {
                Ok(NewestSubmission {
                    record_id: RecordId::new(record_id),
                    version: read_version("submission", version)?,
                    is_tombstone: tombstone != 0,
                    sequence,
                })
            })
            .collect()
    }

    /// The sealed contents of these versions.
    pub async fn read_contents(
        &mut self,
        wanted: &[(RecordKey, Version)],
    ) -> Result<Vec<(RecordKey, Version, Vec<u8>)>, StoreError> {
        let rows: Vec<(i64, i16, Uuid, i64, Vec<u8>)> = self
            .fetch_bulk(
                &sql::uploads::READ_SUBMISSION_CONTENTS,
                version_columns(wanted),
            )
            .await?;
        rows.into_iter()
            .map(|(node, kind, record_id, version, content)| {
                let key = read_key("submission", node, kind, record_id)?;
                Ok((key, read_version("submission", version)?, content))
            })
            .collect()
    }
}

fn version_columns(wanted: &[(RecordKey, Version)]) -> Vec<Column> {
    let mut columns = key_columns(wanted.iter().map(|(key, _)| *key));
    columns.push(Column::Long(
        wanted.iter().map(|(_, version)| version.as_i64()).collect(),
    ));
    columns
}
