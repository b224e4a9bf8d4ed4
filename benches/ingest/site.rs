//! What the hubs of one measurement stand on: a folder, certificates, keys and fresh databases.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;

use childsync::domain::clock::{Clock, SystemClock};
use childsync::grpc::connector;
use childsync::security::directory::write_private;
use childsync::security::identity::Identity;
use childsync::security::live::LiveIdentity;
use childsync::security::pki::{CERTIFICATE_DAYS, CertificateRequest, issue, make_authority};
use childsync::security::seal::SealKey;
use childsync::store::Store;
use tempfile::TempDir;
use tonic::transport::Channel;
use uuid::Uuid;

use crate::Engine;
use crate::hub::{Hub, Place};
use crate::load::{Load, PROVINCE};
use crate::postgres::Server;

/// Name of the operator in the certificates and configurations.
const OPERATOR: &str = "operator";

/// What all measurements share.
pub(crate) struct Bench {
    /// The PostgreSQL server, if there is one.
    pub(crate) server: Option<Server>,
    /// What is pushed.
    pub(crate) load: Load,
    /// Single records whose way is timed.
    pub(crate) samples: u32,
    /// Load beside the urgent reports, in percent of the chain's rate.
    pub(crate) load_percent: u32,
}

/// The ground of one measurement; its folder goes with it.
pub(crate) struct Site {
    folder: TempDir,
}

impl Site {
    /// A folder with a CA, an operator, two hubs and the nodes of the load.
    pub(crate) fn new(load: &Load) -> anyhow::Result<Self> {
        let site = Self {
            folder: tempfile::tempdir()?,
        };
        make_authority(&site.path("ca"), "childsync bench CA", SystemClock.now())?;
        site.issue(Identity::Operator(OPERATOR.parse()?), OPERATOR)?;
        for hub in ["province", "nation"] {
            site.issue(Identity::Node(hub.parse()?), hub)?;
            write_private(
                &site.path(&format!("{hub}-seal.key")),
                &SealKey::generate()?,
            )?;
        }
        for (node, _) in &load.nodes {
            site.issue(Identity::Node(node.parse()?), node)?;
        }
        Ok(site)
    }

    fn issue(&self, identity: Identity, name: &str) -> anyhow::Result<()> {
        let hosts = vec!["127.0.0.1".to_owned()];
        let request = CertificateRequest {
            identity,
            hosts,
            days: CERTIFICATE_DAYS,
        };
        issue(
            &self.path("ca"),
            &request,
            &self.path(name),
            SystemClock.now(),
        )?;
        Ok(())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A line to a hub with the certificate of a node.
    pub(crate) fn line(&self, hub: &str, node: &str) -> anyhow::Result<Channel> {
        let identity = LiveIdentity::read(&self.path(node))?;
        Ok(connector::line(hub, Arc::new(identity))?)
    }

    /// Starts a hub on a fresh database.
    pub(crate) async fn start(
        &self,
        bench: &Bench,
        engine: Engine,
        name: &'static str,
        upstream: Option<&str>,
    ) -> anyhow::Result<Hub> {
        let (port, metrics_port) = (free_port()?, free_port()?);
        let mut schema = None;
        let mut database = self.path(&format!("{name}.db")).display().to_string();
        if let (Engine::Postgres, Some(server)) = (engine, &bench.server) {
            let new = format!("bench_{name}_{}", Uuid::now_v7().simple());
            database = Store::make_schema(&server.url, &new).await?;
            schema = Some(new);
        }
        let upstream = upstream.map_or(String::new(), |url| {
            format!("[upstream]\nurl = \"{url}\"\n")
        });
        let text = format!(
            "[hub]\nname = \"{name}\"\nunit = \"{PROVINCE}\"\n\
             [listen]\naddress = \"127.0.0.1:{port}\"\n\
             [metrics]\naddress = \"127.0.0.1:{metrics_port}\"\n\
             [identity]\ndirectory = \"{name}\"\n\
             [store]\nurl = \"{database}\"\n\
             [sealing]\nkey_file = \"{name}-seal.key\"\n\
             [access]\noperators = [\"{OPERATOR}\"]\n{upstream}"
        );
        let config = self.path(&format!("{name}.toml"));
        fs::write(&config, text)?;
        let url = format!("https://127.0.0.1:{port}");
        let operator = self.line(&url, OPERATOR)?;
        Hub::start(Place {
            config,
            url,
            metrics_port,
            schema,
            operator,
        })
        .await
    }
}

/// A port that nobody uses now.
fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
