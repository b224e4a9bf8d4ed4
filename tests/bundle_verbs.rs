//! `childsync bundle` at a terminal, from the commune to the hub and back.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::bundle::{unreachable, without_line};
use crate::support::database::Engine;
use crate::support::hub::TestHub;
use crate::support::records::{change, numbered_child};

async fn run(words: Vec<String>) -> Output {
    let run = move || {
        Command::new(env!("CARGO_BIN_EXE_childsync"))
            .arg("bundle")
            .args(words)
            .output()
            .expect("it runs")
    };
    tokio::task::spawn_blocking(run).await.expect("no panic")
}

fn words(words: &[&str], paths: &[(&str, &Path)]) -> Vec<String> {
    let paths = paths.iter().flat_map(|(name, path)| {
        let name = (!name.is_empty()).then(|| (*name).to_owned());
        name.into_iter().chain([path.display().to_string()])
    });
    let words = words.iter().map(|word| (*word).to_owned());
    words.chain(paths).collect()
}

async fn shown(words: Vec<String>) -> String {
    let output = run(words.clone()).await;
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{words:?}: {errors}");
    String::from_utf8(output.stdout).expect("text")
}

async fn complained(words: Vec<String>) -> String {
    let output = run(words.clone()).await;
    assert!(!output.status.success(), "{words:?} succeeded");
    String::from_utf8(output.stderr).expect("text")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_go_from_the_commune_to_the_hub_and_the_receipt_comes_back() {
    let hub = TestHub::province(Engine::Sqlite).await;
    let agent = without_line(&hub).await;
    let changes = (1..=3).map(|number| change(number.into(), 1, numbered_child(number)));
    agent.pushing().send(changes.collect()).await.expect("kept");
    let config = agent.folder.path().join("agent.toml");
    let stick = tempfile::tempdir().expect("a folder");
    let bundle = stick.path().join("xa.bundle");
    let receipt = stick.path().join("xa.bundle.receipt");
    let (operator, url) = (hub.pki.operator("an"), hub.url.as_str());

    let export = words(
        &["export", "--json"],
        &[("--to", &bundle), ("--config", &config)],
    );
    let written: Value = serde_json::from_str(&shown(export.clone()).await).expect("JSON");
    assert_eq!(written["bundles"][0]["records"], 3, "{written}");
    assert!(complained(export).await.contains("no file is replaced"));

    let show = words(
        &["show", "--json"],
        &[("", &bundle), ("--identity", &operator)],
    );
    let header: Value = serde_json::from_str(&shown(show).await).expect("JSON");
    assert_eq!(header["routine_records"], 3, "{header}");
    assert_eq!(header["believed"], "yes, commune");
    let by_node = words(
        &["import", "--hub", url],
        &[("", &bundle), ("--identity", &hub.pki.node("commune"))],
    );
    assert!(complained(by_node).await.contains("OPERATOR_REQUIRED"));

    let import = words(
        &["import", "--hub", url],
        &[("", &bundle), ("--identity", &operator)],
    );
    let told = shown(import.clone()).await;
    assert!(
        told.contains("3 taken, 0 in quarantine, 0 refused"),
        "{told}"
    );
    let first = std::fs::read(&receipt).expect("a receipt");
    shown(import).await;
    assert!(first == std::fs::read(&receipt).expect("a receipt"));
    let told = shown(words(&["show"], &[("", &receipt)])).await;
    assert!(
        told.contains("receipt") && told.contains("province"),
        "{told}"
    );

    let list = words(
        &["list", "--json", "--hub", url],
        &[("--identity", &operator)],
    );
    let list: Value = serde_json::from_str(&shown(list).await).expect("JSON");
    assert_eq!(list["bundles"][0]["imported_by"], "an", "{list}");
    assert_eq!(list["bundles"][0]["records"], 3);

    let take = words(&["receipt"], &[("", &receipt), ("--config", &config)]);
    let told = shown(take.clone()).await;
    assert!(told.contains("3 đã đến tỉnh"), "{told}");
    assert!(shown(take).await.contains("was taken before"));
    assert_eq!(agent.queued().await, 0);
    let again = stick.path().join("again.bundle");
    let export = words(&["export"], &[("--to", &again), ("--config", &config)]);
    assert!(complained(export).await.contains("NOTHING_WAITS"));
    let wrong = words(&["receipt"], &[("", &bundle), ("--config", &config)]);
    assert!(complained(wrong).await.contains("is a bundle"));
    agent.stop().await;
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_card_or_agent_the_terminal_says_what_to_do() {
    let hub = TestHub::province(Engine::Sqlite).await;
    let agent = unreachable(&hub.pki).await;
    let changes = vec![change(1, 1, numbered_child(1))];
    agent.pushing().send(changes).await.expect("kept");
    let folder = std::sync::Arc::clone(&agent.folder);
    let config = folder.path().join("agent.toml");
    let bundle = folder.path().join("xa.bundle");
    let export = words(&["export"], &[("--to", &bundle), ("--config", &config)]);

    let missing = complained(export.clone()).await;
    assert!(missing.contains("hub.card"), "{missing}");
    assert!(!bundle.exists(), "nothing was written");
    let file = hub.pki.node("commune").join("hub.card");
    let operator = hub.pki.operator("an");
    let card = words(
        &["card", "--hub", &hub.url],
        &[("--to", &file), ("--identity", &operator)],
    );
    shown(card).await;
    shown(export.clone()).await;
    agent.stop().await;

    std::fs::remove_file(&bundle).expect("removed");
    let stopped = complained(export).await;
    assert!(stopped.contains("the agent does not run"), "{stopped}");
    hub.stop().await;
}
