//! `childsync units` as a person at a terminal meets it.

use std::process::{Command, Output};

use crate::support::database::Engine;
use crate::support::eventually;
use crate::support::hub::TestHub;
use crate::support::output::{json, words};
use crate::support::records::{change, numbered_child};
use crate::support::stewards::golden_of;
use crate::support::units::{REFORM, SPLIT, moved, tasks};

/// Runs `childsync units` against a hub.
async fn units(hub: &TestHub, arguments: &[&str]) -> Output {
    let mut all: Vec<String> = vec!["units".into()];
    all.extend(arguments.iter().map(|word| (*word).to_owned()));
    if arguments.first() != Some(&"example") {
        let identity = hub.pki.operator("an").display().to_string();
        let line = ["--hub", &hub.url, "--identity", &identity];
        all.extend(line.map(str::to_owned));
    }
    let run = move || {
        Command::new(env!("CARGO_BIN_EXE_childsync"))
            .args(&all)
            .output()
    };
    let output = tokio::task::spawn_blocking(run).await.expect("no panic");
    output.expect("it runs")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_whole_reform_is_tried_first_and_then_applied() {
    let hub = TestHub::province(Engine::Sqlite).await;
    hub.push(vec![change(1, 1, numbered_child(1))]).await;
    let example = units(&hub, &["example", "reform-2025"]).await;
    let file = hub.pki.path().join("reform-2025.toml");
    std::fs::write(&file, &example.stdout).expect("written");
    let file = file.display().to_string();

    let tried = units(&hub, &["apply", &file, "--dry-run"]).await;
    assert!(words(&tried).contains("471 split"), "{}", words(&tried));
    assert!(
        words(&tried).contains("of 1 registered nodes"),
        "{}",
        words(&tried)
    );
    assert!(
        words(&tried).contains("Nothing was changed"),
        "{}",
        words(&tried)
    );
    let acts = json(&units(&hub, &["acts", "--json"]).await);
    assert_eq!(acts["acts"].as_array().map(Vec::len), Some(0));

    let applied = json(&units(&hub, &["apply", &file, "--json"]).await);
    assert_eq!(applied["created"], true);
    moved(&hub, 1).await;
    let again = units(&hub, &["apply", &file]).await;
    assert!(
        words(&again).contains("nothing was changed"),
        "{}",
        words(&again)
    );
    let acts = json(&units(&hub, &["acts", "--json"]).await);
    assert_eq!(acts["acts"][0]["finished"], true);
    let status = units(&hub, &["status"]).await;
    assert!(words(&status).contains("1 changed"), "{}", words(&status));
    let nodes = json(&units(&hub, &["nodes", "--json"]).await);
    assert_eq!(nodes["nodes"][0]["unit"], "GSO_2025:30742");
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_lists_what_waits_and_places_it() {
    let hub = TestHub::province(Engine::Sqlite).await;
    hub.push(vec![change(1, 1, numbered_child(1))]).await;
    hub.settled().await;
    let golden = golden_of(&hub, "commune", 1).await;
    let file = hub.pki.path().join("split.toml");
    std::fs::write(&file, SPLIT).expect("written");
    units(&hub, &["apply", &file.display().to_string()]).await;
    moved(&hub, 1).await;

    let waiting = json(&units(&hub, &["tasks", "--json"]).await);
    assert_eq!(waiting["tasks"][0]["golden_id"], golden.as_str());
    assert_eq!(waiting["tasks"][0]["parts"][1], "GSO_2025:30760");
    let of_other = ["tasks", "--unit", "GSO_PRE2025:30745", "--json"];
    let of_other = json(&units(&hub, &of_other).await);
    assert_eq!(of_other["tasks"].as_array().map(Vec::len), Some(0));
    let shown = units(&hub, &["tasks"]).await;
    assert!(
        words(&shown).contains("Phường Vĩnh Thông"),
        "{}",
        words(&shown)
    );
    let wrong = units(&hub, &["place", &golden, "--unit", "GSO_2025:30886"]).await;
    assert!(!wrong.status.success());
    assert!(words(&wrong).contains("NOT_A_PART"), "{}", words(&wrong));
    let placed = units(&hub, &["place", &golden, "--unit", "GSO_2025:30760"]).await;
    assert!(placed.status.success(), "{}", words(&placed));
    eventually("it is placed", || async { tasks(&hub).await.is_empty() }).await;

    let rest: Vec<_> = (2..=3)
        .map(|number| change(number, 1, numbered_child(7)))
        .collect();
    hub.push(rest).await;
    hub.settled().await;
    let rest = [
        "place",
        "--all-of",
        "GSO_PRE2025:30742",
        "--unit",
        "GSO_2025:30742",
    ];
    let rest = units(&hub, &rest).await;
    assert!(
        words(&rest).contains("belong to GSO_2025:30742"),
        "{}",
        words(&rest)
    );
    eventually("nobody waits", || async { tasks(&hub).await.is_empty() }).await;
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_no_act_says_what_is_wrong_with_it() {
    let hub = TestHub::province(Engine::Sqlite).await;
    let file = hub.pki.path().join("wrong.toml");
    std::fs::write(&file, REFORM.replace("renamed", "sold")).expect("written");

    let refused = units(&hub, &["apply", &file.display().to_string()]).await;

    assert!(!refused.status.success());
    let words = words(&refused);
    assert!(words.contains("GSO_PRE2025:30901"), "{words}");
    assert!(
        words.contains("renamed, merged, split or abolished"),
        "{words}"
    );
    hub.stop().await;
}
