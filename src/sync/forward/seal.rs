//! Sealing: which batch is next, and what its manifest says.

use super::{ForwardError, Forwarder, Gate, Manifest, SealedBatch, Upstream, batch, digest};
use crate::store::{ForwardBatch, GoldenChange, LeaseName, NewForwardBatch};

impl<U: Upstream> Forwarder<U> {
    /// The batch that waits for its receipt, or a newly sealed one, with its records. A waiting batch whose
    /// records have changed meanwhile is replaced by one under the next number that covers the same changes.
    pub(super) async fn next_batch(
        &self,
        token: i64,
        seal_anew: bool,
    ) -> Result<Option<(SealedBatch, Vec<GoldenChange>)>, ForwardError> {
        let mut reading = self.store.read().await?;
        let position = reading.forward_position(self.lane).await?;
        let open = reading.find_open_batch(self.lane).await?;
        // A sealed batch is read whole: its receipt will move the cursor to its end.
        let (up_to, limit) = match (&open, self.gate) {
            (Some(batch), _) => (batch.last_change, i64::MAX),
            (None, Gate::Open) => (i64::MAX, i64::from(self.batch_records)),
            (None, Gate::Scheduled) => {
                let open_to = reading.forward_gate(self.lane).await?;
                (open_to, i64::from(self.batch_records))
            }
        };
        let changes = reading
            .read_golden_changes(self.lane, position, up_to, limit)
            .await?;
        drop(reading);
        let digest = digest(&batch::entries(&changes));
        let range = match (&open, changes.first(), changes.last()) {
            (Some(open), _, _)
                if !seal_anew && open.digest == digest && !open.manifest.is_empty() =>
            {
                return Ok(Some((self.waiting(open), changes)));
            }
            (Some(open), _, _) => (open.first_change, open.last_change),
            (None, Some(first), Some(last)) => (first.change, last.change),
            (None, _, _) => return Ok(None),
        };
        let records = i64::try_from(changes.len()).unwrap_or(i64::MAX);
        let replaced = open.map(|open| open.number);
        let batch = self.seal(token, range, records, digest, replaced).await?;
        Ok(Some((batch, changes)))
    }

    fn waiting(&self, open: &ForwardBatch) -> SealedBatch {
        SealedBatch {
            manifest: Manifest {
                id: open.id,
                lane: self.lane,
                number: open.number,
                first_change: open.first_change,
                last_change: open.last_change,
                records: open.records,
                digest: open.digest,
                sealed_at: open.sealed_at,
            },
            letter: open.manifest.clone(),
        }
    }

    async fn seal(
        &self,
        token: i64,
        (first_change, last_change): (i64, i64),
        records: i64,
        digest: [u8; 32],
        replaced: Option<i64>,
    ) -> Result<SealedBatch, ForwardError> {
        let mut transaction = self.store.write().await?;
        transaction.check_fence(LeaseName::Forwarder, token).await?;
        let manifest = Manifest {
            id: (self.fresh_id)(),
            lane: self.lane,
            number: transaction.next_batch_number().await?,
            first_change,
            last_change,
            records,
            digest,
            sealed_at: self.clock.now(),
        };
        let letter = self.manifests.write(&manifest)?;
        let new = NewForwardBatch {
            id: manifest.id,
            number: manifest.number,
            lane: self.lane,
            first_change,
            last_change,
            records,
            digest,
            manifest: letter.clone(),
            sealed_at: manifest.sealed_at,
            replaced,
        };
        transaction.seal_batch(&new).await?;
        transaction.commit().await?;
        Ok(SealedBatch { manifest, letter })
    }
}
