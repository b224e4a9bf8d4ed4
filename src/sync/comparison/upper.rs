//! The upper end: it answers one comparison of a node.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::entries::{Answering, EntrySet, Nonsense};
use super::lower::KindDigest;
use super::{COMPARED_RECORDS_MAX, ComparisonError, LOOKS_ANSWERED_MAX, ROUNDS_MAX, apart};
use crate::domain::comparison::{COMPARED_KINDS, Entry, UpperRecord};
use crate::domain::node::NodeId;
use crate::domain::record::{Lane, RecordId, RecordKind};
use crate::store::{Store, StoreError};
use crate::sync::signals::Signals;

/// How long a comparison waits for the reconciler. What it has not reached then is moving.
pub const RECONCILED_SECONDS_MAX: u64 = 20;

/// One comparison of a node, answered step by step.
pub struct UpperSession {
    store: Store,
    signals: Arc<Signals>,
    node: NodeId,
    answering: BTreeMap<RecordKind, Answering>,
    rounds: u32,
    looks: u32,
}

impl UpperSession {
    /// A comparison of a node's records that has not been opened.
    pub fn new(store: Store, signals: Arc<Signals>, node: NodeId) -> Self {
        Self {
            store,
            signals,
            node,
            answering: BTreeMap::new(),
            rounds: 0,
            looks: 0,
        }
    }

    /// Reads what is held of the node, after the reconciler has reached what was taken in by now.
    pub async fn open(&mut self) -> Result<Vec<KindDigest>, ComparisonError> {
        if !self.answering.is_empty() {
            return Err(ComparisonError::OutOfTurn);
        }
        self.until_reconciled().await?;
        let limit = i64::try_from(COMPARED_RECORDS_MAX + 1).unwrap_or(i64::MAX);
        let mut reading = self.store.read().await?;
        let mut read = Vec::new();
        for kind in COMPARED_KINDS {
            let entries = reading.scan_source_entries(self.node, kind, limit).await?;
            if entries.len() > COMPARED_RECORDS_MAX {
                return Err(ComparisonError::TooManyRecords);
            }
            read.push((kind, entries));
        }
        // The transaction does not wait for the sorting.
        drop(reading);
        let mut digests = Vec::new();
        for (kind, entries) in read {
            let (answering, digest) = apart(move || digest_of(kind, entries)).await?;
            self.answering.insert(kind, answering?);
            digests.push(digest);
        }
        Ok(digests)
    }

    /// Answers a message of reconciliation.
    pub async fn reconcile(
        &mut self,
        kind: RecordKind,
        message: Vec<u8>,
    ) -> Result<Vec<u8>, ComparisonError> {
        self.rounds += 1;
        if self.rounds > 2 * ROUNDS_MAX {
            return Err(ComparisonError::TooManyRounds);
        }
        let answering = self.answering.remove(&kind);
        let mut answering = answering.ok_or(ComparisonError::OutOfTurn)?;
        let (answering, answer) = apart(move || {
            let answer = answering.answer(&message);
            (answering, answer)
        })
        .await?;
        self.answering.insert(kind, answering);
        Ok(answer?)
    }

    /// Says what is held of records now.
    pub async fn look(
        &mut self,
        kind: RecordKind,
        records: &[RecordId],
    ) -> Result<Vec<UpperRecord>, ComparisonError> {
        self.looks += 1;
        if self.looks > LOOKS_ANSWERED_MAX || self.answering.is_empty() {
            return Err(ComparisonError::OutOfTurn);
        }
        let mut reading = self.store.read().await?;
        let looked = reading
            .look_at_source_records(self.node, kind, records)
            .await?;
        Ok(looked)
    }

    async fn until_reconciled(&self) -> Result<(), StoreError> {
        let mut reading = self.store.read().await?;
        let mut heads = Vec::new();
        for lane in Lane::ALL {
            heads.push((lane, reading.log_head(lane).await?));
        }
        drop(reading);
        let mut changes = self.signals.changes.listen();
        let waiting = async {
            while !self.is_reconciled(&heads).await? {
                changes.heard().await;
            }
            Ok(())
        };
        let limit = Duration::from_secs(RECONCILED_SECONDS_MAX);
        tokio::time::timeout(limit, waiting).await.unwrap_or(Ok(()))
    }

    async fn is_reconciled(&self, heads: &[(Lane, i64)]) -> Result<bool, StoreError> {
        let mut reading = self.store.read().await?;
        for (lane, head) in heads {
            if reading.log_position(*lane).await? < *head {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn digest_of(kind: RecordKind, entries: Vec<Entry>) -> (Result<Answering, Nonsense>, KindDigest) {
    let set = EntrySet::new(entries);
    let digest = KindDigest {
        kind,
        entries: u64::try_from(set.len()).unwrap_or(u64::MAX),
        digest: set.digest(),
    };
    (Answering::new(set), digest)
}
