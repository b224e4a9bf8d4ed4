//! What the tiers above find out about a record reaches the commune that sent it, through every tier.

use std::sync::Arc;

use childsync::domain::clock::Timestamp;
use childsync::domain::draft::{ChildDraft, DateDraft};
use childsync::grpc::proto::v1::feed_service_client::FeedServiceClient;
use childsync::grpc::proto::v1::{self, FeedState, TierState};
use childsync::grpc::unit_text;

use crate::support::database::{Database, Engine};
use crate::support::hub::{HubOptions, TestHub};
use crate::support::pki::Pki;
use crate::support::records::{change, id, numbered_child, tombstone};
use crate::support::stewards::{elsewhere, golden_of, mother, stewards};
use crate::support::tiers::{FAR_COMMUNE, Tiers, far_away, told, until_told, word_of};
use crate::support::{eventually, on_both_engines};

on_both_engines![
    each_tier_says_since_when_it_holds_a_record,
    a_duplicate_across_provinces_reaches_both_communes,
    what_stewards_of_the_nation_decide_reaches_both_communes,
    a_child_that_is_registered_elsewhere_by_now_is_told_as_moved,
    what_a_tier_refuses_is_told_below,
    a_node_hears_of_its_own_records_only_and_once,
];

fn is_held_by(event: &v1::FeedEvent, hub: &str, state: TierState) -> bool {
    word_of(event, hub).is_some_and(|word| word.is_newest && word.state() == state)
}

async fn each_tier_says_since_when_it_holds_a_record(engine: Engine) {
    let tiers = Tiers::new(engine).await;
    let commune = (&tiers.district, "commune", 1);
    tiers
        .district
        .push(vec![change(1, 1, numbered_child(1))])
        .await;

    let held = "the nation holds it";
    let event = until_told(commune, held, |event| {
        is_held_by(event, "nation", TierState::Reconciled)
    })
    .await;
    let hubs: Vec<&str> = event.tiers.iter().map(|word| word.hub.as_str()).collect();
    assert_eq!(hubs, ["province", "nation"]);
    let golden = golden_of(&tiers.district, "commune", 1).await;
    assert_eq!(event.golden_id, golden);
    let above = tiers.province.feed("district").await[0].clone();
    assert_eq!(event.tiers[0].golden_id, above.golden_id);
    assert_eq!(event.tiers[0].since, above.received_at);
    let above = tiers.nation.feed("province").await[0].clone();
    assert_eq!(event.tiers[1].golden_id, above.golden_id);
    assert_eq!(event.tiers[1].since, above.received_at);

    // A newer version is on its way again, and what is held of the older one is not said of it.
    tiers.province.stop().await;
    let draft = ChildDraft {
        village: "Ấp Hai".into(),
        ..numbered_child(1)
    };
    tiers.district.push(vec![change(1, 2, draft)]).await;
    let event = until_told(commune, "the district holds it", |event| event.version == 2).await;
    assert!(event.tiers.iter().all(|word| !word.is_newest));
    tiers.district.stop().await;
    tiers.city.stop().await;
    tiers.nation.stop().await;
}

async fn a_duplicate_across_provinces_reaches_both_communes(engine: Engine) {
    let tiers = Tiers::new(engine).await;
    let (here, there) = (numbered_child(7), far_away(numbered_child(7)));
    // The birth dates contradict each other, and the number says that it is one child.
    let there = ChildDraft {
        birth_date: Some(DateDraft::day(2018, 4, 3)),
        ..there
    };
    tiers.district.push(vec![change(1, 1, here)]).await;
    tiers.city.push_as("far", vec![change(2, 1, there)]).await;

    for (hub, node, record, elsewhere) in [
        (&tiers.district, "commune", 1, "GSO_PRE2025:79"),
        (&tiers.city, "far", 2, "GSO_PRE2025:91"),
    ] {
        let linked = "the nation's duplicate is told";
        let event = until_told((hub, node, record), linked, |event| {
            is_held_by(event, "nation", TierState::Linked)
        })
        .await;
        assert_eq!(event.state(), FeedState::Reconciled, "it is none here");
        let word = word_of(&event, "nation").expect("told");
        assert_eq!(word.linked_records, 2);
        let units: Vec<String> = word.linked_units.iter().map(unit_text).collect();
        assert_eq!(units, [elsewhere]);
        assert_eq!(word.conflicting_fields, ["birth_date"]);
    }

    // Who withdraws the record ends the duplicate for the other.
    tiers.city.push_as("far", vec![tombstone(2, 2)]).await;
    let alone = "the end of the duplicate is told";
    let commune = (&tiers.district, "commune", 1);
    until_told(commune, alone, |event| {
        is_held_by(event, "nation", TierState::Reconciled)
    })
    .await;
    let withdrawn = "the withdrawal has arrived";
    until_told((&tiers.city, "far", 2), withdrawn, |event| {
        is_held_by(event, "nation", TierState::Withdrawn)
    })
    .await;
    tiers.stop().await;
}

/// Two children of whom nobody can say without asking whether they are one.
fn doubtful() -> [ChildDraft; 2] {
    let one = ChildDraft {
        full_name: "Nguyễn Thử Kiểm".into(),
        carers: mother("Trần Thị Dụ"),
        personal_number: String::new(),
        personal_number_absence: "pending".into(),
        ..numbered_child(1)
    };
    let other = far_away(ChildDraft {
        birth_date: Some(DateDraft::day(2018, 7, 28)),
        ..one.clone()
    });
    [one, other]
}

async fn what_stewards_of_the_nation_decide_reaches_both_communes(engine: Engine) {
    let tiers = Tiers::new(engine).await;
    let [here, there] = doubtful();
    tiers.district.push(vec![change(1, 1, here)]).await;
    tiers.city.push_as("far", vec![change(2, 1, there)]).await;
    let alone = |event: &v1::FeedEvent| is_held_by(event, "nation", TierState::Reconciled);
    let commune = (&tiers.district, "commune", 1);
    let far = (&tiers.city, "far", 2);
    let before = [
        until_told(commune, "one is held", alone).await,
        until_told(far, "the other is held", alone).await,
    ];
    let golden = |event: &v1::FeedEvent| word_of(event, "nation").expect("told").golden_id.clone();
    let of_province = word_of(&before[0], "province")
        .expect("told")
        .golden_id
        .clone();
    let reference = |node: &str, record_id: &str| v1::RecordReference {
        node: node.into(),
        record_id: record_id.into(),
    };

    let request = v1::DecideRequest {
        one: Some(reference("province", &of_province)),
        other: Some(reference("city", &before[1].golden_id)),
        verdict: v1::Verdict::Same.into(),
    };
    let decided = stewards(&tiers.nation).decide(request).await;
    let decision = decided.expect("decided").into_inner().decision;
    let linked = |event: &v1::FeedEvent| is_held_by(event, "nation", TierState::Linked);
    let merged = [
        until_told(commune, "the merge is told to one", linked).await,
        until_told(far, "the merge is told to the other", linked).await,
    ];
    assert_eq!(golden(&merged[0]), golden(&merged[1]));
    let news = merged.iter().map(|event| {
        let word = word_of(event, "nation").expect("told");
        (word.golden_news(), word.previous_golden_id.clone())
    });
    let gone = before
        .iter()
        .map(golden)
        .find(|id| *id != golden(&merged[0]));
    let expected = (v1::GoldenNews::Merged, gone.expect("one is merged away"));
    assert_eq!(news.filter(|told| *told == expected).count(), 1);

    let request = v1::UndoDecisionRequest { decision };
    let undone = stewards(&tiers.nation).undo_decision(request).await;
    undone.expect("undone");
    let after = [
        until_told(commune, "the split is told to one", alone).await,
        until_told(far, "the split is told to the other", alone).await,
    ];
    assert_eq!(after.each_ref().map(golden), before.each_ref().map(golden));
    tiers.stop().await;
}

async fn a_child_that_is_registered_elsewhere_by_now_is_told_as_moved(engine: Engine) {
    let tiers = Tiers::new(engine).await;
    let changed = |draft: ChildDraft, micros| ChildDraft {
        changed_at: Some(Timestamp::from_micros(micros)),
        ..draft
    };
    let here = changed(numbered_child(7), 1_760_000_000_000_000);
    let there = changed(far_away(numbered_child(7)), 1_770_000_000_000_000);
    tiers.district.push(vec![change(1, 1, here.clone())]).await;
    let commune = (&tiers.district, "commune", 1);
    until_told(commune, "it is held", |event| {
        is_held_by(event, "nation", TierState::Reconciled)
    })
    .await;

    tiers.city.push_as("far", vec![change(2, 1, there)]).await;

    let event = until_told(commune, "the child has moved", |event| {
        word_of(event, "nation").is_some_and(|word| word.moved_to.is_some())
    })
    .await;
    let word = word_of(&event, "nation").expect("told");
    let moved_to = word.moved_to.as_ref().map(unit_text);
    assert_eq!(
        moved_to.as_deref(),
        Some(&*format!("GSO_PRE2025:{FAR_COMMUNE}"))
    );
    let new = told(&tiers.city, "far", 2).await;
    assert!(word_of(&new, "nation").is_none_or(|word| word.moved_to.is_none()));

    // It comes back.
    let back = changed(here, 1_780_000_000_000_000);
    tiers.district.push(vec![change(1, 2, back)]).await;
    until_told((&tiers.city, "far", 2), "it has moved back", |event| {
        word_of(event, "nation").is_some_and(|word| word.moved_to.is_some())
    })
    .await;
    until_told(commune, "it has not moved any more", |event| {
        word_of(event, "nation").is_some_and(|word| word.is_newest && word.moved_to.is_none())
    })
    .await;
    tiers.stop().await;
}

async fn what_a_tier_refuses_is_told_below(engine: Engine) {
    let pki = Arc::new(Pki::new());
    let hub = async |name, upstream| {
        let options = HubOptions {
            name,
            upstream,
            ..HubOptions::province()
        };
        let database = Arc::new(Database::new(engine).await);
        TestHub::start(Arc::clone(&pki), database, options).await
    };
    let nation = hub("nation", None).await;
    // The nation believes that the province is another one.
    nation.register("province", "GSO_PRE2025:79").await;
    let province = hub("province", Some(nation.url.clone())).await;
    province.register("district", "GSO_PRE2025:91").await;
    let district = hub("district", Some(province.url.clone())).await;
    district.register("commune", "GSO_PRE2025:30742").await;

    district.push(vec![change(1, 1, numbered_child(1))]).await;

    let refused = "the nation's refusal is told";
    let event = until_told((&district, "commune", 1), refused, |event| {
        let last = event.tiers.last();
        last.is_some_and(|word| word.state() == TierState::Refused)
    })
    .await;
    assert_eq!(event.tiers.len(), 2);
    assert_eq!(event.tiers[1].reason, "OUTSIDE_TERRITORY");
    assert!(event.tiers[1].is_newest);
    district.stop().await;
    province.stop().await;
    nation.stop().await;
}

async fn a_node_hears_of_its_own_records_only_and_once(engine: Engine) {
    let tiers = Tiers::new(engine).await;
    let held = |event: &v1::FeedEvent| {
        ["province", "nation"]
            .iter()
            .all(|hub| word_of(event, hub).is_some_and(|word| word.is_newest))
    };
    tiers
        .district
        .push(vec![change(1, 1, numbered_child(1))])
        .await;
    until_told((&tiers.district, "commune", 1), "one is held", held).await;
    let cursor = async |node| follow_to_end(&tiers.district, node).await;
    let before = cursor("commune").await;

    let draft = ChildDraft {
        full_name: "Trần Văn Khác".into(),
        birth_date: Some(DateDraft::day(2012, 11, 20)),
        ..elsewhere(numbered_child(2))
    };
    tiers
        .district
        .push_as("other", vec![change(2, 1, draft)])
        .await;
    until_told((&tiers.district, "other", 2), "the other is held", held).await;

    assert_eq!(cursor("commune").await, before, "nothing was told again");
    let events = tiers.district.feed("other").await;
    assert!(
        events
            .iter()
            .all(|event| event.record_id == id(2).to_string())
    );
    eventually("the nation tells each province of its own", || async {
        tiers.nation.feed("city").await.is_empty()
    })
    .await;
    tiers.stop().await;
}

/// The cursor at the end of a node's feed.
async fn follow_to_end(hub: &TestHub, node: &str) -> u64 {
    let request = v1::FollowRequest::default();
    let mut client = FeedServiceClient::new(hub.node_line(node));
    let opened = client.follow(request).await;
    let mut pages = opened.expect("a feed").into_inner();
    let mut cursor = 0;
    while let Some(page) = pages.message().await.expect("a page") {
        cursor = page.cursor;
    }
    cursor
}
