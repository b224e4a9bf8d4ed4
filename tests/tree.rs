//! A tree four tiers deep with bad lines and a tier that is away for a while.

use std::collections::BTreeMap;
use std::sync::Arc;

use childsync::domain::draft::ChildDraft;
use childsync::grpc::convert::write_child;
use childsync::grpc::proto::v1::{FeedState, RecordChange};
use childsync::grpc::push_client::PushClient;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::support::database::{Database, Engine};
use crate::support::hub::{HubOptions, TestHub, free_port};
use crate::support::line::BadLine;
use crate::support::pipeline::golden_contents;
use crate::support::pki::Pki;
use crate::support::records::{change, numbered_child, report, report_change, tombstone, unit};
use crate::support::{eventually, fault_rounds, on_both_engines, until_acknowledged};

on_both_engines![
    four_tiers_with_bad_lines_end_equal,
    an_urgent_report_reaches_the_nation_while_routine_records_wait,
    a_line_that_never_carries_much_carries_everything_in_the_end,
];

const COMMUNES: [(&str, &str); 3] = [
    ("commune-a", "30742"),
    ("commune-b", "30745"),
    ("commune-c", "30748"),
];

/// A hub of the tree with the bad line that leads to it.
struct Tier {
    options: HubOptions,
    database: Arc<Database>,
    line: BadLine,
    hub: Option<TestHub>,
}

impl Tier {
    async fn start(
        pki: &Arc<Pki>,
        engine: Engine,
        (name, unit): (&'static str, &'static str),
        upstream: Option<&Self>,
    ) -> Self {
        let port = free_port();
        let upstream = upstream.map(|tier| tier.line.url.clone());
        let mut tier = Self {
            options: HubOptions {
                name,
                unit,
                port,
                upstream,
                ..HubOptions::province()
            },
            database: Arc::new(Database::new(engine).await),
            line: BadLine::to(port, u64::from(port)).await,
            hub: None,
        };
        tier.run(pki).await;
        tier
    }

    async fn run(&mut self, pki: &Arc<Pki>) {
        let (options, database) = (self.options.clone(), Arc::clone(&self.database));
        self.hub = Some(TestHub::start(Arc::clone(pki), database, options).await);
    }

    fn hub(&self) -> &TestHub {
        self.hub.as_ref().expect("the tier runs")
    }

    async fn stop(&mut self) {
        self.hub.take().expect("the tier runs").stop().await;
    }
}

/// What the communes say in one round, and what is true at the end.
#[derive(Default)]
struct Truth {
    /// The content of each child that is alive, by its number.
    children: BTreeMap<u32, Vec<u8>>,
    versions: BTreeMap<u32, u64>,
}

impl Truth {
    fn round(&mut self, place: u32, commune: &str, chance: &mut StdRng) -> Vec<RecordChange> {
        let mut changes = Vec::new();
        for _ in 0..40 {
            let number = place * 10_000 + chance.random_range(0..60);
            let version = self.versions.entry(number).or_default();
            *version += 1;
            if chance.random_bool(0.1) {
                changes.push(tombstone(number.into(), *version));
                self.children.remove(&number);
                continue;
            }
            let village = format!("Ấp {version}");
            let commune = Some(unit(commune));
            let draft = ChildDraft {
                commune,
                village,
                ..numbered_child(number)
            };
            changes.push(change(number.into(), *version, draft.clone()));
            self.children.insert(number, write_child(draft));
        }
        changes
    }
}

async fn four_tiers_with_bad_lines_end_equal(engine: Engine) {
    let pki = Arc::new(Pki::new());
    let nation = Tier::start(&pki, engine, ("nation", "GSO_PRE2025:91"), None).await;
    nation.hub().register("province", "GSO_PRE2025:91").await;
    let of_province = ("province", "GSO_PRE2025:91");
    let mut province = Tier::start(&pki, engine, of_province, Some(&nation)).await;
    province.hub().register("district", "GSO_PRE2025:899").await;
    let of_district = ("district", "GSO_PRE2025:899");
    let district = Tier::start(&pki, engine, of_district, Some(&province)).await;
    let mut clients = Vec::new();
    for (name, code) in COMMUNES {
        district
            .hub()
            .register(name, &format!("GSO_PRE2025:{code}"))
            .await;
        let line = TestHub::line_to(&district.line.url, &pki.node(name));
        clients.push(PushClient::new(line));
    }

    let mut truth = Truth::default();
    let mut chance = StdRng::seed_from_u64(3);
    let rounds = fault_rounds(12, 100);
    for round in 0..rounds {
        // One tier is away for the middle third.
        if round == rounds / 3 {
            province.stop().await;
        }
        if round == rounds * 2 / 3 {
            province.run(&pki).await;
        }
        for (place, (client, (_, code))) in (1..).zip(clients.iter_mut().zip(COMMUNES)) {
            let changes = truth.round(place, code, &mut chance);
            until_acknowledged(client, &changes).await;
        }
    }
    let lines = [&district.line, &province.line, &nation.line];
    eventually("the lines were cut", || async {
        lines.iter().map(|line| line.cuts()).sum::<u64>() >= 3
    })
    .await;
    for line in lines {
        line.heal();
    }

    for (above, below) in [(&province, &district), (&nation, &province)] {
        eventually("each tier holds what the tier below says", || async {
            let said = below.hub().status().await;
            let held = above.hub().node_status(below.options.name).await;
            let waiting = said.reconciler.iter().any(|lane| lane.waiting > 0);
            !waiting && held.waiting == 0 && held.digest == said.golden_digest
        })
        .await;
    }
    let store = nation.database.open().await;
    let mut held: Vec<_> = golden_contents(&store).await.into_values().collect();
    let mut expected: Vec<_> = truth.children.into_values().collect();
    held.sort();
    expected.sort();
    assert_eq!(held.len(), expected.len());
    assert!(
        held == expected,
        "the nation holds other contents than the communes said"
    );
    store.close().await;
}

async fn an_urgent_report_reaches_the_nation_while_routine_records_wait(engine: Engine) {
    let pki = Arc::new(Pki::new());
    let nation = Tier::start(&pki, engine, ("nation", "GSO_PRE2025:91"), None).await;
    nation.hub().register("province", "GSO_PRE2025:91").await;
    // Each connection carries so little that the routine records would take far longer than any machine
    // takes for the report, which has a connection of its own.
    let slow = BadLine::slow(nation.options.port, 1, 16_000, u64::MAX - 1..u64::MAX).await;
    let province = TestHub::province_below(&pki, engine, &slow.url).await;
    province.register("commune", "GSO_PRE2025:30742").await;
    let many: Vec<_> = (0..8_000)
        .map(|at| change(at.into(), 1, numbered_child(at)))
        .collect();
    let mut routine = province.pushing("commune");
    let pushing = tokio::spawn(async move { routine.send(many).await });
    eventually("routine records arrive", || async {
        province.status().await.log_head > 500
    })
    .await;

    province.push(vec![report_change(1, 1, report())]).await;

    eventually("the nation holds the report", || async {
        let feed = nation.hub().feed("province").await;
        feed.iter()
            .any(|event| event.kind == 2 && event.state() == FeedState::Reconciled)
    })
    .await;
    let behind = nation.hub().node_status("province").await;
    assert!(
        behind.source_records < 8_000,
        "the report waited behind all routine records"
    );
    slow.heal();
    pushing.await.expect("no panic").expect("acknowledged");
}

/// Each connection is cut long before a batch has passed, and the line never heals.
async fn a_line_that_never_carries_much_carries_everything_in_the_end(engine: Engine) {
    let pki = Arc::new(Pki::new());
    let nation = Tier::start(&pki, engine, ("nation", "GSO_PRE2025:91"), None).await;
    nation.hub().register("province", "GSO_PRE2025:91").await;
    let bad = BadLine::cutting(nation.options.port, 1, 40_000..60_000).await;
    let province = TestHub::province_below(&pki, engine, &bad.url).await;
    province.register("commune", "GSO_PRE2025:30742").await;

    let many = (0..1_500)
        .map(|at| change(at.into(), 1, numbered_child(at)))
        .collect();
    province.push(many).await;

    eventually("the nation holds all of it", || async {
        nation.hub().node_status("province").await.source_records == 1_500
    })
    .await;
    assert!(bad.cuts() > 2, "the line was too good: {} cuts", bad.cuts());
    province.stop().await;
}
