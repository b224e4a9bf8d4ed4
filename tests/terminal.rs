//! A steward at a terminal: every verb of `childsync review`, as its help shows it.

use std::process::{Command, Output};

use childsync::domain::draft::ChildDraft;
use serde_json::Value;

use crate::support::database::Engine;
use crate::support::eventually;
use crate::support::hub::TestHub;
use crate::support::records::{change, id, numbered_child};
use crate::support::stewards::{
    ONE, OTHER, are_together, elsewhere, golden_of, push_doubtful_pair, two_communes,
};

/// Asks a hub as its operator; what comes after the verb's own words is the line to the hub.
async fn review(hub: &TestHub, words: &[&str]) -> Output {
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    let identity = hub.pki.operator("an");
    let url = hub.url.clone();
    let run = move || {
        Command::new(env!("CARGO_BIN_EXE_childsync"))
            .arg("review")
            .args(words)
            .args(["--hub", &url, "--identity"])
            .arg(identity)
            .output()
            .expect("it runs")
    };
    tokio::task::spawn_blocking(run).await.expect("no panic")
}

async fn shown(hub: &TestHub, words: &[&str]) -> String {
    let output = review(hub, words).await;
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{words:?}: {errors}");
    String::from_utf8(output.stdout).expect("text")
}

async fn json(hub: &TestHub, words: &[&str]) -> Value {
    let words = [words, &["--json"]].concat();
    serde_json::from_str(&shown(hub, &words).await).expect("JSON")
}

fn record((node, number): (&str, u128)) -> String {
    format!("{node}/{}", id(number))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_steward_looks_decides_and_takes_it_back_at_a_terminal() {
    let hub = two_communes(Engine::Sqlite).await;
    push_doubtful_pair(&hub).await;
    let (one, other) = (record(ONE), record(OTHER));

    let list = json(
        &hub,
        &["list", "--order", "age", "--unit", "GSO_PRE2025:30745"],
    )
    .await;
    assert_eq!(list["open"], 1);
    assert_eq!(list["reviews"][0]["one"], one.as_str());
    let nothing = json(&hub, &["list", "--unit", "GSO_PRE2025:30748"]).await;
    assert_eq!(nothing["reviews"], Value::Array(Vec::new()));
    let table = shown(&hub, &["show", &one, &other]).await;
    for words in [
        "Nguyễn Thử Kiểm",
        "≠ Ngày sinh / born",
        "Phường Vĩnh Thanh Vân (GSO_PRE2025:30742)",
        "quá gần để là hai con của một mẹ",
        "Tổng cộng / all together",
    ] {
        assert!(table.contains(words), "{words} is missing:\n{table}");
    }

    let decided = json(&hub, &["decide", &one, &other, "same"]).await;
    eventually("they are together", || are_together(&hub, ONE, OTHER)).await;
    let golden = golden_of(&hub, ONE.0, ONE.1).await;
    let tale = shown(&hub, &["golden", &golden]).await;
    assert!(
        tale.contains("merged") && tale.contains("decision"),
        "{tale}"
    );
    let number = decided["decisions"][0].to_string();
    shown(&hub, &["undo", &number]).await;
    eventually("they are apart", || async {
        !are_together(&hub, ONE, OTHER).await
    })
    .await;
    let said = shown(&hub, &["decisions"]).await;
    assert!(said.contains("undone") && said.contains("same"), "{said}");
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_steward_unlinks_merges_and_sees_contradictions_at_a_terminal() {
    let hub = two_communes(Engine::Sqlite).await;
    let there = elsewhere(ChildDraft {
        birth_date: Some(childsync::domain::draft::DateDraft::day(2018, 2, 4)),
        ..numbered_child(7)
    });
    hub.push(vec![change(1, 1, numbered_child(7))]).await;
    hub.push_as("other", vec![change(2, 1, there)]).await;
    hub.settled().await;

    let conflicts = shown(&hub, &["conflicts"]).await;
    assert!(conflicts.contains("birth_date"), "{conflicts}");
    shown(&hub, &["unlink", &record(OTHER)]).await;
    eventually("they are apart", || async {
        !are_together(&hub, ONE, OTHER).await
    })
    .await;
    let why = json(&hub, &["show", &record(ONE), &record(OTHER)]).await;
    assert_eq!(why["veto"], "steward");
    let golden = [
        golden_of(&hub, ONE.0, ONE.1).await,
        golden_of(&hub, OTHER.0, OTHER.1).await,
    ];
    shown(&hub, &["merge", &golden[0], &golden[1]]).await;
    eventually("they are together", || are_together(&hub, ONE, OTHER)).await;
    let tale = json(&hub, &["golden", &golden_of(&hub, ONE.0, ONE.1).await]).await;
    assert_eq!(tale["members"].as_array().map(Vec::len), Some(2));
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_decided_is_refused_in_words() {
    let hub = two_communes(Engine::Sqlite).await;
    push_doubtful_pair(&hub).await;
    let (one, other) = (record(ONE), record(OTHER));
    for (words, expected) in [
        (vec!["show", "x", &other], "a record is NODE/RECORD-ID"),
        (vec!["decide", &one, &one, "same"], "ONE_AND_THE_SAME"),
        (vec!["undo", "9"], "DECISION_NOT_IN_FORCE"),
        (vec!["golden", "x"], "GOLDEN_ID_INVALID"),
        (vec!["split", &other], "NOT_A_PART"),
        (vec!["list", "--unit", "x"], "--unit"),
    ] {
        let output = review(&hub, &words).await;

        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{words:?}");
        assert!(errors.contains(expected), "{words:?}: {errors}");
    }
    hub.stop().await;
}
