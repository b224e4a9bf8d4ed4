//! `childsync node`: the register of nodes.

use clap::{Args, Subcommand};

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
    childsync node add kien-giang --unit GSO_PRE2025:91 --hub https://nation:7443 --identity an\n\n\
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
        let request = RegisterNodeRequest {
            name: self.name.to_string(),
            unit: Some(unit_message(self.unit)),
            territory: self.territory.into_iter().map(unit_message).collect(),
        };
        let mut client = NodeServiceClient::new(self.line.open()?);
        let created = answer(client.register_node(request)).await?.created;
        let done = if created {
            "registered"
        } else {
            "was registered already"
        };
        say(format_args!("{} {done}", self.name));
        Ok(())
    }
}
