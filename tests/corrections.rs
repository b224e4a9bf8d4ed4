//! What an official is asked to correct: who is on the list, why, and when a record leaves it.

use std::path::Path;
use std::process::{Command, Output};

use childsync::domain::draft::{ChildDraft, CodeDraft, UnitDraft};
use childsync::domain::standing::Standing;
use serde_json::Value;

use crate::support::agent::{AgentOptions, TestAgent};
use crate::support::database::Engine;
use crate::support::hub::{TestHub, free_port};
use crate::support::pki::Pki;
use crate::support::records::{change, child, id, numbered_child, tombstone, unit};
use crate::support::{eventually, on_both_engines};

/// Another commune of the province.
const NEIGHBOUR: &str = "30745";

on_both_engines! {
    a_child_registered_twice_is_listed_with_the_other_unit_until_that_is_put_right,
    a_number_that_is_missing_is_asked_for_until_it_is_there,
}

/// Ids of the records that are listed for a reason.
async fn listed(agent: &TestAgent, reason: &str) -> Vec<String> {
    let page = agent.get_json(&format!("/v1/corrections/{reason}")).await;
    let records = page["corrections"].as_array().expect("a list").clone();
    let ids = records.iter().map(|record| record["record_id"].as_str());
    ids.map(|id| id.expect("an id").to_owned()).collect()
}

async fn until_listed(agent: &TestAgent, reason: &str, numbers: &[u128]) {
    let expected: Vec<String> = numbers
        .iter()
        .map(|number| id(*number).to_string())
        .collect();
    eventually(&format!("{reason} lists {expected:?}"), || async {
        listed(agent, reason).await == expected
    })
    .await;
}

fn of_unit(code: &str, draft: ChildDraft) -> ChildDraft {
    ChildDraft {
        commune: Some(unit(code)),
        ..draft
    }
}

fn of_people(code: &str, draft: ChildDraft) -> ChildDraft {
    ChildDraft {
        ethnicity: Some(CodeDraft {
            list_version: "1979".into(),
            code: code.into(),
        }),
        ..draft
    }
}

async fn a_child_registered_twice_is_listed_with_the_other_unit_until_that_is_put_right(
    engine: Engine,
) {
    let hub = TestHub::province(engine).await;
    hub.register("neighbour", &format!("GSO_PRE2025:{NEIGHBOUR}"))
        .await;
    let agent = TestAgent::before(&hub).await;
    agent
        .pushing()
        .send(vec![change(1, 1, numbered_child(1))])
        .await
        .expect("kept");
    agent.stands(1, Standing::AtTop).await;
    let there = |people: &str| of_unit(NEIGHBOUR, of_people(people, numbered_child(1)));
    hub.push_as("neighbour", vec![change(1, 1, there("01"))])
        .await;

    until_listed(&agent, "duplicate", &[1]).await;
    until_listed(&agent, "conflict", &[1]).await;
    let page = agent.get_json("/v1/corrections/duplicate").await;
    let found = &page["corrections"][0];
    assert_eq!(found["name"], "Danh Thị Mẫu", "{found}");
    assert_eq!(found["birth_date"], "02/04/2018");
    assert_eq!(found["linked_units"][0]["code"], NEIGHBOUR);
    let problem = found["troubles"][0]["problem_vi"].as_str().expect("text");
    assert!(problem.contains(NEIGHBOUR), "{problem}");
    let page = agent.get_json("/v1/corrections/conflict").await;
    let found = &page["corrections"][0]["troubles"][0];
    assert_eq!(found["field"], "child.ethnicity", "{found}");
    assert_eq!(found["field_vi"], "Dân tộc");

    // The neighbour corrects its record: this commune is told although nothing of its own has changed.
    hub.push_as("neighbour", vec![change(1, 2, there("05"))])
        .await;
    until_listed(&agent, "conflict", &[]).await;
    until_listed(&agent, "duplicate", &[1]).await;
    hub.push_as("neighbour", vec![tombstone(1, 3)]).await;
    until_listed(&agent, "duplicate", &[]).await;
    agent.stop().await;
    hub.stop().await;
}

async fn a_number_that_is_missing_is_asked_for_until_it_is_there(engine: Engine) {
    let hub = TestHub::province(engine).await;
    let agent = TestAgent::before(&hub).await;
    let missing = ChildDraft {
        personal_number_absence: String::new(),
        ..child()
    };
    let impossible = ChildDraft {
        personal_number: "12345".into(),
        ..missing.clone()
    };
    let changes = vec![
        change(1, 1, missing),
        change(2, 1, impossible),
        change(3, 1, numbered_child(3)),
    ];
    agent.pushing().send(changes).await.expect("kept");
    agent.stands(1, Standing::AtTop).await;
    agent.stands(2, Standing::ToCorrect).await;

    until_listed(&agent, "number", &[1, 2]).await;
    let page = agent.get_json("/v1/corrections/number").await;
    let rule = &page["corrections"][1]["troubles"][0];
    assert_eq!(rule["field"], "child.personal_number", "{page}");
    assert_eq!(page["counts"]["reasons"]["number"], 2);
    let changes = vec![
        change(1, 2, numbered_child(1)),
        change(2, 2, numbered_child(2)),
    ];
    agent.pushing().send(changes).await.expect("kept");
    assert!(listed(&agent, "number").await.is_empty());
    agent.stands(2, Standing::AtTop).await;
    assert!(listed(&agent, "number").await.is_empty());
    agent.stop().await;
    hub.stop().await;
}

async fn offline() -> TestAgent {
    let pki = std::sync::Arc::new(Pki::new());
    let options = AgentOptions::before(&format!("https://127.0.0.1:{}", free_port()));
    TestAgent::start(&pki, options).await
}

fn of_today() -> ChildDraft {
    ChildDraft {
        commune: Some(UnitDraft {
            scheme: "GSO_2025".into(),
            code: "30742".into(),
        }),
        ..numbered_child(9)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commune_that_is_gone_is_listed_with_its_successor_also_without_a_line() {
    let agent = offline().await;
    let nameless = ChildDraft {
        full_name: String::new(),
        ..numbered_child(2)
    };
    let changes = vec![change(1, 1, numbered_child(1)), change(2, 1, nameless)];
    agent.pushing().send(changes).await.expect("kept");

    let page = agent.get_json("/v1/corrections/unit").await;
    let found = &page["corrections"][0];
    assert_eq!(found["successors"][0]["code"], "30742", "{found}");
    let name = found["successors"][0]["name"].as_str().expect("a name");
    assert!(name.starts_with("Phường Rạch Giá"), "{name}");
    assert_eq!(page["counts"]["units"][0]["records"], 2);
    let other = agent
        .get_json("/v1/corrections/unit?unit=GSO_PRE2025:30745")
        .await;
    assert_eq!(other["corrections"], Value::Array(Vec::new()));
    assert_eq!(listed(&agent, "rule").await, [id(2).to_string()]);
    let pages = agent.get_json("/v1/corrections/unit?limit=1").await;
    let after = pages["next_after"].as_str().expect("another page");
    let second = format!("/v1/corrections/unit?limit=1&after={after}");
    let second = agent.get_json(&second).await;
    assert_eq!(second["corrections"][0]["record_id"], id(2).to_string());
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_withdrawn_record_leaves_the_list_and_its_name_is_forgotten() {
    let agent = offline().await;
    agent
        .pushing()
        .send(vec![change(1, 1, child())])
        .await
        .expect("kept");
    assert_eq!(listed(&agent, "unit").await, [id(1).to_string()]);
    assert!(!agent.record(1).await.expect("kept").label.is_empty());

    agent
        .pushing()
        .send(vec![tombstone(1, 2)])
        .await
        .expect("kept");

    assert!(listed(&agent, "unit").await.is_empty());
    assert!(agent.record(1).await.expect("kept").label.is_empty());
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_names_the_child_says_what_to_do_and_runs_nothing() {
    let agent = offline().await;
    let hostile = ChildDraft {
        full_name: "<script>alert(1)</script>".into(),
        ..numbered_child(1)
    };
    let changes = vec![change(1, 1, hostile), change(2, 1, numbered_child(2))];
    agent.pushing().send(changes).await.expect("kept");

    let (status, page) = agent.get("/corrections").await;

    assert_eq!(status, 200);
    assert!(!page.contains("<script>"), "{page}");
    assert!(page.contains("&lt;script&gt;alert"), "{page}");
    for words in [
        "Danh Thị Mẫu",
        "02/04/2018",
        "Xã không còn tồn tại (2)",
        "nay là Phường Rạch Giá",
        "@media print",
    ] {
        assert!(page.contains(words), "{words} is missing:\n{page}");
    }
    let (_, one) = agent.get("/corrections/rule").await;
    assert!(one.contains("Lỗi khác (1)"), "{one}");
    let (_, start) = agent.get("/").await;
    assert!(start.contains("href=\"/corrections\""), "{start}");
    let (unknown, _) = agent.get("/corrections/everything").await;
    assert_eq!(unknown, 404);
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_list_says_what_it_leaves_out_and_where_the_rest_is() {
    let agent = offline().await;
    let changes = (1..=51).map(|number| change(number.into(), 1, numbered_child(number)));
    agent.pushing().send(changes.collect()).await.expect("kept");
    let rows = |page: &str| page.matches("<td class=\"box\">").count();

    let (_, all) = agent.get("/corrections").await;
    assert!(all.contains("50 trong 51"), "{all}");
    assert_eq!(rows(&all), 50);
    let (_, one) = agent.get("/corrections/unit").await;
    assert_eq!(rows(&one), 51);
    let (_, first) = agent.get("/corrections/unit?limit=40").await;
    let (_, next) = first
        .split_once("<a href=\"/corrections/unit?after=")
        .expect("a link");
    let (after, _) = next.split_once('"').expect("its end");
    let (_, second) = agent.get(&format!("/corrections/unit?after={after}")).await;
    assert_eq!((rows(&first), rows(&second)), (40, 11));
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_anything_to_correct_the_list_says_so() {
    let agent = offline().await;
    agent
        .pushing()
        .send(vec![change(1, 1, of_today())])
        .await
        .expect("kept");
    // Outside of the territory that the agent knows: refused and not kept.
    assert_eq!(agent.get_json("/v1/corrections").await["records"], 0);
    let (_, page) = agent.get("/corrections").await;
    assert!(page.contains("Không có hồ sơ nào cần sửa"), "{page}");
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_names_of_the_list_stand_sealed_on_the_disk() {
    let agent = offline().await;
    let changes = vec![change(1, 1, numbered_child(1))];
    agent.pushing().send(changes).await.expect("kept");
    assert_eq!(listed(&agent, "unit").await.len(), 1);
    let folder = std::sync::Arc::clone(&agent.folder);
    agent.stop().await;

    for entry in std::fs::read_dir(folder.path()).expect("a folder") {
        let path = entry.expect("an entry").path();
        let bytes = std::fs::read(&path).expect("readable");
        for secret in ["Danh Thị Mẫu", "02/04/2018"] {
            let found = bytes
                .windows(secret.len())
                .any(|part| part == secret.as_bytes());
            assert!(!found, "{secret} stands in {}", path.display());
        }
    }
}

async fn run(config: &Path, words: &[&str]) -> Output {
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    let config = config.to_owned();
    let run = move || {
        Command::new(env!("CARGO_BIN_EXE_childsync"))
            .arg("corrections")
            .arg("--config")
            .arg(config)
            .args(words)
            .output()
            .expect("it runs")
    };
    tokio::task::spawn_blocking(run).await.expect("no panic")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_official_has_the_list_at_a_terminal_for_scripts_and_for_a_spreadsheet() {
    use std::os::unix::fs::PermissionsExt;

    let agent = offline().await;
    let changes = vec![change(1, 1, numbered_child(1)), change(2, 1, child())];
    agent.pushing().send(changes).await.expect("kept");
    let config = agent.folder.path().join("agent.toml");
    let file = agent.folder.path().join("sua.csv");

    let shown = run(&config, &["--reason", "unit"]).await;
    let table = String::from_utf8(shown.stdout).expect("text");
    assert!(table.contains("Xã không còn tồn tại / unit: 2"), "{table}");
    assert!(table.contains("Danh Thị Mẫu"), "{table}");
    assert!(table.contains("→ Phường Rạch Giá"), "{table}");
    let json = run(&config, &["--json"]).await.stdout;
    let json: Value = serde_json::from_slice(&json).expect("JSON");
    assert_eq!(json["records"], 2);
    assert_eq!(json["groups"][3]["reason"], "unit");
    assert_eq!(json["groups"][3]["corrections"][0]["name"], "Danh Thị Mẫu");
    let path = file.display().to_string();
    let written = run(&config, &["--csv", &path]).await;
    assert!(String::from_utf8_lossy(&written.stdout).contains("giữ kín"));
    let text = std::fs::read_to_string(&file).expect("written");
    assert_eq!(text.lines().count(), 3, "{text}");
    assert!(text.contains("Danh Thị Mẫu") && text.contains("Phường Rạch Giá"));
    let mode = std::fs::metadata(&file)
        .expect("there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let again = run(&config, &["--csv", &path]).await;
    assert!(!again.status.success(), "a file is never replaced");
    agent.stop().await;
}
