//! What an upload promises while its bytes come: resumption, digests, limits and names.

use childsync::domain::node::NodeId;
use childsync::domain::record::{RecordId, RecordKey, RecordKind, Version};
use childsync::domain::upload::{Effect, Faults, Missing, Packing};
use childsync::grpc::proto::v1;
use childsync::grpc::proto::v1::UploadState;
use childsync::store::HeldVersion;
use tonic::Code;
use tonic_types::StatusExt;
use uuid::Uuid;

use crate::support::database::Engine;
use crate::support::hub::TestHub;
use crate::support::on_both_engines;
use crate::support::records::{change, child, id, numbered_child, report, report_change};
use crate::support::upload::{
    commit, delta, open, pack, pack_as, pack_bytes, reason, send, snapshot,
};

on_both_engines![
    an_upload_of_every_packing_is_taken_in,
    a_replayed_upload_gets_the_first_receipt_again,
    an_upload_id_with_another_manifest_is_refused,
    an_upload_goes_on_at_the_durable_offset,
    two_clients_with_one_identity_make_one_upload,
    several_uploads_of_one_node_are_never_mixed,
    flipped_and_swapped_chunks_are_found_by_the_digest,
    a_truncated_upload_is_not_committed,
    bytes_that_are_no_changes_are_refused_whole,
    a_node_has_no_upload_of_another,
    what_an_upload_says_again_far_behind_is_found,
    what_is_held_of_a_record_is_found_whenever_it_came,
];

fn children(count: u32) -> Vec<v1::RecordChange> {
    let child = |number: u32| change(number.into(), 1, numbered_child(number));
    (1..=count).map(child).collect()
}

async fn an_upload_of_every_packing_is_taken_in(engine: Engine) {
    let hub = TestHub::province(engine).await;
    let mut changes = children(30);
    changes.push(report_change(1, 1, report()));

    for (packing, more) in [(Packing::Plain, 0), (Packing::Zstd, 1), (Packing::Gzip, 2)] {
        let changes: Vec<_> = changes
            .iter()
            .map(|change| v1::RecordChange {
                version: change.version + more,
                ..change.clone()
            })
            .collect();
        let receipt = hub.upload(&pack_as(packing, &changes, &delta())).await;

        assert_eq!(receipt.state(), UploadState::Committed, "{receipt:?}");
        assert_eq!(receipt.records_done, 31);
        let totals = receipt.totals.expect("totals");
        let expected = if more == 0 { (31, 0) } else { (0, 31) };
        assert_eq!((totals.created, totals.renewed), expected);
    }

    hub.settled().await;
    let status = hub.status().await;
    assert_eq!((status.source_records, status.case_reports), (30, 1));
    assert_eq!(hub.node_status("commune").await.accepted, 93);
    hub.stop().await;
}

/// More records than one transaction takes, and some of them again at the end: what a slice is compared with
/// was read while the slice before was still being written.
async fn what_an_upload_says_again_far_behind_is_found(engine: Engine) {
    let hub = TestHub::province(engine).await;
    let version = |at: u32, version| change(at.into(), version, numbered_child(at));
    let mut changes: Vec<_> = (1..=8_000).map(|at| version(at, 2)).collect();
    changes.extend((7_901..=8_000).map(|at| version(at, if at % 2 == 0 { 1 } else { 3 })));

    let receipt = hub.upload(&pack(&changes, &delta())).await;

    assert_eq!(receipt.state(), UploadState::Committed, "{receipt:?}");
    let totals = receipt.totals.expect("totals");
    let counts = (totals.created, totals.superseded, totals.renewed);
    assert_eq!(counts, (8_000, 50, 50));
    assert_eq!(hub.status().await.log_head, 8_100);
    hub.stop().await;
}

async fn what_is_held_of_a_record_is_found_whenever_it_came(engine: Engine) {
    let hub = TestHub::province(engine).await;
    hub.register("neighbour", "GSO_PRE2025:30742").await;
    for version in [1, 2, 5] {
        hub.push(vec![change(1, version, child())]).await;
    }
    hub.push_as("neighbour", vec![change(1, 3, child())]).await;
    hub.push(vec![change(2, 4, child())]).await;
    let (node, kind) = (NodeId::new(1), RecordKind::Child);
    let record = |number| RecordKey {
        node,
        kind,
        record_id: RecordId::new(id(number)),
    };
    let version = |number| Version::from_i64(number).expect("a version");
    let store = hub.database.open().await;
    let mut reading = store.read().await.expect("a transaction");
    let of = |held: Vec<HeldVersion>| {
        let mut held: Vec<_> = held.iter().map(|row| (row.key, row.version)).collect();
        held.sort_unstable();
        held.dedup();
        held
    };

    let wanted = [
        (record(1), version(4)),
        (record(2), version(9)),
        (record(3), version(1)),
    ];
    let held = reading.find_held_and_prior_versions(&wanted).await;
    let appended = reading.read_appended(node, (1, 4)).await;

    // Of the first, what is newer and the newest that is older; of the second, only something older.
    let expected = [
        (record(1), version(2)),
        (record(1), version(5)),
        (record(2), version(4)),
    ];
    assert_eq!(of(held.expect("readable")), expected);
    // Numbers 2 and 3 of the log are this node's, number 4 is another's.
    let expected = [(record(1), version(2)), (record(1), version(5))];
    assert_eq!(of(appended.expect("readable")), expected);
    drop(reading);
    store.close().await;
    hub.stop().await;
}

async fn a_replayed_upload_gets_the_first_receipt_again(engine: Engine) {
    let hub = TestHub::province(engine).await;
    let upload = pack(&children(10), &delta());
    let first = hub.upload(&upload).await;
    hub.push(vec![change(1, 2, child())]).await;

    let again = hub.upload(&upload).await;

    assert_eq!(again, first);
    let committed = commit(&mut hub.ingest("commune"), &upload.manifest.upload_id).await;
    assert_eq!(committed.expect("a receipt"), first);
    assert_eq!(hub.node_status("commune").await.received, 11);
    hub.stop().await;
}

async fn an_upload_id_with_another_manifest_is_refused(engine: Engine) {
    let hub = TestHub::province(engine).await;
    let first = pack(&children(10), &delta());
    hub.upload(&first).await;
    let mut other = pack(&children(11), &delta());
    other
        .manifest
        .upload_id
        .clone_from(&first.manifest.upload_id);

    let status = open(&mut hub.ingest("commune"), &other.manifest).await;

    let status = status.expect_err("it must be refused");
    assert_eq!(status.code(), Code::AlreadyExists);
    assert_eq!(reason(&status), "UPLOAD_ID_REUSED");
    hub.stop().await;
}

async fn an_upload_goes_on_at_the_durable_offset(engine: Engine) {
    let hub = TestHub::province(engine).await;
    let upload = pack_as(Packing::Plain, &children(40), &delta());
    let (id, bytes) = (&upload.manifest.upload_id, upload.content.to_vec());
    let mut client = hub.ingest("commune");
    open(&mut client, &upload.manifest).await.expect("opened");
    send(&mut client, id, vec![(0, bytes[..1_000].to_vec())])
        .await
        .expect("durable");

    let opened = open(&mut hub.ingest("commune"), &upload.manifest).await;

    assert_eq!(opened.expect("opened").durable_offset, 1_000);
    // What is before the bytes that are missing is refused with the place to go on at.
    let ahead = send(&mut client, id, vec![(1_500, bytes[1_500..].to_vec())]).await;
    let status = ahead.expect_err("it must be refused");
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::Aborted, "OFFSET_AHEAD")
    );
    let details = status.get_error_details();
    let metadata = &details.error_info().expect("details").metadata;
    assert_eq!(metadata["durable_offset"], "1000");
    // What is there already is passed over, also where a chunk is new in part.
    let chunks = vec![(0, bytes[..500].to_vec()), (400, bytes[400..].to_vec())];
    let durable = send(&mut client, id, chunks).await.expect("durable");
    assert_eq!(durable, upload.manifest.bytes);
    let receipt = commit(&mut client, id).await.expect("a receipt");
    assert_eq!(receipt.totals.expect("totals").created, 40);
    hub.stop().await;
}

async fn two_clients_with_one_identity_make_one_upload(engine: Engine) {
    let hub = TestHub::province(engine).await;
    let upload = pack_as(Packing::Plain, &children(400), &delta());
    let mut clients = [hub.uploading("commune"), hub.uploading("commune")];
    let [one, other] = &mut clients;

    let (one, other) = tokio::join!(one.send(&upload, |_| ()), other.send(&upload, |_| ()));

    let receipt = one.expect("a receipt");
    assert_eq!(receipt, other.expect("a receipt"));
    assert_eq!(receipt.totals.expect("totals").created, 400);
    assert_eq!(hub.node_status("commune").await.received, 400);
    hub.stop().await;
}

async fn several_uploads_of_one_node_are_never_mixed(engine: Engine) {
    let hub = TestHub::province(engine).await;
    let make = |from: u128| {
        let changes: Vec<_> = (from..from + 50).map(|at| change(at, 1, child())).collect();
        pack_as(Packing::Plain, &changes, &delta())
    };
    let uploads = [make(100), make(200), make(300), make(400)];
    let mut client = hub.ingest("commune");
    for upload in &uploads {
        open(&mut client, &upload.manifest).await.expect("opened");
    }

    // A fifth one has to wait, and one stream carries one upload only.
    let fifth = open(&mut client, &make(500).manifest).await;
    let status = fifth.expect_err("it must wait");
    assert_eq!(reason(&status), "TOO_MANY_UPLOADS");
    assert!(status.get_error_details().retry_info().is_some());
    let mixed: Vec<_> = uploads
        .iter()
        .map(|upload| v1::SendChunksRequest {
            upload_id: upload.manifest.upload_id.clone(),
            offset: 0,
            content: upload.content.slice(..100),
        })
        .collect();
    let answers = client.send_chunks(tokio_stream::iter(mixed)).await;
    let mut answers = answers.expect("a stream").into_inner();
    assert_eq!(
        answers
            .message()
            .await
            .expect("durable")
            .expect("one")
            .durable_offset,
        100
    );
    let status = answers.message().await.expect_err("it must be refused");
    assert_eq!(reason(&status), "UPLOADS_MIXED");

    // Chunk by chunk in turn, each arrives in its own upload.
    for from in (0..uploads[0].content.len()).step_by(1_000) {
        for upload in &uploads {
            let chunk = upload.content[from..upload.content.len().min(from + 1_000)].to_vec();
            let chunk = vec![(u64::try_from(from).expect("small"), chunk)];
            let id = &upload.manifest.upload_id;
            send(&mut client, id, chunk).await.expect("durable");
        }
    }
    for upload in &uploads {
        let receipt = commit(&mut client, &upload.manifest.upload_id).await;
        let totals = receipt.expect("a receipt").totals.expect("totals");
        assert_eq!(totals.created, 50);
    }
    hub.stop().await;
}

async fn flipped_and_swapped_chunks_are_found_by_the_digest(engine: Engine) {
    let hub = TestHub::province(engine).await;
    let upload = pack_as(Packing::Plain, &children(40), &delta());
    let (id, bytes) = (&upload.manifest.upload_id, upload.content.to_vec());
    let mut flipped = bytes.clone();
    flipped[700] ^= 1;
    let swapped = [&bytes[500..1_000], &bytes[..500], &bytes[1_000..]].concat();
    let mut client = hub.ingest("commune");

    for spoilt in [flipped, swapped] {
        open(&mut client, &upload.manifest).await.expect("opened");
        send(&mut client, id, vec![(0, spoilt)])
            .await
            .expect("durable");

        let status = commit(&mut client, id).await.expect_err("it must be found");

        assert_eq!(status.code(), Code::FailedPrecondition);
        assert_eq!(reason(&status), "DIGEST_DIFFERS");
        let again = open(&mut client, &upload.manifest).await.expect("opened");
        assert_eq!(
            (again.state(), again.durable_offset),
            (UploadState::Receiving, 0)
        );
        assert_eq!(again.failure, "DIGEST_DIFFERS");
        assert_eq!(hub.status().await.log_head, 0);
    }

    // The same upload sent again as it is arrives.
    assert_eq!(
        hub.upload(&upload).await.totals.expect("totals").created,
        40
    );
    hub.stop().await;
}

async fn a_truncated_upload_is_not_committed(engine: Engine) {
    let hub = TestHub::province(engine).await;
    let upload = pack(&children(40), &delta());
    let (id, bytes) = (&upload.manifest.upload_id, upload.content.to_vec());
    let mut client = hub.ingest("commune");
    open(&mut client, &upload.manifest).await.expect("opened");
    let short = bytes[..bytes.len() - 1].to_vec();
    send(&mut client, id, vec![(0, short)])
        .await
        .expect("durable");

    let status = commit(&mut client, id)
        .await
        .expect_err("it must be refused");

    assert_eq!(reason(&status), "UPLOAD_INCOMPLETE");
    let longer = send(&mut client, id, vec![(0, [bytes, vec![0]].concat())]).await;
    assert_eq!(
        reason(&longer.expect_err("it must be refused")),
        "BEYOND_END"
    );
    hub.stop().await;
}

async fn bytes_that_are_no_changes_are_refused_whole(engine: Engine) {
    let hub = TestHub::province(engine).await;
    let good = pack_as(Packing::Plain, &children(3), &delta())
        .content
        .to_vec();
    let zipped = pack(&children(3), &delta()).content.to_vec();
    let gzipped = pack_as(Packing::Gzip, &children(3), &delta())
        .content
        .to_vec();
    let mut endless = good.clone();
    endless.extend([0xff; 9]);
    let cases = [
        (
            Packing::Plain,
            good[..good.len() - 1].to_vec(),
            3,
            "FRAME_BROKEN",
        ),
        (Packing::Plain, endless, 4, "FRAME_BROKEN"),
        (Packing::Plain, good.clone(), 2, "COUNT_DIFFERS"),
        (Packing::Plain, good.clone(), 4, "COUNT_DIFFERS"),
        (Packing::Zstd, good.clone(), 3, "NOT_UNPACKABLE"),
        (
            Packing::Zstd,
            [&zipped[..], &[1]].concat(),
            3,
            "NOT_UNPACKABLE",
        ),
        (
            Packing::Zstd,
            zipped[..zipped.len() - 5].to_vec(),
            3,
            "NOT_UNPACKABLE",
        ),
        (Packing::Gzip, good, 3, "NOT_UNPACKABLE"),
        (
            Packing::Gzip,
            gzipped[..gzipped.len() - 5].to_vec(),
            3,
            "NOT_UNPACKABLE",
        ),
    ];

    for (packing, bytes, records, fault) in cases {
        let receipt = hub.upload(&pack_bytes(packing, bytes, records)).await;

        assert_eq!(
            receipt.state(),
            UploadState::Refused,
            "{fault}: {receipt:?}"
        );
        assert_eq!(receipt.failure, fault);
    }
    assert_eq!(hub.status().await.log_head, 0);
    hub.stop().await;
}

async fn a_node_has_no_upload_of_another(engine: Engine) {
    let hub = TestHub::province(engine).await;
    hub.register("other", "GSO_PRE2025:30745").await;
    let upload = pack(&children(3), &delta());
    let id = &upload.manifest.upload_id;
    open(&mut hub.ingest("commune"), &upload.manifest)
        .await
        .expect("opened");
    let mut other = hub.ingest("other");

    let sent = send(&mut other, id, vec![(0, upload.content.to_vec())]).await;
    let committed = commit(&mut other, id).await;
    let opened = open(&mut other, &upload.manifest).await;

    assert_eq!(reason(&sent.expect_err("refused")), "UPLOAD_UNKNOWN");
    assert_eq!(reason(&committed.expect_err("refused")), "UPLOAD_UNKNOWN");
    // Nor may it announce one about a unit that is not its own.
    let status = opened.expect_err("refused");
    assert_eq!(status.code(), Code::PermissionDenied);
    assert_eq!(reason(&status), "OUTSIDE_TERRITORY");
    let mine = other.list_uploads(v1::ListUploadsRequest::default()).await;
    assert!(mine.expect("a list").into_inner().uploads.is_empty());
    hub.stop().await;
}

#[tokio::test]
async fn operators_see_the_uploads_of_every_node_and_nodes_their_own() {
    let hub = TestHub::province(Engine::Sqlite).await;
    hub.register("other", "GSO_PRE2025:30742").await;
    let mine = pack(&children(3), &delta());
    hub.upload(&mine).await;
    let theirs = pack(&children(5), &delta());
    let mut client = hub.uploading("other");
    client.send(&theirs, |_| ()).await.expect("a receipt");
    let mut operator = v1::ingest_service_client::IngestServiceClient::new(hub.operator_line());

    let mut seen = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = v1::ListUploadsRequest {
            page_size: 1,
            page_token,
        };
        let page = operator
            .list_uploads(request)
            .await
            .expect("a page")
            .into_inner();
        seen.extend(page.uploads.into_iter().map(|upload| upload.node));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }

    assert_eq!(seen, ["other", "commune"]);
    let request = v1::GetUploadRequest {
        upload_id: mine.manifest.upload_id.clone(),
        node: "commune".to_owned(),
        ..v1::GetUploadRequest::default()
    };
    let shown = operator
        .get_upload(request)
        .await
        .expect("shown")
        .into_inner();
    assert_eq!(shown.upload.expect("one").manifest, Some(mine.manifest));
    let mut node = hub.ingest("commune");
    let listed = node.list_uploads(v1::ListUploadsRequest::default()).await;
    assert_eq!(listed.expect("a list").into_inner().uploads.len(), 1);
    hub.stop().await;
}

#[tokio::test]
async fn the_id_of_an_upload_is_drawn_from_what_it_is() {
    let terms = [
        delta(),
        snapshot(Missing::Report),
        snapshot(Missing::Withdraw),
        childsync::grpc::upload_client::UploadTerms {
            effect: Effect::ReportOnly,
            ..delta()
        },
        childsync::grpc::upload_client::UploadTerms {
            faults: Faults::RefuseAll,
            ..delta()
        },
        childsync::grpc::upload_client::UploadTerms {
            period: "2026-11".parse().expect("a period"),
            ..delta()
        },
    ];
    let ids = |changes: &[v1::RecordChange]| -> Vec<String> {
        let ids = terms
            .iter()
            .map(|terms| pack(changes, terms).manifest.upload_id);
        ids.collect()
    };

    let mut all = [ids(&children(3)), ids(&children(4))].concat();

    assert_eq!(ids(&children(3)), all[..6]);
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 12);
    assert!(all.iter().all(|id| id.parse::<Uuid>().is_ok()));
    assert!(!all.contains(&id(1).to_string()));
}
