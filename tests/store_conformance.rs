//! What every store promises, on both engines.

use std::collections::HashSet;

use childsync::domain::clock::{Clock, SystemClock, Timestamp};
use childsync::domain::golden::GoldenId;
use childsync::domain::node::NodeId;
use childsync::domain::record::{ContentHash, Lane, RecordId, RecordKey, RecordKind, Version};
use childsync::domain::relations::Relations;
use childsync::domain::territory::Territory;
use childsync::domain::unit::UnitReference;
use childsync::store::{
    LeaseName, NewForwardBatch, NewSubmission, Quarantined, Receipt, Refusal, Registration, Store,
    StoreError, StoreOptions,
};
use uuid::Uuid;

use crate::support::database::{Database, Engine, postgres_url};
use crate::support::on_both_engines;

on_both_engines![
    every_statement_prepares,
    opening_again_changes_nothing,
    what_is_not_committed_leaves_nothing,
    log_numbers_come_in_commit_order_without_gaps,
    a_repeated_submission_key_is_refused_whole,
    held_versions_are_those_not_older_than_asked,
    a_bulk_of_thousands_is_written_and_read_back_whole,
    a_lease_has_one_owner_until_its_deadline,
    a_stale_fencing_token_is_refused,
    quarantine_keeps_the_newest_version_until_it_is_corrected,
    a_refusal_that_was_told_is_told_again_only_if_it_is_another,
    a_forward_batch_is_receipted_once,
    a_refusal_goes_when_the_record_is_taken,
    registering_a_node_again_changes_nothing,
    concurrent_registrations_make_one_node,
];

const NODE: NodeId = NodeId::new(1);

fn key(number: u128) -> RecordKey {
    RecordKey {
        node: NODE,
        kind: RecordKind::Child,
        record_id: RecordId::new(Uuid::from_u128(number)),
    }
}

fn version(number: i64) -> Version {
    Version::from_i64(number).expect("a version")
}

fn submission(number: u128, at: i64, sequence: i64) -> NewSubmission {
    NewSubmission {
        key: key(number),
        version: version(at),
        sequence,
        tombstone: 0,
        hash: ContentHash::of(&number.to_be_bytes()),
        content: format!("sealed {number}").into_bytes(),
        sent: number.is_multiple_of(2).then(|| b"as sent".to_vec()),
        relations: Relations::None,
    }
}

fn instant(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

async fn append(store: &Store, submissions: Vec<NewSubmission>) -> Result<(), StoreError> {
    let mut transaction = store.write().await?;
    let head = submissions.last().map_or(0, |last| last.sequence);
    transaction
        .append_submissions(submissions, instant(1))
        .await?;
    transaction.set_counter("log", head).await?;
    transaction.commit().await
}

async fn every_statement_prepares(engine: Engine) {
    let database = Database::new(engine).await;
    let store = database.open().await;

    let broken = store.prepare_every_statement().await.expect("a database");

    assert!(broken.is_empty(), "{broken:#?}");
}

async fn opening_again_changes_nothing(engine: Engine) {
    let database = Database::new(engine).await;
    let store = database.open().await;
    append(&store, vec![submission(1, 1, 1)])
        .await
        .expect("appended");
    store.close().await;

    let store = database.open().await;

    let mut reading = store.read().await.expect("a transaction");
    assert_eq!(reading.read_counter("log").await.expect("a counter"), 1);
    let log = reading.read_log(Lane::Routine, 0, 10).await.expect("a log");
    assert_eq!(log.len(), 1);
}

async fn what_is_not_committed_leaves_nothing(engine: Engine) {
    let database = Database::new(engine).await;
    let store = database.open().await;
    let mut transaction = store.write().await.expect("a transaction");
    let appended = transaction.append_submissions(vec![submission(1, 1, 1)], instant(1));
    appended.await.expect("appended");
    transaction.set_counter("log", 1).await.expect("set");

    drop(transaction);

    let mut reading = store.read().await.expect("a transaction");
    assert_eq!(reading.read_counter("log").await.expect("a counter"), 0);
    assert!(
        reading
            .read_log(Lane::Routine, 0, 10)
            .await
            .expect("a log")
            .is_empty()
    );
}

/// Writers append at the same time while a reader follows with a high-water mark: the reader must see
/// every number, in order, and none may appear behind its mark.
async fn log_numbers_come_in_commit_order_without_gaps(engine: Engine) {
    const WRITERS: u128 = 6;
    const APPENDS: u128 = 15;
    let database = Database::new(engine).await;
    let store = database.open().await;
    let mut writing = tokio::task::JoinSet::new();
    for writer in 0..WRITERS {
        let store = store.clone();
        writing.spawn(async move {
            for append in 0..APPENDS {
                append_two(&store, (writer * APPENDS + append) * 2).await;
            }
        });
    }
    let total = i64::try_from(WRITERS * APPENDS * 2).expect("small");
    let mut mark = 0;
    while mark < total {
        let mut reading = store.read().await.expect("a transaction");
        for entry in reading
            .read_log(Lane::Routine, mark, 7)
            .await
            .expect("a log")
        {
            assert_eq!(entry.sequence, mark + 1, "a number was skipped or repeated");
            mark = entry.sequence;
        }
        drop(reading);
        tokio::task::yield_now().await;
    }
    writing.join_all().await;
}

async fn append_two(store: &Store, first: u128) {
    let mut transaction = store.write().await.expect("a transaction");
    let head = transaction.lock_counter("log").await.expect("a counter");
    // Others get their turn here: without the lock they would take the same numbers.
    tokio::task::yield_now().await;
    let both = vec![
        submission(first, 1, head + 1),
        submission(first + 1, 1, head + 2),
    ];
    transaction
        .append_submissions(both, instant(1))
        .await
        .expect("appended");
    transaction.set_counter("log", head + 2).await.expect("set");
    transaction.commit().await.expect("committed");
}

async fn a_repeated_submission_key_is_refused_whole(engine: Engine) {
    let database = Database::new(engine).await;
    let store = database.open().await;
    append(&store, vec![submission(1, 1, 1)])
        .await
        .expect("appended");

    let again = append(&store, vec![submission(2, 1, 2), submission(1, 1, 3)]).await;

    assert!(matches!(again, Err(StoreError::Query(_))), "{again:?}");
    let mut reading = store.read().await.expect("a transaction");
    assert_eq!(reading.count_accepted(NODE).await.expect("a count"), 1);
}

async fn held_versions_are_those_not_older_than_asked(engine: Engine) {
    let database = Database::new(engine).await;
    let store = database.open().await;
    let log = vec![
        submission(1, 1, 1),
        submission(1, 5, 2),
        submission(2, 3, 3),
    ];
    append(&store, log).await.expect("appended");

    let mut reading = store.read().await.expect("a transaction");
    let wanted = [
        (key(1), version(2)),
        (key(2), version(3)),
        (key(3), version(1)),
    ];
    let held = reading.find_held_versions(&wanted).await.expect("versions");

    let found: HashSet<_> = held.iter().map(|held| (held.key, held.version)).collect();
    assert_eq!(
        found,
        HashSet::from([(key(1), version(5)), (key(2), version(3))])
    );
}

async fn a_bulk_of_thousands_is_written_and_read_back_whole(engine: Engine) {
    let database = Database::new(engine).await;
    let store = database.open().await;
    let log: Vec<_> = (1..=2_345_u32)
        .map(|at| submission(at.into(), 1, at.into()))
        .collect();

    append(&store, log.clone()).await.expect("appended");

    let mut reading = store.read().await.expect("a transaction");
    let read = reading
        .read_log(Lane::Routine, 0, 10_000)
        .await
        .expect("a log");
    assert_eq!(read.len(), log.len());
    for (read, written) in read.iter().zip(&log) {
        assert_eq!((read.key, read.sequence), (written.key, written.sequence));
        assert_eq!((&read.content, read.hash), (&written.content, written.hash));
    }
}

async fn a_lease_has_one_owner_until_its_deadline(engine: Engine) {
    let database = Database::new(engine).await;
    let store = database.open().await;
    let name = LeaseName::Reconciler;
    let take = async |owner: &str, now, deadline| {
        let mut transaction = store.write().await.expect("a transaction");
        let token = transaction.take_lease(name, owner, instant(now), instant(deadline));
        let token = token.await.expect("a lease");
        transaction.commit().await.expect("committed");
        token
    };

    assert_eq!(take("a", 10, 20).await, Some(1));
    assert_eq!(take("b", 19, 29).await, None, "the lease is still held");
    assert_eq!(
        take("a", 19, 30).await,
        Some(1),
        "extending keeps the token"
    );
    assert_eq!(take("b", 30, 40).await, Some(2), "the deadline has passed");
    assert_eq!(take("a", 35, 45).await, None);
}

async fn a_stale_fencing_token_is_refused(engine: Engine) {
    let database = Database::new(engine).await;
    let store = database.open().await;
    let name = LeaseName::Reconciler;
    let mut transaction = store.write().await.expect("a transaction");
    transaction
        .take_lease(name, "a", instant(1), instant(2))
        .await
        .expect("a lease");
    transaction
        .take_lease(name, "b", instant(3), instant(9))
        .await
        .expect("a lease");
    transaction.commit().await.expect("committed");

    let mut transaction = store.write().await.expect("a transaction");
    let stale = transaction.check_fence(name, 1).await;
    let fresh = transaction.check_fence(name, 2).await;

    assert!(
        matches!(stale, Err(StoreError::Fenced("reconciler"))),
        "{stale:?}"
    );
    fresh.expect("the token of the owner");
}

fn quarantined(at: i64, reason: &str) -> Quarantined {
    Quarantined {
        key: key(1),
        version: version(at),
        reason: reason.to_owned(),
        rules: "child.sex REQUIRED".to_owned(),
        content: b"sealed".to_vec(),
    }
}

async fn quarantine_keeps_the_newest_version_until_it_is_corrected(engine: Engine) {
    let database = Database::new(engine).await;
    let store = database.open().await;
    let mut transaction = store.write().await.expect("a transaction");
    for row in [quarantined(2, "NEWER"), quarantined(1, "OLDER")] {
        transaction
            .put_quarantined(vec![row], instant(1))
            .await
            .expect("kept");
    }

    let (held, reason, rules) = transaction
        .find_quarantined(key(1))
        .await
        .expect("readable")
        .expect("held");
    assert_eq!((held, reason.as_str()), (version(2), "NEWER"));
    assert_eq!(rules, "child.sex REQUIRED");

    transaction
        .clear_quarantined(&[(key(1), version(1))])
        .await
        .expect("cleared");
    let held = transaction
        .find_quarantined(key(1))
        .await
        .expect("readable");
    assert!(held.is_some(), "an older version corrects nothing");

    transaction
        .clear_quarantined(&[(key(1), version(2))])
        .await
        .expect("cleared");
    let held = transaction
        .find_quarantined(key(1))
        .await
        .expect("readable");
    assert!(held.is_none());
}

async fn a_refusal_that_was_told_is_told_again_only_if_it_is_another(engine: Engine) {
    let database = Database::new(engine).await;
    let store = database.open().await;
    let mut transaction = store.write().await.expect("a transaction");
    let mut untold = Vec::new();
    for row in [
        quarantined(1, "FIRST"),
        quarantined(1, "FIRST"),
        quarantined(1, "OTHER"),
        quarantined(2, "OTHER"),
    ] {
        let kept = transaction.put_quarantined(vec![row], instant(1)).await;
        kept.expect("kept");
        let waiting = transaction.read_untold_quarantine(10).await;
        untold.push(waiting.expect("readable").len());
        let told = transaction.tell_quarantined(&[(key(1), 7)]).await;
        told.expect("told");
    }

    assert_eq!(untold, [1, 0, 1, 1]);
}

async fn a_forward_batch_is_receipted_once(engine: Engine) {
    let database = Database::new(engine).await;
    let store = database.open().await;
    let lane = Lane::Routine;
    let batch = |number, replaced| NewForwardBatch {
        id: Uuid::from_u128(7),
        number,
        lane,
        first_change: 1,
        last_change: 7,
        records: 5,
        digest: [3; 32],
        manifest: b"manifest".to_vec(),
        sealed_at: instant(1),
        replaced,
    };
    let receipt = Receipt {
        letter: b"receipt".to_vec(),
        accepted: 4,
        unchanged: 1,
        refused: 0,
    };
    let mut transaction = store.write().await.expect("a transaction");
    let number = transaction.next_batch_number().await.expect("a number");
    let sealed = transaction.seal_batch(&batch(number, None)).await;
    sealed.expect("sealed");
    let open = transaction.find_open_batch(lane).await.expect("readable");
    assert_eq!(open.map(|open| open.number), Some(1));
    // Its records have changed: the next one takes its place.
    let number = transaction.next_batch_number().await.expect("a number");
    let sealed = transaction.seal_batch(&batch(number, Some(1))).await;
    sealed.expect("sealed");
    let open = transaction.find_open_batch(lane).await.expect("readable");
    let open = open.expect("it waits");
    assert_eq!((open.number, open.manifest), (2, b"manifest".to_vec()));
    let twice = transaction.seal_batch(&batch(3, Some(1))).await;
    assert!(matches!(twice, Err(StoreError::Rows { .. })), "{twice:?}");
    drop(transaction);
    let mut transaction = store.write().await.expect("a transaction");
    let number = transaction.next_batch_number().await.expect("a number");
    let sealed = transaction.seal_batch(&batch(number, None)).await;
    sealed.expect("sealed");
    let receipted = transaction.receipt_batch(lane, 1, 7, receipt.clone(), instant(2));
    receipted.await.expect("receipted");
    transaction.commit().await.expect("committed");
    let mut transaction = store.write().await.expect("a transaction");
    let position = transaction.forward_position(lane).await;
    assert_eq!(position.expect("a position"), 7);
    let open = transaction.find_open_batch(lane).await;
    assert_eq!(open.expect("readable"), None);
    let letters = transaction.batch_letters(1).await.expect("readable");
    assert_eq!(letters, (b"manifest".to_vec(), b"receipt".to_vec()));
    let again = transaction
        .receipt_batch(lane, 1, 7, receipt, instant(3))
        .await;
    assert!(matches!(again, Err(StoreError::Rows { .. })), "{again:?}");
}

async fn a_refusal_goes_when_the_record_is_taken(engine: Engine) {
    let database = Database::new(engine).await;
    let store = database.open().await;
    let golden_id = GoldenId::new(Uuid::from_u128(9));
    let refusal = Refusal {
        golden_id,
        version: version(1),
        reason: "RULE_BROKEN".to_owned(),
    };
    let mut transaction = store.write().await.expect("a transaction");

    transaction
        .note_refusals(&[], &[refusal], instant(1))
        .await
        .expect("noted");
    assert_eq!(transaction.hub_counts().await.expect("counts").refused, 1);

    transaction
        .note_refusals(&[golden_id], &[], instant(2))
        .await
        .expect("noted");
    assert_eq!(transaction.hub_counts().await.expect("counts").refused, 0);
}

async fn register(store: &Store, unit: &str) -> Registration {
    let unit: UnitReference = unit.parse().expect("a unit");
    let name = "commune".parse().expect("a name");
    let mut transaction = store.write().await.expect("a transaction");
    let now = SystemClock.now();
    let territory = Territory::new(vec![unit]);
    let registration = transaction
        .register_node(&name, &unit, &territory, now)
        .await;
    transaction.commit().await.expect("committed");
    registration.expect("registered")
}

async fn registering_a_node_again_changes_nothing(engine: Engine) {
    let database = Database::new(engine).await;
    let store = database.open().await;

    assert_eq!(
        register(&store, "GSO_PRE2025:30742").await,
        Registration::Created(NODE)
    );
    assert_eq!(
        register(&store, "GSO_PRE2025:30742").await,
        Registration::Present(NODE)
    );
    assert_eq!(
        register(&store, "GSO_PRE2025:91").await,
        Registration::Different
    );
}

async fn concurrent_registrations_make_one_node(engine: Engine) {
    let database = Database::new(engine).await;
    let store = database.open().await;

    let both = tokio::join!(
        register(&store, "GSO_PRE2025:30742"),
        register(&store, "GSO_PRE2025:30742")
    );

    let expected = HashSet::from([0, 1]);
    let created = [both.0, both.1].map(|one| usize::from(one == Registration::Created(NODE)));
    assert_eq!(HashSet::from(created), expected, "{both:?}");
}

#[tokio::test]
async fn a_server_that_forgets_acknowledged_records_is_refused() {
    let url = postgres_url();
    let schema = Store::make_schema(&url, &format!("test_{}", Uuid::now_v7().simple())).await;
    let url = format!("{}%20-csynchronous_commit%3Doff", schema.expect("a schema"));

    let opened = Store::open(&StoreOptions {
        url,
        connections_max: 2,
    })
    .await;

    let refused = opened.expect_err("it must be refused").to_string();
    assert!(refused.contains("synchronous_commit = on"), "{refused}");
}
