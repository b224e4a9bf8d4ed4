//! `BatchService`: receipts the batches of hubs below, and shows batches and their evidence.

use std::sync::Arc;

use tokio::task::spawn_blocking;
use tonic::{Request, Response, Status};

use super::batch_file::{BatchFileError, LiveEvidence, ManifestLetter};
use super::bundle_file::BundleFileError;
use super::convert::{write_instant, write_lane};
use super::hub::{Hub, node_name};
use super::proto::v1;
use super::proto::v1::batch_service_server::BatchService;
use super::status::{field, join_failed};
use crate::domain::clock::Timestamp;
use crate::domain::node::NodeName;
use crate::security::trust::TrustError;
use crate::store::{ReceivedBatch, SentBatch};
use crate::sync::batches::{
    BATCH_PAGE_ROWS, BATCH_PAGE_ROWS_MAX, BatchError, BatchPlace, Batches, SubmittedManifest,
};
use crate::sync::forward::{digest, read_entries};

/// The service of one hub.
pub struct HubBatchService {
    hub: Arc<Hub>,
    batches: Batches,
    evidence: LiveEvidence,
}

impl HubBatchService {
    /// The service of a hub.
    pub fn new(hub: Arc<Hub>) -> Self {
        let batches = Batches {
            store: hub.store.clone(),
            key: Arc::clone(&hub.key),
            clock: Arc::clone(&hub.clock),
        };
        let evidence = LiveEvidence {
            hub: hub.name.clone(),
            identity: Arc::clone(&hub.identity),
        };
        Self {
            hub,
            batches,
            evidence,
        }
    }
}

/// Why a manifest is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum ManifestError {
    /// It proves nothing.
    #[error(transparent)]
    File(#[from] BatchFileError),
    /// Another node has sealed it.
    #[error("was sealed by another node than the one that hands it in")]
    OtherNode,
    /// The entries are not those of the manifest.
    #[error("are not the records that the manifest names")]
    Entries,
}

impl From<ManifestError> for Status {
    fn from(error: ManifestError) -> Self {
        let reason = match error {
            ManifestError::Entries => return field("entries", "ENTRIES_DIFFER", &error),
            ManifestError::File(BatchFileError::File(BundleFileError::Trust(
                TrustError::Expired | TrustError::NotYetValid,
            ))) => "CERTIFICATE_EXPIRED",
            ManifestError::OtherNode
            | ManifestError::File(BatchFileError::File(
                BundleFileError::Trust(
                    TrustError::Foreign
                    | TrustError::Revoked
                    | TrustError::OtherServer
                    | TrustError::Unusable
                    | TrustError::Identity(_),
                )
                | BundleFileError::OtherWriter,
            )) => "MANIFEST_FOREIGN",
            ManifestError::File(
                BatchFileError::Impossible
                | BatchFileError::OtherBatch
                | BatchFileError::File(
                    BundleFileError::Letter(_)
                    | BundleFileError::Sealing(_)
                    | BundleFileError::Header
                    | BundleFileError::Content
                    | BundleFileError::OtherHub
                    | BundleFileError::TooLarge
                    | BundleFileError::Packing,
                ),
            ) => "MANIFEST_DAMAGED",
        };
        field("manifest", reason, &error)
    }
}

/// Reads a manifest that this node has sealed, with its entries.
fn admit(
    hub: &Hub,
    node: &str,
    request: v1::SubmitManifestRequest,
) -> Result<(ManifestLetter, SubmittedManifest), ManifestError> {
    let letter = ManifestLetter::read(&request.manifest)?;
    let writer = letter.believe(&hub.identity.current().authorities, hub.clock.now())?;
    if writer.as_str() != node {
        return Err(ManifestError::OtherNode);
    }
    let entries = read_entries(&request.entries).ok_or(ManifestError::Entries)?;
    let count = i64::try_from(entries.len());
    if count != Ok(letter.manifest.records) || digest(&entries) != letter.manifest.digest {
        return Err(ManifestError::Entries);
    }
    let submitted = SubmittedManifest {
        manifest: letter.manifest.clone(),
        letter: request.manifest,
        entries,
    };
    Ok((letter, submitted))
}

#[tonic::async_trait]
impl BatchService for HubBatchService {
    async fn submit_manifest(
        &self,
        request: Request<v1::SubmitManifestRequest>,
    ) -> Result<Response<v1::SubmitManifestResponse>, Status> {
        let name = node_name(&request)?.clone();
        let node = self.hub.node(&request).await?;
        let hub = Arc::clone(&self.hub);
        let request = request.into_inner();
        let admitted = spawn_blocking(move || admit(&hub, name.as_str(), request)).await;
        let (letter, submitted) = admitted.map_err(|error| join_failed(&error))??;
        let evidence = self.evidence.current().map_err(BatchError::from)?;
        let sign = |holding: &_| evidence.write_receipt(&letter, holding);
        let receipt = self.batches.receive(node.node_id, submitted, sign).await?;
        Ok(Response::new(v1::SubmitManifestResponse { receipt }))
    }

    async fn list_batches(
        &self,
        request: Request<v1::ListBatchesRequest>,
    ) -> Result<Response<v1::ListBatchesResponse>, Status> {
        self.hub.operator(&request)?;
        let request = request.into_inner();
        let limit = match i64::from(request.page_size) {
            0 => BATCH_PAGE_ROWS,
            asked if asked > BATCH_PAGE_ROWS_MAX => {
                let problem = format!("must be at most {BATCH_PAGE_ROWS_MAX}");
                return Err(field("page_size", "PAGE_TOO_LARGE", &problem));
            }
            asked => asked,
        };
        let page = match request.direction() {
            v1::BatchDirection::Sent => self.sent(&request.page_token, limit).await?,
            v1::BatchDirection::Received => self.received(&request.page_token, limit).await?,
            v1::BatchDirection::Unspecified => {
                let problem = "must be SENT or RECEIVED";
                return Err(field("direction", "DIRECTION_INVALID", &problem));
            }
        };
        Ok(Response::new(page))
    }

    async fn get_batch(
        &self,
        request: Request<v1::GetBatchRequest>,
    ) -> Result<Response<v1::GetBatchResponse>, Status> {
        self.hub.operator(&request)?;
        let request = request.into_inner();
        let number = i64::try_from(request.number).map_err(|_| BatchError::Unknown)?;
        let (batch, (manifest, receipt)) = if request.node.is_empty() {
            let (batch, letters) = self.batches.sent_one(number).await?;
            (write_sent(&self.hub.name, &batch), letters)
        } else {
            let (batch, letters) = self.batches.received_one(&request.node, number).await?;
            (write_received(&batch), letters)
        };
        Ok(Response::new(v1::GetBatchResponse {
            batch: Some(batch),
            manifest,
            receipt,
        }))
    }
}

impl HubBatchService {
    async fn sent(&self, token: &str, limit: i64) -> Result<v1::ListBatchesResponse, Status> {
        let before = match token {
            "" => None,
            token => Some(token.parse().map_err(|_| other_token())?),
        };
        let rows = self.batches.sent(before, limit).await?;
        let next = rows.last().filter(|_| is_full(rows.len(), limit));
        Ok(v1::ListBatchesResponse {
            next_page_token: next.map(|row| row.number.to_string()).unwrap_or_default(),
            batches: rows
                .iter()
                .map(|row| write_sent(&self.hub.name, row))
                .collect(),
        })
    }

    async fn received(&self, token: &str, limit: i64) -> Result<v1::ListBatchesResponse, Status> {
        let before = match token {
            "" => None,
            token => Some(read_place(token).ok_or_else(other_token)?),
        };
        let rows = self.batches.received(before, limit).await?;
        let next = rows.last().filter(|_| is_full(rows.len(), limit));
        let next = next.map(|row| format!("{}.{}", row.received_at.as_micros(), row.id));
        Ok(v1::ListBatchesResponse {
            next_page_token: next.unwrap_or_default(),
            batches: rows.iter().map(write_received).collect(),
        })
    }
}

fn is_full(rows: usize, limit: i64) -> bool {
    i64::try_from(rows) == Ok(limit)
}

fn other_token() -> Status {
    let problem = "is not what the page before said";
    field("page_token", "PAGE_TOKEN_INVALID", &problem)
}

fn read_place(token: &str) -> Option<BatchPlace> {
    let (at, batch) = token.split_once('.')?;
    Some((
        Timestamp::from_micros(at.parse().ok()?),
        batch.parse().ok()?,
    ))
}

fn write_sent(hub: &NodeName, batch: &SentBatch) -> v1::ForwardBatch {
    v1::ForwardBatch {
        batch_id: batch.id.to_string(),
        number: batch.number.unsigned_abs(),
        hub: hub.to_string(),
        lane: write_lane(batch.lane).into(),
        first_change: batch.first_change.unsigned_abs(),
        last_change: batch.last_change.unsigned_abs(),
        records: batch.records.unsigned_abs(),
        sealed_at: Some(write_instant(batch.sealed_at)),
        receipted_at: batch.receipted_at.map(write_instant),
        accepted: batch.accepted.unsigned_abs(),
        held: (batch.accepted + batch.unchanged).unsigned_abs(),
        refused: batch.refused.unsigned_abs(),
        replaced_by: batch.replaced_by.unwrap_or_default().unsigned_abs(),
    }
}

fn write_received(batch: &ReceivedBatch) -> v1::ForwardBatch {
    v1::ForwardBatch {
        batch_id: batch.id.to_string(),
        number: batch.number.unsigned_abs(),
        hub: batch.node.clone(),
        lane: write_lane(batch.lane).into(),
        records: batch.records.unsigned_abs(),
        receipted_at: Some(write_instant(batch.received_at)),
        held: batch.held.unsigned_abs(),
        refused: (batch.records - batch.held).unsigned_abs(),
        ..v1::ForwardBatch::default()
    }
}
