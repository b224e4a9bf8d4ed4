//! The port of the forwarder: what goes upstream, what comes back, and who takes it.

use std::future::Future;
use std::time::Duration;

use uuid::Uuid;

use super::batch::{BatchEntry, SealedBatch};
use crate::domain::golden::GoldenId;
use crate::domain::record::{RecordKind, TombstoneReason, Version};

/// A golden record on its way upstream.
#[derive(Clone)]
pub struct OutgoingChange {
    /// Its identity: the record id upstream.
    pub golden_id: GoldenId,
    /// Its version.
    pub version: Version,
    /// Its kind.
    pub kind: RecordKind,
    /// What it says.
    pub body: OutgoingBody,
    /// Golden records that are other children, whatever the evidence.
    pub different_from: Vec<Uuid>,
}

/// What a golden record on its way says.
#[derive(Clone)]
pub enum OutgoingBody {
    /// Its content, encoded.
    Content(Vec<u8>),
    /// It is withdrawn, with the golden record that stands in its place.
    Tombstone(TombstoneReason, Option<Uuid>),
}

/// What the upstream did with one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It was new.
    Accepted,
    /// It was there, or a newer version of it.
    Unchanged,
    /// It was refused or put into quarantine, with the upstream's reason.
    Refused(String),
}

/// Why a batch did not go through. Everything is tried again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamError {
    /// There is no line, or the upstream is away.
    #[error("the upstream cannot be reached: {0}")]
    Unreachable(String),
    /// The upstream answered with an error.
    #[error("the upstream answered {reason}")]
    Refused {
        /// The stable word of the answer.
        reason: String,
        /// How long it asks us to wait.
        retry_after: Option<Duration>,
    },
    /// The upstream's answer makes no sense.
    #[error("the upstream's answer makes no sense: {0}")]
    Nonsense(&'static str),
    /// The upstream did not answer in time.
    #[error("the upstream did not answer in time")]
    TimedOut,
}

impl UpstreamError {
    /// The error as a stable word, for status.
    pub fn word(&self) -> String {
        match self {
            Self::Unreachable(_) => "UNREACHABLE".to_owned(),
            Self::Refused { reason, .. } => reason.clone(),
            Self::Nonsense(_) => "NONSENSE".to_owned(),
            Self::TimedOut => "TIMED_OUT".to_owned(),
        }
    }
}

/// Why there is no receipt of a batch. Everything is tried again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// The line or the upstream failed.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    /// What the upstream gave proves nothing.
    #[error("the upstream's receipt {0}")]
    Invalid(String),
}

/// What an upstream says of a batch when all its records are answered. Whoever implements [`Upstream`] has made
/// sure that the upstream signed it, for this very manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedReceipt {
    /// The receipt, byte for byte, to be kept as evidence.
    pub letter: Vec<u8>,
    /// Positions, from 0, of the records of the batch that the upstream does not hold.
    pub not_held: Vec<usize>,
}

/// Who takes golden records: one line upstream. What stands behind it, a hub or something else, is for the
/// configuration to say.
pub trait Upstream: Send {
    /// Sends records of a batch and returns when each is durable upstream. Adds one answer for each, in
    /// order, as they come: after an error, what was answered is durable and need not be sent again.
    fn push(
        &mut self,
        batch: &SealedBatch,
        changes: Vec<OutgoingChange>,
        answered: &mut Vec<Answer>,
    ) -> impl Future<Output = Result<(), UpstreamError>> + Send;

    /// Tells the upstream that all records of a batch are answered, and returns what it signs for that;
    /// `None` where it gives no receipts. A receipt whose signature, signer, batch or digest is not right is an
    /// error. Asked again for the same batch an honest upstream answers the same.
    fn receipt(
        &mut self,
        batch: &SealedBatch,
        entries: &[BatchEntry],
    ) -> impl Future<Output = Result<Option<SignedReceipt>, ReceiptError>> + Send;
}
