//! `childsync compare` at a terminal.

use std::process::{Command, Output};

use serde_json::Value;

use crate::support::comparison::{TwoTiers, plant_golden};
use crate::support::database::Engine;

/// A record that no hub makes.
const PLANTED: u128 = 0x0197_0000_0000_7000_9000_0000_0000_0000;

async fn verb(tiers: &TwoTiers, words: &[&str]) -> Output {
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    let identity = tiers.province.pki.operator("an");
    let url = tiers.province.url.clone();
    let run = move || {
        Command::new(env!("CARGO_BIN_EXE_childsync"))
            .args(words)
            .args(["--hub", &url, "--identity"])
            .arg(identity)
            .output()
            .expect("it runs")
    };
    tokio::task::spawn_blocking(run).await.expect("no panic")
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_compares_mends_and_looks_at_a_terminal() {
    let tiers = TwoTiers::with_children(Engine::Sqlite, 30).await;
    plant_golden(&tiers.below, PLANTED).await;

    let found = verb(&tiers, &["compare", "--with", "upstream", "--json"]).await;
    assert!(!found.status.success(), "the ends differ");
    assert!(errors(&found).contains("--repair"), "{}", errors(&found));
    let shown = json(&found);
    assert_eq!(shown["comparison"]["missing"], 1);
    assert_eq!(shown["comparison"]["matched"], 32);
    assert_eq!(shown["differences"][0]["finding"], "missing");

    let mended = verb(&tiers, &["compare", "--with", "upstream", "--repair"]).await;
    assert!(mended.status.success(), "{}", errors(&mended));
    let text = String::from_utf8_lossy(&mended.stdout).into_owned();
    assert!(
        text.contains("Thiếu ở cấp trên") && text.contains("Đã gửi lại"),
        "{text}"
    );

    let list = json(&verb(&tiers, &["compare", "--list", "--json"]).await);
    assert_eq!(list["comparisons"][0]["remaining"], 0);
    assert_eq!(list["comparisons"][1]["missing"], 1);
    let status = json(&verb(&tiers, &["status", "--json"]).await);
    assert_eq!(status["comparisons"][0]["with"], "upstream");
    let table = verb(&tiers, &["status"]).await;
    let table = String::from_utf8_lossy(&table.stdout).into_owned();
    assert!(table.contains("Compared with upstream"), "{table}");
    tiers.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_compared_is_refused_in_words() {
    let tiers = TwoTiers::with_children(Engine::Sqlite, 1).await;
    for (words, expected) in [
        (vec!["compare", "--with", "nobody"], "NODE_UNKNOWN"),
        (vec!["compare", "--with", "Không"], "--with"),
        (
            vec!["compare", "--with", "commune", "--wait", "1"],
            "--list",
        ),
    ] {
        let output = verb(&tiers, &words).await;

        assert!(!output.status.success(), "{words:?}");
        assert!(
            errors(&output).contains(expected),
            "{words:?}: {}",
            errors(&output)
        );
    }
    tiers.stop().await;
}
