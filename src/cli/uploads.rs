//! `childsync uploads`: the uploads that a hub remembers.

use clap::{Args, Subcommand};
use comfy_table::Table;
use comfy_table::presets::UTF8_BORDERS_ONLY;
use serde_json::{Value, json};
use uuid::Uuid;

use super::operator::{HubLine, answer, say};
use crate::domain::node::NodeName;
use crate::grpc::proto::v1;
use crate::grpc::proto::v1::ingest_service_client::IngestServiceClient;
use crate::grpc::proto::v1::{RecordFate, UploadEntry, UploadKind, UploadState, UploadStatus};
use crate::grpc::unit_text;

/// Rows asked for at a time.
const PAGE_ROWS: u32 = 500;

/// Show the uploads of a node, or of all nodes to an operator
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    childsync uploads list --hub https://hub:7443 --identity commune-30742\n  \
    childsync uploads show 0197… --hub https://hub:7443 --identity commune-30742\n  \
    childsync uploads show 0197… --node commune-30742 --hub https://hub:7443 --identity an --json")]
pub(super) struct Uploads {
    #[command(subcommand)]
    verb: UploadsVerb,
}

#[derive(Debug, Subcommand)]
enum UploadsVerb {
    List(List),
    Show(Show),
}

/// List uploads, the newest first
#[derive(Args, Debug)]
struct List {
    #[command(flatten)]
    line: HubLine,
    /// Uploads at most
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=500))]
    limit: u32,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Show an upload and what there is to say about its records
#[derive(Args, Debug)]
struct Show {
    /// The upload, as its receipt names it
    upload: Uuid,
    /// The node that sent it, where an operator asks
    #[arg(long)]
    node: Option<NodeName>,
    #[command(flatten)]
    line: HubLine,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Uploads {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        match self.verb {
            UploadsVerb::List(list) => list.run().await,
            UploadsVerb::Show(show) => show.run().await,
        }
    }
}

impl List {
    async fn run(self) -> anyhow::Result<()> {
        let mut client = IngestServiceClient::new(self.line.open()?);
        let request = v1::ListUploadsRequest {
            page_size: self.limit,
            page_token: String::new(),
        };
        let uploads = answer(client.list_uploads(request)).await?.uploads;
        if self.json {
            let list: Vec<Value> = uploads.iter().map(as_json).collect();
            say(serde_json::to_string_pretty(&list)?);
        } else {
            say(table(&uploads));
        }
        Ok(())
    }
}

impl Show {
    async fn run(self) -> anyhow::Result<()> {
        let mut client = IngestServiceClient::new(self.line.open()?);
        let (mut page_token, mut entries, mut shown) = (String::new(), Vec::new(), None);
        loop {
            let request = v1::GetUploadRequest {
                upload_id: self.upload.to_string(),
                node: self
                    .node
                    .as_ref()
                    .map_or(String::new(), NodeName::to_string),
                page_size: PAGE_ROWS,
                page_token,
            };
            let page = answer(client.get_upload(request)).await?;
            shown = page.upload.or(shown);
            entries.extend(page.entries);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        let status = shown.unwrap_or_default();
        if self.json {
            let entries: Vec<Value> = entries.iter().map(entry_as_json).collect();
            let shown = json!({ "upload": as_json(&status), "entries": entries });
            say(serde_json::to_string_pretty(&shown)?);
        } else {
            say(table(&[status]));
            for entry in &entries {
                say(entry_as_text(entry));
            }
        }
        Ok(())
    }
}

fn state(status: &UploadStatus) -> &'static str {
    match status.state() {
        UploadState::Unspecified => "expired",
        UploadState::Receiving => "receiving",
        UploadState::Committing => "committing",
        UploadState::Committed => "committed",
        UploadState::Validated => "validated",
        UploadState::Refused => "refused",
    }
}

fn fate(entry: &UploadEntry) -> &'static str {
    match entry.fate() {
        RecordFate::Unspecified => "unknown",
        RecordFate::Created => "new",
        RecordFate::Changed => "changed",
        RecordFate::Renewed => "renewed",
        RecordFate::Unchanged => "unchanged",
        RecordFate::Superseded => "superseded",
        RecordFate::Quarantined => "quarantined",
        RecordFate::Rejected => "rejected",
        RecordFate::Missing => "missing",
        RecordFate::Withdrawn => "withdrawn",
    }
}

/// An upload for scripts.
pub(super) fn as_json(status: &UploadStatus) -> Value {
    let manifest = status.manifest.clone().unwrap_or_default();
    let totals = status.totals.unwrap_or_default();
    json!({
        "upload_id": manifest.upload_id,
        "node": status.node,
        "kind": if manifest.kind() == UploadKind::Snapshot { "snapshot" } else { "delta" },
        "unit": manifest.unit.as_ref().map(unit_text),
        "period": manifest.period,
        "state": state(status),
        "failure": status.failure,
        "records": manifest.records,
        "records_done": status.records_done,
        "bytes": manifest.bytes,
        "durable_offset": status.durable_offset,
        "validate_only": manifest.validate_only,
        "all_or_nothing": manifest.all_or_nothing,
        "withdraw_missing": manifest.withdraw_missing,
        "totals": {
            "new": totals.created,
            "changed": totals.changed,
            "renewed": totals.renewed,
            "unchanged": totals.unchanged,
            "superseded": totals.superseded,
            "quarantined": totals.quarantined,
            "rejected": totals.rejected,
            "missing": totals.missing,
            "withdrawn": totals.withdrawn,
        },
    })
}

fn entry_as_json(entry: &UploadEntry) -> Value {
    let violations = entry.violations.iter().map(|found| {
        json!({ "field": found.field, "rule": found.rule, "description": found.description })
    });
    json!({
        "position": entry.position,
        "record_id": entry.record_id,
        "version": entry.version,
        "fate": fate(entry),
        "reason": entry.reason,
        "violations": violations.collect::<Vec<_>>(),
    })
}

fn entry_as_text(entry: &UploadEntry) -> String {
    let place = entry
        .position
        .map_or(String::new(), |at| format!("record {}: ", at + 1));
    let head = format!(
        "{place}{} {} {}",
        fate(entry),
        entry.record_id,
        entry.reason
    );
    let found = entry.violations.iter();
    let found = found.map(|found| format!("    {} [{}]", found.description, found.rule));
    let lines = std::iter::once(head.trim_end().to_owned()).chain(found);
    lines.collect::<Vec<_>>().join("\n")
}

fn table(uploads: &[UploadStatus]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_BORDERS_ONLY).set_header(vec![
        "upload",
        "node",
        "kind",
        "unit",
        "period",
        "state",
        "records",
        "new",
        "changed",
        "unchanged",
        "not taken",
        "missing",
    ]);
    for status in uploads {
        let manifest = status.manifest.clone().unwrap_or_default();
        let totals = status.totals.unwrap_or_default();
        let is_snapshot = manifest.kind() == UploadKind::Snapshot;
        let counts = [
            totals.created,
            totals.changed,
            totals.unchanged + totals.renewed,
            totals.quarantined + totals.rejected,
            totals.missing + totals.withdrawn,
        ];
        let mut cells = vec![
            manifest.upload_id,
            status.node.clone(),
            if is_snapshot { "snapshot" } else { "delta" }.to_owned(),
            manifest.unit.as_ref().map(unit_text).unwrap_or_default(),
            manifest.period,
            state(status).to_owned(),
            format!("{} of {}", status.records_done, manifest.records),
        ];
        cells.extend(counts.map(|count| count.to_string()));
        table.add_row(cells);
    }
    table
}
