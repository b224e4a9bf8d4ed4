//! Proving a receipt that was kept, without any hub.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use comfy_table::Table;
use serde_json::{Value, json};

use super::show::manifest_beside;
use super::{instant, text};
use crate::cli::operator::say;
use crate::grpc::batch_file::{ManifestLetter, ReceiptLetter};
use crate::security::directory::read_authorities;
use crate::security::trust::TrustedAs;

/// Longest letter that is read, in bytes: its header, and every position of a full batch.
const EVIDENCE_BYTES_MAX: u64 = 1024 * 1024;

/// Prove a kept receipt against the CA, without a line
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    childsync batches verify 17.receipt --ca ca.pem\n  \
    childsync batches verify 17.receipt --ca ca.pem --host nation.example --json\n\n\
    The signatures must be right, the certificates of this CA and valid when the letters were signed, and the\n\
    receipt for the very manifest beside it.")]
pub(super) struct Verify {
    /// The receipt; its manifest is read from beside it
    receipt: PathBuf,
    /// The manifest, where it lies elsewhere
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
    /// Certificates of the CAs to trust, PEM
    #[arg(long, value_name = "FILE")]
    ca: PathBuf,
    /// Host name or address that the upstream's certificate must be for
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Verify {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let authorities = read_authorities(&self.ca).context("--ca")?;
        let manifest_file = self.manifest.clone();
        let manifest_file = manifest_file.unwrap_or_else(|| manifest_beside(&self.receipt));
        let shown = |path: &Path| path.display().to_string();
        let receipt = read(&self.receipt)?;
        let receipt = ReceiptLetter::read(&receipt).with_context(|| shown(&self.receipt))?;
        let manifest = read(&manifest_file)?;
        let manifest = ManifestLetter::read(&manifest).with_context(|| shown(&manifest_file))?;
        let host = self.host.as_deref();
        let trusted_as = host.map_or(TrustedAs::Signer, TrustedAs::SignerAt);
        // A certificate that has run out since proves as much as before.
        let upstream = receipt
            .believe(&authorities, trusted_as, receipt.received_at())
            .with_context(|| shown(&self.receipt))?;
        let hub = manifest
            .believe(&authorities, manifest.manifest.sealed_at)
            .with_context(|| shown(&manifest_file))?;
        receipt
            .check_for(&manifest)
            .with_context(|| shown(&self.receipt))?;
        let header = &receipt.header;
        let told: [(&str, Value); 8] = [
            ("batch_id", json!(header.batch_id)),
            ("hub", json!(hub.as_str())),
            ("number", json!(header.number)),
            ("upstream", json!(upstream.as_str())),
            ("records", json!(header.records)),
            ("held", json!(header.held)),
            ("not_held", json!(receipt.not_held)),
            ("received_at", instant(header.received_at)),
        ];
        if self.json {
            say(Value::Object(
                told.map(|(name, value)| (name.to_owned(), value))
                    .into_iter()
                    .collect(),
            ));
            return Ok(());
        }
        let mut table = Table::new();
        for (name, value) in told {
            let value = if value.is_string() {
                text(&value)
            } else {
                value.to_string()
            };
            table.add_row([name.replace('_', " "), value]);
        }
        say(table);
        say("The receipt is genuine: the upstream has signed that it holds these records.");
        Ok(())
    }
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let shown = || path.display().to_string();
    let size = std::fs::metadata(path).with_context(shown)?.len();
    anyhow::ensure!(
        size <= EVIDENCE_BYTES_MAX,
        "{}: is larger than a receipt can be",
        shown()
    );
    std::fs::read(path).with_context(shown)
}
