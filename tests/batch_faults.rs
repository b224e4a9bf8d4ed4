//! The forwarder dies between sealing, sending, the upstream's commit and the note of the receipt.

use std::sync::Arc;

use childsync::grpc::hub_upstream::HubUpstream;
use childsync::sync::forward::{
    Answer, BatchEntry, OutgoingChange, ReceiptError, SealedBatch, SignedReceipt, Upstream,
    UpstreamError,
};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::support::database::Engine;
use crate::support::eventually;
use crate::support::forwarding::{Province, nation};
use crate::support::hub::free_port;
use crate::support::on_both_engines;
use crate::support::pki::Pki;

on_both_engines![wherever_the_forwarder_dies_nothing_is_lost_or_doubled];

/// Where the forwarder is when its process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gate {
    Sealed,
    /// The upstream has committed; the answers are lost.
    Committed,
    /// Half of the answers have come.
    HalfAnswered,
    Answered,
    /// The upstream has kept its receipt, which is lost.
    Receipted,
    None,
}

/// The line to the real hub, on which time stands still from one moment on.
struct Gated {
    inner: HubUpstream,
    gate: Gate,
    reached: Arc<Notify>,
}

impl Gated {
    async fn wait_for_the_end(&self) {
        self.reached.notify_one();
        std::future::pending::<()>().await;
    }
}

impl Upstream for Gated {
    async fn push(
        &mut self,
        batch: &SealedBatch,
        changes: Vec<OutgoingChange>,
        answered: &mut Vec<Answer>,
    ) -> Result<(), UpstreamError> {
        if self.gate == Gate::Sealed {
            self.wait_for_the_end().await;
        }
        self.inner.push(batch, changes, answered).await?;
        if self.gate == Gate::Committed {
            self.wait_for_the_end().await;
        }
        if self.gate == Gate::HalfAnswered {
            answered.truncate(answered.len() / 2);
            self.gate = Gate::Sealed;
            return Err(UpstreamError::TimedOut);
        }
        Ok(())
    }

    async fn receipt(
        &mut self,
        batch: &SealedBatch,
        entries: &[BatchEntry],
    ) -> Result<Option<SignedReceipt>, ReceiptError> {
        if self.gate == Gate::Answered {
            self.wait_for_the_end().await;
        }
        let receipt = self.inner.receipt(batch, entries).await;
        if self.gate == Gate::Receipted {
            self.wait_for_the_end().await;
        }
        receipt
    }
}

async fn wherever_the_forwarder_dies_nothing_is_lost_or_doubled(engine: Engine) {
    let pki = Arc::new(Pki::new());
    let nation = nation(&pki, engine, free_port()).await;
    let province = Province::with_children(&pki, engine, 30).await;
    for gate in [
        Gate::Sealed,
        Gate::Committed,
        Gate::HalfAnswered,
        Gate::Answered,
        Gate::Receipted,
    ] {
        let reached = Arc::new(Notify::new());
        let upstream = Gated {
            inner: province.line(&nation.url),
            gate,
            reached: Arc::clone(&reached),
        };
        let forwarding = province.forward(upstream, CancellationToken::new());
        reached.notified().await;
        forwarding.abort();
        assert_eq!(province.position().await, 0, "{gate:?}");
    }

    let stop = CancellationToken::new();
    let upstream = Gated {
        inner: province.line(&nation.url),
        gate: Gate::None,
        reached: Arc::default(),
    };
    let forwarding = province.forward(upstream, stop.clone());
    eventually("the nation holds what the province says", || async {
        let said = province.hub.status().await;
        let held = nation.node_status("province").await;
        held.digest == said.golden_digest && province.position().await >= 30
    })
    .await;
    assert_eq!(nation.node_status("province").await.accepted, 30);
    let mut reading = province.store.read().await.expect("a transaction");
    let batches = reading.list_batches(i64::MAX, 10).await.expect("batches");
    assert_eq!(batches.len(), 1, "one batch all along");
    let (manifest, receipt) = reading.batch_letters(1).await.expect("letters");
    assert!(!manifest.is_empty() && !receipt.is_empty());
    drop(reading);
    stop.cancel();
    forwarding.await.expect("no panic");
    province.stop().await;
    nation.stop().await;
}
