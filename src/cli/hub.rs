//! `childsync hub`: runs a hub.

use std::path::PathBuf;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::config::HubConfig;
use crate::observability::logging;

/// Run a hub of a district, a province or the nation
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  childsync hub --config /etc/childsync/hub.toml\n\n\
    SIGTERM or Ctrl-C drains: no new work, what was read is acknowledged, within 10 seconds."
)]
pub(super) struct RunHub {
    /// Configuration file; deploy/hub.example.toml explains every key
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

impl RunHub {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let config = HubConfig::read(&self.config, std::env::vars())?;
        logging::start(config.log.format, &config.log.filter)?;
        let stop = CancellationToken::new();
        stop_on_signal(&stop)?;
        App::prepare(config).await?.run(stop).await
    }
}

/// Cancels `stop` at SIGTERM or Ctrl-C.
pub(super) fn stop_on_signal(stop: &CancellationToken) -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let told = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        told.cancel();
    });
    Ok(())
}
