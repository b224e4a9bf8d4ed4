//! The hub's card: which key bundles are sealed to. It is fetched while there is a line, so that it is there
//! when there is none; where there never was one, an operator leaves it beside the certificate.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::domain::clock::Clock;
use crate::grpc::bundle_file::{BundleFileError, HubCard, read_card};
use crate::grpc::card_client::CardClient;
use crate::security::letter::LETTER_BYTES_MAX;
use crate::security::live::LiveIdentity;
use crate::store::{AgentStore, StoreError};
use crate::sync::backoff::backoff;

/// Name of the file that an operator may leave in the identity directory.
pub const CARD_FILE: &str = "hub.card";
/// How long a card that was fetched is taken for the newest.
const CARD_SECONDS: u64 = 3_600;

/// Finds the card of the hub.
#[derive(Clone)]
pub struct Cards {
    /// The agent's database.
    pub store: AgentStore,
    /// Whom the agent trusts.
    pub identity: Arc<LiveIdentity>,
    /// Host of the hub, as the configuration has it.
    pub host: String,
    /// The file that an operator may have left.
    pub file: PathBuf,
    /// Says what time it is.
    pub clock: Arc<dyn Clock>,
}

/// Why there is no card that can be used.
#[derive(Debug, thiserror::Error)]
pub enum CardError {
    /// The database did not take part.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is none.
    #[error(
        "the hub's card is missing: ask the province for the file {0} and leave it beside certificate.pem"
    )]
    Missing(&'static str),
    /// There is one, and it cannot be used.
    #[error(
        "the hub's card {0}: ask the province for a new {CARD_FILE} and leave it beside certificate.pem"
    )]
    Unusable(BundleFileError),
}

impl Cards {
    /// The card that was fetched, or the one that was left.
    pub async fn find(&self) -> Result<HubCard, CardError> {
        let mut reading = self.store.read().await?;
        let fetched = reading.read_hub_card().await?;
        drop(reading);
        let left = read_file(&self.file).await;
        let mut problem = CardError::Missing(CARD_FILE);
        for card in fetched.into_iter().chain(left) {
            match self.believe(&card) {
                Ok(card) => return Ok(card),
                Err(error) => problem = CardError::Unusable(error),
            }
        }
        Err(problem)
    }

    fn believe(&self, card: &[u8]) -> Result<HubCard, BundleFileError> {
        let authorities = &self.identity.current().authorities;
        read_card(card, authorities, &self.host, self.clock.now())
    }

    /// Fetches the card again and again while there is a line, until it is told to stop.
    pub async fn fetch(self, mut client: CardClient, stop: CancellationToken, chance: fn() -> f64) {
        let mut failures = 0;
        while let Some(fetched) = stop.run_until_cancelled(client.fetch()).await {
            // The other lines tell the official where there is none.
            let wait = if let Ok(card) = fetched {
                failures = 0;
                self.keep(&card).await;
                Duration::from_secs(CARD_SECONDS)
            } else {
                failures += 1;
                backoff(failures, chance())
            };
            let waited = stop.run_until_cancelled(tokio::time::sleep(wait)).await;
            if waited.is_none() {
                break;
            }
        }
    }

    async fn keep(&self, card: &[u8]) {
        let kept = match self.believe(card) {
            Ok(_) => self.put(card).await,
            Err(error) => {
                tracing::warn!(error = %error, "The hub's card cannot be used");
                return;
            }
        };
        if let Err(error) = kept {
            tracing::warn!(error = %error, "The hub's card was not kept");
        }
    }

    async fn put(&self, card: &[u8]) -> Result<(), StoreError> {
        let mut transaction = self.store.write().await?;
        transaction.put_hub_card(card).await?;
        transaction.commit().await
    }
}

/// A file that is not there, or too large for a card, is none.
async fn read_file(path: &Path) -> Option<Vec<u8>> {
    let bytes = tokio::fs::read(path).await.ok()?;
    (bytes.len() <= LETTER_BYTES_MAX).then_some(bytes)
}
