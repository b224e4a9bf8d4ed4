//! A hub without its network: ingest, log, reconciler and a real store, step by step.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use childsync::domain::clock::{Clock, SystemClock};
use childsync::domain::draft::ChildDraft;
use childsync::domain::golden::GoldenId;
use childsync::domain::node::NodeId;
use childsync::domain::pair::Pair;
use childsync::domain::record::{Lane, RecordId, RecordKey, RecordKind, TombstoneReason};
use childsync::domain::territory::Territory;
use childsync::grpc::convert::{ContractCodec, read_child, write_child};
use childsync::observability::metrics::Metrics;
use childsync::security::seal::SealKey;
use childsync::store::{GoldenState, LeaseName, SourceState, Store};
use childsync::sync::ingest::{
    Examiner, GroupCommit, GroupCommitOptions, IncomingBody, IncomingChange, Settled,
};
use childsync::sync::leadership::Leadership;
use childsync::sync::models::{Models, ModelsInUse};
use childsync::sync::reconcile::Reconciler;
use childsync::sync::sealing::open_golden;
use childsync::sync::signals::Signals;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::database::{Database, Engine};
use super::eventually;
use super::hub::SEAL_KEY;
use super::records::id;

/// One thing that a node says: a version of a record, or that it is withdrawn.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) node: usize,
    pub(crate) record: u128,
    pub(crate) version: u64,
    pub(crate) draft: Option<ChildDraft>,
    /// Records of the node that are said to be other children; of a withdrawn record, the one in whose
    /// favour it is.
    pub(crate) related: Vec<u128>,
}

/// Which records belong together and what each group says: everything that must not depend on the
/// order in which it was said. Golden identities are left out, because they do depend on it.
pub(crate) type Picture = BTreeMap<BTreeSet<RecordKey>, Vec<u8>>;

/// A store with what writes to it.
pub(crate) struct Pipeline {
    pub(crate) store: Store,
    nodes: Vec<NodeId>,
    /// Knows the model that its reconcilers link by.
    pub(crate) models: Arc<ModelsInUse>,
    log: GroupCommit,
    signals: Arc<Signals>,
    metrics: Arc<Metrics>,
    _database: Database,
}

impl Pipeline {
    /// A pipeline with this many nodes of Kiên Giang.
    pub(crate) async fn new(engine: Engine, nodes: usize) -> Self {
        let database = Database::new(engine).await;
        let store = database.open().await;
        let (signals, metrics) = (Arc::new(Signals::default()), Arc::new(Metrics::default()));
        let (log, committer) = GroupCommit::new(
            store.clone(),
            Arc::new(SystemClock),
            Arc::clone(&signals),
            Arc::clone(&metrics),
            GroupCommitOptions { records_max: 100 },
        );
        tokio::spawn(committer.run());
        let mut transaction = store.write().await.expect("a transaction");
        let unit = "GSO_PRE2025:91".parse().expect("a unit");
        let territory = Territory::new(vec![unit]);
        for node in 1..=nodes {
            let name = format!("node-{node}").parse().expect("a name");
            let now = SystemClock.now();
            let registered = transaction
                .register_node(&name, &unit, &territory, now)
                .await;
            registered.expect("registered");
        }
        transaction.commit().await.expect("committed");
        let nodes = (1..).take(nodes).map(NodeId::new).collect();
        Self {
            store,
            nodes,
            models: Arc::new(ModelsInUse::new(None).expect("the shipped model")),
            log,
            signals,
            metrics,
            _database: database,
        }
    }

    /// Submits all of it, each record as a request of its own, in order.
    pub(crate) async fn submit(&self, said: &[Said]) -> Vec<Settled> {
        let mut settled = Vec::new();
        for one in said {
            settled.extend(self.submit_together(std::slice::from_ref(one)).await);
        }
        settled
    }

    /// Submits all of it as one request for each node.
    pub(crate) async fn submit_together(&self, said: &[Said]) -> Vec<Settled> {
        let mut requests: BTreeMap<NodeId, Vec<_>> = BTreeMap::new();
        for one in said {
            let node = self.nodes[one.node];
            let examined = examiner(node).examine(incoming(one)).expect("examined");
            requests.entry(node).or_default().push(examined);
        }
        let mut settled = Vec::new();
        for (node, request) in requests {
            settled.extend(self.log.append(node, request).await.expect("appended"));
        }
        settled
    }

    /// A reconciler that has not started.
    pub(crate) fn reconciler(
        &self,
        owner: &str,
        clock: Arc<dyn Clock>,
        lease: Duration,
        slice_records: u32,
    ) -> Reconciler {
        let (store, name) = (self.store.clone(), LeaseName::Reconciler);
        Reconciler {
            leadership: Leadership::new(store, Arc::clone(&clock), name, owner.into(), lease),
            store: self.store.clone(),
            codec: Arc::new(ContractCodec),
            forms: None,
            key: Arc::new(SealKey::new(&SEAL_KEY).expect("a key")),
            clock,
            signals: Arc::clone(&self.signals),
            metrics: Arc::clone(&self.metrics),
            models: Arc::clone(&self.models),
            units: Arc::default(),
            fresh_id: Uuid::now_v7,
            slice_records,
        }
    }

    /// Runs a reconciler from its start until it has read the whole log.
    pub(crate) async fn reconcile(&self, slice_records: u32) {
        let owner = Uuid::now_v7().to_string();
        let lease = Duration::from_mins(1);
        let reconciler = self.reconciler(&owner, Arc::new(SystemClock), lease, slice_records);
        let stop = CancellationToken::new();
        let running = tokio::spawn(reconciler.run(stop.clone()));
        self.settled().await;
        stop.cancel();
        running.await.expect("no panic");
    }

    /// Waits until the routine lane has been read to its end.
    pub(crate) async fn settled(&self) {
        eventually("the log is read to its end", || async {
            let mut reading = self.store.read().await.expect("a transaction");
            let position = reading
                .log_position(Lane::Routine)
                .await
                .expect("a position");
            reading
                .count_waiting(Lane::Routine, position)
                .await
                .expect("a count")
                == 0
        })
        .await;
    }

    /// The models that operators put in use.
    pub(crate) fn models(&self) -> Models {
        Models {
            store: self.store.clone(),
            codec: Arc::new(ContractCodec),
            key: Arc::new(SealKey::new(&SEAL_KEY).expect("a key")),
            in_use: Arc::clone(&self.models),
        }
    }

    /// Wakes the reconciler, as a service does that has written something for it.
    pub(crate) fn wake(&self) {
        self.signals.log.call();
    }

    /// The key of a record.
    pub(crate) fn key(&self, node: usize, record: u128) -> RecordKey {
        RecordKey {
            node: self.nodes[node],
            kind: RecordKind::Child,
            record_id: RecordId::new(id(record)),
        }
    }

    /// Every pair that waits for a steward, with its score.
    pub(crate) async fn reviews(&self) -> BTreeMap<Pair, i32> {
        let mut reading = self.store.read().await.expect("a transaction");
        let rows = reading.scan_reviews(None, i64::MAX).await.expect("reviews");
        rows.into_iter()
            .map(|row| (row.pair, row.centibits))
            .collect()
    }

    /// Every live golden record with its members and its content.
    pub(crate) async fn picture(&self) -> Picture {
        let mut members: BTreeMap<GoldenId, BTreeSet<RecordKey>> = BTreeMap::new();
        let mut reading = self.store.read().await.expect("a transaction");
        for node in &self.nodes {
            for row in reading.read_feed(*node, 0, i64::MAX).await.expect("a feed") {
                if row.state == Some(SourceState::Live) {
                    let record_id = RecordId::new(row.record_id.as_uuid());
                    let key = RecordKey {
                        node: *node,
                        kind: row.kind,
                        record_id,
                    };
                    members
                        .entry(row.golden_id.expect("linked"))
                        .or_default()
                        .insert(key);
                }
            }
        }
        let contents = golden_contents(&self.store).await;
        assert_eq!(
            contents.keys().collect::<Vec<_>>(),
            members.keys().collect::<Vec<_>>(),
            "a golden record without sources, or the other way round"
        );
        members
            .into_iter()
            .map(|(golden, keys)| (keys, contents[&golden].clone()))
            .collect()
    }
}

/// The opened content of every live golden record of a child.
pub(crate) async fn golden_contents(store: &Store) -> BTreeMap<GoldenId, Vec<u8>> {
    let key = SealKey::new(&SEAL_KEY).expect("a key");
    let mut reading = store.read().await.expect("a transaction");
    let changes = reading
        .read_golden_changes(Lane::Routine, 0, i64::MAX, i64::MAX)
        .await;
    let live = changes
        .expect("changes")
        .into_iter()
        .filter(|row| row.state == GoldenState::Live);
    live.map(|row| {
        let opened = open_golden(&key, row.golden_id, row.version, &row.content).expect("opened");
        read_child(&opened).expect("a child record");
        (row.golden_id, opened)
    })
    .collect()
}

fn examiner(node: NodeId) -> Examiner {
    let unit = "GSO_PRE2025:91".parse().expect("a unit");
    Examiner {
        node,
        territory: Arc::new(Territory::new(vec![unit])),
        units: Arc::default(),
        codec: Arc::new(ContractCodec),
        key: Arc::new(SealKey::new(&SEAL_KEY).expect("a key")),
        clock: Arc::new(SystemClock),
    }
}

fn incoming(said: &Said) -> IncomingChange {
    let related = said.related.iter();
    let mut related: Vec<String> = related.map(|record| id(*record).to_string()).collect();
    let body = if let Some(draft) = &said.draft {
        let content = Bytes::from(write_child(draft.clone()));
        IncomingBody::Content(RecordKind::Child, content)
    } else {
        let reason = Some((RecordKind::Child, TombstoneReason::Merged));
        let successor = related.pop().unwrap_or_default();
        related.clear();
        IncomingBody::Tombstone(reason, successor)
    };
    IncomingChange {
        record_id: id(said.record).to_string(),
        version: said.version,
        body,
        different_from: related,
    }
}
