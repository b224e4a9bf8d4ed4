//! Linking everything again under another model while slices, decisions and questions go on.
//!
//! A newer model gets an index of its own, built from the store beside the one that works. What the
//! reconciler writes meanwhile is noted and taken in afterwards, round by round, until so little is left
//! that the last of it can be taken in between two slices. Then the new index takes the place of the old
//! one, and its records are settled bit by bit.

use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::consolidate::Effect;
use super::rebuild::{Missed, Rebuild};
use super::{ReconcileError, Reconciler, Reign};
use crate::domain::pair::{Pair, Verdict};
use crate::domain::record::{RecordKey, RecordKind};
use crate::linkage::index::LinkageIndex;
use crate::store::{LeaseName, RelinkProgress, StoreError};
use crate::sync::backoff::backoff;
use crate::sync::bulk::{Progress, all_cores};
use crate::sync::models::ModelInUse;

/// What may be left to take in between two slices.
const LAST_CATCH_UP_MAX: usize = 1_000;
/// Rounds of taking in what was missed before the rest is taken in at once, however much it is: each round
/// is much shorter than the one before, unless records come faster than they can be read.
const CATCH_UP_ROUNDS_MAX: u32 = 8;
/// How often the progress is written while nothing but numbers of records changes.
const PROGRESS_MILLISECONDS: u64 = 1_000;

/// An index under another model, on its way.
pub(super) struct Build {
    model: Arc<ModelInUse>,
    rebuild: Rebuild,
    records: i64,
    work: JoinHandle<Result<Built, ReconcileError>>,
    missed: Missed,
    rounds: u32,
}

/// An index that was built, with the room that it takes beside the one that works.
struct Built {
    index: LinkageIndex,
    room: OwnedSemaphorePermit,
}

/// When the next attempt may begin after one that failed.
#[derive(Default)]
pub(super) struct Attempts {
    failures: u32,
    not_before: Option<Instant>,
}

impl Build {
    /// Notes what a transaction has written, for the new index to take in.
    fn note(&mut self, changed: impl Iterator<Item = RecordKey>) {
        let children = changed.filter(|key| key.kind == RecordKind::Child);
        self.missed.records.extend(children);
    }
}

impl Attempts {
    /// The index of a step that has ended, if it is of any use: a step may have failed, and another model
    /// may be in use by now.
    fn note(
        &mut self,
        number: i64,
        newest: i64,
        ended: Result<Built, ReconcileError>,
    ) -> Option<Built> {
        match ended {
            Ok(built) if number == newest => return Some(built),
            Ok(built) => give_back(built),
            Err(ReconcileError::Unwanted) => {}
            Err(error) => {
                self.failures += 1;
                self.not_before = Some(Instant::now() + backoff(self.failures, 1.0));
                let attempt = self.failures;
                tracing::error!(model.number = number, error = %error, attempt, "Linking again failed");
                return None;
            }
        }
        tracing::info!(
            model.number = number,
            "Linking again was overtaken by another model"
        );
        None
    }
}

impl Drop for Build {
    fn drop(&mut self) {
        self.rebuild.progress.give_up();
        self.work.abort();
    }
}

/// The records that an effect writes or moves.
pub(super) fn changed_records(effect: &Effect) -> Vec<RecordKey> {
    let written = effect.sources.iter().map(|row| row.key);
    written
        .chain(effect.moved.iter().map(|row| row.key))
        .collect()
}

impl Reign {
    /// Notes which records were written.
    pub(super) fn note_records(&mut self, changed: Vec<RecordKey>) {
        if let Some(build) = &mut self.build {
            build.note(changed.into_iter());
        }
    }

    /// Notes a decision that was followed.
    pub(super) fn note_decision(&mut self, pair: Pair, verdict: Option<Verdict>) {
        if let Some(build) = &mut self.build {
            build.missed.decisions.push((pair, verdict));
        }
    }

    fn progress(&self) -> RelinkProgress {
        let count = |records: usize| i64::try_from(records).unwrap_or(i64::MAX);
        let build = self.build.as_ref();
        let figure = |of: fn(&Progress) -> usize| {
            build.map_or(0, |build| count(of(&build.rebuild.progress)))
        };
        RelinkProgress {
            linked_model: self.model,
            building_model: build.map_or(0, |build| build.model.number),
            build_records: build.map_or(0, |build| build.records),
            read_records: figure(Progress::read),
            compared_records: figure(Progress::compared),
            unsettled_records: count(self.index.unsettled()),
        }
    }
}

impl Reconciler {
    /// Looks whether another model is in use than the one that the index links by, and does the next step
    /// towards it. What takes long is done beside the reconciler.
    pub(super) async fn follow_model(&self, reign: &mut Reign) -> Result<(), ReconcileError> {
        let mut reading = self.store.read().await?;
        let newest = self.models.newest(&mut reading).await?;
        let records = reading.read_counter("live_children").await?;
        drop(reading);
        match &reign.build {
            None if newest.number == reign.model => {}
            None => self.begin_build(reign, newest, records),
            Some(build) => {
                if build.model.number != newest.number {
                    build.rebuild.progress.give_up();
                }
                if build.work.is_finished() {
                    self.go_on_building(reign, newest.number).await?;
                }
            }
        }
        self.report(reign).await
    }

    fn begin_build(&self, reign: &mut Reign, model: Arc<ModelInUse>, records: i64) {
        let now = Instant::now();
        if reign.attempts.not_before.is_some_and(|time| now < time) {
            return;
        }
        if model.model.text() == reign.index.model().text() {
            // Another number for the same model: there is nothing to link again.
            reign.model = model.number;
            return;
        }
        tracing::info!(
            model.number,
            index.records = records,
            "Linking again under another model"
        );
        let rebuild = Rebuild {
            store: self.store.clone(),
            codec: Arc::clone(&self.codec),
            key: Arc::clone(&self.key),
            model: Arc::clone(&model.model),
            // The other cores go on with what comes in.
            cores: (all_cores() / 2).max(1),
            progress: Arc::default(),
        };
        let (room, build) = (Arc::clone(&self.models.room), rebuild.clone());
        let work = self.beside(async move {
            let room = room.acquire_owned().await;
            let room = room.map_err(|_| ReconcileError::Interrupted)?;
            let index = build.build().await?;
            Ok(Built { index, room })
        });
        reign.build = Some(Build {
            model,
            rebuild,
            records,
            work,
            missed: Missed::default(),
            rounds: 0,
        });
    }

    /// Runs a step of building beside the reconciler, and wakes it at the end.
    fn beside(
        &self,
        step: impl Future<Output = Result<Built, ReconcileError>> + Send + 'static,
    ) -> JoinHandle<Result<Built, ReconcileError>> {
        let signals = Arc::clone(&self.signals);
        tokio::spawn(async move {
            let built = step.await;
            signals.log.call();
            built
        })
    }

    /// A step of building has ended: takes in what was missed, puts the new index in the place of the old
    /// one, or drops it.
    async fn go_on_building(&self, reign: &mut Reign, newest: i64) -> Result<(), ReconcileError> {
        let Some(mut build) = reign.build.take() else {
            return Ok(());
        };
        let number = build.model.number;
        let ended = (&mut build.work).await;
        let ended = ended.unwrap_or(Err(ReconcileError::Interrupted));
        let Some(built) = reign.attempts.note(number, newest, ended) else {
            return Ok(());
        };
        let missed = std::mem::take(&mut build.missed);
        let rebuild = build.rebuild.clone();
        if missed.len() <= LAST_CATCH_UP_MAX || build.rounds >= CATCH_UP_ROUNDS_MAX {
            let Built { index, room } = built;
            let index = rebuild.catch_up(index, missed).await?;
            take_over(reign, Built { index, room }, number);
            return Ok(());
        }
        build.rounds += 1;
        build.work = self.beside(async move {
            let Built { index, room } = built;
            let index = rebuild.catch_up(index, missed).await?;
            Ok(Built { index, room })
        });
        reign.build = Some(build);
        Ok(())
    }

    /// Writes how far linking again is, for whoever asks any replica.
    async fn report(&self, reign: &mut Reign) -> Result<(), ReconcileError> {
        let progress = reign.progress();
        if reign.reported.as_ref() == Some(&progress) {
            return Ok(());
        }
        let is_news = reign.reported.is_none_or(|told| {
            let is_done = |progress: RelinkProgress| progress.unsettled_records == 0;
            (told.linked_model, told.building_model, is_done(told))
                != (
                    progress.linked_model,
                    progress.building_model,
                    is_done(progress),
                )
        });
        let elapsed = reign.reported_at.elapsed().as_millis();
        if !is_news && elapsed < u128::from(PROGRESS_MILLISECONDS) {
            return Ok(());
        }
        self.write_progress(reign.token, &progress).await?;
        reign.reported = Some(progress);
        reign.reported_at = Instant::now();
        Ok(())
    }

    pub(super) async fn write_progress(
        &self,
        token: i64,
        progress: &RelinkProgress,
    ) -> Result<(), StoreError> {
        let mut transaction = self.store.write().await?;
        transaction
            .check_fence(LeaseName::Reconciler, token)
            .await?;
        transaction.set_relink_progress(progress).await?;
        transaction.commit().await
    }
}

/// Puts a new index in the place of the old one, which has nothing left to write.
fn take_over(reign: &mut Reign, built: Built, model: i64) {
    let Built { mut index, room } = built;
    index.take_reviews(&mut reign.index);
    let index = std::mem::replace(&mut reign.index, index);
    reign.model = model;
    reign.attempts = Attempts::default();
    tracing::info!(
        model.number = model,
        index.records = reign.index.len(),
        "The new index links"
    );
    give_back(Built { index, room });
}

/// Giving back the memory of millions of records takes a moment that nobody should wait for.
fn give_back(built: Built) {
    drop(tokio::task::spawn_blocking(move || {
        drop(built.index);
        drop(built.room);
    }));
}
