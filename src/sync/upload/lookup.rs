//! Looking up what is held of the records of a slice while the slice before is still being written.
//!
//! It is read in one snapshot with the head of the log. What the node's records have got since then is
//! added under the lock of the log, so that nothing is missed, and only that little has to wait for it.

use std::collections::{HashSet, VecDeque};

use tokio::sync::mpsc;

use super::committer::UploadCommitter;
use super::found::{held, wanted};
use super::slice::Slice;
use super::take::{TakeError, Taking};
use crate::domain::node::NodeId;
use crate::domain::record::RecordKey;
use crate::store::{HeldVersion, StoreError, Transaction};

/// Submissions that may have come into the log since a slice was looked up; after more of them looking it
/// up again is cheaper than reading them.
const APPENDED_SINCE_MAX: i64 = 20_000;

/// A slice with what the log held of its records.
pub(super) struct LookedUp {
    slice: Slice,
    held: Vec<HeldVersion>,
    /// The head of the log at that moment.
    head: i64,
}

impl UploadCommitter {
    /// Looks slices up and gives them away until the end, or until nobody wants more.
    pub(super) async fn look_up(
        &self,
        taking: &Taking<'_>,
        mut slices: mpsc::Receiver<Slice>,
        compared: mpsc::Sender<LookedUp>,
    ) -> Result<(), TakeError> {
        while let Some(slice) = slices.recv().await {
            self.keep(taking.reign).await?;
            let mut transaction = self.store.read().await?;
            let head = transaction.read_counter("log").await?;
            let held = held(&mut transaction, &slice.looked).await?;
            drop(transaction);
            let looked_up = LookedUp { slice, held, head };
            if compared.send(looked_up).await.is_err() {
                break;
            }
        }
        Ok(())
    }
}

/// What this upload itself has appended to the log, as far as slices may have been looked up before it.
#[derive(Default)]
pub(super) struct OwnAppends(VecDeque<OwnAppend>);

struct OwnAppend {
    /// The head of the log before and after.
    heads: (i64, i64),
    versions: Vec<HeldVersion>,
}

impl OwnAppends {
    /// Remembers what one transaction has appended; it has locked the log, so that nothing is between.
    pub(super) fn add(&mut self, before: i64, versions: Vec<HeldVersion>) {
        let count = i64::try_from(versions.len()).unwrap_or(i64::MAX);
        let heads = (before, before.saturating_add(count));
        self.0.push_back(OwnAppend { heads, versions });
    }
}

impl LookedUp {
    /// The slice with what is held of its records now, in a transaction that has locked the log and knows
    /// its head: what was looked up, what this upload has appended since then, and what is between.
    pub(super) async fn up_to(
        mut self,
        transaction: &mut Transaction,
        node: NodeId,
        head: i64,
        own: &mut OwnAppends,
    ) -> Result<(Slice, Vec<HeldVersion>), StoreError> {
        own.0.retain(|append| append.heads.1 > self.head);
        if head - self.head > APPENDED_SINCE_MAX {
            self.held = held(transaction, &self.slice.looked).await?;
            return Ok((self.slice, self.held));
        }
        let asked: HashSet<RecordKey> = wanted(&self.slice.looked).map(|(key, _)| key).collect();
        let mut known = self.head;
        for append in &own.0 {
            let (before, after) = append.heads;
            self.add_between(transaction, node, (known, before)).await?;
            let versions = append.versions.iter();
            let asked_for = versions.filter(|version| asked.contains(&version.key));
            self.held.extend(asked_for.cloned());
            known = after;
        }
        self.add_between(transaction, node, (known, head)).await?;
        Ok((self.slice, self.held))
    }

    async fn add_between(
        &mut self,
        transaction: &mut Transaction,
        node: NodeId,
        (after, last): (i64, i64),
    ) -> Result<(), StoreError> {
        if last > after {
            let appended = transaction.read_appended(node, (after, last)).await?;
            self.held.extend(appended);
        }
        Ok(())
    }
}
