//! Two ends that hold the same records but for some.

use std::collections::BTreeSet;
use std::sync::Arc;

use childsync::app::App;
use childsync::config::HubConfig;
use childsync::domain::clock::{Clock, SystemClock};
use childsync::domain::golden::GoldenId;
use childsync::domain::node::NodeId;
use childsync::domain::record::{ContentHash, Lane, RecordId, RecordKey, RecordKind, Version};
use childsync::domain::relations::Relations;
use childsync::domain::territory::Territory;
use childsync::grpc::compare_client::CompareClient;
use childsync::grpc::connector;
use childsync::security::directory::write_private;
use childsync::security::live::LiveIdentity;
use childsync::security::pki::{CertificateRequest, issue, make_authority};
use childsync::store::{
    GoldenChange, GoldenState, NewForwardBatch, Receipt, SourceRow, SourceState, Store,
    StoreOptions,
};
use childsync::sync::comparison::hub::HubEnd;
use childsync::sync::signals::Signals;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Records that are written in one transaction.
const WRITTEN_RECORDS: usize = 20_000;
const UNIT: &str = "GSO_PRE2025:91";

/// A hub, and beside it the database of a hub below.
pub(crate) struct Ends {
    pub(crate) lower: HubEnd,
    /// Records that differ.
    pub(crate) planted: u32,
    folder: TempDir,
    address: String,
    stop: CancellationToken,
    running: JoinHandle<anyhow::Result<()>>,
}

impl Ends {
    pub(crate) async fn new(
        server: Option<&str>,
        records: u32,
        differences: u32,
    ) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let (above, below) = (
            database(&folder, server, "nation").await?,
            database(&folder, server, "province").await?,
        );
        let share = differences / 5;
        let parts = Parts {
            records,
            missing: 2 * share,
            different: 2 * share,
            extra: share,
        };
        let lower = open(&below).await?;
        write_lower(&lower, &parts).await?;
        let upper = open(&above).await?;
        write_upper(&upper, &parts).await?;
        upper.close().await;
        let app = App::prepare(configuration(&folder, &above)?).await?;
        let address = format!("https://{}", app.address()?);
        let stop = CancellationToken::new();
        let running = tokio::spawn(app.run(stop.clone()));
        Ok(Self {
            lower: HubEnd {
                store: lower,
                signals: Arc::new(Signals::default()),
            },
            planted: 5 * share,
            folder,
            address,
            stop,
            running,
        })
    }

    /// The line from the lower to the upper end.
    pub(crate) fn line(&self) -> anyhow::Result<CompareClient> {
        let identity = LiveIdentity::read(&self.folder.path().join("province"))?;
        Ok(CompareClient::new(connector::line(
            &self.address,
            Arc::new(identity),
        )?))
    }

    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.stop.cancel();
        self.running.await??;
        self.lower.store.close().await;
        Ok(())
    }
}

/// Which of the records each end holds, by their order.
struct Parts {
    records: u32,
    missing: u32,
    different: u32,
    extra: u32,
}

async fn database(folder: &TempDir, server: Option<&str>, name: &str) -> anyhow::Result<String> {
    Ok(match server {
        None => folder
            .path()
            .join(name)
            .with_extension("db")
            .display()
            .to_string(),
        Some(url) => {
            let schema = format!("{name}_{}", Uuid::now_v7().simple());
            Store::make_schema(url, &schema).await?
        }
    })
}

async fn open(url: &str) -> anyhow::Result<Store> {
    let options = StoreOptions {
        url: url.to_owned(),
        connections_max: 8,
    };
    Ok(Store::open(&options).await?)
}

fn configuration(folder: &TempDir, database: &str) -> anyhow::Result<HubConfig> {
    let path = folder.path();
    let now = SystemClock.now();
    make_authority(&path.join("ca"), "bench CA", now)?;
    for name in ["nation", "province"] {
        let request = CertificateRequest {
            identity: format!("childsync://node/{name}").parse()?,
            hosts: vec!["127.0.0.1".to_owned()],
            days: 1,
        };
        issue(&path.join("ca"), &request, &path.join(name), now)?;
    }
    write_private(&path.join("seal.key"), &[7; 32])?;
    let text = format!(
        "[hub]\nname = \"nation\"\nunit = \"{UNIT}\"\n[listen]\naddress = \"127.0.0.1:0\"\n\
         [identity]\ndirectory = \"nation\"\n[store]\nurl = \"{database}\"\n\
         [sealing]\nkey_file = \"seal.key\"\n[access]\noperators = [\"an\"]\n"
    );
    let file = path.join("nation.toml");
    std::fs::write(&file, text)?;
    Ok(HubConfig::read(&file, std::iter::empty())?)
}

/// An id as golden records have it: random but for the first bytes, which are a time.
fn id(number: u32) -> Uuid {
    let hash = blake3::hash(&number.to_be_bytes());
    let random: [u8; 16] = hash.as_bytes().first_chunk().copied().unwrap_or_default();
    let time = u128::from(0x0197_0000_0000_u64 + u64::from(number / 25)) << 80;
    Uuid::from_u128((u128::from_be_bytes(random) >> 48) | time)
}

fn content(number: u32) -> ContentHash {
    ContentHash::of(&[number.to_be_bytes().as_slice(), b"content"].concat())
}

async fn write_lower(store: &Store, parts: &Parts) -> anyhow::Result<()> {
    let numbers: Vec<u32> = (0..parts.records).collect();
    for numbers in numbers.chunks(WRITTEN_RECORDS) {
        let rows = numbers.iter().map(|number| GoldenChange {
            change: i64::from(*number) + 1,
            golden_id: GoldenId::new(id(*number)),
            kind: RecordKind::Child,
            version: Version::FIRST,
            state: GoldenState::Live,
            hash: content(*number),
            forwarded_hash: content(*number),
            content: Vec::new(),
            provenance: "[]".to_owned(),
            conflicts: "[]".to_owned(),
            different_from: BTreeSet::new(),
            unit_move: None,
        });
        let mut transaction = store.write().await?;
        transaction.put_golden_records(rows.collect()).await?;
        transaction.commit().await?;
    }
    let now = SystemClock.now();
    let mut transaction = store.write().await?;
    let batch = NewForwardBatch {
        id: Uuid::now_v7(),
        number: transaction.next_batch_number().await?,
        lane: Lane::Routine,
        first_change: 1,
        last_change: i64::from(parts.records),
        records: i64::from(parts.records),
        digest: [0; 32],
        manifest: Vec::new(),
        sealed_at: now,
        replaced: None,
    };
    let receipt = Receipt {
        letter: Vec::new(),
        accepted: batch.records,
        unchanged: 0,
        refused: 0,
    };
    let (number, last) = (batch.number, batch.last_change);
    transaction.seal_batch(&batch).await?;
    transaction
        .receipt_batch(batch.lane, number, last, receipt, now)
        .await?;
    transaction.commit().await?;
    store.refresh_statistics().await?;
    Ok(())
}

async fn write_upper(store: &Store, parts: &Parts) -> anyhow::Result<()> {
    let mut transaction = store.write().await?;
    let unit = UNIT.parse()?;
    let territory = Territory::new(vec![unit]);
    transaction
        .register_node(&"province".parse()?, &unit, &territory, SystemClock.now())
        .await?;
    transaction.commit().await?;
    // What differs is spread over all records.
    let stride = parts.records / (parts.missing + parts.different).max(1);
    let held = (0..parts.records + parts.extra).filter_map(|number| {
        let planted = number / stride.max(1);
        let is_planted = number < parts.records && number % stride.max(1) == 0;
        if is_planted && planted < parts.missing {
            return None;
        }
        let is_different = is_planted && planted < parts.missing + parts.different;
        Some((
            number,
            if is_different {
                content(0)
            } else {
                content(number)
            },
        ))
    });
    let held: Vec<(u32, ContentHash)> = held.collect();
    for held in held.chunks(WRITTEN_RECORDS) {
        let rows = held.iter().map(|(number, hash)| {
            let row = SourceRow {
                key: RecordKey {
                    node: NodeId::new(1),
                    kind: RecordKind::Child,
                    record_id: RecordId::new(id(*number)),
                },
                version: Version::FIRST,
                // Nothing is to be linked: the hub would look for contents.
                state: SourceState::Withdrawn,
                golden_id: GoldenId::new(id(*number)),
                hash: *hash,
                alias: None,
                relations: Relations::None,
            };
            (row, i64::from(*number) + 1)
        });
        let rows: Vec<_> = rows.collect();
        let mut transaction = store.write().await?;
        transaction.put_source_records(&rows).await?;
        transaction.commit().await?;
    }
    store.refresh_statistics().await?;
    Ok(())
}
