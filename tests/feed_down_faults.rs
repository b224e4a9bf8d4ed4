//! Words of the tiers above under power cuts and bad lines: told once, in order, and all of them in the end.

use std::collections::HashMap;
use std::sync::Arc;

use childsync::domain::draft::{ChildDraft, DateDraft};
use childsync::grpc::proto::v1::feed_service_client::FeedServiceClient;
use childsync::grpc::proto::v1::{FeedEvent, FollowRequest, RecordChange, TierState, TierWord};
use childsync::grpc::push_client::PushClient;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

use crate::support::database::{Database, Engine};
use crate::support::hub::{HubOptions, TestHub, feed, free_port, register};
use crate::support::line::BadLine;
use crate::support::pki::Pki;
use crate::support::process::HubProcess;
use crate::support::records::{change, numbered_child};
use crate::support::tiers::far_away;
use crate::support::{
    eventually, fault_rounds, on_both_engines, random_moment, until_acknowledged,
};

on_both_engines![killed_followers_and_cut_lines_lose_and_double_no_word];

/// Children of one round; every second one is registered in the city as well.
const CHILDREN: u32 = 12;

/// A nation in the test's process, and below it a province and a district that are killed.
struct Scene {
    pki: Arc<Pki>,
    nation: TestHub,
    province: HubProcess,
    district: HubProcess,
    lines: [BadLine; 2],
    // Kept until the hubs are gone.
    _databases: [Database; 2],
}

impl Scene {
    async fn new(engine: Engine) -> Self {
        let pki = Arc::new(Pki::new());
        let options = HubOptions {
            name: "nation",
            ..HubOptions::province()
        };
        let to_nation = BadLine::to(options.port, 1).await;
        let database = Arc::new(Database::new(engine).await);
        let nation = TestHub::start(Arc::clone(&pki), database, options).await;
        nation.register("province", "GSO_PRE2025:91").await;
        nation.register("city", "GSO_PRE2025:79").await;
        let databases = [Database::new(engine).await, Database::new(engine).await];
        let options = HubOptions {
            port: free_port(),
            upstream: Some(to_nation.url.clone()),
            ..HubOptions::province()
        };
        let to_province = BadLine::to(options.port, 2).await;
        let province = HubProcess::start(&pki, &databases[0].url, &options).await;
        let operator = TestHub::line_to(&province.url, &pki.operator("an"));
        register(operator, "district", "GSO_PRE2025:899").await;
        let options = HubOptions {
            name: "district",
            unit: "GSO_PRE2025:899",
            port: free_port(),
            upstream: Some(to_province.url.clone()),
            ..HubOptions::province()
        };
        let district = HubProcess::start(&pki, &databases[1].url, &options).await;
        let operator = TestHub::line_to(&district.url, &pki.operator("an"));
        register(operator, "commune", "GSO_PRE2025:30742").await;
        Self {
            pki,
            nation,
            province,
            district,
            lines: [to_nation, to_province],
            _databases: databases,
        }
    }

    fn line(&self, hub: &HubProcess, node: &str) -> Channel {
        TestHub::line_to(&hub.url, &self.pki.node(node))
    }

    /// Whether the hub that is to be killed has heard a first word on a record of this round. In the province the
    /// records have other names, so that as many records as there are children by then are meant.
    async fn is_hearing(&self, round: u32, at_district: bool) -> bool {
        let events = if at_district {
            feed(self.line(&self.district, "commune")).await
        } else {
            feed(self.line(&self.province, "district")).await
        };
        let heard = events.iter().filter(|event| !event.tiers.is_empty());
        heard.count() > usize::try_from(round * CHILDREN).expect("small")
    }

    /// Whether each record of the commune has the newest words of both tiers above.
    async fn is_all_told(&self) -> bool {
        let by_record = |events: Vec<FeedEvent>| -> HashMap<String, FeedEvent> {
            let keyed = events.into_iter();
            keyed
                .map(|event| (event.record_id.clone(), event))
                .collect()
        };
        let nation = by_record(self.nation.feed("province").await);
        let province = by_record(feed(self.line(&self.province, "district")).await);
        let district = feed(self.line(&self.district, "commune")).await;
        let is_told = |event: &FeedEvent| {
            let above = province.get(&event.golden_id)?;
            let top = nation.get(&above.golden_id)?;
            let [first, second] = event.tiers.as_slice() else {
                return None;
            };
            let is_word_of = |(word, source): (&TierWord, &FeedEvent)| {
                word.is_newest
                    && word.golden_id == source.golden_id
                    && word.version == source.version
                    && word.linked_records == source.linked_records
                    && word.since == source.received_at
            };
            Some([(first, above), (second, top)].into_iter().all(is_word_of))
        };
        !district.is_empty() && district.iter().all(|event| is_told(event) == Some(true))
    }
}

/// Reads a feed over every break until it is told to stop. Each record's events must come in order, and
/// none without something new.
async fn follow(line: Channel, stop: CancellationToken) -> usize {
    let (mut cursor, mut events) = (0, 0);
    let mut newest: HashMap<String, FeedEvent> = HashMap::new();
    while !stop.is_cancelled() {
        let mut client = FeedServiceClient::new(line.clone());
        let request = FollowRequest { cursor, wait: true };
        let opened = stop.run_until_cancelled(client.follow(request)).await;
        let Some(Ok(pages)) = opened else {
            tokio::task::yield_now().await;
            continue;
        };
        let mut pages = pages.into_inner();
        while let Some(Ok(Some(page))) = stop.run_until_cancelled(pages.message()).await {
            assert!(page.cursor >= cursor, "the feed went back");
            cursor = page.cursor;
            for event in page.events {
                events += 1;
                let event = FeedEvent {
                    // These are told by the receipts, whenever the event is read.
                    upstream_state: 0,
                    upstream_since: None,
                    ..event
                };
                let before = newest.insert(event.record_id.clone(), event.clone());
                let Some(before) = before else { continue };
                assert_ne!(before, event, "it was told twice");
                assert!(
                    before.version <= event.version,
                    "an older version came later"
                );
                for (then, now) in before.tiers.iter().zip(&event.tiers) {
                    assert!(then.version <= now.version, "an older word came later");
                }
            }
        }
    }
    events
}

/// A child that is like no other one.
fn distinct_child(number: u32) -> ChildDraft {
    let pick = |words: &[&'static str], at: u32| -> &'static str {
        words[usize::try_from(at).expect("small") % words.len()]
    };
    let middle = pick(
        &["Thử", "Văn Mẫu", "Thị Kiểm", "Quốc Dụ", "Hồng Nháp"],
        number,
    );
    let given = pick(
        &["An", "Bình", "Chi", "Dũng", "Giang", "Khoa", "Yến"],
        number / 5,
    );
    ChildDraft {
        full_name: format!("Danh {middle} {given}"),
        birth_date: Some(DateDraft::day(2018, 1 + number % 12, 1 + number * 5 % 28)),
        ..numbered_child((number * 104_729 + 13) % 1_000_000)
    }
}

/// What the commune and the city say in one round: new children, and new versions of earlier ones.
fn round(number: u32, chance: &mut StdRng) -> [Vec<RecordChange>; 2] {
    let (mut here, mut there) = (Vec::new(), Vec::new());
    for child in number * CHILDREN..(number + 1) * CHILDREN {
        here.push(change(child.into(), 1, distinct_child(child)));
        if child % 2 == 0 {
            let far = far_away(distinct_child(child));
            there.push(change(child.into(), 1, far));
        }
        if number > 0 && chance.random_bool(0.5) {
            let earlier = child - CHILDREN;
            let draft = ChildDraft {
                village: format!("Ấp {number}"),
                ..distinct_child(earlier)
            };
            here.push(change(earlier.into(), 2, draft));
        }
    }
    [here, there]
}

async fn killed_followers_and_cut_lines_lose_and_double_no_word(engine: Engine) {
    let mut scene = Scene::new(engine).await;
    let mut commune = PushClient::new(scene.line(&scene.district, "commune"));
    let mut city = scene.nation.pushing("city");
    let stop = CancellationToken::new();
    let line = scene.line(&scene.district, "commune");
    let reader = tokio::spawn(follow(line, stop.clone()));
    let mut chance = StdRng::seed_from_u64(5);
    let rounds = u32::try_from(fault_rounds(6, 60)).expect("small");
    for number in 0..rounds {
        let [here, there] = round(number, &mut chance);
        until_acknowledged(&mut commune, &here).await;
        until_acknowledged(&mut city, &there).await;
        // A follower that waits for its lease or its line loses nothing: it is killed at its work.
        eventually("words of the round come down", || {
            scene.is_hearing(number, number % 2 == 0)
        })
        .await;
        random_moment(&mut chance, 100).await;
        let hub = if number % 2 == 0 {
            &mut scene.district
        } else {
            &mut scene.province
        };
        hub.kill();
        hub.start_again().await;
    }
    for line in &scene.lines {
        line.heal();
    }

    eventually("every word has come down", || scene.is_all_told()).await;

    let events = feed(scene.line(&scene.district, "commune")).await;
    let expected = u32::try_from(events.len()).expect("small");
    assert_eq!(expected, rounds * CHILDREN);
    let linked = events.iter().filter(|event| {
        let word = event.tiers.last();
        word.is_some_and(|word| word.state() == TierState::Linked)
    });
    assert_eq!(linked.count(), events.len() / 2, "the duplicates are told");
    stop.cancel();
    let told = reader.await.expect("told once and in order");
    assert!(told >= events.len(), "the reader heard {told} events");
}
