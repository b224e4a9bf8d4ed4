//! `CustodyService`: where one record is durable and since when.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::convert::{read_kind, write_instant, write_unit};
use super::feed::write_event;
use super::hub::{Hub, node_name};
use super::proto::v1;
use super::proto::v1::custody_service_server::CustodyService;
use super::status::{AccessError, field, not_found};
use crate::domain::node::NodeName;
use crate::domain::record::{RecordId, RecordKind};
use crate::sync::custody::Trace;
use crate::sync::nodes;

/// The service of one hub.
pub struct HubCustodyService {
    /// What all services share.
    pub hub: Arc<Hub>,
}

#[tonic::async_trait]
impl CustodyService for HubCustodyService {
    async fn trace(
        &self,
        request: Request<v1::TraceRequest>,
    ) -> Result<Response<v1::TraceResponse>, Status> {
        let name = self.traced_node(&request)?;
        let node = nodes::find(&self.hub.store, &self.hub.units, &name).await?;
        let node = node.ok_or_else(|| match self.hub.operator(&request) {
            Ok(()) => field(
                "node",
                "NODE_UNKNOWN",
                &"is not a node that is registered here",
            ),
            Err(_) => AccessError::NotRegistered.into(),
        })?;
        let request = request.into_inner();
        let record_id: RecordId = request
            .record_id
            .parse()
            .map_err(|_| field("record_id", "RECORD_ID_INVALID", &"is not a UUID"))?;
        let kind = read_kind(request.kind).unwrap_or(RecordKind::Child);
        let traced = self
            .hub
            .feeds()
            .trace(node.node_id, kind, record_id)
            .await?;
        let trace = traced.ok_or_else(|| {
            not_found(
                "RECORD_UNKNOWN",
                "this hub never took in such a record of this node: check the record id and its kind, and \
                 ask the node whether it still waits there",
            )
        })?;
        Ok(Response::new(self.write_trace(&name, trace)))
    }
}

impl HubCustodyService {
    /// The node whose record is asked for: any for an operator, its own for a node.
    fn traced_node(&self, request: &Request<v1::TraceRequest>) -> Result<NodeName, Status> {
        let asked = &request.get_ref().node;
        if self.hub.operator(request).is_ok() {
            return asked
                .parse()
                .map_err(|error| field("node", "NODE_UNKNOWN", &error));
        }
        match node_name(request) {
            Ok(own) if asked.is_empty() || asked == own.as_str() => Ok(own.clone()),
            Ok(_) => Err(AccessError::NotOwnRecord.into()),
            // Neither a node nor an operator of this hub.
            Err(AccessError::NotNode) => Err(AccessError::NotOperator.into()),
            Err(error) => Err(error.into()),
        }
    }

    fn write_trace(&self, node: &NodeName, trace: Trace) -> v1::TraceResponse {
        let has_upstream = self.hub.upstream.is_some();
        let progress = has_upstream.then_some(trace.progress);
        let versions = trace.versions.iter().map(|version| v1::TracedVersion {
            version: version.version.as_u64(),
            log_number: version.sequence.unsigned_abs(),
            received_at: Some(write_instant(version.received_at)),
            is_withdrawal: version.is_withdrawal,
            is_reconciled: version.is_reconciled,
        });
        let batch = trace.batch.map(|batch| v1::TracedBatch {
            number: batch.number.unsigned_abs(),
            first_change: batch.first_change.unsigned_abs(),
            last_change: batch.last_change.unsigned_abs(),
            sealed_at: Some(write_instant(batch.sealed_at)),
            receipted_at: batch.receipted_at.map(write_instant),
            receipt: batch.receipt,
        });
        v1::TraceResponse {
            hub: self.hub.name.to_string(),
            hub_unit: Some(write_unit(self.hub.unit)),
            read_at: Some(write_instant(self.hub.clock.now())),
            node: node.to_string(),
            versions: versions.collect(),
            states: trace
                .states
                .into_iter()
                .map(|row| write_event(row, progress))
                .collect(),
            golden_since: trace.golden.map(|(since, _)| write_instant(since)),
            golden_version: trace.golden.map_or(0, |(_, version)| version.as_u64()),
            batch,
            has_upstream,
        }
    }
}
