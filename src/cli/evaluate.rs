//! `childsync evaluate`: how good the linkage is on a file whose truth is known.

pub mod labelled;
mod linking;
mod wrong;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use serde::Serialize;
use tokio::time::Instant;

use super::operator::{progress, say};
use crate::app::read_model;
use crate::domain::unit::AdminScheme;
use labelled::LabelledFile;
use linking::{Linked, link_file};

/// Measure the linkage on a file of records whose truth is known
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  childsync generate --labelled people.csv --children 100000 --communes all\n  \
    childsync evaluate --records people.csv\n\n\
    The file is CSV in UTF-8 with a header. Columns: full_name, sex, birth_date, pin, unit_code,\n\
    mother_name, father_name, phone, village, household_no, ethnicity, birth_order,\n\
    birth_certificate, insurance_number, other_name, node. Any of them but full_name may be\n\
    missing; others are passed over. Dates are 2018-04-02, 02/04/2018, 2018-04 or 2018. Faults\n\
    that were found in names and repaired are counted by kind. entity_id is the truth: rows with the same one are the same child. Linkage\n\
    never looks at it."
)]
pub(super) struct Evaluate {
    /// The records
    #[arg(long, value_name = "FILE.csv")]
    records: PathBuf,
    /// List of administrative units that the codes are from
    #[arg(long, value_name = "SCHEME", default_value = "GSO_PRE2025")]
    scheme: AdminScheme,
    /// A linkage model instead of the one that ships with the program
    #[arg(long, value_name = "FILE.toml")]
    model: Option<PathBuf>,
    /// Write the pairs that were linked wrongly, missed, or shown to a steward in vain, with their evidence
    #[arg(long, value_name = "FILE.csv")]
    wrong: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What is printed.
#[derive(Serialize)]
struct Report {
    records: u64,
    seconds: f64,
    records_per_second: f64,
    candidate_pairs: usize,
    true_pairs: u64,
    linked_pairs: u64,
    true_linked_pairs: u64,
    precision: f64,
    recall: f64,
    f1: f64,
    review_pairs: u64,
    review_records_share: f64,
    review_true_share: f64,
    missed_pairs_in_review_share: f64,
    repaired_texts: u64,
    /// How many records had each fault in a name, by its name.
    faults: BTreeMap<&'static str, u64>,
    peak_memory_bytes: Option<u64>,
}

impl Evaluate {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let model = read_model(self.model.as_deref()).context("--model")?;
        let started = Instant::now();
        let source = File::open(&self.records)
            .with_context(|| format!("--records: {}", self.records.display()))?;
        let rows = usize::try_from(source.metadata()?.len() / BYTES_OF_A_ROW)?;
        let bar = progress("Reading", rows);
        let file = LabelledFile::open(BufReader::new(source), self.scheme).context("--records")?;
        let linked = link_file(file, rows, Arc::new(model), |rows| {
            bar.inc(u64::try_from(rows).unwrap_or_default());
        });
        bar.finish_and_clear();
        let linked = linked.context("--records")?;
        let report = Report::new(&linked, started.elapsed().as_secs_f64());
        if let Some(path) = &self.wrong {
            wrong::write_wrong_pairs(&linked, path)?;
        }
        if self.json {
            say(serde_json::to_string(&report)?);
        } else {
            report.print();
        }
        Ok(())
    }
}

/// What a row takes up, roughly; only the progress bar believes it, and
/// room is made by it.
const BYTES_OF_A_ROW: u64 = 150;

impl Report {
    #[expect(
        clippy::as_conversions,
        clippy::cast_precision_loss,
        reason = "a number of records is far below what an f64 holds exactly"
    )]
    fn new(linked: &Linked, seconds: f64) -> Self {
        let evaluation = linked.evaluation;
        Self {
            records: evaluation.records,
            seconds,
            records_per_second: evaluation.records as f64 / seconds,
            candidate_pairs: linked.candidate_pairs,
            true_pairs: evaluation.true_pairs,
            linked_pairs: evaluation.linked_pairs,
            true_linked_pairs: evaluation.true_linked_pairs,
            precision: evaluation.precision(),
            recall: evaluation.recall(),
            f1: evaluation.f1(),
            review_pairs: evaluation.review_pairs,
            review_records_share: evaluation.review_share(),
            review_true_share: evaluation.review_precision(),
            missed_pairs_in_review_share: evaluation.missed_in_review(),
            repaired_texts: linked.repaired_texts,
            faults: linked.faults.clone(),
            peak_memory_bytes: peak_memory_bytes(),
        }
    }

    fn print(&self) {
        say(format_args!(
            "records                   {:>12}",
            self.records
        ));
        say(format_args!(
            "seconds                   {:>12.2}",
            self.seconds
        ));
        say(format_args!(
            "records per second        {:>12.0}",
            self.records_per_second
        ));
        say(format_args!(
            "texts repaired            {:>12}",
            self.repaired_texts
        ));
        for (fault, records) in &self.faults {
            say(format_args!("  {fault:<23} {records:>12}"));
        }
        say(format_args!(
            "candidate pairs compared  {:>12}",
            self.candidate_pairs
        ));
        say(format_args!(
            "true pairs                {:>12}",
            self.true_pairs
        ));
        say(format_args!(
            "linked pairs              {:>12}",
            self.linked_pairs
        ));
        say(format_args!(
            "precision                 {:>12.5}",
            self.precision
        ));
        say(format_args!(
            "recall                    {:>12.5}",
            self.recall
        ));
        say(format_args!("F1                        {:>12.5}", self.f1));
        say(format_args!(
            "pairs for a steward       {:>12}",
            self.review_pairs
        ));
        let per_cent = |share: f64| share * 100.0;
        say(format_args!(
            "  true among them         {:>10.2} %",
            per_cent(self.review_true_share)
        ));
        say(format_args!(
            "  records in them         {:>10.2} %",
            per_cent(self.review_records_share)
        ));
        say(format_args!(
            "  of missed true pairs    {:>10.2} %",
            per_cent(self.missed_pairs_in_review_share)
        ));
        if let Some(bytes) = self.peak_memory_bytes {
            say(format_args!(
                "peak memory               {:>9} MiB",
                bytes / 1024 / 1024
            ));
        }
    }
}

/// The most memory that this process has had, where the system tells (Linux).
fn peak_memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes * 1024)
}
