//! The comparisons that were made, the newest first.

use serde_json::{Value, json};
use tonic::transport::Channel;

use super::{as_json, show};
use crate::cli::operator::{answer, say};
use crate::cli::status::plain_table;
use crate::grpc::proto::v1::ListComparisonsRequest;
use crate::grpc::proto::v1::compare_service_client::CompareServiceClient;

/// Comparisons that are shown.
const SHOWN_ROWS: u32 = 200;

pub(super) async fn run(line: Channel, is_json: bool) -> anyhow::Result<()> {
    let request = ListComparisonsRequest {
        page_size: SHOWN_ROWS,
        page_token: String::new(),
    };
    let mut client = CompareServiceClient::new(line);
    let comparisons = answer(client.list_comparisons(request)).await?.comparisons;
    if is_json {
        let comparisons: Vec<Value> = comparisons.iter().map(as_json).collect();
        say(serde_json::to_string_pretty(
            &json!({ "comparisons": comparisons }),
        )?);
        return Ok(());
    }
    let mut table = plain_table();
    table.set_header(["with", "asked", "by", "result"]);
    for comparison in &comparisons {
        table.add_row([
            show::with(comparison).to_owned(),
            comparison
                .asked_at
                .map(|at| at.to_string())
                .unwrap_or_default(),
            comparison.asked_by.clone(),
            show::summary(comparison),
        ]);
    }
    say(table);
    Ok(())
}
