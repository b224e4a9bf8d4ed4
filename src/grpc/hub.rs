//! What all services of a hub share, and who may call them.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tonic::Request;

use super::status::{AccessError, peer};
use crate::domain::clock::Clock;
use crate::domain::job::Job;
use crate::domain::node::NodeName;
use crate::domain::schedule::Schedule;
use crate::domain::unit::UnitReference;
use crate::observability::metrics::Metrics;
use crate::security::identity::Identity;
use crate::security::live::LiveIdentity;
use crate::security::seal::SealKey;
use crate::store::{NodeRow, Store};
use crate::sync::codec::RecordCodec;
use crate::sync::comparison::register::Comparisons;
use crate::sync::feed::Feeds;
use crate::sync::models::ModelsInUse;
use crate::sync::nodes;
use crate::sync::signals::Signals;
use crate::sync::units::KnownUnits;

/// What all services of a hub share.
pub struct Hub {
    /// Its name.
    pub name: NodeName,
    /// The unit it serves.
    pub unit: UnitReference,
    /// Address of its upstream, if it has one.
    pub upstream: Option<String>,
    /// Whether its upstream is a hub, which can be compared with.
    pub has_comparisons_above: bool,
    /// Names of its operators.
    pub operators: Vec<NodeName>,
    /// Its database.
    pub store: Store,
    /// Reads records.
    pub codec: Arc<dyn RecordCodec>,
    /// Seals contents.
    pub key: Arc<SealKey>,
    /// Knows the model that decides who is the same child.
    pub models: Arc<ModelsInUse>,
    /// Knows which acts about units hold.
    pub units: Arc<KnownUnits>,
    /// What all uploads together may hold until they are taken in, in bytes.
    pub upload_bytes_max: u64,
    /// Says what time it is.
    pub clock: Arc<dyn Clock>,
    /// Wake-up calls.
    pub signals: Arc<Signals>,
    /// Its certificate, its key and whom it trusts.
    pub identity: Arc<LiveIdentity>,
    /// When its jobs are due.
    pub schedules: Vec<(Job, Schedule)>,
    /// Counts what happens.
    pub metrics: Arc<Metrics>,
    /// Told when the hub stops.
    pub stop: CancellationToken,
}

impl Hub {
    /// Its comparisons with other hubs.
    pub fn comparisons(&self) -> Comparisons {
        Comparisons {
            store: self.store.clone(),
            clock: Arc::clone(&self.clock),
            signals: Arc::clone(&self.signals),
            has_upstream: self.has_comparisons_above,
        }
    }

    /// Reads the feeds of its nodes.
    pub(super) fn feeds(&self) -> Feeds {
        Feeds {
            store: self.store.clone(),
            codec: Arc::clone(&self.codec),
            key: Arc::clone(&self.key),
            units: Arc::clone(&self.units),
        }
    }

    /// The registered node that calls.
    pub async fn node<T>(&self, request: &Request<T>) -> Result<NodeRow, tonic::Status> {
        let name = node_name(request)?;
        let node = nodes::find(&self.store, &self.units, name).await?;
        node.ok_or_else(|| AccessError::NotRegistered.into())
    }

    /// Lets only operators of this hub through.
    pub fn operator<T>(&self, request: &Request<T>) -> Result<(), AccessError> {
        match &peer(request)?.identity {
            Identity::Operator(name) if self.operators.contains(name) => Ok(()),
            Identity::Operator(_) | Identity::Node(_) => Err(AccessError::NotOperator),
        }
    }

    /// Lets only operators of this hub through and says who it is.
    pub fn steward<T>(&self, request: &Request<T>) -> Result<NodeName, AccessError> {
        match &peer(request)?.identity {
            Identity::Operator(name) if self.operators.contains(name) => Ok(name.clone()),
            Identity::Operator(_) | Identity::Node(_) => Err(AccessError::NotOperator),
        }
    }
}

/// Name of the node that calls, registered or not.
pub fn node_name<T>(request: &Request<T>) -> Result<&NodeName, AccessError> {
    match &peer(request)?.identity {
        Identity::Node(name) => Ok(name),
        Identity::Operator(_) => Err(AccessError::NotNode),
    }
}
