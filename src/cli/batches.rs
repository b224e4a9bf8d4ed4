//! `childsync batches`: what goes from hub to hub, and the evidence of it.

mod show;
mod verify;

use clap::{Args, Subcommand};
use comfy_table::Table;
use comfy_table::presets::UTF8_BORDERS_ONLY;
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;

use super::operator::{HubLine, answer, say};
use crate::grpc::proto::v1::batch_service_client::BatchServiceClient;
use crate::grpc::proto::v1::{BatchDirection, ForwardBatch, Lane, ListBatchesRequest};
use show::{ShowBatch, TakeEvidence};
use verify::Verify;

/// Rows asked for at a time.
const PAGE_ROWS: u32 = 500;

/// Show what goes from hub to hub, and prove it
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    childsync batches list --hub https://hub:7443 --identity an\n  \
    childsync batches list --received --hub https://hub:7443 --identity an\n  \
    childsync batches show 17 --hub https://hub:7443 --identity an\n  \
    childsync batches receipt 17 --to 17.receipt --hub https://hub:7443 --identity an\n  \
    childsync batches verify 17.receipt --ca ca.pem\n\n\
    A hub seals what it forwards as numbered batches and signs each; its upstream signs what it holds of it.")]
pub(super) struct Batches {
    #[command(subcommand)]
    verb: BatchesVerb,
}

#[derive(Debug, Subcommand)]
enum BatchesVerb {
    List(List),
    Show(ShowBatch),
    Receipt(TakeEvidence),
    Verify(Verify),
}

impl Batches {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        match self.verb {
            BatchesVerb::List(verb) => verb.run().await,
            BatchesVerb::Show(verb) => verb.run().await,
            BatchesVerb::Receipt(verb) => verb.run().await,
            BatchesVerb::Verify(verb) => verb.run(),
        }
    }
}

/// List the batches of a hub, the newest first
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    childsync batches list --hub https://hub:7443 --identity an\n  \
    childsync batches list --received --limit 1000 --hub https://hub:7443 --identity an --json")]
struct List {
    #[command(flatten)]
    line: HubLine,
    /// Batches of the hubs below, instead of those that this hub sends
    #[arg(long)]
    received: bool,
    /// Batches at most
    #[arg(long, default_value_t = 100)]
    limit: usize,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl List {
    async fn run(self) -> anyhow::Result<()> {
        let mut client = BatchServiceClient::new(self.line.open()?);
        let direction = if self.received {
            BatchDirection::Received
        } else {
            BatchDirection::Sent
        };
        let (mut batches, mut page_token) = (Vec::new(), String::new());
        while batches.len() < self.limit {
            let request = ListBatchesRequest {
                direction: direction.into(),
                page_size: PAGE_ROWS,
                page_token,
            };
            let page = answer(client.list_batches(request)).await?;
            batches.extend(page.batches);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        batches.truncate(self.limit);
        if self.json {
            let batches: Vec<Value> = batches.iter().map(as_json).collect();
            say(json!({ "batches": batches }));
            return Ok(());
        }
        let mut table = Table::new();
        table.load_style(UTF8_BORDERS_ONLY).set_header([
            "hub",
            "number",
            "lane",
            "records",
            "held",
            "refused",
            "sealed at",
            "state",
        ]);
        for batch in &batches {
            table.add_row([
                batch.hub.clone(),
                batch.number.to_string(),
                lane(batch).to_owned(),
                batch.records.to_string(),
                batch.held.to_string(),
                batch.refused.to_string(),
                text(&instant(batch.sealed_at)),
                state(batch),
            ]);
        }
        say(table);
        Ok(())
    }
}

fn lane(batch: &ForwardBatch) -> &'static str {
    match batch.lane() {
        Lane::Unspecified => "unknown",
        Lane::Routine => "routine",
        Lane::Urgent => "urgent",
    }
}

/// How far a batch is, in words.
fn state(batch: &ForwardBatch) -> String {
    match (batch.replaced_by, batch.receipted_at) {
        (0, Some(at)) => format!("receipted at {}", text(&instant(Some(at)))),
        (0, None) => "waits for its receipt".to_owned(),
        (other, _) => format!("replaced by {other}: a record of it had changed"),
    }
}

fn as_json(batch: &ForwardBatch) -> Value {
    json!({
        "batch_id": batch.batch_id,
        "hub": batch.hub,
        "number": batch.number,
        "lane": lane(batch),
        "first_change": batch.first_change,
        "last_change": batch.last_change,
        "records": batch.records,
        "accepted": batch.accepted,
        "held": batch.held,
        "refused": batch.refused,
        "sealed_at": instant(batch.sealed_at),
        "receipted_at": instant(batch.receipted_at),
        "replaced_by": if batch.replaced_by == 0 { Value::Null } else { batch.replaced_by.into() },
    })
}

/// A moment for scripts; null where there is none.
fn instant(at: Option<prost_types::Timestamp>) -> Value {
    let at = at.and_then(|at| time::OffsetDateTime::from_unix_timestamp(at.seconds).ok());
    at.and_then(|at| at.format(&Rfc3339).ok()).into()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
