//! How long one record takes: to its acknowledgement, and to the nation.
//!
//! Records are pushed one at a time. The nation tells the province of each by its feed, so the next
//! event of the right kind is the record that was pushed last.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context;
use childsync::grpc::proto::record::RecordKind;
use childsync::grpc::proto::v1::RecordChange;
use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval};

use crate::chain::Chain;
use crate::feed::Feed;
use crate::load::Pusher;
use crate::progress;
use crate::report::{Percentiles, Rate, per_second};
use crate::site::Bench;

/// Pause from one push to the next, unless the record takes longer.
const STEP_MILLISECONDS: u64 = 25;
/// The quiet measurement ends after this time, however many samples it has.
const QUIET_SECONDS_MAX: u64 = 30;
/// How long the load beside the urgent reports lasts.
const LOAD_SECONDS: u32 = 12;
/// How long it runs before the first report is pushed.
const LOAD_AHEAD_SECONDS: u32 = 2;
/// How often each node of that load pushes.
const LOAD_STEPS_PER_SECOND: u32 = 10;

/// Times of single records.
#[derive(Debug, Serialize)]
pub(crate) struct Latencies {
    /// A child, while nothing else happens.
    pub(crate) quiet: WayTimes,
    /// A case report, while children come in at a share of the rate of the whole chain.
    pub(crate) urgent_under_load: WayTimes,
    /// Records a second that were really acknowledged beside the reports.
    pub(crate) load_per_second: f64,
    /// Reading the nation's whole feed from its beginning.
    pub(crate) feed: Rate,
}

/// Milliseconds from push to acknowledgement and from push to being held by the nation.
#[derive(Debug, Serialize)]
pub(crate) struct WayTimes {
    pub(crate) acknowledged: Percentiles,
    pub(crate) at_nation: Percentiles,
}

/// Measures on a chain that holds the load already, whose rate was so many records a second.
pub(crate) async fn measure(bench: &Bench, chain: &Chain, rate: f64) -> anyhow::Result<Latencies> {
    progress("reading the nation's feed");
    let (mut feed, reading) = read_feed(bench, chain).await?;
    let mut pusher = first_node(bench, chain).await?;

    progress("single records on the quiet chain");
    let strangers = bench.load.strangers(bench.samples)?;
    let limit = Duration::from_secs(QUIET_SECONDS_MAX);
    let quiet = time(&mut pusher, &mut feed, RecordKind::Child, strangers, limit).await?;

    progress("urgent reports beside a load");
    let wanted = rate * f64::from(bench.load_percent) / 100.0;
    let beside = LoadBeside::start(bench, chain, wanted).await?;
    tokio::time::sleep(Duration::from_secs(LOAD_AHEAD_SECONDS.into())).await;
    let reports = bench.load.reports(bench.samples)?;
    let limit = Duration::from_secs((LOAD_SECONDS - LOAD_AHEAD_SECONDS).into());
    let urgent = time(
        &mut pusher,
        &mut feed,
        RecordKind::CaseReport,
        reports,
        limit,
    )
    .await?;
    let load_per_second = beside.stop()?;
    Ok(Latencies {
        quiet,
        urgent_under_load: urgent,
        load_per_second,
        feed: reading,
    })
}

/// Follows the nation's feed from its beginning up to now.
async fn read_feed(bench: &Bench, chain: &Chain) -> anyhow::Result<(Feed, Rate)> {
    let events = chain.nation.status().await?.source_records;
    let meter = chain.meter(bench);
    let (before, started) = (meter.read(), Instant::now());
    let mut feed = Feed::open(chain).await?;
    feed.skip(events).await?;
    Ok((
        feed,
        Rate::new(events, started.elapsed(), meter.since(&before)),
    ))
}

/// A stream of the first node of the load.
async fn first_node(bench: &Bench, chain: &Chain) -> anyhow::Result<Pusher> {
    let (node, _) = bench.load.nodes.first().context("the load has no node")?;
    Pusher::open(&chain.site, chain.province.url(), node).await
}

/// Pushes the changes one by one, each after the one before has arrived at the nation.
async fn time(
    pusher: &mut Pusher,
    feed: &mut Feed,
    kind: RecordKind,
    changes: Vec<RecordChange>,
    limit: Duration,
) -> anyhow::Result<WayTimes> {
    let deadline = Instant::now() + limit;
    let mut steps = interval(Duration::from_millis(STEP_MILLISECONDS));
    let (mut acknowledged, mut at_nation) = (Vec::new(), Vec::new());
    for change in changes {
        steps.tick().await;
        if Instant::now() > deadline {
            break;
        }
        let started = Instant::now();
        pusher.push(vec![change]).await?;
        acknowledged.push(started.elapsed());
        at_nation.push(feed.next(kind).await?.duration_since(started));
    }
    Ok(WayTimes {
        acknowledged: Percentiles::of(acknowledged).context("no record was acknowledged")?,
        at_nation: Percentiles::of(at_nation).context("no record arrived")?,
    })
}

/// Nodes that push at a steady rate until they are stopped.
struct LoadBeside {
    pushing: JoinSet<anyhow::Result<()>>,
    acknowledged: Arc<AtomicU64>,
    started: Instant,
}

impl LoadBeside {
    async fn start(bench: &Bench, chain: &Chain, wanted: f64) -> anyhow::Result<Self> {
        let nodes = u32::try_from(bench.load.nodes.len())?;
        let step = wanted / f64::from(nodes) / f64::from(LOAD_STEPS_PER_SECOND);
        let step = format!("{:.0}", step.ceil()).parse::<u32>()?;
        let records = step * nodes * LOAD_STEPS_PER_SECOND * (LOAD_SECONDS + 2);
        let load = bench.load.another(records)?;
        let pushers = load.connect(&chain.site, chain.province.url()).await?;
        let acknowledged = Arc::new(AtomicU64::new(0));
        let step = usize::try_from(step)?;
        let pushing = pushers
            .into_iter()
            .map(|pusher| push_steadily(pusher, step, Arc::clone(&acknowledged)))
            .collect();
        Ok(Self {
            pushing,
            acknowledged,
            started: Instant::now(),
        })
    }

    /// Stops the load and gives how many records a second were acknowledged.
    fn stop(mut self) -> anyhow::Result<f64> {
        let elapsed = self.started.elapsed();
        while let Some(ended) = self.pushing.try_join_next() {
            ended?.context("a node of the load beside could not push")?;
        }
        Ok(per_second(
            self.acknowledged.load(Ordering::Relaxed),
            elapsed,
        ))
    }
}

async fn push_steadily(
    mut pusher: Pusher,
    step: usize,
    acknowledged: Arc<AtomicU64>,
) -> anyhow::Result<()> {
    let mut steps = interval(Duration::from_secs(1) / LOAD_STEPS_PER_SECOND);
    let changes = std::mem::take(&mut pusher.changes);
    for chunk in changes.chunks(step) {
        steps.tick().await;
        pusher.push(chunk.to_vec()).await?;
        acknowledged.fetch_add(u64::try_from(chunk.len())?, Ordering::Relaxed);
    }
    Ok(())
}
