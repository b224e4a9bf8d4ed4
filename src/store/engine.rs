//! Opening a database and beginning transactions on it.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection, PgPool, Postgres,
    SqlSafeStr, SqliteConnection, SqlitePool,
};

use super::{Inner, StoreError, Transaction, migrations, sql};

/// How long a writer waits for another process's write on the same SQLite file.
const SQLITE_BUSY_SECONDS_MAX: u64 = 10;
/// How long a caller waits for a free connection before the store counts as unavailable.
const ACQUIRE_SECONDS_MAX: u64 = 10;

/// How long PostgreSQL keeps a transaction whose owner says nothing: a process that was stopped in the
/// middle of one must not hold its locks for ever. Every transaction of ours is busy all the time.
const IDLE_TRANSACTION_MILLISECONDS_MAX: u64 = 5_000;

/// Every statement of ours finds its rows by an index, driven by the rows that it was given, and reads pages in
/// the order of an index. PostgreSQL does not know that: on tables that have just grown it has no statistics,
/// and what took a millisecond by the index took it a second by scanning or by sorting all that follows.
/// What is left of its freedom is small, so that compiling a statement or sharing it out never pays.
const LOOKUPS_BY_INDEX: [(&str, &str); 7] = [
    ("join_collapse_limit", "1"),
    ("enable_seqscan", "off"),
    ("enable_bitmapscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("max_parallel_workers_per_gather", "0"),
    ("jit", "off"),
];

/// Which database to open.
#[derive(Clone)]
pub struct StoreOptions {
    /// `postgres://…`, or `sqlite://PATH` or a plain path for a SQLite file that is made when absent.
    pub url: String,
    /// Connections at most; SQLite uses one to write and the rest to read.
    pub connections_max: u32,
}

impl std::fmt::Debug for StoreOptions {
    /// The URL may hold a password and is not shown.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("StoreOptions")
            .field("connections_max", &self.connections_max)
            .finish_non_exhaustive()
    }
}

/// A hub's database. Clones share the same connections.
#[derive(Clone, Debug)]
pub struct Store {
    engine: Engine,
}

#[derive(Clone, Debug)]
enum Engine {
    Sqlite {
        writer: SqlitePool,
        readers: SqlitePool,
    },
    Postgres(PgPool),
}

impl Store {
    /// Opens the database, refuses one that would lose acknowledged records, and brings its schema to
    /// this program's version.
    pub async fn open(options: &StoreOptions) -> Result<Self, StoreError> {
        if options.url.starts_with("postgres://") || options.url.starts_with("postgresql://") {
            Self::open_postgres(options).await
        } else {
            Self::open_sqlite(options).await
        }
    }

    async fn open_postgres(options: &StoreOptions) -> Result<Self, StoreError> {
        let connect = PgConnectOptions::from_str(&options.url)
            .map_err(|error| StoreError::Url(error.to_string()))?
            .application_name("childsync")
            .options([(
                "idle_in_transaction_session_timeout",
                IDLE_TRANSACTION_MILLISECONDS_MAX,
            )])
            .options(LOOKUPS_BY_INDEX)
            .disable_statement_logging();
        let pool = PgPoolOptions::new()
            .max_connections(options.connections_max)
            .acquire_timeout(Duration::from_secs(ACQUIRE_SECONDS_MAX))
            .connect_with(connect)
            .await?;
        refuse_forgetful_postgres(&pool).await?;
        migrations::run_postgres(&pool).await?;
        Ok(Self {
            engine: Engine::Postgres(pool),
        })
    }

    async fn open_sqlite(options: &StoreOptions) -> Result<Self, StoreError> {
        let path = options
            .url
            .strip_prefix("sqlite://")
            .unwrap_or(&options.url);
        let connect = SqliteConnectOptions::new()
            .filename(PathBuf::from(path))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(SQLITE_BUSY_SECONDS_MAX))
            .pragma("cache_size", "-65536")
            .pragma("wal_autocheckpoint", "4000")
            // For a statement over many given rows SQLite would rather scan the table and index the rows
            // that it was given. Looking each of them up does not cost more as the table grows.
            .pragma("automatic_index", "OFF")
            .disable_statement_logging();
        let pool = |connections| {
            SqlitePoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(Duration::from_secs(ACQUIRE_SECONDS_MAX))
                // On a full disk SQLite ends the transaction by itself, and sqlx goes on counting it: such
                // a connection would refuse every further transaction.
                .before_acquire(|connection, _| {
                    let is_free = !connection.is_in_transaction();
                    Box::pin(async move { Ok(is_free) })
                })
        };
        let writer = pool(1).connect_with(connect.clone()).await?;
        migrations::run_sqlite(&writer).await?;
        let readers = pool(options.connections_max.max(2) - 1)
            .connect_with(connect.pragma("query_only", "ON"))
            .await?;
        Ok(Self {
            engine: Engine::Sqlite { writer, readers },
        })
    }

    /// A store on SQLite connections that are open already.
    pub(super) fn of_sqlite(writer: SqlitePool, readers: SqlitePool) -> Self {
        Self {
            engine: Engine::Sqlite { writer, readers },
        }
    }

    /// Makes a schema in a PostgreSQL database and gives the URL that opens the database in it.
    ///
    /// The name must be of a-z, 0-9 and underscore.
    pub async fn make_schema(url: &str, name: &str) -> Result<String, StoreError> {
        let is_plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
        if !name.bytes().all(is_plain) {
            return Err(StoreError::Url(format!("{name} cannot name a schema")));
        }
        let connect = PgConnectOptions::from_str(url)
            .map_err(|error| StoreError::Url(error.to_string()))?
            .disable_statement_logging();
        let mut connection = PgConnection::connect_with(&connect).await?;
        let statement = format!("CREATE SCHEMA {name}");
        sqlx::query(AssertSqlSafe(statement))
            .execute(&mut connection)
            .await?;
        connection.close().await?;
        let joint = if url.contains('?') { '&' } else { '?' };
        Ok(format!("{url}{joint}options=-c%20search_path%3D{name}"))
    }

    /// Begins a transaction that may write. On SQLite it holds the one writer from its first statement.
    pub async fn write(&self) -> Result<Transaction, StoreError> {
        let inner = match &self.engine {
            Engine::Sqlite { writer, .. } => {
                Inner::Sqlite(writer.begin_with("BEGIN IMMEDIATE").await?)
            }
            Engine::Postgres(pool) => Inner::Postgres(begin_postgres(pool, "BEGIN").await?),
        };
        Ok(Transaction { inner })
    }

    /// Begins a transaction that only reads, all of it as of one moment.
    pub async fn read(&self) -> Result<Transaction, StoreError> {
        let inner = match &self.engine {
            Engine::Sqlite { readers, .. } => Inner::Sqlite(readers.begin().await?),
            Engine::Postgres(pool) => {
                let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
                Inner::Postgres(begin_postgres(pool, begin).await?)
            }
        };
        Ok(Transaction { inner })
    }

    /// Has PostgreSQL look at those of its tables that have changed much since it last did. It does so by
    /// itself, but minutes after a table began to grow; until then it thinks that a look-up finds a
    /// two-hundredth of the table. SQLite's plans do not depend on what a table holds.
    pub async fn refresh_statistics(&self) -> Result<(), StoreError> {
        let Engine::Postgres(pool) = &self.engine else {
            return Ok(());
        };
        let tables: Vec<String> = sqlx::query_scalar(sql::FIND_CHANGED_TABLES)
            .fetch_all(pool)
            .await?;
        for table in tables {
            let statement = format!("ANALYZE {table}");
            sqlx::query(AssertSqlSafe(statement)).execute(pool).await?;
        }
        Ok(())
    }

    /// Copies a SQLite database, as of one moment, into a file that is empty, and reads the copy through. Others
    /// read and write meanwhile. Fails with [`StoreError::Corrupt`] if the copy is broken; returns `false` and
    /// does nothing on PostgreSQL, which is copied by its own tools.
    pub async fn copy_to(&self, file: &Path) -> Result<bool, StoreError> {
        let Engine::Sqlite { writer, .. } = &self.engine else {
            return Ok(false);
        };
        // On a connection of its own: the one that writes is needed, and those that read may write nowhere.
        let options = SqliteConnectOptions::clone(&writer.connect_options());
        let mut connection = SqliteConnection::connect_with(&options).await?;
        sqlx::query(sql::COPY_DATABASE)
            .bind(file.display().to_string())
            .execute(&mut connection)
            .await?;
        connection.close().await?;
        let options = SqliteConnectOptions::new().filename(file).read_only(true);
        let mut connection = SqliteConnection::connect_with(&options).await?;
        let found: Vec<String> = sqlx::query_scalar(sql::CHECK_DATABASE)
            .fetch_all(&mut connection)
            .await?;
        connection.close().await?;
        if found == ["ok"] {
            Ok(true)
        } else {
            let (table, column) = ("of the copy", "page");
            Err(StoreError::Corrupt { table, column })
        }
    }

    /// Prepares every statement of the program on this database and names those that fail.
    pub async fn prepare_every_statement(&self) -> Result<Vec<String>, StoreError> {
        let is_postgres = matches!(self.engine, Engine::Postgres(_));
        self.prepare_statements(sql::every_statement(is_postgres))
            .await
    }

    pub(super) async fn prepare_statements(
        &self,
        statements: Vec<(&'static str, String)>,
    ) -> Result<Vec<String>, StoreError> {
        let mut broken = Vec::new();
        for (name, text) in statements {
            let text = AssertSqlSafe(text).into_sql_str();
            let failure = match &self.engine {
                Engine::Sqlite { writer, .. } => writer.prepare(text).await.err(),
                Engine::Postgres(pool) => pool.prepare(text).await.err(),
            };
            broken.extend(failure.map(|error| format!("{name}: {error}")));
        }
        Ok(broken)
    }

    /// Closes every connection; SQLite writes its log back into the file.
    pub async fn close(&self) {
        match &self.engine {
            Engine::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Engine::Postgres(pool) => pool.close().await,
        }
    }
}

/// Begins a transaction in a task of its own, so that whoever gives up waiting does not break off between
/// `BEGIN` and its answer: sqlx would not know of that transaction, and the next user of the connection would
/// be inside it. A transaction that nobody waits for any more is rolled back.
async fn begin_postgres(
    pool: &PgPool,
    statement: &'static str,
) -> Result<sqlx::Transaction<'static, Postgres>, StoreError> {
    let connection = pool.acquire().await?;
    let begun = tokio::spawn(sqlx::Transaction::begin(
        connection,
        Some(statement.into_sql_str()),
    ));
    // A task fails only when the runtime ends, and with it this store.
    Ok(begun.await.map_err(|_| sqlx::Error::PoolClosed)??)
}

/// An acknowledgement means "on disk": a server that answers before that is refused.
async fn refuse_forgetful_postgres(pool: &PgPool) -> Result<(), StoreError> {
    let fsync: String = sqlx::query_scalar(sql::SHOW_FSYNC).fetch_one(pool).await?;
    let commit: String = sqlx::query_scalar(sql::SHOW_SYNCHRONOUS_COMMIT)
        .fetch_one(pool)
        .await?;
    for (setting, value) in [("fsync", fsync), ("synchronous_commit", commit)] {
        if value == "off" {
            return Err(StoreError::Unsafe(format!(
                "PostgreSQL runs with {setting} = off and would lose acknowledged records: \
                 set {setting} = on for this server, database and role"
            )));
        }
    }
    Ok(())
}
