//! Two hubs compare what they hold: what is planted is found and mended, and live traffic is no alarm.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use childsync::domain::comparison::Repair;
use childsync::domain::draft::ChildDraft;
use childsync::domain::record::RecordId;
use childsync::grpc::proto::v1::{ComparisonState, Finding};
use uuid::Uuid;

use crate::support::comparison::{
    TwoTiers, compare, differences, found, plant_golden, plant_source,
};
use crate::support::database::{Database, Engine};
use crate::support::eventually;
use crate::support::hub::{HubOptions, TestHub, free_port};
use crate::support::on_both_engines;
use crate::support::pki::Pki;
use crate::support::records::{change, numbered_child, report, report_change, tombstone};

on_both_engines![
    two_hubs_that_hold_the_same_compare_equal,
    what_is_planted_is_found_and_mended,
    what_only_the_upper_end_holds_is_withdrawn_when_asked,
    an_operator_has_a_node_below_compared,
    live_traffic_is_no_alarm,
    an_upstream_that_lost_everything_gets_it_again,
    what_the_upstream_refuses_is_not_missing,
];

/// A record that no hub makes.
const PLANTED: u128 = 0x0197_0000_0000_7000_9000_0000_0000_0000;

async fn two_hubs_that_hold_the_same_compare_equal(engine: Engine) {
    let tiers = TwoTiers::with_children(engine, 300).await;
    tiers.province.push(vec![tombstone(5, 2)]).await;
    tiers.quiet().await;

    let compared = tiers.compare(Repair::Nothing).await;

    assert_eq!(compared.state(), ComparisonState::Ended, "{compared:?}");
    assert_eq!(found(&compared), [0; 5]);
    // The withdrawn one counts too, and so do the reports.
    assert_eq!(compared.counts.expect("counts").matched, 302);
    assert_eq!(compared.rounds, 0, "equal digests end it");
    assert_eq!(compared.asked_by, "an");
    let shown = tiers.province.status().await.comparisons;
    assert_eq!(shown.first(), Some(&compared));
    let above = tiers.nation.status().await.comparisons;
    assert_eq!(above[0].node, "province");
    assert_eq!(above[0].counts, compared.counts);
    tiers.stop().await;
}

async fn what_is_planted_is_found_and_mended(engine: Engine) {
    let tiers = TwoTiers::with_children(engine, 600).await;
    let held = tiers.golden(3).await;
    for number in 0..4 {
        plant_golden(&tiers.below, PLANTED + number).await;
    }
    // One older, one newer, one under its own version.
    for (record, version) in held.iter().zip([1, 9, 1]) {
        plant_source(&tiers.above, *record, version).await;
    }

    let compared = tiers.compare(Repair::Nothing).await;

    assert_eq!(found(&compared), [3, 4, 0, 0, 0]);
    assert_eq!(compared.counts.expect("counts").matched, 602 - 3);
    let line = tiers.province.operator_line();
    let listed = differences(line, &compared.comparison_id).await;
    let named: BTreeMap<Uuid, Finding> = listed
        .iter()
        .map(|row| (row.record_id.parse().expect("an id"), row.finding()))
        .collect();
    let mut expected: BTreeMap<Uuid, Finding> = (0..4)
        .map(|number| (Uuid::from_u128(PLANTED + number), Finding::Missing))
        .collect();
    expected.extend(held.iter().map(|id| (id.as_uuid(), Finding::Different)));
    assert_eq!(named, expected);

    let repaired = tiers.compare(Repair::SendAgain).await;
    assert_eq!(repaired.repaired, 7);
    assert_eq!(repaired.remaining, Some(0), "{repaired:?}");
    tiers.quiet().await;
    let after = tiers.compare(Repair::Nothing).await;
    assert_eq!(found(&after), [0; 5]);
    assert_eq!(after.counts.expect("counts").matched, 606);
    let held = tiers.nation.node_status("province").await;
    assert_eq!(held.digest, tiers.province.status().await.golden_digest);
    tiers.stop().await;
}

async fn what_only_the_upper_end_holds_is_withdrawn_when_asked(engine: Engine) {
    let tiers = TwoTiers::with_children(engine, 20).await;
    plant_source(&tiers.above, RecordId::new(Uuid::from_u128(PLANTED)), 3).await;

    let told = tiers.compare(Repair::SendAgain).await;
    assert_eq!(found(&told), [0, 0, 1, 0, 0]);
    assert_eq!((told.repaired, told.remaining), (0, None));

    let withdrawn = tiers.compare(Repair::WithdrawExtra).await;
    assert_eq!(withdrawn.repaired, 1);
    assert_eq!(withdrawn.remaining, Some(0), "{withdrawn:?}");
    assert_eq!(found(&tiers.compare(Repair::Nothing).await), [0; 5]);
    tiers.stop().await;
}

async fn an_operator_has_a_node_below_compared(engine: Engine) {
    let tiers = TwoTiers::with_children(engine, 50).await;
    plant_golden(&tiers.below, PLANTED).await;
    let line = tiers.nation.operator_line();

    let repaired = compare(line.clone(), "province", Repair::SendAgain).await;

    assert_eq!(found(&repaired), [0, 1, 0, 0, 0], "{repaired:?}");
    assert_eq!((repaired.repaired, repaired.remaining), (1, Some(0)));
    assert_eq!(
        (repaired.node.as_str(), repaired.asked_by.as_str()),
        ("province", "an")
    );
    let listed = differences(line.clone(), &repaired.comparison_id).await;
    assert_eq!(listed[0].record_id, Uuid::from_u128(PLANTED).to_string());
    eventually("the province keeps the result too", || async {
        let own = tiers.province.status().await.comparisons;
        let own = own.first();
        own.is_some_and(|own| {
            own.comparison_id == repaired.comparison_id
                && own.node.is_empty()
                && own.counts == repaired.counts
        })
    })
    .await;
    let again = compare(line, "province", Repair::Nothing).await;
    assert_eq!(found(&again), [0; 5]);
    tiers.stop().await;
}

async fn live_traffic_is_no_alarm(engine: Engine) {
    let tiers = TwoTiers::with_children(engine, 200).await;
    let is_over = Arc::new(AtomicBool::new(false));
    let mut client = tiers.province.pushing("commune");
    let over = Arc::clone(&is_over);
    let pushing = tokio::spawn(async move {
        let mut version = 1_u32;
        while !over.load(Ordering::SeqCst) {
            version += 1;
            for part in 0..4_u32 {
                let records = part * 60..part * 60 + 60;
                let changes = records.map(|at| {
                    let (number, version) = (at.into(), version.into());
                    if (u64::from(at) + version) % 7 == 0 {
                        return tombstone(number, version);
                    }
                    let child = ChildDraft {
                        village: format!("Ấp {version}"),
                        ..numbered_child(at)
                    };
                    change(number, version, child)
                });
                client.send(changes.collect()).await.expect("acknowledged");
            }
            let urgent = report_change(u128::from(version) + 10, 1, report());
            client.send(vec![urgent]).await.expect("acknowledged");
        }
    });

    for _ in 0..4 {
        let compared = tiers.compare(Repair::Nothing).await;

        assert_eq!(compared.state(), ComparisonState::Ended, "{compared:?}");
        assert_eq!(found(&compared)[..4], [0; 4], "a false alarm");
    }
    // What does differ is found beside the traffic.
    plant_golden(&tiers.below, PLANTED).await;
    let compared = tiers.compare(Repair::SendAgain).await;
    assert_eq!(found(&compared)[..4], [0, 1, 0, 0]);
    assert_eq!(compared.remaining, Some(0));
    is_over.store(true, Ordering::SeqCst);
    pushing.await.expect("no panic");
    tiers.quiet().await;
    let compared = tiers.compare(Repair::Nothing).await;
    assert_eq!(found(&compared), [0; 5]);
    tiers.stop().await;
}

async fn an_upstream_that_lost_everything_gets_it_again(engine: Engine) {
    let pki = Arc::new(Pki::new());
    let options = HubOptions {
        name: "nation",
        port: free_port(),
        ..HubOptions::province()
    };
    let lost = Arc::new(Database::new(engine).await);
    let nation = TestHub::start(Arc::clone(&pki), lost, options.clone()).await;
    nation.register("province", "GSO_PRE2025:91").await;
    let province = TestHub::province_below(&pki, engine, &nation.url).await;
    province.register("commune", "GSO_PRE2025:30742").await;
    let children = (0..2_500).map(|at| change(at.into(), 1, numbered_child(at)));
    province.push(children.collect()).await;
    eventually("the nation holds them", || async {
        nation.node_status("province").await.source_records == 2_500
    })
    .await;
    nation.stop().await;
    let empty = Arc::new(Database::new(engine).await);
    let nation = TestHub::start(Arc::clone(&pki), empty, options).await;
    nation.register("province", "GSO_PRE2025:91").await;

    let repaired = compare(province.operator_line(), "", Repair::SendAgain).await;

    assert_eq!(found(&repaired), [0, 2_500, 0, 0, 0], "{repaired:?}");
    assert_eq!((repaired.repaired, repaired.remaining), (2_500, Some(0)));
    let held = nation.node_status("province").await;
    assert_eq!(held.source_records, 2_500);
    assert_eq!(held.digest, province.status().await.golden_digest);
    province.stop().await;
    nation.stop().await;
}

async fn what_the_upstream_refuses_is_not_missing(engine: Engine) {
    let pki = Arc::new(Pki::new());
    let options = HubOptions {
        name: "nation",
        ..HubOptions::province()
    };
    let database = Arc::new(Database::new(engine).await);
    let nation = TestHub::start(Arc::clone(&pki), database, options).await;
    // The commune lies outside the territory that the nation gave the province.
    nation.register("province", "GSO_PRE2025:30745").await;
    let province = TestHub::province_below(&pki, engine, &nation.url).await;
    province.register("commune", "GSO_PRE2025:30742").await;
    province.push(vec![change(1, 1, numbered_child(1))]).await;
    eventually("it is refused", || async {
        let status = province.status().await;
        status
            .forwarder
            .is_some_and(|forwarder| forwarder.refused == 1)
    })
    .await;

    let compared = compare(province.operator_line(), "", Repair::SendAgain).await;

    assert_eq!(found(&compared), [0, 0, 0, 1, 0]);
    assert_eq!((compared.repaired, compared.remaining), (0, None));
    province.stop().await;
    nation.stop().await;
}
