//! `childsync upstream`: what an upstream that is no hub has to serve.

use clap::{Args, Subcommand};

use super::operator::say;
use crate::grpc::rest_client::openapi;

/// What an upstream has to serve that is no hub
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  childsync upstream openapi > upstream.openapi.json")]
pub(super) struct DescribeUpstream {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Print the `OpenAPI` description of an upstream of `kind = "rest"`
    #[command(
        after_help = "Example:\n  childsync upstream openapi > upstream.openapi.json\n\n\
        The same text stands in deploy/upstream.openapi.json."
    )]
    Openapi,
}

impl DescribeUpstream {
    pub(super) fn run(self) -> anyhow::Result<()> {
        match self.verb {
            Verb::Openapi => say(serde_json::to_string_pretty(&openapi::document())?),
        }
        Ok(())
    }
}
