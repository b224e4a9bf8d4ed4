//! `childsync check-config`: says whether a configuration can be used.

use std::path::PathBuf;

use clap::Args;

use super::operator::say;
use crate::app::policy_without_key;
use crate::config::HubConfig;

/// Check a hub's configuration and print the effective values
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  childsync check-config --config /etc/childsync/hub.toml\n\n\
    Variables CHILDSYNC_SECTION_KEY go over the file. Passwords are masked.\n\
    The exit status is 0 if the configuration can be used."
)]
pub(super) struct CheckConfig {
    /// Configuration file
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

impl CheckConfig {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let config = HubConfig::read(&self.config, std::env::vars())?;
        if let Some(upstream) = &config.upstream {
            policy_without_key(upstream)?;
        }
        say(config.shown());
        Ok(())
    }
}
