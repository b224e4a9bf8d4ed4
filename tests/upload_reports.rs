//! What an upload tells about its records: all or nothing, reports without effect, and snapshots.

use std::sync::Arc;
use std::time::Duration;

use childsync::domain::clock::{Clock, SystemClock};
use childsync::domain::draft::{ChildDraft, DateDraft};
use childsync::domain::upload::{Effect, Faults, Missing, Packing};
use childsync::grpc::proto::v1::{
    FeedState, Outcome, RecordChange, RecordFate, UploadEntry, UploadState, UploadTotals,
};
use childsync::grpc::upload_client::UploadTerms;
use childsync::store::LeaseName;

use crate::support::database::{Database, Engine};
use crate::support::hub::{HubOptions, TestHub};
use crate::support::on_both_engines;
use crate::support::pki::Pki;
use crate::support::records::{
    change, child, id, numbered_child, raw_change, report, report_change, tombstone, unit,
};
use crate::support::upload::{commit, delta, open, pack, pack_as, send, snapshot};

on_both_engines![
    the_good_records_are_kept_and_the_others_are_told_with_their_reasons,
    of_all_or_nothing_one_faulty_record_leaves_nothing,
    of_all_or_nothing_good_records_become_visible_together,
    a_report_without_effect_tells_everything_and_writes_nothing,
    a_snapshot_tells_new_changed_unchanged_and_missing,
    missing_records_are_withdrawn_only_when_the_manifest_asks,
    what_is_of_another_unit_kind_or_node_is_not_missing,
    what_came_after_the_upload_was_opened_is_not_missing,
    what_the_reconciler_has_not_reached_is_compared_too,
    a_snapshot_whose_ids_cannot_all_be_read_withdraws_nothing,
];

fn named(name: &str) -> ChildDraft {
    ChildDraft {
        full_name: name.into(),
        ..child()
    }
}

fn elsewhere() -> ChildDraft {
    ChildDraft {
        commune: Some(unit("30745")),
        ..child()
    }
}

fn unborn() -> ChildDraft {
    ChildDraft {
        birth_date: Some(DateDraft::day(2199, 1, 1)),
        ..child()
    }
}

/// Position, record, fate and reason of each entry.
fn told(entries: &[UploadEntry]) -> Vec<(Option<u64>, String, RecordFate, String)> {
    let one = |entry: &UploadEntry| {
        let (record, reason) = (entry.record_id.clone(), entry.reason.clone());
        (entry.position, record, entry.fate(), reason)
    };
    entries.iter().map(one).collect()
}

fn line(
    position: Option<u64>,
    record: u128,
    fate: RecordFate,
    reason: &str,
) -> (Option<u64>, String, RecordFate, String) {
    (position, id(record).to_string(), fate, reason.to_owned())
}

/// One record of every fault, good ones around them.
fn mixed() -> Vec<RecordChange> {
    vec![
        change(1, 1, child()),
        change(2, 1, unborn()),
        change(3, 1, elsewhere()),
        raw_change(4, 1, vec![0xff]),
        change(5, 1, named("Danh Văn Mẫu")),
        change(5, 1, named("Danh Thị Thử")),
        RecordChange {
            record_id: "Danh Mẫu".to_owned(),
            ..change(6, 1, child())
        },
        change(7, 1, child()),
    ]
}

fn mixed_faults() -> Vec<(Option<u64>, String, RecordFate, String)> {
    let nobody = String::new();
    vec![
        line(Some(1), 2, RecordFate::Quarantined, "RULE_BROKEN"),
        line(Some(2), 3, RecordFate::Rejected, "OUTSIDE_TERRITORY"),
        line(Some(3), 4, RecordFate::Rejected, "CONTENT_UNREADABLE"),
        line(Some(5), 5, RecordFate::Rejected, "VERSION_REUSED"),
        (
            Some(6),
            nobody,
            RecordFate::Rejected,
            "RECORD_ID_INVALID".to_owned(),
        ),
    ]
}

fn mixed_totals() -> UploadTotals {
    UploadTotals {
        created: 3,
        quarantined: 1,
        rejected: 4,
        ..UploadTotals::default()
    }
}

async fn the_good_records_are_kept_and_the_others_are_told_with_their_reasons(engine: Engine) {
    let hub = TestHub::province(engine).await;
    let upload = pack(&mixed(), &delta());

    let receipt = hub.upload(&upload).await;

    assert_eq!(receipt.state(), UploadState::Committed);
    assert_eq!(receipt.totals, Some(mixed_totals()));
    let entries = hub.report(&upload).await;
    assert_eq!(told(&entries), mixed_faults());
    let found = &entries[0].violations[0];
    assert_eq!(
        (found.field.as_str(), found.rule.as_str()),
        ("child.birth_date", "DATE_IN_FUTURE")
    );
    assert!(found.description.contains("correct the date"), "{found:?}");
    hub.settled().await;
    let status = hub.status().await;
    assert_eq!((status.source_records, status.quarantined), (3, 1));
    let counted = hub.node_status("commune").await;
    assert_eq!(
        (counted.received, counted.accepted, counted.rejected),
        (8, 3, 4)
    );
    hub.stop().await;
}

async fn of_all_or_nothing_one_faulty_record_leaves_nothing(engine: Engine) {
    let hub = TestHub::province(engine).await;
    hub.push(vec![change(9, 1, child())]).await;
    let terms = UploadTerms {
        faults: Faults::RefuseAll,
        ..delta()
    };
    let good = [change(1, 1, child()), change(2, 1, child())];
    let faults = [
        (change(3, 1, unborn()), "RULE_BROKEN"),
        (change(3, 1, elsewhere()), "OUTSIDE_TERRITORY"),
        (change(9, 1, named("Danh Văn Mẫu")), "VERSION_REUSED"),
    ];

    for (fault, reason) in faults {
        let upload = pack(&[good.to_vec(), vec![fault]].concat(), &terms);
        let receipt = hub.upload(&upload).await;

        assert_eq!(receipt.state(), UploadState::Refused, "{reason}");
        assert_eq!(receipt.failure, "RECORDS_FAULTY");
        assert_eq!(receipt.totals.expect("totals").created, 2);
        let entries = hub.report(&upload).await;
        assert_eq!(entries.len(), 1);
        assert_eq!(
            (entries[0].position, entries[0].reason.as_str()),
            (Some(2), reason)
        );
        // The receipt is the same when it is asked for again.
        assert_eq!(hub.upload(&upload).await, receipt);
    }
    let status = hub.status().await;
    assert_eq!((status.log_head, status.quarantined), (1, 0));
    hub.stop().await;
}

async fn of_all_or_nothing_good_records_become_visible_together(engine: Engine) {
    let hub = TestHub::province(engine).await;
    let terms = UploadTerms {
        faults: Faults::RefuseAll,
        ..delta()
    };
    let changes: Vec<_> = (1..=9_000)
        .map(|at| change(at.into(), 1, numbered_child(at)))
        .collect();
    let upload = pack(&changes, &terms);
    let mut client = hub.uploading("commune");

    let sending = client.send(&upload, |_| ());
    tokio::pin!(sending);
    let receipt = loop {
        tokio::select! {
            receipt = &mut sending => break receipt.expect("a receipt"),
            // The log has none of them, or all: whatever moment is looked at.
            status = hub.status() => assert!([0, 9_000].contains(&status.log_head)),
        }
    };

    assert_eq!(receipt.state(), UploadState::Committed);
    assert_eq!(receipt.totals.expect("totals").created, 9_000);
    assert_eq!(hub.status().await.log_head, 9_000);
    hub.stop().await;
}

async fn a_report_without_effect_tells_everything_and_writes_nothing(engine: Engine) {
    let hub = TestHub::province(engine).await;
    hub.push(vec![change(8, 1, child()), change(7, 1, child())])
        .await;
    hub.settled().await;
    let before = (
        hub.status().await,
        hub.node_status("commune").await,
        hub.feed("commune").await,
    );
    let terms = UploadTerms {
        effect: Effect::ReportOnly,
        ..snapshot(Missing::Withdraw)
    };
    let upload = pack(&mixed(), &terms);

    let receipt = hub.upload(&upload).await;

    assert_eq!(receipt.state(), UploadState::Validated);
    let expected = UploadTotals {
        created: 2,
        unchanged: 1,
        missing: 1,
        ..mixed_totals()
    };
    assert_eq!(receipt.totals, Some(expected));
    let mut lines = mixed_faults();
    lines.insert(0, line(Some(0), 1, RecordFate::Created, ""));
    lines.insert(4, line(Some(4), 5, RecordFate::Created, ""));
    lines.push(line(None, 8, RecordFate::Missing, ""));
    assert_eq!(told(&hub.report(&upload).await), lines);
    let after = (
        hub.status().await,
        hub.node_status("commune").await,
        hub.feed("commune").await,
    );
    assert_eq!(after.0.log_head, before.0.log_head);
    assert_eq!(after.0.quarantined, before.0.quarantined);
    assert_eq!((after.1, after.2), (before.1, before.2));
    hub.stop().await;
}

async fn a_snapshot_tells_new_changed_unchanged_and_missing(engine: Engine) {
    let hub = TestHub::province(engine).await;
    let held: Vec<_> = (1..=6).map(|at| change(at, 5, child())).collect();
    hub.push(held).await;
    let changes = [
        change(1, 5, child()),
        change(2, 6, child()),
        change(3, 6, named("Danh Văn Mẫu")),
        change(4, 4, named("Danh Thị Thử")),
        change(9, 1, child()),
        tombstone(6, 6),
    ];
    let upload = pack(&changes, &snapshot(Missing::Report));

    let receipt = hub.upload(&upload).await;

    let expected = UploadTotals {
        created: 1,
        changed: 2,
        renewed: 1,
        unchanged: 1,
        superseded: 1,
        missing: 1,
        ..UploadTotals::default()
    };
    assert_eq!(receipt.totals, Some(expected));
    let lines = [
        line(Some(2), 3, RecordFate::Changed, ""),
        line(Some(3), 4, RecordFate::Superseded, ""),
        line(Some(4), 9, RecordFate::Created, ""),
        line(Some(5), 6, RecordFate::Changed, ""),
        line(None, 5, RecordFate::Missing, ""),
    ];
    let entries = hub.report(&upload).await;
    assert_eq!(told(&entries), lines);
    assert_eq!(entries[4].version, 5);
    hub.settled().await;
    // Reported only: five of the six are live, and the new one.
    assert_eq!(hub.status().await.source_records, 6);
    hub.stop().await;
}

async fn missing_records_are_withdrawn_only_when_the_manifest_asks(engine: Engine) {
    let hub = TestHub::province(engine).await;
    let held: Vec<_> = (1..=5).map(|at| change(at, 3, child())).collect();
    hub.push(held).await;
    let listed = [change(1, 3, child()), change(2, 3, child())];

    let reported = hub.upload(&pack(&listed, &snapshot(Missing::Report))).await;
    let upload = pack(&listed, &snapshot(Missing::Withdraw));
    let withdrawn = hub.upload(&upload).await;
    let mut terms = snapshot(Missing::Withdraw);
    terms.period = "2026-12".parse().expect("a period");
    let again = hub.upload(&pack(&listed, &terms)).await;

    let counts = |receipt: &childsync::grpc::proto::v1::UploadStatus| {
        let totals = receipt.totals.expect("totals");
        (totals.missing, totals.withdrawn)
    };
    assert_eq!(counts(&reported), (3, 0));
    assert_eq!(counts(&withdrawn), (0, 3));
    // What is withdrawn is not missing any more.
    assert_eq!(counts(&again), (0, 0));
    let entries = hub.report(&upload).await;
    assert_eq!(entries.len(), 3);
    assert!(entries.iter().all(|entry| entry.version == 4));
    hub.settled().await;
    let feed = hub.feed("commune").await;
    let gone = feed
        .iter()
        .filter(|event| event.state() == FeedState::Withdrawn);
    assert_eq!(
        gone.map(|event| event.version).collect::<Vec<_>>(),
        [4, 4, 4]
    );
    assert_eq!(hub.status().await.source_records, 2);
    // A withdrawn record comes back under a version above that of its tombstone.
    let back = hub.push(vec![change(4, 5, child())]).await;
    assert_eq!(back[0].outcome(), Outcome::Accepted);
    hub.stop().await;
}

async fn what_is_of_another_unit_kind_or_node_is_not_missing(engine: Engine) {
    let hub = TestHub::province(engine).await;
    hub.register("district", "GSO_PRE2025:91").await;
    hub.push(vec![change(1, 1, child())]).await;
    let theirs = vec![
        change(2, 1, child()),
        change(3, 1, elsewhere()),
        report_change(4, 1, report()),
    ];
    hub.push_as("district", theirs).await;
    let upload = pack(&[change(5, 1, child())], &snapshot(Missing::Withdraw));

    let mut client = hub.uploading("district");
    let receipt = client.send(&upload, |_| ()).await.expect("a receipt");

    let totals = receipt.totals.expect("totals");
    assert_eq!((totals.created, totals.withdrawn), (1, 1));
    hub.settled().await;
    let feed = hub.feed("district").await;
    let gone = feed
        .iter()
        .filter(|event| event.state() == FeedState::Withdrawn);
    let gone: Vec<_> = gone.map(|event| event.record_id.clone()).collect();
    assert_eq!(gone, [id(2).to_string()]);
    hub.stop().await;
}

async fn what_came_after_the_upload_was_opened_is_not_missing(engine: Engine) {
    let hub = TestHub::province(engine).await;
    hub.push(vec![change(1, 1, child()), change(2, 1, child())])
        .await;
    let upload = pack(&[change(1, 1, child())], &snapshot(Missing::Withdraw));
    let mut client = hub.ingest("commune");
    open(&mut client, &upload.manifest).await.expect("opened");

    // A child that was born, and one that was corrected, while the file was on its way.
    hub.push(vec![change(3, 1, child()), change(2, 2, child())])
        .await;
    let id = &upload.manifest.upload_id;
    send(&mut client, id, vec![(0, upload.content.to_vec())])
        .await
        .expect("durable");
    let receipt = commit(&mut client, id).await.expect("a receipt");

    let totals = receipt.totals.expect("totals");
    assert_eq!(
        (totals.unchanged, totals.missing, totals.withdrawn),
        (1, 0, 0)
    );
    hub.settled().await;
    assert_eq!(hub.status().await.source_records, 3);
    hub.stop().await;
}

async fn what_the_reconciler_has_not_reached_is_compared_too(engine: Engine) {
    let database = Arc::new(Database::new(engine).await);
    let store = database.open().await;
    let mut transaction = store.write().await.expect("a transaction");
    let (now, day) = (SystemClock.now(), Duration::from_hours(24));
    let rests = transaction.take_lease(LeaseName::Reconciler, "rests", now, now.plus(day));
    rests.await.expect("a lease");
    transaction.commit().await.expect("committed");
    store.close().await;
    let hub = TestHub::start(Arc::new(Pki::new()), database, HubOptions::province()).await;
    hub.register("commune", "GSO_PRE2025:30742").await;
    hub.push(vec![change(1, 1, child()), change(2, 1, child())])
        .await;

    let upload = pack(&[change(1, 1, child())], &snapshot(Missing::Withdraw));
    let receipt = hub.upload(&upload).await;

    assert_eq!(receipt.totals.expect("totals").withdrawn, 1);
    let status = hub.status().await;
    assert_eq!((status.source_records, status.log_head), (0, 3));
    hub.stop().await;
}

async fn a_snapshot_whose_ids_cannot_all_be_read_withdraws_nothing(engine: Engine) {
    let hub = TestHub::province(engine).await;
    hub.push(vec![change(1, 1, child()), change(2, 1, child())])
        .await;
    let unreadable = RecordChange {
        record_id: "2".to_owned(),
        ..change(2, 2, child())
    };
    let changes = [change(1, 1, child()), unreadable];

    let receipt = hub
        .upload(&pack(&changes, &snapshot(Missing::Withdraw)))
        .await;

    // The one that cannot be read may be the one that seems to be missing.
    let totals = receipt.totals.expect("totals");
    assert_eq!(
        (totals.rejected, totals.missing, totals.withdrawn),
        (1, 1, 0)
    );
    hub.stop().await;
}

#[tokio::test]
async fn a_record_taken_with_warnings_is_told() {
    let hub = TestHub::province(Engine::Sqlite).await;
    let odd = ChildDraft {
        personal_number: "001318000001".into(),
        sex: 1,
        ..numbered_child(1)
    };
    let upload = pack_as(
        Packing::Gzip,
        &[change(1, 1, child()), change(2, 1, odd)],
        &delta(),
    );

    let receipt = hub.upload(&upload).await;

    assert_eq!(receipt.totals.expect("totals").created, 2);
    let entries = hub.report(&upload).await;
    assert_eq!(told(&entries), [line(Some(1), 2, RecordFate::Created, "")]);
    assert!(!entries[0].violations.is_empty());
    hub.stop().await;
}
