//! Comparison: two ends of a line find out whether they hold the same records, and mend what differs.
//!
//! The lower end compares; the upper end answers. First both agree on what counts: the lower end waits until
//! what it has written is receipted, the upper end until what it has taken in is reconciled. Then each kind
//! has one digest, and where digests differ, range-based set reconciliation finds the records that do. What
//! was found is looked at once more, in an order by which nothing that is on its way can look like a
//! difference ([`crate::domain::comparison::judge`]), so that a comparison runs beside live traffic.

pub mod entries;
pub mod hub;
pub mod lower;
pub mod register;
pub mod runner;
pub mod upper;

use crate::store::StoreError;
use crate::sync::forward::UpstreamError;

/// Records of one kind and node that are compared at most: 32 bytes of memory each, at both ends.
pub const COMPARED_RECORDS_MAX: usize = 4_000_000;
/// Records of one kind that may differ.
pub const DIFFERENCES_MAX: usize = 1_000_000;
/// Differences that are kept of one comparison; all are counted.
pub const DIFFERENCES_KEPT_MAX: usize = 1_000;
/// Messages of reconciliation for one kind at most, each with its answer.
pub const ROUNDS_MAX: u32 = 2_000;
/// Largest message of reconciliation, in bytes.
pub const MESSAGE_BYTES_MAX: usize = 512 * 1024;
/// Records that are looked at once more at a time.
pub const LOOKED_RECORDS_MAX: usize = 1_000;
/// Looks of one comparison that an upper end answers at most.
pub const LOOKS_ANSWERED_MAX: u32 = 50_000;

/// Why a comparison was not made.
#[derive(Debug, thiserror::Error)]
pub enum ComparisonError {
    /// The database did not take part.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The other end did not answer, or with an error.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    /// The other end's message makes no sense.
    #[error(transparent)]
    Nonsense(#[from] entries::Nonsense),
    /// One end holds more records than can be compared.
    #[error("there are more than {COMPARED_RECORDS_MAX} records of one kind to compare")]
    TooManyRecords,
    /// More records differ than can be told.
    #[error("more than {DIFFERENCES_MAX} records differ")]
    TooManyDifferences,
    /// The ends did not come to an end.
    #[error("{ROUNDS_MAX} rounds did not find all differences")]
    TooManyRounds,
    /// A step came before its time, or twice.
    #[error("this step does not belong here: open the comparison first, and only once")]
    OutOfTurn,
    /// A thread of the comparison failed or was stopped.
    #[error("the comparison was interrupted")]
    Interrupted,
    /// The comparison is none of this hub's.
    #[error("there is no such comparison")]
    Unknown,
    /// The node that is to be compared is not registered.
    #[error("no node of this name is registered here")]
    NodeUnknown,
    /// The hub has nobody above it.
    #[error("this hub has no upstream: name a node to compare with")]
    NoUpstream,
}

impl ComparisonError {
    /// The error as a stable word, for tables and status.
    pub fn word(&self) -> String {
        let word = match self {
            Self::Store(_) => "STORE",
            Self::Upstream(error) => return error.word(),
            Self::Nonsense(_) => "NONSENSE",
            Self::TooManyRecords => "TOO_MANY_RECORDS",
            Self::TooManyDifferences => "TOO_MANY_DIFFERENCES",
            Self::TooManyRounds => "TOO_MANY_ROUNDS",
            Self::OutOfTurn => "OUT_OF_TURN",
            Self::Interrupted => "INTERRUPTED",
            Self::Unknown => "COMPARISON_UNKNOWN",
            Self::NodeUnknown => "NODE_UNKNOWN",
            Self::NoUpstream => "NO_UPSTREAM",
        };
        word.to_owned()
    }

    /// Whether another attempt may succeed.
    pub const fn may_pass(&self) -> bool {
        match self {
            Self::Store(_) | Self::Upstream(_) => true,
            Self::Nonsense(_)
            | Self::TooManyRecords
            | Self::TooManyDifferences
            | Self::TooManyRounds
            | Self::OutOfTurn
            | Self::Interrupted
            | Self::Unknown
            | Self::NodeUnknown
            | Self::NoUpstream => false,
        }
    }
}

/// Runs what takes a processor long beside what waits for the network.
async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ComparisonError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| ComparisonError::Interrupted)
}
