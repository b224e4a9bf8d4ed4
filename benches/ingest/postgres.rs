//! The PostgreSQL server, asked directly: what it is, and how fast its `COPY` takes the same rows.

use anyhow::Context;
use futures_util::TryStreamExt;
use sqlx::{AssertSqlSafe, Connection, PgConnection, query, query_as, query_scalar};
use tokio::time::Instant;

use crate::cpu::{self, Meter};
use crate::report::Rate;

/// How often `COPY` is measured; the middle one counts.
const COPY_ROUNDS: usize = 3;
/// Bytes of one message to the server.
const MESSAGE_BYTES: usize = 64 * 1024;

/// The server that the hubs' databases are made on.
pub(crate) struct Server {
    /// How to reach it.
    pub(crate) url: String,
    /// What it is and how safely it writes.
    pub(crate) description: String,
    /// Its first process, if it runs on this machine.
    pub(crate) postmaster: Option<u32>,
}

impl Server {
    /// Asks the server what it is.
    pub(crate) async fn find(url: String) -> anyhow::Result<Self> {
        let mut connection = PgConnection::connect(&url)
            .await
            .context("the PostgreSQL server does not answer")?;
        let (version, fsync, commit): (String, String, String) = query_as(
            "SELECT CURRENT_SETTING('server_version'), CURRENT_SETTING('fsync'),
                    CURRENT_SETTING('synchronous_commit')",
        )
        .fetch_one(&mut connection)
        .await?;
        let backend: i32 = query_scalar("SELECT PG_BACKEND_PID()")
            .fetch_one(&mut connection)
            .await?;
        let postmaster = cpu::postmaster_of(backend.unsigned_abs());
        connection.close().await?;
        let description =
            format!("PostgreSQL {version} (fsync {fsync}, synchronous_commit {commit})");
        Ok(Self {
            url,
            description,
            postmaster,
        })
    }

    /// Writes everything to the tables, so that no measurement pays for the one before it.
    pub(crate) async fn checkpoint(&self) -> anyhow::Result<()> {
        let mut connection = PgConnection::connect(&self.url).await?;
        query("CHECKPOINT").execute(&mut connection).await?;
        connection.close().await?;
        Ok(())
    }

    /// Removes a hub's schema.
    pub(crate) async fn drop_schema(&self, schema: &str) -> anyhow::Result<()> {
        let mut connection = PgConnection::connect(&self.url).await?;
        let statement = AssertSqlSafe(format!("DROP SCHEMA {schema} CASCADE"));
        query(statement).execute(&mut connection).await?;
        connection.close().await?;
        Ok(())
    }

    /// Copies the submission log of a hub that was stopped into a new table with the same indexes, in
    /// one transaction, from this program's memory.
    pub(crate) async fn measure_copy(&self, schema: &str, format: Format) -> anyhow::Result<Rate> {
        let mut connection = PgConnection::connect(&self.url).await?;
        let log = read_log(&mut connection, schema, format).await?;
        let meter = Meter::new(Vec::new(), self.postmaster);
        let mut rounds = Vec::new();
        for _ in 0..COPY_ROUNDS {
            let statement = AssertSqlSafe(format!(
                "CREATE TABLE {schema}.copied (LIKE {schema}.submission INCLUDING ALL)"
            ));
            query(statement).execute(&mut connection).await?;
            self.checkpoint().await?;
            let (before, started) = (meter.read(), Instant::now());
            let rows = copy(&mut connection, schema, format, &log).await?;
            rounds.push(Rate::new(rows, started.elapsed(), meter.since(&before)));
            let statement = AssertSqlSafe(format!("DROP TABLE {schema}.copied"));
            query(statement).execute(&mut connection).await?;
        }
        connection.close().await?;
        rounds.sort_by(|one, other| one.seconds.total_cmp(&other.seconds));
        let middle = rounds.into_iter().nth(COPY_ROUNDS / 2);
        middle.context("COPY was not measured")
    }
}

/// How `COPY` writes rows: text unless asked otherwise; binary saves the server the reading of it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Format {
    Text,
    Binary,
}

impl Format {
    fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Binary => "binary",
        }
    }
}

/// The rows of the log in the order in which they came, as `COPY` writes them.
async fn read_log(
    connection: &mut PgConnection,
    schema: &str,
    format: Format,
) -> anyhow::Result<Vec<u8>> {
    let format = format.word();
    let rows = format!("SELECT * FROM {schema}.submission ORDER BY seq");
    let statement = format!("COPY ({rows}) TO STDOUT (FORMAT {format})");
    let mut rows = connection.copy_out_raw(&statement).await?;
    let mut log = Vec::new();
    while let Some(bytes) = rows.try_next().await? {
        log.extend_from_slice(&bytes);
    }
    Ok(log)
}

async fn copy(
    connection: &mut PgConnection,
    schema: &str,
    format: Format,
    log: &[u8],
) -> anyhow::Result<u64> {
    query("BEGIN").execute(&mut *connection).await?;
    let format = format.word();
    let statement = format!("COPY {schema}.copied FROM STDIN (FORMAT {format})");
    let mut copying = connection.copy_in_raw(&statement).await?;
    for message in log.chunks(MESSAGE_BYTES) {
        copying.send(message).await?;
    }
    let rows = copying.finish().await?;
    query("COMMIT").execute(&mut *connection).await?;
    Ok(rows)
}
