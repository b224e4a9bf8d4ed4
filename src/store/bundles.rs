//! Bundles that were carried to the hub by hand and taken in.

use sqlx::{query, query_as};
use uuid::Uuid;

use super::{StoreError, Transaction, on_conn, sql};
use crate::domain::clock::Timestamp;
use crate::domain::node::{NodeId, NodeName};

/// A bundle that was taken in.
#[derive(Clone, Debug)]
pub struct BundleRow {
    /// The node that made it.
    pub node: NodeId,
    /// Its name.
    pub bundle: Uuid,
    /// BLAKE3 hash of the whole file.
    pub digest: [u8; 32],
    /// Records in it.
    pub records: i64,
    /// The receipt as it was given.
    pub receipt: Vec<u8>,
    /// When it was taken in.
    pub imported_at: Timestamp,
    /// The operator who brought it.
    pub imported_by: NodeName,
}

/// A bundle that was taken in, for those who look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedBundle {
    /// Its name.
    pub bundle: Uuid,
    /// Name of the node that made it.
    pub node: String,
    /// Records in it.
    pub records: i64,
    /// When it was taken in.
    pub imported_at: Timestamp,
    /// The operator who brought it.
    pub imported_by: String,
}

impl Transaction {
    /// Hash and receipt of a bundle that was taken in, or `None`.
    pub async fn find_bundle(
        &mut self,
        node: NodeId,
        bundle: Uuid,
    ) -> Result<Option<(Vec<u8>, Vec<u8>)>, StoreError> {
        Ok(on_conn!(self, |conn| {
            query_as(sql::bundles::FIND_BUNDLE)
                .bind(node.get())
                .bind(bundle)
                .fetch_optional(conn)
                .await?
        }))
    }

    /// Bundles of every node that were taken in before a place, the newest first.
    pub async fn list_bundles(
        &mut self,
        (at, bundle): (Timestamp, Uuid),
        limit: i64,
    ) -> Result<Vec<ImportedBundle>, StoreError> {
        let rows: Vec<(Uuid, String, i64, i64, String)> = on_conn!(self, |conn| {
            query_as(sql::bundles::LIST_BUNDLES)
                .bind(at.as_micros())
                .bind(bundle)
                .bind(limit)
                .fetch_all(conn)
                .await?
        });
        let read = |(bundle, node, records, imported_at, imported_by)| ImportedBundle {
            bundle,
            node,
            records,
            imported_at: Timestamp::from_micros(imported_at),
            imported_by,
        };
        Ok(rows.into_iter().map(read).collect())
    }

    /// Notes a bundle with its receipt.
    pub async fn insert_bundle(&mut self, row: BundleRow) -> Result<(), StoreError> {
        on_conn!(self, |conn| {
            query(sql::bundles::INSERT_BUNDLE)
                .bind(row.node.get())
                .bind(row.bundle)
                .bind(row.digest.to_vec())
                .bind(row.records)
                .bind(row.receipt)
                .bind(row.imported_at.as_micros())
                .bind(row.imported_by.as_str().to_owned())
                .execute(conn)
                .await?;
        });
        Ok(())
    }
}
