//! What the nation found out, as the official of a commune reads it.

use std::process::Command;

use childsync::domain::clock::Timestamp;
use childsync::domain::draft::{ChildDraft, DateDraft};
use childsync::domain::tier_word::TierState;

use crate::support::agent::TestAgent;
use crate::support::database::Engine;
use crate::support::records::{change, id, numbered_child, tombstone};
use crate::support::tiers::{FAR_COMMUNE, Tiers, far_away};
use crate::support::{eventually, on_both_engines};

on_both_engines![an_official_reads_what_every_tier_says_of_a_record];

/// What the nation says of the first record, by the agent's database.
async fn nation_says(agent: &TestAgent) -> Option<TierState> {
    let hub = agent.record(1).await?.hub?;
    let nation = "nation".parse().expect("a name");
    let word = hub
        .tiers
        .iter()
        .find(|word| word.hub.as_ref() == Some(&nation))?;
    word.is_newest.then_some(word.state)
}

async fn an_official_reads_what_every_tier_says_of_a_record(engine: Engine) {
    let tiers = Tiers::new(engine).await;
    let agent = TestAgent::before(&tiers.district).await;
    let sent = vec![change(1, 1, numbered_child(1))];
    agent.pushing().send(sent).await.expect("kept");
    eventually("the nation holds it", || async {
        nation_says(&agent).await == Some(TierState::Reconciled)
    })
    .await;
    let path = format!("/v1/records/child/{}", id(1));
    let record = agent.get_json(&path).await;
    assert_eq!(record["hub"]["tiers"][0]["hub"], "province");
    assert_eq!(record["hub"]["tiers"][1]["state_vi"], "Đang giữ");
    assert!(record["hub"]["tiers"][1]["since"].is_string(), "{record}");

    // It is registered in another province too, of late and with another birth date.
    let elsewhere = ChildDraft {
        birth_date: Some(DateDraft::day(2018, 4, 3)),
        changed_at: Some(Timestamp::from_micros(1_770_000_000_000_000)),
        ..far_away(numbered_child(1))
    };
    tiers
        .city
        .push_as("far", vec![change(2, 1, elsewhere)])
        .await;
    eventually("the nation's duplicate is told", || async {
        nation_says(&agent).await == Some(TierState::Linked)
    })
    .await;
    let page = agent.get_json("/v1/corrections/duplicate").await;
    let found = &page["corrections"][0];
    assert_eq!(found["linked_units"][0]["code"], "79", "{page}");
    let problem = found["troubles"][0]["problem_vi"].as_str().expect("text");
    assert!(
        problem.contains(FAR_COMMUNE),
        "where it lives now: {problem}"
    );
    let page = agent.get_json("/v1/corrections/conflict").await;
    let found = &page["corrections"][0]["troubles"][0];
    assert_eq!(found["field"], "child.birth_date", "{page}");
    let shown = shown(&agent).await;
    for words in [
        "nation (",
        "Đang giữ, trẻ có nhiều hơn một hồ sơ",
        "GSO_PRE2025:79",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }

    tiers.city.push_as("far", vec![tombstone(2, 2)]).await;
    eventually("nothing is left to correct", || async {
        let page = agent.get_json("/v1/corrections/duplicate").await;
        page["corrections"].as_array().is_some_and(Vec::is_empty)
    })
    .await;
    agent.stop().await;
    tiers.stop().await;
}

/// What the verb `agent show` prints of the first record.
async fn shown(agent: &TestAgent) -> String {
    let config = agent.folder.path().join("agent.toml");
    let run = move || {
        Command::new(env!("CARGO_BIN_EXE_childsync"))
            .args(["agent", "--config"])
            .arg(config)
            .args(["show", "child", &id(1).to_string()])
            .output()
            .expect("it runs")
    };
    let output = tokio::task::spawn_blocking(run).await.expect("no panic");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("text")
}
