//! Kills while records are moved, and records that come in beside it: each is moved, once.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use childsync::domain::clock::{Clock, SystemClock};
use childsync::domain::draft::ChildDraft;
use childsync::domain::unit_act::UnitAct;
use childsync::grpc::connector;
use childsync::grpc::convert::read_child;
use childsync::grpc::proto::v1;
use childsync::grpc::push_client::PushClient;
use childsync::security::live::LiveIdentity;
use childsync::store::Store;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

use crate::relink::gate::{GatedCodec, MARK};
use crate::support::database::{Database, Engine};
use crate::support::hub::{HubOptions, register};
use crate::support::pipeline::{Pipeline, Said, golden_contents};
use crate::support::pki::Pki;
use crate::support::process::HubProcess;
use crate::support::records::{change, numbered_child};
use crate::support::units::{Client, REFORM, act, apply};
use crate::support::{
    eventually, fault_rounds, on_both_engines, random_moment, until_acknowledged,
};

on_both_engines![
    a_leader_that_dies_in_the_middle_of_an_act_leaves_its_place_to_the_next,
    kills_while_records_are_moved_leave_none_behind_and_move_none_twice,
];

/// More than a leader looks at in one transaction.
const RECORDS: u128 = 1_500;

/// The record that comes last in its village is the one that the leader dies of.
fn said(record: u128) -> Said {
    let number = u32::try_from(record).expect("small");
    let village = if record == RECORDS {
        MARK
    } else {
        "Ấp Mẫu"
    };
    Said {
        node: 0,
        record,
        version: 1,
        draft: Some(ChildDraft {
            village: village.to_owned(),
            ..numbered_child(number)
        }),
        related: Vec::new(),
    }
}

async fn a_leader_that_dies_in_the_middle_of_an_act_leaves_its_place_to_the_next(engine: Engine) {
    let pipeline = Pipeline::new(engine, 1).await;
    let said: Vec<Said> = (1..=RECORDS).map(said).collect();
    for request in said.chunks(500) {
        pipeline.submit_together(request).await;
    }
    let gate = Arc::new(GatedCodec::default());
    let (clock, lease) = (Arc::new(SystemClock), Duration::from_secs(1));
    let mut mortal = pipeline.reconciler("mortal", clock, lease, 4_000);
    mortal.codec = Arc::<GatedCodec>::clone(&gate);
    let mortal = tokio::spawn(mortal.run(CancellationToken::new()));
    pipeline.settled().await;
    gate.fail(1);
    keep(&pipeline.store, &act(REFORM)).await;
    pipeline.wake();
    assert!(mortal.await.is_err(), "it dies of the last record");

    let reading = pipeline.store.read().await;
    let progress = reading.expect("readable").read_unit_progress().await;
    let progress = progress.expect("a progress");
    assert_eq!((progress.looked_at, progress.changed), (1_000, 1_000));
    assert_eq!(progress.finished_at, None);
    let next = pipeline.reconciler("next", Arc::new(SystemClock), lease, 4_000);
    let stop = CancellationToken::new();
    let next = tokio::spawn(next.run(stop.clone()));
    eventually("the next leader is through", || async {
        let reading = pipeline.store.read().await;
        let progress = reading.expect("readable").read_unit_progress().await;
        progress.expect("a progress").finished_at.is_some()
    })
    .await;

    stop.cancel();
    next.await.expect("no panic");
    let contents = golden_contents(&pipeline.store).await;
    assert!(
        contents
            .values()
            .all(|content| unit_of(content) == "GSO_2025:30742")
    );
    let changes = pipeline
        .store
        .read()
        .await
        .expect("readable")
        .read_counter("change")
        .await;
    let twice = i64::try_from(2 * RECORDS).expect("small");
    assert_eq!(changes.expect("a counter"), twice, "each was moved once");
}

/// Keeps an act as the service does.
async fn keep(store: &Store, act: &UnitAct) {
    let mut transaction = store.write().await.expect("a transaction");
    let last = transaction.lock_counter("unit_act").await.expect("locked");
    let operator = "an".parse().expect("a name");
    let kept = transaction.append_unit_act(last + 1, act, &operator, SystemClock.now());
    kept.await.expect("kept");
    transaction.commit().await.expect("committed");
}

fn unit_of(content: &[u8]) -> String {
    let commune = read_child(content).expect("a child").commune;
    let commune = commune.expect("a commune");
    format!("{}:{}", commune.scheme, commune.code)
}

fn line(url: &str, identity: &Path) -> Channel {
    let directory = LiveIdentity::read(identity).expect("an identity directory");
    connector::line(url, Arc::new(directory)).expect("a line")
}

/// How many records were looked at under how many acts, if the hub answers.
async fn looked_at(operator: &Channel) -> Option<(u32, u64, bool)> {
    let request = v1::GetUnitStatusRequest {};
    let mut client = Client::new(operator.clone());
    let status = client.get_unit_status(request).await.ok()?.into_inner();
    let finished = status.finished_at.is_some();
    Some((status.acts, status.looked_at_records, finished))
}

async fn golden_children(store: &Store) -> u64 {
    let mut reading = store.read().await.expect("readable");
    let counted = reading.read_counter("golden_children").await;
    counted.expect("a counter").unsigned_abs()
}

async fn kills_while_records_are_moved_leave_none_behind_and_move_none_twice(engine: Engine) {
    let records = fault_rounds(3_000, 100_000);
    let (pki, database) = (Arc::new(Pki::new()), Database::new(engine).await);
    let options = HubOptions::province();
    let mut hub = HubProcess::start(&pki, &database.url, &options).await;
    let operator = line(&hub.url, &pki.operator("an"));
    register(operator.clone(), "commune", "GSO_PRE2025:30742").await;
    let mut client = PushClient::new(line(&hub.url, &pki.node("commune")));
    let child = |number: usize| {
        let number = u32::try_from(number).expect("small");
        change(u128::from(number), 1, numbered_child(number))
    };
    for first in (0..records).step_by(500) {
        let page: Vec<_> = (first..first + 500).map(child).collect();
        until_acknowledged(&mut client, &page).await;
    }
    let all = u64::try_from(records).expect("small");
    let store = database.open().await;
    // A large run takes longer than one condition may.
    while golden_children(&store).await < all {
        random_moment(&mut StdRng::seed_from_u64(all), 100).await;
    }
    apply(Client::new(operator.clone()), REFORM).await;
    eventually("the act holds", || async {
        looked_at(&operator)
            .await
            .is_some_and(|(acts, _, _)| acts == 1)
    })
    .await;

    let mut chance = StdRng::seed_from_u64(1);
    let mut late = records;
    let mut kills = 0;
    loop {
        let page: Vec<_> = (late..late + 20).map(child).collect();
        late += 20;
        until_acknowledged(&mut client, &page).await;
        random_moment(&mut chance, 300).await;
        match looked_at(&operator).await {
            Some((1, _, true)) => break,
            Some(_) if kills < 6 => {
                hub.kill();
                hub.start_again().await;
                kills += 1;
            }
            Some(_) | None => {}
        }
    }

    let held = u64::try_from(late).expect("small");
    eventually("what came late is there too", || async {
        golden_contents(&store).await.len() == late
    })
    .await;
    for (golden, content) in golden_contents(&store).await {
        assert_eq!(unit_of(&content), "GSO_2025:30742", "{golden:?}");
    }
    let mut reading = store.read().await.expect("readable");
    let changes = reading.read_counter("change").await.expect("a counter");
    // One change when it came, and one more for each that came before the act.
    assert_eq!(changes.unsigned_abs(), held + all);
}
