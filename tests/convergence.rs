//! The same submissions in any order and any repetition give the same links and golden records.

use std::sync::Arc;
use std::time::Duration;

use childsync::domain::clock::{Clock, ManualClock, SystemClock};
use childsync::domain::draft::ChildDraft;
use childsync::store::LeaseName;
use childsync::sync::signals::Signals;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::support::database::Engine;
use crate::support::eventually;
use crate::support::on_both_engines;
use crate::support::pipeline::{Pipeline, Said, golden_contents};
use crate::support::records::{child, numbered_child};

on_both_engines![
    any_order_and_repetition_gives_the_same_golden_records,
    a_replay_of_everything_changes_nothing,
    a_leader_that_was_overtaken_writes_nothing_more,
];

const NODES: usize = 3;
const WORLDS: u64 = 8;

/// A random history: every version of every record of every node, each with its own content.
pub(crate) fn history(chance: &mut StdRng) -> Vec<Said> {
    let mut said = Vec::new();
    for node in 0..NODES {
        for record in 0..5 {
            for version in 1..=chance.random_range(1..=3) {
                let draft = chance.random_bool(0.85).then(|| draft(chance, version));
                let others = (0..5).filter(|other| *other != record);
                let related = others.filter(|_| chance.random_bool(0.1)).collect();
                said.push(Said {
                    node,
                    record,
                    version,
                    draft,
                    related,
                });
            }
        }
    }
    said
}

/// One of few children, so that records of several nodes meet; the rest of the record is drawn.
fn draft(chance: &mut StdRng, version: u64) -> ChildDraft {
    let base = match chance.random_range(0..4_u32) {
        0 => child(),
        number => numbered_child(number),
    };
    ChildDraft {
        full_name: ["Danh Thị Mẫu", "Danh Thi Mau", "Thị Mẫu"][chance.random_range(0..3)].into(),
        village: format!("Ấp {version}"),
        verified_by_police: chance.random_bool(0.2),
        at_risk_codes: if chance.random_bool(0.3) {
            vec!["R01".into()]
        } else {
            Vec::new()
        },
        ..base
    }
}

async fn any_order_and_repetition_gives_the_same_golden_records(engine: Engine) {
    for seed in 0..WORLDS {
        let mut chance = StdRng::seed_from_u64(seed);
        let said = history(&mut chance);
        let straight = Pipeline::new(engine, NODES).await;
        straight.submit(&said).await;
        straight.reconcile(1_000).await;

        let mut shuffled = said.clone();
        shuffled.extend(said.iter().filter(|_| chance.random_bool(0.5)).cloned());
        shuffled.shuffle(&mut chance);
        let crooked = Pipeline::new(engine, NODES).await;
        let (first, second) = shuffled.split_at(chance.random_range(0..shuffled.len()));
        for part in [first, second] {
            crooked.submit(part).await;
            crooked.reconcile(chance.random_range(1..=4)).await;
        }

        assert_eq!(
            straight.picture().await,
            crooked.picture().await,
            "seed {seed}"
        );
    }
}

async fn a_replay_of_everything_changes_nothing(engine: Engine) {
    let said = history(&mut StdRng::seed_from_u64(42));
    let pipeline = Pipeline::new(engine, NODES).await;
    pipeline.submit(&said).await;
    pipeline.reconcile(3).await;
    let before = counters(&pipeline).await;

    pipeline.submit(&said).await;
    pipeline.reconcile(3).await;

    assert_eq!(counters(&pipeline).await, before);
}

async fn counters(pipeline: &Pipeline) -> [i64; 3] {
    let mut reading = pipeline.store.read().await.expect("a transaction");
    let mut counters = [0; 3];
    for (counter, name) in counters.iter_mut().zip(["log", "change", "feed"]) {
        *counter = reading.read_counter(name).await.expect("a counter");
    }
    counters
}

/// Names golden records so that it can be seen who made them.
fn named_by_the_old_leader() -> Uuid {
    let mut bytes = *Uuid::now_v7().as_bytes();
    bytes[0] = OLD_LEADER;
    Uuid::from_bytes(bytes)
}

const OLD_LEADER: u8 = 0xaa;

/// The old leader still believes in its lease, is awake first, and has a record to reconcile: only the
/// fencing token can stop it.
async fn a_leader_that_was_overtaken_writes_nothing_more(engine: Engine) {
    let pipeline = Pipeline::new(engine, 1).await;
    let lease = Duration::from_mins(10);
    let stop = CancellationToken::new();
    let mut old = pipeline.reconciler("old", Arc::new(SystemClock), lease, 100);
    old.fresh_id = named_by_the_old_leader;
    let old = tokio::spawn(old.run(stop.clone()));
    let say = |record| Said {
        node: 0,
        record,
        version: 1,
        draft: Some(child()),
        related: Vec::new(),
    };
    pipeline.submit(&[say(1)]).await;
    pipeline.settled().await;

    let later = SystemClock.now().plus(Duration::from_hours(1));
    let mut new = pipeline.reconciler("new", Arc::new(ManualClock::at(later)), lease, 100);
    // It hears nothing and looks by itself once a second: the old leader is always the first.
    new.signals = Arc::new(Signals::default());
    let new = tokio::spawn(new.run(stop.clone()));
    eventually("the new leader leads", || async {
        let mut reading = pipeline.store.read().await.expect("a transaction");
        reading
            .read_lease(LeaseName::Reconciler)
            .await
            .expect("a lease")
            .token
            == 2
    })
    .await;
    pipeline.submit(&[say(2)]).await;
    pipeline.settled().await;

    let golden = golden_contents(&pipeline.store).await;
    let made_by_the_old = golden
        .keys()
        .filter(|id| id.as_uuid().as_bytes()[0] == OLD_LEADER)
        .count();
    assert_eq!((golden.len(), made_by_the_old), (2, 1));
    stop.cancel();
    old.await.expect("no panic");
    new.await.expect("no panic");
}
