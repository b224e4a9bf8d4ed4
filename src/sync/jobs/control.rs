//! What operators see of jobs, and what they may do: run now, pause, resume.

use std::sync::Arc;

use crate::domain::clock::{Clock, Timestamp};
use crate::domain::job::{Counts, Job, TickKey, TickKind};
use crate::domain::node::NodeName;
use crate::domain::schedule::Schedule;
use crate::store::{JobRow, Store, StoreError, TickRow, TickState, Transaction};
use crate::sync::signals::Signals;

/// Ticks of one page at most.
pub const TICK_PAGE_ROWS_MAX: u32 = 500;
/// Ticks of one page unless asked otherwise.
pub const TICK_PAGE_ROWS: u32 = 50;
/// Ticks that were asked for in one microsecond, at most.
const ASKED_AT_ONCE_MAX: i64 = 100;

/// Why an operator's wish was not done.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// This hub does not do the job.
    #[error("this hub does not do the job {0}: add the section [jobs.{0}] to its configuration")]
    NotConfigured(Job),
}

/// A job as an operator is shown it.
#[derive(Clone, Debug)]
pub struct JobView {
    /// Which.
    pub job: Job,
    /// When it is due.
    pub schedule: Schedule,
    /// Since when it is paused and by whom.
    pub paused: Option<(Timestamp, String)>,
    /// When the schedule is due next; the jitter may add to it.
    pub next_due: Option<Timestamp>,
    /// Its newest tick.
    pub newest: Option<TickRow>,
}

/// Jobs in the hands of operators. Every replica may answer.
pub struct JobControl {
    /// The hub's database.
    pub store: Store,
    /// Says what time it is.
    pub clock: Arc<dyn Clock>,
    /// Wakes the runner.
    pub signals: Arc<Signals>,
    /// The jobs of the hub.
    pub schedules: Vec<(Job, Schedule)>,
}

impl JobControl {
    /// Every job of the hub.
    pub async fn list(&self) -> Result<Vec<JobView>, JobError> {
        let mut reading = self.store.read().await?;
        let mut jobs = Vec::new();
        for (job, schedule) in &self.schedules {
            jobs.push(self.view(&mut reading, *job, schedule).await?);
        }
        Ok(jobs)
    }

    async fn view(
        &self,
        reading: &mut Transaction,
        job: Job,
        schedule: &Schedule,
    ) -> Result<JobView, JobError> {
        let row: Option<JobRow> = reading.read_job(job).await?;
        let mut newest = reading
            .list_ticks(job, Timestamp::from_micros(i64::MAX), 1)
            .await?;
        Ok(JobView {
            job,
            schedule: schedule.clone(),
            paused: row.and_then(|row| row.paused),
            next_due: schedule.next_after(self.clock.now()),
            newest: newest.pop(),
        })
    }

    /// Ticks of a job that are due before a moment, the newest first. A job that is not done any more has a
    /// history too.
    pub async fn ticks(
        &self,
        job: Job,
        before: Timestamp,
        rows: u32,
    ) -> Result<Vec<TickRow>, JobError> {
        let mut reading = self.store.read().await?;
        Ok(reading.list_ticks(job, before, rows.into()).await?)
    }

    /// Asks for a tick of a job now, whatever its schedule and its allowed hours say, and also while it is
    /// paused. One that was asked for and waits already is given instead of another.
    pub async fn run(&self, job: Job, operator: &NodeName) -> Result<TickRow, JobError> {
        let now = self.clock.now();
        let mut transaction = self.begin(job, now).await?;
        let open = transaction.open_ticks(job).await?;
        let waiting = open
            .into_iter()
            .find(|tick| tick.state == TickState::Waiting);
        let tick = match waiting {
            Some(tick) => tick,
            None => ask(&mut transaction, job, operator, now).await?,
        };
        transaction.commit().await?;
        self.signals.jobs.call();
        Ok(tick)
    }

    /// Keeps the schedule of a job from beginning ticks. What runs goes on.
    pub async fn pause(&self, job: Job, operator: &NodeName) -> Result<(), JobError> {
        let now = self.clock.now();
        let mut transaction = self.begin(job, now).await?;
        transaction.pause_job(job, operator.as_str(), now).await?;
        Ok(transaction.commit().await?)
    }

    /// Ends a pause. What was due meanwhile is not made up for.
    pub async fn resume(&self, job: Job) -> Result<(), JobError> {
        let now = self.clock.now();
        let mut transaction = self.begin(job, now).await?;
        transaction.resume_job(job, now).await?;
        transaction.commit().await?;
        self.signals.jobs.call();
        Ok(())
    }

    /// Begins a transaction in which nobody wins a tick of the job.
    async fn begin(&self, job: Job, now: Timestamp) -> Result<Transaction, JobError> {
        if !self.schedules.iter().any(|(known, _)| *known == job) {
            return Err(JobError::NotConfigured(job));
        }
        let mut transaction = self.store.write().await?;
        transaction.arm_job(job, now).await?;
        transaction.lock_job(job).await?;
        Ok(transaction)
    }
}

async fn ask(
    transaction: &mut Transaction,
    job: Job,
    operator: &NodeName,
    now: Timestamp,
) -> Result<TickRow, StoreError> {
    let mut tick = TickRow {
        key: TickKey { job, due: now },
        kind: TickKind::Asked,
        state: TickState::Waiting,
        asked_by: operator.to_string(),
        runner: String::new(),
        token: 0,
        deadline: now,
        started_at: None,
        ended_at: None,
        counts: Counts::default(),
        error: String::new(),
    };
    // A tick of that very microsecond is there only if the clock stands.
    for later in 0..ASKED_AT_ONCE_MAX {
        tick.key.due = Timestamp::from_micros(now.as_micros() + later);
        if transaction.insert_tick(&tick).await? {
            return Ok(tick);
        }
    }
    Err(StoreError::Rows {
        statement: "INSERT_TICK",
        expected: 1,
        actual: 0,
    })
}
