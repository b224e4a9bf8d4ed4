//! What everybody can read of a bundle, a receipt or a hub card.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use comfy_table::Table;
use serde_json::{Map, Value};

use super::{instant, read_letter};
use crate::cli::operator::say;
use crate::domain::clock::{Clock, SystemClock};
use crate::grpc::bundle_file::{BundleFileError, BundleLetter, ReceiptLetter};
use crate::security::directory::IdentityDirectory;
use crate::security::letter::{Letter, LetterError, LetterKind};

/// Show what a bundle or a receipt says without opening it
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    childsync bundle show /media/usb/xa-30742.bundle\n  \
    childsync bundle show xa-30742.bundle --identity an --json\n\n\
    The file must be whole and signed by the certificate that it holds. With --identity it is told besides\n\
    whether a bundle's signer would be believed with the CAs of that directory, now.")]
pub(super) struct Show {
    /// A bundle or a receipt
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Identity directory whose CAs are to be asked
    #[arg(long, value_name = "DIR")]
    identity: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Show {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let bytes = read_letter(&self.file)?;
        let directory = self.identity.as_deref().map(IdentityDirectory::read);
        let directory = directory.transpose().context("--identity")?;
        let kind = Letter::read(&bytes).map(|letter| letter.kind);
        let told = kind
            .map_err(BundleFileError::from)
            .and_then(|kind| match kind {
                LetterKind::Bundle => bundle(&bytes, directory.as_ref()),
                LetterKind::Receipt => receipt(&bytes),
                LetterKind::HubCard | LetterKind::BatchManifest | LetterKind::BatchReceipt => {
                    Err(LetterError::OtherKind(kind).into())
                }
            });
        let told = told.with_context(|| self.file.display().to_string())?;
        if self.json {
            let members: Map<String, Value> = told
                .into_iter()
                .map(|(name, value)| (name.replace(' ', "_"), value))
                .collect();
            say(Value::Object(members));
            return Ok(());
        }
        let mut table = Table::new();
        for (name, value) in told {
            let value = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            table.add_row([name.to_owned(), value]);
        }
        say(table);
        Ok(())
    }
}

type Told = Vec<(&'static str, Value)>;

fn bundle(bytes: &[u8], directory: Option<&IdentityDirectory>) -> Result<Told, BundleFileError> {
    let letter = BundleLetter::read(bytes)?;
    let header = &letter.header;
    let mut told = vec![
        ("kind", "bundle".into()),
        ("bundle id", header.bundle_id.clone().into()),
        ("node", header.node.clone().into()),
        ("hub", header.hub.clone().into()),
        ("made at", instant(header.made_at)),
        ("routine records", header.routine_records.into()),
        ("urgent records", header.urgent_records.into()),
        ("bytes", bytes.len().into()),
    ];
    if let Some(directory) = directory {
        let words = match letter.believe(&directory.authorities, SystemClock.now()) {
            Ok(name) => format!("yes, {name}"),
            Err(error) => format!("no: it {error}"),
        };
        told.push(("believed", words.into()));
    }
    Ok(told)
}

fn receipt(bytes: &[u8]) -> Result<Told, BundleFileError> {
    let header = ReceiptLetter::read(bytes)?.header;
    Ok(vec![
        ("kind", "receipt".into()),
        ("bundle id", header.bundle_id.into()),
        ("node", header.node.into()),
        ("hub", header.hub.into()),
        ("imported at", instant(header.imported_at)),
        ("taken", header.taken.into()),
        ("quarantined", header.quarantined.into()),
        ("rejected", header.rejected.into()),
        ("bytes", bytes.len().into()),
    ])
}
