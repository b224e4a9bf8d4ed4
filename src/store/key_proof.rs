//! The proof that a hub has the sealing key of its database.

use sqlx::{query, query_scalar};

use super::{StoreError, Transaction, on_conn, sql};

impl Transaction {
    /// A known text as it was sealed when the database was first used, or `None` before that.
    pub async fn read_key_proof(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(on_conn!(self, |conn| {
            query_scalar(sql::READ_KEY_PROOF)
                .fetch_optional(conn)
                .await?
        }))
    }

    /// Keeps the proof; nothing happens if another replica was faster.
    pub async fn put_key_proof(&mut self, proof: Vec<u8>) -> Result<(), StoreError> {
        on_conn!(self, |conn| {
            query(sql::INSERT_KEY_PROOF)
                .bind(proof)
                .execute(conn)
                .await?;
        });
        Ok(())
    }
}
