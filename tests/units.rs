//! Communes merge, split and are renamed, and a tier vanishes: records, nodes and territories follow, and
//! nothing that was recorded is rewritten.

use std::sync::Arc;
use std::time::Duration;

use childsync::domain::clock::{Clock, ManualClock, Timestamp};
use childsync::domain::draft::{ChildDraft, UnitDraft};
use childsync::domain::standing::Standing;
use childsync::grpc::convert::read_child;
use childsync::grpc::proto::v1;
use childsync::grpc::proto::v1::Outcome;
use tokio_util::sync::CancellationToken;

use crate::support::agent::TestAgent;
use crate::support::database::{Database, Engine};
use crate::support::hub::{HubOptions, TestHub};
use crate::support::pipeline::{Pipeline, Said, golden_contents};
use crate::support::pki::Pki;
use crate::support::records::{change, numbered_child, report, report_change};
use crate::support::stewards::{golden_of, story};
use crate::support::units::{
    REFORM, SPLIT, act, apply, moved, place, tasks, unit_of, unit_status, unit_text, units,
};
use crate::support::{eventually, on_both_engines};

on_both_engines![
    a_reform_moves_records_through_two_tiers,
    what_comes_under_old_and_new_codes_is_taken_and_moved,
    an_act_begins_on_its_day_and_a_clock_that_is_set_back_does_not_end_it,
    the_same_act_again_changes_nothing_and_another_under_its_id_is_refused,
    records_of_a_split_commune_wait_until_somebody_places_them,
    a_reform_tells_nodes_where_their_records_are_now,
    a_child_of_two_communes_that_were_merged_has_not_moved,
    an_agent_asks_nobody_to_write_what_the_hub_has_moved,
];

fn of(unit: &str, draft: ChildDraft) -> ChildDraft {
    let (scheme, code) = unit.split_once(':').expect("a unit");
    let (scheme, code) = (scheme.to_owned(), code.to_owned());
    ChildDraft {
        commune: Some(UnitDraft { scheme, code }),
        ..draft
    }
}

/// A nation above a province with two communes that the reform makes one, and one record of each.
async fn two_tiers(engine: Engine) -> (TestHub, TestHub) {
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
    province.push(vec![change(1, 1, numbered_child(1))]).await;
    let there = of("GSO_PRE2025:30745", numbered_child(2));
    province
        .push_as(
            "other",
            vec![change(2, 1, there), report_change(3, 1, of_other())],
        )
        .await;
    province.settled().await;
    (nation, province)
}

fn of_other() -> childsync::domain::draft::CaseReportDraft {
    let commune = of("GSO_PRE2025:30745", ChildDraft::default()).commune;
    childsync::domain::draft::CaseReportDraft {
        commune,
        ..report()
    }
}

/// Golden records that the nation refuses.
async fn refused(province: &TestHub) -> u64 {
    let forwarder = province.status().await.forwarder;
    forwarder.expect("an upstream").refused
}

/// Both ends hold the same: the digests of golden records below and of the node's records above.
async fn are_equal(nation: &TestHub, province: &TestHub) -> bool {
    let (above, below) = (
        nation.node_status("province").await,
        province.status().await,
    );
    above.digest == below.golden_digest && refused(province).await == 0
}

async fn a_reform_moves_records_through_two_tiers(engine: Engine) {
    let (nation, province) = two_tiers(engine).await;
    let (one, two) = (
        golden_of(&province, "commune", 1).await,
        golden_of(&province, "other", 2).await,
    );
    eventually("the nation holds them", || are_equal(&nation, &province)).await;

    apply(units(&province), REFORM).await;
    moved(&province, 1).await;

    for golden in [&one, &two] {
        let (unit, by) = unit_of(&province, golden).await;
        assert_eq!(unit, "GSO_2025:30742");
        assert!(by.starts_with("reform GSO_PRE2025:3074"), "{by}");
    }
    // A commune that writes the new code itself: no act has moved its record.
    let new = of("GSO_2025:30742", numbered_child(4));
    province.push(vec![change(4, 1, new)]).await;
    // The nation does not know the act yet and refuses the new code; nothing is lost by that.
    eventually("the nation refuses the new code", || async {
        refused(&province).await == 4
    })
    .await;
    apply(units(&nation), REFORM).await;
    moved(&nation, 1).await;
    eventually("both ends hold the same", || are_equal(&nation, &province)).await;
    let told = nation.feed("province").await.into_iter();
    let mut told = told.filter(|event| event.record_id == one);
    let above = told.next().expect("held").golden_id;
    let (unit, by) = unit_of(&nation, &above).await;
    assert_eq!(unit, "GSO_2025:30742");
    assert_eq!(by, "", "the tier below had moved it already");
    province.stop().await;
    nation.stop().await;
}

async fn what_comes_under_old_and_new_codes_is_taken_and_moved(engine: Engine) {
    let hub = TestHub::province(engine).await;
    hub.register("other", "GSO_PRE2025:30901").await;
    let early = of("GSO_2025:30742", numbered_child(1));
    let outcomes = hub.push(vec![change(1, 1, early.clone())]).await;
    assert_eq!(outcomes[0].reason, "OUTSIDE_TERRITORY");

    // A line that was open before the act goes on after it.
    let mut client = hub.pushing("commune");
    let before = client.send(vec![change(2, 1, numbered_child(2))]).await;
    assert_eq!(
        before.expect("acknowledged")[0].outcome(),
        Outcome::Accepted
    );
    apply(units(&hub), REFORM).await;
    moved(&hub, 1).await;
    let late = vec![
        change(1, 1, early.clone()),
        change(3, 1, numbered_child(3)),
        // Another old commune that went into the same one.
        change(4, 1, of("GSO_PRE2025:30745", numbered_child(4))),
        change(5, 1, of("GSO_2025:30886", numbered_child(5))),
    ];
    let outcomes = client.send(late).await.expect("acknowledged");
    let reasons: Vec<&str> = outcomes.iter().map(|one| one.reason.as_str()).collect();
    assert_eq!(reasons, ["", "", "", "OUTSIDE_TERRITORY"], "{outcomes:?}");
    hub.settled().await;

    for record in 1..=4 {
        let golden = golden_of(&hub, "commune", record).await;
        let (unit, _) = unit_of(&hub, &golden).await;
        assert_eq!(unit, "GSO_2025:30742", "record {record}");
    }
    let request = v1::ListUnitNodesRequest::default();
    let nodes = units(&hub).list_unit_nodes(request).await;
    let nodes = nodes.expect("nodes").into_inner().nodes;
    let seats: Vec<_> = nodes
        .iter()
        .map(|node| unit_text(node.unit.as_ref()))
        .collect();
    assert_eq!(seats, ["GSO_2025:30742", "GSO_2025:30886"]);
    assert_eq!(unit_text(nodes[0].gained.first()), "GSO_2025:30742");
    // Registering a node again as it was is no contradiction.
    hub.register("commune", "GSO_PRE2025:30742").await;
    hub.stop().await;
}

fn said(record: u128, version: u64) -> Said {
    let number = u32::try_from(record).expect("small");
    Said {
        node: 0,
        record,
        version,
        draft: Some(numbered_child(number)),
        related: Vec::new(),
    }
}

/// Units of all golden records.
async fn units_of(pipeline: &Pipeline) -> Vec<String> {
    let contents = golden_contents(&pipeline.store).await;
    let units = contents.values().map(|content| {
        let commune = read_child(content).expect("a child").commune;
        commune.expect("a commune").scheme
    });
    units.collect()
}

async fn an_act_begins_on_its_day_and_a_clock_that_is_set_back_does_not_end_it(engine: Engine) {
    let pipeline = Pipeline::new(engine, 1).await;
    // A minute before midnight in Vietnam.
    let eve = Timestamp::from_micros(1_751_302_740_000_000);
    let clock = Arc::new(ManualClock::at(eve));
    pipeline.submit(&[said(1, 1), said(2, 1)]).await;
    let mut transaction = pipeline.store.write().await.expect("a transaction");
    let operator = "an".parse().expect("a name");
    transaction.lock_counter("unit_act").await.expect("locked");
    let reform = act(REFORM);
    let kept = transaction.append_unit_act(1, &reform, &operator, eve);
    kept.await.expect("kept");
    transaction.commit().await.expect("committed");
    let shown: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
    let reconciler = pipeline.reconciler("one", shown, Duration::from_hours(1), 100);
    let stop = CancellationToken::new();
    let running = tokio::spawn(reconciler.run(stop.clone()));
    pipeline.settled().await;
    assert_eq!(units_of(&pipeline).await, ["GSO_PRE2025", "GSO_PRE2025"]);

    clock.advance(Duration::from_mins(2));
    pipeline.wake();
    eventually("the day has come", || async {
        units_of(&pipeline).await == ["GSO_2025", "GSO_2025"]
    })
    .await;
    clock.set(eve);
    pipeline.submit(&[said(3, 1)]).await;
    pipeline.wake();
    pipeline.settled().await;

    assert_eq!(units_of(&pipeline).await, ["GSO_2025"; 3]);
    stop.cancel();
    running.await.expect("no panic");
}

async fn the_same_act_again_changes_nothing_and_another_under_its_id_is_refused(engine: Engine) {
    let hub = TestHub::province(engine).await;
    hub.push(vec![change(1, 1, numbered_child(1))]).await;
    hub.settled().await;
    let golden = golden_of(&hub, "commune", 1).await;
    assert!(apply(units(&hub), REFORM).await.created);
    moved(&hub, 1).await;
    let before = story(&hub, &golden).await.versions.len();

    let again = apply(units(&hub), &format!("# a note\n{REFORM}")).await;
    let other = v1::ApplyUnitActRequest {
        text: REFORM.replace("30886", "30760"),
        dry_run: false,
    };
    let refused = units(&hub)
        .apply_unit_act(other)
        .await
        .expect_err("another");
    let twice = v1::ApplyUnitActRequest {
        text: REFORM.replace("id = \"reform\"", "id = \"twice\""),
        dry_run: false,
    };
    let conflict = units(&hub).apply_unit_act(twice).await.expect_err("twice");

    assert!(!again.created);
    assert!(refused.message().contains("reform"), "{refused}");
    assert_eq!(refused.code(), tonic::Code::AlreadyExists);
    assert!(
        conflict.message().contains("a unit ends once"),
        "{conflict}"
    );
    moved(&hub, 1).await;
    assert_eq!(before, 2);
    assert_eq!(story(&hub, &golden).await.versions.len(), 2);
    hub.stop().await;
}

async fn records_of_a_split_commune_wait_until_somebody_places_them(engine: Engine) {
    let hub = TestHub::province(engine).await;
    let in_village = |number, village: &str| ChildDraft {
        village: village.to_owned(),
        ..numbered_child(number)
    };
    hub.push(vec![
        change(1, 1, in_village(1, "ấp  đông")),
        change(2, 1, in_village(2, "Ấp Tây")),
        change(3, 1, numbered_child(3)),
    ])
    .await;
    hub.settled().await;
    apply(units(&hub), SPLIT).await;
    moved(&hub, 1).await;

    let mut golden = Vec::new();
    for record in 1..=3 {
        golden.push(golden_of(&hub, "commune", record).await);
    }
    let (by_village, _) = unit_of(&hub, &golden[0]).await;
    assert_eq!(by_village, "GSO_2025:30760");
    let mut waiting: Vec<String> = tasks(&hub)
        .await
        .into_iter()
        .map(|one| one.golden_id)
        .collect();
    waiting.sort();
    let mut expected = golden[1..].to_vec();
    expected.sort();
    assert_eq!(waiting, expected);
    let (kept, _) = unit_of(&hub, &golden[1]).await;
    assert_eq!(
        kept, "GSO_PRE2025:30742",
        "until somebody says where it belongs"
    );

    place(&hub, &golden[1..2], "GSO_2025:30742").await;
    eventually("it is placed", || async {
        unit_of(&hub, &golden[1]).await.0 == "GSO_2025:30742"
    })
    .await;
    // What was said holds for the next version too, and ends when the record names another unit itself.
    hub.push(vec![change(2, 2, in_village(2, "Ấp Bắc"))]).await;
    hub.settled().await;
    assert_eq!(unit_of(&hub, &golden[1]).await.0, "GSO_2025:30742");
    let own = of("GSO_2025:30760", in_village(2, "Ấp Bắc"));
    hub.push(vec![
        change(2, 3, own),
        change(3, 2, of("GSO_2025:30742", numbered_child(3))),
    ])
    .await;
    hub.settled().await;
    assert_eq!(unit_of(&hub, &golden[1]).await.0, "GSO_2025:30760");
    assert_eq!(tasks(&hub).await, []);

    let nowhere = v1::PlaceRecordsRequest {
        golden_ids: golden[1..2].to_vec(),
        unit: Some(childsync::grpc::unit_message(
            "GSO_2025:30742".parse().expect("a unit"),
        )),
    };
    let refused = units(&hub)
        .place_records(nowhere)
        .await
        .expect_err("placed");
    assert_eq!(refused.code(), tonic::Code::NotFound);
    hub.stop().await;
}

async fn a_reform_tells_nodes_where_their_records_are_now(engine: Engine) {
    let hub = TestHub::province(engine).await;
    hub.push(vec![change(1, 1, numbered_child(1))]).await;
    hub.settled().await;
    let told = |events: Vec<v1::FeedEvent>| unit_text(events[0].successor_unit.as_ref());
    assert_eq!(told(hub.feed("commune").await), "");

    apply(units(&hub), REFORM).await;
    moved(&hub, 1).await;

    assert_eq!(told(hub.feed("commune").await), "GSO_2025:30742");
    hub.push(vec![change(1, 2, of("GSO_2025:30742", numbered_child(1)))])
        .await;
    hub.settled().await;
    assert_eq!(told(hub.feed("commune").await), "");
    let status = unit_status(units(&hub)).await;
    assert_eq!((status.acts, status.changed_records), (1, 1));
    hub.stop().await;
}

async fn a_child_of_two_communes_that_were_merged_has_not_moved(engine: Engine) {
    let hub = TestHub::province(engine).await;
    hub.register("other", "GSO_PRE2025:30745").await;
    hub.push(vec![change(1, 1, numbered_child(1))]).await;
    let there = of("GSO_PRE2025:30745", numbered_child(1));
    hub.push_as("other", vec![change(2, 1, there)]).await;
    hub.settled().await;
    apply(units(&hub), REFORM).await;
    moved(&hub, 1).await;

    for node in ["commune", "other"] {
        let event = hub.feed(node).await.remove(0);
        assert_eq!(event.state(), v1::FeedState::Linked);
        assert_eq!(unit_text(event.linked_units.first()), "GSO_2025:30742");
        assert_eq!(unit_text(event.successor_unit.as_ref()), "GSO_2025:30742");
        assert_eq!(event.moved_to, None, "{node}");
    }
    hub.stop().await;
}

async fn an_agent_asks_nobody_to_write_what_the_hub_has_moved(engine: Engine) {
    let hub = TestHub::province(engine).await;
    let agent = TestAgent::before(&hub).await;
    let kept = vec![change(1, 1, numbered_child(1))];
    agent.pushing().send(kept).await.expect("kept");
    agent.stands(1, Standing::AtTop).await;
    let listed = async || {
        let page = agent.get_json("/v1/corrections/unit").await;
        page["corrections"].as_array().map(Vec::len)
    };
    assert_eq!(listed().await, Some(1));

    apply(units(&hub), REFORM).await;

    eventually("the hub has moved it", async || listed().await == Some(0)).await;
    agent.stop().await;
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_operators_change_units() {
    let hub = TestHub::province(Engine::Sqlite).await;
    let mut node = v1::unit_service_client::UnitServiceClient::new(hub.node_line("commune"));

    let apply = node
        .apply_unit_act(v1::ApplyUnitActRequest::default())
        .await;
    let acts = node
        .list_unit_acts(v1::ListUnitActsRequest::default())
        .await;
    let status = node.get_unit_status(v1::GetUnitStatusRequest {}).await;
    let nodes = node
        .list_unit_nodes(v1::ListUnitNodesRequest::default())
        .await;
    let tasks = node
        .list_placement_tasks(v1::ListPlacementTasksRequest::default())
        .await;
    let place = node.place_records(v1::PlaceRecordsRequest::default()).await;

    for refused in [
        apply.expect_err("a node"),
        acts.expect_err("a node"),
        status.expect_err("a node"),
        nodes.expect_err("a node"),
        tasks.expect_err("a node"),
        place.expect_err("a node"),
    ] {
        assert_eq!(refused.code(), tonic::Code::PermissionDenied);
    }
    hub.stop().await;
}
