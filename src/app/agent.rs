//! Puts an agent together, runs it, and stops it in order.

use std::fs::{File, OpenOptions, TryLockError};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::drain::Running;
use super::own_identity;
use crate::agent::OWN_NODE;
use crate::agent::bundle::Bundles;
use crate::agent::card::{CARD_FILE, Cards};
use crate::agent::drop_folder::DropFolder;
use crate::agent::file::mapping::{Mapping, read_mapping};
use crate::agent::follower::Follower;
use crate::agent::http::token::Token;
use crate::agent::http::{self as http_port, HttpPort};
use crate::agent::intake::Intake;
use crate::agent::keeper::{Keeper, KeeperLimits, Keeping};
use crate::agent::overview::{Lines, Overseen};
use crate::agent::sender::{Bulk, Sender};
use crate::config::AgentConfig;
use crate::domain::clock::Clock;
use crate::domain::record::Lane;
use crate::grpc::agent_server::{self, AgentIngest};
use crate::grpc::card_client::CardClient;
use crate::grpc::convert::ContractCodec;
use crate::grpc::feed_client::FeedClient;
use crate::grpc::push_client::PushClient;
use crate::grpc::upload_client::UploadClient;
use crate::grpc::{connector, listener};
use crate::observability::metrics::Metrics;
use crate::security::directory::write_private;
use crate::security::live::LiveIdentity;
use crate::security::seal::SealKey;
use crate::store::{AgentStore, AgentStoreOptions};
use crate::sync::ingest::Examiner;
use crate::sync::sealing::prove_key;
use crate::sync::signals::Signal;

/// How long stopping may take.
const DRAIN_SECONDS_MAX: u64 = 10;

/// An agent that is ready to run.
pub struct AgentApp {
    config: AgentConfig,
    identity: Arc<LiveIdentity>,
    store: AgentStore,
    key: Arc<SealKey>,
    clock: Arc<dyn Clock>,
    connections: TcpListener,
    http: TcpListener,
    token: Token,
    /// How dropped files are read.
    mapping: Mapping,
    /// Held for as long as the process lives: a second agent on this database is refused.
    _lock: File,
}

impl AgentApp {
    /// Reads or makes keys, opens the database and binds the ports: everything that can fail at the start.
    pub async fn prepare(config: AgentConfig, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        let identity = own_identity(&config.identity.directory, &config.agent.name, "agent")?;
        let lock = lock(&config.store.path).context("store.path")?;
        let key = read_or_make_key(&config).context("sealing.key_file")?;
        let options = AgentStoreOptions {
            path: config.store.path.clone(),
            bytes_max: config.store.bytes_max,
        };
        let store = AgentStore::open(&options).await.context("store.path")?;
        prove_key(store.as_store(), &key)
            .await
            .context("sealing.key_file")?;
        let mapping = prepare_drop_folder(&config)?;
        let connections = TcpListener::bind(config.grpc.address)
            .await
            .context("grpc.address")?;
        let http = TcpListener::bind(config.http.address)
            .await
            .context("http.address")?;
        let token = Token::read_or_make(&config.http.token_file).context("http.token_file")?;
        Ok(Self {
            config,
            identity,
            store,
            key: Arc::new(key),
            clock,
            connections,
            http,
            token,
            mapping,
            _lock: lock,
        })
    }

    /// Where the agent takes records over gRPC.
    pub fn grpc_address(&self) -> std::io::Result<SocketAddr> {
        self.connections.local_addr()
    }

    /// Runs until `stop` is cancelled; then answers what it has read, and ends.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let (kept, limits) = (Arc::new(Signal::default()), self.limits());
        let (keeper, keeping) = Keeper::new(
            self.store.clone(),
            Arc::clone(&self.clock),
            Arc::clone(&kept),
            Arc::clone(&self.key),
            limits,
        );
        let lines = Lines::default();
        let intake = Intake {
            examiner: Arc::new(self.examiner()),
            keeper,
        };
        let mut parts = JoinSet::new();
        self.start_lines(&mut parts, &kept, &lines, &stop)?;
        self.start_drop_folder(&mut parts, &intake, &stop);
        let address = self.grpc_address()?;
        tracing::info!(agent.name = %self.config.agent.name, agent.grpc = %address, "The agent is ready");
        self.serve(intake, keeping, lines, parts, stop).await
    }

    fn limits(&self) -> KeeperLimits {
        KeeperLimits {
            records_max: self.config.store.records_max,
            bytes_max: self.config.store.bytes_max,
        }
    }

    fn overseen(&self, lines: Lines) -> Overseen {
        Overseen {
            name: self.config.agent.name.clone(),
            hub: self.config.hub.url.clone(),
            store: self.store.clone(),
            key: Arc::clone(&self.key),
            territory: Arc::new(self.config.territory()),
            limits: self.limits(),
            lines,
            clock: Arc::clone(&self.clock),
        }
    }

    fn cards(&self) -> Cards {
        let uri: Option<http::Uri> = self.config.hub.url.parse().ok();
        let host = uri.as_ref().and_then(http::Uri::host).unwrap_or_default();
        Cards {
            store: self.store.clone(),
            identity: Arc::clone(&self.identity),
            host: host.to_owned(),
            file: self.config.identity.directory.join(CARD_FILE),
            clock: Arc::clone(&self.clock),
        }
    }

    fn bundles(&self) -> Bundles {
        Bundles {
            store: self.store.clone(),
            key: Arc::clone(&self.key),
            identity: Arc::clone(&self.identity),
            cards: self.cards(),
            node: self.config.agent.name.clone(),
            clock: Arc::clone(&self.clock),
            fresh_id: Uuid::now_v7,
        }
    }

    fn examiner(&self) -> Examiner {
        Examiner {
            node: OWN_NODE,
            territory: Arc::new(self.config.territory()),
            units: Arc::default(),
            codec: Arc::new(ContractCodec),
            key: Arc::clone(&self.key),
            clock: Arc::clone(&self.clock),
        }
    }

    fn start_drop_folder(
        &self,
        parts: &mut JoinSet<()>,
        intake: &Intake,
        stop: &CancellationToken,
    ) {
        if let Some(section) = &self.config.drop {
            let (mapping, intake) = (self.mapping.clone(), intake.clone());
            let folder = DropFolder::new(&section.folder, section.scheme, mapping, intake);
            parts.spawn(folder.run(stop.clone()));
        }
    }

    /// Starts what talks to the hub: a sender for each lane on a line of its own, and the follower.
    fn start_lines(
        &self,
        parts: &mut JoinSet<()>,
        kept: &Arc<Signal>,
        lines: &Lines,
        stop: &CancellationToken,
    ) -> anyhow::Result<()> {
        let line = || {
            let identity = Arc::clone(&self.identity);
            connector::line(&self.config.hub.url, identity).context("hub.url")
        };
        for (lane, health) in [
            (Lane::Urgent, &lines.urgent),
            (Lane::Routine, &lines.routine),
        ] {
            let line = line()?;
            let bulk = match lane {
                Lane::Routine => self.config.own_unit().map(|unit| {
                    // The sender itself decides when to try again.
                    let client = UploadClient::new(line.clone(), 1);
                    Bulk::new(self.store.clone(), Arc::clone(&self.key), client, unit)
                }),
                Lane::Urgent => None,
            };
            let sender = Sender {
                store: self.store.clone(),
                key: Arc::clone(&self.key),
                clock: Arc::clone(&self.clock),
                kept: Arc::clone(kept),
                lane,
                upward: PushClient::new(line),
                bulk,
                line: Arc::clone(health),
                chance: rand::random,
            };
            parts.spawn(sender.run(stop.clone()));
        }
        let feed_line = line()?;
        let follower = Follower {
            store: self.store.clone(),
            clock: Arc::clone(&self.clock),
            kept: Arc::clone(kept),
            feed: FeedClient::new(feed_line.clone()),
            line: Arc::clone(&lines.feed),
            chance: rand::random,
        };
        parts.spawn(follower.run(stop.clone()));
        let client = CardClient::new(feed_line);
        let fetching = self.cards().fetch(client, stop.clone(), rand::random);
        parts.spawn(fetching);
        Ok(())
    }

    /// Serves until `stop`.
    async fn serve(
        self,
        intake: Intake,
        keeping: Keeping,
        lines: Lines,
        mut parts: JoinSet<()>,
        stop: CancellationToken,
    ) -> anyhow::Result<()> {
        let (overseen, bundles) = (self.overseen(lines), self.bundles());
        let keeping = tokio::spawn(keeping.run());
        let metrics = Arc::new(Metrics::default());
        parts.spawn(Arc::clone(&self.identity).follow(stop.clone()));
        // Ends after the server was told to stop, as a hub's connections do.
        let told = CancellationToken::new();
        let connections = listener::accept(self.connections, self.identity, metrics, told.clone())?;
        let service = AgentIngest {
            name: self.config.agent.name.clone(),
            examiner: Arc::clone(&intake.examiner),
            log: intake.keeper.clone(),
            stop: stop.clone(),
        };
        let port = HttpPort {
            intake,
            overseen,
            bundles,
            token: self.token,
        };
        parts.spawn(http_port::serve(self.http, Arc::new(port), stop.clone()));
        let stopping = stop.clone();
        let announce = async move {
            stopping.cancelled().await;
            told.cancel();
        };
        let serving = tokio::spawn(async move {
            agent_server::serve(service, connections, announce).await?;
            anyhow::Ok(())
        });
        let running = Running {
            name: "agent",
            serving,
            parts,
            workers: stop.clone(),
            drain_time: Duration::from_secs(DRAIN_SECONDS_MAX),
        };
        // The keeper ends last: what was read is still kept.
        let store = self.store;
        let last = async move {
            keeping.await?;
            store.close().await;
            Ok(())
        };
        running.until(stop, last).await
    }
}

/// Makes the watched folder and reads how its files are to be read.
fn prepare_drop_folder(config: &AgentConfig) -> anyhow::Result<Mapping> {
    let Some(drop) = &config.drop else {
        return Ok(Mapping::default());
    };
    DropFolder::make(&drop.folder).context("drop.folder")?;
    let Some(path) = &drop.mapping else {
        return Ok(Mapping::default());
    };
    let mapping = read_mapping(path).context("drop.mapping")?;
    mapping.context("drop.mapping")
}

/// One agent for one database: two would send each other's records and give the same versions.
fn lock(database: &Path) -> anyhow::Result<File> {
    let path = database.with_extension("lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .with_context(|| path.display().to_string())?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => anyhow::bail!(
            "another agent runs on {}: stop it, or give this one a database of its own",
            database.display()
        ),
        Err(TryLockError::Error(error)) => Err(error).with_context(|| path.display().to_string()),
    }
}

/// The sealing key; made at the first start, and never beside a database that is there already.
fn read_or_make_key(config: &AgentConfig) -> anyhow::Result<SealKey> {
    let path = &config.sealing.key_file;
    if !path.exists() {
        anyhow::ensure!(
            !config.store.path.exists(),
            "{} is missing and the database is there: put the key back, \
             without it nothing in the database can be read",
            path.display()
        );
        write_private(path, &SealKey::generate()?)?;
    }
    Ok(SealKey::from_file(path)?)
}
