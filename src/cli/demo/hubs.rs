//! The two hubs of the demo: real servers, each a process of this program.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;
use tokio::process::{Child, Command};
use tokio::time::Instant;

use super::nation_unit;
use crate::cli::operator::{answer, line};
use crate::domain::clock::{Clock, SystemClock};
use crate::domain::unit::UnitReference;
use crate::grpc::proto::v1::RegisterNodeRequest;
use crate::grpc::proto::v1::node_service_client::NodeServiceClient;
use crate::grpc::unit_message;
use crate::security::directory::write_private;
use crate::security::identity::Identity;
use crate::security::pki::{CERTIFICATE_DAYS, CertificateRequest, issue, make_authority};
use crate::security::seal::SealKey;
use crate::store::Store;

/// How long a hub may take to start.
const START_SECONDS_MAX: u64 = 30;
/// How long a hub may take to stop; its own limit is 10 seconds.
const STOP_SECONDS_MAX: u64 = 15;
/// How often a starting hub is tried.
const TRY_MILLISECONDS: u64 = 50;

/// What to start.
pub(super) struct HubsOptions {
    pub(super) province: UnitReference,
    pub(super) communes: Vec<(String, UnitReference)>,
    pub(super) keep: Option<PathBuf>,
    pub(super) database_url: Option<String>,
}

/// The running hubs and their files.
pub(super) struct Hubs {
    folder: PathBuf,
    keeps: bool,
    province: Running,
    nation: Running,
}

struct Running {
    process: Child,
    url: String,
    config: PathBuf,
}

impl Hubs {
    /// Makes a CA, certificates and configuration, starts both hubs and registers the nodes.
    pub(super) async fn start(options: HubsOptions) -> anyhow::Result<Self> {
        let folder = make_folder(options.keep.as_deref())?;
        let (nation_port, province_port) = (free_port()?, free_port()?);
        make_identities(&folder, &options)?;
        let database_url = options.database_url.as_deref();
        let unit = nation_unit(options.province);
        let config = HubFile {
            name: "nation",
            unit,
            port: nation_port,
            upstream: None,
        };
        let nation_config = config.write(&folder, &database(database_url, "nation").await?)?;
        let upstream = Some(nation_port);
        let config = HubFile {
            name: "province",
            unit: options.province,
            port: province_port,
            upstream,
        };
        let province_config = config.write(&folder, &database(database_url, "province").await?)?;
        let nation = Running::start(nation_config, nation_port, &folder).await?;
        let province = Running::start(province_config, province_port, &folder).await?;
        let hubs = Self {
            folder,
            keeps: options.keep.is_some(),
            province,
            nation,
        };
        hubs.register(&hubs.nation.url, "province", options.province)
            .await?;
        for (node, unit) in &options.communes {
            hubs.register(&hubs.province.url, node, *unit).await?;
        }
        Ok(hubs)
    }

    async fn register(&self, hub: &str, node: &str, unit: UnitReference) -> anyhow::Result<()> {
        let request = RegisterNodeRequest {
            name: node.to_owned(),
            unit: Some(unit_message(unit)),
            territory: Vec::new(),
        };
        let mut client = NodeServiceClient::new(line(hub, &self.operator())?);
        answer(client.register_node(request)).await?;
        Ok(())
    }

    pub(super) fn province_url(&self) -> &str {
        &self.province.url
    }

    pub(super) fn nation_url(&self) -> &str {
        &self.nation.url
    }

    /// The identity directory of a node.
    pub(super) fn identity(&self, node: &str) -> PathBuf {
        self.folder.join("identities").join(node)
    }

    /// The operator's identity directory.
    pub(super) fn operator(&self) -> PathBuf {
        self.identity("operator")
    }

    /// Stops both hubs in order and removes their files unless they are kept.
    pub(super) async fn stop(&mut self) -> anyhow::Result<()> {
        self.province.stop().await?;
        self.nation.stop().await?;
        if !self.keeps {
            fs::remove_dir_all(&self.folder)?;
        }
        Ok(())
    }

    /// What to type to start the hubs again and look at them.
    pub(super) fn how_to_start_again(&self) -> Option<String> {
        let (nation, province) = (self.nation.config.display(), self.province.config.display());
        let operator = self.operator();
        let operator = operator.display();
        self.keeps.then(|| {
            format!(
                "Everything is kept in {}. Start the hubs again, each in its own terminal:\n  \
                 childsync hub --config {nation}\n  childsync hub --config {province}\n\
                 and look at them:\n  \
                 childsync status --hub {} --identity {operator}\n  \
                 childsync status --hub {} --identity {operator}",
                self.folder.display(),
                self.nation.url,
                self.province.url,
            )
        })
    }
}

impl Running {
    async fn start(config: PathBuf, port: u16, folder: &Path) -> anyhow::Result<Self> {
        let log = File::create(config.with_extension("log"))?;
        let process = Command::new(std::env::current_exe()?)
            .arg("hub")
            .arg("--config")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()?;
        let mut running = Self {
            process,
            url: format!("https://127.0.0.1:{port}"),
            config,
        };
        running
            .wait_until_ready(&folder.join("identities").join("operator"))
            .await?;
        Ok(running)
    }

    async fn wait_until_ready(&mut self, operator: &Path) -> anyhow::Result<()> {
        let deadline = Instant::now() + Duration::from_secs(START_SECONDS_MAX);
        let log = self.config.with_extension("log");
        loop {
            if let Some(status) = self.process.try_wait()? {
                let words = fs::read_to_string(&log).unwrap_or_default();
                anyhow::bail!("a hub ended at once with {status}: {}", words.trim());
            }
            let hub = line(&self.url, operator)?;
            match crate::cli::status::read_hub(&hub, false).await {
                Ok(_) => return Ok(()),
                Err(error) if Instant::now() > deadline => {
                    return Err(error).with_context(|| format!("see {}", log.display()));
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(TRY_MILLISECONDS)).await,
            }
        }
    }

    /// Asks the hub to drain and waits for it.
    async fn stop(&mut self) -> anyhow::Result<()> {
        let Some(id) = self.process.id() else {
            return Ok(());
        };
        Command::new("kill")
            .arg("-TERM")
            .arg(id.to_string())
            .status()
            .await?;
        let limit = Duration::from_secs(STOP_SECONDS_MAX);
        if tokio::time::timeout(limit, self.process.wait())
            .await
            .is_err()
        {
            self.process.kill().await?;
        }
        Ok(())
    }
}

/// What a hub's configuration file says.
struct HubFile {
    name: &'static str,
    unit: UnitReference,
    port: u16,
    upstream: Option<u16>,
}

impl HubFile {
    fn write(&self, folder: &Path, database: &str) -> anyhow::Result<PathBuf> {
        let Self {
            name, unit, port, ..
        } = self;
        let upstream = self.upstream.map_or(String::new(), |port| {
            format!("\n[upstream]\nurl = \"https://127.0.0.1:{port}\"\n")
        });
        let text = format!(
            "[hub]\nname = \"{name}\"\nunit = \"{unit}\"\n\n\
             [listen]\naddress = \"127.0.0.1:{port}\"\n\n\
             [identity]\ndirectory = \"identities/{name}\"\n\n\
             [store]\nurl = {database}\n\n\
             [sealing]\nkey_file = \"{name}-seal.key\"\n\n\
             [access]\noperators = [\"operator\"]\n{upstream}",
            database = toml::Value::String(database.to_owned()),
        );
        let path = folder.join(format!("{name}.toml"));
        // A database URL may hold a password.
        write_private(&path, text.as_bytes())?;
        Ok(path)
    }
}

fn make_folder(keep: Option<&Path>) -> anyhow::Result<PathBuf> {
    let folder = match keep {
        Some(folder) => folder.to_owned(),
        None => std::env::temp_dir().join(format!("childsync-demo-{}", uuid::Uuid::now_v7())),
    };
    crate::security::directory::make_private_folder(&folder)?;
    let is_empty = fs::read_dir(&folder)?.next().is_none();
    anyhow::ensure!(
        is_empty,
        "{}: is not empty: choose another folder",
        folder.display()
    );
    Ok(fs::canonicalize(folder)?)
}

fn make_identities(folder: &Path, options: &HubsOptions) -> anyhow::Result<()> {
    let now = SystemClock.now();
    let authority = folder.join("ca");
    make_authority(&authority, "childsync demo CA", now)?;
    let make = |name: &str, identity: Identity, hosts: Vec<String>| {
        let request = CertificateRequest {
            identity,
            hosts,
            days: CERTIFICATE_DAYS,
        };
        issue(
            &authority,
            &request,
            &folder.join("identities").join(name),
            now,
        )
    };
    for hub in ["nation", "province"] {
        write_private(
            &folder.join(format!("{hub}-seal.key")),
            &SealKey::generate()?,
        )?;
        make(
            hub,
            Identity::Node(hub.parse()?),
            vec!["127.0.0.1".to_owned()],
        )?;
    }
    make(
        "operator",
        Identity::Operator("operator".parse()?),
        Vec::new(),
    )?;
    for (node, _) in &options.communes {
        make(node, Identity::Node(node.parse()?), Vec::new())?;
    }
    Ok(())
}

/// A port that nobody uses now. Somebody else may take it before the hub does: then the hub says so.
fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// A file in the demo's folder, or a new schema in a PostgreSQL database.
async fn database(url: Option<&str>, hub: &str) -> anyhow::Result<String> {
    let Some(url) = url else {
        return Ok(format!("{hub}.db"));
    };
    let schema = format!("demo_{hub}_{}", uuid::Uuid::now_v7().simple());
    Store::make_schema(url, &schema)
        .await
        .context("--database-url")
}
