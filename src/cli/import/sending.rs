//! Sending what a file holds, a chunk at a time.

use anyhow::Context;

use super::report::Report;
use crate::agent::file::result::{ResultLine, RowOutcome};
use crate::agent::file::{FileRecord, FileRow};
use crate::domain::validation::{Level, validate_child};
use crate::grpc::convert::write_child;
use crate::grpc::proto::v1;
use crate::grpc::push_client::{PushClient, child_change};
use crate::sync::backoff::backoff;
use crate::sync::forward::UpstreamError;

/// Rows that are sent at a time.
const CHUNK_ROWS: usize = 4_000;
/// How often a chunk is tried before the import gives up.
const ATTEMPTS_MAX: u32 = 8;

/// Sends records, or only checks them where there is no line.
pub(super) struct Sender {
    client: Option<PushClient>,
    today: time::Date,
    waiting: Vec<FileRecord>,
    /// Why nothing is sent any more.
    failure: Option<anyhow::Error>,
}

impl Sender {
    pub(super) const fn new(client: Option<PushClient>, today: time::Date) -> Self {
        Self {
            client,
            today,
            waiting: Vec::new(),
            failure: None,
        }
    }

    /// Takes a row in; what became of it goes to the report.
    pub(super) async fn take(&mut self, row: FileRow, report: &mut Report) {
        match row {
            FileRow::Skipped { row, finding } => {
                report.skipped += 1;
                report.add(ResultLine::found(
                    row,
                    "",
                    RowOutcome::Skipped,
                    (None, finding),
                ));
            }
            FileRow::Refused {
                row,
                source_id,
                found,
            } => {
                report.count(RowOutcome::Refused);
                for finding in found {
                    report.add(ResultLine::found(
                        row,
                        &source_id,
                        RowOutcome::Refused,
                        finding,
                    ));
                }
            }
            FileRow::Record(record) => {
                self.waiting.push(*record);
                if self.waiting.len() == CHUNK_ROWS {
                    self.send(report).await;
                }
            }
        }
    }

    /// Sends what is left.
    pub(super) async fn finish(mut self, report: &mut Report) -> anyhow::Result<()> {
        self.send(report).await;
        self.failure.map_or(Ok(()), Err)
    }

    async fn send(&mut self, report: &mut Report) {
        let records = std::mem::take(&mut self.waiting);
        let Some(client) = &mut self.client else {
            for record in records {
                check(&record, self.today, report);
            }
            return;
        };
        let mut rows = Vec::with_capacity(records.len());
        let mut changes = Vec::with_capacity(records.len());
        for mut record in records {
            let draft = std::mem::take(&mut record.draft);
            changes.push(child_change(
                record.record_id,
                record.version,
                write_child(draft),
            ));
            rows.push(record);
        }
        let mut outcomes = Vec::with_capacity(changes.len());
        if self.failure.is_none() {
            self.failure = send_with_patience(client, &changes, &mut outcomes)
                .await
                .err();
        }
        let outcomes = outcomes
            .into_iter()
            .map(Some)
            .chain(std::iter::repeat_with(|| None));
        for (record, outcome) in rows.iter().zip(outcomes) {
            match outcome {
                Some(outcome) => note_outcome(record, &outcome, report),
                None => note(record, RowOutcome::NotSent, Vec::new(), report),
            }
        }
    }
}

/// The id under which an official finds the record again.
fn id(record: &FileRecord) -> String {
    if record.source_id.is_empty() {
        return record.record_id.to_string();
    }
    record.source_id.clone()
}

/// Asks our own rules what the hub would say.
fn check(record: &FileRecord, today: time::Date, report: &mut Report) {
    let validated = validate_child(&record.draft, today);
    let outcome = if validated.record.is_some() {
        RowOutcome::Checked
    } else {
        RowOutcome::Refused
    };
    let lines = validated.violations.iter().map(|violation| {
        let line = ResultLine::plain(record.row, &id(record), outcome);
        let is_problem = violation.level == Level::Reject;
        ResultLine::ruled(
            line,
            &violation.path.to_string(),
            violation.rule.as_str(),
            is_problem,
        )
    });
    note(record, outcome, lines.collect(), report);
}

fn note_outcome(record: &FileRecord, answer: &v1::RecordOutcome, report: &mut Report) {
    let outcome = match answer.outcome() {
        v1::Outcome::Accepted => RowOutcome::Accepted,
        v1::Outcome::Unchanged => RowOutcome::Unchanged,
        v1::Outcome::Superseded => RowOutcome::Superseded,
        v1::Outcome::Rejected | v1::Outcome::Quarantined | v1::Outcome::Unspecified => {
            RowOutcome::Refused
        }
    };
    let line = || ResultLine::plain(record.row, &id(record), outcome);
    let rejects =
        |violation: &v1::FieldViolation| violation.level == i32::from(v1::ViolationLevel::Reject);
    let mut lines: Vec<ResultLine> = Vec::new();
    if outcome == RowOutcome::Refused && !answer.violations.iter().any(rejects) {
        lines.push(ResultLine::reasoned(line(), &answer.reason));
    }
    let violations = answer.violations.iter();
    lines.extend(violations.map(|violation| {
        ResultLine::ruled(
            line(),
            &violation.field,
            &violation.rule,
            rejects(violation),
        )
    }));
    note(record, outcome, lines, report);
}

/// Notes what became of a record, with what was mended in it before.
fn note(record: &FileRecord, outcome: RowOutcome, mut lines: Vec<ResultLine>, report: &mut Report) {
    let found = record.found.iter();
    lines
        .extend(found.map(|finding| ResultLine::found(record.row, &id(record), outcome, *finding)));
    if lines.is_empty() {
        lines.push(ResultLine::plain(record.row, &id(record), outcome));
    }
    report.count(outcome);
    for line in lines {
        report.add(line);
    }
}

/// Sends a chunk; when the line fails, what is left of it after a pause. What was answered before it gave up
/// is in `outcomes`.
async fn send_with_patience(
    client: &mut PushClient,
    changes: &[v1::RecordChange],
    outcomes: &mut Vec<v1::RecordOutcome>,
) -> anyhow::Result<()> {
    let mut attempt = 0;
    loop {
        let left = changes.get(outcomes.len()..).unwrap_or_default().to_vec();
        let before = outcomes.len();
        match client
            .send_each(left, |answered| outcomes.extend(answered))
            .await
        {
            Ok(()) => return Ok(()),
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
