//! `[upstream]`: who takes what a hub forwards.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{ConfigError, PolicySection, in_range, is_hub_address, wrong};
use crate::domain::record::Lane;

/// What stands upstream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum UpstreamKind {
    /// A childsync hub, or a server that keeps the same contract.
    #[default]
    Hub,
}

/// `[upstream]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct UpstreamSection {
    /// What it is: `hub`.
    #[serde(default)]
    pub kind: UpstreamKind,
    /// Address, `https://HOST:PORT`.
    pub url: String,
    /// Identity folder for this line; the hub's own unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<PathBuf>,
    /// How long the upstream may be silent before the line is given up, 100 to 600000.
    #[serde(default = "patience_milliseconds")]
    pub patience_milliseconds: u64,
    /// What children's records may use of the line, 1 to 1000000; no cap unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routine_kilobytes_per_second: Option<u64>,
    /// What case reports may use of it besides, in the same way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub urgent_kilobytes_per_second: Option<u64>,
    /// What of a record goes there.
    #[serde(default)]
    pub policy: PolicySection,
}

const fn patience_milliseconds() -> u64 {
    30_000
}

impl UpstreamSection {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        in_range(
            "upstream.patience_milliseconds",
            self.patience_milliseconds,
            100,
            600_000,
        )?;
        for (key, cap) in [
            (
                "upstream.routine_kilobytes_per_second",
                self.routine_kilobytes_per_second,
            ),
            (
                "upstream.urgent_kilobytes_per_second",
                self.urgent_kilobytes_per_second,
            ),
        ] {
            in_range(key, cap.unwrap_or(1), 1, 1_000_000)?;
        }
        self.policy.policy()?;
        match self.kind {
            UpstreamKind::Hub if is_hub_address(&self.url) => Ok(()),
            UpstreamKind::Hub => Err(wrong("upstream.url", "must be https://HOST:PORT")),
        }
    }

    /// Relative paths count from the folder of the file.
    pub(super) fn resolve(&mut self, folder: &Path) {
        if let Some(directory) = &mut self.directory {
            *directory = folder.join(&*directory);
        }
        if let Some(key) = &mut self.policy.key_file {
            *key = folder.join(&*key);
        }
    }

    /// How long the upstream may be silent.
    pub fn patience(&self) -> Duration {
        Duration::from_millis(self.patience_milliseconds)
    }

    /// What a lane may use of the line, in bytes a second; `None` for all of it.
    pub fn bytes_per_second(&self, lane: Lane) -> Option<u64> {
        let kilobytes = match lane {
            Lane::Routine => self.routine_kilobytes_per_second,
            Lane::Urgent => self.urgent_kilobytes_per_second,
        };
        kilobytes.map(|kilobytes| kilobytes * 1_000)
    }

    /// Where the upstream is, as status shows it.
    pub fn place(&self) -> &str {
        match self.kind {
            UpstreamKind::Hub => &self.url,
        }
    }
}
