//! The program as a person at a terminal meets it: files, verbs, errors and exit codes.

use std::process::{Command, Output};

use crate::support::database::Engine;
use crate::support::hub::TestHub;

pub(crate) fn childsync(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_childsync"))
        .args(arguments)
        .output()
        .expect("it runs")
}

pub(crate) fn words(output: &Output) -> String {
    let text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8(text).expect("text")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_generated_commune_can_be_imported_and_seen_in_status() {
    let hub = TestHub::province(Engine::Sqlite).await;
    let out = hub.pki.path().join("population");
    let out_text = out.display().to_string();
    let arguments = [
        "generate",
        "--out",
        &out_text,
        "--children",
        "60",
        "--communes",
        "1",
    ];
    let made = childsync(&arguments);
    assert!(made.status.success(), "{}", words(&made));
    let truth = std::fs::read_to_string(out.join("truth.csv")).expect("the truth");
    let files: Vec<_> = std::fs::read_dir(&out)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| !path.ends_with("truth.csv"))
        .collect();
    assert_eq!(files.len(), 1);
    let node = files[0]
        .file_stem()
        .and_then(|stem| stem.to_str())
        .expect("a name")
        .to_owned();
    let code = node.trim_start_matches("commune-");
    hub.register(&node, &format!("GSO_PRE2025:{code}")).await;
    let (file, url) = (files[0].display().to_string(), hub.url.clone());
    let identity = hub.pki.node(&node).display().to_string();
    let run = move || childsync(&["import", &file, "--hub", &url, "--identity", &identity]);
    let imported = tokio::task::spawn_blocking(run).await.expect("no panic");
    assert!(imported.status.success(), "{}", words(&imported));
    hub.settled().await;

    let (url, identity) = (
        hub.url.clone(),
        hub.pki.operator("an").display().to_string(),
    );
    let run = move || childsync(&["status", "--hub", &url, "--identity", &identity, "--json"]);
    let shown = tokio::task::spawn_blocking(run).await.expect("no panic");

    let json: serde_json::Value = serde_json::from_slice(&shown.stdout).expect("JSON");
    let records = truth.lines().count() - 1;
    assert_eq!(
        json["source_records"].as_u64(),
        u64::try_from(records).ok(),
        "{json}"
    );
    assert_eq!(json["waiting"].as_u64(), Some(0));
    hub.stop().await;
}

#[test]
fn an_unreachable_hub_is_explained() {
    let pki = crate::support::pki::Pki::new();
    let identity = pki.operator("an").display().to_string();

    let output = childsync(&[
        "status",
        "--hub",
        "https://127.0.0.1:9",
        "--identity",
        &identity,
    ]);

    let words = words(&output);
    assert!(!output.status.success());
    assert!(
        words.contains("cannot be reached") && words.contains("--hub"),
        "{words}"
    );
}

#[test]
fn a_broken_configuration_names_the_key_and_says_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("hub.toml");
    let text = "[hub]\nname = \"a\"\nunit = \"GSO_PRE2025:91\"\ncolour = \"red\"\n";
    std::fs::write(&file, text).expect("written");

    let output = childsync(&["check-config", "--config", &file.display().to_string()]);

    let words = words(&output);
    assert!(!output.status.success());
    assert!(words.contains("hub") && words.contains("colour"), "{words}");
    assert!(
        words.contains("remove it, or correct its spelling"),
        "{words}"
    );
}

#[test]
fn a_labelled_file_is_made_of_a_mix_that_was_printed() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let printed = childsync(&["generate", "--print-mix", "--mix", "harsh"]);
    assert!(printed.status.success(), "{}", words(&printed));
    std::fs::write(path("mix.toml"), &printed.stdout).expect("written");

    for (file, mix) in [
        ("own.csv", path("mix.toml")),
        ("named.csv", "harsh".to_owned()),
    ] {
        let file = path(file);
        let size = ["--children", "300", "--communes", "all", "--country"];
        let made =
            childsync(&[&["generate", "--labelled", &file, "--mix", &mix], &size[..]].concat());

        assert!(made.status.success(), "{}", words(&made));
    }
    let read = |name: &str| std::fs::read_to_string(path(name)).expect("a file");
    assert!(read("own.csv").lines().count() > 300);
    assert!(read("own.csv") == read("named.csv"));
}

#[test]
fn every_verb_explains_itself_with_an_example() {
    let verbs: [&[&str]; 11] = [
        &["demo"],
        &["hub"],
        &["check-config"],
        &["pki"],
        &["pki", "ca"],
        &["pki", "issue"],
        &["pki", "seal-key"],
        &["node", "add"],
        &["import"],
        &["generate"],
        &["status"],
    ];
    for verb in verbs {
        let output = childsync(&[verb, &["--help"]].concat());

        let words = words(&output);
        assert!(output.status.success(), "{words}");
        assert!(words.contains("Example"), "{verb:?}: {words}");
    }
}

/// The whole chain as the first command of the README runs it, smaller.
#[test]
fn the_demo_ends_with_both_hubs_equal() {
    for more in [
        &[][..],
        &["--database-url", &crate::support::database::postgres_url()],
    ] {
        let size = ["demo", "--children", "300", "--communes", "4", "--json"];
        let output = childsync(&[&size, more].concat());

        assert!(output.status.success(), "{}", words(&output));
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(json["equal"].as_bool(), Some(true), "{json}");
        assert_eq!(
            json["golden_records_province"],
            json["golden_records_nation"]
        );
        assert!(json["duplicates_found"].as_u64() > Some(0), "{json}");
    }
}
