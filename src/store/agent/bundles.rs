//! Bundles that the agent has written, and the card of the hub that they are for.

use sqlx::{query, query_as, query_scalar};
use uuid::Uuid;

use super::AgentTransaction;
use crate::domain::clock::Timestamp;
use crate::store::{StoreError, on_conn, sql};

/// A bundle that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MadeBundle {
    /// Its name.
    pub bundle: Uuid,
    /// When it was made, by this machine's clock.
    pub made_at: Timestamp,
    /// The hub that it is for.
    pub hub: String,
    /// Records in it.
    pub records: i64,
    /// BLAKE3 hash of the whole file.
    pub digest: Vec<u8>,
    /// What opens the receipt, sealed; empty once that was taken.
    pub reply_key: Vec<u8>,
    /// When the receipt was taken, by this machine's clock.
    pub receipted_at: Option<Timestamp>,
}

type BundleTuple = (Uuid, i64, String, i64, Vec<u8>, Vec<u8>, i64);

impl AgentTransaction {
    /// The card of the hub, if there is one.
    pub async fn read_hub_card(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(on_conn!(self.inner, |conn| {
            query_scalar(sql::agent::READ_HUB_CARD)
                .fetch_optional(conn)
                .await?
        }))
    }

    /// Keeps the card of the hub in place of an older one.
    pub async fn put_hub_card(&mut self, card: &[u8]) -> Result<(), StoreError> {
        on_conn!(self.inner, |conn| {
            query(sql::agent::PUT_HUB_CARD)
                .bind(card)
                .execute(conn)
                .await?;
        });
        Ok(())
    }

    /// Notes a bundle, and forgets the oldest beyond so many.
    pub async fn insert_bundle(&mut self, row: MadeBundle, kept: i64) -> Result<(), StoreError> {
        on_conn!(self.inner, |conn| {
            query(sql::agent::INSERT_AGENT_BUNDLE)
                .bind(row.bundle)
                .bind(row.made_at.as_micros())
                .bind(row.hub)
                .bind(row.records)
                .bind(row.digest)
                .bind(row.reply_key)
                .bind(row.receipted_at.map_or(0, Timestamp::as_micros))
                .execute(&mut *conn)
                .await?;
            query(sql::agent::PRUNE_AGENT_BUNDLES)
                .bind(kept)
                .execute(&mut *conn)
                .await?;
        });
        Ok(())
    }

    /// A bundle that was written, if it is still known.
    pub async fn find_bundle(&mut self, bundle: Uuid) -> Result<Option<MadeBundle>, StoreError> {
        let row: Option<BundleTuple> = on_conn!(self.inner, |conn| {
            query_as(sql::agent::FIND_AGENT_BUNDLE)
                .bind(bundle)
                .fetch_optional(conn)
                .await?
        });
        Ok(row.map(read_bundle))
    }

    /// Bundles that were written, the newest first.
    pub async fn list_bundles(&mut self, limit: i64) -> Result<Vec<MadeBundle>, StoreError> {
        let rows: Vec<BundleTuple> = on_conn!(self.inner, |conn| {
            query_as(sql::agent::LIST_AGENT_BUNDLES)
                .bind(limit)
                .fetch_all(conn)
                .await?
        });
        Ok(rows.into_iter().map(read_bundle).collect())
    }

    /// Notes that the receipt of a bundle was taken.
    pub async fn receipt_bundle(&mut self, bundle: Uuid, at: Timestamp) -> Result<(), StoreError> {
        on_conn!(self.inner, |conn| {
            query(sql::agent::RECEIPT_AGENT_BUNDLE)
                .bind(bundle)
                .bind(at.as_micros())
                .execute(conn)
                .await?;
        });
        Ok(())
    }
}

fn read_bundle(row: BundleTuple) -> MadeBundle {
    let (bundle, made_at, hub, records, digest, reply_key, receipted_at) = row;
    MadeBundle {
        bundle,
        made_at: Timestamp::from_micros(made_at),
        hub,
        records,
        digest,
        reply_key,
        receipted_at: (receipted_at != 0).then_some(Timestamp::from_micros(receipted_at)),
    }
}
