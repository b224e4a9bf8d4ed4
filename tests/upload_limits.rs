//! What an upload may not be: manifests, chunks and packings beyond their limits.

use std::sync::Arc;

use childsync::domain::upload::{Missing, Packing};
use childsync::grpc::proto::v1;
use childsync::grpc::proto::v1::ingest_service_client::IngestServiceClient;
use tonic::Code;
use tonic_types::StatusExt;

use crate::support::agent::{AgentOptions, TestAgent};
use crate::support::database::{Database, Engine};
use crate::support::hub::{HubOptions, TestHub, free_port};
use crate::support::pki::Pki;
use crate::support::records::{change, child};
use crate::support::upload::{delta, open, pack, pack_bytes, reason, send, snapshot};
use crate::support::{eventually, on_both_engines};

on_both_engines![the_uploads_of_all_nodes_together_have_a_limit];

#[tokio::test]
async fn a_manifest_that_cannot_be_used_is_refused_by_field() {
    let hub = TestHub::province(Engine::Sqlite).await;
    let good = pack(&[change(1, 1, child())], &snapshot(Missing::Withdraw)).manifest;
    let mut spoilt: Vec<(&str, v1::UploadManifest)> = Vec::new();
    let mut spoil = |field, change: fn(&mut v1::UploadManifest)| {
        let mut manifest = good.clone();
        change(&mut manifest);
        spoilt.push((field, manifest));
    };
    spoil("upload_id", |it| it.upload_id = "Danh Mẫu".to_owned());
    spoil("kind", |it| it.kind = 0);
    spoil("record_kind", |it| it.record_kind = 0);
    spoil("record_kind", |it| {
        (it.kind, it.withdraw_missing) = (1, false);
    });
    spoil("withdraw_missing", |it| it.kind = 1);
    spoil("withdraw_missing", |it| it.records = 0);
    spoil("unit", |it| it.unit = None);
    spoil("period", |it| it.period = "Tháng 11".to_owned());
    spoil("records", |it| it.records = 500_001);
    spoil("bytes", |it| it.bytes = 256 * 1024 * 1024 + 1);
    spoil("digest", |it| it.digest.truncate(31));
    spoil("packing", |it| it.packing = 9);
    spoil("all_or_nothing", |it| {
        (it.all_or_nothing, it.records) = (true, 20_001);
    });

    for (field, manifest) in spoilt {
        let status = open(&mut hub.ingest("commune"), &manifest).await;

        let status = status.expect_err(field);
        assert_eq!(status.code(), Code::InvalidArgument, "{field}");
        let details = status.get_error_details();
        let violations = details.bad_request().expect("a field");
        assert_eq!(violations.field_violations[0].field, field, "{status:?}");
    }
    hub.stop().await;
}

/// The manifest of an upload that says it has so many MiB.
fn announcing(mebibytes: u64) -> v1::UploadManifest {
    let mut manifest = pack_bytes(Packing::Plain, vec![0], 1).manifest;
    manifest.bytes = mebibytes * 1024 * 1024;
    manifest
}

async fn the_uploads_of_all_nodes_together_have_a_limit(engine: Engine) {
    let options = HubOptions {
        tuning: "upload_mebibytes_max = 256",
        ..HubOptions::province()
    };
    let (pki, database) = (Arc::new(Pki::new()), Arc::new(Database::new(engine).await));
    let hub = TestHub::start(pki, database, options).await;
    let store = hub.database.open().await;
    for node in ["commune", "neighbour"] {
        hub.register(node, "GSO_PRE2025:30742").await;
    }
    let small = pack(&[change(1, 1, child())], &delta());
    let (first, second) = (announcing(200), announcing(57));
    let opened = open(&mut hub.ingest("commune"), &first).await;
    opened.expect("opened");

    let status = open(&mut hub.ingest("neighbour"), &second).await;

    let status = status.expect_err("full");
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert_eq!(reason(&status), "UPLOAD_STORAGE_FULL");
    assert!(status.get_error_details().retry_info().is_some());
    // What is small still finds room, what is open goes on, and pushing is another thing.
    hub.upload(&small).await;
    open(&mut hub.ingest("commune"), &first)
        .await
        .expect("open");
    hub.push_as("neighbour", vec![change(2, 1, child())]).await;
    let mut sweeping = store.write().await.expect("a transaction");
    let expired = sweeping.sweep_uploads(1, 720).await;
    sweeping.commit().await.expect("swept");
    assert_eq!(expired.expect("swept"), 1);
    eventually("there is room again", || async {
        open(&mut hub.ingest("neighbour"), &second).await.is_ok()
    })
    .await;
    store.close().await;
    hub.stop().await;
}

#[tokio::test]
async fn a_chunk_is_1_byte_to_256_kib() {
    let hub = TestHub::province(Engine::Sqlite).await;
    let upload = pack_bytes(Packing::Plain, vec![0; 300 * 1024], 1);
    let id = &upload.manifest.upload_id;
    let mut client = hub.ingest("commune");
    open(&mut client, &upload.manifest).await.expect("opened");

    for size in [0, 256 * 1024 + 1] {
        let status = send(&mut client, id, vec![(0, vec![0; size])]).await;

        assert_eq!(reason(&status.expect_err("refused")), "CHUNK_SIZE");
    }
    let durable = send(&mut client, id, vec![(0, vec![0; 256 * 1024])]).await;
    assert_eq!(durable.expect("durable"), 256 * 1024);
    hub.stop().await;
}

#[tokio::test]
async fn a_bomb_meets_the_limits_of_what_it_unpacks_to() {
    let hub = TestHub::province(Engine::Sqlite).await;
    // Two records of 1 MiB and one byte more, and 100 MiB of records that say nothing.
    let large = prost::encoding::encode_varint;
    let mut frame = Vec::new();
    large(1024 * 1024 + 1, &mut frame);
    frame.resize(frame.len() + 1024 * 1024 + 1, 0);
    let empty_records = vec![0; 100 * 1024 * 1024];
    let pack = |packing, bytes: &[u8]| match packing {
        Packing::Gzip => {
            let level = flate2::Compression::best();
            let mut packed = flate2::write::GzEncoder::new(Vec::new(), level);
            std::io::Write::write_all(&mut packed, bytes).expect("packed");
            packed.finish().expect("packed")
        }
        Packing::Zstd => zstd::encode_all(bytes, 19).expect("packed"),
        Packing::Plain => bytes.to_vec(),
    };

    for packing in [Packing::Zstd, Packing::Gzip] {
        let upload = pack_bytes(packing, pack(packing, &frame), 1);
        assert_eq!(hub.upload(&upload).await.failure, "FRAME_BROKEN");

        let upload = pack_bytes(packing, pack(packing, &empty_records), 500_000);
        assert!(
            upload.manifest.bytes < 200 * 1024,
            "{}",
            upload.manifest.bytes
        );
        assert_eq!(hub.upload(&upload).await.failure, "COUNT_DIFFERS");

        let mut together = pack_bytes(packing, pack(packing, &empty_records), 20_000);
        together.manifest.all_or_nothing = true;
        assert_eq!(hub.upload(&together).await.failure, "COUNT_DIFFERS");
    }
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_takes_no_uploads_and_says_so() {
    let pki = Arc::new(Pki::new());
    let away = format!("https://127.0.0.1:{}", free_port());
    let agent = TestAgent::start(&pki, AgentOptions::before(&away)).await;
    let url = format!("https://127.0.0.1:{}", agent.options.grpc);
    let mut client = IngestServiceClient::new(TestHub::line_to(&url, &pki.node("commune")));

    let open = client.open_upload(v1::OpenUploadRequest::default()).await;
    let get = client.get_upload(v1::GetUploadRequest::default()).await;
    let list = client.list_uploads(v1::ListUploadsRequest::default()).await;
    let commit = client.commit_upload(v1::CommitUploadRequest::default());
    let commit = commit.await;
    let send = client.send_chunks(tokio_stream::empty()).await;

    let refused = [open.err(), get.err(), list.err(), commit.err(), send.err()];
    for status in refused {
        let status = status.expect("refused");
        assert_eq!(status.code(), Code::Unimplemented);
        assert_eq!(reason(&status), "UPLOADS_AT_HUBS_ONLY");
    }
    agent.stop().await;
}
