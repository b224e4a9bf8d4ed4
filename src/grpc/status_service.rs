//! `StatusService`: how the hub is doing, for operators.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::compare_messages::write_comparison;
use super::convert::{write_instant, write_lane, write_unit};
use super::hub::Hub;
use super::proto::v1;
use super::proto::v1::status_service_server::StatusService;
use crate::store::NodeCounts;
use crate::sync::status::{
    HubStatus, LanePosition, NODES_PAGE_ROWS, NODES_PAGE_ROWS_MAX, read_hub, read_nodes,
};

/// The service of one hub.
pub struct HubStatusService {
    /// What all services share.
    pub hub: Arc<Hub>,
}

#[tonic::async_trait]
impl StatusService for HubStatusService {
    async fn get_status(
        &self,
        request: Request<v1::GetStatusRequest>,
    ) -> Result<Response<v1::GetStatusResponse>, Status> {
        self.hub.operator(&request)?;
        let status = read_hub(&self.hub.store, request.get_ref().with_digest).await?;
        Ok(Response::new(self.write_hub(status)))
    }

    async fn list_nodes(
        &self,
        request: Request<v1::ListNodesRequest>,
    ) -> Result<Response<v1::ListNodesResponse>, Status> {
        self.hub.operator(&request)?;
        let request = request.into_inner();
        let rows = match request.page_size {
            0 => NODES_PAGE_ROWS,
            asked => asked.min(NODES_PAGE_ROWS_MAX),
        };
        let (after, with_digests) = (request.page_token, request.with_digests);
        let page = read_nodes(&self.hub.store, &after, rows, with_digests).await?;
        let is_full = u32::try_from(page.len()) == Ok(rows);
        let next_page_token = match page.last() {
            Some((last, _)) if is_full => last.name.clone(),
            Some(_) | None => String::new(),
        };
        let nodes = page.into_iter().map(write_node).collect();
        Ok(Response::new(v1::ListNodesResponse {
            nodes,
            next_page_token,
        }))
    }
}

impl HubStatusService {
    fn write_hub(&self, status: HubStatus) -> v1::GetStatusResponse {
        let counts = status.counts;
        let forwarder = self
            .hub
            .upstream
            .clone()
            .map(|upstream| v1::ForwarderStatus {
                upstream,
                positions: status.forwarder.into_iter().map(write_position).collect(),
                receipted_batch: status
                    .receipt
                    .map_or(0, |(number, _)| number.unsigned_abs()),
                receipted_at: status.receipt.map(|(_, at)| write_instant(at)),
                last_error: status.health.last_error,
                failed_attempts: u32::try_from(status.health.failed_attempts).unwrap_or(u32::MAX),
                refused: counts.refused.unsigned_abs(),
            });
        v1::GetStatusResponse {
            hub: self.hub.name.to_string(),
            unit: Some(write_unit(self.hub.unit)),
            program_version: env!("CARGO_PKG_VERSION").to_owned(),
            read_at: Some(write_instant(self.hub.clock.now())),
            log_head: status.log_head.unsigned_abs(),
            reconciler: status.reconciler.into_iter().map(write_position).collect(),
            reconciler_owner: status.lease.owner,
            reconciler_token: status.lease.token.unsigned_abs(),
            source_records: counts.source_children.unsigned_abs(),
            golden_records: counts.golden_children.unsigned_abs(),
            duplicates: counts
                .source_children
                .saturating_sub(counts.golden_children)
                .unsigned_abs(),
            case_reports: counts.case_reports.unsigned_abs(),
            quarantined: counts.quarantined.unsigned_abs(),
            change_head: status.change_head.unsigned_abs(),
            forwarder,
            golden_digest: status.digest.map(hexadecimal).unwrap_or_default(),
            comparisons: status
                .comparisons
                .into_iter()
                .map(write_comparison)
                .collect(),
        }
    }
}

fn write_position(position: LanePosition) -> v1::LanePosition {
    v1::LanePosition {
        lane: write_lane(position.lane).into(),
        position: position.position.unsigned_abs(),
        waiting: position.waiting.unsigned_abs(),
    }
}

fn write_node((node, digest): (NodeCounts, Option<[u8; 32]>)) -> v1::NodeStatus {
    v1::NodeStatus {
        name: node.name,
        unit: Some(write_unit(node.unit)),
        last_contact_at: node.last_contact_at.map(write_instant),
        received: node.received.unsigned_abs(),
        accepted: node.accepted.unsigned_abs(),
        unchanged: node.unchanged.unsigned_abs(),
        rejected: node.rejected.unsigned_abs(),
        quarantined: node.quarantined.unsigned_abs(),
        waiting: node.waiting.unsigned_abs(),
        source_records: node.source_records.unsigned_abs(),
        digest: digest.map(hexadecimal).unwrap_or_default(),
    }
}

fn hexadecimal(digest: [u8; 32]) -> String {
    blake3::Hash::from_bytes(digest).to_hex().to_string()
}
