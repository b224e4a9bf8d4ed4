//! `childsync linkage` as a person at a terminal meets it.

use std::process::{Command, Output};

use crate::relink::other_model;
use crate::support::database::Engine;
use crate::support::hub::{HubOptions, TestHub, write_config};
use crate::support::output::{json, words};
use crate::support::stewards::{push_doubtful_pair, two_communes};

/// Runs `childsync linkage` against a hub.
async fn linkage(hub: &TestHub, arguments: &[&str]) -> Output {
    let mut all: Vec<String> = vec!["linkage".into()];
    all.extend(arguments.iter().map(|word| (*word).to_owned()));
    if !arguments.contains(&"--config") {
        let identity = hub.pki.operator("an").display().to_string();
        all.extend([
            "--hub".into(),
            hub.url.clone(),
            "--identity".into(),
            identity,
        ]);
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
async fn a_model_is_looked_at_before_it_is_used_and_only_a_yes_uses_it() {
    let hub = two_communes(Engine::Sqlite).await;
    push_doubtful_pair(&hub).await;
    let file = hub.pki.path().join("lenient.toml");
    std::fs::write(&file, other_model("-4.4", "-4.5", "40")).expect("written");
    let file = file.display().to_string();

    let looked = linkage(&hub, &["preview", "--model", &file]).await;
    let asked = linkage(&hub, &["use", "--model", &file]).await;
    let shown = json(&linkage(&hub, &["show", "--json"]).await);

    for output in [&looked, &asked] {
        let words = words(output);
        assert!(
            words.contains("1 pairs of records would come together"),
            "{words}"
        );
        assert!(
            words.contains("commune/") && words.contains("other/"),
            "{words}"
        );
        assert!(!words.contains("Nguyễn"), "a name stands in {words}");
    }
    assert!(looked.status.success() && !asked.status.success());
    assert!(words(&asked).contains("nothing was changed: say --yes"));
    assert_eq!(shown["model"]["number"].as_u64(), Some(0));

    let used = linkage(&hub, &["use", "--model", &file, "--yes", "--wait"]).await;
    assert!(used.status.success(), "{}", words(&used));
    assert!(words(&used).contains("everything is linked by this model"));
    let text = linkage(&hub, &["show", "--text"]).await;
    assert!(words(&text).contains("link = -4.4"));
    let back = [
        "use",
        "--number",
        "0",
        "--yes",
        "--skip-preview",
        "--wait",
        "--json",
    ];
    let back = json(&linkage(&hub, &back).await);
    assert_eq!(
        (
            back["model"]["number"].as_u64(),
            back["status"]["linked"].as_bool()
        ),
        (Some(2), Some(true)),
        "{back}"
    );
    let history = json(&linkage(&hub, &["history", "--json"]).await);
    let by = history["models"].as_array().expect("models").iter();
    let by: Vec<_> = by
        .map(|model| (model["number"].as_u64(), model["used_by"].as_str()))
        .collect();
    assert_eq!(by, [(Some(2), Some("an")), (Some(1), Some("an"))]);
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_no_model_is_refused_with_what_is_wrong() {
    let hub = two_communes(Engine::Sqlite).await;
    let file = hub.pki.path().join("broken.toml");
    std::fs::write(&file, other_model("-8.0", "-4.5", "40")).expect("written");

    let refused = linkage(
        &hub,
        &["use", "--model", &file.display().to_string(), "--yes"],
    )
    .await;

    let words = words(&refused);
    assert!(!refused.status.success());
    assert!(words.contains("MODEL_INVALID"), "{words}");
    assert!(words.contains("veto < review < link"), "{words}");
    hub.stop().await;
}

/// Training reads the database of a hub that runs, and what it writes can be put in use.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_is_trained_on_an_imported_commune_and_put_in_use() {
    let hub = two_communes(Engine::Sqlite).await;
    let out = hub.pki.path().join("population").display().to_string();
    let size = ["--children", "400", "--communes", "1"];
    let made = Command::new(env!("CARGO_BIN_EXE_childsync"))
        .args([&["generate", "--out", &out], &size[..]].concat())
        .output()
        .expect("it runs");
    assert!(made.status.success(), "{}", words(&made));
    let files = std::fs::read_dir(&out).expect("a folder");
    let mut files = files.map(|entry| entry.expect("an entry").path());
    let file = files
        .find(|path| !path.ends_with("truth.csv"))
        .expect("a commune");
    let stem = file.file_stem().and_then(|stem| stem.to_str());
    let node = stem.expect("a name").to_owned();
    let code = node.trim_start_matches("commune-");
    hub.register(&node, &format!("GSO_PRE2025:{code}")).await;
    let identity = hub.pki.node(&node).display().to_string();
    let (file, url) = (file.display().to_string(), hub.url.clone());
    let import = move || {
        Command::new(env!("CARGO_BIN_EXE_childsync"))
            .args(["import", &file, "--hub", &url, "--identity", &identity])
            .output()
    };
    let imported = tokio::task::spawn_blocking(import).await.expect("no panic");
    assert!(imported.expect("it runs").status.success());
    hub.settled().await;
    let options = HubOptions::province();
    let config = write_config(&hub.pki, &hub.database.url, &options);
    let (config, out) = (
        config.display().to_string(),
        hub.pki.path().join("trained.toml").display().to_string(),
    );

    let trained = linkage(&hub, &["train", "--config", &config, "--out", &out]).await;
    let told = ["train", "--config", &config, "--out", &out, "--json"];
    let told = json(&linkage(&hub, &told).await);
    let used = ["use", "--model", &out, "--yes", "--wait", "--json"];
    let used = json(&linkage(&hub, &used).await);

    let words = words(&trained);
    assert!(trained.status.success(), "{words}");
    for hypothesis in ["one child", "one family", "twins", "unrelated"] {
        assert!(words.contains(hypothesis), "{hypothesis} is not in {words}");
    }
    assert!(words.contains("childsync linkage use --model"), "{words}");
    let change = &told["changes"][0]["chances"];
    assert!(change["twins"]["old"].is_f64() && change["one_family"]["new"].is_f64());
    assert_eq!(told["preview"]["records"], used["preview"]["records"]);
    assert_eq!(
        told["preview"]["moved_records"],
        used["preview"]["moved_records"]
    );
    assert_eq!(used["status"]["linked"].as_bool(), Some(true));
    hub.stop().await;
}
