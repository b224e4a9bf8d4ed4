//! The submission log: appended in commit order, never changed.

use sqlx::{query, query_as, query_scalar};
use uuid::Uuid;

use super::bulk::Column;
use super::relations::{read_relations, write_relations};
use super::{StoreError, Transaction, on_conn, sql};
use crate::domain::clock::Timestamp;
use crate::domain::node::NodeId;
use crate::domain::record::{ContentHash, Lane, RecordId, RecordKey, RecordKind, Version};
use crate::domain::relations::Relations;

/// A version of a record that the log holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldVersion {
    /// The record.
    pub key: RecordKey,
    /// The version.
    pub version: Version,
    /// Hash of its content.
    pub hash: ContentHash,
    /// What it says of other records of the node.
    pub relations: Relations,
}

/// A submission to append.
#[derive(Clone, Debug)]
pub struct NewSubmission {
    /// The record.
    pub key: RecordKey,
    /// Its version.
    pub version: Version,
    /// Number in the log.
    pub sequence: i64,
    /// 0 for content, otherwise the number of the tombstone's reason.
    pub tombstone: i16,
    /// Hash of the content.
    pub hash: ContentHash,
    /// The sealed content; empty for a tombstone.
    pub content: Vec<u8>,
    /// What the source sent, sealed, where normalisation changed it.
    pub sent: Option<Vec<u8>>,
    /// What it says of other records of the node.
    pub relations: Relations,
}

/// A submission as the reconciler reads it.
#[derive(Clone, Debug)]
pub struct LogEntry {
    /// Number in the log.
    pub sequence: i64,
    /// The record.
    pub key: RecordKey,
    /// Its version.
    pub version: Version,
    /// 0 for content, otherwise the number of the tombstone's reason.
    pub tombstone: i16,
    /// Hash of the content.
    pub hash: ContentHash,
    /// The sealed content.
    pub content: Vec<u8>,
    /// What it says of other records of the node.
    pub relations: Relations,
}

/// What one node's requests of a group commit came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Changes received.
    pub received: i64,
    /// Changes appended to the log.
    pub accepted: i64,
    /// Changes that were there already.
    pub unchanged: i64,
    /// Changes refused.
    pub rejected: i64,
}

pub(super) type HeldTuple = (i64, i16, Uuid, i64, Vec<u8>, String);
type LogRow = (i64, i64, i16, Uuid, i64, i16, Vec<u8>, Vec<u8>, String);

impl Transaction {
    /// Reads a counter and keeps every other writer from it until this transaction ends.
    pub async fn lock_counter(&mut self, name: &'static str) -> Result<i64, StoreError> {
        let text = self.text(sql::LOCK_COUNTER);
        Ok(on_conn!(self, |conn| query_scalar(text)
            .bind(name)
            .fetch_one(conn)
            .await?))
    }

    /// Reads a counter as of now.
    pub async fn read_counter(&mut self, name: &'static str) -> Result<i64, StoreError> {
        let text = sql::READ_COUNTER;
        Ok(on_conn!(self, |conn| query_scalar(text)
            .bind(name)
            .fetch_one(conn)
            .await?))
    }

    /// Sets a counter that this transaction has locked.
    pub async fn set_counter(&mut self, name: &'static str, value: i64) -> Result<(), StoreError> {
        let changed = on_conn!(self, |conn| {
            query(sql::SET_COUNTER)
                .bind(name)
                .bind(value)
                .execute(conn)
                .await?
                .rows_affected()
        });
        expect_rows("SET_COUNTER", 1, changed)
    }

    /// Adds to a counter; nothing is asked of the database where there is nothing to add.
    pub async fn add_to_counter(
        &mut self,
        name: &'static str,
        more: i64,
    ) -> Result<(), StoreError> {
        if more == 0 {
            return Ok(());
        }
        let changed = on_conn!(self, |conn| {
            query(sql::ADD_TO_COUNTER)
                .bind(name)
                .bind(more)
                .execute(conn)
                .await?
                .rows_affected()
        });
        expect_rows("ADD_TO_COUNTER", 1, changed)
    }

    /// The held versions of these records that are not older than the version asked for.
    pub async fn find_held_versions(
        &mut self,
        wanted: &[(RecordKey, Version)],
    ) -> Result<Vec<HeldVersion>, StoreError> {
        let mut columns = key_columns(wanted.iter().map(|(key, _)| *key));
        columns.push(Column::Long(
            wanted.iter().map(|(_, version)| version.as_i64()).collect(),
        ));
        let rows = self.fetch_bulk(&sql::FIND_HELD_VERSIONS, columns).await?;
        rows.into_iter().map(read_held_version).collect()
    }

    /// Appends to the log; the caller has locked the `log` counter and given the numbers from it.
    pub async fn append_submissions(
        &mut self,
        submissions: Vec<NewSubmission>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let expected = submissions.len();
        let mut columns = key_columns(submissions.iter().map(|new| new.key));
        columns.push(Column::Long(
            submissions.iter().map(|new| new.version.as_i64()).collect(),
        ));
        columns.push(Column::Long(
            submissions.iter().map(|new| new.sequence).collect(),
        ));
        let lanes = submissions
            .iter()
            .map(|new| new.key.kind.lane().code())
            .collect();
        columns.push(Column::Short(lanes));
        columns.push(Column::Long(vec![now.as_micros(); expected]));
        columns.push(Column::Short(
            submissions.iter().map(|new| new.tombstone).collect(),
        ));
        let hashes = submissions
            .iter()
            .map(|new| new.hash.as_bytes().to_vec())
            .collect();
        columns.push(Column::Bytes(hashes));
        let relations = submissions
            .iter()
            .map(|new| write_relations(&new.relations))
            .collect();
        let (contents, sent) = submissions
            .into_iter()
            .map(|new| (new.content, new.sent))
            .unzip();
        columns.push(Column::Bytes(contents));
        columns.push(Column::BytesOrNull(sent));
        columns.push(Column::Text(relations));
        let changed = self.execute_bulk(&sql::APPEND_SUBMISSIONS, columns).await?;
        expect_rows("APPEND_SUBMISSIONS", expected, changed)
    }

    /// Adds to the nodes' tallies and notes that they were in contact now.
    pub async fn add_tallies(
        &mut self,
        tallies: &[(NodeId, Tally)],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let column = |pick: fn(&Tally) -> i64| {
            Column::Long(tallies.iter().map(|(_, tally)| pick(tally)).collect())
        };
        let columns = vec![
            Column::Long(tallies.iter().map(|(node, _)| node.get()).collect()),
            column(|tally| tally.received),
            column(|tally| tally.accepted),
            column(|tally| tally.unchanged),
            column(|tally| tally.rejected),
            Column::Long(vec![now.as_micros(); tallies.len()]),
        ];
        let changed = self.execute_bulk(&sql::ADD_TALLIES, columns).await?;
        expect_rows("ADD_TALLIES", tallies.len(), changed)
    }

    /// The entries of a lane after a position, in order, at most `limit` of them.
    pub async fn read_log(
        &mut self,
        lane: Lane,
        after: i64,
        limit: i64,
    ) -> Result<Vec<LogEntry>, StoreError> {
        let rows: Vec<LogRow> = on_conn!(self, |conn| {
            query_as(sql::READ_LOG)
                .bind(lane.code())
                .bind(after)
                .bind(limit)
                .fetch_all(conn)
                .await?
        });
        rows.into_iter()
            .map(
                |(
                    sequence,
                    node,
                    kind,
                    record_id,
                    version,
                    tombstone,
                    hash,
                    content,
                    relations,
                )| {
                    Ok(LogEntry {
                        relations: read_relations("submission", &relations)?,
                        sequence,
                        key: read_key("submission", node, kind, record_id)?,
                        version: read_version("submission", version)?,
                        tombstone,
                        hash: read_hash("submission", &hash)?,
                        content,
                    })
                },
            )
            .collect()
    }

    /// How far the reconciler has read a lane.
    pub async fn log_position(&mut self, lane: Lane) -> Result<i64, StoreError> {
        let lane = lane.code();
        Ok(on_conn!(self, |conn| {
            query_scalar(sql::READ_LOG_CURSOR)
                .bind(lane)
                .fetch_one(conn)
                .await?
        }))
    }

    /// Moves the reconciler's cursor; fails if somebody else has moved it.
    pub async fn move_log_position(
        &mut self,
        lane: Lane,
        from: i64,
        to: i64,
    ) -> Result<(), StoreError> {
        let changed = on_conn!(self, |conn| {
            let query = query(sql::MOVE_LOG_CURSOR)
                .bind(lane.code())
                .bind(from)
                .bind(to);
            query.execute(conn).await?.rows_affected()
        });
        expect_rows("MOVE_LOG_CURSOR", 1, changed)
    }
}

pub(super) fn key_columns(keys: impl Iterator<Item = RecordKey> + Clone) -> Vec<Column> {
    vec![
        Column::Long(keys.clone().map(|key| key.node.get()).collect()),
        Column::Short(keys.clone().map(|key| key.kind.code()).collect()),
        Column::Uuid(keys.map(|key| key.record_id.as_uuid()).collect()),
    ]
}

pub(super) fn read_held_version(row: HeldTuple) -> Result<HeldVersion, StoreError> {
    let (node, kind, record_id, version, hash, relations) = row;
    Ok(HeldVersion {
        key: read_key("submission", node, kind, record_id)?,
        version: read_version("submission", version)?,
        hash: read_hash("submission", &hash)?,
        relations: read_relations("submission", &relations)?,
    })
}

pub(super) fn read_key(
    table: &'static str,
    node: i64,
    kind: i16,
    record_id: Uuid,
) -> Result<RecordKey, StoreError> {
    let kind = RecordKind::from_code(kind).ok_or(StoreError::Corrupt {
        table,
        column: "kind",
    })?;
    Ok(RecordKey {
        node: NodeId::new(node),
        kind,
        record_id: RecordId::new(record_id),
    })
}

pub(super) fn read_version(table: &'static str, version: i64) -> Result<Version, StoreError> {
    Version::from_i64(version).ok_or(StoreError::Corrupt {
        table,
        column: "version",
    })
}

pub(super) fn read_hash(table: &'static str, hash: &[u8]) -> Result<ContentHash, StoreError> {
    ContentHash::from_slice(hash).ok_or(StoreError::Corrupt {
        table,
        column: "content_hash",
    })
}

pub(super) fn expect_rows(
    statement: &'static str,
    expected: usize,
    actual: u64,
) -> Result<(), StoreError> {
    let expected = u64::try_from(expected).unwrap_or(u64::MAX);
    if actual == expected {
        Ok(())
    } else {
        Err(StoreError::Rows {
            statement,
            expected,
            actual,
        })
    }
}
