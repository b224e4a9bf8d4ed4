//! `childsync upload`: sends files of child records as one upload that survives any line.

mod report;
mod rows;

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, ValueEnum};
use uuid::Uuid;

use super::import::{hide_faults, read_mapping};
use super::operator::{HubLine, answer, progress};
use crate::domain::record::RecordKind;
use crate::domain::unit::{AdminScheme, UnitReference};
use crate::domain::upload::{Effect, Faults, Missing, Packing, Period, UploadKind};
use crate::grpc::proto::v1;
use crate::grpc::proto::v1::ingest_service_client::IngestServiceClient;
use crate::grpc::upload_client::{
    ATTEMPTS_MAX, OutgoingUpload, UploadClient, UploadNews, UploadPacker, UploadTerms,
};
use crate::sync::forward::UpstreamError;
use report::Report;
use rows::{Reading, Rows};

/// Entries of the report that are asked for at a time.
const PAGE_ROWS: u32 = 500;

/// Send files of child records to a hub as one upload, whatever the line is like
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    childsync upload november.csv --hub https://hub:7443 --identity commune-30742\n  \
    childsync upload all.csv --snapshot --period 2026-11 --hub https://hub:7443 --identity commune-30742\n  \
    childsync upload all.csv --snapshot --withdraw-missing --validate-only --hub … --identity …\n\n\
    A line that breaks is made again, and the upload goes on where it stopped; so does the same command\n\
    when it is run again. A snapshot says \"these are all children of the unit\": what the hub holds and\n\
    the files do not list is shown as missing, and withdrawn only with --withdraw-missing. Look first\n\
    with --validate-only, which takes nothing in. The same files under the same options are the same\n\
    upload: a second run shows the first receipt, unless --again is given. The exit status is 0 only if\n\
    every row was taken, or would be.")]
pub(super) struct Upload {
    /// The files, as `childsync import` reads them: CSV of any encoding and separator, or .xlsx
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    line: HubLine,
    /// List that the codes of communes are from, where a file does not say
    #[arg(long, default_value = "GSO_PRE2025", value_parser = super::import::read_scheme)]
    scheme: AdminScheme,
    /// How columns, codes and dates of the files are read: see deploy/mapping.example.toml
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
    /// The unit that the upload is about; the commune of the rows where they have only one
    #[arg(long, value_name = "SCHEME:CODE")]
    unit: Option<UnitReference>,
    /// The time that the upload is about: 2026, 2026-Q4, 2026-11 or 2026-11-24
    #[arg(long, default_value = "")]
    period: Period,
    #[command(flatten)]
    completeness: Completeness,
    /// Show what would happen and take nothing in
    #[arg(long)]
    validate_only: bool,
    /// Take nothing in unless every row is good; at most 20,000 rows
    #[arg(long)]
    all_or_nothing: bool,
    #[command(flatten)]
    transfer: Transfer,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Whether the files say everything.
#[derive(Args, Clone, Copy, Debug)]
struct Completeness {
    /// These are all children of the unit: show what is missing
    #[arg(long)]
    snapshot: bool,
    /// Withdraw what a snapshot does not list
    #[arg(long, requires = "snapshot")]
    withdraw_missing: bool,
}

/// How the upload travels.
#[derive(Args, Clone, Copy, Debug)]
struct Transfer {
    /// How the upload is packed
    #[arg(long, value_enum, default_value_t = PackingChoice::Zstd)]
    packing: PackingChoice,
    /// Send it as a new upload, although the hub may have the receipt of the same one
    #[arg(long)]
    again: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum PackingChoice {
    Zstd,
    Gzip,
    None,
}

impl Upload {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        hide_faults();
        let told = self.mapping.as_deref().map(read_mapping).transpose()?;
        let reading = Reading {
            mapping: told.unwrap_or_default(),
            scheme: self.scheme,
        };
        let rows = Rows::read_all(&self.files, &reading)?;
        let mut report = Report::new(&rows);
        let must_be_whole = self.completeness.withdraw_missing || self.all_or_nothing;
        if must_be_whole && !rows.problems.is_empty() {
            report.show(self.json)?;
            anyhow::bail!(
                "{} rows cannot be read, so that nothing was sent: correct them and run this again",
                rows.unreadable
            );
        }
        let upload = self.pack(&rows)?;
        let line = self.line.open()?;
        let mut client = UploadClient::new(line.clone(), ATTEMPTS_MAX);
        let status = send(&mut client, &upload).await.map_err(explain)?;
        report.ended(status);
        read_report(&mut IngestServiceClient::new(line), &upload, &mut report).await?;
        report.show(self.json)?;
        report.verdict()
    }

    fn pack(&self, rows: &Rows) -> anyhow::Result<OutgoingUpload> {
        let packing = match self.transfer.packing {
            PackingChoice::Zstd => Packing::Zstd,
            PackingChoice::Gzip => Packing::Gzip,
            PackingChoice::None => Packing::Plain,
        };
        let mut packer = UploadPacker::new(packing)?;
        for row in &rows.read {
            packer.add(&row.change)?;
        }
        let kind = match (
            self.completeness.snapshot,
            self.completeness.withdraw_missing,
        ) {
            (false, _) => UploadKind::Delta,
            (true, withdraws) => UploadKind::Snapshot {
                of: RecordKind::Child,
                missing: if withdraws {
                    Missing::Withdraw
                } else {
                    Missing::Report
                },
            },
        };
        let terms = UploadTerms {
            upload: self.transfer.again.then(Uuid::now_v7),
            kind,
            unit: self.unit.map_or_else(|| rows.only_unit(), Ok)?,
            period: self.period.clone(),
            faults: if self.all_or_nothing {
                Faults::RefuseAll
            } else {
                Faults::KeepGood
            },
            effect: if self.validate_only {
                Effect::ReportOnly
            } else {
                Effect::Take
            },
        };
        Ok(packer.finish(&terms)?)
    }
}

/// Sends an upload and shows how far it is.
async fn send(
    client: &mut UploadClient,
    upload: &OutgoingUpload,
) -> Result<v1::UploadStatus, UpstreamError> {
    let bar = progress("Sending", upload.content.len());
    let records = upload.manifest.records;
    let receipt = client
        .send(upload, |news| match news {
            UploadNews::Sending { durable } => bar.set_position(durable),
            UploadNews::Committing { done } => {
                bar.set_message("Taking in");
                bar.set_length(records);
                bar.set_position(done);
            }
            UploadNews::Waiting { .. } => bar.set_message("Waiting"),
        })
        .await;
    bar.finish_and_clear();
    receipt
}

async fn read_report(
    client: &mut IngestServiceClient<tonic::transport::Channel>,
    upload: &OutgoingUpload,
    report: &mut Report<'_>,
) -> anyhow::Result<()> {
    let mut page_token = String::new();
    loop {
        let request = v1::GetUploadRequest {
            upload_id: upload.manifest.upload_id.clone(),
            node: String::new(),
            page_size: PAGE_ROWS,
            page_token,
        };
        let page = answer(client.get_upload(request)).await?;
        for entry in page.entries {
            report.add(entry);
        }
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(());
        }
    }
}

fn explain(error: UpstreamError) -> anyhow::Error {
    let advice = match &error {
        UpstreamError::Refused { reason, .. } => match reason.as_str() {
            "OUTSIDE_TERRITORY" => "the unit is not this node's: name one that is with --unit",
            "TOO_MANY_UPLOADS" => {
                "other uploads of this node have not ended: see `childsync uploads list`"
            }
            "NODE_NOT_REGISTERED" => "ask the hub's operator to run `childsync node add`",
            "MANIFEST_INVALID" => {
                "the upload is too large or its options do not fit: an upload has at most 500,000 rows, \
                 and 20,000 with --all-or-nothing"
            }
            _ => "run the same command again later: it goes on where it stopped",
        },
        UpstreamError::Unreachable(_) | UpstreamError::TimedOut | UpstreamError::Nonsense(_) => {
            "check --hub and the line, and run the same command again: it goes on where it stopped"
        }
    };
    anyhow::Error::new(error).context(advice)
}

impl Rows {
    /// The one commune of all rows.
    fn only_unit(&self) -> anyhow::Result<UnitReference> {
        let mut units = self.read.iter().filter_map(|row| row.unit);
        let first = units
            .next()
            .context("no row names a commune: name the unit with --unit SCHEME:CODE")?;
        anyhow::ensure!(
            units.all(|unit| unit == first),
            "the rows are of several communes: name the unit that holds them with --unit SCHEME:CODE"
        );
        Ok(first)
    }
}
