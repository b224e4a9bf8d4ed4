//! The jobs of a real hub.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::sync::Arc;

use childsync::domain::job::{Job, TickResult};
use childsync::grpc::proto::v1;
use childsync::grpc::proto::v1::job_service_client::JobServiceClient;
use childsync::store::{Store, StoreOptions, TickState};
use serde_json::Value;
use tonic_types::StatusExt;

use crate::jobs::ticks;
use crate::support::database::{Database, Engine};
use crate::support::hub::{HubOptions, TestHub};
use crate::support::pki::Pki;
use crate::support::records::{change, child, report, report_change};
use crate::support::{eventually, on_both_engines};

on_both_engines![
    routine_changes_wait_for_the_forward_job_and_urgent_ones_do_not,
    the_comparison_job_proves_that_both_ends_hold_the_same,
    an_operator_sees_runs_pauses_and_resumes_jobs,
];

/// A nation and a province below it with a job that is never due by itself, and `commune` registered.
async fn hubs_with_job(engine: Engine, job: &'static str) -> (TestHub, TestHub) {
    let pki = Arc::new(Pki::new());
    let above = Arc::new(Database::new(engine).await);
    let nation = HubOptions {
        name: "nation",
        ..HubOptions::province()
    };
    let nation = TestHub::start(Arc::clone(&pki), above, nation).await;
    nation.register("province", "GSO_PRE2025:91").await;
    let options = HubOptions {
        upstream: Some(nation.url.clone()),
        tuning: job,
        ..HubOptions::province()
    };
    let database = Arc::new(Database::new(engine).await);
    let province = TestHub::start(pki, database, options).await;
    province.register("commune", "GSO_PRE2025:30742").await;
    (nation, province)
}

async fn routine_changes_wait_for_the_forward_job_and_urgent_ones_do_not(engine: Engine) {
    let (nation, province) = hubs_with_job(engine, "[jobs.forward]\ncron = \"0 0 29 2 *\"").await;

    province.push(vec![change(1, 1, child())]).await;
    province.settled().await;
    province.push(vec![report_change(2, 1, report())]).await;

    eventually("the urgent report is at the nation", || async {
        nation.status().await.case_reports == 1
    })
    .await;
    nation.settled().await;
    assert_eq!(nation.status().await.golden_records, 0);
    let store = province.database.open().await;
    let request = v1::RunJobRequest {
        job: "forward".to_owned(),
    };
    let mut client = JobServiceClient::new(province.operator_line());
    client.run_job(request).await.expect("asked");
    eventually("the routine record is at the nation", || async {
        nation.status().await.golden_records == 1
    })
    .await;
    eventually("the tick has ended", || async {
        let rows = ticks(&store, Job::Forward).await;
        rows[0].state == TickState::Ended(TickResult::Succeeded)
    })
    .await;
    assert_eq!(
        ticks(&store, Job::Forward).await[0].counts.to_string(),
        "records=1"
    );
    province.stop().await;
    nation.stop().await;
}

async fn the_comparison_job_proves_that_both_ends_hold_the_same(engine: Engine) {
    let (nation, province) =
        hubs_with_job(engine, "[jobs.comparison]\ncron = \"0 0 29 2 *\"").await;
    province.push(vec![change(1, 1, child())]).await;
    province.settled().await;

    asked(
        &mut JobServiceClient::new(province.operator_line()),
        "comparison",
    )
    .await;

    let store = province.database.open().await;
    assert_eq!(
        ticks(&store, Job::Comparison).await[0].counts.to_string(),
        "matched=1 different=0 missing=0 extra=0 refused=0 repaired=0 remaining=0"
    );
    province.stop().await;
    nation.stop().await;
}

async fn asked(client: &mut JobServiceClient<tonic::transport::Channel>, job: &str) {
    let request = v1::RunJobRequest {
        job: job.to_owned(),
    };
    let tick = client
        .run_job(request)
        .await
        .expect("asked")
        .into_inner()
        .tick;
    let due = tick.expect("a tick").due_at;
    eventually("the tick has ended", || {
        let mut client = client.clone();
        async move {
            let request = v1::ListTicksRequest {
                job: job.to_owned(),
                ..v1::ListTicksRequest::default()
            };
            let ticks = client
                .list_ticks(request)
                .await
                .expect("ticks")
                .into_inner()
                .ticks;
            let tick = ticks.iter().find(|tick| tick.due_at == due);
            tick.expect("the tick").state() == v1::TickState::Succeeded
        }
    })
    .await;
}

async fn listed(client: &mut JobServiceClient<tonic::transport::Channel>) -> Vec<v1::ScheduledJob> {
    let listed = client.list_jobs(v1::ListJobsRequest {}).await;
    listed.expect("jobs").into_inner().jobs
}

async fn an_operator_sees_runs_pauses_and_resumes_jobs(engine: Engine) {
    let hub = TestHub::province(engine).await;
    let mut client = JobServiceClient::new(hub.operator_line());

    let jobs = listed(&mut client).await;
    let names: Vec<&str> = jobs.iter().map(|job| job.name.as_str()).collect();
    assert_eq!(names, ["purge", "certificates"]);
    assert_eq!(jobs[0].time_zone, "Asia/Ho_Chi_Minh");
    assert!(jobs.iter().all(|job| job.newest_tick.is_none()), "{jobs:?}");
    let job = || "certificates".to_owned();
    let pause = v1::PauseJobRequest { job: job() };
    client.pause_job(pause).await.expect("paused");
    asked(&mut client, "certificates").await;

    let jobs = listed(&mut client).await;
    assert_eq!(jobs[1].paused_by, "an");
    let tick = jobs[1].newest_tick.clone().expect("a tick");
    assert_eq!((tick.asked_by.as_str(), tick.runners), ("an", 1));
    let own = tick.counts.iter().find(|count| count.name == "own_days");
    assert!((0..=365).contains(&own.expect("a figure").figure));
    let resume = v1::ResumeJobRequest { job: job() };
    client.resume_job(resume).await.expect("resumed");
    assert_eq!(listed(&mut client).await[1].paused_by, "");

    let reason = |status: tonic::Status| {
        status
            .get_error_details()
            .error_info()
            .map(|info| info.reason.clone())
    };
    for (name, expected) in [("backup", "JOB_NOT_CONFIGURED"), ("tea", "JOB_UNKNOWN")] {
        let request = v1::RunJobRequest {
            job: name.to_owned(),
        };
        let refused = client.run_job(request).await.expect_err(name);
        assert_eq!(reason(refused).as_deref(), Some(expected));
    }
    let mut node = JobServiceClient::new(hub.node_line("commune"));
    let run = node.run_job(v1::RunJobRequest { job: job() }).await;
    assert_eq!(
        reason(run.expect_err("a node")).as_deref(),
        Some("OPERATOR_REQUIRED")
    );
    let list = node.list_jobs(v1::ListJobsRequest {}).await;
    assert_eq!(
        reason(list.expect_err("a node")).as_deref(),
        Some("OPERATOR_REQUIRED")
    );
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_of_the_database_is_whole_private_and_one_of_the_newest() {
    let database = Arc::new(Database::new(Engine::Sqlite).await);
    let options = HubOptions {
        tuning: "[jobs.backup]\nfolder = \"copies\"\ncopies = 2",
        ..HubOptions::province()
    };
    let hub = TestHub::start(Arc::new(Pki::new()), database, options).await;
    hub.register("commune", "GSO_PRE2025:30742").await;
    let folder = hub.pki.path().join("copies");
    let mut client = JobServiceClient::new(hub.operator_line());

    for version in 1..=3 {
        hub.push(vec![change(1, version, child())]).await;
        asked(&mut client, "backup").await;
        if version == 1 {
            std::fs::write(folder.join("notes.db"), b"another file").expect("written");
        }
    }

    let mut copies: Vec<_> = std::fs::read_dir(&folder)
        .expect("a folder")
        .map(|entry| entry.expect("a file").path())
        .collect();
    copies.sort();
    assert_eq!(copies.len(), 3, "{copies:?}");
    assert!(copies[0].ends_with("notes.db"));
    let mode = std::fs::metadata(&copies[2])
        .expect("a file")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let options = StoreOptions {
        url: copies[2].display().to_string(),
        connections_max: 2,
    };
    let opened = Store::open(&options).await.expect("a database");
    let mut reading = opened.read().await.expect("a transaction");
    assert_eq!(reading.read_counter("log").await.expect("a counter"), 3);
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_are_shown_and_run_at_a_terminal() {
    let hub = TestHub::province(Engine::Sqlite).await;
    let (url, identity) = (hub.url.clone(), hub.pki.operator("an"));
    let jobs = move |words: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_childsync"))
            .arg("jobs")
            .args(words)
            .args(["--hub", &url, "--identity"])
            .arg(&identity)
            .output()
            .expect("it runs");
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        (String::from_utf8(output.stdout).expect("text"), errors)
    };
    let asked = tokio::task::spawn_blocking(move || {
        let (list, errors) = jobs(&["list"]);
        assert!(
            list.contains("certificates") && list.contains("never run"),
            "{list}{errors}"
        );
        assert!(jobs(&["pause", "purge"]).0.contains("purge is paused"));
        let list: Value = serde_json::from_str(&jobs(&["list", "--json"]).0).expect("JSON");
        assert_eq!(list[0]["paused_by"], "an");
        assert!(jobs(&["resume", "purge"]).0.contains("purge is resumed"));
        assert!(jobs(&["run", "backup"]).1.contains("JOB_NOT_CONFIGURED"));
        assert!(
            jobs(&["run", "tea"])
                .1
                .contains("forward, comparison, purge, certificates and backup")
        );
        let run: Value = serde_json::from_str(&jobs(&["run", "purge", "--json"]).0).expect("JSON");
        assert_eq!(run["asked_by"], "an");
        let shown: Value =
            serde_json::from_str(&jobs(&["show", "purge", "--json"]).0).expect("JSON");
        assert_eq!(shown[0]["due_at"], run["due_at"]);
    });
    asked.await.expect("no panic");
    hub.stop().await;
}
