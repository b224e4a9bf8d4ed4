//! The database of an agent: the queue of what the hub has not got yet, and where each record is.
//!
//! It is always one SQLite file with one writer, so its schema and statements have no twin for PostgreSQL.

mod bulk;
mod bundles;
mod corrections;
mod open;
mod records;
mod tiers;

use sqlx::{query, query_as, query_scalar};
use uuid::Uuid;

use super::bulk::Column;
use super::relations::{read_relations, write_relations};
use super::submissions::read_version;
use super::{Store, StoreError, Transaction, on_conn, sql};
use crate::domain::clock::Timestamp;
use crate::domain::record::{Lane, RecordId, RecordKind, Version};
use crate::domain::relations::Relations;

pub use bulk::BulkRow;
pub use bundles::MadeBundle;
pub use corrections::CorrectionCount;
pub use open::AgentStoreOptions;
pub use records::{AgentRecord, Answered};

/// An agent's database. Clones share the same connections.
#[derive(Clone, Debug)]
pub struct AgentStore {
    store: Store,
}

/// One transaction on an agent's database. Dropped without [`AgentTransaction::commit`], it is rolled back.
#[derive(Debug)]
pub struct AgentTransaction {
    inner: Transaction,
}

/// A record within its commune: kind and name.
pub type OwnKey = (RecordKind, RecordId);

/// How far the agent is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AgentPosition {
    /// Number of the newest state that was kept.
    pub last_state: i64,
    /// Records that wait to be sent.
    pub queued: i64,
    /// How far the hub's feed is read.
    pub feed_cursor: i64,
    /// The feed was once read to its end: versions that the hub holds are known.
    pub feed_read: bool,
}

/// A state of a record that waits to be sent.
#[derive(Clone, Debug)]
pub struct QueuedState {
    /// The record.
    pub key: OwnKey,
    /// Which state of it this is.
    pub state: i64,
    /// The version that it is sent as.
    pub version: Version,
    /// The version that the content is sealed for.
    pub sealed_version: Version,
    /// The version was given by the agent and not by the client.
    pub numbered_here: bool,
    /// 0 for content, otherwise the number of the tombstone's reason.
    pub tombstone: i16,
    /// What it says of other records.
    pub relations: Relations,
    /// The sealed content as the client sent it; empty for a tombstone.
    pub content: Vec<u8>,
}

/// Which state of a record was sent, and as which version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SentState {
    /// The record.
    pub key: OwnKey,
    /// Which state of it.
    pub state: i64,
    /// The version.
    pub version: Version,
}

impl QueuedState {
    /// What is remembered of it when it is sent.
    pub const fn sent(&self) -> SentState {
        SentState {
            key: self.key,
            state: self.state,
            version: self.version,
        }
    }
}

type QueueTuple = (i16, Uuid, i64, i64, i64, i16, String, Vec<u8>);

impl AgentStore {
    /// Begins a transaction that may write.
    pub async fn write(&self) -> Result<AgentTransaction, StoreError> {
        let inner = self.store.write().await?;
        Ok(AgentTransaction { inner })
    }

    /// Begins a transaction that only reads, all of it as of one moment.
    pub async fn read(&self) -> Result<AgentTransaction, StoreError> {
        let inner = self.store.read().await?;
        Ok(AgentTransaction { inner })
    }

    /// The database as every program's, for the proof of its sealing key.
    pub fn as_store(&self) -> &Store {
        &self.store
    }

    /// Prepares every statement of an agent and names those that fail.
    pub async fn prepare_every_statement(&self) -> Result<Vec<String>, StoreError> {
        self.store
            .prepare_statements(sql::agent::every_agent_statement())
            .await
    }

    /// Closes every connection; SQLite writes its log back into the file.
    pub async fn close(&self) {
        self.store.close().await;
    }
}

impl AgentTransaction {
    /// Makes everything this transaction wrote durable, or fails and leaves nothing of it.
    pub async fn commit(self) -> Result<(), StoreError> {
        self.inner.commit().await
    }

    /// How far the agent is.
    pub async fn position(&mut self) -> Result<AgentPosition, StoreError> {
        let row: (i64, i64, i64, bool) = on_conn!(self.inner, |conn| {
            query_as(sql::agent::READ_AGENT).fetch_one(conn).await?
        });
        let (last_state, queued, feed_cursor, feed_read) = row;
        Ok(AgentPosition {
            last_state,
            queued,
            feed_cursor,
            feed_read,
        })
    }

    /// Bytes of the database that hold something.
    pub async fn used_bytes(&mut self) -> Result<u64, StoreError> {
        let bytes: i64 = on_conn!(self.inner, |conn| {
            query_scalar(sql::agent::USED_BYTES).fetch_one(conn).await?
        });
        Ok(bytes.unsigned_abs())
    }

    /// Notes how many states were kept and how many records wait.
    pub async fn set_last_state(&mut self, state: i64, queued: i64) -> Result<(), StoreError> {
        on_conn!(self.inner, |conn| {
            query(sql::agent::SET_LAST_STATE)
                .bind(state)
                .bind(queued)
                .execute(conn)
                .await?;
        });
        Ok(())
    }

    /// Notes how far the feed is read.
    pub async fn set_feed_cursor(&mut self, cursor: i64) -> Result<(), StoreError> {
        on_conn!(self.inner, |conn| {
            query(sql::agent::SET_FEED_CURSOR)
                .bind(cursor)
                .execute(conn)
                .await?;
        });
        Ok(())
    }

    /// Notes that the feed was read to its end.
    pub async fn set_feed_read(&mut self) -> Result<(), StoreError> {
        on_conn!(self.inner, |conn| {
            query(sql::agent::SET_FEED_READ).execute(conn).await?;
        });
        Ok(())
    }

    /// What waits in a lane, in the order of sending.
    pub async fn read_queue(
        &mut self,
        lane: Lane,
        limit: i64,
    ) -> Result<Vec<QueuedState>, StoreError> {
        let rows: Vec<QueueTuple> = on_conn!(self.inner, |conn| {
            query_as(sql::agent::READ_QUEUE)
                .bind(lane.code())
                .bind(limit)
                .fetch_all(conn)
                .await?
        });
        rows.into_iter().map(read_queued).collect()
    }

    /// How many records wait in a lane.
    pub async fn count_queued(&mut self, lane: Lane) -> Result<i64, StoreError> {
        Ok(on_conn!(self.inner, |conn| {
            query_scalar(sql::agent::COUNT_QUEUED)
                .bind(lane.code())
                .fetch_one(conn)
                .await?
        }))
    }

    /// When the record that waits longest in a lane was kept, by this machine's clock.
    pub async fn oldest_queued(&mut self, lane: Lane) -> Result<Option<Timestamp>, StoreError> {
        let at: Option<i64> = on_conn!(self.inner, |conn| {
            query_scalar(sql::agent::OLDEST_QUEUED)
                .bind(lane.code())
                .fetch_optional(conn)
                .await?
        });
        Ok(at.map(Timestamp::from_micros))
    }

    /// Which of these records wait, each with its state and whether the agent numbered it.
    pub async fn find_queued(
        &mut self,
        keys: &[OwnKey],
    ) -> Result<Vec<(OwnKey, i64, bool)>, StoreError> {
        let rows: Vec<(i16, Uuid, i64, bool)> = self
            .inner
            .fetch_bulk(&sql::agent::FIND_QUEUED, key_columns(keys))
            .await?;
        rows.into_iter()
            .map(|(kind, record_id, state, numbered_here)| {
                Ok((read_key("queue", kind, record_id)?, state, numbered_here))
            })
            .collect()
    }

    /// Puts states into the queue; each takes the place of an older one of its record.
    pub async fn put_queued(&mut self, states: Vec<QueuedState>) -> Result<(), StoreError> {
        let keys: Vec<OwnKey> = states.iter().map(|row| row.key).collect();
        let mut columns = key_columns(&keys);
        let short = |of: fn(&QueuedState) -> i16| Column::Short(states.iter().map(of).collect());
        let long = |of: fn(&QueuedState) -> i64| Column::Long(states.iter().map(of).collect());
        columns.extend([
            short(|row| row.key.0.lane().code()),
            long(|row| row.state),
            long(|row| row.version.as_i64()),
            long(|row| row.sealed_version.as_i64()),
            short(|row| i16::from(row.numbered_here)),
            short(|row| row.tombstone),
        ]);
        let relations = states.iter().map(|row| write_relations(&row.relations));
        columns.push(Column::Text(relations.collect()));
        columns.push(Column::Bytes(
            states.into_iter().map(|row| row.content).collect(),
        ));
        self.inner
            .execute_bulk(&sql::agent::PUT_QUEUED, columns)
            .await?;
        Ok(())
    }

    /// Takes states from the queue that the hub has answered, unless newer ones stand in their places;
    /// says how many there were.
    pub async fn delete_queued(&mut self, states: &[(OwnKey, i64)]) -> Result<u64, StoreError> {
        let keys: Vec<OwnKey> = states.iter().map(|(key, _)| *key).collect();
        let mut columns = key_columns(&keys);
        columns.push(Column::Long(
            states.iter().map(|(_, state)| *state).collect(),
        ));
        self.inner
            .execute_bulk(&sql::agent::DELETE_QUEUED, columns)
            .await
    }

    /// Gives records that wait other versions.
    pub async fn renumber_queued(
        &mut self,
        versions: &[(OwnKey, Version)],
    ) -> Result<(), StoreError> {
        let keys: Vec<OwnKey> = versions.iter().map(|(key, _)| *key).collect();
        let mut columns = key_columns(&keys);
        let versions = versions.iter().map(|(_, version)| version.as_i64());
        columns.push(Column::Long(versions.collect()));
        self.inner
            .execute_bulk(&sql::agent::RENUMBER_QUEUED, columns)
            .await?;
        Ok(())
    }
}

fn key_columns(keys: &[OwnKey]) -> Vec<Column> {
    vec![
        Column::Short(keys.iter().map(|(kind, _)| kind.code()).collect()),
        Column::Uuid(keys.iter().map(|(_, id)| id.as_uuid()).collect()),
    ]
}

fn read_key(table: &'static str, kind: i16, record_id: Uuid) -> Result<OwnKey, StoreError> {
    let column = "kind";
    let kind = RecordKind::from_code(kind).ok_or(StoreError::Corrupt { table, column })?;
    Ok((kind, RecordId::new(record_id)))
}

fn read_queued(row: QueueTuple) -> Result<QueuedState, StoreError> {
    let (kind, record_id, state, version, sealed_version, tombstone, relations, content) = row;
    Ok(QueuedState {
        key: read_key("queue", kind, record_id)?,
        state,
        version: read_version("queue", version)?,
        sealed_version: read_version("queue", sealed_version)?,
        // Who gave the version matters when it is put, and not any more when it is sent.
        numbered_here: false,
        tombstone,
        relations: read_relations("queue", &relations)?,
        content,
    })
}
