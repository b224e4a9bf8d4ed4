//! Which bundles were brought to a hub, by whom and when.

use clap::Args;
use comfy_table::Table;
use comfy_table::presets::UTF8_BORDERS_ONLY;
use serde_json::{Value, json};

use super::instant;
use crate::cli::operator::{HubLine, answer, say};
use crate::grpc::proto::v1::bundle_service_client::BundleServiceClient;
use crate::grpc::proto::v1::{ImportedBundle, ListBundlesRequest};

/// Rows asked for at a time.
const PAGE_ROWS: u32 = 500;

/// List the bundles that were brought to a hub, the newest first
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    childsync bundle list --hub https://hub:7443 --identity an\n  \
    childsync bundle list --limit 1000 --hub https://hub:7443 --identity an --json")]
pub(super) struct ListBundles {
    #[command(flatten)]
    line: HubLine,
    /// Bundles at most
    #[arg(long, default_value_t = 100)]
    limit: usize,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl ListBundles {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let mut client = BundleServiceClient::new(self.line.open()?);
        let (mut bundles, mut page_token) = (Vec::new(), String::new());
        while bundles.len() < self.limit {
            let request = ListBundlesRequest {
                page_size: PAGE_ROWS,
                page_token,
            };
            let page = answer(client.list_bundles(request)).await?;
            bundles.extend(page.bundles);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        bundles.truncate(self.limit);
        if self.json {
            let bundles: Vec<Value> = bundles.iter().map(as_json).collect();
            say(json!({ "bundles": bundles }));
            return Ok(());
        }
        let mut table = Table::new();
        table.load_style(UTF8_BORDERS_ONLY).set_header([
            "bundle",
            "node",
            "records",
            "imported at",
            "by",
        ]);
        for bundle in &bundles {
            table.add_row([
                bundle.bundle_id.clone(),
                bundle.node.clone(),
                bundle.records.to_string(),
                instant(bundle.imported_at)
                    .as_str()
                    .unwrap_or_default()
                    .to_owned(),
                bundle.imported_by.clone(),
            ]);
        }
        say(table);
        Ok(())
    }
}

fn as_json(bundle: &ImportedBundle) -> Value {
    json!({
        "bundle_id": bundle.bundle_id,
        "node": bundle.node,
        "records": bundle.records,
        "imported_at": instant(bundle.imported_at),
        "imported_by": bundle.imported_by,
    })
}
