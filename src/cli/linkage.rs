//! `childsync linkage`: the model by which a hub decides who is the same child.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use clap::{Args, Subcommand};
use comfy_table::Table;
use serde_json::json;
use uuid::Uuid;

use super::operator::{progress, say};
use super::status::plain_table;
use crate::app::{open_store, read_model};
use crate::config::HubConfig;
use crate::domain::golden::GoldenId;
use crate::grpc::convert::ContractCodec;
use crate::linkage::index::{LinkageIndex, Settlement};
use crate::linkage::levels::Pattern;
use crate::linkage::model::Model;
use crate::linkage::training::{Trained, train};
use crate::sync::reconcile::rebuild_index;

/// Pairs that are drawn without looking, to learn what unrelated children look like.
const RANDOM_PAIRS: usize = 500_000;
/// Pairs that share a blocking key, at most.
const CANDIDATE_PAIRS_MAX: usize = 2_000_000;

/// Train the linkage model on a hub's records, and see what another model would change
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    childsync linkage train --config hub.toml --out trained.toml\n  \
    childsync linkage preview --config hub.toml --model trained.toml\n\n\
    Both read the hub's database and change nothing in it; the hub may run meanwhile. A model is used\n\
    from the next start on when [linkage] model_file names it: the hub then links everything again in\n\
    the background, while it takes records.")]
pub(super) struct Linkage {
    #[command(subcommand)]
    verb: LinkageVerb,
}

#[derive(Debug, Subcommand)]
enum LinkageVerb {
    /// Estimate the model's chances again from the hub's records, and show old and new
    Train {
        #[command(flatten)]
        hub: HubData,
        /// Where the new model is written
        #[arg(long, value_name = "FILE.toml")]
        out: PathBuf,
    },
    /// Show what another model would change
    Preview {
        #[command(flatten)]
        hub: HubData,
        /// The other model; the one that ships with the program unless given
        #[arg(long, value_name = "FILE.toml")]
        model: Option<PathBuf>,
    },
}

#[derive(Args, Debug)]
struct HubData {
    /// The hub's configuration file
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl Linkage {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        match self.verb {
            LinkageVerb::Train { hub, out } => {
                let config = HubConfig::read(&hub.config, std::env::vars())?;
                let model = read_model(config.linkage.model_file.as_deref()).context("--config")?;
                let index = read_index(&config, Arc::new(model)).await?;
                let trained = train_on(&index)?;
                std::fs::write(&out, &trained.text).with_context(|| out.display().to_string())?;
                let preview = preview(&config, Model::parse(&trained.text)?).await?;
                if hub.json {
                    say(
                        json!({ "rounds": trained.rounds, "changed_levels": trained.changes.len(),
                                "preview": preview.json() }),
                    );
                } else {
                    show_training(&trained);
                    preview.show();
                    next_step(&out);
                }
            }
            LinkageVerb::Preview { hub, model } => {
                let config = HubConfig::read(&hub.config, std::env::vars())?;
                let model = read_model(model.as_deref()).context("--model")?;
                let preview = preview(&config, model).await?;
                if hub.json {
                    say(preview.json());
                } else {
                    preview.show();
                }
            }
        }
        Ok(())
    }
}

async fn read_index(config: &HubConfig, model: Arc<Model>) -> anyhow::Result<LinkageIndex> {
    let (store, key) = open_store(config).await?;
    Ok(rebuild_index(&store, Arc::new(ContractCodec), Arc::new(key), model).await?)
}

fn train_on(index: &LinkageIndex) -> anyhow::Result<Trained> {
    let numbers: Vec<_> = index.numbers().collect();
    let bar = progress("Comparing", numbers.len());
    let mut candidates: Vec<Pattern> = Vec::new();
    for number in &numbers {
        bar.inc(1);
        if candidates.len() < CANDIDATE_PAIRS_MAX {
            candidates.extend(index.patterns_of(*number));
        }
    }
    bar.finish_and_clear();
    // Steps without a common factor draw pairs all over the hub, the same ones in every run.
    let count = numbers.len().max(1);
    let pairs = (0..RANDOM_PAIRS.min(count * 4)).filter_map(|draw| {
        let (one, other) = (
            numbers.get(draw % count)?,
            numbers.get((draw * 7_919 + 13) % count)?,
        );
        (one != other).then(|| index.compare(*one, *other))
    });
    let random: Vec<Pattern> = pairs.collect();
    Ok(train(index.model(), &candidates, &random)?)
}

/// What would change under another model.
struct Preview {
    records: usize,
    settlement: Settlement,
}

async fn preview(config: &HubConfig, model: Model) -> anyhow::Result<Preview> {
    let mut index = read_index(config, Arc::new(model)).await?;
    let mut names = 0_u128;
    let settlement = index.settle(|| {
        names += 1;
        GoldenId::new(Uuid::from_u128(names))
    });
    Ok(Preview {
        records: index.len(),
        settlement,
    })
}

impl Preview {
    /// Golden records that would lose records to others.
    fn touched(&self) -> usize {
        let from = self
            .settlement
            .moves
            .iter()
            .filter_map(|change| change.from);
        from.collect::<BTreeSet<_>>().len()
    }

    fn json(&self) -> serde_json::Value {
        json!({
            "records": self.records,
            "records_in_another_golden_record": self.settlement.moves.len(),
            "golden_records_that_lose_some": self.touched(),
            "reviews_opened_or_rescored": self.settlement.opened.len(),
            "reviews_closed": self.settlement.closed.len(),
        })
    }

    fn show(&self) {
        say(format_args!(
            "Of {} records, under this model:",
            self.records
        ));
        let moves = self.settlement.moves.len();
        say(format_args!(
            "{moves:>10} would be in another golden record"
        ));
        say(format_args!(
            "{:>10} golden records would lose some",
            self.touched()
        ));
        let opened = self.settlement.opened.len();
        say(format_args!(
            "{opened:>10} pairs for a steward would be new or have another score"
        ));
        let closed = self.settlement.closed.len();
        say(format_args!(
            "{closed:>10} pairs would not be asked about any more"
        ));
    }
}

fn show_training(trained: &Trained) {
    let mut table: Table = plain_table();
    table.set_header([
        "comparison",
        "came out",
        "one child: old",
        "new",
        "unrelated: old",
        "new",
    ]);
    for change in &trained.changes {
        let [old, new] = change.same_child;
        let [old_unrelated, new_unrelated] = change.unrelated;
        table.add_row([
            change.comparison.as_str().to_owned(),
            change.level.as_str().to_owned(),
            format!("{old:.5}"),
            format!("{new:.5}"),
            format!("{old_unrelated:.7}"),
            format!("{new_unrelated:.7}"),
        ]);
    }
    say(table);
    say(format_args!("Settled after {} rounds.", trained.rounds));
}

fn next_step(out: &Path) {
    say(format_args!(
        "Written to {}. To use it, set model_file in [linkage] of the hub's configuration and restart it.",
        out.display()
    ));
}
