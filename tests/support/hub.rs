//! A real hub inside the test's process: TLS, database, reconciler, forwarder.

use std::sync::Arc;

use childsync::app::App;
use childsync::config::HubConfig;
use childsync::grpc::connector;
use childsync::grpc::proto::v1;
use childsync::grpc::proto::v1::feed_service_client::FeedServiceClient;
use childsync::grpc::proto::v1::node_service_client::NodeServiceClient;
use childsync::grpc::proto::v1::status_service_client::StatusServiceClient;
use childsync::grpc::push_client::PushClient;
use childsync::grpc::unit_message;
use childsync::security::directory::write_private;
use childsync::security::live::LiveIdentity;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

use super::database::{Database, Engine};
use super::eventually;
use super::pki::Pki;

/// The sealing key of every test's hub.
pub(crate) const SEAL_KEY: [u8; 32] = [7; 32];

/// What a test's hub is.
#[derive(Clone)]
pub(crate) struct HubOptions {
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) port: u16,
    pub(crate) upstream: Option<String>,
    pub(crate) metrics: Option<u16>,
    /// Lines that follow in the section `upstream`.
    pub(crate) forwarding: &'static str,
    /// Lines of the section `tuning`.
    pub(crate) tuning: &'static str,
}

impl HubOptions {
    /// A hub of Kiên Giang at the top of its tree, on a port of its own.
    pub(crate) fn province() -> Self {
        Self {
            name: "province",
            unit: "GSO_PRE2025:91",
            port: free_port(),
            upstream: None,
            forwarding: "",
            metrics: None,
            tuning: "",
        }
    }
}

/// Writes the configuration of a hub and gives its path.
pub(crate) fn write_config(pki: &Pki, database: &str, options: &HubOptions) -> std::path::PathBuf {
    let HubOptions {
        name, unit, port, ..
    } = options;
    let folder = pki.path();
    let identity = pki.node(name);
    let key = folder.join(format!("{name}-seal.key"));
    if !key.exists() {
        write_private(&key, &SEAL_KEY).expect("a key");
    }
    let upstream = options.upstream.as_ref().map_or(String::new(), |url| {
        let further = options.forwarding;
        format!("[upstream]\nurl = \"{url}\"\n{further}\n")
    });
    let metrics = options.metrics.map_or(String::new(), |port| {
        format!("[metrics]\naddress = \"127.0.0.1:{port}\"\n")
    });
    let text = format!(
        "[hub]\nname = \"{name}\"\nunit = \"{unit}\"\n\
         [listen]\naddress = \"127.0.0.1:{port}\"\n\
         [identity]\ndirectory = \"{identity}\"\n\
         [store]\nurl = \"{database}\"\n\
         [sealing]\nkey_file = \"{key}\"\n\
         [access]\noperators = [\"an\"]\n\
         [log]\nformat = \"json\"\nfilter = \"trace,h2=info,hyper=info\"\n\
         [tuning]\nlease_milliseconds = 1500\n{tuning}\n{upstream}{metrics}",
        tuning = options.tuning,
        identity = identity.display(),
        key = key.display(),
    );
    let path = folder.join(format!("{name}-{port}.toml"));
    std::fs::write(&path, text).expect("written");
    path
}

pub(crate) fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    listener.local_addr().expect("an address").port()
}

/// A hub that runs.
pub(crate) struct TestHub {
    pub(crate) pki: Arc<Pki>,
    pub(crate) url: String,
    pub(crate) database: Arc<Database>,
    stop: CancellationToken,
    running: JoinHandle<anyhow::Result<()>>,
}

impl TestHub {
    /// A hub of Kiên Giang on a fresh database, with `commune` registered.
    pub(crate) async fn province(engine: Engine) -> Self {
        let database = Arc::new(Database::new(engine).await);
        let hub = Self::start(Arc::new(Pki::new()), database, HubOptions::province()).await;
        hub.register("commune", "GSO_PRE2025:30742").await;
        hub
    }

    /// A hub of Kiên Giang on a fresh database, below the hub at this address.
    pub(crate) async fn province_below(pki: &Arc<Pki>, engine: Engine, upstream: &str) -> Self {
        let options = HubOptions {
            upstream: Some(upstream.to_owned()),
            ..HubOptions::province()
        };
        let database = Arc::new(Database::new(engine).await);
        Self::start(Arc::clone(pki), database, options).await
    }

    pub(crate) async fn start(pki: Arc<Pki>, database: Arc<Database>, options: HubOptions) -> Self {
        let path = write_config(&pki, &database.url, &options);
        let config = HubConfig::read(&path, std::iter::empty()).expect("a configuration");
        let app = App::prepare(config).await.expect("a hub");
        let url = format!("https://{}", app.address().expect("an address"));
        let stop = CancellationToken::new();
        let running = tokio::spawn(app.run(stop.clone()));
        Self {
            pki,
            url,
            database,
            stop,
            running,
        }
    }

    /// Drains the hub.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.running.await.expect("no panic").expect("a clean end");
    }

    pub(crate) fn line_of(&self, identity: &std::path::Path) -> Channel {
        Self::line_to(&self.url, identity)
    }

    pub(crate) fn line_to(url: &str, identity: &std::path::Path) -> Channel {
        let directory = LiveIdentity::read(identity).expect("an identity directory");
        connector::line(url, Arc::new(directory)).expect("a line")
    }

    pub(crate) fn node_line(&self, node: &str) -> Channel {
        self.line_of(&self.pki.node(node))
    }

    pub(crate) fn operator_line(&self) -> Channel {
        self.line_of(&self.pki.operator("an"))
    }

    pub(crate) fn pushing(&self, node: &str) -> PushClient {
        PushClient::new(self.node_line(node))
    }

    pub(crate) async fn register(&self, node: &str, unit: &str) {
        register(self.operator_line(), node, unit).await;
    }

    /// Pushes as the registered commune and gives the outcomes.
    pub(crate) async fn push(&self, changes: Vec<v1::RecordChange>) -> Vec<v1::RecordOutcome> {
        self.push_as("commune", changes).await
    }

    pub(crate) async fn push_as(
        &self,
        node: &str,
        changes: Vec<v1::RecordChange>,
    ) -> Vec<v1::RecordOutcome> {
        self.pushing(node)
            .send(changes)
            .await
            .expect("acknowledged")
    }

    pub(crate) async fn status(&self) -> v1::GetStatusResponse {
        status(self.operator_line()).await
    }

    pub(crate) async fn node_status(&self, name: &str) -> v1::NodeStatus {
        node_status(self.operator_line(), name).await
    }

    /// The whole feed of a node as of now.
    pub(crate) async fn feed(&self, node: &str) -> Vec<v1::FeedEvent> {
        feed(self.node_line(node)).await
    }

    /// Waits until nothing waits for the reconciler.
    pub(crate) async fn settled(&self) {
        eventually("the reconciler has caught up", || async {
            self.status()
                .await
                .reconciler
                .iter()
                .all(|lane| lane.waiting == 0)
        })
        .await;
    }
}

pub(crate) async fn register(line: Channel, node: &str, unit: &str) {
    let unit = unit_message(unit.parse().expect("a unit"));
    let request = v1::RegisterNodeRequest {
        name: node.to_owned(),
        unit: Some(unit),
        territory: Vec::new(),
    };
    NodeServiceClient::new(line)
        .register_node(request)
        .await
        .expect("registered");
}

pub(crate) async fn status(line: Channel) -> v1::GetStatusResponse {
    let request = v1::GetStatusRequest { with_digest: true };
    StatusServiceClient::new(line)
        .get_status(request)
        .await
        .expect("a status")
        .into_inner()
}

pub(crate) async fn node_status(line: Channel, name: &str) -> v1::NodeStatus {
    let request = v1::ListNodesRequest {
        with_digests: true,
        ..v1::ListNodesRequest::default()
    };
    let nodes = StatusServiceClient::new(line)
        .list_nodes(request)
        .await
        .expect("nodes");
    let nodes = nodes.into_inner().nodes;
    nodes
        .into_iter()
        .find(|node| node.name == name)
        .expect("the node is registered")
}

pub(crate) async fn feed(line: Channel) -> Vec<v1::FeedEvent> {
    let request = v1::FollowRequest {
        cursor: 0,
        wait: false,
    };
    let mut pages = FeedServiceClient::new(line)
        .follow(request)
        .await
        .expect("a feed")
        .into_inner();
    let mut events = Vec::new();
    while let Some(page) = pages.message().await.expect("a page") {
        events.extend(page.events);
    }
    events
}
