//! Bundles and receipts over the HTTP port.

use http::Response;
use http::header::HeaderValue;
use http_body_util::Full;
use hyper::body::Bytes;
use serde_json::{Value, json};

use super::answers::{CarryProblem, Problem, octets};
use super::records::{instant, invalid, parameter};
use crate::agent::bundle::{Bundles, BundlesError, QueuePlace};
use crate::agent::card::CardError;
use crate::store::MadeBundle;

/// Header of a bundle's answer: its name.
pub const BUNDLE_HEADER: &str = "childsync-bundle";
/// Header of a bundle's answer: how many records it holds.
pub const RECORDS_HEADER: &str = "childsync-records";
/// Header of a bundle's answer: `after` of the next bundle, if this one did not hold everything.
pub const NEXT_HEADER: &str = "childsync-next-after";

impl From<BundlesError> for Problem {
    fn from(error: BundlesError) -> Self {
        let text = error.to_string();
        match error {
            BundlesError::Store(cause) | BundlesError::Card(CardError::Store(cause)) => {
                cause.into()
            }
            BundlesError::Sealing(_) => {
                tracing::error!(error = %text, "A request failed");
                Self::Internal
            }
            BundlesError::Card(CardError::Missing(_) | CardError::Unusable(_)) => {
                Self::Carry(CarryProblem::CardMissing(text))
            }
            BundlesError::NothingWaits => Self::Carry(CarryProblem::NothingWaits),
            BundlesError::File(_)
            | BundlesError::UnknownBundle
            | BundlesError::OtherHub
            | BundlesError::OtherFile => Self::Carry(CarryProblem::ReceiptRefused(text)),
        }
    }
}

/// Writes what waits as a bundle.
pub(super) async fn write(
    bundles: &Bundles,
    query: &str,
) -> Result<Response<Full<Bytes>>, Problem> {
    let after = match parameter(query, "after") {
        None => QueuePlace::BEGINNING,
        Some(text) => text.parse().map_err(|()| {
            invalid(
                "after",
                "is not what childsync-next-after of the bundle before said",
            )
        })?,
    };
    let written = bundles.write(after).await?;
    let mut response = octets(written.bytes);
    let headers = [
        (BUNDLE_HEADER, Some(written.bundle.to_string())),
        (RECORDS_HEADER, Some(written.records.to_string())),
        (NEXT_HEADER, written.next.map(|place| place.to_string())),
    ];
    for (name, value) in headers {
        // Digits, letters, hyphens and a point.
        let value = value.and_then(|value| HeaderValue::from_str(&value).ok());
        if let Some(value) = value {
            response.headers_mut().insert(name, value);
        }
    }
    Ok(response)
}

/// Takes a receipt.
pub(super) async fn take_receipt(bundles: &Bundles, body: &Bytes) -> Result<Value, Problem> {
    let taken = bundles.take_receipt(body).await?;
    Ok(json!({
        "bundle_id": taken.bundle.to_string(),
        "repeated": taken.is_repeated,
        "taken": taken.taken,
        "to_correct": taken.to_correct,
        "waiting": taken.waiting,
        "answered_before": taken.answered_before,
    }))
}

/// The bundles that were written, the newest first.
pub(super) async fn list(bundles: &Bundles) -> Result<Value, Problem> {
    let rows = bundles.list().await?;
    let rows: Vec<Value> = rows.iter().map(bundle).collect();
    Ok(json!({ "bundles": rows }))
}

fn bundle(row: &MadeBundle) -> Value {
    json!({
        "bundle_id": row.bundle.to_string(),
        "hub": row.hub,
        "records": row.records,
        "made_at": instant(row.made_at),
        "receipted_at": row.receipted_at.map(instant),
    })
}
