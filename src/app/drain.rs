//! Stopping in order, the same for a hub and an agent.

use std::time::Duration;

use anyhow::Context;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

/// What runs until it is told to stop.
pub(super) struct Running {
    /// What it is, for messages: hub or agent.
    pub(super) name: &'static str,
    /// Answers requests, and what it has read before it ends.
    pub(super) serving: JoinHandle<anyhow::Result<()>>,
    /// Everything else.
    pub(super) parts: JoinSet<()>,
    /// Ends the parts, when the last request was answered.
    pub(super) workers: CancellationToken,
    /// How long stopping may take.
    pub(super) drain_time: Duration,
}

impl Running {
    /// Runs until `stop`, then waits for each part to end, in order, and for `last`: for the drain time at
    /// most. A part that ends by itself is an error.
    pub(super) async fn until(
        mut self,
        stop: CancellationToken,
        last: impl Future<Output = anyhow::Result<()>>,
    ) -> anyhow::Result<()> {
        let name = self.name;
        tokio::select! {
            // An idle server ends at once when it is told to: the order to stop is looked at first.
            biased;
            () = stop.cancelled() => {}
            ended = &mut self.serving => {
                ended??;
                anyhow::bail!("the server ended by itself");
            }
            Some(ended) = self.parts.join_next() => {
                ended.with_context(|| format!("a part of the {name} failed"))?;
                anyhow::bail!("a part of the {name} ended by itself");
            }
        }
        let drained = async {
            self.serving.await??;
            self.workers.cancel();
            while let Some(ended) = self.parts.join_next().await {
                ended?;
            }
            last.await
        };
        if let Ok(drained) = tokio::time::timeout(self.drain_time, drained).await {
            drained?;
        } else {
            // What was acknowledged is durable, and what was not will be sent again.
            tracing::warn!("The drain time is over: open requests are broken off");
        }
        tracing::info!("The {name} has stopped");
        Ok(())
    }
}
