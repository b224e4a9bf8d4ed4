//! Configuration of a hub: a TOML file, environment variables over it, typed and explained.
//!
//! Unknown keys are errors, and every error names the key and says what to do. A variable
//! `CHILDSYNC_SECTION_KEY` overrides `key` of `[section]`; lists are separated by commas.

mod agent;
mod jobs;
mod overrides;
mod policy;
mod text;
mod upstream;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use toml::Table;

use crate::domain::node::NodeName;
use crate::domain::unit::UnitReference;
use crate::observability::logging::{self, LogFormat};

pub use agent::{AGENT_CONFIG_FILE, AgentConfig};
pub use jobs::{
    BackupSection, CertificatesSection, ComparisonSection, ForwardSection, JobsSection,
    PurgeSection,
};
pub use overrides::ENVIRONMENT_PREFIX;
pub use policy::{Goes, PolicySection};
pub use upstream::{UpstreamKind, UpstreamSection};

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{path}: cannot be read: {error}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{path}: is not TOML: {error}")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where and why.
        error: Box<toml::de::Error>,
    },
    /// A key is unknown, missing or holds the wrong thing.
    #[error("{key}: {problem}")]
    Key {
        /// The key with its section, or the variable.
        key: String,
        /// What is wrong and what to do.
        problem: String,
    },
}

/// Everything a hub is told.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct HubConfig {
    /// Who the hub is.
    pub hub: HubSection,
    /// Where it listens.
    #[serde(default)]
    pub listen: ListenSection,
    /// Where its metrics are read.
    #[serde(default)]
    pub metrics: MetricsSection,
    /// Its certificate, key and trusted CAs.
    pub identity: IdentitySection,
    /// Its database.
    #[serde(default)]
    pub store: StoreSection,
    /// The key that seals personal data.
    pub sealing: SealingSection,
    /// Its upstream; without this section it is the top of the tree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream: Option<UpstreamSection>,
    /// Who may look after it.
    #[serde(default)]
    pub access: AccessSection,
    /// Its log.
    #[serde(default)]
    pub log: LogSection,
    /// Sizes and times.
    #[serde(default)]
    pub tuning: TuningSection,
    /// How it decides who is the same child.
    #[serde(default)]
    pub linkage: LinkageSection,
    /// What it does by itself, and when.
    #[serde(default)]
    pub jobs: JobsSection,
}

/// `[hub]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct HubSection {
    /// Its name, as its certificate and its upstream have it.
    #[serde(with = "text")]
    pub name: NodeName,
    /// The unit it serves, for example `GSO_PRE2025:91`.
    #[serde(with = "text")]
    pub unit: UnitReference,
}

/// `[listen]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ListenSection {
    /// Address and port; port 0 lets the system choose.
    pub address: std::net::SocketAddr,
}

impl Default for ListenSection {
    fn default() -> Self {
        Self {
            address: std::net::SocketAddr::from(([127, 0, 0, 1], 7443)),
        }
    }
}

/// `[metrics]`
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct MetricsSection {
    /// Address and port; without it there is no metrics port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<std::net::SocketAddr>,
}

/// `[identity]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct IdentitySection {
    /// Folder with certificate.pem, key.pem and ca.pem.
    pub directory: PathBuf,
}

/// `[store]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreSection {
    /// A path for SQLite or a `postgres://` URL.
    pub url: String,
    /// Connections at most, 2 to 100.
    pub connections_max: u32,
}

impl Default for StoreSection {
    fn default() -> Self {
        Self {
            url: "childsync.db".to_owned(),
            connections_max: 8,
        }
    }
}

/// `[sealing]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SealingSection {
    /// File of 32 bytes that only its owner may read.
    pub key_file: PathBuf,
}

/// `[access]`
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AccessSection {
    /// Names of operators, as their certificates have them.
    #[serde(default)]
    pub operators: Vec<String>,
}

/// `[log]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogSection {
    /// `text` or `json`.
    pub format: LogFormat,
    /// A level, or levels for parts, for example `info` or `childsync=debug`.
    pub filter: String,
}

impl Default for LogSection {
    fn default() -> Self {
        Self {
            format: LogFormat::Text,
            filter: "info".to_owned(),
        }
    }
}

/// `[linkage]`
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LinkageSection {
    /// The linkage model; the one that ships with the program unless given. A model that an operator put
    /// in use by `childsync linkage use` stands above it. Under another model than before, the hub links
    /// everything again in the background after its start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_file: Option<PathBuf>,
}

/// `[tuning]`
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct TuningSection {
    /// Records of a group commit, 1 to 100000.
    pub group_commit_records_max: u32,
    /// Submissions of a slice, 1 to 100000.
    pub slice_records_max: u32,
    /// Golden records of a forward batch, 1 to 100000.
    pub batch_records_max: u32,
    /// How long a leader leads without extending its lease, 300 to 600000.
    pub lease_milliseconds: u64,
    /// How long stopping may take, 100 to 10000.
    pub drain_milliseconds: u64,
    /// How often uploads are looked at that nothing happens to, 1 to 86400. After 72 looks the bytes of
    /// one that was given up are removed, after 720 the receipt and the report of one that has ended.
    pub upload_sweep_seconds: u64,
    /// What all uploads together may hold until they are taken in, in MiB, 256 to 1048576.
    pub upload_mebibytes_max: u64,
}

impl Default for TuningSection {
    fn default() -> Self {
        Self {
            group_commit_records_max: 4_000,
            slice_records_max: 4_000,
            batch_records_max: 4_000,
            lease_milliseconds: 10_000,
            drain_milliseconds: 10_000,
            upload_sweep_seconds: 3_600,
            upload_mebibytes_max: 8_192,
        }
    }
}

impl TuningSection {
    /// How long a leader leads without extending its lease.
    pub fn lease(&self) -> Duration {
        Duration::from_millis(self.lease_milliseconds)
    }

    /// How often uploads are looked at that nothing happens to.
    pub fn upload_sweep(&self) -> Duration {
        Duration::from_secs(self.upload_sweep_seconds)
    }

    /// What all uploads together may hold until they are taken in, in bytes.
    pub fn upload_bytes_max(&self) -> u64 {
        self.upload_mebibytes_max * 1024 * 1024
    }

    /// How long stopping may take.
    pub fn drain(&self) -> Duration {
        Duration::from_millis(self.drain_milliseconds)
    }
}

impl HubConfig {
    /// Reads a file, with environment variables over it. Relative paths in it count from its folder.
    pub fn read(
        path: &Path,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let table = read_table(path)?;
        let folder = path.parent().unwrap_or_else(|| Path::new("."));
        let table = overrides::apply(overrides::HUB_KEYS, table, environment)?;
        Self::from_table(table, folder)
    }

    fn from_table(table: Table, folder: &Path) -> Result<Self, ConfigError> {
        let mut config: Self = read_typed(table)?;
        config.check()?;
        config.resolve(folder);
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        if self.hub.unit.find().is_none() {
            return Err(wrong(
                "hub.unit",
                "is not a unit of its scheme: check scheme and code",
            ));
        }
        if let Some(upstream) = &self.upstream {
            upstream.check()?;
        }
        if let Err(error) = logging::read_filter(&self.log.filter) {
            return Err(wrong("log.filter", &error.to_string()));
        }
        for operator in &self.access.operators {
            if operator.parse::<NodeName>().is_err() {
                let problem = "an operator's name is 1 to 63 of a-z, 0-9 and hyphen";
                return Err(wrong("access.operators", problem));
            }
        }
        self.jobs.check(&self.store.url, self.upstream.as_ref())?;
        let tuning = &self.tuning;
        in_range(
            "store.connections_max",
            self.store.connections_max.into(),
            2,
            100,
        )?;
        let records = 100_000;
        let group = tuning.group_commit_records_max.into();
        in_range("tuning.group_commit_records_max", group, 1, records)?;
        in_range(
            "tuning.slice_records_max",
            tuning.slice_records_max.into(),
            1,
            records,
        )?;
        in_range(
            "tuning.batch_records_max",
            tuning.batch_records_max.into(),
            1,
            records,
        )?;
        in_range(
            "tuning.lease_milliseconds",
            tuning.lease_milliseconds,
            300,
            600_000,
        )?;
        in_range(
            "tuning.drain_milliseconds",
            tuning.drain_milliseconds,
            100,
            10_000,
        )?;
        in_range(
            "tuning.upload_sweep_seconds",
            tuning.upload_sweep_seconds,
            1,
            86_400,
        )?;
        in_range(
            "tuning.upload_mebibytes_max",
            tuning.upload_mebibytes_max,
            256,
            1_048_576,
        )
    }

    fn resolve(&mut self, folder: &Path) {
        let absolute = |path: &mut PathBuf| *path = folder.join(&*path);
        absolute(&mut self.identity.directory);
        absolute(&mut self.sealing.key_file);
        if let Some(upstream) = &mut self.upstream {
            upstream.resolve(folder);
        }
        if let Some(model) = &mut self.linkage.model_file {
            absolute(model);
        }
        if let Some(backup) = &mut self.jobs.backup {
            absolute(&mut backup.folder);
        }
        if !self.store.url.starts_with("postgres") {
            let path = self
                .store
                .url
                .strip_prefix("sqlite://")
                .unwrap_or(&self.store.url);
            self.store.url = folder.join(path).display().to_string();
        }
    }

    /// Names of the operators.
    pub fn operators(&self) -> Vec<NodeName> {
        self.access
            .operators
            .iter()
            .filter_map(|name| name.parse().ok())
            .collect()
    }

    /// The effective values as TOML, with the password of a database URL masked.
    pub fn shown(&self) -> String {
        let mut shown = self.clone();
        shown.store.url = mask_password(&shown.store.url);
        toml::to_string_pretty(&shown).unwrap_or_default()
    }
}

fn read_table(path: &Path) -> Result<Table, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|error| ConfigError::File {
        path: path.to_owned(),
        error,
    })?;
    text.parse::<Table>().map_err(|error| ConfigError::Syntax {
        path: path.to_owned(),
        error: Box::new(error),
    })
}

fn read_typed<T: serde::de::DeserializeOwned>(table: Table) -> Result<T, ConfigError> {
    serde_path_to_error::deserialize(toml::Value::Table(table)).map_err(|error| {
        let key = error.path().to_string();
        let problem = error.into_inner().message().to_owned();
        ConfigError::Key {
            key,
            problem: explain(&problem),
        }
    })
}

fn is_hub_address(url: &str) -> bool {
    let uri = url.parse::<http::Uri>();
    uri.is_ok_and(|uri| uri.scheme_str() == Some("https") && uri.port_u16().is_some())
}

/// `scheme://user:password@host` without the password.
fn mask_password(url: &str) -> String {
    let masked = || {
        let (scheme, rest) = url.split_once("://")?;
        let (credentials, host) = rest.rsplit_once('@')?;
        let (user, _) = credentials.split_once(':')?;
        Some(format!("{scheme}://{user}:***@{host}"))
    };
    let masked = masked().unwrap_or_else(|| url.to_owned());
    match masked.split_once("password=") {
        Some((before, after)) => {
            let rest = after.split_once('&').map_or("", |(_, rest)| rest);
            format!("{before}password=***&{rest}")
                .trim_end_matches('&')
                .to_owned()
        }
        None => masked,
    }
}

fn in_range(key: &str, value: u64, least: u64, most: u64) -> Result<(), ConfigError> {
    if (least..=most).contains(&value) {
        Ok(())
    } else {
        Err(wrong(
            key,
            &format!("must be {least} to {most} and is {value}"),
        ))
    }
}

fn wrong(key: &str, problem: &str) -> ConfigError {
    ConfigError::Key {
        key: key.to_owned(),
        problem: problem.to_owned(),
    }
}

/// serde's words, with what to do.
fn explain(problem: &str) -> String {
    let advice = if problem.starts_with("unknown field") {
        ": remove it, or correct its spelling"
    } else if problem.starts_with("missing field") {
        ": add it"
    } else {
        ""
    };
    format!("{problem}{advice}")
}

#[cfg(test)]
mod tests;
