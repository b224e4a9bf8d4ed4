//! `childsync agent`: keeps records beside the commune software and sends them.

pub(super) mod port;
mod show;

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Parser, Subcommand};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use super::hub::stop_on_signal;
use super::import::hide_faults;
use super::operator::say;
use crate::agent::http::openapi;
use crate::app::AgentApp;
use crate::config::{AGENT_CONFIG_FILE, AgentConfig};
use crate::domain::clock::SystemClock;
use crate::observability::logging;
use show::{ListRecords, ShowRecord, ShowStatus};

/// Keep records beside the commune software and send them to the hub
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    childsync agent --config /etc/childsync/agent.toml\n  \
    childsync agent status\n  \
    childsync agent records to-correct\n  \
    childsync agent show child 0197f3a2-0000-7000-8000-000000000001\n  \
    childsync import commune.csv --hub https://127.0.0.1:7444 --identity /etc/childsync/identity\n\n\
    Without a verb the agent runs until SIGTERM or Ctrl-C. What it has acknowledged is on disk.")]
pub(super) struct Agent {
    /// Configuration file; deploy/agent.example.toml explains every key
    #[arg(
        long,
        value_name = "FILE",
        default_value = AGENT_CONFIG_FILE,
        global = true
    )]
    config: PathBuf,
    #[command(subcommand)]
    verb: Option<AgentVerb>,
}

/// Keep records beside the commune software and send them to the hub
#[derive(Debug, Parser)]
#[command(name = "childsync-agent", version)]
#[command(after_help = "Example:\n  \
    childsync-agent --config /etc/childsync/agent.toml\n\n\
    Runs until SIGTERM or Ctrl-C, as `childsync agent` does, in less memory. What it has acknowledged is on \
    disk. To look at it: childsync agent status")]
pub(super) struct AgentAlone {
    /// Configuration file; deploy/agent.example.toml explains every key
    #[arg(long, value_name = "FILE", default_value = AGENT_CONFIG_FILE)]
    config: PathBuf,
}

impl AgentAlone {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let config = AgentConfig::read(&self.config, std::env::vars())?;
        one_thread()?.block_on(run(config))
    }
}

#[derive(Debug, Subcommand)]
enum AgentVerb {
    Status(ShowStatus),
    Records(ListRecords),
    Show(ShowRecord),
    /// Print the description of the HTTP port as `OpenAPI` 3.1
    Openapi,
    /// Print the effective values of the configuration
    CheckConfig,
}

impl Agent {
    pub(super) fn run(self) -> anyhow::Result<()> {
        if let Some(AgentVerb::Openapi) = self.verb {
            say(serde_json::to_string_pretty(&openapi::document())?);
            return Ok(());
        }
        let config = AgentConfig::read(&self.config, std::env::vars())?;
        let runtime = one_thread()?;
        match self.verb {
            None => runtime.block_on(run(config)),
            Some(AgentVerb::Status(verb)) => runtime.block_on(verb.run(&config)),
            Some(AgentVerb::Records(verb)) => runtime.block_on(verb.run(&config)),
            Some(AgentVerb::Show(verb)) => runtime.block_on(verb.run(&config)),
            Some(AgentVerb::CheckConfig | AgentVerb::Openapi) => {
                say(config.shown());
                Ok(())
            }
        }
    }
}

/// An agent waits most of the time and must not need memory for it.
fn one_thread() -> std::io::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
}

async fn run(config: AgentConfig) -> anyhow::Result<()> {
    hide_faults();
    logging::start(config.log.format, &config.log.filter)?;
    let stop = CancellationToken::new();
    stop_on_signal(&stop)?;
    let app = AgentApp::prepare(config, Arc::new(SystemClock)).await?;
    app.run(stop).await
}
