//! `childsync linkage train`: the model's chances again, estimated from a hub's own records.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use comfy_table::Table;
use serde_json::{Value, json};

use super::show;
use crate::app::{configured_models, open_store};
use crate::cli::operator::{progress, say};
use crate::cli::status::plain_table;
use crate::config::HubConfig;
use crate::grpc::convert::ContractCodec;
use crate::grpc::linkage_service::write_counts;
use crate::linkage::index::LinkageIndex;
use crate::linkage::levels::Pattern;
use crate::linkage::model::Model;
use crate::linkage::training::{ChangedChance, HYPOTHESIS_NAMES, Trained, train};
use crate::security::seal::SealKey;
use crate::store::Store;
use crate::sync::codec::RecordCodec;
use crate::sync::models::{ModelPreview, preview};
use crate::sync::reconcile::rebuild_index;

/// Pairs that are drawn without looking, to learn what unrelated children look like.
const RANDOM_PAIRS: usize = 500_000;
/// Pairs that share a blocking key, at most.
const CANDIDATE_PAIRS_MAX: usize = 2_000_000;

/// Estimate the model's chances again from the hub's records, and show old and new
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  \
    childsync linkage train --config hub.toml --out trained.toml\n\n\
    Begins with the model in use. Reads the hub's database and changes nothing in it; the hub may run\n\
    meanwhile.")]
pub(super) struct Train {
    /// The hub's configuration file
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Where the new model is written
    #[arg(long, value_name = "FILE.toml")]
    out: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// A hub's database, opened beside the hub.
struct Data {
    store: Store,
    codec: Arc<dyn RecordCodec>,
    key: Arc<SealKey>,
}

impl Train {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let config = HubConfig::read(&self.config, std::env::vars())?;
        let (store, key) = open_store(&config).await?;
        let data = Data {
            store,
            codec: Arc::new(ContractCodec),
            key: Arc::new(key),
        };
        let models = configured_models(&config).context("--config")?;
        let mut reading = data.store.read().await?;
        let old = Arc::clone(&models.newest(&mut reading).await?.model);
        drop(reading);
        let trained = data.train(Arc::clone(&old)).await?;
        std::fs::write(&self.out, &trained.text).with_context(|| self.out.display().to_string())?;
        let new = Arc::new(Model::parse(&trained.text)?);
        let preview = data.preview([old, new]).await?;
        let shown = write_counts(&preview);
        if self.json {
            say(json!({
                "rounds": trained.rounds,
                "changes": trained.changes.iter().map(change_json).collect::<Vec<_>>(),
                "preview": show::preview_json(&shown),
            }));
        } else {
            say(changes_table(&trained.changes));
            say(format_args!("Settled after {} rounds.", trained.rounds));
            show::preview(&shown, false);
            next_step(&self.out);
        }
        Ok(())
    }
}

impl Data {
    async fn train(&self, model: Arc<Model>) -> anyhow::Result<Trained> {
        let (codec, key) = (Arc::clone(&self.codec), Arc::clone(&self.key));
        let index = rebuild_index(&self.store, codec, key, model).await?;
        train_on(&index)
    }

    async fn preview(&self, models: [Arc<Model>; 2]) -> anyhow::Result<ModelPreview> {
        let progress = Arc::default();
        Ok(preview(&self.store, &self.codec, &self.key, models, progress).await?)
    }
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

fn change_json(change: &ChangedChance) -> Value {
    let chances = HYPOTHESIS_NAMES.iter().zip(change.chances);
    let chances: serde_json::Map<String, Value> = chances
        .map(|(name, [old, new])| ((*name).to_owned(), json!({ "old": old, "new": new })))
        .collect();
    json!({
        "comparison": change.comparison.as_str(),
        "level": change.level.as_str(),
        "chances": chances,
    })
}

/// Old and new chances of every level that changed, under each hypothesis.
fn changes_table(changes: &[ChangedChance]) -> Table {
    let mut table: Table = plain_table();
    let mut header = vec!["comparison".to_owned(), "came out".to_owned()];
    header.extend(HYPOTHESIS_NAMES.map(|name| format!("{}: old → new", name.replace('_', " "))));
    table.set_header(header);
    for change in changes {
        let mut row = vec![
            change.comparison.as_str().to_owned(),
            change.level.as_str().to_owned(),
        ];
        row.extend(change.chances.map(|[old, new]| {
            if old.to_bits() == new.to_bits() {
                format!("{old:.6}")
            } else {
                format!("{old:.6} → {new:.6}")
            }
        }));
        table.add_row(row);
    }
    table
}

fn next_step(out: &Path) {
    let out = out.display();
    say(format_args!(
        "Written to {out}. To use it: childsync linkage use --model {out} --hub … --identity …"
    ));
}
