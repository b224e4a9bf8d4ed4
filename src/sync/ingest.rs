//! Ingest: examine what a node sends, append it to the log, and answer only after commit.
//!
//! [`examine`] looks at one change alone and needs no database. What it lets through goes to the
//! [`group_commit`], where many streams share one transaction, and there it is settled against what
//! the log holds.

pub mod examine;
pub mod group_commit;
pub(super) mod settle;

use std::sync::Arc;

use crate::domain::node::NodeId;
use crate::domain::validation::Violation;
use crate::store::StoreError;

pub use examine::{Examined, Examiner, IncomingBody, IncomingChange};
pub use group_commit::{GroupCommit, GroupCommitOptions};

/// Where examined changes are kept: the log of a hub, or the queue of an agent.
pub trait SubmissionLog: Clone + Send + Sync + 'static {
    /// Keeps the changes of one request of a node; returns after they are durable.
    fn append(
        &self,
        node: NodeId,
        examined: Vec<Examined>,
    ) -> impl Future<Output = Result<Vec<Settled>, IngestError>> + Send;
}

/// What became of one change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Stored as the newest version.
    Accepted,
    /// The same version with the same content was there already.
    Unchanged,
    /// Stored as history: a newer version is held.
    Superseded,
    /// Refused and not kept.
    Rejected(Reason),
    /// Breaks a rule; kept whole in quarantine.
    Quarantined,
}

impl Outcome {
    /// The outcome as a stable word, for metrics.
    pub fn word(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Unchanged => "unchanged",
            Self::Superseded => "superseded",
            Self::Rejected(_) => "rejected",
            Self::Quarantined => "quarantined",
        }
    }
}

/// Why a change was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The record id is not a UUID in its text form.
    RecordIdInvalid,
    /// The version is zero or beyond 2^63 - 1.
    VersionInvalid,
    /// The change says nothing: neither a record nor a tombstone.
    ContentMissing,
    /// A tombstone must name the kind of its record and a known reason.
    TombstoneInvalid,
    /// What is said of other records of the node cannot be: no UUID, the record itself, too many, or
    /// beside a case report or a tombstone.
    RelationInvalid,
    /// The content is not the encoding of a record.
    ContentUnreadable,
    /// The content is larger than a record may be.
    ContentTooLarge,
    /// The unit of the record is not in the node's territory.
    OutsideTerritory,
    /// The version is held with other content: a changed record needs a higher version.
    VersionReused,
}

impl Reason {
    /// The reason as clients match on it.
    pub fn word(self) -> &'static str {
        match self {
            Self::RecordIdInvalid => "RECORD_ID_INVALID",
            Self::VersionInvalid => "VERSION_INVALID",
            Self::ContentMissing => "CONTENT_MISSING",
            Self::TombstoneInvalid => "TOMBSTONE_INVALID",
            Self::RelationInvalid => "RELATION_INVALID",
            Self::ContentUnreadable => "CONTENT_UNREADABLE",
            Self::ContentTooLarge => "CONTENT_TOO_LARGE",
            Self::OutsideTerritory => "OUTSIDE_TERRITORY",
            Self::VersionReused => "VERSION_REUSED",
        }
    }
}

/// A change with its outcome and what was found in it.
#[derive(Clone, Debug)]
pub struct Settled {
    /// What became of it.
    pub outcome: Outcome,
    /// What is wrong or odd in it.
    pub violations: Vec<Violation>,
}

/// Why a whole request was not taken in. Nothing of it is acknowledged; it may be sent again.
#[derive(Clone, Debug, thiserror::Error)]
pub enum IngestError {
    /// Too much is waiting to be committed.
    #[error("the queue before the log is full")]
    QueueFull,
    /// An agent keeps as much as it may, or its disk is full.
    #[error("the agent is full")]
    Full,
    /// The hub is stopping.
    #[error("the hub is draining")]
    Draining,
    /// The request has more changes than a request may have.
    #[error("a request may carry {allowed} changes and carries {actual}")]
    TooManyChanges {
        /// The limit.
        allowed: usize,
        /// What was sent.
        actual: usize,
    },
    /// A request's number does not rise within its stream.
    #[error("the request's sequence must be above {last} and is {actual}")]
    SequenceNotRising {
        /// The number before.
        last: u64,
        /// What was sent.
        actual: u64,
    },
    /// The database did not take it.
    #[error(transparent)]
    Store(Arc<StoreError>),
    /// A content could not be sealed.
    #[error("a content could not be sealed")]
    Sealing,
}

impl From<StoreError> for IngestError {
    fn from(error: StoreError) -> Self {
        Self::Store(Arc::new(error))
    }
}
