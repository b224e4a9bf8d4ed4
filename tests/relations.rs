//! What one tier decides about its records reaches the tier above: merges, splits, and that two records
//! are different children.

use std::sync::Arc;

use childsync::domain::draft::ChildDraft;
use childsync::grpc::proto::v1;
use childsync::grpc::proto::v1::FeedState;

use crate::support::database::{Database, Engine};
use crate::support::hub::{HubOptions, TestHub};
use crate::support::pki::Pki;
use crate::support::records::{change, id, numbered_child, succeeded};
use crate::support::stewards::{
    ONE, OTHER, are_together, decide, elsewhere, explain, golden_of, open_reviews,
    push_doubtful_pair, story, two_communes, undo, unlink,
};
use crate::support::{eventually, on_both_engines};

on_both_engines![
    an_undone_link_gives_both_golden_records_back,
    merges_and_their_undoing_travel_upstream,
    what_a_steward_keeps_apart_stays_apart_upstream,
    a_node_can_say_that_its_records_are_different_children,
    a_record_withdrawn_for_another_is_merged_into_it,
    records_that_only_rise_in_version_keep_their_part_of_the_golden_record,
];

/// A nation with a province that has two communes.
struct Tree {
    nation: TestHub,
    province: TestHub,
}

impl Tree {
    async fn new(engine: Engine) -> Self {
        let pki = Arc::new(Pki::new());
        let database = Arc::new(Database::new(engine).await);
        let options = HubOptions {
            name: "nation",
            ..HubOptions::province()
        };
        let nation = TestHub::start(Arc::clone(&pki), database, options).await;
        nation.register("province", "GSO_PRE2025:91").await;
        let province = TestHub::province_below(&pki, engine, &nation.url).await;
        province.register("commune", "GSO_PRE2025:30742").await;
        province.register("other", "GSO_PRE2025:30745").await;
        Self { nation, province }
    }

    /// What the nation says of the province's record of a golden record.
    async fn told(&self, golden_id: &str) -> v1::FeedEvent {
        let events = self.nation.feed("province").await;
        let event = events.into_iter().find(|one| one.record_id == golden_id);
        event.unwrap_or_default()
    }

    async fn holds(&self, golden_records: u64) {
        eventually("the nation holds as many golden records", || async {
            self.nation.status().await.golden_records == golden_records
        })
        .await;
    }

    async fn stop(self) {
        self.province.stop().await;
        self.nation.stop().await;
    }
}

async fn an_undone_link_gives_both_golden_records_back(engine: Engine) {
    let hub = two_communes(engine).await;
    push_doubtful_pair(&hub).await;
    let before = [
        golden_of(&hub, ONE.0, ONE.1).await,
        golden_of(&hub, OTHER.0, OTHER.1).await,
    ];

    let decision = decide(&hub, v1::Verdict::Same).await;
    eventually("they are together", || are_together(&hub, ONE, OTHER)).await;
    undo(&hub, decision).await;
    eventually("they are apart", || async {
        !are_together(&hub, ONE, OTHER).await
    })
    .await;

    let after = [
        golden_of(&hub, ONE.0, ONE.1).await,
        golden_of(&hub, OTHER.0, OTHER.1).await,
    ];
    assert_eq!(after, before);
    let states = |story: v1::GetGoldenRecordResponse| -> Vec<String> {
        story.versions.into_iter().map(|one| one.state).collect()
    };
    let mut lives = [
        states(story(&hub, &before[0]).await),
        states(story(&hub, &before[1]).await),
    ];
    lives.sort();
    assert_eq!(
        lives,
        [vec!["live", "live", "live"], vec!["live", "merged", "live"]]
    );
    hub.stop().await;
}

async fn merges_and_their_undoing_travel_upstream(engine: Engine) {
    let tree = Tree::new(engine).await;
    push_doubtful_pair(&tree.province).await;
    tree.holds(2).await;
    let (one, other) = (
        golden_of(&tree.province, ONE.0, ONE.1).await,
        golden_of(&tree.province, OTHER.0, OTHER.1).await,
    );
    let above = [
        tree.told(&one).await.golden_id,
        tree.told(&other).await.golden_id,
    ];

    let decision = decide(&tree.province, v1::Verdict::Same).await;
    tree.holds(1).await;

    let survivor = golden_of(&tree.province, ONE.0, ONE.1).await;
    let (kept, gone) = if survivor == one { (0, 1) } else { (1, 0) };
    let tale = story(&tree.nation, &above[gone]).await;
    assert_eq!(tale.versions[0].merged_into, above[kept]);
    assert_eq!(tale.aliases[0].to_golden_id, above[kept]);
    assert_eq!(tale.aliases[0].cause(), v1::AliasCause::Node);

    undo(&tree.province, decision).await;
    tree.holds(2).await;

    assert_eq!(golden_of(&tree.province, ONE.0, ONE.1).await, one);
    assert_eq!(golden_of(&tree.province, OTHER.0, OTHER.1).await, other);
    let again = [
        tree.told(&one).await.golden_id,
        tree.told(&other).await.golden_id,
    ];
    assert_eq!(again, above, "the nation's golden records are back as well");
    tree.stop().await;
}

async fn what_a_steward_keeps_apart_stays_apart_upstream(engine: Engine) {
    let tree = Tree::new(engine).await;
    let (here, there) = (numbered_child(7), elsewhere(numbered_child(7)));
    tree.province.push(vec![change(1, 1, here)]).await;
    tree.province
        .push_as("other", vec![change(2, 1, there)])
        .await;
    tree.holds(1).await;

    let decision = unlink(&tree.province).await;
    tree.holds(2).await;

    let (one, other) = (
        golden_of(&tree.province, ONE.0, ONE.1).await,
        golden_of(&tree.province, OTHER.0, OTHER.1).await,
    );
    let explained = explain(&tree.nation, "province", [&one, &other]).await;
    assert!(explained.bits > explained.link_bits, "{}", explained.bits);
    assert_eq!(explained.veto, "node");
    assert!(open_reviews(&tree.nation).await.is_empty());

    undo(&tree.province, decision).await;
    tree.holds(1).await;
    tree.stop().await;
}

async fn a_node_can_say_that_its_records_are_different_children(engine: Engine) {
    let hub = TestHub::province(engine).await;
    let say = |record, version, others: &[u128]| v1::RecordChange {
        different_from: others.iter().map(|other| id(*other).to_string()).collect(),
        ..change(record, version, numbered_child(7))
    };
    let together = || are_together(&hub, ("commune", 1), ("commune", 2));
    hub.push(vec![say(1, 1, &[]), say(2, 1, &[])]).await;
    hub.settled().await;
    assert!(together().await, "one child as far as anybody can see");

    hub.push(vec![say(1, 2, &[2]), say(2, 2, &[1])]).await;
    hub.settled().await;
    assert!(!together().await);
    assert!(open_reviews(&hub).await.is_empty());

    hub.push(vec![say(1, 3, &[])]).await;
    hub.settled().await;
    assert!(!together().await, "the other one still says so");

    let answers = hub.push(vec![say(2, 2, &[]), say(2, 3, &[])]).await;
    assert_eq!(
        answers[0].reason, "VERSION_REUSED",
        "it said something else"
    );
    hub.settled().await;
    assert!(together().await);
    hub.stop().await;
}

async fn a_record_withdrawn_for_another_is_merged_into_it(engine: Engine) {
    let hub = TestHub::province(engine).await;
    hub.push(vec![
        change(1, 1, numbered_child(1)),
        change(2, 1, numbered_child(2)),
    ])
    .await;
    hub.settled().await;
    let gone = golden_of(&hub, "commune", 1).await;
    let unknown_yet = golden_of(&hub, "commune", 2).await;

    // The one that stands in the place of record 2 comes a slice later.
    let of = |number: u128| id(number).to_string();
    hub.push(vec![
        change(3, 1, numbered_child(3)),
        succeeded(1, 2, &of(3)),
        succeeded(2, 2, &of(4)),
    ])
    .await;
    hub.settled().await;
    let successor = golden_of(&hub, "commune", 3).await;
    let now = |story: v1::GetGoldenRecordResponse| story.versions[0].clone();
    assert_eq!(now(story(&hub, &gone).await).merged_into, successor);
    assert_eq!(now(story(&hub, &unknown_yet).await).state, "withdrawn");

    hub.push(vec![change(4, 1, numbered_child(4))]).await;
    hub.settled().await;

    let successor = golden_of(&hub, "commune", 4).await;
    let tale = story(&hub, &unknown_yet).await;
    assert_eq!(tale.aliases[0].to_golden_id, successor);
    assert_eq!(now(tale).merged_into, successor);

    // It comes back, and so does its golden record.
    hub.push(vec![change(1, 3, numbered_child(1))]).await;
    hub.settled().await;
    assert_eq!(golden_of(&hub, "commune", 1).await, gone);
    hub.stop().await;
}

/// Two records of one child come in one slice; of one only the version is new.
async fn records_that_only_rise_in_version_keep_their_part_of_the_golden_record(engine: Engine) {
    let hub = TestHub::province(engine).await;
    let at_risk = |record, version, code: &str| {
        let draft = ChildDraft {
            at_risk_codes: vec![code.into()],
            ..numbered_child(7)
        };
        change(record, version, draft)
    };
    hub.push(vec![at_risk(1, 1, "R01"), at_risk(2, 1, "R02")])
        .await;
    hub.settled().await;

    hub.push(vec![at_risk(1, 2, "R01"), at_risk(2, 2, "R03")])
        .await;
    hub.settled().await;

    let golden = golden_of(&hub, "commune", 1).await;
    let tale = story(&hub, &golden).await;
    let child = childsync::grpc::convert::read_child(&tale.versions[0].child).expect("a child");
    assert_eq!(child.at_risk_codes, ["R01", "R03"]);
    let event = hub.feed("commune").await.pop().expect("told");
    assert_eq!(event.state(), FeedState::Linked);
    hub.stop().await;
}
