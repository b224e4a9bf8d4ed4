//! `childsync import`: pushes a CSV of child records to a hub.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use anyhow::Context;
use clap::Args;
use serde_json::json;

use super::operator::{HubLine, progress, say};
use crate::agent::csv_columns::CellNote;
use crate::agent::csv_file::{CsvFile, CsvOptions, CsvRow, RowProblem};
use crate::domain::unit::AdminScheme;
use crate::grpc::convert::write_child;
use crate::grpc::proto::v1;
use crate::grpc::push_client::{PushClient, child_change};
use crate::sync::backoff::backoff;
use crate::sync::forward::UpstreamError;

/// Rows that are sent at a time.
const CHUNK_ROWS: usize = 4_000;
/// How often a chunk is tried before the import gives up.
const ATTEMPTS_MAX: u32 = 8;

/// Push a CSV of child records to a hub
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  \
    childsync import commune-30742.csv --hub https://hub:7443 --identity commune-30742\n\n\
    The first line names the columns: record_id, unit_code, full_name, sex and birth_date are needed,\n\
    and ethnicity for a record to be used. Rows that cannot be taken are listed with their line and\n\
    what is wrong; the others are kept. Importing the\n\
    same file again changes nothing. The exit status is 0 only if every row was taken.")]
pub(super) struct Import {
    /// The file: UTF-8, separated by comma, semicolon or tab
    file: PathBuf,
    #[command(flatten)]
    line: HubLine,
    /// List that the codes of communes are from, where the file does not say
    #[arg(long, default_value = "GSO_PRE2025", value_parser = read_scheme)]
    scheme: AdminScheme,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn read_scheme(text: &str) -> Result<AdminScheme, String> {
    let known = AdminScheme::ALL.map(AdminScheme::as_str).join(", ");
    text.parse().map_err(|_| format!("choose one of {known}"))
}

/// What became of a file.
#[derive(Default)]
struct Report {
    rows: u64,
    accepted: u64,
    unchanged: u64,
    superseded: u64,
    problems: Vec<RowProblem>,
    refused_rows: u64,
    notes: Vec<RowProblem>,
}

impl Import {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let options = CsvOptions {
            scheme: self.scheme,
            version: version_of(&self.file)?,
        };
        let file = File::open(&self.file).with_context(|| self.file.display().to_string())?;
        let bytes = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
        let bar = progress("Importing", bytes);
        let mut file = CsvFile::open(BufReader::new(bar.wrap_read(file)), options)
            .with_context(|| self.file.display().to_string())?;
        let mut client = PushClient::new(self.line.open()?);
        let mut report = Report::default();
        for column in file.unknown_columns() {
            let problem = format!("the column {column} is not understood and was left out");
            report.notes.push(RowProblem {
                line: 1,
                column: None,
                problem,
            });
        }
        loop {
            let chunk = report.read_chunk(&mut file);
            if chunk.is_empty() {
                break;
            }
            report.send_chunk(&mut client, chunk).await?;
        }
        bar.finish_and_clear();
        self.show(&report);
        anyhow::ensure!(
            report.refused_rows == 0,
            "{} of {} rows were not taken: correct them and import the file again",
            report.refused_rows,
            report.rows
        );
        Ok(())
    }

    fn show(&self, report: &Report) {
        if self.json {
            let list = |problems: &[RowProblem]| -> Vec<_> {
                let row = |row: &RowProblem| json!({ "line": row.line, "column": row.column, "problem": row.problem });
                problems.iter().map(row).collect()
            };
            say(json!({
                "rows": report.rows,
                "accepted": report.accepted,
                "unchanged": report.unchanged,
                "superseded": report.superseded,
                "refused": report.refused_rows,
                "problems": list(&report.problems),
                "notes": list(&report.notes),
            }));
            return;
        }
        for note in &report.notes {
            say(format_args!("note: {note}"));
        }
        for problem in &report.problems {
            say(format_args!("not taken: {problem}"));
        }
        say(format_args!(
            "{} rows: {} accepted, {} unchanged, {} older than held, {} not taken",
            report.rows, report.accepted, report.unchanged, report.superseded, report.refused_rows
        ));
    }
}

impl Report {
    fn read_chunk<R: std::io::Read>(&mut self, file: &mut CsvFile<R>) -> Vec<CsvRow> {
        let mut chunk = Vec::new();
        while chunk.len() < CHUNK_ROWS {
            match file.next_row() {
                None => break,
                Some(Ok(row)) => {
                    self.rows += 1;
                    self.note_mended(&row);
                    chunk.push(row);
                }
                Some(Err(problems)) => {
                    self.rows += 1;
                    self.refused_rows += 1;
                    self.problems.extend(problems);
                }
            }
        }
        chunk
    }

    fn note_mended(&mut self, row: &CsvRow) {
        for (column, note) in &row.mended {
            let problem = match note {
                CellNote::ZerosRestored => "leading zeros were missing and were put back",
                CellNote::NumberCleaned => "spaces or letters in the number were mended",
                CellNote::Unreadable(advice) => advice,
            };
            let (line, column) = (row.line, Some(column.name()));
            self.notes.push(RowProblem {
                line,
                column,
                problem: problem.to_owned(),
            });
        }
    }

    async fn send_chunk(
        &mut self,
        client: &mut PushClient,
        chunk: Vec<CsvRow>,
    ) -> anyhow::Result<()> {
        let lines: Vec<u64> = chunk.iter().map(|row| row.line).collect();
        let changes: Vec<v1::RecordChange> = chunk
            .into_iter()
            .map(|row| child_change(row.record_id, row.version, write_child(row.draft)))
            .collect();
        let outcomes = send_with_patience(client, &changes).await?;
        for (line, outcome) in lines.into_iter().zip(outcomes) {
            self.note_outcome(line, outcome);
        }
        Ok(())
    }

    fn note_outcome(&mut self, line: u64, outcome: v1::RecordOutcome) {
        let taken = match outcome.outcome() {
            v1::Outcome::Accepted => {
                self.accepted += 1;
                true
            }
            v1::Outcome::Unchanged => {
                self.unchanged += 1;
                true
            }
            v1::Outcome::Superseded => {
                self.superseded += 1;
                true
            }
            v1::Outcome::Rejected | v1::Outcome::Quarantined | v1::Outcome::Unspecified => {
                self.refused_rows += 1;
                false
            }
        };
        let rejects = |violation: &v1::FieldViolation| {
            violation.level == i32::from(v1::ViolationLevel::Reject)
        };
        if !taken && !outcome.violations.iter().any(rejects) {
            let problem = format!("the hub answered {}", outcome.reason);
            self.problems.push(RowProblem {
                line,
                column: None,
                problem,
            });
        }
        for violation in outcome.violations {
            let problem = format!("{} [{}]", violation.description, violation.rule);
            let row = RowProblem {
                line,
                column: None,
                problem,
            };
            let list = if rejects(&violation) {
                &mut self.problems
            } else {
                &mut self.notes
            };
            list.push(row);
        }
    }
}

/// Sends a chunk; when the line fails, what is left of it after a pause.
async fn send_with_patience(
    client: &mut PushClient,
    changes: &[v1::RecordChange],
) -> anyhow::Result<Vec<v1::RecordOutcome>> {
    let mut outcomes: Vec<v1::RecordOutcome> = Vec::with_capacity(changes.len());
    let mut attempt = 0;
    loop {
        let left = changes.get(outcomes.len()..).unwrap_or_default().to_vec();
        let before = outcomes.len();
        match client
            .send_each(left, |answered| outcomes.extend(answered))
            .await
        {
            Ok(()) => return Ok(outcomes),
            Err(UpstreamError::Refused {
                reason,
                retry_after: None,
            }) => {
                anyhow::bail!("the hub answered {reason}: this does not pass by waiting");
            }
            Err(error) => {
                // A line that carries something before it breaks is worth further tries.
                attempt = if outcomes.len() > before {
                    1
                } else {
                    attempt + 1
                };
                if attempt == ATTEMPTS_MAX {
                    return Err(error).context("the hub cannot be reached: try again later");
                }
                tokio::time::sleep(backoff(attempt, rand::random())).await;
            }
        }
    }
}

/// Rows without a version get the file's time of change, in seconds: it rises when the file is edited
/// and stays when the same file is imported again.
pub(super) fn version_of(path: &Path) -> anyhow::Result<u64> {
    let metadata = std::fs::metadata(path).with_context(|| path.display().to_string())?;
    let age = metadata
        .modified()?
        .duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::from_secs(1));
    Ok(age.as_secs().max(1))
}
