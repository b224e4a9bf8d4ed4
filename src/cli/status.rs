//! `childsync status`: how a hub is doing.

use clap::Args;
use comfy_table::presets::UTF8_BORDERS_ONLY;
use comfy_table::{CellAlignment, Table};
use serde_json::{Value, json};
use tonic::transport::Channel;

use super::compare;
use super::operator::{HubLine, answer, say};
use crate::grpc::proto::v1::status_service_client::StatusServiceClient;
use crate::grpc::proto::v1::{
    ForwarderStatus, GetStatusRequest, GetStatusResponse, LanePosition, ListNodesRequest,
    NodeStatus,
};
use crate::grpc::unit_text;

/// Nodes asked for at a time.
const PAGE_ROWS: u32 = 1_000;

/// Show a hub's nodes, log, reconciler, forwarder and upstream
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    childsync status --hub https://hub:7443 --identity an\n  \
    childsync status --hub https://hub:7443 --identity an --json | jq .waiting")]
pub(super) struct ShowStatus {
    #[command(flatten)]
    line: HubLine,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Add digests over all records, equal at both ends of a line when both hold the same; reads everything
    #[arg(long)]
    digest: bool,
}

impl ShowStatus {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let line = self.line.open()?;
        let hub = read_hub(&line, self.digest).await?;
        let nodes = read_nodes(&line, self.digest).await?;
        if self.json {
            say(serde_json::to_string_pretty(&shown(&hub, &nodes))?);
        } else {
            say(overview(&hub));
            say(node_table(&nodes, self.digest));
        }
        Ok(())
    }
}

/// Asks a hub for its status.
pub(super) async fn read_hub(
    line: &Channel,
    with_digest: bool,
) -> anyhow::Result<GetStatusResponse> {
    let mut client = StatusServiceClient::new(line.clone());
    answer(client.get_status(GetStatusRequest { with_digest })).await
}

/// Asks a hub for all its nodes.
pub(super) async fn read_nodes(
    line: &Channel,
    with_digests: bool,
) -> anyhow::Result<Vec<NodeStatus>> {
    let mut client = StatusServiceClient::new(line.clone());
    let mut nodes = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListNodesRequest {
            page_size: PAGE_ROWS,
            page_token,
            with_digests,
        };
        let page = answer(client.list_nodes(request)).await?;
        nodes.extend(page.nodes);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(nodes);
        }
    }
}

fn shown(hub: &GetStatusResponse, nodes: &[NodeStatus]) -> Value {
    let waiting: u64 = hub.reconciler.iter().map(|lane| lane.waiting).sum();
    json!({
        "hub": hub.hub,
        "unit": hub.unit.as_ref().map(unit_text),
        "program_version": hub.program_version,
        "read_at": hub.read_at.map(instant_text),
        "log_head": hub.log_head,
        "waiting": waiting,
        "reconciler": {
            "owner": hub.reconciler_owner,
            "token": hub.reconciler_token,
            "lanes": lanes(&hub.reconciler),
        },
        "source_records": hub.source_records,
        "golden_records": hub.golden_records,
        "duplicates": hub.duplicates,
        "case_reports": hub.case_reports,
        "quarantined": hub.quarantined,
        "change_head": hub.change_head,
        "golden_digest": hub.golden_digest,
        "forwarder": hub.forwarder.as_ref().map(forwarder_json),
        "comparisons": hub.comparisons.iter().map(compare::as_json).collect::<Vec<_>>(),
        "nodes": nodes.iter().map(node_json).collect::<Vec<_>>(),
    })
}

fn forwarder_json(forwarder: &ForwarderStatus) -> Value {
    json!({
        "upstream": forwarder.upstream,
        "lanes": lanes(&forwarder.positions),
        "receipted_batch": forwarder.receipted_batch,
        "receipted_at": forwarder.receipted_at.map(instant_text),
        "last_error": forwarder.last_error,
        "failed_attempts": forwarder.failed_attempts,
        "refused": forwarder.refused,
    })
}

fn node_json(node: &NodeStatus) -> Value {
    json!({
        "name": node.name,
        "unit": node.unit.as_ref().map(unit_text),
        "last_contact_at": node.last_contact_at.map(instant_text),
        "received": node.received,
        "accepted": node.accepted,
        "unchanged": node.unchanged,
        "rejected": node.rejected,
        "quarantined": node.quarantined,
        "waiting": node.waiting,
        "source_records": node.source_records,
        "digest": node.digest,
    })
}

fn lanes(positions: &[LanePosition]) -> Value {
    let lane = |position: &LanePosition| {
        let name = position
            .lane()
            .as_str_name()
            .trim_start_matches("LANE_")
            .to_lowercase();
        json!({ "lane": name, "position": position.position, "waiting": position.waiting })
    };
    positions.iter().map(lane).collect()
}

fn overview(hub: &GetStatusResponse) -> Table {
    let waiting: u64 = hub.reconciler.iter().map(|lane| lane.waiting).sum();
    let unit = hub.unit.as_ref().map(unit_text).unwrap_or_default();
    let mut table = plain_table();
    table.add_row(vec!["Hub".into(), format!("{} ({unit})", hub.hub)]);
    table.add_row(vec![
        "Log".into(),
        format!("{} submissions, {waiting} waiting", hub.log_head),
    ]);
    let leader = match hub.reconciler_owner.as_str() {
        "" => "nobody yet".to_owned(),
        owner => format!("{owner}, token {}", hub.reconciler_token),
    };
    table.add_row(vec!["Reconciler".into(), leader]);
    let children = format!(
        "{} golden records of {} source records, {} duplicates",
        hub.golden_records, hub.source_records, hub.duplicates
    );
    table.add_row(vec!["Children".into(), children]);
    table.add_row(vec!["Case reports".into(), hub.case_reports.to_string()]);
    table.add_row(vec!["Quarantine".into(), hub.quarantined.to_string()]);
    table.add_row(vec![
        "Upstream".into(),
        upstream_text(hub.forwarder.as_ref()),
    ]);
    for comparison in &hub.comparisons {
        let with = match comparison.node.as_str() {
            "" => "Compared with upstream".to_owned(),
            node => format!("Compared with {node}"),
        };
        table.add_row(vec![with, compare::summary(comparison)]);
    }
    if !hub.golden_digest.is_empty() {
        table.add_row(vec!["Digest".into(), hub.golden_digest.clone()]);
    }
    table
}

fn upstream_text(forwarder: Option<&ForwarderStatus>) -> String {
    let Some(forwarder) = forwarder else {
        return "none: this is the top of the tree".to_owned();
    };
    let waiting: u64 = forwarder.positions.iter().map(|lane| lane.waiting).sum();
    let trouble = match forwarder.last_error.as_str() {
        "" => String::new(),
        word => format!(", failing: {word}, {} attempts", forwarder.failed_attempts),
    };
    let refused = match forwarder.refused {
        0 => String::new(),
        refused => format!(", {refused} refused"),
    };
    let batch = forwarder.receipted_batch;
    format!(
        "{}: batch {batch} receipted, {waiting} waiting{refused}{trouble}",
        forwarder.upstream
    )
}

fn node_table(nodes: &[NodeStatus], with_digests: bool) -> Table {
    let mut table = plain_table();
    let mut header = vec![
        "Node",
        "Unit",
        "Last contact",
        "Received",
        "Accepted",
        "Unchanged",
        "Rejected",
        "Quarantined",
        "Waiting",
    ];
    if with_digests {
        header.push("Digest");
    }
    table.set_header(header);
    for node in nodes {
        let contact = node
            .last_contact_at
            .map_or_else(|| "never".to_owned(), instant_text);
        let mut row = vec![
            node.name.clone(),
            node.unit.as_ref().map(unit_text).unwrap_or_default(),
            contact,
        ];
        let counts = [
            node.received,
            node.accepted,
            node.unchanged,
            node.rejected,
            node.quarantined,
            node.waiting,
        ];
        row.extend(counts.map(|count| count.to_string()));
        if with_digests {
            row.push(node.digest.clone());
        }
        table.add_row(row);
    }
    for column in 3..9 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// A table with borders and no lines inside.
pub(super) fn plain_table() -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_BORDERS_ONLY);
    table
}

pub(super) fn instant_text(instant: prost_types::Timestamp) -> String {
    instant.to_string()
}
