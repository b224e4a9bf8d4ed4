//! `childsync demo`: the whole chain on one machine, from commune to nation.

mod hubs;
mod report;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::generate::Size;
use super::operator::{line, progress, say};
use crate::agent::population::Population;
use crate::domain::unit::UnitReference;
use crate::grpc::convert::write_child;
use crate::grpc::proto::v1;
use crate::grpc::push_client::{PushClient, child_change};
use crate::sync::forward::UpstreamError;
use hubs::{Hubs, HubsOptions};
use report::{Report, nation_agrees};

/// Communes that push at the same time.
const PUSHING_MAX: usize = 8;
/// Records of one call to the client.
const CHUNK_RECORDS: usize = 2_000;
/// How long the nation may take to hold what was sent, beyond a second for each thousand records.
const SETTLE_SECONDS: u64 = 60;
/// How often the hubs are asked how far they are.
const WATCH_MILLISECONDS: u64 = 100;

/// Run the whole chain on this machine: communes, a province hub and a national hub
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    childsync demo\n  \
    childsync demo --children 50000 --communes 100 --json\n  \
    childsync demo --keep demo-files\n  \
    childsync demo --database-url postgres://hub:secret@localhost/childsync\n\n\
    Both hubs are real servers with mutual TLS. The exit status is 0 only if the nation holds\n\
    exactly what the province says.")]
pub(super) struct Demo {
    #[command(flatten)]
    size: Size,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Leave configuration, keys and databases in this folder, and say how to start the hubs again
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// PostgreSQL instead of SQLite: a new schema is made for each hub
    #[arg(long, value_name = "postgres://…")]
    database_url: Option<String>,
}

impl Demo {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let population = self.size.populate()?;
        let options = HubsOptions {
            province: self.size.province,
            communes: population.communes.clone(),
            keep: self.keep.clone(),
            database_url: self.database_url.clone(),
        };
        let mut hubs = Hubs::start(options)
            .await
            .context("the hubs did not start")?;
        let outcome = self.push_and_watch(&hubs, population).await;
        hubs.stop().await?;
        let report = outcome?;
        let kept = hubs.how_to_start_again();
        if self.json {
            let mut shown = report.as_json();
            if let (Some(words), Some(fields)) = (kept, shown.as_object_mut()) {
                fields.insert("kept".to_owned(), words.into());
            }
            say(serde_json::to_string_pretty(&shown)?);
        } else {
            say(report.as_table());
            if let Some(words) = kept {
                say(words);
            }
        }
        anyhow::ensure!(
            report.equal,
            "the nation does not hold what the province says"
        );
        Ok(())
    }

    async fn push_and_watch(&self, hubs: &Hubs, population: Population) -> anyhow::Result<Report> {
        let started = Instant::now();
        let records = population.records.len();
        let findable = population.findable_duplicates;
        let pushing = progress("Pushing", records);
        let told = pushing.clone();
        let tally = push_population(hubs, population, move |done| {
            told.inc(u64::try_from(done).unwrap_or_default());
        });
        let tally = tally.await?;
        pushing.finish_and_clear();
        let pushed_after = started.elapsed();
        let (province, nation) = watch(hubs, records).await?;
        Ok(Report {
            tally,
            findable_duplicates: findable,
            equal: nation_agrees(&province, &nation),
            province: province.hub,
            nation: nation.hub,
            pushed_after,
            settled_after: started.elapsed(),
        })
    }
}

/// What the communes were answered.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) sent: u64,
    pub(super) accepted: u64,
    pub(super) unchanged: u64,
    pub(super) rejected: u64,
}

/// Every commune pushes its records with its own certificate.
async fn push_population(
    hubs: &Hubs,
    population: Population,
    progress: impl Fn(usize) + Clone + Send + Sync + 'static,
) -> anyhow::Result<Tally> {
    let mut communes: BTreeMap<String, Vec<v1::RecordChange>> = BTreeMap::new();
    for record in population.records {
        let change = child_change(record.record_id, 1, write_child(record.draft));
        communes.entry(record.node).or_default().push(change);
    }
    let mut pushing = JoinSet::new();
    let mut total = Tally::default();
    for (node, changes) in communes {
        if pushing.len() == PUSHING_MAX
            && let Some(done) = pushing.join_next().await
        {
            add(&mut total, done??);
        }
        let client = PushClient::new(line(hubs.province_url(), &hubs.identity(&node))?);
        pushing.spawn(push_commune(client, changes, progress.clone()));
    }
    while let Some(done) = pushing.join_next().await {
        add(&mut total, done??);
    }
    Ok(total)
}

async fn push_commune(
    mut client: PushClient,
    changes: Vec<v1::RecordChange>,
    progress: impl Fn(usize) + Send + Sync,
) -> Result<Tally, UpstreamError> {
    let mut tally = Tally::default();
    for chunk in changes.chunks(CHUNK_RECORDS) {
        let mut outcomes = Vec::with_capacity(chunk.len());
        let sent = client.send_each(chunk.to_vec(), |answered| {
            progress(answered.len());
            outcomes.extend(answered);
        });
        sent.await?;
        for outcome in outcomes {
            tally.sent += 1;
            match outcome.outcome() {
                v1::Outcome::Accepted => tally.accepted += 1,
                v1::Outcome::Unchanged | v1::Outcome::Superseded => tally.unchanged += 1,
                v1::Outcome::Rejected | v1::Outcome::Quarantined | v1::Outcome::Unspecified => {
                    tally.rejected += 1;
                }
            }
        }
    }
    Ok(tally)
}

fn add(total: &mut Tally, part: Tally) {
    total.sent += part.sent;
    total.accepted += part.accepted;
    total.unchanged += part.unchanged;
    total.rejected += part.rejected;
}

/// A hub and, at the nation, what it holds of the province.
pub(super) struct Seen {
    pub(super) hub: v1::GetStatusResponse,
    pub(super) nodes: Vec<v1::NodeStatus>,
}

/// Waits until nothing is on its way any more, or too long, and reads both hubs with digests.
async fn watch(hubs: &Hubs, records: usize) -> anyhow::Result<(Seen, Seen)> {
    let province = line(hubs.province_url(), &hubs.operator())?;
    let nation = line(hubs.nation_url(), &hubs.operator())?;
    let bar = progress("Reconciling", records);
    let patience = SETTLE_SECONDS + u64::try_from(records / 1_000).unwrap_or_default();
    let deadline = Instant::now() + Duration::from_secs(patience);
    loop {
        let below = super::status::read_hub(&province, false).await?;
        let above = super::status::read_hub(&nation, false).await?;
        let left = waiting(&below) + waiting(&above);
        bar.set_position(
            u64::try_from(records)
                .unwrap_or_default()
                .saturating_sub(left),
        );
        if left == 0 || Instant::now() > deadline {
            break;
        }
        tokio::time::sleep(Duration::from_millis(WATCH_MILLISECONDS)).await;
    }
    bar.finish_and_clear();
    let hub = super::status::read_hub(&province, true).await?;
    let province = Seen {
        hub,
        nodes: Vec::new(),
    };
    let hub = super::status::read_hub(&nation, true).await?;
    let nodes = super::status::read_nodes(&nation, true).await?;
    Ok((province, Seen { hub, nodes }))
}

fn waiting(hub: &v1::GetStatusResponse) -> u64 {
    let forward = hub
        .forwarder
        .iter()
        .flat_map(|forwarder| &forwarder.positions);
    hub.reconciler
        .iter()
        .chain(forward)
        .map(|lane| lane.waiting)
        .sum()
}

/// The unit of the national hub in the demo: it must be one, and the province's own will do.
pub(super) fn nation_unit(province: UnitReference) -> UnitReference {
    province
}
