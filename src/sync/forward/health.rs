//! How the forwarder is doing, as status shows it.

use std::time::Duration;

use super::{ForwardError, Forwarder, ReceiptError, Upstream, UpstreamError};
use crate::store::ForwarderHealth;

impl<U: Upstream> Forwarder<U> {
    pub(super) async fn recovered(&self, failures: &mut u32) {
        if std::mem::take(failures) > 0 {
            tracing::info!(lane = ?self.lane, "The upstream takes records");
            self.note_health(ForwarderHealth::default()).await;
        }
    }

    pub(super) async fn failed(&self, error: &ForwardError, failures: u32) {
        self.metrics.forward_failed();
        tracing::warn!(lane = ?self.lane, error = %error, attempt = failures, "Forwarding failed");
        let last_error = match error {
            ForwardError::Store(_) => "STORE".to_owned(),
            ForwardError::Sealing(_) => "SEALING".to_owned(),
            ForwardError::Signing(_) => "SIGNING".to_owned(),
            ForwardError::Unreadable(_) => "UNREADABLE".to_owned(),
            ForwardError::PolicyDiffers => "POLICY_DIFFERS".to_owned(),
            ForwardError::ReceiptDiffers => "RECEIPT_DIFFERS".to_owned(),
            ForwardError::Upstream(error)
            | ForwardError::Receipt(ReceiptError::Upstream(error)) => error.word(),
            ForwardError::Receipt(ReceiptError::Invalid(_)) => "RECEIPT_INVALID".to_owned(),
        };
        let failed_attempts = i64::from(failures);
        self.note_health(ForwarderHealth {
            last_error,
            failed_attempts,
        })
        .await;
    }

    async fn note_health(&self, health: ForwarderHealth) {
        let noted = async {
            let mut transaction = self.store.write().await?;
            transaction.set_forwarder_health(self.lane, &health).await?;
            transaction.commit().await
        };
        if let Err(error) = noted.await {
            tracing::warn!(error = %error, "The forwarder's health could not be noted");
        }
    }
}

/// How long the upstream asks us to wait.
pub(super) fn asked_wait(error: &ForwardError) -> Duration {
    match error {
        ForwardError::Upstream(UpstreamError::Refused { retry_after, .. })
        | ForwardError::Receipt(ReceiptError::Upstream(UpstreamError::Refused {
            retry_after,
            ..
        })) => retry_after.unwrap_or_default(),
        ForwardError::Upstream(_)
        | ForwardError::Store(_)
        | ForwardError::Sealing(_)
        | ForwardError::Signing(_)
        | ForwardError::Unreadable(_)
        | ForwardError::PolicyDiffers
        | ForwardError::Receipt(_)
        | ForwardError::ReceiptDiffers => Duration::ZERO,
    }
}
