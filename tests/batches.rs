//! Forward batches and their evidence: manifests, receipts, and what is refused.

use std::sync::Arc;

use childsync::domain::clock::{Clock, SystemClock};
use childsync::domain::golden::GoldenId;
use childsync::domain::record::{ContentHash, Lane, Version};
use childsync::grpc::batch_file::{BatchFileError, EvidenceWriter, ManifestLetter, ReceiptLetter};
use childsync::grpc::proto::v1;
use childsync::grpc::proto::v1::batch_service_client::BatchServiceClient;
use childsync::security::directory::Signer;
use childsync::security::trust::TrustedAs;
use childsync::sync::forward::{BatchEntry, Manifest, ManifestWriter, digest, write_entries};
use tonic::Status;
use tonic_types::StatusExt;
use uuid::Uuid;

use crate::support::database::Engine;
use crate::support::eventually;
use crate::support::forwarding::{nation, writer};
use crate::support::hub::{TestHub, free_port};
use crate::support::on_both_engines;
use crate::support::pki::Pki;
use crate::support::records::{change, id, numbered_child, report, report_change};

on_both_engines![
    both_hubs_keep_evidence_that_can_be_proved_without_them,
    the_same_manifest_gets_the_same_receipt,
    a_manifest_that_proves_nothing_is_refused,
    a_child_edited_twenty_times_between_two_sends_is_sent_once,
];

async fn letters(hub: &TestHub, node: &str, number: u64) -> v1::GetBatchResponse {
    let request = v1::GetBatchRequest {
        node: node.to_owned(),
        number,
    };
    let mut client = BatchServiceClient::new(hub.operator_line());
    let answer = client.get_batch(request).await.expect("a batch");
    answer.into_inner()
}

async fn list(hub: &TestHub, direction: v1::BatchDirection) -> Vec<v1::ForwardBatch> {
    let request = v1::ListBatchesRequest {
        direction: direction.into(),
        ..v1::ListBatchesRequest::default()
    };
    let mut client = BatchServiceClient::new(hub.operator_line());
    let answer = client.list_batches(request).await.expect("batches");
    answer.into_inner().batches
}

async fn both_hubs_keep_evidence_that_can_be_proved_without_them(engine: Engine) {
    let pki = Arc::new(Pki::new());
    let nation = nation(&pki, engine, free_port()).await;
    let province = TestHub::province_below(&pki, engine, &nation.url).await;
    province.register("commune", "GSO_PRE2025:30742").await;
    let children = (1..=20).map(|at| change(at.into(), 1, numbered_child(at)));
    province.push(children.collect()).await;
    province.push(vec![report_change(99, 1, report())]).await;
    let sent = || list(&province, v1::BatchDirection::Sent);
    eventually("everything is receipted", || async {
        let sent = sent().await;
        sent.iter().map(|batch| batch.held).sum::<u64>() == 21
    })
    .await;

    let received = list(&nation, v1::BatchDirection::Received).await;
    let directory = pki.directory("province");
    for batch in sent().await {
        let kept = letters(&province, "", batch.number).await;
        let manifest = ManifestLetter::read(&kept.manifest).expect("a manifest");
        let receipt = ReceiptLetter::read(&kept.receipt).expect("a receipt");
        receipt.check_for(&manifest).expect("they belong together");
        let now = SystemClock.now();
        let hub = manifest.believe(&directory.authorities, now);
        assert_eq!(hub.expect("believed").as_str(), "province");
        let here = TrustedAs::SignerAt("127.0.0.1");
        let upstream = receipt.believe(&directory.authorities, here, now);
        assert_eq!(upstream.expect("believed").as_str(), "nation");
        let stranger = Pki::new().directory("nation").authorities;
        assert!(receipt.believe(&stranger, here, now).is_err());
        assert_eq!(receipt.header.held, batch.records);
        // The upstream has the same letters.
        let above = letters(&nation, "province", batch.number).await;
        assert_eq!(
            (&above.manifest, &above.receipt),
            (&kept.manifest, &kept.receipt)
        );
        let same = received.iter().find(|one| one.batch_id == batch.batch_id);
        assert_eq!(same.map(|one| one.held), Some(batch.records));
    }
    province.stop().await;
    nation.stop().await;
}

/// A hub by hand: what it signs, and what it hands in.
struct ByHand {
    client: BatchServiceClient<tonic::transport::Channel>,
    signer: Signer,
}

impl ByHand {
    fn new(hub: &TestHub, node: &str) -> Self {
        Self {
            client: BatchServiceClient::new(hub.node_line(node)),
            signer: hub.pki.directory(node).signer.expect("a hub signs"),
        }
    }

    fn sign(&self, name: &str, manifest: &Manifest) -> Vec<u8> {
        let writer = EvidenceWriter {
            hub: name.parse().expect("a name"),
            signer: self.signer.clone(),
        };
        writer.write(manifest).expect("signed")
    }

    async fn submit(&self, manifest: &[u8], entries: &[BatchEntry]) -> Result<Vec<u8>, Status> {
        let request = v1::SubmitManifestRequest {
            manifest: manifest.to_vec(),
            entries: write_entries(entries),
        };
        let answer = self.client.clone().submit_manifest(request).await?;
        Ok(answer.into_inner().receipt)
    }
}

fn manifest(entries: &[BatchEntry]) -> Manifest {
    Manifest {
        id: Uuid::now_v7(),
        lane: Lane::Routine,
        number: 1,
        first_change: 1,
        last_change: 3,
        records: i64::try_from(entries.len()).expect("few"),
        digest: digest(entries),
        sealed_at: SystemClock.now(),
    }
}

fn entry(number: u128, content: &[u8]) -> BatchEntry {
    BatchEntry {
        golden_id: GoldenId::new(id(number)),
        version: Version::FIRST,
        hash: ContentHash::of(content),
    }
}

fn reason(answer: Result<Vec<u8>, Status>) -> String {
    let status = answer.expect_err("it is refused");
    let details = status.get_error_details();
    details.error_info().expect("a reason").reason.clone()
}

async fn the_same_manifest_gets_the_same_receipt(engine: Engine) {
    let pki = Arc::new(Pki::new());
    let nation = nation(&pki, engine, free_port()).await;
    let held = change(1, 1, numbered_child(1));
    let Some(v1::record_change::Content::Child(content)) = held.content.clone() else {
        panic!("a child");
    };
    nation.push_as("province", vec![held]).await;
    let by_hand = ByHand::new(&nation, "province");
    // One that is held, one that is not, and one whose content is another one.
    let entries = [entry(1, &content), entry(2, &content), entry(1, b"other")];
    let sealed = manifest(&entries);
    let letter = by_hand.sign("province", &sealed);

    let first = by_hand.submit(&letter, &entries).await.expect("a receipt");
    let again = by_hand.submit(&letter, &entries).await.expect("a receipt");

    assert_eq!(first, again);
    let receipt = ReceiptLetter::read(&first).expect("a receipt");
    assert_eq!(
        (receipt.header.held, receipt.not_held.as_slice()),
        (1, &[1, 2][..])
    );
    let other = Manifest {
        number: 2,
        ..sealed
    };
    let other = by_hand.sign("province", &other);
    let refused = by_hand.submit(&other, &entries).await;
    assert_eq!(reason(refused), "BATCH_ID_REUSED");
    let other = ManifestLetter::read(&other).expect("a manifest");
    assert_eq!(receipt.check_for(&other), Err(BatchFileError::OtherBatch));
    nation.stop().await;
}

async fn a_manifest_that_proves_nothing_is_refused(engine: Engine) {
    let pki = Arc::new(Pki::new());
    let nation = nation(&pki, engine, free_port()).await;
    nation.register("neighbour", "GSO_PRE2025:30745").await;
    let entries = [entry(1, b"content")];
    let sealed = manifest(&entries);
    let mut by_hand = ByHand::new(&nation, "province");
    let good = by_hand.sign("province", &sealed);

    let mut changed = good.clone();
    changed[40] ^= 1;
    let neighbour = ByHand::new(&nation, "neighbour");
    let stranger = Pki::new().directory("province");
    let line = pki.directory("province");
    let elsewhere = writer(&stranger, "province")
        .write(&sealed)
        .expect("signed");
    for (letter, by, entries, expected) in [
        (&changed, &by_hand, &entries[..], "MANIFEST_DAMAGED"),
        (
            &b"nonsense".to_vec(),
            &by_hand,
            &entries[..],
            "MANIFEST_DAMAGED",
        ),
        (&good, &neighbour, &entries[..], "MANIFEST_FOREIGN"),
        (&elsewhere, &by_hand, &entries[..], "MANIFEST_FOREIGN"),
        (&good, &by_hand, &[], "ENTRIES_DIFFER"),
        (&good, &by_hand, &[entry(1, b"other")], "ENTRIES_DIFFER"),
        (
            &by_hand.sign("neighbour", &sealed),
            &by_hand,
            &entries,
            "MANIFEST_FOREIGN",
        ),
    ] {
        assert_eq!(reason(by.submit(letter, entries).await), expected);
    }
    // The key of the line signs no evidence.
    by_hand.signer = Signer {
        chain: line.chain.clone(),
        key: line.key.clone_key(),
    };
    let letter = by_hand.sign("province", &sealed);
    let refused = by_hand.submit(&letter, &entries).await;
    assert_eq!(reason(refused), "MANIFEST_FOREIGN");
    assert!(list(&nation, v1::BatchDirection::Received).await.is_empty());
    nation.stop().await;
}

async fn a_child_edited_twenty_times_between_two_sends_is_sent_once(engine: Engine) {
    let pki = Arc::new(Pki::new());
    let port = free_port();
    let upstream = format!("https://127.0.0.1:{port}");
    let province = TestHub::province_below(&pki, engine, &upstream).await;
    province.register("commune", "GSO_PRE2025:30742").await;
    for version in 1..=20_u64 {
        let draft = numbered_child(u32::try_from(version).expect("small"));
        province.push(vec![change(1, version, draft)]).await;
        province.settled().await;
    }

    let nation = nation(&pki, engine, port).await;
    eventually("the nation holds what the province says", || async {
        let said = province.status().await;
        let held = nation.node_status("province").await;
        held.digest == said.golden_digest && held.source_records == 1
    })
    .await;

    assert_eq!(nation.node_status("province").await.accepted, 1);
    eventually("no batch waits", || async {
        let sent = list(&province, v1::BatchDirection::Sent).await;
        let mut sent = sent.iter();
        sent.all(|batch| batch.replaced_by > 0 || batch.receipted_at.is_some())
    })
    .await;
    province.stop().await;
    nation.stop().await;
}
