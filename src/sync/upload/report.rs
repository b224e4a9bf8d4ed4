//! The report without effect: everything that taking an upload in would tell, and nothing written.

use std::collections::HashMap;

use tokio::sync::mpsc;
use uuid::Uuid;

use super::committer::UploadCommitter;
use super::found::{Found, count, held, wanted};
use super::slice::{Listed, Slice};
use super::take::{SLICES_WAITING_MAX, TakeError, Taking};
use crate::domain::record::RecordKey;
use crate::domain::upload::Totals;
use crate::store::{HeldVersion, UploadProgress};
use crate::sync::ingest::settle::Held;

/// Versions that a report without effect has seen: nothing of it is in the log to be found there.
type Seen = HashMap<RecordKey, Vec<HeldVersion>>;

impl UploadCommitter {
    /// Makes the report as if every record were taken in. What it has seen is in memory, so that an
    /// attempt that was broken off begins again.
    pub(super) async fn report(&self, taking: &mut Taking<'_>) -> Result<Listed, TakeError> {
        self.forget_report(taking).await?;
        let (sender, mut slices) = mpsc::channel(SLICES_WAITING_MAX);
        let (feeding, reading) = self.read(taking, sender).await?;
        let writing = async {
            let (mut progress, mut seen) = (taking.progress.clone(), Seen::new());
            while let Some(slice) = slices.recv().await {
                self.keep(taking.reign).await?;
                progress = self
                    .report_slice(taking, &progress, &mut seen, slice)
                    .await?;
            }
            Ok::<_, TakeError>(progress)
        };
        let ((), progress) = tokio::try_join!(feeding, writing)?;
        taking.progress = progress;
        Ok(reading.await??)
    }

    async fn forget_report(&self, taking: &mut Taking<'_>) -> Result<(), TakeError> {
        let before = taking.progress.done;
        taking.progress = UploadProgress {
            done: 0,
            compared_to: Uuid::nil(),
            totals: Totals::default(),
            ..taking.progress.clone()
        };
        let key = taking.row.key();
        let mut transaction = self.write(taking).await?;
        transaction.delete_entries(key, i64::MAX).await?;
        transaction
            .advance_upload(key, before, &taking.progress)
            .await?;
        Ok(transaction.commit().await?)
    }

    async fn report_slice(
        &self,
        taking: &Taking<'_>,
        before: &UploadProgress,
        seen: &mut Seen,
        slice: Slice,
    ) -> Result<UploadProgress, TakeError> {
        let key = taking.row.key();
        let mut transaction = self.write(taking).await?;
        let mut held = held(&mut transaction, &slice.looked).await?;
        for (record, _) in wanted(&slice.looked) {
            held.extend(seen.get(&record).into_iter().flatten().cloned());
        }
        let mut found = Found {
            totals: before.totals,
            ..Found::default()
        };
        let done = slice.first + count(&slice.looked);
        found.add(&mut Held::new(held), taking, slice);
        for version in found.appended() {
            seen.entry(version.key).or_default().push(version);
        }
        let progress = UploadProgress {
            done,
            totals: found.totals,
            ..before.clone()
        };
        transaction.insert_entries(key, found.entries).await?;
        transaction
            .advance_upload(key, before.done, &progress)
            .await?;
        transaction.commit().await?;
        self.signals.uploads.call();
        Ok(progress)
    }
}
