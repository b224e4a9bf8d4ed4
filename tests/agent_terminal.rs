//! The agent at a terminal: every verb of `childsync agent`, as its help shows it.

use std::path::Path;
use std::process::{Command, Output};

use childsync::domain::draft::ChildDraft;
use serde_json::Value;

use crate::support::agent::{AgentOptions, TestAgent};
use crate::support::hub::free_port;
use crate::support::pki::Pki;
use crate::support::records::{change, id, numbered_child};

async fn run(config: &Path, words: &[&str]) -> Output {
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    let config = config.to_owned();
    let run = move || {
        Command::new(env!("CARGO_BIN_EXE_childsync"))
            .args(["agent", "--config"])
            .arg(config)
            .args(words)
            .env_remove("CHILDSYNC_TEST_POSTGRES_URL")
            .output()
            .expect("it runs")
    };
    tokio::task::spawn_blocking(run).await.expect("no panic")
}

async fn shown(config: &Path, words: &[&str]) -> String {
    let output = run(config, words).await;
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{words:?}: {errors}");
    String::from_utf8(output.stdout).expect("text")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_official_sees_what_waits_and_what_to_correct_at_a_terminal() {
    let pki = std::sync::Arc::new(Pki::new());
    let options = AgentOptions::before(&format!("https://127.0.0.1:{}", free_port()));
    let agent = TestAgent::start(&pki, options).await;
    let nameless = ChildDraft {
        full_name: String::new(),
        ..numbered_child(2)
    };
    let changes = vec![change(1, 1, numbered_child(1)), change(2, 1, nameless)];
    agent.pushing().send(changes).await.expect("kept");
    let config = agent.folder.path().join("agent.toml");
    let bad = id(2).to_string();

    let status = shown(&config, &["status"]).await;
    for words in [
        "không / no",
        "Chờ gửi, thường / waiting, routine",
        "/?token=",
    ] {
        assert!(status.contains(words), "{words} is missing:\n{status}");
    }
    let json: Value =
        serde_json::from_str(&shown(&config, &["status", "--json"]).await).expect("JSON");
    assert_eq!(json["waiting"]["routine"], 2);
    assert_eq!(json["standings"]["kept-to-correct"], 1);
    let list = shown(&config, &["records", "kept-to-correct"]).await;
    assert!(
        list.contains(&bad) && list.contains("bắt buộc phải có"),
        "{list}"
    );
    let json = shown(&config, &["records", "kept", "--json"]).await;
    let json: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["records"][0]["record_id"], id(1).to_string());
    let one = shown(&config, &["show", "child", &bad]).await;
    assert!(
        one.contains("chờ gửi, cần sửa") && one.contains("bắt buộc"),
        "{one}"
    );

    let unknown = run(&config, &["show", "case-report", &bad]).await;
    let errors = String::from_utf8_lossy(&unknown.stderr).into_owned();
    assert!(
        !unknown.status.success() && errors.contains("RECORD_UNKNOWN"),
        "{errors}"
    );
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_example_configuration_explains_every_key() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/agent.example.toml");

    let effective = shown(&example, &["check-config"]).await;

    let text = std::fs::read_to_string(&example).expect("the example");
    let sections: toml::Table = effective.parse().expect("TOML");
    for (section, keys) in &sections {
        for key in keys.as_table().expect("a section").keys() {
            let variable = format!("CHILDSYNC_{section}_{key}").to_uppercase();
            assert!(text.contains(&variable), "{variable} is not explained");
        }
    }
}
