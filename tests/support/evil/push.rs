//! What an evil upstream does to a stream of records.

use std::time::Duration;

use childsync::grpc::proto::v1::{self, PushRequest, PushResponse, RecordOutcome};
use tokio_stream::StreamExt;
use tonic::{Code, Status, Streaming};
use tonic_types::{ErrorDetails, StatusExt};

use super::{Answers, SECRET};

/// How a stream of records goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PushFault {
    Internal,
    Exhausted,
    Unauthenticated,
    Unimplemented,
    DataLoss,
    NoHello,
    HelloOfTheFuture,
    NoWindow,
    SilentAtOnce,
    SilentAfterHello,
    EndsAfterHello,
    Cancelled,
    GarbageDetails,
    SequenceTooHigh,
    SequenceZero,
    SequenceRepeated,
    CountTooHigh,
    CountTooLow,
    CountsOverflow,
    StrangePosition,
    StrangeRecord,
    OtherVersion,
    NoOutcome,
    UnknownOutcome,
    RejectedWithoutSaying,
    SaidToBeRejected,
    HalfAnswered,
}

impl PushFault {
    /// Every fault, with what status says of it.
    pub(crate) const ALL: [(Self, &'static str); 27] = [
        (Self::Internal, "GRPC_INTERNAL"),
        (Self::Exhausted, "GRPC_RESOURCEEXHAUSTED"),
        (Self::Unauthenticated, "GRPC_UNAUTHENTICATED"),
        (Self::Unimplemented, "GRPC_UNIMPLEMENTED"),
        (Self::DataLoss, "GRPC_DATALOSS"),
        (Self::NoHello, "NONSENSE"),
        (Self::HelloOfTheFuture, "NONSENSE"),
        (Self::NoWindow, "NONSENSE"),
        (Self::SilentAtOnce, "TIMED_OUT"),
        (Self::SilentAfterHello, "TIMED_OUT"),
        (Self::EndsAfterHello, "NONSENSE"),
        (Self::Cancelled, "UNREACHABLE"),
        (Self::GarbageDetails, "GRPC_FAILEDPRECONDITION"),
        (Self::SequenceTooHigh, "NONSENSE"),
        (Self::SequenceZero, "NONSENSE"),
        (Self::SequenceRepeated, "NONSENSE"),
        (Self::CountTooHigh, "NONSENSE"),
        (Self::CountTooLow, "NONSENSE"),
        (Self::CountsOverflow, "NONSENSE"),
        (Self::StrangePosition, "NONSENSE"),
        (Self::StrangeRecord, "NONSENSE"),
        (Self::OtherVersion, "NONSENSE"),
        (Self::NoOutcome, "NONSENSE"),
        (Self::UnknownOutcome, "NONSENSE"),
        (Self::RejectedWithoutSaying, "NONSENSE"),
        (Self::SaidToBeRejected, "NONSENSE"),
        (Self::HalfAnswered, "UNREACHABLE"),
    ];
}

pub(super) fn hello() -> PushResponse {
    PushResponse {
        window_requests: 16,
        ..PushResponse::default()
    }
}

/// What the fault makes of the answer to a request.
fn answer(fault: PushFault, request: &PushRequest) -> Result<PushResponse, Status> {
    let good = accepted(request);
    let (count, sequence) = (good.accepted, good.acknowledged_sequence);
    let acknowledging = |sequence| PushResponse {
        acknowledged_sequence: sequence,
        ..good.clone()
    };
    let counting = |accepted| PushResponse {
        accepted,
        ..good.clone()
    };
    let answers = [
        (PushFault::SequenceTooHigh, acknowledging(sequence + 5)),
        (PushFault::SequenceZero, acknowledging(0)),
        (PushFault::SequenceRepeated, acknowledging(sequence - 1)),
        (PushFault::CountTooHigh, counting(count + 1)),
        (PushFault::NoWindow, counting(count + 1)),
        (PushFault::CountTooLow, counting(count - 1)),
        (
            PushFault::CountsOverflow,
            PushResponse {
                unchanged: u32::MAX,
                superseded: u32::MAX,
                ..counting(u32::MAX)
            },
        ),
        (
            PushFault::RejectedWithoutSaying,
            PushResponse {
                rejected: count,
                ..counting(0)
            },
        ),
    ];
    let mut answers = answers.into_iter();
    if let Some((_, response)) = answers.find(|(of, _)| *of == fault) {
        return Ok(response);
    }
    if fault == PushFault::GarbageDetails {
        let code = Code::FailedPrecondition;
        return Err(Status::with_details(code, SECRET, SECRET.as_bytes().into()));
    }
    outcome(fault, request, &good).ok_or_else(|| Status::cancelled(SECRET))
}

/// What the fault makes of the outcome of one record.
fn outcome(fault: PushFault, request: &PushRequest, good: &PushResponse) -> Option<PushResponse> {
    let first = request.changes.first().cloned().unwrap_or_default();
    let mut outcome = RecordOutcome {
        record_id: first.record_id,
        version: first.version,
        outcome: v1::Outcome::Rejected.into(),
        reason: SECRET.to_owned(),
        ..RecordOutcome::default()
    };
    let mut rejected = 1;
    match fault {
        PushFault::StrangePosition => outcome.position = 7_000,
        PushFault::StrangeRecord => SECRET.clone_into(&mut outcome.record_id),
        PushFault::OtherVersion => outcome.version = 77,
        PushFault::NoOutcome => outcome.outcome = 0,
        PushFault::UnknownOutcome => outcome.outcome = 99,
        PushFault::SaidToBeRejected => rejected = 0,
        PushFault::Internal
        | PushFault::Exhausted
        | PushFault::Unauthenticated
        | PushFault::Unimplemented
        | PushFault::DataLoss
        | PushFault::NoHello
        | PushFault::HelloOfTheFuture
        | PushFault::NoWindow
        | PushFault::SilentAtOnce
        | PushFault::SilentAfterHello
        | PushFault::EndsAfterHello
        | PushFault::Cancelled
        | PushFault::GarbageDetails
        | PushFault::SequenceTooHigh
        | PushFault::SequenceZero
        | PushFault::SequenceRepeated
        | PushFault::CountTooHigh
        | PushFault::CountTooLow
        | PushFault::CountsOverflow
        | PushFault::RejectedWithoutSaying
        | PushFault::HalfAnswered => return None,
    }
    Some(PushResponse {
        accepted: good.accepted - rejected,
        rejected,
        outcomes: vec![outcome],
        ..good.clone()
    })
}

/// The stream of a fault, before the first request is answered.
pub(super) fn stream(
    fault: PushFault,
    requests: Streaming<PushRequest>,
) -> Result<Answers, Status> {
    let silence = tokio_stream::pending();
    Ok(match fault {
        PushFault::Internal => return Err(Status::internal(SECRET)),
        PushFault::Exhausted => {
            let details = ErrorDetails::with_retry_info(Some(Duration::from_millis(100)));
            let code = Code::ResourceExhausted;
            return Err(Status::with_error_details(code, SECRET, details));
        }
        PushFault::Unauthenticated => return Err(Status::unauthenticated(SECRET)),
        PushFault::Unimplemented => return Err(Status::unimplemented(SECRET)),
        PushFault::DataLoss => return Err(Status::data_loss(SECRET)),
        PushFault::NoHello => Box::pin(tokio_stream::empty()),
        PushFault::HelloOfTheFuture => Box::pin(tokio_stream::once(Ok(PushResponse {
            acknowledged_sequence: 9,
            ..hello()
        }))),
        PushFault::SilentAtOnce => Box::pin(silence),
        PushFault::SilentAfterHello => Box::pin(tokio_stream::once(Ok(hello())).chain(silence)),
        PushFault::EndsAfterHello => Box::pin(tokio_stream::once(Ok(hello()))),
        PushFault::NoWindow => {
            let none = PushResponse {
                window_requests: 0,
                ..hello()
            };
            let answers = requests.map(move |request| answer(fault, &request?));
            Box::pin(tokio_stream::once(Ok(none)).chain(answers))
        }
        PushFault::HalfAnswered => {
            let mut seen = 0;
            let answers = requests.map(move |request| {
                seen += 1;
                if seen == 1 {
                    Ok(accepted(&request?))
                } else {
                    answer(fault, &request?)
                }
            });
            Box::pin(tokio_stream::once(Ok(hello())).chain(answers))
        }
        PushFault::Cancelled
        | PushFault::GarbageDetails
        | PushFault::SequenceTooHigh
        | PushFault::SequenceZero
        | PushFault::SequenceRepeated
        | PushFault::CountTooHigh
        | PushFault::CountTooLow
        | PushFault::CountsOverflow
        | PushFault::StrangePosition
        | PushFault::StrangeRecord
        | PushFault::OtherVersion
        | PushFault::NoOutcome
        | PushFault::UnknownOutcome
        | PushFault::RejectedWithoutSaying
        | PushFault::SaidToBeRejected => {
            let answers = requests.map(move |request| answer(fault, &request?));
            Box::pin(tokio_stream::once(Ok(hello())).chain(answers))
        }
    })
}

/// Every record of a request is said to be taken.
pub(super) fn accepted(request: &PushRequest) -> PushResponse {
    PushResponse {
        acknowledged_sequence: request.sequence,
        accepted: u32::try_from(request.changes.len()).unwrap_or_default(),
        ..PushResponse::default()
    }
}
