//! At the hub: taking bundles in, and writing the hub's card.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use serde_json::{Value, json};
use tokio_stream::iter;
use tonic::transport::Channel;

use super::{read_letter, with_ending, write_whole};
use crate::cli::operator::{HubLine, answer, explain, say};
use crate::grpc::bundle_file::ReceiptLetter;
use crate::grpc::proto::v1::bundle_service_client::BundleServiceClient;
use crate::grpc::proto::v1::{BundleReceiptHeader, GetHubCardRequest, ImportBundleRequest};
use crate::security::letter::LETTER_BYTES_MAX;

/// Bytes of one piece.
const PIECE_BYTES: usize = 256 * 1024;

/// Take bundles in and write their receipts beside them
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  \
    childsync bundle import /media/usb/xa-30742.bundle --hub https://hub:7443 --identity an\n\n\
    Every record goes by the rules of a line: territory, quarantine, versions. The receipt is the file\n\
    NAME.receipt: carry it back to the commune. The same bundle again changes nothing and gives the same\n\
    receipt. Only an operator of the hub may do it, and the hub notes who did.")]
pub(super) struct Import {
    /// Bundles
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    line: HubLine,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Write the hub's card, which an agent needs that never had a line
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  \
    childsync bundle card --to commune-30742/hub.card --hub https://hub:7443 --identity an\n\n\
    The card says to which key bundles for this hub are sealed, and is signed by the hub. It is no secret.\n\
    An agent fetches it while it has a line; for one without, leave the file hub.card in its identity\n\
    directory beside certificate.pem.")]
pub(super) struct WriteCard {
    /// File to write; it must not be there yet
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    #[command(flatten)]
    line: HubLine,
}

impl Import {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let mut receipts = Vec::new();
        for file in &self.files {
            let bytes = read_letter(file)?;
            let receipt = self.import(bytes).await;
            let receipt = receipt.with_context(|| file.display().to_string())?;
            let path = with_ending(file, ".receipt");
            write_once(&path, &receipt)?;
            let header = ReceiptLetter::read(&receipt)
                .context("what the hub answered is no receipt")?
                .header;
            if self.json {
                receipts.push(as_json(&path, &header));
            } else {
                say(format_args!("{}: {}", path.display(), words(&header)));
            }
        }
        if self.json {
            say(json!({ "receipts": receipts }));
        }
        Ok(())
    }

    async fn import(&self, bytes: Vec<u8>) -> anyhow::Result<Vec<u8>> {
        let mut client = BundleServiceClient::new(self.line.open()?);
        let pieces: Vec<_> = bytes
            .chunks(PIECE_BYTES)
            .map(|piece| ImportBundleRequest {
                content: piece.to_vec().into(),
            })
            .collect();
        let mut answers = answer(client.import_bundle(iter(pieces))).await?;
        let mut receipt = Vec::new();
        while let Some(piece) = answers.message().await.map_err(|status| explain(&status))? {
            receipt.extend_from_slice(&piece.receipt);
            anyhow::ensure!(
                receipt.len() <= LETTER_BYTES_MAX,
                "the hub's receipt does not end"
            );
        }
        Ok(receipt)
    }
}

/// Writes a receipt; the same one may be there already.
fn write_once(path: &Path, receipt: &[u8]) -> anyhow::Result<()> {
    if path.exists() {
        let held = std::fs::read(path).with_context(|| path.display().to_string())?;
        anyhow::ensure!(
            held == receipt,
            "{}: is there already and is another receipt: move it away and import the bundle again",
            path.display()
        );
        return Ok(());
    }
    write_whole(path, receipt)
}

fn words(header: &BundleReceiptHeader) -> String {
    format!(
        "{} from {}: {} taken, {} in quarantine, {} refused",
        header.bundle_id, header.node, header.taken, header.quarantined, header.rejected
    )
}

fn as_json(path: &Path, header: &BundleReceiptHeader) -> Value {
    json!({
        "file": path.display().to_string(),
        "bundle_id": header.bundle_id,
        "node": header.node,
        "hub": header.hub,
        "taken": header.taken,
        "quarantined": header.quarantined,
        "rejected": header.rejected,
    })
}

impl WriteCard {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        write_card(self.line.open()?, &self.to).await
    }
}

/// Asks a hub for its card and writes it into a new file.
pub(in crate::cli) async fn write_card(line: Channel, to: &Path) -> anyhow::Result<()> {
    let mut client = BundleServiceClient::new(line);
    let card = answer(client.get_hub_card(GetHubCardRequest {}))
        .await?
        .card;
    write_whole(to, &card)?;
    say(to.display());
    Ok(())
}
