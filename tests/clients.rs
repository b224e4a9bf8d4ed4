//! The client programs of `clients`, run as their readers run them: against a real hub and a real agent.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::support::agent::TestAgent;
use crate::support::database::{Database, Engine};
use crate::support::hub::{HubOptions, TestHub};
use crate::support::line::BadLine;
use crate::support::pki::Pki;
use crate::support::records::id;
use crate::support::{eventually, on_both_engines};

on_both_engines![
    a_client_learns_what_became_of_each_record_and_may_send_it_again,
    a_client_waits_for_a_hub_and_goes_on_over_a_line_that_is_cut,
];

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The programs that speak the contract.
#[derive(Clone, Copy, Debug)]
enum Language {
    Python,
    Node,
}

const LANGUAGES: [Language; 2] = [Language::Python, Language::Node];

/// What `scripts/test` has made ready, or the test fails and says how to make it.
fn prepared(language: &str, pinned: &str) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent();
    let folder = target
        .expect("a target folder")
        .join("clients")
        .join(language);
    let pinned = std::fs::read(Path::new(ROOT).join("clients").join(pinned)).expect("pinned");
    let made_of = std::fs::read(folder.join("made-of")).unwrap_or_default();
    assert!(
        made_of.starts_with(&pinned),
        "the {language} client is not ready to run: run ./scripts/test clients"
    );
    folder
}

impl Language {
    fn command(self) -> Command {
        let program = |path: &str| Path::new(ROOT).join("clients").join(path);
        match self {
            Self::Python => {
                let folder = prepared("python", "python/requirements.txt");
                let mut command = Command::new(folder.join("bin/python"));
                command
                    .env("PYTHONPATH", folder.join("contract"))
                    .arg("-B")
                    .arg(program("python/push.py"));
                command
            }
            Self::Node => {
                prepared("node", "node/package.json");
                let mut command = Command::new("node");
                command.arg(program("node/push.mjs"));
                command
            }
        }
    }

    fn push(self, url: &str, identity: &Path, file: &Path) -> Command {
        let hub = url.trim_start_matches("https://");
        let mut command = self.command();
        command.args(["--hub", hub, "--identity"]);
        command.arg(identity).arg(file);
        command
    }
}

/// What a program said, and how it ended.
#[derive(Debug)]
struct Said {
    status: ExitStatus,
    lines: Vec<String>,
    problem: String,
}

async fn run(mut command: Command) -> Said {
    let ended = command.kill_on_drop(true).output().await.expect("it runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Said {
        status: ended.status,
        lines: text(ended.stdout).lines().map(str::to_owned).collect(),
        problem: text(ended.stderr),
    }
}

/// How often a program has named this outcome.
fn count(said: &Said, outcome: &str) -> usize {
    let told = said.lines.iter().map(|line| line.split('\t').nth(2));
    told.filter(|word| *word == Some(outcome)).count()
}

fn made_up_children() -> Vec<Value> {
    let path = Path::new(ROOT).join("clients/children.json");
    let text = std::fs::read_to_string(path).expect("made-up children");
    serde_json::from_str(&text).expect("a list")
}

/// A file of changes in a folder of its own.
fn file_of(changes: &[Value]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("children.json");
    std::fs::write(&path, Value::from(changes).to_string()).expect("written");
    (folder, path)
}

async fn a_client_learns_what_became_of_each_record_and_may_send_it_again(engine: Engine) {
    for language in LANGUAGES {
        let hub = TestHub::province(engine).await;
        let identity = hub.pki.node("commune");
        let good = made_up_children();
        let (mut nameless, mut elsewhere) = (good[0].clone(), good[1].clone());
        nameless["record_id"] = json!(id(1).to_string());
        nameless["child"]["full_name"] = json!("");
        elsewhere["record_id"] = json!(id(2).to_string());
        elsewhere["child"]["commune"]["code"] = json!("00004");
        let (_good, good_file) = file_of(&good);
        let (_bad, bad_file) = file_of(&[nameless, elsewhere]);

        let first = run(language.push(&hub.url, &identity, &good_file)).await;
        let again = run(language.push(&hub.url, &identity, &good_file)).await;
        let bad = run(language.push(&hub.url, &identity, &bad_file)).await;
        let stranger = hub.pki.node("stranger");
        let refused = run(language.push(&hub.url, &stranger, &good_file)).await;

        assert_eq!(count(&first, "ACCEPTED"), good.len(), "{first:?}");
        assert_eq!(first.status.code(), Some(0));
        assert_eq!(count(&again, "UNCHANGED"), good.len(), "{again:?}");
        assert_eq!(again.status.code(), Some(0));
        let expected = [
            format!("{}\t1\tQUARANTINED\tRULE_BROKEN", id(1)),
            format!("{}\t1\tREJECTED\tOUTSIDE_TERRITORY", id(2)),
        ];
        for line in expected {
            assert!(bad.lines.contains(&line), "{line}: {bad:?}");
        }
        let broken = bad
            .lines
            .iter()
            .any(|line| line.contains("child.full_name REQUIRED"));
        assert!(broken, "{bad:?}");
        assert_eq!(bad.status.code(), Some(1));
        // The reason is matched, and turned into what to do.
        let advised = refused
            .problem
            .contains("NODE_NOT_REGISTERED: ask the hub's operator");
        assert!(advised, "{refused:?}");
        assert_eq!(refused.status.code(), Some(2));
        hub.stop().await;
    }
}

async fn a_client_waits_for_a_hub_and_goes_on_over_a_line_that_is_cut(engine: Engine) {
    let pattern = made_up_children().swap_remove(1);
    let changes: Vec<Value> = (1..=600)
        .map(|number| {
            let mut change = pattern.clone();
            change["record_id"] = json!(id(number).to_string());
            change
        })
        .collect();
    let (_folder, file) = file_of(&changes);
    for language in LANGUAGES {
        let (pki, options) = (Arc::new(Pki::new()), HubOptions::province());
        let line = BadLine::lengthening(options.port, 20_000, 10_000).await;
        let mut command = language.push(&line.url, &pki.node("commune"), &file);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut client = command.kill_on_drop(true).spawn().expect("it starts");
        until_it_waits(&mut client).await;

        let database = Arc::new(Database::new(engine).await);
        let hub = TestHub::start(Arc::clone(&pki), database, options).await;
        hub.register("commune", "GSO_PRE2025:30742").await;

        let mut text = String::new();
        let mut output = client.stdout.take().expect("its output");
        output.read_to_string(&mut text).await.expect("text");
        let status = client.wait().await.expect("it ends");
        assert_eq!(status.code(), Some(0), "{language:?}: {text}");
        // Each record has one outcome, however often it was on its way.
        let told = text.lines().filter(|line| !line.starts_with(' '));
        assert_eq!(told.count(), changes.len(), "{language:?}");
        assert_eq!(hub.node_status("commune").await.accepted, 600);
        assert!(line.cuts() > 0, "the line was never cut");
        hub.stop().await;
    }
}

/// Waits until a program says that it waits; from then on somebody must read what else it says.
async fn until_it_waits(client: &mut Child) {
    let mut said = BufReader::new(client.stderr.take().expect("its errors")).lines();
    loop {
        let line = said.next_line().await.expect("text");
        if line.expect("it waits").starts_with("waiting: UNAVAILABLE") {
            break;
        }
    }
    tokio::spawn(async move { while let Ok(Some(_)) = said.next_line().await {} });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_of_a_hub_works_unchanged_against_an_agent() {
    let hub = TestHub::province(Engine::Sqlite).await;
    let agent = TestAgent::before(&hub).await;
    let url = format!("https://127.0.0.1:{}", agent.options.grpc);
    let (_folder, file) = file_of(&made_up_children());
    let identity = hub.pki.node("commune");

    let first = run(Language::Python.push(&url, &identity, &file)).await;
    let again = run(Language::Node.push(&url, &identity, &file)).await;

    assert_eq!(count(&first, "ACCEPTED"), 3, "{first:?}");
    assert_eq!(count(&again, "UNCHANGED"), 3, "{again:?}");
    eventually("the records are at the hub", || async {
        hub.node_status("commune").await.accepted == 3
    })
    .await;
    agent.stop().await;
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn curl_is_enough_to_give_records_to_an_agent() {
    let hub = TestHub::province(Engine::Sqlite).await;
    let agent = TestAgent::before(&hub).await;
    let folder = Path::new(ROOT).join("clients/curl");
    let push = |token: PathBuf, file: PathBuf| {
        let mut command = Command::new(folder.join("push.sh"));
        let address = format!("http://127.0.0.1:{}", agent.options.http);
        command
            .env("CHILDSYNC_AGENT", address)
            .env("CHILDSYNC_TOKEN_FILE", token)
            .arg(file);
        command
    };
    let (token, good) = (
        agent.folder.path().join("http.token"),
        folder.join("children.json"),
    );
    let text = std::fs::read_to_string(&good).expect("made-up children");
    let nameless = text
        .replace("Trần Thị Mẫu", "")
        .replace("f8a3b11", "f8a3b19");
    let scratch = tempfile::tempdir().expect("a folder");
    let (bad, foreign) = (
        scratch.path().join("bad.json"),
        scratch.path().join("token"),
    );
    std::fs::write(&bad, nameless).expect("written");
    std::fs::write(&foreign, "0".repeat(64)).expect("written");

    let first = run(push(token.clone(), good.clone())).await;
    let again = run(push(token.clone(), good.clone())).await;
    let broken = run(push(token, bad)).await;
    let refused = run(push(foreign, good)).await;

    let says = |said: &Said, word: &str| said.lines.concat().matches(word).count();
    assert_eq!(says(&first, "\"accepted\""), 2, "{first:?}");
    assert_eq!(says(&again, "\"unchanged\""), 2, "{again:?}");
    assert_eq!(says(&broken, "\"quarantined\""), 1, "{broken:?}");
    assert_eq!(says(&refused, "TOKEN_REQUIRED"), 1, "{refused:?}");
    let codes = [first, again, broken, refused].map(|said| said.status.code());
    assert_eq!(codes, [Some(0), Some(0), Some(1), Some(2)]);
    eventually("the records are at the hub", || async {
        hub.node_status("commune").await.received >= 3
    })
    .await;
    agent.stop().await;
    hub.stop().await;
}
