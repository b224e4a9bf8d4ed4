//! The forward job: lets go upstream what stood at the due time.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::{Finished, HeldTick, Work, WorkError};
use crate::domain::job::Counts;
use crate::domain::record::Lane;
use crate::store::Store;
use crate::sync::signals::Signals;

/// Opens the gate of the routine lane for every change that stands now, and waits until the upstream has
/// receipted them. While the upstream is away it waits on: the forwarder tries for ever.
pub struct OpenGate {
    /// The hub's database.
    pub store: Store,
    /// Wakes the forwarder, and is woken by what it does.
    pub signals: Arc<Signals>,
}

impl Work for OpenGate {
    fn run<'a>(&'a self, tick: &'a HeldTick) -> BoxFuture<'a, Result<Finished, WorkError>> {
        Box::pin(self.open(tick))
    }
}

impl OpenGate {
    async fn open(&self, tick: &HeldTick) -> Result<Finished, WorkError> {
        let lane = Lane::Routine;
        let mut transaction = tick.begin().await?;
        let head = transaction.read_counter("change").await?;
        transaction.open_forward_gate(lane, head).await?;
        let position = transaction.forward_position(lane).await?;
        let waiting = transaction
            .count_changes_between(lane, position, head)
            .await?;
        transaction.commit().await?;
        self.signals.changes.call();
        let mut changes = self.signals.changes.listen();
        while self.is_waiting(head).await? {
            changes.heard().await;
        }
        Ok(Finished {
            transaction: tick.begin().await?,
            counts: Counts::of(&[("records", waiting)]),
        })
    }

    async fn is_waiting(&self, head: i64) -> Result<bool, WorkError> {
        let mut reading = self.store.read().await?;
        let position = reading.forward_position(Lane::Routine).await?;
        let waiting = reading
            .count_changes_between(Lane::Routine, position, head)
            .await?;
        Ok(waiting > 0)
    }
}
