//! A hub as upstream: records by `Push`, then the manifest for its receipt.

use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use tonic::transport::Channel;

use super::batch_file::{BatchFileError, ManifestLetter, ReceiptLetter};
use super::connector::{ConnectError, line};
use super::proto::v1;
use super::proto::v1::batch_service_client::BatchServiceClient;
use super::push_client::{PushClient, record_change, within};
use super::status::is_word;
use crate::domain::clock::Clock;
use crate::security::live::LiveIdentity;
use crate::security::trust::TrustedAs;
use crate::sync::forward::{
    Answer, BatchEntry, OutgoingChange, ReceiptError, SealedBatch, SignedReceipt, Upstream,
    UpstreamError, write_entries,
};

/// One line to an upstream hub.
pub struct HubUpstream {
    pushing: PushClient,
    batches: BatchServiceClient<Channel>,
    /// Where the hub is, as its certificates have it.
    host: String,
    identity: Arc<LiveIdentity>,
    clock: Arc<dyn Clock>,
    patience: Duration,
}

impl HubUpstream {
    /// A line to the hub at an address, which may be silent for so long; nothing is connected yet.
    pub fn new(
        url: &str,
        identity: Arc<LiveIdentity>,
        patience: Duration,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ConnectError> {
        let line = line(url, Arc::clone(&identity))?;
        let uri: Uri = url
            .parse()
            .map_err(|_| ConnectError::Address(url.to_owned()))?;
        Ok(Self {
            pushing: PushClient::new(line.clone()).with_patience(patience),
            batches: BatchServiceClient::new(line),
            host: uri.host().unwrap_or_default().to_owned(),
            identity,
            clock,
            patience,
        })
    }

    /// The same line, which carries no more than so many bytes a second.
    #[must_use]
    pub fn with_cap(self, bytes_per_second: Option<u64>) -> Self {
        Self {
            pushing: self.pushing.with_cap(bytes_per_second),
            ..self
        }
    }

    /// Refuses what the hub at this address has not signed for this manifest.
    fn check(&self, manifest: &[u8], receipt: &[u8]) -> Result<ReceiptLetter, BatchFileError> {
        let manifest = ManifestLetter::read(manifest)?;
        let letter = ReceiptLetter::read(receipt)?;
        let trusted_as = TrustedAs::SignerAt(&self.host);
        letter.believe(
            &self.identity.current().authorities,
            trusted_as,
            self.clock.now(),
        )?;
        letter.check_for(&manifest)?;
        Ok(letter)
    }
}

impl Upstream for HubUpstream {
    async fn push(
        &mut self,
        _batch: &SealedBatch,
        changes: Vec<OutgoingChange>,
        answered: &mut Vec<Answer>,
    ) -> Result<(), UpstreamError> {
        let changes = changes.into_iter().map(write_change).collect();
        let mut nonsense = None;
        let sent = self.pushing.send_each(changes, |outcomes| {
            for outcome in &outcomes {
                match read_answer(outcome) {
                    Ok(answer) if nonsense.is_none() => answered.push(answer),
                    Ok(_) => {}
                    Err(error) => nonsense = Some(error),
                }
            }
        });
        sent.await?;
        nonsense.map_or(Ok(()), Err)
    }

    async fn receipt(
        &mut self,
        batch: &SealedBatch,
        entries: &[BatchEntry],
    ) -> Result<Option<SignedReceipt>, ReceiptError> {
        let request = v1::SubmitManifestRequest {
            manifest: batch.letter.clone(),
            entries: write_entries(entries),
        };
        let size = request.manifest.len() + request.entries.len();
        self.pushing.wait_for(size).await;
        let answer = within(self.patience, self.batches.submit_manifest(request)).await?;
        let letter = answer.into_inner().receipt;
        let receipt = self.check(&batch.letter, &letter);
        let receipt = receipt.map_err(|error| ReceiptError::Invalid(error.to_string()))?;
        Ok(Some(SignedReceipt {
            letter,
            not_held: receipt.not_held,
        }))
    }
}

pub(super) fn write_change(change: OutgoingChange) -> v1::RecordChange {
    let (record_id, version) = (change.golden_id.as_uuid(), change.version.as_u64());
    record_change(
        record_id,
        version,
        change.kind,
        change.body,
        &change.different_from,
    )
}

fn read_answer(outcome: &v1::RecordOutcome) -> Result<Answer, UpstreamError> {
    let reason = || match outcome.reason.as_str() {
        word if is_word(word) => word.to_owned(),
        _ => "UNSPECIFIED".to_owned(),
    };
    match outcome.outcome() {
        v1::Outcome::Unspecified => Err(UpstreamError::Nonsense("it gave no outcome")),
        v1::Outcome::Accepted => Ok(Answer::Accepted),
        v1::Outcome::Unchanged | v1::Outcome::Superseded => Ok(Answer::Unchanged),
        v1::Outcome::Rejected | v1::Outcome::Quarantined => Ok(Answer::Refused(reason())),
    }
}
