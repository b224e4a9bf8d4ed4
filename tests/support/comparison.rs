//! A province below a nation, and records at one end that the other does not know.

use std::collections::BTreeSet;
use std::sync::Arc;

use childsync::domain::comparison::{Entry, Repair};
use childsync::domain::golden::GoldenId;
use childsync::domain::node::NodeId;
use childsync::domain::record::{ContentHash, RecordId, RecordKey, RecordKind, Version};
use childsync::domain::relations::Relations;
use childsync::grpc::convert::write_child;
use childsync::grpc::proto::v1;
use childsync::grpc::proto::v1::compare_service_client::CompareServiceClient;
use childsync::security::seal::SealKey;
use childsync::store::{GoldenChange, GoldenState, SourceRow, SourceState, Store};
use childsync::sync::sealing::seal_golden;
use tonic::transport::Channel;
use uuid::Uuid;

use super::database::{Database, Engine};
use super::eventually;
use super::hub::{HubOptions, SEAL_KEY, TestHub};
use super::pki::Pki;
use super::records::{change, numbered_child, report, report_change};

/// A province below a nation.
pub(crate) struct TwoTiers {
    pub(crate) nation: TestHub,
    pub(crate) province: TestHub,
    /// The databases, opened beside the hubs.
    pub(crate) above: Store,
    pub(crate) below: Store,
}

impl TwoTiers {
    pub(crate) async fn new(engine: Engine) -> Self {
        let pki = Arc::new(Pki::new());
        let options = HubOptions {
            name: "nation",
            ..HubOptions::province()
        };
        let database = Arc::new(Database::new(engine).await);
        let nation = TestHub::start(Arc::clone(&pki), database, options).await;
        nation.register("province", "GSO_PRE2025:91").await;
        let province = TestHub::province_below(&pki, engine, &nation.url).await;
        province.register("commune", "GSO_PRE2025:30742").await;
        let (above, below) = (nation.database.open().await, province.database.open().await);
        Self {
            nation,
            province,
            above,
            below,
        }
    }

    /// The same with so many children and two reports, all of them upstream.
    pub(crate) async fn with_children(engine: Engine, children: u32) -> Self {
        let tiers = Self::new(engine).await;
        let children = (0..children).map(|at| change(at.into(), 1, numbered_child(at)));
        tiers.province.push(children.collect()).await;
        let reports = (1..3).map(|at| report_change(at, 1, report()));
        tiers.province.push(reports.collect()).await;
        tiers.quiet().await;
        tiers
    }

    /// Waits until the nation has reconciled everything that the province was told.
    pub(crate) async fn quiet(&self) {
        eventually("everything is upstream", || async {
            let below = self.province.status().await;
            let is_sent = below
                .forwarder
                .is_some_and(|forwarder| forwarder.positions.iter().all(|lane| lane.waiting == 0));
            let is_reconciled = below.reconciler.iter().all(|lane| lane.waiting == 0);
            let above = self.nation.node_status("province").await;
            is_sent && is_reconciled && above.waiting == 0
        })
        .await;
    }

    pub(crate) async fn compare(&self, repair: Repair) -> v1::HubComparison {
        compare(self.province.operator_line(), "", repair).await
    }

    /// Some golden records of the province's children.
    pub(crate) async fn golden(&self, count: usize) -> Vec<RecordId> {
        let mut reading = self.below.read().await.expect("a transaction");
        let lane = RecordKind::Child.lane();
        let entries = reading.scan_golden_entries(lane, i64::MAX).await;
        let mut records: Vec<RecordId> = entries
            .expect("entries")
            .iter()
            .map(Entry::record)
            .collect();
        records.sort_unstable();
        records.truncate(count);
        records
    }

    pub(crate) async fn stop(self) {
        self.below.close().await;
        self.above.close().await;
        self.province.stop().await;
        self.nation.stop().await;
    }
}

/// Has a hub compared, and waits for the result.
pub(crate) async fn compare(line: Channel, node: &str, repair: Repair) -> v1::HubComparison {
    let repair = match repair {
        Repair::Nothing => v1::Repair::Unspecified,
        Repair::SendAgain => v1::Repair::SendAgain,
        Repair::WithdrawExtra => v1::Repair::WithdrawExtra,
    };
    let request = v1::RunComparisonRequest {
        node: node.to_owned(),
        repair: repair.into(),
    };
    let mut steps = CompareServiceClient::new(line)
        .run_comparison(request)
        .await
        .expect("it is asked for")
        .into_inner();
    let mut last = None;
    while let Some(step) = steps.message().await.expect("a step") {
        last = step.comparison;
    }
    last.expect("a comparison")
}

/// Every difference that a hub keeps of a comparison.
pub(crate) async fn differences(line: Channel, comparison: &str) -> Vec<v1::RecordDifference> {
    let request = v1::ListDifferencesRequest {
        comparison_id: comparison.to_owned(),
        page_size: 1_000,
        page_token: String::new(),
    };
    CompareServiceClient::new(line)
        .list_differences(request)
        .await
        .expect("differences")
        .into_inner()
        .differences
}

/// Different, missing, extra, refused, moving.
pub(crate) fn found(comparison: &v1::HubComparison) -> [u64; 5] {
    let counts = comparison.counts.expect("counts");
    [
        counts.different,
        counts.missing,
        counts.extra,
        counts.refused,
        counts.moving,
    ]
}

/// Makes a hub believe that it has sent a golden record, which its upstream never got.
pub(crate) async fn plant_golden(store: &Store, number: u128) {
    let golden_id = GoldenId::new(Uuid::from_u128(number));
    let child = numbered_child(u32::try_from(number % 1_000_000).expect("a number"));
    let content = write_child(child);
    let key = SealKey::new(&SEAL_KEY).expect("a key");
    let sealed = seal_golden(&key, golden_id, Version::FIRST, &content).expect("sealed");
    let row = GoldenChange {
        change: 1,
        golden_id,
        kind: RecordKind::Child,
        version: Version::FIRST,
        state: GoldenState::Live,
        hash: ContentHash::of(&content),
        forwarded_hash: ContentHash::of(&content),
        content: sealed,
        provenance: "[]".to_owned(),
        conflicts: "[]".to_owned(),
        different_from: BTreeSet::new(),
        unit_move: None,
    };
    let mut transaction = store.write().await.expect("a transaction");
    transaction
        .put_golden_records(vec![row])
        .await
        .expect("written");
    transaction.commit().await.expect("committed");
}

/// Makes a hub hold a record of its first node under this version and content.
pub(crate) async fn plant_source(store: &Store, record: RecordId, version: i64) {
    let row = SourceRow {
        key: RecordKey {
            node: NodeId::new(1),
            kind: RecordKind::Child,
            record_id: record,
        },
        version: Version::from_i64(version).expect("a version"),
        state: SourceState::Withdrawn,
        golden_id: GoldenId::new(Uuid::nil()),
        hash: ContentHash::of(b"planted"),
        alias: None,
        relations: Relations::None,
    };
    let mut transaction = store.write().await.expect("a transaction");
    transaction
        .put_source_records(&[(row, 1)])
        .await
        .expect("written");
    transaction.commit().await.expect("committed");
}
