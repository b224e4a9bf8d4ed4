//! `childsync batches` at a terminal: what a hub sent, and a receipt that is proved without it.

use std::process::{Command, Output};
use std::sync::Arc;

use serde_json::Value;

use crate::support::database::Engine;
use crate::support::eventually;
use crate::support::forwarding::nation;
use crate::support::hub::{TestHub, free_port};
use crate::support::pki::Pki;
use crate::support::records::{change, numbered_child};

async fn run(words: &[&str]) -> Output {
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    let run = move || {
        Command::new(env!("CARGO_BIN_EXE_childsync"))
            .arg("batches")
            .args(words)
            .output()
            .expect("it runs")
    };
    tokio::task::spawn_blocking(run).await.expect("no panic")
}

async fn shown(words: &[&str]) -> String {
    let output = run(words).await;
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{words:?}: {errors}");
    String::from_utf8(output.stdout).expect("text")
}

async fn complained(words: &[&str]) -> String {
    let output = run(words).await;
    assert!(!output.status.success(), "{words:?} succeeded");
    String::from_utf8(output.stderr).expect("text")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receipt_is_listed_taken_and_proved_without_a_hub() {
    let pki = Arc::new(Pki::new());
    let nation = nation(&pki, Engine::Sqlite, free_port()).await;
    let province = TestHub::province_below(&pki, Engine::Sqlite, &nation.url).await;
    province.register("commune", "GSO_PRE2025:30742").await;
    let operator = pki.operator("an").display().to_string();
    let there = ["--hub", &province.url, "--identity", &operator];
    let file = pki.path().join("1.receipt").display().to_string();
    let early = [&["receipt", "1", "--to", &file][..], &there].concat();
    assert!(complained(&early).await.contains("no batch"));
    province.push(vec![change(1, 1, numbered_child(1))]).await;
    eventually("the batch is receipted", || async {
        let forwarder = province.status().await.forwarder.expect("an upstream");
        forwarder.receipted_batch == 1
    })
    .await;

    let listed = shown(&[&["list", "--json"][..], &there].concat()).await;
    let listed: Value = serde_json::from_str(&listed).expect("JSON");
    assert_eq!(listed["batches"][0]["held"], 1, "{listed}");
    let one = shown(&[&["show", "1"][..], &there].concat()).await;
    assert!(
        one.contains("receipted at") && one.contains("nation"),
        "{one}"
    );
    let above = ["--hub", &nation.url, "--identity", &operator];
    let received = shown(&[&["list", "--received"][..], &above].concat()).await;
    assert!(received.contains("province"), "{received}");
    shown(&early).await;
    province.stop().await;
    nation.stop().await;

    let ca = pki.path().join("ca/ca.pem").display().to_string();
    let verify = [
        "verify",
        &file,
        "--ca",
        &ca,
        "--host",
        "127.0.0.1",
        "--json",
    ];
    let proved: Value = serde_json::from_str(&shown(&verify).await).expect("JSON");
    assert_eq!(
        (&proved["hub"], &proved["upstream"]),
        (&"province".into(), &"nation".into())
    );
    assert_eq!(
        (&proved["records"], &proved["held"]),
        (&1.into(), &1.into())
    );
    let elsewhere = ["verify", &file, "--ca", &ca, "--host", "other.example"];
    assert!(complained(&elsewhere).await.contains("another hub"));
    let stranger = Pki::new();
    let foreign = stranger.path().join("ca/ca.pem").display().to_string();
    let foreign = ["verify", &file, "--ca", &foreign];
    assert!(complained(&foreign).await.contains("not trusted"));
    let mut bytes = std::fs::read(&file).expect("readable");
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&file, bytes).expect("written");
    assert!(complained(&verify).await.contains("was changed"));
}
