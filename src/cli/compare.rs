//! `childsync compare`: whether a hub and its upstream, or a node, hold the same records.

mod list;
mod show;

use std::time::Duration;

use anyhow::Context;
use clap::Args;
use serde_json::{Value, json};
use tonic::Streaming;
use tonic::transport::Channel;

use super::operator::{HubLine, answer, explain, say};
use crate::domain::node::NodeName;
use crate::grpc::proto::v1::compare_service_client::CompareServiceClient;
use crate::grpc::proto::v1::{
    ComparisonState, HubComparison, ListDifferencesRequest, RecordDifference, Repair,
    RunComparisonRequest, RunComparisonResponse,
};

/// Differences asked for at a time.
const PAGE_ROWS: u32 = 1_000;

/// Compare what a hub and its upstream, or one of its nodes, hold; find and mend what differs
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    childsync compare --with upstream --hub https://hub:7443 --identity an\n  \
    childsync compare --with commune-30742 --repair --hub https://hub:7443 --identity an\n  \
    childsync compare --list --hub https://hub:7443 --identity an --json\n\n\
    So sánh hồ sơ ở hai cấp: giống nhau, khác nhau, thiếu, thừa. --repair gửi lại đúng những hồ sơ đó.\n\
    The exit status is 0 only if both ends hold the same in the end.")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of the command line"
)]
pub(super) struct Compare {
    #[command(flatten)]
    line: HubLine,
    /// Whom to compare the hub with: upstream, or the name of a node
    #[arg(long, value_name = "upstream|NODE", required_unless_present = "list")]
    with: Option<String>,
    /// Send again what is different or missing at the upper end, and compare once more
    #[arg(long)]
    repair: bool,
    /// With --repair: withdraw what only the upper end holds
    #[arg(long, requires = "repair")]
    withdraw_extra: bool,
    /// Show the comparisons that were made
    #[arg(long, conflicts_with_all = ["with", "repair"])]
    list: bool,
    /// Give up waiting after so many seconds; the comparison is made nevertheless
    #[arg(long, default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    wait: u64,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Compare {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let line = self.line.open()?;
        match &self.with {
            None => list::run(line, self.json).await,
            Some(with) => self.compare(line, with).await,
        }
    }

    async fn compare(&self, line: Channel, with: &str) -> anyhow::Result<()> {
        let node = match with {
            "upstream" => String::new(),
            name => name
                .parse::<NodeName>()
                .context("--with is upstream, or the name of a node")?
                .to_string(),
        };
        let mut client = CompareServiceClient::new(line.clone());
        let repair = match (self.repair, self.withdraw_extra) {
            (false, _) => Repair::Unspecified,
            (true, false) => Repair::SendAgain,
            (true, true) => Repair::WithdrawExtra,
        };
        let request = RunComparisonRequest {
            node,
            repair: repair.into(),
        };
        let steps = answer(client.run_comparison(request)).await?;
        let limit = Duration::from_secs(self.wait);
        let ended = tokio::time::timeout(limit, until_ended(steps)).await;
        let comparison = ended.with_context(|| {
            format!(
                "{with} has not made the comparison within {} s. It will as soon as it has a line: \
                 look with `childsync compare --list` or `childsync status`",
                self.wait
            )
        })??;
        let differences = read_differences(line, &comparison).await?;
        if self.json {
            let shown = json!({
                "comparison": as_json(&comparison),
                "differences": differences.iter().map(show::difference_json).collect::<Vec<_>>(),
            });
            say(serde_json::to_string_pretty(&shown)?);
        } else {
            say(show::report(&comparison, &differences));
        }
        show::verdict(&comparison)
    }
}

async fn until_ended(mut steps: Streaming<RunComparisonResponse>) -> anyhow::Result<HubComparison> {
    let mut last = None;
    loop {
        match steps.message().await {
            Ok(Some(step)) => last = step.comparison.or(last),
            Ok(None) => break,
            Err(status) => return Err(explain(&status)),
        }
    }
    last.context("the hub did not say what the comparison came to: try again")
}

async fn read_differences(
    line: Channel,
    comparison: &HubComparison,
) -> anyhow::Result<Vec<RecordDifference>> {
    let mut differences = Vec::new();
    if comparison.state() != ComparisonState::Ended {
        return Ok(differences);
    }
    let mut client = CompareServiceClient::new(line);
    let mut page_token = String::new();
    loop {
        let request = ListDifferencesRequest {
            comparison_id: comparison.comparison_id.clone(),
            page_size: PAGE_ROWS,
            page_token,
        };
        let page = answer(client.list_differences(request)).await?;
        differences.extend(page.differences);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(differences);
        }
    }
}

/// A comparison for scripts.
pub(super) fn as_json(comparison: &HubComparison) -> Value {
    let counts = comparison.counts.unwrap_or_default();
    json!({
        "comparison_id": comparison.comparison_id,
        "with": show::with(comparison),
        "state": show::state(comparison),
        "asked_by": comparison.asked_by,
        "asked_at": comparison.asked_at.map(|at| at.to_string()),
        "ended_at": comparison.ended_at.map(|at| at.to_string()),
        "matched": counts.matched,
        "different": counts.different,
        "missing": counts.missing,
        "extra": counts.extra,
        "refused": counts.refused,
        "moving": counts.moving,
        "repair": comparison.repair() != Repair::Unspecified,
        "repaired": comparison.repaired,
        "remaining": comparison.remaining,
        "rounds": comparison.rounds,
        "traffic_bytes": comparison.traffic_bytes,
        "failure": comparison.failure,
    })
}

/// A comparison in one line, for `childsync status`.
pub(super) fn summary(comparison: &HubComparison) -> String {
    show::summary(comparison)
}
