//! A hub without its network whose model is changed: what the tests of a re-link do to it, and what they
//! compare.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use childsync::domain::clock::{Clock, SystemClock};
use childsync::domain::draft::ChildDraft;
use childsync::domain::pair::{Pair, Verdict};
use childsync::linkage::model::Model;
use childsync::store::RelinkProgress;
use childsync::sync::models::{Choice, ModelsInUse};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::gate::{GatedCodec, MARK};
use crate::support::database::Engine;
use crate::support::eventually;
use crate::support::pipeline::{Picture, Pipeline, Said};
use crate::support::records::{child, numbered_child};

pub(super) const NODES: usize = 3;
const GATEKEEPER: u128 = 99;

/// The shipped model with other thresholds and a smaller crowd.
pub(crate) fn other_model(link: &str, review: &str, crowd: &str) -> String {
    let shipped = Model::shipped().expect("the shipped model");
    let figures = [
        ("link", link),
        ("review", review),
        ("veto", "-10.0"),
        ("crowd", crowd),
    ];
    with_figures(shipped.text(), &figures)
}

/// A model's text with other figures in the lines of these keys, each of which it must have.
pub(crate) fn with_figures(text: &str, figures: &[(&str, &str)]) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for (key, figure) in figures {
        let start = format!("{key} = ");
        let mut found = lines.iter_mut().filter(|line| line.starts_with(&start));
        let line = found.next().expect("the model has the key");
        *line = format!("{start}{figure}");
    }
    lines.join("\n")
}

pub(super) fn strict() -> String {
    other_model("13.0", "9.0", "4")
}

/// A model that links nothing but what stewards put together.
pub(super) fn never() -> String {
    with_figures(
        &other_model("1000.0", "-4.5", "40"),
        &[("same_node", "1000.0")],
    )
}

pub(super) fn lenient() -> String {
    other_model("-3.0", "-9.0", "250")
}

/// A reconciler that runs, and the gate in which it can be held while it reads for another index.
pub(super) struct Running {
    pub(super) gate: Arc<GatedCodec>,
    pub(super) stop: CancellationToken,
    pub(super) run: JoinHandle<()>,
}

impl Running {
    pub(super) fn start(pipeline: &Pipeline) -> Self {
        let gate = Arc::new(GatedCodec::default());
        let owner = uuid::Uuid::now_v7().to_string();
        let lease = Duration::from_mins(1);
        let mut reconciler = pipeline.reconciler(&owner, Arc::new(SystemClock), lease, 7);
        reconciler.codec = Arc::<GatedCodec>::clone(&gate);
        let stop = CancellationToken::new();
        let run = tokio::spawn(reconciler.run(stop.clone()));
        Self { gate, stop, run }
    }

    pub(super) async fn stop(self) {
        self.stop.cancel();
        self.run.await.expect("no panic");
    }
}

pub(super) async fn put_in_use(pipeline: &Pipeline, text: &str) {
    let choice = Choice::Text(text.to_owned());
    let used = pipeline
        .models()
        .put_in_use(choice, None, "an", SystemClock.now())
        .await;
    assert!(used.expect("put in use").1, "it is another one");
    pipeline.wake();
}

pub(super) async fn progress(pipeline: &Pipeline) -> RelinkProgress {
    let mut reading = pipeline.store.read().await.expect("a transaction");
    reading.read_relink_progress().await.expect("the progress")
}

/// Waits until everything is linked by the model of a number.
pub(super) async fn linked_by(pipeline: &Pipeline, number: i64) {
    let done = RelinkProgress {
        linked_model: number,
        ..RelinkProgress::default()
    };
    eventually("everything is linked by the model in use", || async {
        progress(pipeline).await == done
    })
    .await;
}

pub(super) async fn decide(pipeline: &Pipeline, pair: Pair, verdict: Verdict) {
    let mut transaction = pipeline.store.write().await.expect("a transaction");
    let decided = transaction
        .append_decisions(&[pair], Some(verdict), "an", SystemClock.now())
        .await;
    let number = decided.expect("decided")[0];
    transaction.commit().await.expect("committed");
    pipeline.wake();
    eventually("the decision is followed", || async {
        let mut reading = pipeline.store.read().await.expect("a transaction");
        reading
            .read_counter("decision_done")
            .await
            .expect("a counter")
            == number
    })
    .await;
}

pub(super) fn gatekeeper() -> Said {
    Said {
        node: 0,
        record: GATEKEEPER,
        version: 1,
        draft: Some(ChildDraft {
            full_name: "Nguyễn Thị Gác Cổng".into(),
            village: MARK.into(),
            ..child()
        }),
        related: Vec::new(),
    }
}

/// A version of a record whose child has this name and the number of this order.
pub(super) fn say(node: usize, record: u128, version: u64, name: &str, number: u32) -> Said {
    Said {
        node,
        record,
        version,
        draft: Some(ChildDraft {
            full_name: name.into(),
            ..numbered_child(number)
        }),
        related: Vec::new(),
    }
}

pub(super) type Seen = (Picture, BTreeMap<Pair, i32>);

pub(super) async fn seen(pipeline: &Pipeline) -> Seen {
    (pipeline.picture().await, pipeline.reviews().await)
}

/// What a hub shows that had the model from the start.
pub(super) async fn from_the_start(
    engine: Engine,
    model: &str,
    said: &[Said],
    decisions: &[(Pair, Verdict)],
) -> Seen {
    let mut pipeline = Pipeline::new(engine, NODES).await;
    let model = Model::parse(model).expect("a model");
    pipeline.models = Arc::new(ModelsInUse::new(Some(model)).expect("models"));
    let running = Running::start(&pipeline);
    pipeline.submit(said).await;
    pipeline.settled().await;
    for (pair, verdict) in decisions {
        decide(&pipeline, *pair, *verdict).await;
    }
    let seen = seen(&pipeline).await;
    running.stop().await;
    seen
}

/// The new index has read every record and is held at the gate: what is written from here on it cannot
/// have seen.
pub(super) async fn held_at_the_gate(pipeline: &Pipeline, running: &Running, model: &str) {
    running.gate.close();
    put_in_use(pipeline, model).await;
    eventually("the new index is read", || async {
        running.gate.is_somebody_waiting()
    })
    .await;
}
