//! Being the one reconciler or the one forwarder of a hub.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::clock::Clock;
use crate::store::{LeaseName, Store, StoreError};

/// One replica's claim to lead. Clones claim for the same owner.
#[derive(Clone)]
pub struct Leadership {
    store: Store,
    clock: Arc<dyn Clock>,
    name: LeaseName,
    owner: Arc<str>,
    duration: Duration,
}

impl Leadership {
    /// A claim of `owner`, a name that no other process has, for `duration` at a time.
    pub fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        name: LeaseName,
        owner: Arc<str>,
        duration: Duration,
    ) -> Self {
        Self {
            store,
            clock,
            name,
            owner,
            duration,
        }
    }

    /// Takes or extends the lease and gives the fencing token, or `None` while another leads.
    pub async fn hold(&self) -> Result<Option<i64>, StoreError> {
        let now = self.clock.now();
        let mut transaction = self.store.write().await?;
        let deadline = now.plus(self.duration);
        let token = transaction
            .take_lease(self.name, &self.owner, now, deadline)
            .await?;
        transaction.commit().await?;
        Ok(token)
    }

    /// Lets the next leader in at once.
    pub async fn release(&self) -> Result<(), StoreError> {
        let mut transaction = self.store.write().await?;
        transaction.release_lease(self.name, &self.owner).await?;
        transaction.commit().await
    }

    /// How often a leader extends its lease and a follower asks for it.
    pub fn interval(&self) -> Duration {
        self.duration / 3
    }
}
