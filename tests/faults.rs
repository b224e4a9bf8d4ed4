//! Power cuts, frozen replicas and lines that fail: nothing acknowledged is lost, nothing is doubled.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use childsync::grpc::connector;
use childsync::grpc::proto::v1::{Outcome, RecordChange};
use childsync::grpc::push_client::PushClient;
use childsync::security::live::LiveIdentity;
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

use crate::support::database::{Database, Engine};
use crate::support::hub::{HubOptions, TestHub, feed, free_port, node_status, register, status};
use crate::support::line::BadLine;
use crate::support::pki::Pki;
use crate::support::process::HubProcess;
use crate::support::records::{change, numbered_child};
use crate::support::{
    eventually, fault_rounds, on_both_engines, random_moment, until_acknowledged,
};

on_both_engines![
    power_cuts_lose_and_double_nothing,
    dropped_acknowledgements_and_reordered_requests_double_nothing,
    a_hub_that_is_told_to_stop_drains,
];

const NODES: [&str; 4] = ["node-1", "node-2", "node-3", "node-4"];

fn line(pki: &Pki, url: &str, identity: &Path) -> Channel {
    let directory = LiveIdentity::read(identity).expect("an identity directory");
    assert!(identity.starts_with(pki.path()));
    connector::line(url, Arc::new(directory)).expect("a line")
}

fn operator(pki: &Pki, url: &str) -> Channel {
    line(pki, url, &pki.operator("an"))
}

/// Everything that one node said: the newest version of each record.
#[derive(Default)]
struct Told {
    newest: HashMap<u128, u64>,
    submissions: usize,
}

/// A node that pushes until it is told to stop: new records, newer versions, and things that it said
/// before, in any order. Every node has the same children, so every child is registered four times.
async fn push_and_repeat(
    mut client: PushClient,
    mut chance: StdRng,
    stop: CancellationToken,
) -> Told {
    let mut told = Told::default();
    let mut said: Vec<RecordChange> = Vec::new();
    while !stop.is_cancelled() {
        let mut request = Vec::new();
        for _ in 0..chance.random_range(1..20) {
            let record = match told.newest.len() {
                held @ 1.. if chance.random_bool(0.3) => as_record(chance.random_range(0..held)),
                held => as_record(held),
            };
            let version = told.newest.entry(record).or_default();
            *version += 1;
            let number = u32::try_from(record).expect("small");
            let mut draft = numbered_child(number);
            draft.village = format!("Ấp {version}");
            request.push(change(record, *version, draft));
        }
        told.submissions += request.len();
        said.extend(request.iter().cloned());
        let repeated = said.sample(&mut chance, 5).cloned().collect::<Vec<_>>();
        request.extend(repeated);
        request.shuffle(&mut chance);
        for outcome in until_acknowledged(&mut client, &request).await {
            let outcome = outcome.outcome();
            let fine = [Outcome::Accepted, Outcome::Unchanged, Outcome::Superseded];
            assert!(fine.contains(&outcome), "{outcome:?}");
        }
    }
    told
}

fn as_record(place: usize) -> u128 {
    u128::try_from(place).expect("small")
}

/// The hub holds what the nodes said, each submission once, and the newest version of each record.
async fn assert_exactly_once(pki: &Pki, url: &str, database: &Database, told: &[Told]) {
    eventually("the hub has reconciled everything", || async {
        status(operator(pki, url))
            .await
            .reconciler
            .iter()
            .all(|lane| lane.waiting == 0)
    })
    .await;
    let store = database.open().await;
    for (name, told) in NODES.iter().zip(told) {
        let expected = u64::try_from(told.submissions).expect("small");
        let counted = node_status(operator(pki, url), name).await;
        assert_eq!(counted.accepted, expected, "{name}: what the hub counted");
        let mut reading = store.read().await.expect("a transaction");
        let node = reading
            .find_node(&name.parse().expect("a name"))
            .await
            .expect("readable");
        let node = node.expect("registered").node_id;
        let held = reading.count_accepted(node).await.expect("a count");
        assert_eq!(held.unsigned_abs(), expected, "{name}: what the log holds");
        let newest: HashMap<String, u64> = feed(line(pki, url, &pki.node(name)))
            .await
            .into_iter()
            .map(|event| (event.record_id, event.version))
            .collect();
        let expected = told
            .newest
            .iter()
            .map(|(record, version)| (crate::support::records::id(*record).to_string(), *version));
        assert_eq!(newest, expected.collect(), "{name}: the newest versions");
    }
    store.close().await;
    let children = told
        .iter()
        .map(|told| told.newest.len())
        .max()
        .unwrap_or_default();
    let golden = status(operator(pki, url)).await.golden_records;
    assert_eq!(
        golden,
        u64::try_from(children).expect("small"),
        "golden records"
    );
}

/// The nation holds what the province says: the same records with the same contents.
async fn assert_nation_equals_province(pki: &Pki, nation: &str, province: &str) {
    eventually("the nation holds what the province says", || async {
        let below = status(operator(pki, province)).await;
        let above = node_status(operator(pki, nation), "province").await;
        below.golden_digest == above.digest
            && below.golden_records == above.source_records
            && above.waiting == 0
    })
    .await;
    let golden = status(operator(pki, nation)).await.golden_records;
    assert_eq!(golden, status(operator(pki, province)).await.golden_records);
}

async fn power_cuts_lose_and_double_nothing(engine: Engine) {
    let pki = Pki::new();
    let databases = [Database::new(engine).await, Database::new(engine).await];
    let options = HubOptions {
        name: "nation",
        ..HubOptions::province()
    };
    let mut nation = HubProcess::start(&pki, &databases[0].url, &options).await;
    register(operator(&pki, &nation.url), "province", "GSO_PRE2025:91").await;
    let options = HubOptions {
        upstream: Some(nation.url.clone()),
        ..HubOptions::province()
    };
    let mut province = HubProcess::start(&pki, &databases[1].url, &options).await;
    let stop = CancellationToken::new();
    let mut pushing = JoinSet::new();
    for (seed, name) in (0..).zip(NODES) {
        register(operator(&pki, &province.url), name, "GSO_PRE2025:91").await;
        let client = PushClient::new(line(&pki, &province.url, &pki.node(name)));
        let (chance, stop) = (StdRng::seed_from_u64(seed), stop.clone());
        pushing.spawn(async move { (seed, push_and_repeat(client, chance, stop).await) });
    }

    let mut chance = StdRng::seed_from_u64(99);
    for _ in 0..fault_rounds(50, 500) {
        random_moment(&mut chance, 250).await;
        let hub = if chance.random_bool(0.7) {
            &mut province
        } else {
            &mut nation
        };
        hub.kill();
        hub.start_again().await;
    }

    stop.cancel();
    let mut told = pushing.join_all().await;
    told.sort_by_key(|(seed, _)| *seed);
    let told: Vec<Told> = told.into_iter().map(|(_, told)| told).collect();
    assert!(
        told.iter().all(|told| told.submissions > 0),
        "the nodes pushed nothing"
    );
    assert_exactly_once(&pki, &province.url, &databases[1], &told).await;
    assert_nation_equals_province(&pki, &nation.url, &province.url).await;
}

async fn dropped_acknowledgements_and_reordered_requests_double_nothing(engine: Engine) {
    let pki = Arc::new(Pki::new());
    let database = Arc::new(Database::new(engine).await);
    let options = HubOptions::province();
    let bad = BadLine::to(options.port, 5).await;
    let hub = TestHub::start(Arc::clone(&pki), Arc::clone(&database), options).await;
    let stop = CancellationToken::new();
    let mut pushing = JoinSet::new();
    for (seed, name) in (0..).zip(NODES) {
        hub.register(name, "GSO_PRE2025:91").await;
        let client = PushClient::new(line(&pki, &bad.url, &pki.node(name)));
        let (chance, stop) = (StdRng::seed_from_u64(seed), stop.clone());
        pushing.spawn(async move { (seed, push_and_repeat(client, chance, stop).await) });
    }

    let cuts = u64::try_from(fault_rounds(40, 1_000)).expect("small");
    eventually("the line was cut often enough", || async {
        bad.cuts() >= cuts
    })
    .await;
    bad.heal();

    stop.cancel();
    let mut told = pushing.join_all().await;
    told.sort_by_key(|(seed, _)| *seed);
    let told: Vec<Told> = told.into_iter().map(|(_, told)| told).collect();
    assert_exactly_once(&pki, &hub.url, &database, &told).await;
    hub.stop().await;
}

async fn a_hub_that_is_told_to_stop_drains(engine: Engine) {
    let pki = Pki::new();
    let database = Database::new(engine).await;
    let options = HubOptions::province();
    let mut hub = HubProcess::start(&pki, &database.url, &options).await;
    let stop = CancellationToken::new();
    let mut pushing = JoinSet::new();
    for (seed, name) in (0..).zip(NODES) {
        register(operator(&pki, &hub.url), name, "GSO_PRE2025:91").await;
        let client = PushClient::new(line(&pki, &hub.url, &pki.node(name)));
        let (chance, stop) = (StdRng::seed_from_u64(seed), stop.clone());
        pushing.spawn(async move { (seed, push_and_repeat(client, chance, stop).await) });
    }
    eventually("the nodes push", || async {
        status(operator(&pki, &hub.url)).await.log_head > 50
    })
    .await;

    let told_at = Instant::now();
    hub.signal("TERM");
    assert!(hub.wait(), "a clean end: {}", hub.log_text());

    // The drain time is 10 s, and on a busy machine the rest takes a moment too.
    assert!(
        told_at.elapsed() < Duration::from_secs(15),
        "{:?}",
        told_at.elapsed()
    );
    assert!(hub.log_text().contains("The hub has stopped"));
    hub.start_again().await;
    stop.cancel();
    let mut told = pushing.join_all().await;
    told.sort_by_key(|(seed, _)| *seed);
    let told: Vec<Told> = told.into_iter().map(|(_, told)| told).collect();
    assert_exactly_once(&pki, &hub.url, &database, &told).await;
}

/// Two replicas on one database: the leader is frozen past its lease, wakes, and is fenced out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_replica_is_replaced_and_fenced_out() {
    let pki = Pki::new();
    let database = Database::new(Engine::Postgres).await;
    let first = HubOptions::province();
    let second = HubOptions {
        port: free_port(),
        ..HubOptions::province()
    };
    let mut replicas = [
        HubProcess::start(&pki, &database.url, &first).await,
        HubProcess::start(&pki, &database.url, &second).await,
    ];
    let stop = CancellationToken::new();
    let mut pushing = JoinSet::new();
    for (seed, name) in (0_usize..).zip(NODES) {
        let url = replicas[seed % 2].url.clone();
        register(operator(&pki, &url), name, "GSO_PRE2025:91").await;
        let client = PushClient::new(line(&pki, &url, &pki.node(name)));
        let chance = StdRng::seed_from_u64(u64::try_from(seed).expect("small"));
        let stop = stop.clone();
        pushing.spawn(async move { (seed, push_and_repeat(client, chance, stop).await) });
    }
    let leads = |log: &str| log.matches("This replica reconciles").count();
    for _ in 0..fault_rounds(3, 20) {
        eventually("one replica leads", || async {
            replicas
                .iter()
                .any(|replica| leads(&replica.log_text()) > 0)
        })
        .await;
        // The one that took the lead last leads now.
        let token = |replica: &HubProcess| newest_token(&replica.log_text());
        replicas.sort_by_key(token);
        let (follower, leader) = (&replicas[0], &replicas[1]);
        let before = token(leader);

        leader.signal("STOP");
        eventually("the other replica leads", || async {
            token(follower) > before
        })
        .await;
        let fenced = leader
            .log_text()
            .matches("Another replica leads now")
            .count()
            + leader.log_text().matches("Reconciling failed").count();
        leader.signal("CONT");
        eventually("the old leader has noticed", || async {
            let log = leader.log_text();
            let noticed = log.matches("Another replica leads now").count()
                + log.matches("Reconciling failed").count();
            noticed > fenced
        })
        .await;
    }

    stop.cancel();
    let mut told = pushing.join_all().await;
    told.sort_by_key(|(seed, _)| *seed);
    let told: Vec<Told> = told.into_iter().map(|(_, told)| told).collect();
    assert_exactly_once(&pki, &replicas[0].url, &database, &told).await;
}

/// The fencing token with which a replica last began to lead; 0 before the first time.
fn newest_token(log: &str) -> u64 {
    let mut lines = log
        .lines()
        .filter(|line| line.contains("This replica reconciles"));
    let token = lines.next_back().and_then(|line| {
        let event: serde_json::Value = serde_json::from_str(line).expect("one JSON object a line");
        event["lease.token"].as_u64()
    });
    token.unwrap_or_default()
}
