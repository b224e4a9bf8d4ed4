//! Configuration of an agent.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::overrides::{AGENT_KEYS, apply};
use super::{
    ConfigError, IdentitySection, LogSection, SealingSection, in_range, is_hub_address, read_table,
    read_typed, text, wrong,
};
use crate::domain::node::NodeName;
use crate::domain::territory::Territory;
use crate::domain::unit::{AdminScheme, UnitReference};
use crate::observability::logging;

/// Where an agent's configuration is, unless somebody says otherwise.
pub const AGENT_CONFIG_FILE: &str = "/etc/childsync/agent.toml";

/// Everything an agent is told.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AgentConfig {
    /// Whose records it keeps.
    pub agent: AgentSection,
    /// Where it sends them.
    pub hub: HubLineSection,
    /// Its certificate, key and trusted CAs.
    pub identity: IdentitySection,
    /// Its database.
    #[serde(default)]
    pub store: AgentStoreSection,
    /// The key that seals personal data; made at the first start.
    #[serde(default = "default_sealing")]
    pub sealing: SealingSection,
    /// Where it takes records over gRPC.
    #[serde(default)]
    pub grpc: GrpcSection,
    /// Where it takes records over HTTP and shows its page.
    #[serde(default)]
    pub http: HttpSection,
    /// The folder that it watches for files; without it there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drop: Option<DropSection>,
    /// Its log.
    #[serde(default)]
    pub log: LogSection,
}

/// `[agent]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AgentSection {
    /// Its name, as its certificate has it and as its hub registered it.
    #[serde(with = "text")]
    pub name: NodeName,
    /// The units whose records it takes, as the hub registered them.
    pub territory: Vec<String>,
}

/// `[hub]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct HubLineSection {
    /// Address, `https://HOST:PORT`.
    pub url: String,
}

/// `[store]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct AgentStoreSection {
    /// The SQLite file.
    pub path: PathBuf,
    /// Records that may wait, 1 to 10,000,000.
    pub records_max: u64,
    /// Bytes that the file may have while records are taken in, 1 MiB to 1 TiB.
    pub bytes_max: u64,
}

impl Default for AgentStoreSection {
    fn default() -> Self {
        Self {
            path: "agent.db".into(),
            records_max: 1_000_000,
            bytes_max: 4 * 1024 * 1024 * 1024,
        }
    }
}

fn default_sealing() -> SealingSection {
    SealingSection {
        key_file: "seal.key".into(),
    }
}

/// `[grpc]`
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct GrpcSection {
    /// Address and port of this machine.
    pub address: SocketAddr,
}

impl Default for GrpcSection {
    fn default() -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], 7444)),
        }
    }
}

/// `[http]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct HttpSection {
    /// Address and port of this machine.
    pub address: SocketAddr,
    /// File of the token that every request shows; made at the first start.
    pub token_file: PathBuf,
}

impl Default for HttpSection {
    fn default() -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], 7480)),
            token_file: "http.token".into(),
        }
    }
}

/// `[drop]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DropSection {
    /// The folder.
    pub folder: PathBuf,
    /// The list that unit codes are from where a file does not say.
    #[serde(with = "text", default = "default_scheme")]
    pub scheme: AdminScheme,
    /// How columns, codes and dates of files are read that have no mapping beside them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mapping: Option<PathBuf>,
}

fn default_scheme() -> AdminScheme {
    AdminScheme::GsoPre2025
}

impl AgentConfig {
    /// Reads a file, with environment variables over it. Relative paths in it count from its folder.
    pub fn read(
        path: &Path,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let table = apply(AGENT_KEYS, read_table(path)?, environment)?;
        let mut config: Self = read_typed(table)?;
        config.check()?;
        config.resolve(path.parent().unwrap_or_else(|| Path::new(".")));
        Ok(config)
    }

    /// What it may take records of.
    pub fn territory(&self) -> Territory {
        let units = self.agent.territory.iter();
        Territory::new(units.filter_map(|unit| unit.parse().ok()).collect())
    }

    /// A unit of its own, which every upload names as what it is about.
    pub fn own_unit(&self) -> Option<UnitReference> {
        self.agent.territory.first()?.parse().ok()
    }

    fn check(&self) -> Result<(), ConfigError> {
        if self.agent.territory.is_empty() {
            let problem =
                "name at least one unit, as `childsync node add` registered it at the hub";
            return Err(wrong("agent.territory", problem));
        }
        for unit in &self.agent.territory {
            let known = unit
                .parse::<UnitReference>()
                .is_ok_and(|unit| unit.find().is_some());
            if !known {
                let problem = format!("{unit} is not a unit of its scheme: check scheme and code");
                return Err(wrong("agent.territory", &problem));
            }
        }
        if !is_hub_address(&self.hub.url) {
            return Err(wrong("hub.url", "must be https://HOST:PORT"));
        }
        for (key, address) in [
            ("grpc.address", self.grpc.address),
            ("http.address", self.http.address),
        ] {
            if !address.ip().is_loopback() {
                let problem =
                    "must be of this machine, 127.0.0.1 or [::1]: an agent serves nobody else";
                return Err(wrong(key, problem));
            }
        }
        if let Err(error) = logging::read_filter(&self.log.filter) {
            return Err(wrong("log.filter", &error.to_string()));
        }
        let (least, most) = (1024 * 1024, 1024 * 1024 * 1024 * 1024);
        in_range("store.records_max", self.store.records_max, 1, 10_000_000)?;
        in_range("store.bytes_max", self.store.bytes_max, least, most)
    }

    fn resolve(&mut self, folder: &Path) {
        let absolute = |path: &mut PathBuf| *path = folder.join(&*path);
        absolute(&mut self.identity.directory);
        absolute(&mut self.store.path);
        absolute(&mut self.sealing.key_file);
        absolute(&mut self.http.token_file);
        if let Some(drop) = &mut self.drop {
            absolute(&mut drop.folder);
            if let Some(mapping) = &mut drop.mapping {
                absolute(mapping);
            }
        }
    }

    /// The effective values as TOML.
    pub fn shown(&self) -> String {
        toml::to_string_pretty(self).unwrap_or_default()
    }
}
