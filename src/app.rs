//! The composition root: puts a hub together, runs it, and stops it in order.
//!
//! Stopping: first no new connection and no new request; then what was read is committed and
//! acknowledged; then reconciler and forwarder finish their step and let their leases go; then the
//! database is closed. All of it within the drain time.

mod agent;
mod drain;
mod jobs;
mod upstream;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::config::{HubConfig, UpstreamSection};
use crate::domain::clock::SystemClock;
use crate::domain::node::NodeName;
use crate::grpc::convert::ContractCodec;
use crate::grpc::hub::Hub;
use crate::grpc::listener;
use crate::grpc::server;
use crate::jobs::call_when_due;
use crate::linkage::model::Model;
use crate::observability::metrics::Metrics;
use crate::observability::metrics_port;
use crate::security::identity::Identity;
use crate::security::live::LiveIdentity;
use crate::security::seal::SealKey;
use crate::store::{LeaseName, Store, StoreOptions};
use crate::sync::forwarded::Forms;
use crate::sync::ingest::{GroupCommit, GroupCommitOptions};
use crate::sync::leadership::Leadership;
use crate::sync::models::ModelsInUse;
use crate::sync::reconcile::Reconciler;
use crate::sync::sealing::prove_key;
use crate::sync::signals::Signals;
use crate::sync::units::KnownUnits;
use crate::sync::upload::UploadCommitter;
use drain::Running;

pub use agent::AgentApp;
pub use upstream::policy_without_key;

/// A hub that is ready to run.
pub struct App {
    config: HubConfig,
    identity: Arc<LiveIdentity>,
    /// What the upstream is shown: the hub's own identity, unless the configuration names another folder.
    upstream_identity: Arc<LiveIdentity>,
    hub: Arc<Hub>,
    metrics: Arc<Metrics>,
    /// What of a record goes upstream.
    forms: Forms,
    connections: TcpListener,
    metrics_listener: Option<TcpListener>,
    /// Names this process among the replicas of the hub.
    owner: Arc<str>,
}

impl App {
    /// Reads keys, opens the database and binds the ports: everything that can fail at the start.
    pub async fn prepare(config: HubConfig) -> anyhow::Result<Self> {
        let identity = own_identity(&config.identity.directory, &config.hub.name, "hub")?;
        signs(&identity).context("identity.directory")?;
        let upstream = config.upstream.as_ref();
        let upstream_identity = match upstream.and_then(|section| section.directory.as_deref()) {
            Some(folder) => Arc::new(LiveIdentity::read(folder).context("upstream.directory")?),
            None => Arc::clone(&identity),
        };
        signs(&upstream_identity).context("upstream.directory")?;
        let (store, key) = open_store(&config).await?;
        let connections = TcpListener::bind(config.listen.address)
            .await
            .context("listen.address")?;
        let metrics_listener = match config.metrics.address {
            Some(address) => Some(
                TcpListener::bind(address)
                    .await
                    .context("metrics.address")?,
            ),
            None => None,
        };
        let models = configured_models(&config)?;
        let metrics = Arc::new(Metrics::default());
        let forms = upstream::configured_forms(&config)?;
        let hub = Arc::new(Hub {
            name: config.hub.name.clone(),
            unit: config.hub.unit,
            upstream: config.upstream.as_ref().map(UpstreamSection::place),
            has_comparisons_above: config
                .upstream
                .as_ref()
                .is_some_and(UpstreamSection::is_hub),
            operators: config.operators(),
            store,
            codec: Arc::new(ContractCodec),
            key: Arc::new(key),
            models: Arc::new(models),
            units: Arc::new(KnownUnits::default()),
            upload_bytes_max: config.tuning.upload_bytes_max(),
            clock: Arc::new(SystemClock),
            signals: Arc::new(Signals::default()),
            identity: Arc::clone(&identity),
            schedules: jobs::schedules(&config),
            metrics: Arc::clone(&metrics),
            stop: CancellationToken::new(),
        });
        let owner = Uuid::now_v7().to_string().into();
        Ok(Self {
            config,
            identity,
            upstream_identity,
            hub,
            metrics,
            forms,
            connections,
            metrics_listener,
            owner,
        })
    }

    /// Where the hub listens.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.connections.local_addr()
    }

    /// Runs until `stop` is cancelled, then drains.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let address = self.address()?;
        let drain_time = self.config.tuning.drain();
        let store = self.hub.store.clone();
        let mut background = JoinSet::new();
        // Cancelled after the last request was answered, so that what was acknowledged at the very
        // end can still be reconciled by a replica that stays or at the next start.
        let workers = CancellationToken::new();
        background.spawn(Arc::clone(&self.identity).follow(workers.clone()));
        if !Arc::ptr_eq(&self.identity, &self.upstream_identity) {
            background.spawn(Arc::clone(&self.upstream_identity).follow(workers.clone()));
        }
        self.start_reconciler(&mut background, &workers);
        self.start_forwarders(&mut background, &workers)?;
        self.start_upstream_follower(&mut background, &workers)?;
        self.start_comparisons(&mut background, &workers)?;
        self.start_uploads(&mut background, &workers);
        self.start_jobs(&mut background, &workers);
        let (log, committer) = GroupCommit::new(
            store.clone(),
            Arc::clone(&self.hub.clock),
            Arc::clone(&self.hub.signals),
            Arc::clone(&self.metrics),
            GroupCommitOptions {
                records_max: usize::try_from(self.config.tuning.group_commit_records_max)?,
            },
        );
        let committing = tokio::spawn(committer.run());
        if let Some(metrics_listener) = self.metrics_listener {
            let (metrics, workers) = (Arc::clone(&self.metrics), workers.clone());
            background.spawn(metrics_port::serve(metrics_listener, metrics, workers));
        }
        // Ends after the server was told to stop and not with it: a server whose connections end first is
        // never told, and waits for every open stream until the drain time is over.
        let connections = listener::accept(
            self.connections,
            Arc::clone(&self.identity),
            Arc::clone(&self.metrics),
            self.hub.stop.clone(),
        )?;
        tracing::info!(hub.name = %self.hub.name, hub.address = %address, "The hub is ready");

        let draining = self.hub.stop.clone();
        let stopping = stop.clone();
        let announce = async move {
            stopping.cancelled().await;
            tracing::info!("The hub is stopping");
            draining.cancel();
        };
        let serving = tokio::spawn(async move {
            server::serve(self.hub, log, connections, announce).await?;
            committing.await?;
            anyhow::Ok(())
        });
        let running = Running {
            name: "hub",
            serving,
            parts: background,
            workers,
            drain_time,
        };
        let closing = async move {
            store.close().await;
            Ok(())
        };
        running.until(stop, closing).await
    }

    fn leadership(&self, name: LeaseName) -> Leadership {
        let (store, clock) = (self.hub.store.clone(), Arc::clone(&self.hub.clock));
        Leadership::new(
            store,
            clock,
            name,
            Arc::clone(&self.owner),
            self.config.tuning.lease(),
        )
    }

    fn start_reconciler(&self, background: &mut JoinSet<()>, workers: &CancellationToken) {
        let reconciler = Reconciler {
            store: self.hub.store.clone(),
            codec: Arc::clone(&self.hub.codec),
            forms: self.forms.clone(),
            key: Arc::clone(&self.hub.key),
            clock: Arc::clone(&self.hub.clock),
            signals: Arc::clone(&self.hub.signals),
            metrics: Arc::clone(&self.metrics),
            leadership: self.leadership(LeaseName::Reconciler),
            models: Arc::clone(&self.hub.models),
            units: Arc::clone(&self.hub.units),
            fresh_id: Uuid::now_v7,
            slice_records: self.config.tuning.slice_records_max,
        };
        background.spawn(reconciler.run(workers.clone()));
    }

    fn start_uploads(&self, background: &mut JoinSet<()>, workers: &CancellationToken) {
        let committer = UploadCommitter {
            store: self.hub.store.clone(),
            codec: Arc::clone(&self.hub.codec),
            key: Arc::clone(&self.hub.key),
            clock: Arc::clone(&self.hub.clock),
            signals: Arc::clone(&self.hub.signals),
            metrics: Arc::clone(&self.metrics),
            units: Arc::clone(&self.hub.units),
            leadership: self.leadership(LeaseName::Uploads),
            sweep: self.config.tuning.upload_sweep(),
        };
        background.spawn(committer.run(workers.clone()));
    }

    fn start_jobs(&self, background: &mut JoinSet<()>, workers: &CancellationToken) {
        let runner = self.job_runner();
        let (signals, stop) = (Arc::clone(&self.hub.signals), workers.clone());
        background.spawn(call_when_due(runner.schedules(), signals, stop));
        background.spawn(runner.run(workers.clone()));
    }
}

/// A hub signs what it forwards and what it receives.
fn signs(identity: &LiveIdentity) -> anyhow::Result<()> {
    let signs = identity.current().signer.is_some();
    anyhow::ensure!(
        signs,
        "signing-key.pem and signing-certificate.pem are missing, and a hub signs what it forwards and \
         receipts: make a new folder with `childsync pki issue --node NAME --host HOST`"
    );
    Ok(())
}

/// The identity folder of a hub or an agent, which must name it.
fn own_identity(folder: &Path, name: &NodeName, is: &str) -> anyhow::Result<Arc<LiveIdentity>> {
    let identity = LiveIdentity::read(folder).context("identity.directory")?;
    let named = identity.current().identity.clone();
    let own = Identity::Node(name.clone());
    anyhow::ensure!(
        named == own,
        "identity.directory: the certificate names {named} and the {is} is {own}: \
         use the {is}'s own certificate"
    );
    Ok(Arc::new(identity))
}

/// The linkage model of a file, or the one that ships with the program.
pub fn read_model(path: Option<&Path>) -> anyhow::Result<Model> {
    let Some(path) = path else {
        return Ok(Model::shipped()?);
    };
    let context = || path.display().to_string();
    let text = std::fs::read_to_string(path).with_context(context)?;
    Model::parse(&text).with_context(context)
}

/// The models of a hub, with the one of its configuration below those that operators put in use.
pub fn configured_models(config: &HubConfig) -> anyhow::Result<ModelsInUse> {
    let path = config.linkage.model_file.as_deref();
    let configured = path.map(|path| read_model(Some(path))).transpose();
    Ok(ModelsInUse::new(configured.context("linkage.model_file")?)?)
}

/// The database of a hub and the key that it is sealed with.
pub async fn open_store(config: &HubConfig) -> anyhow::Result<(Store, SealKey)> {
    let key = SealKey::from_file(&config.sealing.key_file).context("sealing.key_file")?;
    let options = StoreOptions {
        url: config.store.url.clone(),
        connections_max: config.store.connections_max,
    };
    let store = Store::open(&options).await.context("store.url")?;
    prove_key(&store, &key).await.context("sealing.key_file")?;
    Ok((store, key))
}
