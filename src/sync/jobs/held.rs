//! A tick that this process runs.

use std::sync::Arc;

use crate::domain::clock::{Clock, Timestamp};
use crate::domain::job::TickKey;
use crate::store::{EndedTick, Store, StoreError, Transaction};

/// A tick that this process has won, until another takes it over.
#[derive(Clone)]
pub struct HeldTick {
    pub(super) store: Store,
    pub(super) clock: Arc<dyn Clock>,
    /// Which tick.
    pub key: TickKey,
    pub(super) token: i64,
}

impl HeldTick {
    /// Begins a transaction in which the tick is ours to its end, or fails with [`StoreError::Fenced`].
    pub async fn begin(&self) -> Result<Transaction, StoreError> {
        let mut transaction = self.store.write().await?;
        transaction.check_tick(self.key, self.token).await?;
        Ok(transaction)
    }

    /// What time it is.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Which runner of the tick this is, from 1.
    pub fn attempt(&self) -> i64 {
        self.token
    }

    /// Moves the deadline; `false` if the tick is another's by now.
    pub(super) async fn extend(&self, deadline: Timestamp) -> Result<bool, StoreError> {
        let mut transaction = self.store.write().await?;
        let extended = transaction
            .extend_tick(self.key, self.token, deadline)
            .await?;
        transaction.commit().await?;
        Ok(extended)
    }

    /// Ends the tick in a transaction and commits it.
    pub(super) async fn end(
        &self,
        mut transaction: Transaction,
        ended: &EndedTick,
    ) -> Result<(), StoreError> {
        transaction
            .end_tick(self.key, self.token, ended, self.now())
            .await?;
        transaction.commit().await
    }
}
