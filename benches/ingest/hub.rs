//! A hub as a process of its own, watched from outside.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;
use childsync::domain::unit::UnitReference;
use childsync::grpc::proto::v1::node_service_client::NodeServiceClient;
use childsync::grpc::proto::v1::status_service_client::StatusServiceClient;
use childsync::grpc::proto::v1::{GetStatusRequest, GetStatusResponse, RegisterNodeRequest};
use childsync::grpc::unit_message;
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::Instant;
use tonic::transport::Channel;

use crate::postgres::Server;
use crate::{POSTGRES_VARIABLE, progress};

/// How long a hub may take to start.
const START_SECONDS_MAX: u64 = 30;
/// How long a hub may take to stop; its own limit is 10 seconds.
const STOP_SECONDS_MAX: u64 = 15;
/// A hub looks after its lease more often than once in so many seconds.
const LEASE_SECONDS: u64 = 4;
/// A deadline that does not come, in microseconds since 1970.
const LEASE_FOR_EVER: i64 = i64::MAX;
/// How often a hub is asked how far it is.
pub(crate) const WATCH_MILLISECONDS: u64 = 20;

/// Where a hub is and who looks after it.
pub(crate) struct Place {
    pub(crate) config: PathBuf,
    pub(crate) url: String,
    pub(crate) metrics_port: u16,
    pub(crate) schema: Option<String>,
    pub(crate) operator: Channel,
}

/// A hub that runs. Killed when it is dropped.
pub(crate) struct Hub {
    process: Child,
    /// The process's id.
    pub(crate) id: u32,
    place: Place,
}

impl Hub {
    /// Starts a hub and waits until it answers.
    pub(crate) async fn start(place: Place) -> anyhow::Result<Self> {
        let log = File::create(place.config.with_extension("log"))?;
        let process = Command::new(env!("CARGO_BIN_EXE_childsync"))
            .args(["hub", "--config"])
            .arg(&place.config)
            // A variable that begins like the configuration's and is none of it would be refused.
            .env_remove(POSTGRES_VARIABLE)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()?;
        let id = process.id().context("the hub has no process")?;
        let mut hub = Self { process, id, place };
        progress(format_args!(
            "a hub runs as process {id}: {}",
            hub.place.config.display()
        ));
        hub.ready().await?;
        Ok(hub)
    }

    async fn ready(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + Duration::from_secs(START_SECONDS_MAX);
        while let Err(error) = self.status().await {
            if let Some(status) = self.process.try_wait()? {
                anyhow::bail!("a hub ended at once with {status}: {}", self.log());
            }
            if Instant::now() > deadline {
                return Err(error).context("a hub did not start");
            }
            pause().await;
        }
        Ok(())
    }

    fn log(&self) -> String {
        let log = self.place.config.with_extension("log");
        fs::read_to_string(log).unwrap_or_default()
    }

    /// The hub's address.
    pub(crate) fn url(&self) -> &str {
        &self.place.url
    }

    /// The schema that the hub's tables are in.
    pub(crate) fn schema(&self) -> Option<&str> {
        self.place.schema.as_deref()
    }

    /// Registers a node.
    pub(crate) async fn register(&self, node: &str, unit: UnitReference) -> anyhow::Result<()> {
        let request = RegisterNodeRequest {
            name: node.to_owned(),
            unit: Some(unit_message(unit)),
            territory: Vec::new(),
        };
        NodeServiceClient::new(self.place.operator.clone())
            .register_node(request)
            .await?;
        Ok(())
    }

    /// The hub's status. It counts the rows of whole tables, so it is asked for at the end only.
    pub(crate) async fn status(&self) -> anyhow::Result<GetStatusResponse> {
        let mut client = StatusServiceClient::new(self.place.operator.clone());
        let request = GetStatusRequest { with_digest: false };
        Ok(client.get_status(request).await?.into_inner())
    }

    /// Submissions that were reconciled since the hub started.
    pub(crate) async fn reconciled(&self) -> anyhow::Result<u64> {
        self.counter("childsync_reconciled_submissions_total").await
    }

    /// Golden records that the upstream has receipted since the hub started.
    pub(crate) async fn forwarded(&self) -> anyhow::Result<u64> {
        self.counter("childsync_forwarded_records_total").await
    }

    /// A counter from the metrics port: asking for it costs the hub next to nothing.
    async fn counter(&self, name: &str) -> anyhow::Result<u64> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.place.metrics_port)).await?;
        let request = "GET /metrics HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        let mut values = answer.lines().filter_map(|line| line.strip_prefix(name));
        let value = values
            .next()
            .with_context(|| format!("the hub does not count {name}"))?;
        Ok(value.trim().parse()?)
    }

    /// Gives the reconciler's lease to a replica that does nothing with it, and waits until the hub has
    /// seen that.
    pub(crate) async fn rest_reconciler(&self, server: Option<&Server>) -> anyhow::Result<()> {
        let table = self
            .schema()
            .map_or("lease".to_owned(), |schema| format!("{schema}.lease"));
        let statement = AssertSqlSafe(format!(
            "UPDATE {table} SET owner = 'nobody', token = token + 1, deadline = {LEASE_FOR_EVER}
             WHERE name = 'reconciler'"
        ));
        if let (Some(_), Some(server)) = (self.schema(), server) {
            let mut connection = PgConnection::connect(&server.url).await?;
            sqlx::query(statement).execute(&mut connection).await?;
            connection.close().await?;
        } else {
            let file = self.place.config.with_extension("db");
            let mut connection = SqliteConnection::connect(&file.display().to_string()).await?;
            sqlx::query(statement).execute(&mut connection).await?;
            connection.close().await?;
        }
        tokio::time::sleep(Duration::from_secs(LEASE_SECONDS)).await;
        Ok(())
    }

    /// Sends the hub a signal by name.
    pub(crate) async fn signal(&self, name: &str) -> anyhow::Result<()> {
        let id = self.id.to_string();
        let status = Command::new("kill")
            .args([&format!("-{name}"), &id])
            .status()
            .await?;
        anyhow::ensure!(status.success(), "the hub could not be sent {name}");
        Ok(())
    }

    /// Asks the hub to drain and waits for it. One that does not end well is told of and no more: what
    /// was measured stands. Returns what another start needs.
    pub(crate) async fn stop(mut self) -> anyhow::Result<Place> {
        self.signal("TERM").await?;
        let limit = Duration::from_secs(STOP_SECONDS_MAX);
        let Ok(status) = tokio::time::timeout(limit, self.process.wait()).await else {
            progress("a hub did not stop in time and is killed");
            self.process.kill().await?;
            return Ok(self.place);
        };
        let status = status?;
        if !status.success() {
            progress(format_args!("a hub ended with {status}: {}", self.log()));
        }
        Ok(self.place)
    }

    /// The memory that the hub's process has now.
    pub(crate) fn resident_bytes(&self) -> anyhow::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kibibytes = line.and_then(|line| line.split_whitespace().next());
        let kibibytes: u64 = kibibytes.context("the system tells no memory")?.parse()?;
        Ok(kibibytes * 1024)
    }
}

/// The wait between two looks at a hub.
pub(crate) async fn pause() {
    tokio::time::sleep(Duration::from_millis(WATCH_MILLISECONDS)).await;
}
