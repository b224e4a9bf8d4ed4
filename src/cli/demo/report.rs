//! What the demo says at its end.

use std::time::Duration;

use comfy_table::{CellAlignment, Table};
use serde_json::{Value, json};

use super::{Seen, Tally};
use crate::cli::status::plain_table;
use crate::grpc::proto::v1::GetStatusResponse;

/// Everything the demo measured.
pub(super) struct Report {
    pub(super) tally: Tally,
    pub(super) findable_duplicates: u64,
    pub(super) province: GetStatusResponse,
    pub(super) nation: GetStatusResponse,
    pub(super) equal: bool,
    pub(super) pushed_after: Duration,
    pub(super) settled_after: Duration,
}

/// Whether the nation holds exactly what the province says: as many records, and the same digest over
/// the identity and the content of each.
pub(super) fn nation_agrees(province: &Seen, nation: &Seen) -> bool {
    let held = nation
        .nodes
        .iter()
        .find(|node| node.name == province.hub.hub);
    let same = |held: &crate::grpc::proto::v1::NodeStatus| {
        !held.digest.is_empty()
            && held.digest == province.hub.golden_digest
            && held.source_records == province.hub.golden_records
            && held.waiting == 0
    };
    held.is_some_and(same) && province.hub.golden_records == nation.hub.golden_records
}

impl Report {
    fn rate(&self) -> u64 {
        let milliseconds = self.settled_after.as_millis().max(1);
        u64::try_from(u128::from(self.tally.sent) * 1_000 / milliseconds).unwrap_or(u64::MAX)
    }

    pub(super) fn as_json(&self) -> Value {
        json!({
            "records_sent": self.tally.sent,
            "accepted": self.tally.accepted,
            "unchanged": self.tally.unchanged,
            "rejected": self.tally.rejected,
            "duplicates_found": self.province.duplicates,
            "duplicates_findable": self.findable_duplicates,
            "golden_records_province": self.province.golden_records,
            "golden_records_nation": self.nation.golden_records,
            "equal": self.equal,
            "seconds_acknowledged": self.pushed_after.as_secs_f64(),
            "seconds": self.settled_after.as_secs_f64(),
            "records_per_second": self.rate(),
        })
    }

    pub(super) fn as_table(&self) -> Table {
        let equal = if self.equal { "yes" } else { "NO" };
        let mut table = plain_table();
        for (what, value) in [
            ("Records sent", self.tally.sent.to_string()),
            ("Accepted", self.tally.accepted.to_string()),
            ("Unchanged", self.tally.unchanged.to_string()),
            ("Not taken", self.tally.rejected.to_string()),
            ("Duplicates found", self.province.duplicates.to_string()),
            (
                "Duplicates that share a number",
                self.findable_duplicates.to_string(),
            ),
            (
                "Golden records at the province",
                self.province.golden_records.to_string(),
            ),
            (
                "Golden records at the nation",
                self.nation.golden_records.to_string(),
            ),
            ("Both equal", equal.to_owned()),
            (
                "Seconds until acknowledged",
                format!("{:.2}", self.pushed_after.as_secs_f64()),
            ),
            (
                "Seconds until at the nation",
                format!("{:.2}", self.settled_after.as_secs_f64()),
            ),
            ("Records a second, whole chain", self.rate().to_string()),
        ] {
            table.add_row(vec![what.to_owned(), value]);
        }
        if let Some(values) = table.column_mut(1) {
            values.set_cell_alignment(CellAlignment::Right);
        }
        table
    }
}
