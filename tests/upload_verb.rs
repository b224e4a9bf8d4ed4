//! The verbs `upload` and `uploads` at a terminal.

use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::database::Engine;
use crate::support::hub::TestHub;

const HEADER: &str = "record_id,unit_code,full_name,sex,birth_date,ethnicity,version";

fn rows(lines: &[&str]) -> String {
    format!("{HEADER}\n{}\n", lines.join("\n"))
}

/// Runs a verb as the commune, or as the operator.
async fn run(hub: &TestHub, identity: PathBuf, arguments: &[&str]) -> (Output, String) {
    let identity = identity.display().to_string();
    let line = ["--hub", &hub.url, "--identity", &identity];
    let all = arguments.iter().chain(&line).map(|word| (*word).to_owned());
    let all: Vec<String> = all.collect();
    let output = tokio::task::spawn_blocking(move || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_childsync"));
        command.args(all).output().expect("it runs")
    });
    let output = output.await.expect("no panic");
    let words = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    (output, String::from_utf8(words).expect("text"))
}

fn write(hub: &TestHub, name: &str, text: &str) -> String {
    let path = hub.pki.path().join(name);
    std::fs::write(&path, text).expect("written");
    path.display().to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_is_validated_then_taken_in_and_shown() {
    let hub = TestHub::province(Engine::Sqlite).await;
    let commune = || hub.pki.node("commune");
    let first = [
        "a,30742,Danh Thị Mẫu,2,2018-04-02,05,1",
        "b,30742,Danh Văn Mẫu,1,2017-04-02,05,1",
        "c,30742,Danh Thị Thử,2,2016-04-02,05,1",
    ];
    let file = write(&hub, "first.csv", &rows(&first));
    let (output, words) = run(&hub, commune(), &["upload", &file]).await;
    assert!(output.status.success(), "{words}");
    assert!(
        words.contains("3 rows, taken in: 3 new, 0 changed"),
        "{words}"
    );
    assert!(words.contains("Đã nhận: 3 dòng: 3 mới"), "{words}");

    let second = [first[0], "b,30742,Danh Văn Thử,1,2017-04-02,05,2"];
    let file = write(&hub, "second.csv", &rows(&second));
    let snapshot = [
        "upload",
        &file,
        "--snapshot",
        "--withdraw-missing",
        "--json",
    ];
    let looked = [&snapshot[..], &["--validate-only"]].concat();
    let (output, words) = run(&hub, commune(), &looked).await;
    assert!(output.status.success(), "{words}");
    let shown: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(shown["upload"]["state"], "validated");
    assert_eq!(shown["changed"][0]["row"], 3);
    assert_eq!(shown["missing"].as_array().expect("a list").len(), 1);
    hub.settled().await;
    assert_eq!(hub.status().await.source_records, 3);

    let (output, words) = run(&hub, commune(), &snapshot).await;
    assert!(output.status.success(), "{words}");
    let shown: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(shown["upload"]["totals"]["unchanged"], 1);
    assert_eq!(shown["withdrawn"][0]["version"], 2);
    let id = shown["upload"]["upload_id"]
        .as_str()
        .expect("an id")
        .to_owned();
    hub.settled().await;
    assert_eq!(hub.status().await.source_records, 2);

    let (_, words) = run(&hub, commune(), &["uploads", "list"]).await;
    assert_eq!(words.matches("committed").count(), 2, "{words}");
    let operator = hub.pki.operator("an");
    let show = ["uploads", "show", &id, "--node", "commune"];
    let (output, words) = run(&hub, operator, &show).await;
    assert!(output.status.success(), "{words}");
    assert!(words.contains("record 2: changed"), "{words}");
    assert!(words.contains("withdrawn"), "{words}");
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faulty_rows_are_shown_with_file_and_line_and_fail_the_verb() {
    let hub = TestHub::province(Engine::Sqlite).await;
    let commune = || hub.pki.node("commune");
    let good = write(
        &hub,
        "good.csv",
        &rows(&["a,30742,Danh Thị Mẫu,2,2018-04-02,05,1"]),
    );
    let bad = [
        "b,30742,Danh Văn Mẫu,1,2199-04-02,05,1",
        "c,30745,Danh Văn Mẫu,1,2017-04-02,05,1",
        "d,30742,Danh Văn Mẫu,1",
    ];
    let bad = write(&hub, "bad.csv", &rows(&bad));
    let upload = ["upload", &good, &bad, "--unit", "GSO_PRE2025:30742"];

    let (output, words) = run(&hub, commune(), &upload).await;

    assert!(!output.status.success());
    for found in [
        "row 2: child.birth_date",
        "row 3: the hub answered OUTSIDE_TERRITORY",
        "row 4: dòng có ít ô hơn dòng tiêu đề",
    ] {
        assert!(
            words.contains(&format!("bad.csv, {found}")),
            "{found}: {words}"
        );
    }
    assert!(words.contains("4 rows, taken in: 1 new"), "{words}");
    assert!(words.contains("3 not taken"), "{words}");
    // Where everything must be there, a row that cannot be read stops the upload before it begins.
    let (output, words) = run(
        &hub,
        commune(),
        &[&upload[..], &["--all-or-nothing"]].concat(),
    )
    .await;
    assert!(!output.status.success());
    assert!(words.contains("nothing was sent"), "{words}");
    let whole = ["upload", &good, "--all-or-nothing", "--packing", "gzip"];
    let (output, words) = run(&hub, commune(), &whole).await;
    assert!(output.status.success(), "{words}");
    assert!(words.contains("0 new, 0 changed, 1 unchanged"), "{words}");
    hub.stop().await;
}
