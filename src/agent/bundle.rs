//! What waits, written as a bundle that is carried to the hub by hand.
//!
//! A bundle takes nothing from the queue: the line may send the same records meanwhile, and the receipt, or the
//! line's own answer, takes them away, whichever comes first.

mod receipt;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use uuid::Uuid;

use super::card::{CardError, Cards};
use super::sender::open;
use super::upward::write_change;
use crate::domain::clock::Clock;
use crate::domain::node::NodeName;
use crate::domain::record::Lane;
use crate::grpc::bundle_file::{BundleFileError, BundleTerms, BundleWriter};
use crate::security::hpke::{HpkeError, HpkePrivate};
use crate::security::live::LiveIdentity;
use crate::security::seal::{SealError, SealKey};
use crate::store::{AgentStore, MadeBundle, StoreError};

pub use receipt::TakenReceipt;

/// Records that are read from the queue at a time.
const PAGE_RECORDS: i64 = 200;
/// Bundles that the agent remembers; the receipt of an older one is not taken any more.
const BUNDLES_KEPT: i64 = 200;

/// Writes bundles and takes their receipts.
pub struct Bundles {
    /// The agent's database.
    pub store: AgentStore,
    /// Opens what waits.
    pub key: Arc<SealKey>,
    /// Signs bundles; says whom the agent trusts.
    pub identity: Arc<LiveIdentity>,
    /// Finds the key that bundles are sealed to.
    pub cards: Cards,
    /// Whose records these are.
    pub node: NodeName,
    /// Says what time it is.
    pub clock: Arc<dyn Clock>,
    /// Gives bundles their names.
    pub fresh_id: fn() -> Uuid,
}

/// A place in the queue; what waits behind it goes into the next bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueuePlace {
    lane: Lane,
    position: i64,
}

/// A bundle that was written.
pub struct WrittenBundle {
    /// Its name.
    pub bundle: Uuid,
    /// Records in it.
    pub records: u64,
    /// The file.
    pub bytes: Vec<u8>,
    /// Where the next bundle begins, if this one did not hold everything.
    pub next: Option<QueuePlace>,
}

/// Why a bundle was not written or a receipt not taken.
#[derive(Debug, thiserror::Error)]
pub enum BundlesError {
    /// The database did not take part.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What waits cannot be opened, or a key not be sealed.
    #[error(transparent)]
    Sealing(#[from] SealError),
    /// There is no card.
    #[error(transparent)]
    Card(#[from] CardError),
    /// The file cannot be written or used.
    #[error("the file {0}")]
    File(#[from] BundleFileError),
    /// Nothing waits to be sent.
    #[error("nothing waits: the hub has everything")]
    NothingWaits,
    /// The receipt is for a bundle that this agent does not know.
    #[error(
        "the receipt is for a bundle that this agent did not write, or has forgotten: bring the receipt to \
         the machine that wrote the bundle"
    )]
    UnknownBundle,
    /// The receipt is not of the hub that the bundle was for.
    #[error("the receipt was written by another hub than the bundle was for")]
    OtherHub,
    /// The receipt is for another file under the same name.
    #[error("the receipt is for another file than the one that was written here")]
    OtherFile,
}

impl From<HpkeError> for BundlesError {
    fn from(error: HpkeError) -> Self {
        Self::File(error.into())
    }
}

impl QueuePlace {
    /// Before everything that waits.
    pub const BEGINNING: Self = Self {
        lane: Lane::Urgent,
        position: 0,
    };
}

impl fmt::Display for QueuePlace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.lane.code(), self.position)
    }
}

impl FromStr for QueuePlace {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (lane, position) = text.split_once('.').ok_or(())?;
        let lane: i16 = lane.parse().map_err(|_| ())?;
        let lane = Lane::ALL.into_iter().find(|known| known.code() == lane);
        Ok(Self {
            lane: lane.ok_or(())?,
            position: position.parse().map_err(|_| ())?,
        })
    }
}

impl Bundles {
    /// Writes what waits behind a place, urgent reports first, as one bundle, and remembers it.
    pub async fn write(&self, after: QueuePlace) -> Result<WrittenBundle, BundlesError> {
        let card = self.cards.find().await?;
        let (writer, next) = self.gather(after).await?;
        let records = writer.records();
        if records == 0 {
            return Err(BundlesError::NothingWaits);
        }
        let (bundle, reply) = ((self.fresh_id)(), HpkePrivate::generate()?);
        let made_at = self.clock.now();
        let bytes = writer.finish(&BundleTerms {
            bundle,
            node: &self.node,
            identity: &self.identity.current(),
            card: &card,
            reply: reply.public()?,
            made_at,
        })?;
        let row = MadeBundle {
            bundle,
            made_at,
            hub: card.hub.to_string(),
            records: i64::try_from(records).unwrap_or(i64::MAX),
            digest: blake3::hash(&bytes).as_bytes().to_vec(),
            reply_key: self.key.seal(&place(bundle), reply.secret_bytes())?,
            receipted_at: None,
        };
        let mut transaction = self.store.write().await?;
        transaction.insert_bundle(row, BUNDLES_KEPT).await?;
        transaction.commit().await?;
        tracing::info!(bundle.id = %bundle, bundle.records = records, "A bundle was written");
        Ok(WrittenBundle {
            bundle,
            records,
            bytes,
            next,
        })
    }

    /// Bundles that were written, the newest first.
    pub async fn list(&self) -> Result<Vec<MadeBundle>, BundlesError> {
        let mut reading = self.store.read().await?;
        Ok(reading.list_bundles(BUNDLES_KEPT).await?)
    }

    async fn gather(
        &self,
        after: QueuePlace,
    ) -> Result<(BundleWriter, Option<QueuePlace>), BundlesError> {
        let (mut writer, mut place) = (BundleWriter::new()?, after);
        loop {
            let mut reading = self.store.read().await?;
            let waiting = reading
                .read_queue_after(place.lane, place.position, PAGE_RECORDS)
                .await?;
            drop(reading);
            if waiting.is_empty() {
                match place.lane {
                    Lane::Urgent => {
                        place = QueuePlace {
                            lane: Lane::Routine,
                            position: 0,
                        };
                        continue;
                    }
                    Lane::Routine => return Ok((writer, None)),
                }
            }
            for (position, state) in waiting {
                let number = state.state.unsigned_abs();
                let record = open(&self.key, state).map_err(|_| SealError::Opening)?;
                if !writer.add(place.lane, number, write_change(record))? {
                    return Ok((writer, Some(place)));
                }
                place.position = position;
            }
        }
    }
}

/// What the key for a receipt is bound to.
fn place(bundle: Uuid) -> [u8; 17] {
    let mut place = [b'b'; 17];
    let (_, id) = place.split_at_mut(1);
    id.copy_from_slice(bundle.as_bytes());
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_reads_as_it_is_written() {
        let place = QueuePlace {
            lane: Lane::Routine,
            position: 17,
        };

        assert_eq!(place.to_string().parse(), Ok(place));
        for text in ["", "1", "9.1", "1.x"] {
            assert_eq!(text.parse::<QueuePlace>(), Err(()), "{text}");
        }
    }
}
