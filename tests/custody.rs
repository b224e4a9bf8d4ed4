//! Where a record is durable and since when: for its node and for operators, by the wire and at a terminal.

use std::path::PathBuf;
use std::process::{Command, Output};

use childsync::domain::draft::ChildDraft;
use childsync::grpc::batch_file::ReceiptLetter;
use childsync::grpc::proto::record::RecordKind;
use childsync::grpc::proto::v1::custody_service_client::CustodyServiceClient;
use childsync::grpc::proto::v1::{self, FeedState, TierState};
use serde_json::Value;
use tonic::Code;
use tonic::transport::Channel;
use tonic_types::StatusExt;

use crate::support::database::Engine;
use crate::support::hub::TestHub;
use crate::support::on_both_engines;
use crate::support::records::{change, id, numbered_child, report, report_change, tombstone};
use crate::support::tiers::{Tiers, until_told, word_of};

on_both_engines![
    a_record_is_traced_from_the_log_to_the_nation,
    what_waits_and_what_is_in_quarantine_is_traced_too,
    nobody_traces_what_is_not_theirs,
];

async fn trace(
    line: Channel,
    node: &str,
    record: u128,
) -> Result<v1::TraceResponse, tonic::Status> {
    let request = v1::TraceRequest {
        node: node.to_owned(),
        record_id: id(record).to_string(),
        ..v1::TraceRequest::default()
    };
    let answer = CustodyServiceClient::new(line).trace(request).await;
    answer.map(tonic::Response::into_inner)
}

async fn until_at_the_nation(tiers: &Tiers, node: &str, record: u128, version: u64) {
    let what = "the nation holds it";
    until_told((&tiers.district, node, record), what, |event| {
        event.version == version && word_of(event, "nation").is_some_and(|word| word.is_newest)
    })
    .await;
}

async fn a_record_is_traced_from_the_log_to_the_nation(engine: Engine) {
    let tiers = Tiers::new(engine).await;
    tiers
        .district
        .push(vec![change(1, 1, numbered_child(1))])
        .await;
    until_at_the_nation(&tiers, "commune", 1, 1).await;
    let moved = ChildDraft {
        village: "Ấp Hai".into(),
        ..numbered_child(1)
    };
    tiers.district.push(vec![change(1, 2, moved)]).await;
    until_at_the_nation(&tiers, "commune", 1, 2).await;

    let line = tiers.district.node_line("commune");
    let traced = trace(line, "", 1).await.expect("its own record");

    assert_eq!(
        (traced.hub.as_str(), traced.node.as_str()),
        ("district", "commune")
    );
    let versions = traced.versions.iter();
    let versions: Vec<_> = versions.map(|one| (one.version, one.log_number)).collect();
    assert_eq!(versions, [(2, 2), (1, 1)]);
    assert!(traced.versions.iter().all(|one| one.is_reconciled));
    let [state] = traced.states.as_slice() else {
        panic!("one state: {}", traced.states.len());
    };
    assert_eq!(state.state(), FeedState::Reconciled);
    assert_eq!(traced.golden_version, 2);
    let batch = traced.batch.expect("it went upward");
    assert!(batch.first_change <= state.golden_change && state.golden_change <= batch.last_change);
    let signed = ReceiptLetter::read(&batch.receipt).expect("what the upstream signed");
    assert_eq!(signed.header.number, batch.number);
    let instants = [
        traced.versions[0].received_at,
        traced.golden_since,
        batch.sealed_at,
        batch.receipted_at,
    ];
    let instants = instants.map(|at| at.map(|at| (at.seconds, at.nanos)).expect("a time"));
    assert!(instants.is_sorted(), "{instants:?}");
    let hubs: Vec<&str> = state.tiers.iter().map(|word| word.hub.as_str()).collect();
    assert_eq!(hubs, ["province", "nation"]);
    assert!(state.tiers.iter().all(|word| word.since.is_some()));

    // Of the same chain every hub tells its own part: the golden record is its record further up.
    let above = tiers.province.operator_line();
    let golden = state.golden_id.parse::<uuid::Uuid>().expect("a UUID");
    let request = v1::TraceRequest {
        node: "district".into(),
        record_id: golden.to_string(),
        kind: RecordKind::Child.into(),
    };
    let above = CustodyServiceClient::new(above).trace(request).await;
    let above = above.expect("the district's record").into_inner();
    assert_eq!(above.states[0].golden_id, state.tiers[0].golden_id);
    assert_eq!(above.states[0].tiers.len(), 1);
    tiers.stop().await;
}

async fn what_waits_and_what_is_in_quarantine_is_traced_too(engine: Engine) {
    let tiers = Tiers::new(engine).await;
    tiers
        .district
        .push(vec![change(1, 1, numbered_child(1))])
        .await;
    until_at_the_nation(&tiers, "commune", 1, 1).await;
    tiers.province.stop().await;
    let broken = ChildDraft {
        ethnicity: None,
        ..numbered_child(1)
    };
    tiers.district.push(vec![change(1, 2, broken)]).await;
    let operator = || tiers.district.operator_line();
    let traced = async || trace(operator(), "commune", 1).await.expect("traced");
    crate::support::eventually("both versions are told", || async {
        traced().await.states.len() == 2
    })
    .await;
    let trace_now = traced().await;
    let good = trace_now.states.iter().find(|state| state.version == 1);
    let good = good.expect("the good version");
    assert!(word_of(good, "nation").is_some_and(|word| word.state() == TierState::Reconciled));
    let broken = trace_now.states.iter().find(|state| state.version == 2);
    assert_eq!(broken.expect("told").state(), FeedState::Quarantined);

    // Nobody above takes the withdrawal: it waits.
    tiers.district.push(vec![tombstone(1, 3)]).await;
    crate::support::eventually("the withdrawal is reconciled", || async {
        let now = traced().await;
        now.golden_version == 2 && now.versions[0].is_withdrawal
    })
    .await;
    let waiting = traced().await;
    let receipted = waiting.batch.as_ref().and_then(|batch| batch.receipted_at);
    assert!(receipted.is_none(), "{waiting:#?}");
    assert!(waiting.states[0].tiers.iter().all(|word| !word.is_newest));
    tiers.district.stop().await;
    tiers.city.stop().await;
    tiers.nation.stop().await;
}

async fn nobody_traces_what_is_not_theirs(engine: Engine) {
    let hub = TestHub::province(engine).await;
    hub.register("other", "GSO_PRE2025:30745").await;
    hub.push(vec![
        change(1, 1, numbered_child(1)),
        report_change(2, 1, report()),
    ])
    .await;
    hub.settled().await;

    let reason = |status: &tonic::Status| {
        let details = status.get_error_details();
        details.error_info().expect("a reason").reason.clone()
    };
    let other = trace(hub.node_line("other"), "commune", 1).await;
    let refused = other.expect_err("another node's record");
    assert_eq!(refused.code(), Code::PermissionDenied);
    assert_eq!(reason(&refused), "OWN_NODE_REQUIRED");
    let own = trace(hub.node_line("other"), "other", 1).await;
    assert_eq!(
        reason(&own.expect_err("it never sent it")),
        "RECORD_UNKNOWN"
    );
    let stranger = hub.line_of(&hub.pki.operator("stranger"));
    let refused = trace(stranger, "commune", 1).await;
    assert_eq!(
        reason(&refused.expect_err("a stranger")),
        "OPERATOR_REQUIRED"
    );
    let unknown = trace(hub.node_line("unknown"), "", 1).await;
    assert_eq!(
        reason(&unknown.expect_err("unknown")),
        "NODE_NOT_REGISTERED"
    );
    let unknown = trace(hub.operator_line(), "unknown", 1).await;
    assert_eq!(reason(&unknown.expect_err("unknown")), "NODE_UNKNOWN");
    // A child and a report may have one id; this one is a report.
    let child = trace(hub.operator_line(), "commune", 2).await;
    assert_eq!(reason(&child.expect_err("no child")), "RECORD_UNKNOWN");
    hub.stop().await;
}

/// Runs the verb under an identity.
async fn run(hub: &TestHub, identity: PathBuf, words: &[&str]) -> Output {
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    let url = hub.url.clone();
    let run = move || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_childsync"));
        command.arg("trace").args(words).args(["--hub", &url]);
        command.arg("--identity").arg(identity);
        command.output().expect("it runs")
    };
    tokio::task::spawn_blocking(run).await.expect("no panic")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_is_traced_at_a_terminal() {
    let tiers = Tiers::new(Engine::Sqlite).await;
    let sent = change(1, 1, numbered_child(1));
    tiers.district.push(vec![sent]).await;
    until_at_the_nation(&tiers, "commune", 1, 1).await;
    let hub = &tiers.district;
    let record = id(1).to_string();
    let text = |output: &Output| String::from_utf8(output.stdout.clone()).expect("text");

    let shown = run(hub, hub.pki.operator("an"), &["commune", &record]).await;
    assert!(
        shown.status.success(),
        "{}",
        String::from_utf8_lossy(&shown.stderr)
    );
    for words in [
        "district (GSO_PRE2025:899)",
        "version 1 taken in",
        "receipted above, có chữ ký / signed",
        "province (GSO_PRE2025:91)",
        "nation (GSO_PRE2025:91)",
        "đang giữ / holds it",
    ] {
        assert!(text(&shown).contains(words), "{words}: {}", text(&shown));
    }
    assert!(!text(&shown).contains("Danh"), "a name is shown");

    let as_node = hub.pki.node("commune");
    let shown = run(hub, as_node, &["commune", &record, "--json"]).await;
    let shown: Value = serde_json::from_str(&text(&shown)).expect("JSON");
    assert_eq!(shown["is_held_everywhere"], true);
    assert_eq!(shown["tiers"][1]["hub"], "nation");
    assert_eq!(shown["tiers"][1]["state"], "reconciled");

    let unknown = run(
        hub,
        hub.pki.operator("an"),
        &["commune", &id(9).to_string()],
    )
    .await;
    assert!(!unknown.status.success());
    let complaint = String::from_utf8_lossy(&unknown.stderr).into_owned();
    assert!(complaint.contains("RECORD_UNKNOWN"), "{complaint}");
    tiers.stop().await;
}
