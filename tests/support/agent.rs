//! An agent inside the test's process, on a SQLite file of its own.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use childsync::app::AgentApp;
use childsync::config::AgentConfig;
use childsync::domain::clock::{Clock, SystemClock};
use childsync::domain::record::{RecordId, RecordKind};
use childsync::domain::standing::Standing;
use childsync::grpc::push_client::PushClient;
use childsync::security::directory::read_private;
use childsync::store::{AgentRecord, AgentStore, AgentStoreOptions};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::eventually;
use super::hub::{TestHub, free_port};
use super::pki::Pki;
use super::records::id;

/// What a test's agent is.
#[derive(Clone)]
pub(crate) struct AgentOptions {
    pub(crate) hub: String,
    pub(crate) grpc: u16,
    pub(crate) http: u16,
    /// Lines of the section `store`.
    pub(crate) store: &'static str,
    /// Whether it watches a folder `drop` beside its database, under a `mapping.toml` if there is one.
    pub(crate) drop: bool,
}

impl AgentOptions {
    /// An agent of the commune before this hub.
    pub(crate) fn before(hub: &str) -> Self {
        Self {
            hub: hub.to_owned(),
            grpc: free_port(),
            http: free_port(),
            store: "",
            drop: false,
        }
    }
}

/// Writes the configuration of the commune's agent into a folder and gives its path.
pub(crate) fn write_config(pki: &Pki, folder: &Path, options: &AgentOptions) -> PathBuf {
    let AgentOptions {
        hub,
        grpc,
        http,
        store,
        drop,
    } = options;
    let has_mapping = folder.join("mapping.toml").exists();
    let drop = match (*drop, has_mapping) {
        (false, _) => "",
        (true, false) => "[drop]\nfolder = \"drop\"\n",
        (true, true) => "[drop]\nfolder = \"drop\"\nmapping = \"mapping.toml\"\n",
    };
    let text = format!(
        "[agent]\nname = \"commune\"\nterritory = [\"GSO_PRE2025:30742\"]\n\
         [hub]\nurl = \"{hub}\"\n\
         [identity]\ndirectory = \"{identity}\"\n\
         [store]\npath = \"agent.db\"\n{store}\n\
         [grpc]\naddress = \"127.0.0.1:{grpc}\"\n\
         [http]\naddress = \"127.0.0.1:{http}\"\n\
         [log]\nformat = \"json\"\nfilter = \"trace,h2=info,hyper=info\"\n{drop}",
        identity = pki.node("commune").display(),
    );
    let path = folder.join("agent.toml");
    std::fs::write(&path, text).expect("written");
    path
}

/// An agent that runs.
pub(crate) struct TestAgent {
    pub(crate) pki: Arc<Pki>,
    pub(crate) options: AgentOptions,
    pub(crate) folder: Arc<TempDir>,
    stop: CancellationToken,
    running: JoinHandle<anyhow::Result<()>>,
}

impl TestAgent {
    /// An agent of the commune before a hub.
    pub(crate) async fn before(hub: &TestHub) -> Self {
        Self::start(&hub.pki, AgentOptions::before(&hub.url)).await
    }

    pub(crate) async fn start(pki: &Arc<Pki>, options: AgentOptions) -> Self {
        let folder = Arc::new(tempfile::tempdir().expect("a folder"));
        Self::start_in(pki, folder, options, Arc::new(SystemClock)).await
    }

    pub(crate) async fn start_in(
        pki: &Arc<Pki>,
        folder: Arc<TempDir>,
        options: AgentOptions,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let path = write_config(pki, folder.path(), &options);
        let config = AgentConfig::read(&path, std::iter::empty()).expect("a configuration");
        let app = AgentApp::prepare(config, clock).await.expect("an agent");
        let stop = CancellationToken::new();
        let running = tokio::spawn(app.run(stop.clone()));
        Self {
            pki: Arc::clone(pki),
            options,
            folder,
            stop,
            running,
        }
    }

    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.running.await.expect("no panic").expect("a clean end");
    }

    /// A client of a hub, given the agent's address instead.
    pub(crate) fn pushing(&self) -> PushClient {
        let url = format!("https://127.0.0.1:{}", self.options.grpc);
        PushClient::new(TestHub::line_to(&url, &self.pki.node("commune")))
    }

    pub(crate) async fn store(&self) -> AgentStore {
        open_store(self.folder.path()).await
    }

    /// A child's record as the agent knows it.
    pub(crate) async fn record(&self, number: u128) -> Option<AgentRecord> {
        let key = (RecordKind::Child, RecordId::new(id(number)));
        let store = self.store().await;
        let mut reading = store.read().await.expect("a transaction");
        let records = reading.find_records(&[key]).await.expect("records");
        drop(reading);
        store.close().await;
        records.into_iter().next()
    }

    /// Waits until a child's record has come so far.
    pub(crate) async fn stands(&self, number: u128, standing: Standing) {
        eventually(&format!("record {number} is {standing:?}"), || async {
            let record = self.record(number).await;
            record.is_some_and(|record| record.standing == standing)
        })
        .await;
    }

    /// Records that wait.
    pub(crate) async fn queued(&self) -> i64 {
        queued(self.folder.path()).await
    }
}

pub(crate) async fn open_store(folder: &Path) -> AgentStore {
    let options = AgentStoreOptions {
        path: folder.join("agent.db"),
        bytes_max: 1024 * 1024 * 1024,
    };
    AgentStore::open(&options).await.expect("a store")
}

pub(crate) async fn queued(folder: &Path) -> i64 {
    let store = open_store(folder).await;
    let mut reading = store.read().await.expect("a transaction");
    let position = reading.position().await.expect("a position");
    drop(reading);
    store.close().await;
    position.queued
}

impl TestAgent {
    /// Asks the HTTP port for a path, as the page's owner does, and gives status and body.
    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        let (status, _, body) = self.ask("GET", path, &[]).await;
        (status, String::from_utf8(body).expect("text"))
    }

    /// Sends a file, or nothing, and gives status, head and body.
    pub(crate) async fn post(&self, path: &str, file: &[u8]) -> (u16, String, Vec<u8>) {
        self.ask("POST", path, file).await
    }

    /// Keeps a record that is sent as JSON.
    pub(crate) async fn put_json(&self, path: &str, body: &serde_json::Value) -> (u16, String) {
        let body = body.to_string();
        let (status, _, body) = self.ask("PUT", path, body.as_bytes()).await;
        (status, String::from_utf8(body).expect("text"))
    }

    async fn ask(&self, method: &str, path: &str, file: &[u8]) -> (u16, String, Vec<u8>) {
        let token = read_private(&self.folder.path().join("http.token")).expect("a private file");
        let token = String::from_utf8(token).expect("text");
        let kind = match method {
            "PUT" => "application/json",
            _ => "application/octet-stream",
        };
        let mut stream = TcpStream::connect(("127.0.0.1", self.options.http))
            .await
            .expect("a connection");
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\
             Authorization: Bearer {token}\r\nContent-Type: {kind}\r\n\
             Content-Length: {}\r\n\r\n",
            file.len()
        );
        let request = [request.as_bytes(), file].concat();
        // An agent that has refused the head may close before it has read the body.
        drop(stream.write_all(&request).await);
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.expect("an answer");
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
        let body = answer.split_off(end.expect("a head") + 4);
        let head = String::from_utf8(answer).expect("text");
        let status = head.get(9..12).and_then(|status| status.parse().ok());
        (status.unwrap_or_default(), head, body)
    }

    /// The same, of an answer in JSON that must be good.
    pub(crate) async fn get_json(&self, path: &str) -> serde_json::Value {
        let (status, body) = self.get(path).await;
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).expect("JSON")
    }

    /// Puts a file into the watched folder, whole from its first moment.
    pub(crate) fn drop_file(&self, name: &str, text: impl AsRef<[u8]>) {
        let folder = self.folder.path().join("drop");
        let hidden = folder.join(format!(".{name}"));
        std::fs::write(&hidden, text).expect("written");
        std::fs::rename(hidden, folder.join(name)).expect("renamed");
    }
}
