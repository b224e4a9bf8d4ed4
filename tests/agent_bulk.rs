//! What an agent has gathered without a line goes as an upload, and nothing of it is lost or doubled.

use std::collections::BTreeMap;
use std::sync::Arc;

use childsync::agent::sender::BULK_RECORDS_MIN;
use childsync::domain::draft::ChildDraft;
use childsync::domain::standing::HubAnswer;
use childsync::domain::upload::Packing;
use childsync::grpc::proto::v1;
use childsync::grpc::push_client::PushClient;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::sync::Mutex;

use crate::support::agent::{AgentOptions, TestAgent, queued};
use crate::support::agent_process::AgentProcess;
use crate::support::database::{Database, Engine};
use crate::support::hub::{HubOptions, TestHub, feed, register, status};
use crate::support::line::BadLine;
use crate::support::pki::Pki;
use crate::support::process::HubProcess;
use crate::support::records::{change, id, numbered_child, report, report_change};
use crate::support::upload::{delta, list, open, pack_as};
use crate::support::{
    eventually, fault_rounds, on_both_engines, random_moment, until_acknowledged,
};

on_both_engines![
    each_record_of_a_backlog_gets_the_hubs_word_and_a_few_records_need_no_upload,
    edits_during_an_upload_go_after_it_and_urgent_reports_beside_it,
    what_was_acknowledged_survives_power_cuts_during_an_upload,
    a_backlog_goes_by_the_stream_where_the_hub_takes_no_upload,
];

/// Records of a backlog that is worth an upload.
fn backlog() -> u32 {
    u32::try_from(BULK_RECORDS_MIN).expect("a small number") + 500
}

/// A version of a record. It does not pack well, so that an upload takes a while on a slow line.
fn edited(record: u32, version: u64) -> ChildDraft {
    let words = blake3::hash(format!("{record}, {version}").as_bytes());
    ChildDraft {
        village: words.to_hex().to_string(),
        ..numbered_child(record)
    }
}

/// Pushes the first version of so many records.
async fn keep(client: &mut PushClient, records: u32) {
    let changes: Vec<_> = (1..=records)
        .map(|at| change(at.into(), 1, edited(at, 1)))
        .collect();
    for part in changes.chunks(500) {
        client.send(part.to_vec()).await.expect("kept");
    }
}

/// A hub that is not there yet, with the agent's line to it.
struct Absent {
    pki: Arc<Pki>,
    database: Arc<Database>,
    options: HubOptions,
}

impl Absent {
    async fn province(engine: Engine) -> Self {
        Self {
            pki: Arc::new(Pki::new()),
            database: Arc::new(Database::new(engine).await),
            options: HubOptions::province(),
        }
    }

    fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.options.port)
    }

    async fn start(&self) -> TestHub {
        let (pki, database) = (Arc::clone(&self.pki), Arc::clone(&self.database));
        let hub = TestHub::start(pki, database, self.options.clone()).await;
        hub.register("commune", "GSO_PRE2025:30742").await;
        hub
    }
}

async fn each_record_of_a_backlog_gets_the_hubs_word_and_a_few_records_need_no_upload(
    engine: Engine,
) {
    let absent = Absent::province(engine).await;
    let hub = absent.start().await;
    hub.push(vec![change(3, 1, numbered_child(30_000))]).await;
    hub.stop().await;
    let agent = TestAgent::start(&absent.pki, AgentOptions::before(&absent.url())).await;
    let mut client = agent.pushing();
    keep(&mut client, backlog()).await;
    let nameless = ChildDraft {
        full_name: String::new(),
        ..numbered_child(7)
    };
    let kept = client.send(vec![change(7, 2, nameless)]).await;
    kept.expect("kept");

    let hub = absent.start().await;
    eventually("nothing waits", || async { agent.queued().await == 0 }).await;

    let uploads = list(&mut hub.ingest("commune")).await;
    assert_eq!(uploads.len(), 1, "{uploads:?}");
    let manifest = uploads[0].manifest.clone().expect("a manifest");
    assert_eq!(uploads[0].state(), v1::UploadState::Committed);
    assert_eq!(manifest.records, u64::from(backlog()));
    for (number, version, answer, reason, rules) in [
        (1, 1, HubAnswer::Taken, "", ""),
        (3, 1, HubAnswer::Refused, "VERSION_REUSED", ""),
        (
            7,
            2,
            HubAnswer::Quarantined,
            "RULE_BROKEN",
            "child.full_name REQUIRED",
        ),
        (backlog().into(), 1, HubAnswer::Taken, "", ""),
    ] {
        let record = agent.record(number).await.expect("a record");
        let answered = record.answered.expect("an answer");
        assert_eq!(answered.version.as_u64(), version);
        assert_eq!((answered.answer, &*answered.reason), (answer, reason));
        assert_eq!(answered.rules, rules);
    }
    client
        .send(vec![change(9, 2, edited(9, 2))])
        .await
        .expect("kept");
    eventually("nothing waits", || async { agent.queued().await == 0 }).await;
    assert_eq!(list(&mut hub.ingest("commune")).await.len(), 1);
    agent.stop().await;
    hub.stop().await;
}

async fn edits_during_an_upload_go_after_it_and_urgent_reports_beside_it(engine: Engine) {
    let absent = Absent::province(engine).await;
    let whole = u64::MAX - 1..u64::MAX;
    let line = BadLine::slow(absent.options.port, 1, 5_000, whole).await;
    let agent = TestAgent::start(&absent.pki, AgentOptions::before(&line.url)).await;
    let mut client = agent.pushing();
    keep(&mut client, backlog()).await;
    let hub = absent.start().await;
    let is_on_its_way = || async {
        let uploads = list(&mut hub.ingest("commune")).await;
        let upload = uploads.first();
        upload.is_some_and(|upload| {
            upload.durable_offset > 0 && upload.state() == v1::UploadState::Receiving
        })
    };
    eventually("an upload is on its way", is_on_its_way).await;
    // What is kept of it until its end is sealed: it does not begin as packed bytes do.
    let store = agent.store().await;
    let mut reading = store.read().await.expect("a transaction");
    let kept = reading.read_bulk().await.expect("readable");
    drop(reading);
    store.close().await;
    let content = kept.expect("an upload").content;
    assert!(
        !content.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]),
        "it is in clear"
    );

    let edits = (1..=50).map(|at| change(at.into(), 2, edited(at, 2)));
    client.send(edits.collect()).await.expect("kept");
    let urgent = vec![report_change(90_000, 1, report())];
    client.send(urgent).await.expect("kept");

    eventually("the report is at the hub", || async {
        hub.status().await.case_reports == 1
    })
    .await;
    assert!(is_on_its_way().await, "the report came after the upload");
    line.heal();
    eventually("nothing waits", || async { agent.queued().await == 0 }).await;
    hub.settled().await;
    let held = versions(hub.feed("commune").await);
    for number in 1..=backlog() {
        let newest = if number <= 50 { 2 } else { 1 };
        let at_hub = held.get(&id(number.into()).to_string());
        assert_eq!(at_hub, Some(&newest), "record {number}");
    }
    let received = hub.node_status("commune").await.received;
    assert_eq!(received, u64::from(backlog()) + 51, "something went twice");
    agent.stop().await;
    hub.stop().await;
}

fn versions(events: Vec<v1::FeedEvent>) -> BTreeMap<String, u64> {
    events
        .into_iter()
        .map(|event| (event.record_id, event.version))
        .collect()
}

/// Edits some of the records again and again and notes what is acknowledged, until it is told to stop.
async fn edit(mut client: PushClient, acknowledged: Arc<Mutex<BTreeMap<u32, u64>>>) {
    for version in 2.. {
        for record in 1..=20 {
            let edit = [change(record.into(), version, edited(record, version))];
            until_acknowledged(&mut client, &edit).await;
            acknowledged.lock().await.insert(record, version);
        }
    }
}

/// The agent and its hub are killed in turn while a backlog goes over a line that is cut.
async fn what_was_acknowledged_survives_power_cuts_during_an_upload(engine: Engine) {
    let pki = Pki::new();
    let database = Database::new(engine).await;
    let options = HubOptions::province();
    let line = BadLine::slow(options.port, 5, 25_000, 9_000..25_000).await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut agent = AgentProcess::start(&pki, folder.path(), AgentOptions::before(&line.url)).await;
    keep(&mut agent.pushing(&pki), backlog()).await;
    let first = (1..=backlog()).map(|record| (record, 1));
    let acknowledged = Arc::new(Mutex::new(first.collect::<BTreeMap<_, _>>()));
    let mut hub = HubProcess::start(&pki, &database.url, &options).await;
    let operator = || TestHub::line_to(&hub.url, &pki.operator("an"));
    register(operator(), "commune", "GSO_PRE2025:30742").await;
    let editor = tokio::spawn(edit(agent.pushing(&pki), Arc::clone(&acknowledged)));

    let mut chance = StdRng::seed_from_u64(13);
    for _ in 0..fault_rounds(4, 40) {
        random_moment(&mut chance, 900).await;
        agent.kill();
        agent.start_again().await;
        random_moment(&mut chance, 600).await;
        hub.kill();
        hub.start_again().await;
    }
    editor.abort();
    drop(editor.await);
    line.heal();

    let path = folder.path().to_owned();
    eventually("nothing waits any more", || async {
        queued(&path).await == 0
    })
    .await;
    assert!(line.cuts() > 0, "the line was never cut");
    let log = agent.log_text();
    assert!(
        log.contains("An upload goes on"),
        "it was killed between two"
    );
    assert!(log.contains("An upload was taken in"));
    let operator = || TestHub::line_to(&hub.url, &pki.operator("an"));
    eventually("the reconciler has caught up", || async {
        let lanes = status(operator()).await.reconciler;
        lanes.iter().all(|lane| lane.waiting == 0)
    })
    .await;
    let held = versions(feed(TestHub::line_to(&hub.url, &pki.node("commune"))).await);
    for (record, version) in acknowledged.lock().await.iter() {
        let at_hub = held.get(&id((*record).into()).to_string());
        assert!(
            at_hub >= Some(version),
            "record {record}: {version}, the hub has {at_hub:?}"
        );
    }
}

async fn a_backlog_goes_by_the_stream_where_the_hub_takes_no_upload(engine: Engine) {
    let absent = Absent::province(engine).await;
    let hub = absent.start().await;
    // Another program of the commune has begun as many uploads as it may.
    for number in 1..=4 {
        let changes = [change(80_000 + number, 1, numbered_child(1))];
        let upload = pack_as(Packing::Plain, &changes, &delta());
        let opened = open(&mut hub.ingest("commune"), &upload.manifest).await;
        opened.expect("opened");
    }
    hub.stop().await;
    let agent = TestAgent::start(&absent.pki, AgentOptions::before(&absent.url())).await;
    keep(&mut agent.pushing(), backlog()).await;

    let hub = absent.start().await;

    eventually("nothing waits", || async { agent.queued().await == 0 }).await;
    let accepted = hub.node_status("commune").await.accepted;
    assert_eq!(accepted, u64::from(backlog()));
    let uploads = list(&mut hub.ingest("commune")).await;
    let awaited = |upload: &v1::UploadStatus| upload.state() == v1::UploadState::Receiving;
    assert_eq!(uploads.len(), 4);
    assert!(uploads.iter().all(awaited), "{uploads:?}");
    agent.stop().await;
    hub.stop().await;
}
