//! The agent beside the commune software: what it acknowledges reaches the hub, and it says where it is.

use std::sync::Arc;
use std::time::Duration;

use childsync::app::AgentApp;
use childsync::config::AgentConfig;
use childsync::domain::clock::{Clock, ManualClock, SystemClock, Timestamp};
use childsync::domain::record::{Lane, RecordId, RecordKind, Version};
use childsync::domain::relations::Relations;
use childsync::domain::standing::{Above, Standing};
use childsync::grpc::proto::v1::{Outcome, RecordChange, RecordOutcome};
use childsync::security::directory::{read_private, write_private};
use childsync::store::QueuedState;

use crate::support::agent::{AgentOptions, TestAgent, open_store, write_config};
use crate::support::database::{Database, Engine};
use crate::support::eventually;
use crate::support::hub::{HubOptions, TestHub, free_port};
use crate::support::on_both_engines;
use crate::support::pki::Pki;
use crate::support::records::{
    change, child, id, numbered_child, report, report_change, succeeded, tombstone,
};

on_both_engines![
    a_client_of_a_hub_works_unchanged_against_an_agent,
    twenty_edits_without_a_line_reach_the_hub_as_one,
    what_a_record_says_of_others_reaches_the_hub_unchanged,
    the_hubs_answer_is_kept_until_the_record_is_corrected,
    a_record_is_at_the_nation_on_the_nations_word_only,
    a_new_agent_numbers_above_what_the_hub_holds,
    a_wrong_clock_stops_nothing,
];

fn each_is(outcomes: &[RecordOutcome], outcome: Outcome) -> bool {
    let outcome = i32::from(outcome);
    outcomes.iter().all(|one| one.outcome == outcome)
}

/// A hub that is not there yet: its address, and what is needed to start it.
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

    fn agent_options(&self) -> AgentOptions {
        AgentOptions::before(&format!("https://127.0.0.1:{}", self.options.port))
    }

    async fn start(&self) -> TestHub {
        let (pki, database) = (Arc::clone(&self.pki), Arc::clone(&self.database));
        let hub = TestHub::start(pki, database, self.options.clone()).await;
        hub.register("commune", "GSO_PRE2025:30742").await;
        hub
    }
}

async fn a_client_of_a_hub_works_unchanged_against_an_agent(engine: Engine) {
    let hub = TestHub::province(engine).await;
    let agent = TestAgent::before(&hub).await;
    let changes = vec![
        change(1, 1, numbered_child(1)),
        change(2, 1, numbered_child(2)),
        report_change(3, 1, report()),
    ];

    let outcomes = agent.pushing().send(changes).await.expect("acknowledged");

    assert!(each_is(&outcomes, Outcome::Accepted), "{outcomes:?}");
    agent.stands(1, Standing::AtTop).await;
    agent.stands(2, Standing::AtTop).await;
    eventually("all of it has arrived", || async {
        hub.node_status("commune").await.accepted == 3
    })
    .await;
    agent
        .pushing()
        .send(vec![tombstone(1, 2)])
        .await
        .expect("acknowledged");
    eventually("the withdrawal has arrived", || async {
        hub.node_status("commune").await.source_records == 1
    })
    .await;
    // The hub may have settled it before its answer was noted here.
    eventually("nothing waits", || async { agent.queued().await == 0 }).await;
    agent.stop().await;
    hub.stop().await;
}

async fn twenty_edits_without_a_line_reach_the_hub_as_one(engine: Engine) {
    let absent = Absent::province(engine).await;
    let agent = TestAgent::start(&absent.pki, absent.agent_options()).await;
    let mut client = agent.pushing();
    for version in 1..=20 {
        let edited = childsync::domain::draft::ChildDraft {
            village: format!("Ấp {version}"),
            ..numbered_child(1)
        };
        let outcomes = client.send(vec![change(1, version, edited)]).await;
        assert!(each_is(&outcomes.expect("kept"), Outcome::Accepted));
    }
    let again = client
        .send(vec![change(1, 3, child())])
        .await
        .expect("kept");
    assert!(each_is(&again, Outcome::Superseded), "{again:?}");
    assert_eq!(agent.queued().await, 1);
    agent.stands(1, Standing::Kept).await;

    let hub = absent.start().await;

    agent.stands(1, Standing::AtTop).await;
    assert_eq!(hub.node_status("commune").await.accepted, 1);
    assert_eq!(hub.feed("commune").await[0].version, 20);
    agent.stop().await;
    hub.stop().await;
}

async fn what_a_record_says_of_others_reaches_the_hub_unchanged(engine: Engine) {
    let absent = Absent::province(engine).await;
    let agent = TestAgent::start(&absent.pki, absent.agent_options()).await;
    let different = RecordChange {
        different_from: vec![id(2).to_string(), id(3).to_string()],
        ..change(1, 1, numbered_child(1))
    };
    let replaced = succeeded(4, 1, &id(1).to_string());
    let kept = agent
        .pushing()
        .send(vec![different.clone(), replaced.clone()])
        .await;
    assert!(each_is(&kept.expect("kept"), Outcome::Accepted));

    let hub = absent.start().await;

    eventually("the queue is empty", || async { agent.queued().await == 0 }).await;
    let same = hub.push(vec![different.clone(), replaced]).await;
    assert!(each_is(&same, Outcome::Unchanged), "{same:?}");
    let other = RecordChange {
        different_from: vec![id(2).to_string()],
        ..different
    };
    for answer in hub.push(vec![other, tombstone(4, 1)]).await {
        assert_eq!(answer.reason, "VERSION_REUSED", "the hub holds less");
    }
    agent.stop().await;
    hub.stop().await;
}

async fn the_hubs_answer_is_kept_until_the_record_is_corrected(engine: Engine) {
    let hub = TestHub::province(engine).await;
    let agent = TestAgent::before(&hub).await;
    let nameless = childsync::domain::draft::ChildDraft {
        full_name: String::new(),
        ..numbered_child(1)
    };

    let told = agent.pushing().send(vec![change(1, 1, nameless)]).await;

    // The official is told at the keyboard, and the hub has the last word.
    let told = told.expect("kept");
    assert!(each_is(&told, Outcome::Quarantined), "{told:?}");
    assert_eq!(told[0].violations[0].rule, "REQUIRED");
    agent.stands(1, Standing::ToCorrect).await;
    let record = agent.record(1).await.expect("a record");
    let answered = record.answered.expect("an answer");
    assert_eq!(answered.reason, "RULE_BROKEN");
    assert_eq!(answered.rules, "child.full_name REQUIRED");
    let corrected = agent
        .pushing()
        .send(vec![change(1, 1, numbered_child(1))])
        .await;
    assert!(each_is(&corrected.expect("kept"), Outcome::Accepted));
    agent.stands(1, Standing::AtTop).await;
    agent.stop().await;
    hub.stop().await;
}

async fn a_record_is_at_the_nation_on_the_nations_word_only(engine: Engine) {
    let mut province = Absent::province(engine).await;
    let nation = Absent {
        pki: Arc::clone(&province.pki),
        database: Arc::new(Database::new(engine).await),
        options: HubOptions {
            name: "nation",
            ..HubOptions::province()
        },
    };
    province.options.upstream = Some(format!("https://127.0.0.1:{}", nation.options.port));
    let hub = province.start().await;
    let agent = TestAgent::start(&province.pki, province.agent_options()).await;
    let before = Timestamp::from_micros(1_700_000_000_000_000);

    agent
        .pushing()
        .send(vec![change(1, 1, numbered_child(1))])
        .await
        .expect("kept");

    agent.stands(1, Standing::AtHub).await;
    eventually("the province has said since when", || async {
        let record = agent.record(1).await.expect("a record");
        record.hub.is_some_and(|hub| hub.since > Some(before))
    })
    .await;
    let top = nation.start().await;
    top.register("province", "GSO_PRE2025:91").await;
    agent.stands(1, Standing::AtTop).await;
    let word = agent
        .record(1)
        .await
        .expect("a record")
        .hub
        .expect("a word");
    assert!(
        matches!(word.above, Above::Held(Some(since)) if since > before),
        "{word:?}"
    );

    // The nation goes away: a newer version is at the province, and the claim is taken back.
    top.stop().await;
    let moved = childsync::domain::draft::ChildDraft {
        village: "Ấp Bốn".to_owned(),
        ..numbered_child(1)
    };
    agent
        .pushing()
        .send(vec![change(1, 2, moved)])
        .await
        .expect("kept");
    eventually("the province has told of the second version", || async {
        let record = agent.record(1).await.expect("a record");
        record.hub.is_some_and(|hub| hub.version.as_u64() == 2)
    })
    .await;
    let record = agent.record(1).await.expect("a record");
    assert_eq!(record.standing, Standing::AtHub);
    let top = nation.start().await;
    agent.stands(1, Standing::AtTop).await;
    for hub in [hub, top] {
        hub.stop().await;
    }
    agent.stop().await;
}

/// The machine of the commune was lost with its agent: the new one begins at nothing.
async fn a_new_agent_numbers_above_what_the_hub_holds(engine: Engine) {
    let absent = Absent::province(engine).await;
    let hub = absent.start().await;
    hub.push(vec![change(1, 7, numbered_child(1))]).await;
    hub.settled().await;
    hub.stop().await;
    let options = AgentOptions {
        drop: true,
        ..absent.agent_options()
    };
    let agent = TestAgent::start(&absent.pki, options).await;
    agent.drop_file("moved.csv", csv(1, "Danh Thị Mới"));
    agent.stands(1, Standing::Kept).await;
    assert_eq!(agent.record(1).await.expect("a record").version.as_u64(), 1);

    let hub = absent.start().await;

    agent.stands(1, Standing::AtTop).await;
    assert_eq!(agent.record(1).await.expect("a record").version.as_u64(), 8);
    assert_eq!(hub.feed("commune").await[0].version, 8);
    agent.stop().await;
    hub.stop().await;
}

/// A file of one child.
fn csv(number: u128, name: &str) -> String {
    let id = id(number);
    format!(
        "record_id,unit_code,full_name,sex,birth_date,ethnicity\n{id},30742,{name},2,2018-04-02,05\n"
    )
}

async fn a_wrong_clock_stops_nothing(engine: Engine) {
    let hub = TestHub::province(engine).await;
    let folder = Arc::new(tempfile::tempdir().expect("a folder"));
    // The battery of the machine is empty: it believes that it is 2001.
    let clock = Arc::new(ManualClock::at(Timestamp::from_micros(
        1_000_000_000_000_000,
    )));
    let options = AgentOptions::before(&hub.url);
    let shared: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
    let agent = TestAgent::start_in(&hub.pki, folder, options, shared).await;

    let outcomes = agent
        .pushing()
        .send(vec![change(1, 1, numbered_child(1))])
        .await;

    // The child's birth lies in the future by this clock. It is said so, and sent all the same.
    assert!(each_is(&outcomes.expect("kept"), Outcome::Quarantined));
    agent.stands(1, Standing::AtTop).await;
    clock.advance(Duration::from_hours(40 * 365 * 24));
    let edited = change(1, 2, child());
    agent.pushing().send(vec![edited]).await.expect("kept");
    agent.stands(1, Standing::AtTop).await;
    assert_eq!(hub.node_status("commune").await.accepted, 2);
    agent.stop().await;
    hub.stop().await;
}

#[tokio::test]
async fn every_statement_of_an_agent_can_be_prepared() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open_store(folder.path()).await;

    let broken = store.prepare_every_statement().await.expect("prepared");

    assert!(broken.is_empty(), "{broken:#?}");
}

#[tokio::test]
async fn a_second_agent_on_one_database_is_refused() {
    let absent = Absent::province(Engine::Sqlite).await;
    let agent = TestAgent::start(&absent.pki, absent.agent_options()).await;
    let path = write_config(&absent.pki, agent.folder.path(), &absent.agent_options());
    let config = AgentConfig::read(&path, std::iter::empty()).expect("a configuration");

    let second = AgentApp::prepare(config, Arc::new(SystemClock)).await;

    let error = format!("{:#}", second.err().expect("refused"));
    assert!(error.contains("another agent runs on"), "{error}");
    agent.stop().await;
}

#[tokio::test]
async fn a_database_is_refused_with_another_key_or_none() {
    let absent = Absent::province(Engine::Sqlite).await;
    let agent = TestAgent::start(&absent.pki, absent.agent_options()).await;
    let folder = Arc::clone(&agent.folder);
    agent.stop().await;
    let key = folder.path().join("seal.key");
    assert_eq!(
        read_private(&key)
            .expect("only its owner may read it")
            .len(),
        32
    );
    let refusal = || async {
        let path = write_config(&absent.pki, folder.path(), &absent.agent_options());
        let config = AgentConfig::read(&path, std::iter::empty()).expect("a configuration");
        let second = AgentApp::prepare(config, Arc::new(SystemClock)).await;
        format!("{:#}", second.err().expect("refused"))
    };

    std::fs::remove_file(&key).expect("removed");
    assert!(refusal().await.contains("put the key back"));
    write_private(&key, &[1; 32]).expect("written");
    assert!(
        refusal()
            .await
            .contains("not the key that this database was sealed with")
    );
}

#[tokio::test]
async fn an_agent_listens_to_its_own_machine_only() {
    let pki = Pki::new();
    let folder = tempfile::tempdir().expect("a folder");
    let options = AgentOptions::before(&format!("https://127.0.0.1:{}", free_port()));
    let path = write_config(&pki, folder.path(), &options);
    for key in ["GRPC", "HTTP"] {
        let everywhere = (
            format!("CHILDSYNC_{key}_ADDRESS"),
            "0.0.0.0:7444".to_owned(),
        );

        let refused = AgentConfig::read(&path, std::iter::once(everywhere));

        let error = refused.expect_err("refused").to_string();
        assert!(error.contains("an agent serves nobody else"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_serves_its_own_node_only() {
    let absent = Absent::province(Engine::Sqlite).await;
    let agent = TestAgent::start(&absent.pki, absent.agent_options()).await;
    let url = format!("https://127.0.0.1:{}", agent.options.grpc);
    for stranger in [absent.pki.node("other"), absent.pki.operator("an")] {
        let mut client =
            childsync::grpc::push_client::PushClient::new(TestHub::line_to(&url, &stranger));

        let refused = client.send(vec![change(1, 1, child())]).await;

        assert!(
            refused
                .expect_err("refused")
                .to_string()
                .contains("OWN_NODE_REQUIRED")
        );
    }
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_is_sealed_on_disk() {
    let absent = Absent::province(Engine::Sqlite).await;
    let agent = TestAgent::start(&absent.pki, absent.agent_options()).await;
    let marked = childsync::domain::draft::ChildDraft {
        full_name: "Danh Thị Zzyzx".to_owned(),
        ..numbered_child(1)
    };

    agent
        .pushing()
        .send(vec![change(1, 1, marked)])
        .await
        .expect("kept");

    let mut found = 0;
    for entry in std::fs::read_dir(agent.folder.path()).expect("a folder") {
        let path = entry.expect("an entry").path();
        let bytes = std::fs::read(&path).expect("a file");
        let holds = |needle: &[u8]| bytes.windows(needle.len()).any(|part| part == needle);
        assert!(
            !holds(b"Zzyzx") && !holds(b"091318000001"),
            "{}",
            path.display()
        );
        found += usize::from(holds(id(1).as_bytes()));
    }
    assert!(found > 0, "the record's own id is in no file: where is it?");
    agent.stop().await;
}

/// A record that is edited while its older state is on the way goes up again.
#[tokio::test]
async fn an_answer_to_an_older_state_leaves_the_newer_one_waiting() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open_store(folder.path()).await;
    let key = (RecordKind::Child, RecordId::new(id(1)));
    let state = |state: i64| QueuedState {
        key,
        state,
        version: Version::from_i64(state).expect("a version"),
        sealed_version: Version::FIRST,
        numbered_here: false,
        tombstone: 0,
        relations: Relations::None,
        content: Vec::new(),
    };
    let mut transaction = store.write().await.expect("a transaction");
    for edit in [1, 2] {
        let queued = transaction.put_queued(vec![state(edit)]).await;
        queued.expect("queued");
    }

    let gone = transaction.delete_queued(&[(key, 1)]).await.expect("asked");

    assert_eq!(gone, 0);
    let waiting = transaction.read_queue(Lane::Routine, 10).await;
    let waiting = waiting.expect("a queue");
    assert_eq!(waiting[0].version.as_u64(), 2);
    assert_eq!(
        transaction.delete_queued(&[(key, 2)]).await.expect("asked"),
        1
    );
}
