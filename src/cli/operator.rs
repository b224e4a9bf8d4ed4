//! What the verbs share: a runtime, a line to a hub, and words for the terminal.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use tonic::transport::Channel;
use tonic_types::StatusExt;

use crate::grpc::connector;
use crate::security::live::LiveIdentity;

/// How long a hub may take to answer an operator.
const ANSWER_SECONDS_MAX: u64 = 30;

/// Which hub to talk to, and as whom.
#[derive(Args, Clone, Debug)]
pub(super) struct HubLine {
    /// Address of the hub
    #[arg(long, value_name = "https://HOST:PORT")]
    pub(super) hub: String,
    /// Identity directory: certificate.pem, key.pem, ca.pem
    #[arg(long, value_name = "DIR")]
    pub(super) identity: PathBuf,
}

impl HubLine {
    /// The line; nothing is connected yet.
    pub(super) fn open(&self) -> anyhow::Result<Channel> {
        line(&self.hub, &self.identity)
    }
}

pub(super) fn line(hub: &str, identity: &Path) -> anyhow::Result<Channel> {
    let identity = LiveIdentity::read(identity).context("--identity")?;
    connector::line(hub, Arc::new(identity)).context("--hub")
}

/// Runs a verb that waits for the network.
pub(super) fn block_on<T>(verb: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(verb)
}

/// Waits for an answer and turns an error into words that say what to do.
pub(super) async fn answer<T>(
    call: impl Future<Output = Result<tonic::Response<T>, tonic::Status>>,
) -> anyhow::Result<T> {
    let limit = Duration::from_secs(ANSWER_SECONDS_MAX);
    let answer = tokio::time::timeout(limit, call);
    match answer
        .await
        .context("the hub did not answer in time: try again")?
    {
        Ok(answer) => Ok(answer.into_inner()),
        Err(status) => Err(explain(&status)),
    }
}

pub(super) fn explain(status: &tonic::Status) -> anyhow::Error {
    match status.get_error_details().error_info() {
        Some(info) => anyhow::anyhow!("the hub answered {}: {}", info.reason, status.message()),
        None if status.code() == tonic::Code::Unavailable => anyhow::anyhow!(
            "the hub cannot be reached or refused our certificate: \
             check --hub, that the hub runs, and that both trust the same CA"
        ),
        None => anyhow::anyhow!("the hub answered {:?}: {}", status.code(), status.message()),
    }
}

/// A progress bar on standard error; hidden where that is no terminal.
pub(super) fn progress(what: &'static str, total: usize) -> ProgressBar {
    let bar = ProgressBar::new(u64::try_from(total).unwrap_or(u64::MAX));
    let template = "{msg:12} {bar:40} {percent:>3} % {eta:>6}";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.set_message(what);
    bar
}

/// Writes to standard output; a reader that has gone away is no error.
pub(super) fn say(text: impl std::fmt::Display) {
    if writeln!(std::io::stdout(), "{text}").is_err() {
        tracing::debug!("Nobody reads the output");
    }
}

/// Writes an error with its causes to standard error.
pub(super) fn complain(error: &anyhow::Error) {
    if writeln!(std::io::stderr(), "childsync: {error:#}").is_err() {
        tracing::debug!("Nobody reads the errors");
    }
}
