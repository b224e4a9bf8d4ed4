//! The runner: looks for ticks that are due, wins them, runs them and keeps them its own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::held::HeldTick;
use super::{Finished, ScheduledJob, WorkError};
use crate::domain::clock::{Clock, Timestamp};
use crate::domain::job::{Counts, Job, TickKey, TickKind, TickResult};
use crate::domain::schedule::{Due, Schedule};
use crate::observability::metrics::Metrics;
use crate::store::{EndedTick, JobRow, Store, StoreError, TickRow, TickState, Transaction};
use crate::sync::signals::Signals;

/// Runners of one tick at most: a tick that ends none of them is given up.
const RUNNERS_OF_A_TICK_MAX: i64 = 20;

/// A runner that could go on at once still takes a breath.
const SHORTEST_WAIT: Duration = Duration::from_millis(10);

/// What a runner is told.
pub struct RunnerOptions {
    /// A name that no other process has.
    pub owner: Arc<str>,
    /// The same on every replica of a hub and on no other hub: it spreads the jitter.
    pub seed: String,
    /// How long a tick stays a runner's own without a word of it.
    pub lease: Duration,
}

/// Runs the jobs of one process.
pub struct JobRunner {
    store: Store,
    clock: Arc<dyn Clock>,
    signals: Arc<Signals>,
    metrics: Arc<Metrics>,
    jobs: BTreeMap<Job, ScheduledJob>,
    options: RunnerOptions,
}

/// What a look at a job found.
pub enum Look {
    /// A tick that is ours to run.
    Won(HeldTick),
    /// Nothing to do before this moment, unless somebody calls.
    Wait(Timestamp),
}

/// What is to be done about a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Nothing before this moment, unless somebody calls.
    Wait(Timestamp),
    /// Begin the tick of this due time.
    Begin(Timestamp),
    /// Leave the tick of this due time out.
    Skip(Timestamp),
    /// Take over an open tick.
    Take(TickKey),
    /// Give up an open tick, which has had as many runners as it may.
    GiveUp(TickKey),
}

impl JobRunner {
    /// A runner of these jobs.
    pub fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        signals: Arc<Signals>,
        metrics: Arc<Metrics>,
        jobs: Vec<ScheduledJob>,
        options: RunnerOptions,
    ) -> Self {
        let jobs = jobs.into_iter().map(|job| (job.job, job)).collect();
        Self {
            store,
            clock,
            signals,
            metrics,
            jobs,
            options,
        }
    }

    /// The schedules of its jobs.
    pub fn schedules(&self) -> Vec<Schedule> {
        let jobs = self.jobs.values();
        jobs.map(|job| job.schedule.clone()).collect()
    }

    /// Runs what is due until it is told to stop; then lets its ticks go, so that a replica takes them at once.
    pub async fn run(self, stop: CancellationToken) {
        let runner = Arc::new(self);
        let mut called = runner.signals.jobs.listen();
        let mut running = JoinSet::new();
        while !stop.is_cancelled() {
            let mut wait = runner.options.lease / 3;
            for job in runner.jobs.keys().copied() {
                match runner.look(job).await {
                    Ok(Look::Won(tick)) => {
                        let (runner, stop) = (Arc::clone(&runner), stop.clone());
                        running.spawn(async move { runner.perform(tick, &stop).await });
                    }
                    Ok(Look::Wait(moment)) => wait = wait.min(runner.until(moment)),
                    Err(error) => {
                        tracing::warn!(job.name = %job, error = %error, "A job's ticks cannot be seen");
                    }
                }
            }
            while running.try_join_next().is_some() {}
            stop.run_until_cancelled(called.heard_within(wait)).await;
        }
        while running.join_next().await.is_some() {}
    }

    fn until(&self, moment: Timestamp) -> Duration {
        let micros = moment
            .as_micros()
            .saturating_sub(self.clock.now().as_micros());
        Duration::from_micros(u64::try_from(micros).unwrap_or(0)).max(SHORTEST_WAIT)
    }

    /// Wins a tick of a job, if one is due that nobody runs.
    pub async fn look(&self, job: Job) -> Result<Look, StoreError> {
        let now = self.clock.now();
        let Some(scheduled) = self.jobs.get(&job) else {
            return Ok(Look::Wait(Timestamp::from_micros(i64::MAX)));
        };
        let mut reading = self.store.read().await?;
        if let Some(row) = reading.read_job(job).await?
            && row.armed_at <= now
            && let Step::Wait(moment) = self.step(&mut reading, scheduled, &row, now).await?
        {
            return Ok(Look::Wait(moment));
        }
        drop(reading);
        self.win(scheduled, now).await
    }

    /// Decides again under the lock of the job and writes what was decided.
    async fn win(&self, scheduled: &ScheduledJob, now: Timestamp) -> Result<Look, StoreError> {
        let job = scheduled.job;
        let owner = &self.options.owner;
        let deadline = now.plus(self.options.lease);
        let mut transaction = self.store.write().await?;
        transaction.arm_job(job, now).await?;
        let Some(row) = transaction.lock_job(job).await? else {
            return Ok(Look::Wait(now));
        };
        let looked = match self.step(&mut transaction, scheduled, &row, now).await? {
            Step::Wait(moment) => Look::Wait(moment),
            Step::Begin(due) => {
                let tick = self.new_tick(TickKey { job, due }, TickState::Running, now);
                let is_new = transaction.insert_tick(&tick).await?;
                self.won(is_new.then_some((tick.key, tick.token)), now)
            }
            Step::Skip(due) => {
                let state = TickState::Ended(TickResult::Skipped);
                let tick = self.new_tick(TickKey { job, due }, state, now);
                transaction.insert_tick(&tick).await?;
                Look::Wait(now)
            }
            Step::Take(key) => {
                let token = transaction.take_tick(key, owner, now, deadline).await?;
                self.won(token.map(|token| (key, token)), now)
            }
            Step::GiveUp(key) => {
                self.give_up(&mut transaction, key, now).await?;
                Look::Wait(now)
            }
        };
        transaction.commit().await?;
        Ok(looked)
    }

    async fn step(
        &self,
        reading: &mut Transaction,
        scheduled: &ScheduledJob,
        row: &JobRow,
        now: Timestamp,
    ) -> Result<Step, StoreError> {
        let job = scheduled.job;
        let open = reading.open_ticks(job).await?;
        let newest = reading.newest_due(job, now).await?;
        let last = newest.map_or(row.armed_at, |newest| newest.max(row.armed_at));
        let last = TickKey { job, due: last };
        Ok(decide(
            &open,
            row,
            &scheduled.schedule,
            (last, &self.options.seed),
            now,
        ))
    }

    fn new_tick(&self, key: TickKey, state: TickState, now: Timestamp) -> TickRow {
        let is_running = state == TickState::Running;
        TickRow {
            key,
            kind: TickKind::Scheduled,
            state,
            asked_by: String::new(),
            runner: self.options.owner.to_string(),
            token: 1,
            deadline: now.plus(self.options.lease),
            started_at: is_running.then_some(now),
            ended_at: (!is_running).then_some(now),
            counts: Counts::default(),
            error: String::new(),
        }
    }

    async fn give_up(
        &self,
        transaction: &mut Transaction,
        key: TickKey,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let owner = &self.options.owner;
        if let Some(token) = transaction.take_tick(key, owner, now, now).await? {
            tracing::error!(job.name = %key.job, "A job was given up: no runner came to its end");
            let error = "GIVEN_UP: no runner came to its end".to_owned();
            let ended = EndedTick {
                result: TickResult::Failed,
                counts: Counts::default(),
                error,
            };
            transaction.end_tick(key, token, &ended, now).await?;
        }
        Ok(())
    }

    fn won(&self, won: Option<(TickKey, i64)>, now: Timestamp) -> Look {
        won.map_or(Look::Wait(now), |(key, token)| {
            Look::Won(HeldTick {
                store: self.store.clone(),
                clock: Arc::clone(&self.clock),
                key,
                token,
            })
        })
    }

    /// Runs a tick to its end, until it is another's, or until the order to stop, which lets it go.
    pub async fn perform(&self, tick: HeldTick, stop: &CancellationToken) {
        let Some(scheduled) = self.jobs.get(&tick.key.job) else {
            return;
        };
        let outcome = tokio::select! {
            biased;
            () = stop.cancelled() => {
                self.let_go(&tick).await;
                return;
            }
            outcome = scheduled.work.run(&tick) => outcome,
            () = self.keep(&tick) => {
                tracing::warn!(job.name = %tick.key.job, "Another runner has taken a tick over");
                return;
            }
        };
        let job = tick.key.job;
        match self.end(&tick, outcome).await {
            Ok(result) => self.metrics.tick_ended(job.as_str(), word(result)),
            // Left as it is: it is taken over when its deadline has passed, by us or by another.
            Err(error) => {
                tracing::warn!(job.name = %job, error = %error, "A job is to be tried again");
            }
        }
        self.signals.jobs.call();
    }

    /// Extends the deadline of a tick until it is another's.
    async fn keep(&self, tick: &HeldTick) {
        loop {
            tokio::time::sleep(self.options.lease / 3).await;
            match tick.extend(tick.now().plus(self.options.lease)).await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    tracing::warn!(job.name = %tick.key.job, error = %error, "A tick could not be kept");
                }
            }
        }
    }

    async fn end(
        &self,
        tick: &HeldTick,
        outcome: Result<Finished, WorkError>,
    ) -> Result<TickResult, StoreError> {
        let job = tick.key.job;
        match outcome {
            Ok(Finished {
                transaction,
                counts,
            }) => {
                let ended = EndedTick {
                    result: TickResult::Succeeded,
                    counts,
                    error: String::new(),
                };
                tick.end(transaction, &ended).await?;
                tracing::info!(job.name = %job, job.counts = %ended.counts, "A job was done");
                Ok(TickResult::Succeeded)
            }
            Err(WorkError::Store(error)) if error.is_retryable() || is_fenced(&error) => Err(error),
            Err(error) => {
                tracing::error!(job.name = %job, error = %error, "A job failed");
                let error = match error {
                    WorkError::Store(_) => "STORE: the log says more".to_owned(),
                    WorkError::Failed(text) => text,
                };
                let ended = EndedTick {
                    result: TickResult::Failed,
                    counts: Counts::default(),
                    error,
                };
                tick.end(tick.begin().await?, &ended).await?;
                Ok(TickResult::Failed)
            }
        }
    }

    async fn let_go(&self, tick: &HeldTick) {
        if let Err(error) = tick.extend(Timestamp::from_micros(0)).await {
            tracing::warn!(job.name = %tick.key.job, error = %error, "A tick could not be let go");
        }
    }
}

fn is_fenced(error: &StoreError) -> bool {
    matches!(error, StoreError::Fenced(_))
}

fn word(result: TickResult) -> &'static str {
    match result {
        TickResult::Succeeded => "succeeded",
        TickResult::Failed => "failed",
        TickResult::Skipped => "skipped",
    }
}

/// What is to be done about a job, given its open ticks and the schedule's `last` tick. One tick of a job runs at
/// a time, and a pause keeps the schedule from beginning any, but nobody from ending what was begun or asked for.
fn decide(
    open: &[TickRow],
    row: &JobRow,
    schedule: &Schedule,
    (last, seed): (TickKey, &str),
    now: Timestamp,
) -> Step {
    let running = open.iter().find(|tick| tick.state == TickState::Running);
    let first = running.or(open.first());
    match first {
        Some(tick) if tick.state == TickState::Running && tick.deadline > now => {
            Step::Wait(tick.deadline)
        }
        Some(tick) if tick.token >= RUNNERS_OF_A_TICK_MAX => Step::GiveUp(tick.key),
        Some(tick) => Step::Take(tick.key),
        None if row.paused.is_some() => Step::Wait(Timestamp::from_micros(i64::MAX)),
        None => match schedule.due(last, seed, now) {
            Due::Begin(due) => Step::Begin(due),
            Due::Skip(due) => Step::Skip(due),
            Due::Wait(moment) => Step::Wait(moment),
        },
    }
}
