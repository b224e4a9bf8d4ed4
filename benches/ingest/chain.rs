//! The three loads: one hub alone, a nation that comes back after its province was filled, and both
//! running from the first record to the last.

use std::time::Duration;

use tokio::time::Instant;

use crate::cpu::Meter;
use crate::hub::{Hub, pause};
use crate::load::{PROVINCE, Pusher, push_all, upload_all};
use crate::postgres::Format;
use crate::report::{Copies, Rate, Restart};
use crate::site::{Bench, Site};
use crate::{Engine, progress};

/// How long a load may take to arrive, beyond a second for each thousand records.
const SETTLE_SECONDS: u64 = 60;

/// What one hub alone was measured at.
pub(crate) struct OneHub {
    pub(crate) ingest: Rate,
    pub(crate) pipeline: Rate,
    pub(crate) restart: Restart,
    pub(crate) copy: Option<Copies>,
}

/// Times a hub without an upstream: until all is acknowledged, and until all is reconciled.
pub(crate) async fn measure_one_hub(bench: &Bench, engine: Engine) -> anyhow::Result<OneHub> {
    progress(format_args!("{engine:?}: one hub"));
    let site = Site::new(&bench.load)?;
    let hub = site.start(bench, engine, "province", None).await?;
    let pushers = connect(bench, &site, &hub).await?;
    let records = bench.load.records;
    checkpoint(bench, engine).await?;
    let meter = Meter::new(vec![hub.id], bench.postmaster());
    let (before, started) = (meter.read(), Instant::now());
    push_all(pushers).await?;
    let ingest = Rate::new(records, started.elapsed(), meter.since(&before));
    reconciled(&hub, records).await?;
    let pipeline = Rate::new(records, started.elapsed(), meter.since(&before));
    let held = hub.status().await?.source_records;
    anyhow::ensure!(held == records, "the hub does not hold what was pushed");
    let schema = hub.schema().map(str::to_owned);
    let restart = measure_restart(bench, &site, hub).await?;
    let mut copy = None;
    if let (Some(server), Some(schema)) = (&bench.server, schema) {
        copy = Some(Copies {
            text: server.measure_copy(&schema, Format::Text).await?,
            binary: server.measure_copy(&schema, Format::Binary).await?,
        });
        server.drop_schema(&schema).await?;
    }
    Ok(OneHub {
        ingest,
        pipeline,
        restart,
        copy,
    })
}

/// Stops a hub, starts it again with all that it holds, and times the first acknowledgement and the first
/// record that is reconciled, for which the linkage index must be back. Stops the hub.
async fn measure_restart(bench: &Bench, site: &Site, hub: Hub) -> anyhow::Result<Restart> {
    progress("the hub starts again");
    let held = bench.load.records;
    let stranger = bench.load.strangers(1)?;
    let (node, _) = bench.load.first_node()?;
    let place = hub.stop().await?;
    let started = Instant::now();
    let hub = Hub::start(place).await?;
    let mut pusher = Pusher::open(site, hub.url(), node).await?;
    pusher.push(stranger).await?;
    let acknowledged = started.elapsed();
    reconciled(&hub, 1).await?;
    let reconciled = started.elapsed();
    let resident_bytes = hub.resident_bytes()?;
    drop(pusher);
    hub.stop().await?;
    Ok(Restart {
        held,
        seconds_to_acknowledgement: acknowledged.as_secs_f64(),
        seconds_to_reconciled: reconciled.as_secs_f64(),
        resident_bytes,
    })
}

/// Times a hub that only takes in: another replica leads the reconciler and rests.
pub(crate) async fn measure_ingest_alone(bench: &Bench, engine: Engine) -> anyhow::Result<Rate> {
    progress(format_args!("{engine:?}: one hub, its reconciler at rest"));
    let site = Site::new(&bench.load)?;
    let hub = site.start(bench, engine, "province", None).await?;
    let pushers = connect(bench, &site, &hub).await?;
    hub.rest_reconciler(bench.server.as_ref()).await?;
    checkpoint(bench, engine).await?;
    let meter = Meter::new(vec![hub.id], bench.postmaster());
    let (before, started) = (meter.read(), Instant::now());
    push_all(pushers).await?;
    let ingest = Rate::new(bench.load.records, started.elapsed(), meter.since(&before));
    anyhow::ensure!(hub.reconciled().await? == 0, "the reconciler did not rest");
    remove(bench, hub).await?;
    Ok(ingest)
}

/// Times the same records as uploads, the reconciler at rest as for [`measure_ingest_alone`]: from the
/// first byte to the last receipt.
pub(crate) async fn measure_uploads(bench: &Bench, engine: Engine) -> anyhow::Result<Rate> {
    progress(format_args!("{engine:?}: uploads, the reconciler at rest"));
    let site = Site::new(&bench.load)?;
    let hub = site.start(bench, engine, "province", None).await?;
    for (node, unit) in &bench.load.nodes {
        hub.register(node, *unit).await?;
    }
    let uploaders = bench.load.uploaders(&site, hub.url())?;
    hub.rest_reconciler(bench.server.as_ref()).await?;
    checkpoint(bench, engine).await?;
    let meter = Meter::new(vec![hub.id], bench.postmaster());
    let (before, started) = (meter.read(), Instant::now());
    upload_all(uploaders).await?;
    let uploads = Rate::new(bench.load.records, started.elapsed(), meter.since(&before));
    anyhow::ensure!(hub.reconciled().await? == 0, "the reconciler did not rest");
    remove(bench, hub).await?;
    Ok(uploads)
}

/// A province with its nation and everything that they stand on.
pub(crate) struct Chain {
    pub(crate) site: Site,
    pub(crate) province: Hub,
    pub(crate) nation: Hub,
}

/// Starts both hubs on fresh databases.
pub(crate) async fn start(bench: &Bench, engine: Engine) -> anyhow::Result<Chain> {
    progress(format_args!("{engine:?}: province and nation"));
    let site = Site::new(&bench.load)?;
    let nation = site.start(bench, engine, "nation", None).await?;
    nation.register("province", PROVINCE.parse()?).await?;
    let province = site
        .start(bench, engine, "province", Some(nation.url()))
        .await?;
    checkpoint(bench, engine).await?;
    Ok(Chain {
        site,
        province,
        nation,
    })
}

/// Times the forwarding alone. The nation's process stands still while the province takes in and
/// reconciles everything; the clock runs from the moment at which it goes on.
pub(crate) async fn measure_forwarding(bench: &Bench, engine: Engine) -> anyhow::Result<Rate> {
    let chain = start(bench, engine).await?;
    let pushers = connect(bench, &chain.site, &chain.province).await?;
    chain.nation.signal("STOP").await?;
    push_all(pushers).await?;
    reconciled(&chain.province, bench.load.records).await?;
    let golden = chain.province.status().await?.golden_records;
    checkpoint(bench, engine).await?;
    let meter = chain.meter(bench);
    let (before, started) = (meter.read(), Instant::now());
    chain.nation.signal("CONT").await?;
    chain.held_by_nation(bench.load.records).await?;
    let rate = Rate::new(golden, started.elapsed(), meter.since(&before));
    chain.stop(bench).await?;
    Ok(rate)
}

/// Times both hubs from the first push until the nation holds everything.
pub(crate) async fn measure_whole_chain(bench: &Bench, chain: &Chain) -> anyhow::Result<Rate> {
    let records = bench.load.records;
    let pushers = connect(bench, &chain.site, &chain.province).await?;
    let meter = chain.meter(bench);
    let (before, started) = (meter.read(), Instant::now());
    push_all(pushers).await?;
    chain.held_by_nation(records).await?;
    Ok(Rate::new(records, started.elapsed(), meter.since(&before)))
}

impl Chain {
    /// Reads the processor time of both hubs.
    pub(crate) fn meter(&self, bench: &Bench) -> Meter {
        Meter::new(vec![self.province.id, self.nation.id], bench.postmaster())
    }

    /// Waits until the nation holds exactly the golden records of the province.
    pub(crate) async fn held_by_nation(&self, records: u64) -> anyhow::Result<()> {
        let deadline = Instant::now() + patience(records);
        let mut last = (0, 0);
        loop {
            let all_reconciled = self.province.reconciled().await? >= records;
            let (forwarded, arrived) = (
                self.province.forwarded().await?,
                self.nation.reconciled().await?,
            );
            let is_still = last == (forwarded, arrived);
            if all_reconciled && is_still && arrived >= forwarded && self.is_settled().await? {
                return Ok(());
            }
            last = (forwarded, arrived);
            anyhow::ensure!(
                Instant::now() < deadline,
                "the nation did not get everything in time"
            );
            pause().await;
        }
    }

    async fn is_settled(&self) -> anyhow::Result<bool> {
        let province = self.province.status().await?;
        let forward = province
            .forwarder
            .iter()
            .flat_map(|forwarder| &forwarder.positions);
        if forward.map(|lane| lane.waiting).sum::<u64>() > 0 {
            return Ok(false);
        }
        let nation = self.nation.status().await?;
        let waiting: u64 = nation.reconciler.iter().map(|lane| lane.waiting).sum();
        Ok(waiting == 0 && nation.source_records == province.golden_records)
    }

    /// Stops both hubs and removes their databases.
    pub(crate) async fn stop(self, bench: &Bench) -> anyhow::Result<()> {
        remove(bench, self.province).await?;
        remove(bench, self.nation).await
    }
}

impl Bench {
    fn postmaster(&self) -> Option<u32> {
        self.server.as_ref().and_then(|server| server.postmaster)
    }
}

/// Stops a hub and removes its database.
async fn remove(bench: &Bench, hub: Hub) -> anyhow::Result<()> {
    let schema = hub.schema().map(str::to_owned);
    hub.stop().await?;
    match (&bench.server, schema) {
        (Some(server), Some(schema)) => server.drop_schema(&schema).await,
        (Some(_) | None, _) => Ok(()),
    }
}

/// Registers the nodes of the load and opens their streams.
async fn connect(bench: &Bench, site: &Site, hub: &Hub) -> anyhow::Result<Vec<Pusher>> {
    for (node, unit) in &bench.load.nodes {
        hub.register(node, *unit).await?;
    }
    bench.load.connect(site, hub.url()).await
}

async fn checkpoint(bench: &Bench, engine: Engine) -> anyhow::Result<()> {
    match (engine, &bench.server) {
        (Engine::Postgres, Some(server)) => server.checkpoint().await,
        (Engine::Postgres | Engine::Sqlite, _) => Ok(()),
    }
}

/// Waits until the hub has reconciled so many submissions.
async fn reconciled(hub: &Hub, records: u64) -> anyhow::Result<()> {
    let deadline = Instant::now() + patience(records);
    while hub.reconciled().await? < records {
        anyhow::ensure!(
            Instant::now() < deadline,
            "the hub did not reconcile everything in time"
        );
        pause().await;
    }
    Ok(())
}

fn patience(records: u64) -> Duration {
    Duration::from_secs(SETTLE_SECONDS + records / 1_000)
}
