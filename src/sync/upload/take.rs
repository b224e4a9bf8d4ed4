//! Taking the records of one upload in: verified as a whole, then examined, settled and appended slice by
//! slice as `Push` does, with the report and the progress in the transaction of their effect.

use tokio::sync::mpsc;
use tokio::task::{JoinError, spawn_blocking};
use tokio::time::Instant;
use uuid::Uuid;

use super::committer::{Reign, UploadCommitter};
use super::found::{Found, count, held};
use super::lookup::{LookedUp, OwnAppends};
use super::slice::{Listed, ReadError, Slice};
use super::unpack::verify;
use super::{ALL_OR_NOTHING_BYTES_MAX, UNPACKED_BYTES_MAX};
use crate::domain::upload::{Effect, Faults, UploadFault, UploadKind, UploadState};
use crate::security::seal::SealError;
use crate::store::{LeaseName, StoreError, Tally, Transaction, UploadProgress, UploadRow};
use crate::sync::ingest::group_commit::{add_tally, newest_of_each, number};
use crate::sync::ingest::settle::Held;

/// Chunks that wait for the thread that unpacks them.
pub(super) const CHUNKS_WAITING_MAX: usize = 8;
/// Slices that wait to be written.
pub(super) const SLICES_WAITING_MAX: usize = 1;

/// Why an upload was not taken in. What was written stays, and the next attempt goes on after it.
#[derive(Debug, thiserror::Error)]
pub(super) enum TakeError {
    /// The database did not take part.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A chunk or a content cannot be opened or sealed.
    #[error(transparent)]
    Sealing(#[from] SealError),
    /// The bytes cannot be read as they were verified.
    #[error(transparent)]
    Reading(#[from] ReadError),
    /// The chunks that are held do not follow one another.
    #[error("a chunk is missing among those held")]
    Gap,
    /// The thread that reads has failed.
    #[error("reading was broken off: {0}")]
    Thread(#[from] JoinError),
}

/// An upload that is being taken in.
pub(super) struct Taking<'a> {
    pub(super) reign: &'a Reign,
    pub(super) row: UploadRow,
    pub(super) progress: UploadProgress,
}

impl UploadCommitter {
    /// Takes an upload in, from where the last attempt stopped.
    pub(super) async fn take(&self, reign: &Reign, row: UploadRow) -> Result<(), TakeError> {
        let progress = self.store.read().await?.upload_progress(row.key()).await?;
        let Some(progress) = progress else {
            return Ok(());
        };
        let mut taking = Taking {
            reign,
            row,
            progress,
        };
        let manifest = taking.row.manifest.clone();
        let is_new = taking.progress.done == 0 && taking.progress.compared_to == Uuid::nil();
        if is_new && let Err(fault) = self.verify(&taking).await? {
            return self.find_fault(&taking, fault).await;
        }
        let listed = match (manifest.effect, manifest.faults) {
            (Effect::Take, Faults::KeepGood) => self.take_slices(&mut taking).await?,
            (Effect::Take, Faults::RefuseAll) => match self.take_at_once(&mut taking).await? {
                Some(listed) => listed,
                None => return Ok(()),
            },
            (Effect::ReportOnly, _) => self.report(&mut taking).await?,
        };
        if let UploadKind::Snapshot { of, missing } = manifest.kind {
            self.compare(&mut taking, of, missing, &listed).await?;
        }
        self.finish(&taking).await
    }

    /// Whether the bytes are what the manifest says.
    async fn verify(&self, taking: &Taking<'_>) -> Result<Result<(), UploadFault>, TakeError> {
        let manifest = taking.row.manifest.clone();
        let unpacked_max = match manifest.faults {
            Faults::KeepGood => UNPACKED_BYTES_MAX,
            Faults::RefuseAll => ALL_OR_NOTHING_BYTES_MAX,
        };
        let (sender, chunks) = mpsc::channel(CHUNKS_WAITING_MAX);
        let verifying = spawn_blocking(move || verify(chunks, &manifest, unpacked_max));
        self.feed(taking, sender).await?;
        Ok(verifying.await?)
    }

    /// Refuses the upload, or asks for its bytes again where they are not those of the manifest.
    async fn find_fault(&self, taking: &Taking<'_>, fault: UploadFault) -> Result<(), TakeError> {
        let key = taking.row.key();
        tracing::warn!(upload.id = %key.upload, upload.fault = fault.word(), "An upload is faulty");
        let mut transaction = self.write(taking).await?;
        match fault {
            UploadFault::DigestDiffers => transaction.forget_bytes(key, fault.word()).await?,
            UploadFault::NotUnpackable
            | UploadFault::UnpackedTooLarge
            | UploadFault::FrameBroken
            | UploadFault::CountDiffers
            | UploadFault::RecordsFaulty => {
                let states = (UploadState::Committing, UploadState::Refused);
                let now = Some(self.clock.now());
                transaction
                    .set_upload_state(key, states, fault.word(), now)
                    .await?;
            }
        }
        Ok(transaction.commit().await?)
    }

    /// Takes the good records in, a slice at a time.
    async fn take_slices(&self, taking: &mut Taking<'_>) -> Result<Listed, TakeError> {
        let (sender, slices) = mpsc::channel(SLICES_WAITING_MAX);
        let (feeding, reading) = self.read(taking, sender).await?;
        let (sender, mut compared) = mpsc::channel(SLICES_WAITING_MAX);
        let looking = self.look_up(taking, slices, sender);
        let writing = async {
            let (mut progress, mut own) = (taking.progress.clone(), OwnAppends::default());
            while let Some(slice) = compared.recv().await {
                self.keep(taking.reign).await?;
                progress = self.write_slice(taking, &progress, slice, &mut own).await?;
            }
            Ok::<_, TakeError>(progress)
        };
        let ((), (), progress) = tokio::try_join!(feeding, looking, writing)?;
        taking.progress = progress;
        Ok(reading.await??)
    }

    async fn write_slice(
        &self,
        taking: &Taking<'_>,
        before: &UploadProgress,
        ahead: LookedUp,
        own: &mut OwnAppends,
    ) -> Result<UploadProgress, TakeError> {
        let started = Instant::now();
        let mut transaction = self.write(taking).await?;
        let head = transaction.lock_counter("log").await?;
        let node = taking.row.node;
        let (slice, held) = ahead.up_to(&mut transaction, node, head, own).await?;
        let mut found = Found {
            totals: before.totals,
            ..Found::default()
        };
        let done = slice.first + count(&slice.looked);
        found.add(&mut Held::new(held), taking, slice);
        let progress = UploadProgress {
            done,
            totals: found.totals,
            ..before.clone()
        };
        let words: Vec<_> = found.settled.iter().map(|one| one.outcome.word()).collect();
        let appended = found.appended();
        self.append(&mut transaction, taking, head, found).await?;
        transaction
            .advance_upload(taking.row.key(), before.done, &progress)
            .await?;
        transaction.commit().await?;
        own.add(head, appended);
        self.signals.log.call();
        self.signals.uploads.call();
        self.metrics
            .group_committed(1, words.into_iter(), started.elapsed());
        Ok(progress)
    }

    /// Takes every record in, in one transaction, or none: then the upload is refused with its report.
    async fn take_at_once(&self, taking: &mut Taking<'_>) -> Result<Option<Listed>, TakeError> {
        let (sender, mut slices) = mpsc::channel(SLICES_WAITING_MAX);
        let (feeding, reading) = self.read(taking, sender).await?;
        let gathering = async {
            let mut all: Option<Slice> = None;
            while let Some(slice) = slices.recv().await {
                match &mut all {
                    None => all = Some(slice),
                    Some(all) => all.looked.extend(slice.looked),
                }
            }
            Ok::<_, TakeError>(all)
        };
        let ((), all) = tokio::try_join!(feeding, gathering)?;
        let listed = reading.await??;
        let Some(all) = all else {
            // An earlier attempt has taken all of them in, or there are none.
            return Ok(Some(listed));
        };
        self.keep(taking.reign).await?;
        Ok(self.write_all(taking, all).await?.then_some(listed))
    }

    /// False if some records are faulty: then the upload has ended.
    async fn write_all(&self, taking: &mut Taking<'_>, all: Slice) -> Result<bool, TakeError> {
        let key = taking.row.key();
        let mut transaction = self.write(taking).await?;
        let head = transaction.lock_counter("log").await?;
        let held = held(&mut transaction, &all.looked).await?;
        let mut found = Found::default();
        let done = count(&all.looked);
        found.add(&mut Held::new(held), taking, all);
        let progress = UploadProgress {
            done,
            totals: found.totals,
            ..taking.progress.clone()
        };
        let is_good = !found.totals.have_fault();
        if is_good {
            self.append(&mut transaction, taking, head, found).await?;
        } else {
            transaction.insert_entries(key, found.entries).await?;
        }
        transaction.advance_upload(key, 0, &progress).await?;
        if !is_good {
            let states = (UploadState::Committing, UploadState::Refused);
            let (fault, now) = (UploadFault::RecordsFaulty, Some(self.clock.now()));
            transaction
                .set_upload_state(key, states, fault.word(), now)
                .await?;
        }
        transaction.commit().await?;
        if is_good {
            self.signals.log.call();
        }
        taking.progress = progress;
        Ok(is_good)
    }

    /// The upload has ended.
    async fn finish(&self, taking: &Taking<'_>) -> Result<(), TakeError> {
        let key = taking.row.key();
        let manifest = &taking.row.manifest;
        let (state, failure) = match manifest.effect {
            Effect::Take => (UploadState::Committed, ""),
            Effect::ReportOnly if manifest.faults == Faults::RefuseAll => {
                let is_faulty = taking.progress.totals.have_fault();
                let fault = UploadFault::RecordsFaulty.word();
                (UploadState::Validated, if is_faulty { fault } else { "" })
            }
            Effect::ReportOnly => (UploadState::Validated, ""),
        };
        let mut transaction = self.write(taking).await?;
        let states = (UploadState::Committing, state);
        let now = Some(self.clock.now());
        transaction
            .set_upload_state(key, states, failure, now)
            .await?;
        transaction.commit().await?;
        tracing::info!(
            upload.id = %key.upload,
            upload.records = taking.progress.done,
            "An upload has ended"
        );
        Ok(())
    }

    /// A transaction that only a leader can end.
    pub(super) async fn write(&self, taking: &Taking<'_>) -> Result<Transaction, StoreError> {
        let mut transaction = self.store.write().await?;
        transaction
            .check_fence(LeaseName::Uploads, taking.reign.token)
            .await?;
        Ok(transaction)
    }

    /// Writes what was settled, as the group commit of `Push` does, and the report.
    async fn append(
        &self,
        transaction: &mut Transaction,
        taking: &Taking<'_>,
        head: i64,
        found: Found,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let submissions = number(found.group.appended, head);
        let new_head = submissions.last().map_or(head, |last| last.sequence);
        transaction.append_submissions(submissions, now).await?;
        let quarantined = newest_of_each(found.group.quarantined);
        transaction.put_quarantined(quarantined, now).await?;
        transaction.set_counter("log", new_head).await?;
        let mut tally = Tally::default();
        add_tally(&mut tally, &found.settled);
        transaction
            .add_tallies(&[(taking.row.node, tally)], now)
            .await?;
        transaction
            .insert_entries(taking.row.key(), found.entries)
            .await
    }
}
