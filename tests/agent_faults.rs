//! The agent under faults: killed at random moments, on bad lines, on a full disk.

use std::collections::BTreeMap;
use std::sync::Arc;

use childsync::domain::draft::ChildDraft;
use childsync::domain::standing::Standing;
use childsync::grpc::push_client::PushClient;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tempfile::TempDir;
use tokio::sync::Mutex;

use crate::support::agent::{AgentOptions, TestAgent, queued};
use crate::support::agent_process::AgentProcess;
use crate::support::database::{Database, Engine};
use crate::support::hub::{HubOptions, TestHub};
use crate::support::line::BadLine;
use crate::support::pki::Pki;
use crate::support::records::{change, id, numbered_child, report, report_change};
use crate::support::{
    eventually, fault_rounds, on_both_engines, random_moment, until_acknowledged,
};

on_both_engines![
    what_a_killed_agent_acknowledged_reaches_the_hub,
    an_urgent_report_does_not_wait_for_routine_records,
];

/// Kills of an agent in one run.
const KILLS: usize = 8;
const KILLS_FULL: usize = 50;
/// Records that the clients edit again and again.
const RECORDS: u128 = 40;

fn edited(record: u128, version: u64) -> ChildDraft {
    ChildDraft {
        village: format!("Ấp {version}"),
        ..numbered_child(u32::try_from(record).expect("a small number"))
    }
}

/// Clients edit records and push them to an agent that is killed at random moments before a line that is
/// cut; in the end the hub has the newest acknowledged version of each record.
async fn what_a_killed_agent_acknowledged_reaches_the_hub(engine: Engine) {
    let pki = Arc::new(Pki::new());
    let database = Arc::new(Database::new(engine).await);
    let options = HubOptions::province();
    let line = BadLine::cutting(options.port, 5, 3_000..15_000).await;
    let hub = TestHub::start(Arc::clone(&pki), database, options).await;
    hub.register("commune", "GSO_PRE2025:30742").await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut agent = AgentProcess::start(&pki, folder.path(), AgentOptions::before(&line.url)).await;
    let acknowledged = Arc::new(Mutex::new(BTreeMap::<u128, u64>::new()));
    let writers: Vec<_> = (0..2_u128)
        .map(|half| {
            let client = agent.pushing(&pki);
            tokio::spawn(write(client, half, Arc::clone(&acknowledged)))
        })
        .collect();

    let mut chance = StdRng::seed_from_u64(11);
    for _ in 0..fault_rounds(KILLS, KILLS_FULL) {
        random_moment(&mut chance, 700).await;
        agent.kill();
        agent.start_again().await;
    }
    for writer in writers {
        writer.abort();
        drop(writer.await);
    }
    line.heal();

    let path = folder.path().to_owned();
    eventually("nothing waits any more", || async {
        queued(&path).await == 0
    })
    .await;
    assert!(line.cuts() > 0, "the line was never cut");
    hub.settled().await;
    let held: BTreeMap<String, u64> = hub
        .feed("commune")
        .await
        .into_iter()
        .map(|event| (event.record_id, event.version))
        .collect();
    let acknowledged = acknowledged.lock().await;
    assert!(!acknowledged.is_empty());
    for (record, version) in acknowledged.iter() {
        let at_hub = held.get(&id(*record).to_string());
        assert!(
            at_hub >= Some(version),
            "record {record}: {version}, the hub has {at_hub:?}"
        );
    }
    hub.stop().await;
}

/// Pushes newer and newer versions and notes those that are acknowledged, until it is told to stop.
async fn write(mut client: PushClient, half: u128, acknowledged: Arc<Mutex<BTreeMap<u128, u64>>>) {
    for version in 1.. {
        for record in (1..=RECORDS).filter(|record| record % 2 == half) {
            let edit = [change(record, version, edited(record, version))];
            until_acknowledged(&mut client, &edit).await;
            acknowledged.lock().await.insert(record, version);
        }
    }
}

async fn an_urgent_report_does_not_wait_for_routine_records(engine: Engine) {
    let pki = Arc::new(Pki::new());
    let database = Arc::new(Database::new(engine).await);
    let options = HubOptions::province();
    let agent = TestAgent::start(
        &pki,
        AgentOptions::before(&format!("https://127.0.0.1:{}", options.port)),
    )
    .await;
    let mut client = agent.pushing();
    for hundred in 0..40 {
        let children = (1..=100).map(|at| hundred * 100 + at);
        let changes = children.map(|at| change(at.into(), 1, numbered_child(at)));
        client.send(changes.collect()).await.expect("kept");
    }
    client
        .send(vec![report_change(9_999, 1, report())])
        .await
        .expect("kept");

    let hub = TestHub::start(Arc::clone(&pki), database, options).await;
    hub.register("commune", "GSO_PRE2025:30742").await;

    eventually("the report is at the hub", || async {
        hub.status().await.case_reports == 1
    })
    .await;
    assert!(
        agent.queued().await > 0,
        "the report came after everything else"
    );
    eventually("the rest follows", || async { agent.queued().await == 0 }).await;
    agent.stop().await;
    hub.stop().await;
}

/// Fills an agent until it takes nothing more, and gives how many records it has acknowledged.
async fn fill(client: &mut PushClient, from: u128) -> (u128, String) {
    for number in from.. {
        let at = u32::try_from(number).expect("a small number");
        let record = ChildDraft {
            village: "Ấp ".repeat(20),
            ..numbered_child(at)
        };
        if let Err(error) = client.send(vec![change(number, 1, record)]).await {
            return (number - 1, error.to_string());
        }
    }
    unreachable!("numbers end before the disk")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_holds_as_much_as_it_may_says_so_and_goes_on_sending() {
    let pki = Arc::new(Pki::new());
    let options = HubOptions::province();
    let hub_url = format!("https://127.0.0.1:{}", options.port);
    let agent = TestAgent::start(
        &pki,
        AgentOptions {
            store: "records_max = 30",
            ..AgentOptions::before(&hub_url)
        },
    )
    .await;
    let mut client = agent.pushing();

    let (kept, refusal) = fill(&mut client, 1).await;

    assert_eq!(kept, 30);
    assert!(refusal.contains("AGENT_FULL"), "{refusal}");
    let database = Arc::new(Database::new(Engine::Sqlite).await);
    let hub = TestHub::start(Arc::clone(&pki), database, options).await;
    hub.register("commune", "GSO_PRE2025:30742").await;
    eventually("everything is sent", || async { agent.queued().await == 0 }).await;
    client
        .send(vec![change(31, 1, numbered_child(31))])
        .await
        .expect("there is room again");
    agent.stands(31, Standing::AtTop).await;
    assert_eq!(hub.node_status("commune").await.accepted, 31);
    agent.stop().await;
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_loses_nothing_that_was_acknowledged() {
    let pki = Arc::new(Pki::new());
    let options = HubOptions::province();
    let hub_url = format!("https://127.0.0.1:{}", options.port);
    let folder: TempDir = tempfile::tempdir().expect("a folder");
    let mut agent = AgentProcess::start(&pki, folder.path(), AgentOptions::before(&hub_url)).await;
    agent.kill();
    // One mebibyte: enough for the program's own files, soon full of records.
    agent.start_again_on_full_disk(2_048).await;
    let mut client = agent.pushing(&pki);

    let (kept, refusal) = fill(&mut client, 1).await;

    assert!(kept > 0);
    assert!(refusal.contains("AGENT_FULL"), "{refusal}");
    // It goes on answering while it is full.
    let (again, refusal) = fill(&mut client, kept + 1).await;
    assert!(refusal.contains("AGENT_FULL"), "{refusal}");
    agent.kill();
    agent.start_again().await;
    assert!(queued(folder.path()).await >= i64::try_from(again).expect("a small number"));
    let database = Arc::new(Database::new(Engine::Sqlite).await);
    let hub = TestHub::start(Arc::clone(&pki), database, options).await;
    hub.register("commune", "GSO_PRE2025:30742").await;
    let path = folder.path().to_owned();
    eventually("everything is sent", || async { queued(&path).await == 0 }).await;
    let accepted = hub.node_status("commune").await.accepted;
    assert!(u128::from(accepted) >= again, "{accepted} of {again}");
    let mut client = agent.pushing(&pki);
    client
        .send(vec![change(90_000, 1, numbered_child(1))])
        .await
        .expect("there is room again");
    hub.stop().await;
}

/// What an idle agent needs of the machine's memory, in KiB.
fn resident_kibibytes(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("a status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number
        .and_then(|number| number.parse().ok())
        .expect("a number")
}

/// What it may need at the start and after work, in KiB. The limits are those of the program as it is
/// installed: 20 MB, and 28 MB after work, of which most is the program's file. A program that is built for
/// tests is twice as large, and what is looked at there is only that work leaves nothing behind.
const STARTED_AND_WORKED_KIBIBYTES_MAX: (u64, u64) = if cfg!(debug_assertions) {
    (48 * 1024, 48 * 1024)
} else {
    (20_000_000 / 1024, 28_000_000 / 1024)
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_agent_needs_little_memory_also_after_work() {
    let hub = TestHub::province(Engine::Sqlite).await;
    let folder = tempfile::tempdir().expect("a folder");
    let agent = AgentProcess::start(&hub.pki, folder.path(), AgentOptions::before(&hub.url)).await;
    let before = resident_kibibytes(agent.id());
    let mut client = agent.pushing(&hub.pki);
    for hundred in 0..10 {
        let children = (1..=100).map(|at| hundred * 100 + at);
        let changes = children.map(|at| change(at.into(), 1, numbered_child(at)));
        client.send(changes.collect()).await.expect("kept");
    }
    drop(client);
    let path = folder.path().to_owned();
    eventually("everything is sent", || async { queued(&path).await == 0 }).await;

    let after = resident_kibibytes(agent.id());

    let (before_max, after_max) = STARTED_AND_WORKED_KIBIBYTES_MAX;
    assert!(before < before_max, "{before} KiB");
    assert!(after < after_max, "{before} KiB, then {after} KiB");
    hub.stop().await;
}
