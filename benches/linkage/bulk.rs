//! A file of the whole country, linked by the program itself in a process of its own.

use std::path::Path;
use std::process::Command;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::progress;

/// What `childsync evaluate` says.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Bulk {
    records: u64,
    seconds: f64,
    records_per_second: f64,
    candidate_pairs: u64,
    precision: f64,
    recall: f64,
    f1: f64,
    review_records_share: f64,
    missed_pairs_in_review_share: f64,
    peak_memory_bytes: u64,
}

/// Makes a labelled file and links it.
pub(crate) fn measure(children: u32, seed: u64, model: Option<&Path>) -> anyhow::Result<Bulk> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("nation.csv");
    progress(format_args!("making a file of {children} children"));
    let mut generate = Command::new(env!("CARGO_BIN_EXE_childsync"));
    generate.args(["generate", "--country", "--communes", "all", "--children"]);
    generate.arg(children.to_string());
    generate.args(["--seed", &seed.to_string(), "--labelled"]);
    run(generate.arg(&file))?;
    progress("linking it");
    let mut evaluate = Command::new(env!("CARGO_BIN_EXE_childsync"));
    evaluate
        .args(["evaluate", "--json", "--records"])
        .arg(&file);
    if let Some(model) = model {
        evaluate.arg("--model").arg(model);
    }
    let printed = run(&mut evaluate)?;
    serde_json::from_slice(&printed).context("childsync evaluate printed something else")
}

fn run(command: &mut Command) -> anyhow::Result<Vec<u8>> {
    let output = command.output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "{command:?} failed: {said}");
    Ok(output.stdout)
}

impl std::fmt::Display for Bulk {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            records,
            seconds,
            records_per_second,
            candidate_pairs,
            precision,
            recall,
            f1,
            review_records_share,
            missed_pairs_in_review_share,
            peak_memory_bytes,
        } = self;
        write!(
            formatter,
            "In bulk: {records} records in {seconds:.2} s, {records_per_second:.0} a second, \
             {candidate_pairs} pairs compared, {} MiB.\nPrecision {precision:.4}, recall {recall:.4}, \
             F1 {f1:.4}; {:.2} % of the records in review, and {:.1} % of the missed pairs.",
            peak_memory_bytes / (1024 * 1024),
            review_records_share * 100.0,
            missed_pairs_in_review_share * 100.0,
        )
    }
}
