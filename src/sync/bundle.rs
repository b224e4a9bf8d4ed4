//! Bundles: records that a node could not send over a line, carried to the hub as a file.
//!
//! A bundle is examined as `Push` is and taken in in one transaction, with its receipt. So the same bundle
//! again finds its receipt, and a bundle that was not noted has changed nothing.

use std::sync::Arc;

use tokio::time::Instant;
use uuid::Uuid;

use super::ingest::examine::{Candidate, Examined};
use super::ingest::group_commit::{add_tally, newest_of_each, number};
use super::ingest::settle::{Group, Held};
use super::ingest::{Examiner, IncomingBody, IncomingChange, IngestError, Settled};
use super::signals::Signals;
use crate::domain::clock::{Clock, Timestamp};
use crate::domain::node::NodeName;
use crate::domain::record::{RecordKey, RecordKind, Version};
use crate::observability::metrics::Metrics;
use crate::store::{BundleRow, ImportedBundle, Store, StoreError, Tally, Transaction};

/// Bundles of one page unless asked otherwise.
pub const BUNDLE_PAGE_ROWS: i64 = 100;
/// Bundles of one page at most.
pub const BUNDLE_PAGE_ROWS_MAX: i64 = 500;
/// Records of one bundle at most.
pub const BUNDLE_RECORDS_MAX: u64 = 10_000;
/// Bytes of a bundle's content, before it is packed, at most.
pub const BUNDLE_UNPACKED_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// One record of a bundle.
#[derive(Clone, Debug)]
pub struct BundledChange {
    /// The node's own number of what it sends.
    pub state: u64,
    /// What it sends.
    pub change: IncomingChange,
}

/// A record of a bundle that was looked at alone.
#[derive(Clone, Debug)]
pub struct LookedAt {
    state: u64,
    kind: Option<RecordKind>,
    record_id: String,
    version: u64,
    examined: Examined,
}

/// A bundle that may be taken in: its writer is known and its content is read.
#[derive(Clone, Debug)]
pub struct IncomingBundle {
    /// Its name.
    pub bundle: Uuid,
    /// BLAKE3 hash of the whole file.
    pub digest: [u8; 32],
    /// Its records.
    pub records: Vec<LookedAt>,
    /// The operator who brought it.
    pub operator: NodeName,
}

/// What became of one record of a bundle.
#[derive(Clone, Debug)]
pub struct BundledOutcome {
    /// What the bundle said.
    pub state: u64,
    /// Kind of the record, where that could be told.
    pub kind: Option<RecordKind>,
    /// The record, as the bundle named it.
    pub record_id: String,
    /// The version, as the bundle named it.
    pub version: u64,
    /// What became of it.
    pub settled: Settled,
    /// The newest version that the hub holds, where it is not older than this one.
    pub held: Option<Version>,
}

/// Why a bundle was not taken in. Nothing of it was.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The database did not take part.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another bundle of the node has the same name.
    #[error("the node has brought another bundle under this id: make a new one")]
    IdReused,
    /// The receipt cannot be written.
    #[error("the receipt cannot be written")]
    Receipt,
}

/// Takes bundles in.
#[derive(Clone)]
pub struct BundleImporter {
    /// The hub's database.
    pub store: Store,
    /// Says what time it is.
    pub clock: Arc<dyn Clock>,
    /// Wakes the reconciler.
    pub signals: Arc<Signals>,
    /// Counts what became of records.
    pub metrics: Arc<Metrics>,
}

/// Examines the records of a bundle as those of `Push`. It takes a core for a while.
pub fn look_at(
    examiner: &Examiner,
    changes: Vec<BundledChange>,
) -> Result<Vec<LookedAt>, IngestError> {
    let look = |BundledChange { state, change }: BundledChange| {
        let kind = match &change.body {
            IncomingBody::Content(kind, _) | IncomingBody::Tombstone(Some((kind, _)), _) => {
                Some(*kind)
            }
            IncomingBody::Tombstone(None, _) | IncomingBody::Missing => None,
        };
        Ok(LookedAt {
            state,
            kind,
            record_id: change.record_id.clone(),
            version: change.version,
            examined: examiner.examine(change)?,
        })
    };
    changes.into_iter().map(look).collect()
}

/// Before which bundle a page begins: those that were taken in later are not on it.
pub type BundlePlace = (Timestamp, Uuid);

impl BundleImporter {
    /// Bundles that were taken in, the newest first, from a place on or from the newest.
    pub async fn list(
        &self,
        before: Option<BundlePlace>,
        limit: i64,
    ) -> Result<Vec<ImportedBundle>, StoreError> {
        let newest = (Timestamp::from_micros(i64::MAX), Uuid::max());
        let mut reading = self.store.read().await?;
        reading.list_bundles(before.unwrap_or(newest), limit).await
    }

    /// Takes a bundle of the examiner's node in and gives its receipt, which `write_receipt` puts together from
    /// what became of each record, in their order. A bundle that was taken in before changes nothing and gives
    /// its first receipt.
    pub async fn import(
        &self,
        examiner: &Examiner,
        bundle: IncomingBundle,
        write_receipt: impl FnOnce(&[BundledOutcome], Timestamp) -> Result<Vec<u8>, BundleError> + Send,
    ) -> Result<Vec<u8>, BundleError> {
        let (node, started, now) = (examiner.node, Instant::now(), self.clock.now());
        let mut transaction = self.store.write().await?;
        // Whoever holds the counter is alone: two imports of one bundle come one after the other.
        let head = transaction.lock_counter("log").await?;
        if let Some((digest, receipt)) = transaction.find_bundle(node, bundle.bundle).await? {
            return if digest == bundle.digest {
                Ok(receipt)
            } else {
                Err(BundleError::IdReused)
            };
        }
        let wanted: Vec<_> = bundle.records.iter().filter_map(asked).collect();
        let mut held = Held::new(transaction.find_held_versions(&wanted).await?);
        let mut group = Group::default();
        let outcomes = settle(&mut group, &mut held, bundle.records);
        let receipt = write_receipt(&outcomes, now)?;
        let row = BundleRow {
            node,
            bundle: bundle.bundle,
            digest: bundle.digest,
            records: i64::try_from(outcomes.len()).unwrap_or(i64::MAX),
            receipt: receipt.clone(),
            imported_at: now,
            imported_by: bundle.operator,
        };
        let settled: Vec<Settled> = outcomes.into_iter().map(|one| one.settled).collect();
        append(&mut transaction, head, group, &settled, row).await?;
        transaction.commit().await?;
        self.signals.log.call();
        let words = settled.iter().map(|one| one.outcome.word());
        self.metrics.group_committed(1, words, started.elapsed());
        Ok(receipt)
    }
}

/// Writes what was settled, as the group commit of `Push` does, and the bundle with its receipt.
async fn append(
    transaction: &mut Transaction,
    head: i64,
    group: Group,
    settled: &[Settled],
    row: BundleRow,
) -> Result<(), StoreError> {
    let now = row.imported_at;
    let submissions = number(group.appended, head);
    let new_head = submissions.last().map_or(head, |last| last.sequence);
    transaction.append_submissions(submissions, now).await?;
    let quarantined = newest_of_each(group.quarantined);
    transaction.put_quarantined(quarantined, now).await?;
    transaction.set_counter("log", new_head).await?;
    let mut tally = Tally::default();
    add_tally(&mut tally, settled);
    transaction.add_tallies(&[(row.node, tally)], now).await?;
    transaction.insert_bundle(row).await
}

/// What the log is asked for.
fn asked(looked: &LookedAt) -> Option<(RecordKey, Version)> {
    match &looked.examined {
        Examined::Take(Candidate { submission, .. })
        | Examined::Quarantine(Candidate { submission, .. }) => {
            Some((submission.record, submission.version))
        }
        Examined::Refuse(_) => None,
    }
}

fn settle(group: &mut Group, held: &mut Held, records: Vec<LookedAt>) -> Vec<BundledOutcome> {
    let settle = |looked: LookedAt| {
        let asked = asked(&looked);
        let settled = group.add_one(held, looked.examined);
        BundledOutcome {
            state: looked.state,
            kind: looked.kind,
            record_id: looked.record_id,
            version: looked.version,
            settled,
            held: asked.and_then(|(record, _)| held.newest(record)),
        }
    };
    records.into_iter().map(settle).collect()
}
