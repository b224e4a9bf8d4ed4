//! Beside the commune software: a durable queue, the way to the hub and back, and files of records.
//!
//! What comes in is [`settle`]d and kept by the [`keeper`] before it is acknowledged. A [`sender`] for each
//! lane takes it to the hub, and the [`follower`] brings back where each record is. Where there is no line, a
//! [`bundle`] is carried by hand. [`corrections`] say what an official is to put right.

pub mod answers;
pub mod bundle;
pub mod card;
pub mod corrections;
pub mod csv_writer;
pub mod drop_folder;
pub mod file;
pub mod follower;
pub mod health;
pub mod http;
pub mod intake;
pub mod keeper;
pub mod label;
pub mod overview;
pub mod population;
pub mod sender;
pub mod settle;
pub mod upward;
pub mod words;

use crate::domain::node::NodeId;
use crate::domain::record::RecordKey;
use crate::store::OwnKey;

/// An agent keeps the records of one node: its own.
pub const OWN_NODE: NodeId = NodeId::new(0);

/// A record of the agent's node, as everything that is made for hubs names it.
pub const fn own_key(node: NodeId, (kind, record_id): OwnKey) -> RecordKey {
    RecordKey {
        node,
        kind,
        record_id,
    }
}
