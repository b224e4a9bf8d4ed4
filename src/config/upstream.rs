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
    /// A platform that takes JSON over HTTP.
    Rest,
    /// A folder of sealed bundles, to be carried to a hub.
    Directory,
}

/// `[upstream]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct UpstreamSection {
    /// What it is: `hub`, `rest` or `directory`.
    #[serde(default)]
    pub kind: UpstreamKind,
    /// Address, `https://HOST:PORT`; of a platform `https://HOST/PATH`; of a directory that of the hub above.
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
    /// File with the bearer token of a platform; without it the certificate tells who we are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
    /// Folder for the bundles of a directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<PathBuf>,
    /// Card of the hub that the bundles of a directory are for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card: Option<PathBuf>,
    /// What of a record goes there.
    #[serde(default)]
    pub policy: PolicySection,
}

const fn patience_milliseconds() -> u64 {
    30_000
}

impl UpstreamSection {
    /// Whether it is a hub, which can be compared with and has a feed.
    pub fn is_hub(&self) -> bool {
        match self.kind {
            UpstreamKind::Hub => true,
            UpstreamKind::Rest | UpstreamKind::Directory => false,
        }
    }

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
        let is_address = match self.kind {
            UpstreamKind::Hub | UpstreamKind::Directory => is_hub_address(&self.url),
            UpstreamKind::Rest => is_platform_address(&self.url),
        };
        if !is_address {
            let form = match self.kind {
                UpstreamKind::Hub => "must be https://HOST:PORT",
                UpstreamKind::Rest => "must be https://HOST, with a port and a path if need be",
                UpstreamKind::Directory => {
                    "must be the address of the hub above, https://HOST:PORT"
                }
            };
            return Err(wrong("upstream.url", form));
        }
        self.check_keys()
    }

    /// Each kind has keys of its own.
    fn check_keys(&self) -> Result<(), ConfigError> {
        let is_directory = self.kind == UpstreamKind::Directory;
        for (key, file) in [("folder", &self.folder), ("card", &self.card)] {
            let key = format!("upstream.{key}");
            match (is_directory, file) {
                (true, None) => {
                    return Err(wrong(&key, "is needed for kind = \"directory\": add it"));
                }
                (false, Some(_)) => {
                    return Err(wrong(&key, "is for kind = \"directory\": remove it"));
                }
                (true, Some(_)) | (false, None) => {}
            }
        }
        if self.kind != UpstreamKind::Rest && self.token_file.is_some() {
            return Err(wrong(
                "upstream.token_file",
                "is for kind = \"rest\": remove it",
            ));
        }
        Ok(())
    }

    /// Relative paths count from the folder of the file.
    pub(super) fn resolve(&mut self, folder: &Path) {
        let paths = [
            &mut self.directory,
            &mut self.token_file,
            &mut self.folder,
            &mut self.card,
            &mut self.policy.key_file,
        ];
        for path in paths.into_iter().flatten() {
            *path = folder.join(&*path);
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
    pub fn place(&self) -> String {
        match (self.kind, &self.folder) {
            (UpstreamKind::Directory, Some(folder)) => folder.display().to_string(),
            (UpstreamKind::Hub | UpstreamKind::Rest | UpstreamKind::Directory, _) => {
                self.url.clone()
            }
        }
    }
}

fn is_platform_address(url: &str) -> bool {
    let uri = url.parse::<http::Uri>();
    uri.is_ok_and(|uri| {
        uri.scheme_str() == Some("https") && uri.host().is_some() && uri.query().is_none()
    })
}
