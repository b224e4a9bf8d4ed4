//! A forwarder by itself, over the database of a hub that has no upstream of its own.

use std::sync::Arc;
use std::time::Duration;

use childsync::domain::clock::{Clock, SystemClock};
use childsync::domain::golden::GoldenId;
use childsync::domain::node::NodeName;
use childsync::domain::policy::Policy;
use childsync::domain::record::Lane;
use childsync::grpc::batch_file::EvidenceWriter;
use childsync::grpc::forwarded::PolicyForm;
use childsync::grpc::hub_upstream::HubUpstream;
use childsync::observability::metrics::Metrics;
use childsync::security::directory::IdentityDirectory;
use childsync::security::live::LiveIdentity;
use childsync::security::seal::SealKey;
use childsync::store::{LeaseName, Store};
use childsync::sync::forward::{Forwarder, Gate, Upstream};
use childsync::sync::forwarded::ForwardedForm;
use childsync::sync::leadership::Leadership;
use childsync::sync::signals::Signals;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::database::{Database, Engine};
use super::hub::{HubOptions, TestHub};
use super::pki::Pki;
use super::records::{change, numbered_child};

/// How long a silent upstream is waited for here.
pub(crate) const PATIENCE: Duration = Duration::from_millis(400);

/// A hub that forwards nothing by itself, whose records somebody forwards for it.
pub(crate) struct Province {
    pub(crate) hub: TestHub,
    pub(crate) store: Store,
    key: Arc<SealKey>,
    form: Arc<PolicyForm>,
}

impl Province {
    pub(crate) async fn with_children(pki: &Arc<Pki>, engine: Engine, children: u32) -> Self {
        let database = Arc::new(Database::new(engine).await);
        let options = HubOptions::province();
        let hub = TestHub::start(Arc::clone(pki), Arc::clone(&database), options).await;
        hub.register("commune", "GSO_PRE2025:30742").await;
        let changes = (1..=children).map(|at| change(at.into(), 1, numbered_child(at)));
        hub.push(changes.collect()).await;
        hub.settled().await;
        let key = SealKey::from_file(&pki.path().join("province-seal.key")).expect("its key");
        let store = database.open().await;
        let form = Arc::new(PolicyForm::new(Policy::default(), None).expect("a policy"));
        note_formed(&store, form.digest()).await;
        Self {
            store,
            key: Arc::new(key),
            form,
            hub,
        }
    }

    /// The line of the province to a hub.
    pub(crate) fn line(&self, url: &str) -> HubUpstream {
        let identity = LiveIdentity::read(&self.hub.pki.node("province")).expect("an identity");
        HubUpstream::new(url, Arc::new(identity), PATIENCE, Arc::new(SystemClock)).expect("a line")
    }

    /// Forwards the routine lane until it is told to stop, or until it is dropped as by a crash.
    pub(crate) fn forward<U: Upstream + Sync + 'static>(
        &self,
        upstream: U,
        stop: CancellationToken,
    ) -> JoinHandle<()> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let forwarder = Forwarder {
            store: self.store.clone(),
            key: Arc::clone(&self.key),
            form: Arc::<PolicyForm>::clone(&self.form),
            clock: Arc::clone(&clock),
            signals: Arc::new(Signals::default()),
            metrics: Arc::new(Metrics::default()),
            // The same owner again, as if the lease of the one that crashed had run out.
            leadership: Leadership::new(
                self.store.clone(),
                clock,
                LeaseName::Forwarder,
                "test".into(),
                Duration::from_mins(1),
            ),
            lane: Lane::Routine,
            gate: Gate::Open,
            upstream,
            manifests: Arc::new(writer(&self.hub.pki.directory("province"), "province")),
            fresh_id: Uuid::now_v7,
            batch_records: 4_000,
            chance: || 0.0,
        };
        tokio::spawn(forwarder.run(stop))
    }

    /// How many changes the upstream has receipted.
    pub(crate) async fn position(&self) -> i64 {
        let mut reading = self.store.read().await.expect("a transaction");
        let position = reading.forward_position(Lane::Routine).await;
        position.expect("a position")
    }

    pub(crate) async fn stop(self) {
        self.store.close().await;
        self.hub.stop().await;
    }
}

/// The usual policy leaves all of these children as they are, so that nothing has to be formed anew.
async fn note_formed(store: &Store, digest: [u8; 32]) {
    let mut transaction = store.write().await.expect("a transaction");
    for lane in Lane::ALL {
        let begun = transaction.begin_forward_policy(lane, digest).await;
        begun.expect("begun");
        let from = GoldenId::new(Uuid::nil());
        let moved = transaction
            .move_forward_policy(lane, from, from, true)
            .await;
        moved.expect("done");
    }
    transaction.commit().await.expect("committed");
}

/// Who signs in the name of a hub.
pub(crate) fn writer(directory: &IdentityDirectory, hub: &str) -> EvidenceWriter {
    EvidenceWriter {
        hub: hub.parse::<NodeName>().expect("a name"),
        signer: directory.signer.clone().expect("a hub signs"),
    }
}

/// The nation on a fresh database, with the province registered.
pub(crate) async fn nation(pki: &Arc<Pki>, engine: Engine, port: u16) -> TestHub {
    let options = HubOptions {
        name: "nation",
        port,
        ..HubOptions::province()
    };
    let database = Arc::new(Database::new(engine).await);
    let nation = TestHub::start(Arc::clone(pki), database, options).await;
    nation.register("province", "GSO_PRE2025:91").await;
    nation
}
