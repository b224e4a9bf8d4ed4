//! One batch, and its evidence as files.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use comfy_table::Table;
use serde_json::json;

use super::{as_json, instant, lane, state, text};
use crate::cli::operator::{HubLine, answer, say};
use crate::grpc::batch_file::ReceiptLetter;
use crate::grpc::proto::v1::batch_service_client::BatchServiceClient;
use crate::grpc::proto::v1::{GetBatchRequest, GetBatchResponse};
use crate::security::directory::write_public;

/// Which batch of which hub.
#[derive(Args, Debug)]
struct Which {
    /// Number of the batch
    number: u64,
    /// Name of the hub below that sealed it; without it, a batch of this hub
    #[arg(long, value_name = "NODE")]
    from: Option<String>,
    #[command(flatten)]
    line: HubLine,
}

impl Which {
    async fn get(&self) -> anyhow::Result<GetBatchResponse> {
        let mut client = BatchServiceClient::new(self.line.open()?);
        let request = GetBatchRequest {
            node: self.from.clone().unwrap_or_default(),
            number: self.number,
        };
        answer(client.get_batch(request)).await
    }
}

/// Show one batch
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    childsync batches show 17 --hub https://hub:7443 --identity an\n  \
    childsync batches show 17 --from kien-giang --hub https://nation:7443 --identity an --json")]
pub(super) struct ShowBatch {
    #[command(flatten)]
    which: Which,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl ShowBatch {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let told = self.which.get().await?;
        let batch = told.batch.context("the hub says nothing of the batch")?;
        let receipt = ReceiptLetter::read(&told.receipt).ok();
        let upstream = receipt.as_ref().map(|receipt| &receipt.header.upstream);
        if self.json {
            let mut shown = as_json(&batch);
            if let Some(members) = shown.as_object_mut() {
                let not_held = receipt.as_ref().map(|receipt| &receipt.not_held);
                members.insert("receipt_of".to_owned(), json!(upstream));
                members.insert("not_held".to_owned(), json!(not_held));
            }
            say(shown);
            return Ok(());
        }
        let mut table = Table::new();
        for (name, value) in [
            ("batch", batch.batch_id.clone()),
            ("number", batch.number.to_string()),
            ("hub", batch.hub.clone()),
            ("lane", lane(&batch).to_owned()),
            (
                "changes",
                format!("{} to {}", batch.first_change, batch.last_change),
            ),
            ("records", batch.records.to_string()),
            ("held upstream", batch.held.to_string()),
            ("refused", batch.refused.to_string()),
            ("sealed at", text(&instant(batch.sealed_at))),
            ("state", state(&batch)),
            ("receipt of", upstream.cloned().unwrap_or_default()),
        ] {
            table.add_row([name.to_owned(), value]);
        }
        say(table);
        Ok(())
    }
}

/// Take the receipt of a batch, and its manifest beside it, as files
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  \
    childsync batches receipt 17 --to 17.receipt --hub https://hub:7443 --identity an\n\n\
    The manifest is written beside it as 17.receipt.manifest. Neither says anything of a child.")]
pub(super) struct TakeEvidence {
    #[command(flatten)]
    which: Which,
    /// File to make; none is replaced
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
}

impl TakeEvidence {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let told = self.which.get().await?;
        let number = self.which.number;
        anyhow::ensure!(
            !told.receipt.is_empty(),
            "batch {number} has no receipt yet: `childsync batches show {number}` says why"
        );
        write_public(&self.to, &told.receipt)?;
        let manifest = manifest_beside(&self.to);
        write_public(&manifest, &told.manifest)?;
        say(format_args!(
            "Written: {} and {}. Prove them with `childsync batches verify {} --ca ca.pem`",
            self.to.display(),
            manifest.display(),
            self.to.display()
        ));
        Ok(())
    }
}

/// `17.receipt` and `17.receipt.manifest`.
pub(super) fn manifest_beside(receipt: &Path) -> PathBuf {
    let mut name = receipt.as_os_str().to_owned();
    name.push(".manifest");
    name.into()
}
