//! The committer of uploads: one replica, elected by a lease, takes committed uploads in, a few at a
//! time, and removes what is over.
//!
//! Uploads expire by *sweeps* and not by the date: a sweep is an hour of the leader's own running, and an
//! upload is given up when nothing has happened to it for so many of them. A clock that is set forward or
//! back loses no upload.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::sync::Mutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::take::TakeError;
use crate::domain::clock::Clock;
use crate::domain::upload::UploadState;
use crate::observability::metrics::Metrics;
use crate::security::seal::SealKey;
use crate::store::{LeaseName, Store, StoreError, UploadKey, UploadRow};
use crate::sync::backoff::backoff;
use crate::sync::codec::RecordCodec;
use crate::sync::leadership::Leadership;
use crate::sync::signals::Signals;
use crate::sync::units::KnownUnits;

/// Sweeps after which an upload whose bytes do not come is given up: three days of hours.
pub const AWAITED_SWEEPS_MAX: i64 = 72;
/// Sweeps after which the receipt and the report of an upload are removed: thirty days of hours.
pub const ENDED_SWEEPS_MAX: i64 = 720;
/// Uploads that are taken in at the same time.
const TAKING_MAX: usize = 2;
/// Chunks that one transaction removes.
const REMOVED_CHUNKS: i64 = 64;
/// Entries of reports that one transaction removes.
const REMOVED_ENTRIES: i64 = 2_000;

/// What the committer works with.
pub struct UploadCommitter {
    /// The hub's database.
    pub store: Store,
    /// Reads records.
    pub codec: Arc<dyn RecordCodec>,
    /// Opens chunks and seals contents.
    pub key: Arc<SealKey>,
    /// Says what day it is, and what time, for the tables.
    pub clock: Arc<dyn Clock>,
    /// Wakes it, and wakes those that wait for it.
    pub signals: Arc<Signals>,
    /// Where it counts what it did.
    pub metrics: Arc<Metrics>,
    /// Knows which acts about units hold.
    pub units: Arc<KnownUnits>,
    /// Its claim to lead.
    pub leadership: Leadership,
    /// How long a sweep is.
    pub sweep: Duration,
}

/// A lease that is held, extended by whoever works under it.
pub(super) struct Reign {
    pub(super) token: i64,
    extended: Mutex<Instant>,
}

/// Uploads that failed for a reason of their own, and when each is tried again.
type Failures = HashMap<UploadKey, (u32, Instant)>;

impl UploadCommitter {
    /// Takes uploads in until stopped, whenever this replica leads.
    pub async fn run(self, stop: CancellationToken) {
        let mut failures = 0;
        while !stop.is_cancelled() {
            match stop.run_until_cancelled(self.reign()).await {
                None | Some(Ok(())) => failures = 0,
                Some(Err(StoreError::Fenced(lease))) => {
                    tracing::warn!(lease.name = lease, "Another replica takes uploads in now");
                }
                Some(Err(error)) => {
                    failures += 1;
                    tracing::error!(error = %error, attempt = failures, "Taking uploads in failed");
                }
            }
            let pause = match failures {
                0 => self.leadership.interval(),
                failures => self.leadership.interval().min(backoff(failures, 1.0)),
            };
            stop.run_until_cancelled(tokio::time::sleep(pause)).await;
        }
        if let Err(error) = self.leadership.release().await {
            tracing::warn!(error = %error, "The lease of uploads could not be released");
        }
    }

    /// Leads until stopped, fenced out or failed; returns at once if another leads.
    async fn reign(&self) -> Result<(), StoreError> {
        let Some(token) = self.leadership.hold().await? else {
            return Ok(());
        };
        tracing::info!(lease.token = token, "This replica takes uploads in");
        let reign = Reign {
            token,
            extended: Mutex::new(Instant::now()),
        };
        let mut calls = self.signals.uploads.listen();
        let mut swept = Instant::now();
        let mut failures = Failures::new();
        loop {
            self.keep(&reign).await?;
            self.take_all(&reign, &mut failures).await?;
            if swept.elapsed() >= self.sweep {
                self.sweep(&reign).await?;
                swept = Instant::now();
            }
            if !self.remove_some(&reign).await? {
                calls.heard().await;
            }
        }
    }

    /// Extends the lease when it is time; fails when it is another's.
    pub(super) async fn keep(&self, reign: &Reign) -> Result<(), StoreError> {
        let mut extended = reign.extended.lock().await;
        if extended.elapsed() >= self.leadership.interval() {
            if self.leadership.hold().await? != Some(reign.token) {
                return Err(StoreError::Fenced(LeaseName::Uploads.as_str()));
            }
            *extended = Instant::now();
        }
        Ok(())
    }

    /// Takes in what was committed, some at the same time, so that a small upload does not wait for a
    /// large one. One that fails by itself is tried again later and stops no other.
    async fn take_all(&self, reign: &Reign, failures: &mut Failures) -> Result<(), StoreError> {
        type Taken<'a> = BoxFuture<'a, (UploadKey, Result<(), TakeError>)>;
        let mut taking: FuturesUnordered<Taken<'_>> = FuturesUnordered::new();
        let mut in_hand: Vec<UploadKey> = Vec::new();
        let mut calls = self.signals.uploads.listen();
        loop {
            let room = TAKING_MAX - in_hand.len();
            for row in self
                .committed(&in_hand, failures)
                .await?
                .into_iter()
                .take(room)
            {
                let key = row.key();
                in_hand.push(key);
                taking.push(Box::pin(async move { (key, self.take(reign, row).await) }));
            }
            if taking.is_empty() {
                return Ok(());
            }
            tokio::select! {
                Some((key, taken)) = taking.next() => {
                    in_hand.retain(|held| *held != key);
                    note(failures, key, taken)?;
                    self.signals.uploads.call();
                }
                () = calls.heard() => {}
            }
        }
    }

    /// Uploads that wait to be taken in and may be tried now.
    async fn committed(
        &self,
        in_hand: &[UploadKey],
        failures: &Failures,
    ) -> Result<Vec<UploadRow>, StoreError> {
        let known = in_hand.len() + failures.len() + TAKING_MAX;
        let limit = i64::try_from(known).unwrap_or(i64::MAX);
        let mut transaction = self.store.read().await?;
        let mut rows = transaction
            .list_uploads_in_state(UploadState::Committing, limit)
            .await?;
        let now = Instant::now();
        let waits = |key| failures.get(&key).is_some_and(|(_, until)| *until > now);
        rows.retain(|row| !in_hand.contains(&row.key()) && !waits(row.key()));
        Ok(rows)
    }

    /// Looks at every upload once more and gives up those that nothing has happened to for too long.
    async fn sweep(&self, reign: &Reign) -> Result<(), StoreError> {
        let mut transaction = self.store.write().await?;
        transaction
            .check_fence(LeaseName::Uploads, reign.token)
            .await?;
        let expired = transaction
            .sweep_uploads(AWAITED_SWEEPS_MAX, ENDED_SWEEPS_MAX)
            .await?;
        transaction.commit().await?;
        if expired > 0 {
            tracing::info!(upload.count = expired, "Uploads have expired");
        }
        Ok(())
    }

    /// Removes some bytes, entries or an upload that is over; false when nothing is left to remove.
    async fn remove_some(&self, reign: &Reign) -> Result<bool, StoreError> {
        let mut transaction = self.store.read().await?;
        let spent = transaction.find_spent_chunks().await?;
        let expired = transaction.find_expired_upload().await?;
        drop(transaction);
        if spent.is_none() && expired.is_none() {
            return Ok(false);
        }
        let mut transaction = self.store.write().await?;
        transaction
            .check_fence(LeaseName::Uploads, reign.token)
            .await?;
        if let Some(key) = spent {
            if transaction.delete_chunks(key, REMOVED_CHUNKS).await? == 0 {
                transaction.chunks_are_gone(key).await?;
            }
        } else if let Some(key) = expired
            && transaction.delete_entries(key, REMOVED_ENTRIES).await? == 0
        {
            transaction.delete_upload(key).await?;
        }
        transaction.commit().await?;
        Ok(true)
    }
}

/// Notes how taking an upload in went. Only what concerns every upload is an error.
fn note(
    failures: &mut Failures,
    key: UploadKey,
    taken: Result<(), TakeError>,
) -> Result<(), StoreError> {
    match taken {
        Ok(()) => drop(failures.remove(&key)),
        Err(TakeError::Store(error))
            if error.is_retryable() || matches!(error, StoreError::Fenced(_)) =>
        {
            return Err(error);
        }
        Err(error) => {
            let failed = failures.get(&key).map_or(1, |(failed, _)| failed + 1);
            failures.insert(key, (failed, Instant::now() + backoff(failed, 1.0)));
            tracing::error!(
                upload.id = %key.upload,
                error = %error,
                attempt = failed,
                "An upload could not be taken in"
            );
        }
    }
    Ok(())
}
