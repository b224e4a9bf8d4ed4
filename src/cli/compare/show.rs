//! What a comparison came to, for people.

use comfy_table::{CellAlignment, Table};
use serde_json::{Value, json};

use crate::cli::status::plain_table;
use crate::grpc::proto::record::RecordKind;
use crate::grpc::proto::v1::{ComparisonState, Finding, HubComparison, RecordDifference};

/// Differences that the terminal shows; `--json` shows all that were kept.
const SHOWN_MAX: usize = 50;

/// Whom the hub was compared with.
pub(super) fn with(comparison: &HubComparison) -> &str {
    match comparison.node.as_str() {
        "" => "upstream",
        node => node,
    }
}

pub(super) fn state(comparison: &HubComparison) -> &'static str {
    match comparison.state() {
        ComparisonState::Unspecified => "unknown",
        ComparisonState::Asked => "asked",
        ComparisonState::Running => "running",
        ComparisonState::Ended => "ended",
        ComparisonState::Failed => "failed",
    }
}

pub(super) fn finding(difference: &RecordDifference) -> &'static str {
    match difference.finding() {
        Finding::Unspecified => "unknown",
        Finding::Different => "different",
        Finding::Missing => "missing",
        Finding::Extra => "extra",
        Finding::Refused => "refused",
        Finding::Moving => "moving",
    }
}

fn kind(difference: &RecordDifference) -> &'static str {
    match difference.kind() {
        RecordKind::Unspecified => "unknown",
        RecordKind::Child => "child",
        RecordKind::CaseReport => "case report",
    }
}

pub(super) fn difference_json(difference: &RecordDifference) -> Value {
    json!({
        "kind": kind(difference),
        "record_id": difference.record_id,
        "finding": finding(difference),
        "lower_version": difference.lower_version,
        "upper_version": difference.upper_version,
    })
}

/// What a comparison came to in one line.
pub(super) fn summary(comparison: &HubComparison) -> String {
    let counts = comparison.counts.unwrap_or_default();
    match comparison.state() {
        ComparisonState::Failed => format!("failed: {}", comparison.failure),
        ComparisonState::Unspecified | ComparisonState::Asked | ComparisonState::Running => {
            state(comparison).to_owned()
        }
        ComparisonState::Ended => {
            let ended = comparison.ended_at.map(|at| at.to_string());
            let after = match comparison.remaining {
                Some(remaining) => format!(
                    "; {} sent again, {remaining} differ after that",
                    comparison.repaired
                ),
                None => String::new(),
            };
            format!(
                "{} matched, {} different, {} missing, {} extra, {} refused{after} ({})",
                counts.matched,
                counts.different,
                counts.missing,
                counts.extra,
                counts.refused,
                ended.unwrap_or_default()
            )
        }
    }
}

/// What a comparison came to, with some of its differences.
pub(super) fn report(comparison: &HubComparison, differences: &[RecordDifference]) -> String {
    let counts = comparison.counts.unwrap_or_default();
    let mut table = plain_table();
    let with = with(comparison);
    let rows = [
        (
            format!("Giống nhau / the same here and at {with}"),
            counts.matched,
        ),
        ("Khác nhau / different".to_owned(), counts.different),
        (
            "Thiếu ở cấp trên / missing at the upper end".to_owned(),
            counts.missing,
        ),
        (
            "Thừa ở cấp trên / extra at the upper end".to_owned(),
            counts.extra,
        ),
        (
            "Bị từ chối, chờ sửa / refused, to be corrected".to_owned(),
            counts.refused,
        ),
        (
            "Đang thay đổi / changing meanwhile".to_owned(),
            counts.moving,
        ),
    ];
    for (words, count) in rows {
        table.add_row(vec![words, count.to_string()]);
    }
    if let Some(remaining) = comparison.remaining {
        let repaired = comparison.repaired.to_string();
        table.add_row(vec!["Đã gửi lại / sent again".to_owned(), repaired]);
        let words = "Còn khác sau khi gửi lại / still differ after that";
        table.add_row(vec![words.to_owned(), remaining.to_string()]);
    }
    if let Some(column) = table.column_mut(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let mut text = table.to_string();
    if !differences.is_empty() {
        text = format!("{text}\n{}", difference_table(differences));
    }
    if differences.len() > SHOWN_MAX {
        let more = differences.len() - SHOWN_MAX;
        text = format!("{text}\n… {more} more: --json shows them");
    }
    text
}

fn difference_table(differences: &[RecordDifference]) -> Table {
    let mut table = plain_table();
    table.set_header([
        "finding",
        "kind",
        "record",
        "lower version",
        "upper version",
    ]);
    for difference in differences.iter().take(SHOWN_MAX) {
        table.add_row([
            finding(difference).to_owned(),
            kind(difference).to_owned(),
            difference.record_id.clone(),
            difference.lower_version.to_string(),
            difference.upper_version.to_string(),
        ]);
    }
    table
}

/// Fails, and says what to do next, unless both ends hold the same in the end.
pub(super) fn verdict(comparison: &HubComparison) -> anyhow::Result<()> {
    let counts = comparison.counts.unwrap_or_default();
    let with = with(comparison);
    match comparison.state() {
        ComparisonState::Ended => {}
        ComparisonState::Failed => anyhow::bail!(
            "the comparison with {with} failed: {}. `childsync status` says how the line is; try again",
            comparison.failure
        ),
        ComparisonState::Unspecified | ComparisonState::Asked | ComparisonState::Running => {
            anyhow::bail!(
                "the comparison with {with} has not ended: look with `childsync compare --list`"
            )
        }
    }
    let alarms = counts.different + counts.missing + counts.extra;
    match comparison.remaining {
        Some(0) => Ok(()),
        Some(remaining) => anyhow::bail!(
            "{remaining} records differ after the repair: what only the upper end holds is withdrawn by \
             --repair --withdraw-extra; for the others compare again"
        ),
        None if alarms == 0 => Ok(()),
        None if counts.different + counts.missing == 0 => anyhow::bail!(
            "{alarms} records are at the upper end only: --repair --withdraw-extra withdraws them there"
        ),
        None => anyhow::bail!("{alarms} records differ: --repair sends exactly those again"),
    }
}
