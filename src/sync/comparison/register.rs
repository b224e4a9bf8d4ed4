//! The comparisons that a hub asks for, and what they came to.

use std::sync::Arc;

use uuid::Uuid;

use super::{ComparisonError, DIFFERENCES_KEPT_MAX};
use crate::domain::clock::{Clock, Timestamp};
use crate::domain::comparison::{ComparisonReport, Difference, Repair};
use crate::domain::node::{NodeId, NodeName};
use crate::domain::record::{RecordId, RecordKind};
use crate::store::{ComparisonRow, NewComparison, Store, StoreError};
use crate::sync::signals::Signals;

/// Comparisons of one page unless asked otherwise.
pub const COMPARISON_PAGE_ROWS: i64 = 50;
/// Comparisons of one page at most.
pub const COMPARISON_PAGE_ROWS_MAX: i64 = 200;
/// Differences of one page unless asked otherwise.
pub const DIFFERENCE_PAGE_ROWS: i64 = 100;
/// Differences of one page at most.
pub const DIFFERENCE_PAGE_ROWS_MAX: i64 = 1_000;
/// Comparisons with one end that are kept.
pub const COMPARISONS_KEPT: i64 = 10;
/// Comparisons with one end that may wait to be made.
const OPEN_MAX: i64 = 10;

/// Whom a hub is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OtherEnd {
    /// The hub above.
    Upstream,
    /// A node below.
    Node(NodeName),
}

/// The comparisons of a hub.
#[derive(Clone)]
pub struct Comparisons {
    /// The hub's database.
    pub store: Store,
    /// Says what time it is, for the tables only.
    pub clock: Arc<dyn Clock>,
    /// Wakes those who make comparisons.
    pub signals: Arc<Signals>,
    /// Whether there is a hub above.
    pub has_upstream: bool,
}

impl Comparisons {
    /// Asks for a comparison. One that is asked for already with the same repair serves as well.
    pub async fn ask(
        &self,
        with: &OtherEnd,
        repair: Repair,
        by: &str,
    ) -> Result<Uuid, ComparisonError> {
        let mut transaction = self.store.write().await?;
        let node = match with {
            OtherEnd::Upstream if self.has_upstream => None,
            OtherEnd::Upstream => return Err(ComparisonError::NoUpstream),
            OtherEnd::Node(name) => {
                let found = transaction.find_node(name).await?;
                Some(found.ok_or(ComparisonError::NodeUnknown)?.node_id)
            }
        };
        let open = transaction.open_comparisons(node, OPEN_MAX).await?;
        if let Some((comparison, _)) = open.iter().find(|(_, asked)| *asked == repair) {
            return Ok(*comparison);
        }
        let new = NewComparison {
            comparison: Uuid::now_v7(),
            node,
            repair,
            asked_by: by.to_owned(),
            asked_at: self.clock.now(),
        };
        transaction.ask_comparison(&new).await?;
        transaction.commit().await?;
        self.signals.comparisons.call();
        Ok(new.comparison)
    }

    /// Notes that the hub above asks for a comparison; what has ended stays ended.
    pub async fn ask_for_upstream(
        &self,
        comparison: Uuid,
        repair: Repair,
    ) -> Result<(), StoreError> {
        let new = NewComparison {
            comparison,
            node: None,
            repair,
            asked_by: String::new(),
            asked_at: self.clock.now(),
        };
        let mut transaction = self.store.write().await?;
        let asked = transaction.ask_comparison(&new).await?;
        transaction.commit().await?;
        if asked {
            self.signals.comparisons.call();
        }
        Ok(())
    }

    /// Comparisons that a node, or this hub with its upstream, is still to make.
    pub async fn open(&self, node: Option<NodeId>) -> Result<Vec<(Uuid, Repair)>, StoreError> {
        let mut reading = self.store.read().await?;
        reading.open_comparisons(node, OPEN_MAX).await
    }

    /// Notes that a comparison is under way.
    pub async fn begin(&self, comparison: Uuid) -> Result<(), StoreError> {
        let mut transaction = self.store.write().await?;
        transaction.begin_comparison(comparison).await?;
        transaction.commit().await?;
        self.signals.comparisons.call();
        Ok(())
    }

    /// Notes what a comparison with the upstream came to.
    pub async fn end(
        &self,
        comparison: Uuid,
        ended: Result<&ComparisonReport, &str>,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let mut transaction = self.store.write().await?;
        transaction
            .end_comparison(comparison, None, ended, now)
            .await?;
        transaction
            .forget_comparisons(None, COMPARISONS_KEPT)
            .await?;
        transaction.commit().await?;
        self.signals.comparisons.call();
        Ok(())
    }

    /// Notes what a node says that a comparison came to, asked for by this hub or not.
    pub async fn note_report(
        &self,
        comparison: Uuid,
        node: NodeId,
        mut report: ComparisonReport,
    ) -> Result<(), StoreError> {
        report.differences.truncate(DIFFERENCES_KEPT_MAX);
        let now = self.clock.now();
        let own = NewComparison {
            comparison,
            node: Some(node),
            repair: Repair::Nothing,
            asked_by: String::new(),
            asked_at: now,
        };
        let mut transaction = self.store.write().await?;
        if transaction.find_comparison(comparison).await?.is_none() {
            transaction.ask_comparison(&own).await?;
        }
        transaction
            .end_comparison(comparison, Some(node), Ok(&report), now)
            .await?;
        transaction
            .forget_comparisons(Some(node), COMPARISONS_KEPT)
            .await?;
        transaction.commit().await?;
        self.signals.comparisons.call();
        Ok(())
    }

    /// A comparison as it stands.
    pub async fn find(&self, comparison: Uuid) -> Result<ComparisonRow, ComparisonError> {
        let mut reading = self.store.read().await?;
        let found = reading.find_comparison(comparison).await?;
        found.ok_or(ComparisonError::Unknown)
    }

    /// Comparisons before a place, the newest first.
    pub async fn list(
        &self,
        before: Option<(Timestamp, Uuid)>,
        limit: i64,
    ) -> Result<Vec<ComparisonRow>, StoreError> {
        let end = (Timestamp::from_micros(i64::MAX), Uuid::max());
        let mut reading = self.store.read().await?;
        reading.list_comparisons(before.unwrap_or(end), limit).await
    }

    /// Differences that were kept of a comparison, after a record.
    pub async fn differences(
        &self,
        comparison: Uuid,
        after: Option<(RecordKind, RecordId)>,
        limit: i64,
    ) -> Result<Vec<Difference>, ComparisonError> {
        let mut reading = self.store.read().await?;
        let found = reading.find_comparison(comparison).await?;
        found.ok_or(ComparisonError::Unknown)?;
        Ok(reading.list_differences(comparison, after, limit).await?)
    }
}
