//! Answers: JSON, the page, and what is wrong with a request.

use http::header::{self, HeaderValue};
use http::{HeaderName, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Bytes;
use serde_json::{Value, json};

use crate::store::StoreError;
use crate::sync::ingest::IngestError;

/// The content type of files.
pub(super) const OCTETS: &str = "application/octet-stream";
/// How long a client waits before it tries again, in seconds.
const RETRY_SECONDS: &str = "1";

/// What is wrong with a request, or with the agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Problem {
    /// The request was not meant for this machine.
    HostForeign,
    /// It shows no token, or another.
    TokenMissing,
    /// There is nothing at the path.
    PathUnknown,
    /// The path knows no such method.
    MethodUnknown,
    /// The body must be JSON.
    NotJson,
    /// The body is too large.
    BodyTooLarge,
    /// The body did not arrive whole.
    BodyBroken,
    /// The request took too long.
    TooSlow,
    /// The body or a parameter is not what the description says, with where and what.
    Invalid(String),
    /// There is no such record.
    RecordUnknown,
    /// What is carried by hand cannot be written or taken.
    Carry(CarryProblem),
    /// The agent keeps as much as it may, or the disk is full.
    Full,
    /// The agent is busy or stopping.
    Busy,
    /// The agent's fault; the log has the cause.
    Internal,
}

/// Why something cannot be carried by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum CarryProblem {
    /// Nothing waits.
    NothingWaits,
    /// There is no card of the hub that a bundle could be sealed to, and what to do.
    CardMissing(String),
    /// The receipt cannot be taken, and why.
    ReceiptRefused(String),
    /// The body must be a file.
    NotOctets,
}

impl CarryProblem {
    fn parts(&self) -> (StatusCode, &'static str, &str) {
        match self {
            Self::NothingWaits => (
                StatusCode::CONFLICT,
                "NOTHING_WAITS",
                "nothing waits to be sent: the hub has everything that was kept here",
            ),
            Self::CardMissing(problem) => (StatusCode::CONFLICT, "HUB_CARD_MISSING", problem),
            Self::ReceiptRefused(problem) => {
                (StatusCode::UNPROCESSABLE_ENTITY, "RECEIPT_REFUSED", problem)
            }
            Self::NotOctets => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "NOT_OCTETS",
                "send the file as it is, with the header Content-Type: application/octet-stream",
            ),
        }
    }
}

impl Problem {
    fn parts(&self) -> (StatusCode, &'static str, &str) {
        match self {
            Self::HostForeign => (
                StatusCode::FORBIDDEN,
                "HOST_FOREIGN",
                "call this machine by 127.0.0.1, [::1] or localhost",
            ),
            Self::TokenMissing => (
                StatusCode::UNAUTHORIZED,
                "TOKEN_REQUIRED",
                "send the header Authorization: Bearer TOKEN with what the token file holds; \
                 to open the page, run `childsync agent status` and use the link that it shows",
            ),
            Self::PathUnknown => (
                StatusCode::NOT_FOUND,
                "PATH_UNKNOWN",
                "there is nothing here: GET /openapi.json describes every path",
            ),
            Self::MethodUnknown => (
                StatusCode::METHOD_NOT_ALLOWED,
                "METHOD_UNKNOWN",
                "this path does not know the method: GET /openapi.json describes every path",
            ),
            Self::NotJson => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "NOT_JSON",
                "send JSON, with the header Content-Type: application/json",
            ),
            Self::BodyTooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "BODY_TOO_LARGE",
                "a request may have 1 MiB, a receipt 16 MiB: send fewer records at a time",
            ),
            Self::BodyBroken => (
                StatusCode::BAD_REQUEST,
                "BODY_BROKEN",
                "the body did not arrive whole: send it again",
            ),
            Self::TooSlow => (
                StatusCode::REQUEST_TIMEOUT,
                "TOO_SLOW",
                "the request took too long: send it again",
            ),
            Self::Invalid(problem) => (StatusCode::BAD_REQUEST, "INVALID", problem),
            Self::RecordUnknown => (
                StatusCode::NOT_FOUND,
                "RECORD_UNKNOWN",
                "the agent has no such record: check kind and record id",
            ),
            Self::Carry(problem) => problem.parts(),
            Self::Full => (
                StatusCode::INSUFFICIENT_STORAGE,
                "AGENT_FULL",
                "the agent keeps as much as it may: keep the record yourself and send it when the hub \
                 has taken some",
            ),
            Self::Busy => (
                StatusCode::SERVICE_UNAVAILABLE,
                "BUSY",
                "the agent is busy or stopping: send it again in a moment",
            ),
            Self::Internal => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "INTERNAL",
                "internal error: the agent's log has the cause",
            ),
        }
    }

    /// What is wrong and what to do.
    pub(super) fn text(&self) -> &str {
        let (_, _, text) = self.parts();
        text
    }

    /// The answer.
    pub(super) fn response(self) -> Response<Full<Bytes>> {
        let (status, reason, message) = self.parts();
        let body = json!({ "reason": reason, "message": message }).to_string();
        let mut response = respond(status, "application/json", body);
        if matches!(self, Self::Full | Self::Busy) {
            let wait = HeaderValue::from_static(RETRY_SECONDS);
            response.headers_mut().insert(header::RETRY_AFTER, wait);
        }
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        if error.is_retryable() {
            tracing::warn!(error = %error, "The database was away");
            Self::Busy
        } else {
            tracing::error!(error = %error, "A request failed");
            Self::Internal
        }
    }
}

impl From<IngestError> for Problem {
    fn from(error: IngestError) -> Self {
        match error {
            IngestError::Full => Self::Full,
            IngestError::QueueFull | IngestError::Draining => Self::Busy,
            IngestError::Store(cause) if cause.is_retryable() => Self::Busy,
            IngestError::Store(_)
            | IngestError::Sealing
            | IngestError::TooManyChanges { .. }
            | IngestError::SequenceNotRising { .. } => {
                tracing::error!(error = %error, "A request failed");
                Self::Internal
            }
        }
    }
}

pub(super) fn json(value: &Value) -> Response<Full<Bytes>> {
    respond(StatusCode::OK, "application/json", value.to_string())
}

/// A file.
pub(super) fn octets(bytes: Vec<u8>) -> Response<Full<Bytes>> {
    respond(StatusCode::OK, OCTETS, bytes)
}

/// The page asks for nothing from elsewhere and runs nothing, whatever stands in it.
pub(super) fn html(page: String) -> Response<Full<Bytes>> {
    let mut response = respond(StatusCode::OK, "text/html; charset=utf-8", page);
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
        ),
    );
    response
}

/// Leaves the token in the browser and shows the page without it in its address.
pub(super) fn redirect_with_token(name: &str, token: &str) -> Response<Full<Bytes>> {
    let mut response = respond(StatusCode::SEE_OTHER, "text/plain", String::new());
    let cookie = format!("{name}={token}; HttpOnly; SameSite=Strict; Path=/");
    let headers = response.headers_mut();
    // The token is the one that was made here: letters and digits.
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        headers.insert(header::SET_COOKIE, cookie);
    }
    headers.insert(header::LOCATION, HeaderValue::from_static("/"));
    response
}

fn respond(
    status: StatusCode,
    kind: &'static str,
    body: impl Into<Bytes>,
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let headers: [(HeaderName, &'static str); 4] = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    for (name, value) in headers {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}
