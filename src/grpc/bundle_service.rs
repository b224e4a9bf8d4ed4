//! `BundleService`: takes in what was carried by hand.

use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, stream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;
use tonic::{Request, Response, Status, Streaming};

use super::bundle_file::{BundleFileError, BundleLetter, write_card, write_receipt};
use super::convert::write_instant;
use super::hub::Hub;
use super::proto::v1;
use super::proto::v1::bundle_service_server::BundleService;
use super::status::{AccessError, bundle_wait, field, join_failed};
use crate::domain::clock::Timestamp;
use crate::domain::node::NodeName;
use crate::security::letter::LETTER_BYTES_MAX;
use crate::store::{ImportedBundle, NodeRow};
use crate::sync::bundle::{
    BUNDLE_PAGE_ROWS, BUNDLE_PAGE_ROWS_MAX, BundleError, BundleImporter, BundlePlace,
    BundledChange, IncomingBundle, look_at,
};
use crate::sync::ingest::Examiner;
use crate::sync::nodes;

/// Bytes of one piece of a bundle or of a receipt.
const PIECE_BYTES_MAX: usize = 256 * 1024;
/// Bundles that one hub takes in at a time: each is in memory as a whole.
const IMPORTS_MAX: usize = 2;

/// The service of one hub.
pub struct HubBundleService {
    hub: Arc<Hub>,
    places: Arc<Semaphore>,
}

type Pieces = Pin<Box<dyn Stream<Item = Result<v1::ImportBundleResponse, Status>> + Send>>;

/// A bundle whose writer is known and may send.
struct Admitted {
    node: NodeRow,
    name: NodeName,
    bytes: Bytes,
    changes: Vec<BundledChange>,
}

impl HubBundleService {
    /// The service of a hub.
    pub fn new(hub: Arc<Hub>) -> Self {
        let places = Arc::new(Semaphore::new(IMPORTS_MAX));
        Self { hub, places }
    }

    fn importer(&self) -> BundleImporter {
        BundleImporter {
            store: self.hub.store.clone(),
            clock: Arc::clone(&self.hub.clock),
            signals: Arc::clone(&self.hub.signals),
            metrics: Arc::clone(&self.hub.metrics),
        }
    }

    fn place(&self) -> Result<OwnedSemaphorePermit, Status> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        place.map_err(|_| bundle_wait())
    }

    /// Finds out who wrote a bundle and opens it.
    async fn admit(&self, bytes: Bytes) -> Result<Admitted, Status> {
        let hub = Arc::clone(&self.hub);
        let read = move || {
            let letter = BundleLetter::read(&bytes)?;
            let name = letter.believe(&hub.identity.current().authorities, hub.clock.now())?;
            let changes = letter.open(&hub.name, &hub.key.letter_key())?;
            Ok::<_, BundleFileError>((name, changes, bytes))
        };
        let read = spawn_blocking(read)
            .await
            .map_err(|error| join_failed(&error))?;
        let (name, changes, bytes) = read?;
        let node = nodes::find(&self.hub.store, &self.hub.units, &name).await?;
        Ok(Admitted {
            node: node.ok_or(AccessError::BundleNotRegistered)?,
            name,
            bytes,
            changes,
        })
    }

    async fn import(&self, admitted: Admitted, operator: NodeName) -> Result<Vec<u8>, Status> {
        let Admitted {
            node,
            name,
            bytes,
            changes,
        } = admitted;
        let examiner = Arc::new(Examiner {
            node: node.node_id,
            territory: Arc::new(node.territory),
            units: Arc::clone(&self.hub.units),
            codec: Arc::clone(&self.hub.codec),
            key: Arc::clone(&self.hub.key),
            clock: Arc::clone(&self.hub.clock),
        });
        let looking = Arc::clone(&examiner);
        let looked = spawn_blocking(move || look_at(&looking, changes)).await;
        let records = looked.map_err(|error| join_failed(&error))??;
        let letter = BundleLetter::read(&bytes)?;
        let digest = *blake3::hash(&bytes).as_bytes();
        let (id, count) = (letter.bundle, records.len());
        let bundle = IncomingBundle {
            bundle: id,
            digest,
            records,
            operator: operator.clone(),
        };
        let identity = &self.hub.identity.current();
        let receipt = self
            .importer()
            .import(&examiner, bundle, |outcomes, now| {
                write_receipt(&letter, &digest, outcomes, identity, now)
                    .map_err(|_| BundleError::Receipt)
            })
            .await?;
        tracing::info!(
            bundle.id = %id, bundle.records = count, node.name = %name, operator.name = %operator,
            "A bundle was brought"
        );
        Ok(receipt)
    }
}

#[tonic::async_trait]
impl BundleService for HubBundleService {
    type ImportBundleStream = Pieces;

    async fn get_hub_card(
        &self,
        request: Request<v1::GetHubCardRequest>,
    ) -> Result<Response<v1::GetHubCardResponse>, Status> {
        if self.hub.operator(&request).is_err() {
            self.hub.node(&request).await?;
        }
        let hub = &self.hub;
        let card = write_card(&hub.name, &hub.identity.current(), &hub.key.letter_key())?;
        Ok(Response::new(v1::GetHubCardResponse { card }))
    }

    async fn import_bundle(
        &self,
        request: Request<Streaming<v1::ImportBundleRequest>>,
    ) -> Result<Response<Pieces>, Status> {
        let operator = self.hub.steward(&request)?;
        let _place = self.place()?;
        let bytes = gather(request.into_inner()).await?;
        let admitted = self.admit(bytes).await?;
        let receipt = self.import(admitted, operator).await?;
        let pieces: Vec<_> = receipt
            .chunks(PIECE_BYTES_MAX)
            .map(|piece| {
                Ok(v1::ImportBundleResponse {
                    receipt: piece.to_vec(),
                })
            })
            .collect();
        Ok(Response::new(Box::pin(stream::iter(pieces))))
    }

    async fn list_bundles(
        &self,
        request: Request<v1::ListBundlesRequest>,
    ) -> Result<Response<v1::ListBundlesResponse>, Status> {
        self.hub.operator(&request)?;
        let request = request.into_inner();
        let limit = match i64::from(request.page_size) {
            0 => BUNDLE_PAGE_ROWS,
            asked if asked > BUNDLE_PAGE_ROWS_MAX => {
                let problem = format!("must be at most {BUNDLE_PAGE_ROWS_MAX}");
                return Err(field("page_size", "PAGE_TOO_LARGE", &problem));
            }
            asked => asked,
        };
        let before = match request.page_token.as_str() {
            "" => None,
            token => Some(read_place(token).ok_or_else(|| {
                let problem = "is not what the page before said";
                field("page_token", "PAGE_TOKEN_INVALID", &problem)
            })?),
        };
        let rows = self.importer().list(before, limit).await?;
        let is_last = i64::try_from(rows.len()) != Ok(limit);
        let next = rows.last().filter(|_| !is_last);
        let next = next.map(|row| format!("{}.{}", row.imported_at.as_micros(), row.bundle));
        Ok(Response::new(v1::ListBundlesResponse {
            bundles: rows.iter().map(write_bundle).collect(),
            next_page_token: next.unwrap_or_default(),
        }))
    }
}

fn read_place(token: &str) -> Option<BundlePlace> {
    let (at, bundle) = token.split_once('.')?;
    Some((
        Timestamp::from_micros(at.parse().ok()?),
        bundle.parse().ok()?,
    ))
}

fn write_bundle(row: &ImportedBundle) -> v1::ImportedBundle {
    v1::ImportedBundle {
        bundle_id: row.bundle.to_string(),
        node: row.node.clone(),
        records: row.records.unsigned_abs(),
        imported_at: Some(write_instant(row.imported_at)),
        imported_by: row.imported_by.clone(),
    }
}

async fn gather(mut pieces: Streaming<v1::ImportBundleRequest>) -> Result<Bytes, Status> {
    let mut bytes = Vec::new();
    while let Some(piece) = pieces.message().await? {
        if piece.content.is_empty() || piece.content.len() > PIECE_BYTES_MAX {
            let problem = "must be 1 byte to 256 KiB";
            return Err(field("content", "PIECE_SIZE", &problem));
        }
        if bytes.len() + piece.content.len() > LETTER_BYTES_MAX {
            return Err(BundleFileError::TooLarge.into());
        }
        bytes.extend_from_slice(&piece.content);
    }
    Ok(bytes.into())
}
