//! `childsync bundle`: carries records by hand where there is no line.

mod carry;
mod export;
mod list;
mod show;

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Subcommand};
use serde_json::Value;
use time::format_description::well_known::Rfc3339;

use crate::security::directory::write_public;
use crate::security::letter::LETTER_BYTES_MAX;
use carry::{Import, WriteCard};

pub(super) use carry::write_card;
use export::{Export, TakeReceipt};
use list::ListBundles;
use show::Show;

/// Carry records to a hub by hand, and its receipt back
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    childsync bundle export --to /media/usb/xa-30742.bundle                  # at the commune\n  \
    childsync bundle import /media/usb/xa-30742.bundle --hub https://hub:7443 --identity an\n  \
    childsync bundle receipt /media/usb/xa-30742.bundle.receipt             # at the commune again\n  \
    childsync bundle show /media/usb/xa-30742.bundle\n  \
    childsync bundle list --hub https://hub:7443 --identity an\n  \
    childsync bundle card --to hub.card --hub https://hub:7443 --identity an\n\n\
    A bundle is signed by the commune's agent and sealed to one hub: who finds the stick learns whose it\n\
    is and how many records it holds, and no more. Nothing leaves the agent's queue before the receipt, or the line, says\n\
    that the hub has it; carrying and a line at the same time are harmless, and so is doing it twice.")]
pub(super) struct Bundle {
    #[command(subcommand)]
    verb: BundleVerb,
}

#[derive(Debug, Subcommand)]
enum BundleVerb {
    Export(Export),
    Import(Import),
    List(ListBundles),
    Receipt(TakeReceipt),
    Show(Show),
    Card(WriteCard),
}

impl Bundle {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        match self.verb {
            BundleVerb::Export(verb) => verb.run().await,
            BundleVerb::Import(verb) => verb.run().await,
            BundleVerb::List(verb) => verb.run().await,
            BundleVerb::Receipt(verb) => verb.run().await,
            BundleVerb::Show(verb) => verb.run(),
            BundleVerb::Card(verb) => verb.run().await,
        }
    }
}

/// Reads a file that may be a letter; what is larger is none.
fn read_letter(path: &Path) -> anyhow::Result<Vec<u8>> {
    let shown = path.display();
    let size = std::fs::metadata(path)
        .with_context(|| format!("{shown}"))?
        .len();
    anyhow::ensure!(
        usize::try_from(size).is_ok_and(|size| size <= LETTER_BYTES_MAX),
        "{shown}: is larger than a bundle or a receipt can be"
    );
    std::fs::read(path).with_context(|| format!("{shown}"))
}

fn refuse_to_replace(path: &Path) -> anyhow::Result<()> {
    anyhow::ensure!(
        !path.exists(),
        "{}: is there already: choose another name, no file is replaced",
        path.display()
    );
    Ok(())
}

/// Writes a file that is whole from its first moment under its name, and never replaces one: a stick that is full
/// or pulled out must not leave half a bundle that looks like one.
fn write_whole(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    refuse_to_replace(path)?;
    let half = with_ending(path, ".part");
    // Left by an attempt that was broken off; nobody else makes such names.
    drop(std::fs::remove_file(&half));
    let written = write_public(&half, bytes).map_err(anyhow::Error::from);
    let written = written.and_then(|()| Ok(std::fs::rename(&half, path)?));
    if written.is_err() {
        drop(std::fs::remove_file(&half));
    }
    written.with_context(|| path.display().to_string())
}

/// `xa.bundle` and `.receipt` as `xa.bundle.receipt`.
fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// A moment for scripts; null where there is none.
fn instant(at: Option<prost_types::Timestamp>) -> Value {
    let seconds = at.map(|at| at.seconds).unwrap_or_default();
    let at = time::OffsetDateTime::from_unix_timestamp(seconds).ok();
    at.and_then(|at| at.format(&Rfc3339).ok()).into()
}
