//! Uploads over lines that fail, through power cuts, full disks and clocks that jump.

use std::sync::Arc;
use std::time::Duration;

use childsync::domain::clock::{Clock, ManualClock, SystemClock, Timestamp};
use childsync::domain::draft::ChildDraft;
use childsync::domain::upload::{Missing, Packing, UploadState};
use childsync::grpc::convert::ContractCodec;
use childsync::grpc::proto::v1;
use childsync::grpc::upload_client::{OutgoingUpload, UploadClient};
use childsync::observability::metrics::Metrics;
use childsync::security::seal::SealKey;
use childsync::store::{LeaseName, Store, StoreError, UploadKey};
use childsync::sync::leadership::Leadership;
use childsync::sync::signals::Signals;
use childsync::sync::upload::{AWAITED_SWEEPS_MAX, ENDED_SWEEPS_MAX, UploadCommitter};
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio_util::sync::CancellationToken;

use crate::support::database::{Database, Engine};
use crate::support::hub::{
    HubOptions, SEAL_KEY, TestHub, free_port, node_status, register, status,
};
use crate::support::line::BadLine;
use crate::support::pki::Pki;
use crate::support::process::HubProcess;
use crate::support::records::{change, numbered_child};
use crate::support::upload::{PATIENT, commit, delta, open, pack_as, send, snapshot};
use crate::support::{eventually, fault_rounds, on_both_engines, random_moment};

on_both_engines![
    a_line_that_is_cut_at_every_chunk_and_inside_costs_one_chunk_each,
    power_cuts_in_the_middle_of_an_upload_lose_and_double_nothing,
    an_upload_expires_by_sweeps_and_not_by_the_clock,
    a_foreign_or_spoilt_chunk_in_the_database_is_not_taken_for_ours,
];

fn children(count: u32) -> Vec<v1::RecordChange> {
    let child = |number: u32| change(number.into(), 1, numbered_child(number));
    (1..=count).map(child).collect()
}

/// Records of about 240 bytes.
fn large_children(count: u32) -> Vec<v1::RecordChange> {
    let child = |number: u32| {
        let draft = ChildDraft {
            village: "Ấp Mẫu Số ".repeat(9),
            ..numbered_child(number)
        };
        change(number.into(), 1, draft)
    };
    (1..=count).map(child).collect()
}

fn parts(upload: &OutgoingUpload, size: usize) -> Vec<(u64, Vec<u8>)> {
    let starts = (0..upload.content.len()).step_by(size);
    let part = |from: usize| {
        let to = upload.content.len().min(from + size);
        let start = u64::try_from(from).expect("small");
        (start, upload.content[from..to].to_vec())
    };
    starts.map(part).collect()
}

/// The hub holds each of these children once, and the receipt says so.
fn assert_all_created(receipt: &v1::UploadStatus, count: u64) {
    let totals = receipt.totals.expect("totals");
    assert_eq!(receipt.state(), v1::UploadState::Committed);
    assert_eq!((totals.created, totals.unchanged), (count, 0), "{totals:?}");
}

async fn a_line_that_is_cut_at_every_chunk_and_inside_costs_one_chunk_each(engine: Engine) {
    let options = HubOptions::province();
    // Each connection carries 300 bytes more than the one before it, so that every place in a chunk, its
    // beginning and its end are where a line is cut; then lines that are cut anywhere.
    let lines = [
        BadLine::lengthening(options.port, 9_000, 300).await,
        BadLine::cutting(options.port, 5, 9_000..30_000).await,
    ];
    let pki = Arc::new(Pki::new());
    let database = Arc::new(Database::new(engine).await);
    let hub = TestHub::start(pki, database, options).await;
    hub.register("commune", "GSO_PRE2025:30742").await;

    for (line, from) in lines.iter().zip([0, 3_000]) {
        let changes = &children(from + 3_000)[usize::try_from(from).expect("small")..];
        let upload = pack_as(Packing::Plain, changes, &delta());
        let identity = hub.pki.node("commune");
        let mut client = UploadClient::new(TestHub::line_to(&line.url, &identity), PATIENT);

        let receipt = client.send(&upload, |_| ()).await.expect("a receipt");

        assert_all_created(&receipt, 3_000);
        let again = client.bytes_sent - upload.manifest.bytes;
        assert!(line.cuts() >= 10, "{} cuts", line.cuts());
        // Chunks are larger until the line breaks for the first time: nothing is known of it yet.
        let first = 64 * 1024;
        assert!(
            again <= line.cuts() * 4 * 1024 + first,
            "{again} bytes after {} cuts",
            line.cuts()
        );
    }
    assert_eq!(hub.status().await.log_head, 6_000);
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_megabytes_over_a_line_cut_every_few_seconds_send_two_percent_again_at_most() {
    let options = HubOptions::province();
    // 500 KB a second, cut after 1 to 3 seconds.
    let line = BadLine::slow(options.port, 3, 500_000, 500_000..1_500_000).await;
    let pki = Arc::new(Pki::new());
    let database = Arc::new(Database::new(Engine::Sqlite).await);
    let hub = TestHub::start(pki, database, options).await;
    hub.register("commune", "GSO_PRE2025:30742").await;
    let count = 21_000;
    let upload = pack_as(Packing::Plain, &large_children(count), &delta());
    let total = upload.manifest.bytes;
    assert!((5_000_000..6_000_000).contains(&total), "{total} bytes");
    let identity = hub.pki.node("commune");
    let mut client = UploadClient::new(TestHub::line_to(&line.url, &identity), PATIENT);

    let receipt = client.send(&upload, |_| ()).await.expect("a receipt");

    assert_all_created(&receipt, count.into());
    let again = client.bytes_sent - total;
    assert!(line.cuts() >= 3, "{} cuts", line.cuts());
    assert!(
        again * 50 <= total,
        "{again} of {total} bytes after {} cuts",
        line.cuts()
    );
    hub.stop().await;
}

async fn power_cuts_in_the_middle_of_an_upload_lose_and_double_nothing(engine: Engine) {
    let pki = Pki::new();
    let database = Database::new(engine).await;
    let mut hub = HubProcess::start(&pki, &database.url, &HubOptions::province()).await;
    let operator = || TestHub::line_to(&hub.url, &pki.operator("an"));
    register(operator(), "commune", "GSO_PRE2025:30742").await;
    let line = TestHub::line_to(&hub.url, &pki.node("commune"));
    let upload = pack_as(
        Packing::Plain,
        &children(9_000),
        &snapshot(Missing::Withdraw),
    );
    let sent = upload.clone();
    let mut client = UploadClient::new(line, PATIENT);
    let sending = tokio::spawn(async move { client.send(&sent, |_| ()).await });

    let mut chance = StdRng::seed_from_u64(7);
    // While the bytes come, at any moment; while records are taken in, soon after some of them were.
    for _ in 0..fault_rounds(6, 50) {
        random_moment(&mut chance, 250).await;
        hub.kill();
        hub.start_again().await;
    }
    let mut kills = 0;
    while !sending.is_finished() {
        let before = log_head(&database).await;
        eventually("records are taken in", || async {
            sending.is_finished() || log_head(&database).await > before
        })
        .await;
        random_moment(&mut chance, 200).await;
        if !sending.is_finished() {
            hub.kill();
            hub.start_again().await;
            kills += 1;
        }
    }

    let receipt = sending.await.expect("no panic").expect("a receipt");
    assert!(kills >= 1, "nothing was killed");
    assert_all_created(&receipt, 9_000);
    let operator = || TestHub::line_to(&hub.url, &pki.operator("an"));
    assert_eq!(status(operator()).await.log_head, 9_000);
    let counted = node_status(operator(), "commune").await;
    assert_eq!((counted.received, counted.accepted), (9_000, 9_000));
    eventually("the bytes of the upload are removed", || async {
        let store = database.open().await;
        let spent = store
            .read()
            .await
            .expect("a transaction")
            .find_spent_chunks()
            .await;
        store.close().await;
        spent.expect("readable").is_none()
    })
    .await;
}

/// Submissions that the log holds, whether or not the hub runs.
async fn log_head(database: &Database) -> i64 {
    let store = database.open().await;
    let mut reading = store.read().await.expect("a transaction");
    let head = reading.read_counter("log").await.expect("a counter");
    drop(reading);
    store.close().await;
    head
}

/// The replica that takes uploads in is frozen in the middle of one; the other ends it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_replica_is_replaced_in_the_middle_of_an_upload() {
    let pki = Pki::new();
    let database = Database::new(Engine::Postgres).await;
    let second = HubOptions {
        port: free_port(),
        ..HubOptions::province()
    };
    let leader = HubProcess::start(&pki, &database.url, &HubOptions::province()).await;
    eventually("the first replica leads", || async {
        leader.log_text().contains("This replica takes uploads in")
    })
    .await;
    let follower = HubProcess::start(&pki, &database.url, &second).await;
    let operator = || TestHub::line_to(&follower.url, &pki.operator("an"));
    register(operator(), "commune", "GSO_PRE2025:30742").await;
    let line = || TestHub::line_to(&follower.url, &pki.node("commune"));
    let upload = pack_as(Packing::Zstd, &children(40_000), &delta());
    let sent = upload.clone();
    let mut client = UploadClient::new(line(), PATIENT);
    let sending = tokio::spawn(async move { client.send(&sent, |_| ()).await });
    let store = database.open().await;
    eventually("some records are taken in", || async {
        let mut reading = store.read().await.expect("a transaction");
        reading.read_counter("log").await.expect("a counter") > 0
    })
    .await;

    leader.signal("STOP");
    let receipt = sending.await.expect("no panic").expect("a receipt");
    leader.signal("CONT");

    assert_all_created(&receipt, 40_000);
    assert!(
        follower
            .log_text()
            .contains("This replica takes uploads in")
    );
    eventually("the old leader has noticed", || async {
        let log = leader.log_text();
        log.contains("Another replica takes uploads in now")
            || log.contains("Taking uploads in failed")
    })
    .await;
    assert_eq!(status(operator()).await.log_head, 40_000);
    store.close().await;
}

/// A file may not grow beyond 3 MiB: the hub says that its database is away, and goes on at the durable
/// offset when there is room again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_keeps_what_is_durable_and_the_upload_goes_on_later() {
    let pki = Pki::new();
    let database = Database::new(Engine::Sqlite).await;
    let mut hub = HubProcess::start(&pki, &database.url, &HubOptions::province()).await;
    let operator = || TestHub::line_to(&hub.url, &pki.operator("an"));
    register(operator(), "commune", "GSO_PRE2025:30742").await;
    hub.kill();
    hub.start_again_on_full_disk(6 * 1024).await;
    let line = TestHub::line_to(&hub.url, &pki.node("commune"));
    let upload = pack_as(Packing::Plain, &large_children(20_000), &delta());
    assert!(upload.manifest.bytes > 3 * 1024 * 1024);
    let mut client = UploadClient::new(line, 2);

    let failed = client.send(&upload, |_| ()).await.expect_err("a full disk");

    let log = hub.log_text();
    let found = log.lines().filter(|line| line.contains("A request failed"));
    let found: Vec<_> = found.collect();
    assert_eq!(failed.word(), "DATABASE_AWAY", "{found:?}");
    hub.kill();
    hub.start_again().await;
    let line = TestHub::line_to(&hub.url, &pki.node("commune"));
    let mut client = UploadClient::new(line, PATIENT);
    let receipt = client.send(&upload, |_| ()).await.expect("a receipt");
    assert_all_created(&receipt, 20_000);
    assert!(client.bytes_sent < upload.manifest.bytes, "it began again");
}

fn key_of(node: i64, upload: &OutgoingUpload) -> UploadKey {
    UploadKey {
        node: childsync::domain::node::NodeId::new(node),
        upload: upload.manifest.upload_id.parse().expect("an id"),
    }
}

async fn sweep(store: &Store, times: i64) -> Result<(), StoreError> {
    let mut transaction = store.write().await?;
    for _ in 0..times {
        transaction
            .sweep_uploads(AWAITED_SWEEPS_MAX, ENDED_SWEEPS_MAX)
            .await?;
    }
    transaction.commit().await
}

fn committer(store: &Store, clock: &Arc<ManualClock>, sweep: Duration) -> UploadCommitter {
    let clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(clock);
    let lease = Duration::from_millis(600);
    UploadCommitter {
        units: Arc::default(),
        leadership: Leadership::new(
            store.clone(),
            Arc::clone(&clock),
            LeaseName::Uploads,
            "a committer of a test".into(),
            lease,
        ),
        store: store.clone(),
        codec: Arc::new(ContractCodec),
        key: Arc::new(SealKey::new(&SEAL_KEY).expect("a key")),
        clock,
        signals: Arc::new(Signals::default()),
        metrics: Arc::new(Metrics::default()),
        sweep,
    }
}

async fn an_upload_expires_by_sweeps_and_not_by_the_clock(engine: Engine) {
    let hub = TestHub::province(engine).await;
    let store = hub.database.open().await;
    let (mut client, day) = (hub.ingest("commune"), 24);
    let ended = pack_as(Packing::Plain, &children(3), &delta());
    let receipt = hub.upload(&ended).await;
    let awaited = pack_as(Packing::Plain, &children(40), &delta());
    open(&mut client, &awaited.manifest).await.expect("opened");
    let mut chunks = parts(&awaited, 2_000).into_iter();

    // A chunk every two days keeps an upload alive, and a receipt is there a day later.
    for chunk in chunks.by_ref().take(2) {
        sweep(&store, 2 * day).await.expect("swept");
        let id = &awaited.manifest.upload_id;
        send(&mut client, id, vec![chunk]).await.expect("durable");
    }
    assert_eq!(hub.upload(&ended).await, receipt);
    sweep(&store, AWAITED_SWEEPS_MAX - 1).await.expect("swept");
    let opened = open(&mut client, &awaited.manifest).await.expect("opened");
    assert_eq!(opened.durable_offset, 4_000);

    sweep(&store, AWAITED_SWEEPS_MAX).await.expect("swept");

    // The hub removes what has expired by itself, and the same upload may begin anew.
    let key = key_of(1, &awaited);
    eventually("the upload is removed", || async {
        let mut reading = store.read().await.expect("a transaction");
        reading.find_upload(key).await.expect("readable").is_none()
    })
    .await;
    let mut reading = store.read().await.expect("a transaction");
    assert!(
        reading
            .read_chunks(key, 0, 1)
            .await
            .expect("readable")
            .is_empty()
    );
    drop(reading);
    let opened = open(&mut client, &awaited.manifest).await.expect("opened");
    assert_eq!(opened.durable_offset, 0);
    // The receipt goes after thirty days; the same upload then finds everything there already.
    sweep(&store, ENDED_SWEEPS_MAX).await.expect("swept");
    let key = key_of(1, &ended);
    eventually("the receipt is removed", || async {
        let mut reading = store.read().await.expect("a transaction");
        reading.find_upload(key).await.expect("readable").is_none()
    })
    .await;
    let totals = hub.upload(&ended).await.totals.expect("totals");
    assert_eq!((totals.created, totals.unchanged), (0, 3));
    store.close().await;
    hub.stop().await;
}

/// The hub's own clock is a year ahead, then ten days back; a committer of the test's leads meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_jumps_loses_no_upload() {
    let hub = TestHub::province(Engine::Sqlite).await;
    let (pki, database) = (Arc::clone(&hub.pki), Arc::clone(&hub.database));
    let uploads = [1, 2].map(|more| {
        let changes = &children(more * 50)[usize::try_from((more - 1) * 50).expect("small")..];
        pack_as(Packing::Plain, changes, &delta())
    });
    let mut client = hub.ingest("commune");
    for upload in &uploads {
        open(&mut client, &upload.manifest).await.expect("opened");
        let chunk = vec![(0, upload.content[..1_000].to_vec())];
        send(&mut client, &upload.manifest.upload_id, chunk)
            .await
            .expect("durable");
    }
    hub.stop().await;
    // Far from now on both sides: deadlines of leases that an earlier clock wrote are in the way of none.
    let store = database.open().await;
    let clock = Arc::new(ManualClock::at(SystemClock.now()));
    let stop = CancellationToken::new();
    let hour = Duration::from_hours(1);
    let running = tokio::spawn(committer(&store, &clock, hour).run(stop.clone()));
    let year = Duration::from_hours(24 * 365);
    clock.advance(year);
    let hub = TestHub::start(pki, database, HubOptions::province()).await;
    let mut client = hub.ingest("commune");

    for (upload, back) in uploads.iter().zip([false, true]) {
        if back {
            let now = clock.now().as_micros();
            let days = i64::try_from(Duration::from_hours(24 * 375).as_micros()).expect("small");
            clock.set(Timestamp::from_micros(now - days));
        }
        let id = &upload.manifest.upload_id;
        let rest = vec![(1_000, upload.content[1_000..].to_vec())];
        send(&mut client, id, rest).await.expect("durable");
        let receipt = commit(&mut client, id).await.expect("a receipt");
        assert_all_created(&receipt, 50);
    }

    stop.cancel();
    running.await.expect("no panic");
    store.close().await;
    hub.stop().await;
}

async fn a_foreign_or_spoilt_chunk_in_the_database_is_not_taken_for_ours(engine: Engine) {
    let hub = TestHub::province(engine).await;
    let store = hub.database.open().await;
    let (one, other) = (
        pack_as(Packing::Plain, &children(40), &delta()),
        pack_as(Packing::Plain, &children(41), &delta()),
    );
    let mut client = hub.ingest("commune");
    for upload in [&one, &other] {
        open(&mut client, &upload.manifest).await.expect("opened");
        let chunks = parts(upload, 1_000).into_iter().take(2).collect();
        send(&mut client, &upload.manifest.upload_id, chunks)
            .await
            .expect("durable");
    }
    // Whoever can write the database puts chunks of one upload into another, and bits where none were.
    let mut reading = store.read().await.expect("a transaction");
    let held = reading
        .read_chunks(key_of(1, &other), 0, 2)
        .await
        .expect("chunks");
    drop(reading);
    let mut spoilt = held[1].1.clone();
    spoilt[40] ^= 1;
    for (upload, sealed) in [(&one, held[1].1.clone()), (&other, spoilt)] {
        let key = key_of(1, upload);
        let mut transaction = store.write().await.expect("a transaction");
        let end = upload.manifest.bytes;
        transaction
            .append_chunk(key, 2_000, sealed, end)
            .await
            .expect("written");
        transaction.commit().await.expect("committed");
    }

    for upload in [&one, &other] {
        let request = v1::CommitUploadRequest {
            upload_id: upload.manifest.upload_id.clone(),
        };
        client.commit_upload(request).await.expect("begun");
    }
    // Both are tried and neither is taken in, and an upload that is sound does not wait for them.
    let sound = pack_as(Packing::Plain, &children(5), &delta());
    assert_all_created(&hub.upload(&sound).await, 5);
    assert_eq!(hub.status().await.log_head, 5);
    for upload in [&one, &other] {
        let held = store
            .read()
            .await
            .expect("a transaction")
            .upload_progress(key_of(1, upload))
            .await;
        let held = held.expect("readable").expect("held");
        assert_eq!((held.state, held.done), (UploadState::Committing, 0));
    }
    store.close().await;
    hub.stop().await;
}
