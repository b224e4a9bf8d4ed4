//! `childsync node`: the register of nodes.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::bundle::write_card;
use super::operator::{HubLine, answer, say};
use crate::domain::node::NodeName;
use crate::domain::unit::UnitReference;
use crate::grpc::proto::v1::RegisterNodeRequest;
use crate::grpc::proto::v1::node_service_client::NodeServiceClient;
use crate::grpc::unit_message;

/// Register the nodes that may write to a hub
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  \
    childsync node add commune-30742 --unit GSO_PRE2025:30742 --hub https://hub:7443 --identity an")]
pub(super) struct Node {
    #[command(subcommand)]
    verb: NodeVerb,
}

#[derive(Debug, Subcommand)]
enum NodeVerb {
    Add(Add),
}

/// Register a node with its unit and territory
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    childsync node add commune-30742 --unit GSO_PRE2025:30742 --hub https://hub:7443 --identity an\n  \
    childsync node add kien-giang --unit GSO_PRE2025:91 --hub https://nation:7443 --identity an\n  \
    childsync node add far-away --unit GSO_PRE2025:30745 --hub-card far-away/hub.card --hub … --identity an\n\n\
    Adding the same node again changes nothing.")]
struct Add {
    /// Name as in the node's certificate
    name: NodeName,
    /// The unit it belongs to
    #[arg(long, value_name = "SCHEME:CODE")]
    unit: UnitReference,
    /// A unit whose records it may write; may be given again; its own unit unless given
    #[arg(long, value_name = "SCHEME:CODE")]
    territory: Vec<UnitReference>,
    /// File to leave the hub's card in, for a node that never has a line: hub.card beside its certificate
    #[arg(long, value_name = "FILE")]
    hub_card: Option<PathBuf>,
    #[command(flatten)]
    line: HubLine,
}

impl Node {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        match self.verb {
            NodeVerb::Add(add) => add.run().await,
        }
    }
}

impl Add {
    async fn run(self) -> anyhow::Result<()> {
        let line = self.line.open()?;
        let request = RegisterNodeRequest {
            name: self.name.to_string(),
            unit: Some(unit_message(self.unit)),
            territory: self.territory.into_iter().map(unit_message).collect(),
        };
        let mut client = NodeServiceClient::new(line.clone());
        let created = answer(client.register_node(request)).await?.created;
        let done = if created {
            "registered"
        } else {
            "was registered already"
        };
        say(format_args!("{} {done}", self.name));
        if let Some(file) = self.hub_card {
            write_card(line, &file).await?;
        }
        Ok(())
    }
}
