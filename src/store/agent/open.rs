//! Opening an agent's database.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, SqlSafeStr};

use super::AgentStore;
use crate::store::{Store, StoreError};

/// Bytes of a page, SQLite's own default.
const PAGE_BYTES: u64 = 4_096;
/// Bytes beyond the limit of what is taken in: acknowledgements, and the upload that is on its way, must
/// find room when nothing more is taken.
const RESERVE_BYTES: u64 = 16 * 1024 * 1024;
/// Memory of the writer's page cache, in KiB; the reader has half of it.
const CACHE_KIBIBYTES: u32 = 1_024;
/// Prepared statements that a connection keeps.
const STATEMENTS_KEPT_MAX: usize = 24;
/// How long a caller waits for the connection.
const ACQUIRE_SECONDS_MAX: u64 = 10;

/// Steps of the schema; a step that has landed is never edited.
const STEPS: &[(i64, &str, &str)] = &[
    (
        1,
        "agent",
        include_str!("../../../migrations/agent/0001_agent.sql"),
    ),
    (
        2,
        "corrections",
        include_str!("../../../migrations/agent/0002_corrections.sql"),
    ),
    (
        3,
        "bulk",
        include_str!("../../../migrations/agent/0003_bulk.sql"),
    ),
    (
        4,
        "bundles",
        include_str!("../../../migrations/agent/0004_bundles.sql"),
    ),
    (
        5,
        "successor_unit",
        include_str!("../../../migrations/agent/0005_successor_unit.sql"),
    ),
    (
        6,
        "tiers",
        include_str!("../../../migrations/agent/0006_tiers.sql"),
    ),
];

/// Which database to open.
#[derive(Clone, Debug)]
pub struct AgentStoreOptions {
    /// The file; made when absent.
    pub path: PathBuf,
    /// Bytes up to which records are taken in.
    pub bytes_max: u64,
}

impl AgentStore {
    /// Opens the database and brings its schema to this program's version.
    pub async fn open(options: &AgentStoreOptions) -> Result<Self, StoreError> {
        let pages = options.bytes_max.saturating_add(RESERVE_BYTES) / PAGE_BYTES;
        let writing = connect(&options.path, CACHE_KIBIBYTES)
            .create_if_missing(true)
            .pragma("max_page_count", pages.to_string());
        let writer = pool().connect_with(writing).await?;
        migrator().run(&writer).await?;
        let reading = connect(&options.path, CACHE_KIBIBYTES / 2).pragma("query_only", "ON");
        let readers = pool().connect_with(reading).await?;
        let store = Store::of_sqlite(writer, readers);
        Ok(Self { store })
    }
}

fn connect(path: &Path, cache_kibibytes: u32) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .pragma("cache_size", format!("-{cache_kibibytes}"))
        .pragma("automatic_index", "OFF")
        .statement_cache_capacity(STATEMENTS_KEPT_MAX)
        .disable_statement_logging()
}

/// One connection: an agent has one writer and one reader.
fn pool() -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(1)
        .acquire_timeout(Duration::from_secs(ACQUIRE_SECONDS_MAX))
        // On a full disk SQLite ends the transaction by itself and sqlx goes on counting it: such a
        // connection would refuse every further transaction.
        .before_acquire(|connection, _| {
            let is_free = !connection.is_in_transaction();
            Box::pin(async move { Ok(is_free) })
        })
}

fn migrator() -> Migrator {
    let steps = STEPS.iter().map(|(version, name, sql)| {
        let sql = (*sql).into_sql_str();
        Migration::new(*version, (*name).into(), MigrationType::Simple, sql, false)
    });
    Migrator {
        migrations: steps.collect::<Vec<_>>().into(),
        ..Migrator::DEFAULT
    }
}
