//! The only file that chooses a gRPC code.
//!
//! Every error carries `ErrorInfo` with a reason that clients match on, and `RetryInfo` where waiting
//! helps. Inner causes are logged here, once, with an incident id, and never sent.

use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt};

use super::bundle_file::BundleFileError;
use super::listener::Peer;
use crate::domain::unit_act::ActInvalid;
use crate::security::hpke::HpkeError;
use crate::security::letter::LetterError;
use crate::security::trust::TrustError;
use crate::store::StoreError;
use crate::sync::batches::BatchError;
use crate::sync::bundle::BundleError;
use crate::sync::comparison::ComparisonError;
use crate::sync::forward::UpstreamError;
use crate::sync::ingest::IngestError;
use crate::sync::jobs::JobError;
use crate::sync::models::ModelError;
use crate::sync::reconcile::ReconcileError;
use crate::sync::review::ReviewError;
use crate::sync::units::UnitError;
use crate::sync::upload::UploadError;

/// The domain of every reason.
const DOMAIN: &str = "childsync.v1";
/// How long to wait before trying again, unless the server knows better.
const RETRY_MILLISECONDS: u64 = 1_000;

/// Why a caller is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessError {
    /// The connection has no identity.
    Unknown,
    /// The call is for nodes and the caller is none that is registered here.
    NotRegistered,
    /// The call is for operators and the caller is none of this hub's.
    NotOperator,
    /// The node that wrote a bundle is none that is registered here.
    BundleNotRegistered,
    /// The call is for nodes.
    NotNode,
    /// The record that is asked for is another node's.
    NotOwnRecord,
    /// An agent serves the node whose certificate it has, and nobody else.
    NotOwnNode,
}

impl From<AccessError> for Status {
    fn from(error: AccessError) -> Self {
        let (code, reason, message) = match error {
            AccessError::Unknown => (
                Code::Unauthenticated,
                "IDENTITY_UNKNOWN",
                "the connection has no identity",
            ),
            AccessError::NotRegistered => (
                Code::PermissionDenied,
                "NODE_NOT_REGISTERED",
                "this node is not registered here: ask the hub's operator to run `childsync node add`",
            ),
            AccessError::BundleNotRegistered => (
                Code::PermissionDenied,
                "NODE_NOT_REGISTERED",
                "the node that made this bundle is not registered here: run `childsync node add`, or bring \
                 the bundle to its own hub",
            ),
            AccessError::NotOperator => (
                Code::PermissionDenied,
                "OPERATOR_REQUIRED",
                "this call is for operators that the hub's configuration lists under access.operators",
            ),
            AccessError::NotOwnRecord => (
                Code::PermissionDenied,
                "OWN_NODE_REQUIRED",
                "a node may ask for its own records only: give your own name, or ask as an operator of the hub",
            ),
            AccessError::NotOwnNode => (
                Code::PermissionDenied,
                "OWN_NODE_REQUIRED",
                "this agent serves its own node only: show the certificate that the agent has",
            ),
            AccessError::NotNode => (
                Code::PermissionDenied,
                "NODE_REQUIRED",
                "this call is for nodes",
            ),
        };
        plain(code, reason, message)
    }
}

/// The answer of an agent to a call about uploads.
pub(super) fn no_uploads() -> Status {
    plain(
        Code::Unimplemented,
        "UPLOADS_AT_HUBS_ONLY",
        "an agent takes records by Push and keeps no uploads: push them here, or send the upload to the hub",
    )
}

impl From<IngestError> for Status {
    fn from(error: IngestError) -> Self {
        match error {
            IngestError::QueueFull => wait(
                Code::ResourceExhausted,
                "QUEUE_FULL",
                "too much is waiting to be committed: try again in a moment",
            ),
            IngestError::Full => wait(
                Code::ResourceExhausted,
                "AGENT_FULL",
                "the agent keeps as much as it may: it takes more in when the hub has taken some",
            ),
            IngestError::Draining => draining(),
            IngestError::TooManyChanges { .. } => field("changes", "TOO_MANY_CHANGES", &error),
            IngestError::SequenceNotRising { .. } => {
                field("sequence", "SEQUENCE_NOT_RISING", &error)
            }
            IngestError::Store(cause) => of_store(&cause),
            IngestError::Sealing => internal(&error),
        }
    }
}

impl From<ReviewError> for Status {
    fn from(error: ReviewError) -> Self {
        let (code, reason) = match &error {
            ReviewError::Store(cause) => return of_store(cause),
            ReviewError::Sealing(_) | ReviewError::Unreadable(_) => return internal(&error),
            ReviewError::RecordUnknown => (Code::NotFound, "RECORD_UNKNOWN"),
            ReviewError::GoldenUnknown => (Code::NotFound, "GOLDEN_RECORD_UNKNOWN"),
            ReviewError::DecisionNotInForce => (Code::FailedPrecondition, "DECISION_NOT_IN_FORCE"),
            ReviewError::OneAndTheSame => (Code::InvalidArgument, "ONE_AND_THE_SAME"),
            ReviewError::NotAPart => (Code::FailedPrecondition, "NOT_A_PART"),
        };
        plain(code, reason, &error.to_string())
    }
}

impl From<ModelError> for Status {
    fn from(error: ModelError) -> Self {
        let (code, reason) = match &error {
            ModelError::Store(cause) | ModelError::Building(ReconcileError::Store(cause)) => {
                return of_store(cause);
            }
            ModelError::Building(_) => return internal(&error),
            ModelError::Invalid(_) => return field("model.text", "MODEL_INVALID", &error),
            ModelError::TooLarge(_) => return field("model.text", "MODEL_TOO_LARGE", &error),
            ModelError::Busy => {
                let message = error.to_string();
                return wait(Code::ResourceExhausted, "INDEX_BUSY", &message);
            }
            ModelError::Unknown(_) => (Code::NotFound, "MODEL_UNKNOWN"),
            ModelError::Superseded { .. } => (Code::Aborted, "MODEL_SUPERSEDED"),
        };
        plain(code, reason, &error.to_string())
    }
}

impl From<UnitError> for Status {
    fn from(error: UnitError) -> Self {
        let text = error.to_string();
        match error {
            UnitError::Store(cause) => of_store(&cause),
            UnitError::Invalid(ActInvalid::TooLarge(_)) => field("text", "ACT_TOO_LARGE", &text),
            UnitError::Invalid(_) => field("text", "ACT_INVALID", &text),
            UnitError::Conflict(_) => plain(Code::FailedPrecondition, "ACT_IN_CONFLICT", &text),
            UnitError::IdReused(_) => already_exists("ACT_ID_REUSED", &text),
            UnitError::TooMany(_) => field("golden_ids", "TOO_MANY_RECORDS", &text),
            UnitError::NoTask(_) => plain(Code::NotFound, "PLACEMENT_TASK_UNKNOWN", &text),
            UnitError::NotAPart { .. } => field("unit", "NOT_A_PART", &text),
        }
    }
}

impl From<UploadError> for Status {
    fn from(error: UploadError) -> Self {
        let text = error.to_string();
        match error {
            UploadError::Store(cause) => of_store(&cause),
            UploadError::Sealing => internal(&text),
            UploadError::Unknown => plain(Code::NotFound, "UPLOAD_UNKNOWN", &text),
            UploadError::IdReused => already_exists("UPLOAD_ID_REUSED", &text),
            UploadError::Expiring => wait(Code::Unavailable, "UPLOAD_EXPIRING", &text),
            UploadError::Manifest { field: name, .. } => field(name, "MANIFEST_INVALID", &text),
            UploadError::OutsideTerritory => {
                plain(Code::PermissionDenied, "OUTSIDE_TERRITORY", &text)
            }
            UploadError::TooManyOpen => wait(Code::ResourceExhausted, "TOO_MANY_UPLOADS", &text),
            UploadError::StorageFull => wait(Code::ResourceExhausted, "UPLOAD_STORAGE_FULL", &text),
            UploadError::ChunkSize => field("content", "CHUNK_SIZE", &text),
            UploadError::TooManyChunks => plain(Code::FailedPrecondition, "TOO_MANY_CHUNKS", &text),
            UploadError::OffsetAhead { durable } => {
                behind(Code::Aborted, "OFFSET_AHEAD", &text, durable)
            }
            UploadError::BeyondEnd => field("offset", "BEYOND_END", &text),
            UploadError::Incomplete { durable } => behind(
                Code::FailedPrecondition,
                "UPLOAD_INCOMPLETE",
                &text,
                durable,
            ),
            UploadError::Fault(fault) => plain(Code::FailedPrecondition, fault.word(), &text),
        }
    }
}

impl From<BundleFileError> for Status {
    fn from(error: BundleFileError) -> Self {
        let reason = match error {
            BundleFileError::Letter(LetterError::NotALetter | LetterError::OtherKind(_)) => {
                "NOT_A_BUNDLE"
            }
            BundleFileError::Letter(LetterError::TooLarge) | BundleFileError::TooLarge => {
                "BUNDLE_TOO_LARGE"
            }
            BundleFileError::Letter(LetterError::NotWhole | LetterError::Signature)
            | BundleFileError::Sealing(HpkeError::Opening)
            | BundleFileError::Content
            | BundleFileError::Header => "BUNDLE_DAMAGED",
            BundleFileError::Trust(TrustError::Expired | TrustError::NotYetValid) => {
                "CERTIFICATE_EXPIRED"
            }
            BundleFileError::Trust(
                TrustError::Foreign
                | TrustError::Revoked
                | TrustError::OtherServer
                | TrustError::Unusable
                | TrustError::Identity(_),
            )
            | BundleFileError::OtherWriter => "BUNDLE_FOREIGN",
            BundleFileError::OtherHub => "BUNDLE_OF_OTHER_HUB",
            BundleFileError::Letter(LetterError::Signing)
            | BundleFileError::Sealing(HpkeError::Sealing)
            | BundleFileError::Packing => return internal(&error),
        };
        field("bundle", reason, &error)
    }
}

impl From<JobError> for Status {
    fn from(error: JobError) -> Self {
        let text = error.to_string();
        match error {
            JobError::Store(cause) => of_store(&cause),
            JobError::NotConfigured(_) => {
                plain(Code::FailedPrecondition, "JOB_NOT_CONFIGURED", &text)
            }
        }
    }
}

impl From<BundleError> for Status {
    fn from(error: BundleError) -> Self {
        match error {
            BundleError::Store(cause) => of_store(&cause),
            BundleError::IdReused => already_exists("BUNDLE_ID_REUSED", &error.to_string()),
            BundleError::Receipt => internal(&error),
        }
    }
}

impl From<ComparisonError> for Status {
    fn from(error: ComparisonError) -> Self {
        let text = error.to_string();
        let refused = |reason| plain(Code::FailedPrecondition, reason, &text);
        match error {
            ComparisonError::Store(cause) => of_store(&cause),
            ComparisonError::Upstream(_) | ComparisonError::Interrupted => internal(&text),
            ComparisonError::Nonsense(_) => field("message.content", "MESSAGE_UNREADABLE", &text),
            ComparisonError::TooManyRecords => refused("TOO_MANY_RECORDS"),
            ComparisonError::TooManyDifferences => refused("TOO_MANY_DIFFERENCES"),
            ComparisonError::TooManyRounds => refused("TOO_MANY_ROUNDS"),
            ComparisonError::OutOfTurn => field("step", "STEP_OUT_OF_TURN", &text),
            ComparisonError::Unknown => plain(Code::NotFound, "COMPARISON_UNKNOWN", &text),
            ComparisonError::NodeUnknown => plain(Code::NotFound, "NODE_UNKNOWN", &text),
            ComparisonError::NoUpstream => refused("NO_UPSTREAM"),
        }
    }
}

impl From<BatchError> for Status {
    fn from(error: BatchError) -> Self {
        match error {
            BatchError::Store(cause) => of_store(&cause),
            BatchError::Sealing(_) | BatchError::Signing(_) => internal(&error),
            BatchError::IdReused => already_exists("BATCH_ID_REUSED", &error.to_string()),
            BatchError::Unknown => plain(Code::NotFound, "BATCH_UNKNOWN", &error.to_string()),
        }
    }
}

/// As many comparisons are being answered as a hub has memory for.
pub(super) fn comparison_wait() -> Status {
    wait(
        Code::ResourceExhausted,
        "COMPARISONS_BUSY",
        "other nodes are being compared: try again in a moment",
    )
}

/// As many bundles are being taken in as a hub has memory for.
pub(super) fn bundle_wait() -> Status {
    wait(
        Code::ResourceExhausted,
        "BUNDLES_BUSY",
        "other bundles are being taken in: try again in a moment",
    )
}

/// A thread that was to do a part of the work has failed.
pub(super) fn join_failed(error: &tokio::task::JoinError) -> Status {
    internal(error)
}

/// Bytes of an upload are missing: the client is told where to go on.
fn behind(code: Code, reason: &str, message: &str, durable: u64) -> Status {
    let metadata = [("durable_offset".to_owned(), durable.to_string())];
    let details = ErrorDetails::with_error_info(reason, DOMAIN, metadata);
    Status::with_error_details(code, message, details)
}

impl From<StoreError> for Status {
    fn from(error: StoreError) -> Self {
        of_store(&error)
    }
}

fn of_store(error: &StoreError) -> Status {
    match error {
        StoreError::Busy(_) | StoreError::Unavailable(_) => {
            tracing::warn!(error = %error, "The database was away");
            wait(
                Code::Unavailable,
                "DATABASE_AWAY",
                "the hub's database is away: try again in a moment",
            )
        }
        StoreError::Query(_)
        | StoreError::Migration(_)
        | StoreError::Corrupt { .. }
        | StoreError::Rows { .. }
        | StoreError::Fenced(_)
        | StoreError::Unsafe(_)
        | StoreError::Url(_) => internal(error),
    }
}

/// The hub is stopping; another replica or a later try will do.
pub fn draining() -> Status {
    wait(
        Code::Unavailable,
        "DRAINING",
        "the hub is stopping: try again in a moment",
    )
}

/// One field of a request is wrong.
pub fn field(name: &str, reason: &str, error: &dyn std::fmt::Display) -> Status {
    let violations = vec![FieldViolation::new(name, error.to_string())];
    let mut details = ErrorDetails::with_bad_request(violations);
    details.set_error_info(reason, DOMAIN, []);
    Status::with_error_details(Code::InvalidArgument, format!("{name}: {error}"), details)
}

/// There is no such thing.
pub fn not_found(reason: &str, message: &str) -> Status {
    plain(Code::NotFound, reason, message)
}

/// A name is taken by something else.
pub fn already_exists(reason: &str, message: &str) -> Status {
    plain(Code::AlreadyExists, reason, message)
}

fn plain(code: Code, reason: &str, message: &str) -> Status {
    let details = ErrorDetails::with_error_info(reason, DOMAIN, []);
    Status::with_error_details(code, message, details)
}

fn wait(code: Code, reason: &str, message: &str) -> Status {
    let mut details = ErrorDetails::with_error_info(reason, DOMAIN, []);
    details.set_retry_info(Some(Duration::from_millis(RETRY_MILLISECONDS)));
    Status::with_error_details(code, message, details)
}

fn internal(cause: &dyn std::fmt::Display) -> Status {
    let incident = uuid::Uuid::now_v7().to_string();
    tracing::error!(incident.id = %incident, error = %cause, "A request failed");
    let metadata = [("incident_id".to_owned(), incident)];
    let details = ErrorDetails::with_error_info("INTERNAL", DOMAIN, metadata);
    Status::with_error_details(Code::Internal, "internal error", details)
}

/// A message cannot be decoded.
pub fn undecodable() -> Status {
    field("request", "UNDECODABLE", &"the message cannot be decoded")
}

/// In the middle of a stream tonic's INTERNAL does not pass through the response's headers, where it is
/// turned into the client's fault for every other call.
pub fn blame_client(status: Status) -> Status {
    if status.code() == Code::Internal {
        undecodable()
    } else {
        status
    }
}

/// Turns tonic's own INTERNAL, which is what it says when a message cannot be decoded, into the caller's
/// fault: honest clients retry INTERNAL for ever. Ours always carries details.
pub fn blame_undecodable<B>(mut response: http::Response<B>) -> http::Response<B> {
    const CODE: &str = "grpc-status";
    const DETAILS: &str = "grpc-status-details-bin";
    let headers = response.headers_mut();
    let is_internal = headers.get(CODE).is_some_and(|code| code == "13");
    if is_internal && !headers.contains_key(DETAILS) {
        // A status of ours always fits into headers.
        if undecodable().add_header(headers).is_err() {
            headers.insert(CODE, http::HeaderValue::from_static("3"));
        }
    }
    response
}

/// What an upstream's error means to the forwarder. Its text is not kept: it may hold anything.
pub fn read_upstream_error(status: &Status) -> UpstreamError {
    let details = status.get_error_details();
    let reason = details.error_info().map(|info| info.reason.clone());
    let retry_after = details.retry_info().and_then(|info| info.retry_delay);
    match (status.code(), reason) {
        // A wait that the upstream asks for is bounded by ours, or a broken one would stop us.
        (_, Some(reason)) if is_word(&reason) => {
            let retry_after = retry_after.map(|wait| wait.min(Duration::from_mins(1)));
            UpstreamError::Refused {
                reason,
                retry_after,
            }
        }
        (Code::Unavailable | Code::Unknown | Code::Cancelled, _) => {
            UpstreamError::Unreachable(format!("{:?}", status.code()))
        }
        (Code::DeadlineExceeded, _) => UpstreamError::TimedOut,
        (code, _) => {
            let reason = format!("GRPC_{code:?}").to_uppercase();
            UpstreamError::Refused {
                reason,
                retry_after: None,
            }
        }
    }
}

/// Whether a text is one of our stable words, and not something that must not reach a log.
pub fn is_word(text: &str) -> bool {
    (1..=40).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}

/// Who calls.
pub fn peer<T>(request: &tonic::Request<T>) -> Result<&Peer, AccessError> {
    request
        .extensions()
        .get::<Peer>()
        .ok_or(AccessError::Unknown)
}

#[cfg(test)]
mod tests;
