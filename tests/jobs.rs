//! Every tick of every job is done once, whatever becomes of the replicas that run it.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use childsync::domain::clock::{Clock, ManualClock, Timestamp};
use childsync::domain::job::{Counts, Job, TickKey, TickResult};
use childsync::domain::node::NodeId;
use childsync::domain::record::{ContentHash, Lane, RecordId, RecordKey, RecordKind, Version};
use childsync::domain::relations::Relations;
use childsync::domain::schedule::{AllowedHours, MissedTicks, Schedule, TimeZone};
use childsync::observability::metrics::Metrics;
use childsync::store::{NewSubmission, Store, TickRow, TickState};
use childsync::sync::jobs::{
    Finished, HeldTick, JobRunner, Look, Purge, RunnerOptions, ScheduledJob, Work, WorkError,
};
use childsync::sync::signals::Signals;
use futures_util::future::BoxFuture;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::support::database::{Database, Engine};
use crate::support::{eventually, fault_rounds, on_both_engines, random_moment};

on_both_engines![
    each_effect_happens_once_whoever_is_killed_or_stopped,
    a_hub_that_was_down_runs_the_latest_tick_once,
    a_paused_job_begins_nothing_and_makes_up_for_nothing,
    a_tick_that_no_runner_ends_is_given_up,
    what_fails_is_told_and_tried_with_the_next_tick,
    old_history_is_removed_but_not_the_newest_tick,
];

const REPLICAS: usize = 4;
const HOUR: Duration = Duration::from_hours(1);
const LEASE: Duration = Duration::from_secs(10);
/// Replicas that may be stopped at a time: somebody must be left to take over.
const STOPPED_MAX: usize = 2;
/// A full hour in Vietnam.
const START: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);

fn hourly() -> Schedule {
    Schedule {
        cron: "0 * * * *".parse().expect("an expression"),
        time_zone: TimeZone::VIETNAM,
        jitter: Duration::ZERO,
        allowed_hours: AllowedHours::ALL_DAY,
        missed: MissedTicks::RunOnce,
    }
}

fn place(job: Job) -> i64 {
    let place = Job::ALL.iter().position(|other| *other == job);
    i64::try_from(place.expect("listed")).expect("small") + 1
}

/// Appends a submission for each tick: the node is the job, the version is the hour. The record is another one
/// each time, so that a second effect would stand beside the first.
struct Appending {
    faults: Option<Arc<Faults>>,
}

/// What happens to the replicas of one test.
#[derive(Default)]
struct Faults {
    stopped: AtomicUsize,
    killed: AtomicUsize,
    resumed: AtomicUsize,
    frozen: [AtomicBool; REPLICAS],
}

/// What one replica does, with a chance of its own to be stopped in the middle.
struct Stopping {
    work: Appending,
    replica: usize,
    store: Store,
}

impl Appending {
    async fn append(&self, tick: &HeldTick) -> Result<Finished, WorkError> {
        let mut transaction = tick.begin().await?;
        let sequence = transaction.lock_counter("log").await? + 1;
        let hours = (tick.key.due.as_micros() - START.as_micros()) / 3_600_000_000;
        let submission = NewSubmission {
            key: RecordKey {
                node: NodeId::new(place(tick.key.job)),
                kind: RecordKind::Child,
                record_id: RecordId::new(Uuid::now_v7()),
            },
            version: Version::from_i64(hours).expect("a version"),
            sequence,
            tombstone: 0,
            hash: ContentHash::of(b"made up"),
            content: b"made up".to_vec(),
            sent: None,
            relations: Relations::None,
        };
        transaction
            .append_submissions(vec![submission], tick.now())
            .await?;
        transaction.set_counter("log", sequence).await?;
        Ok(Finished {
            transaction,
            counts: Counts::of(&[("appended", 1)]),
        })
    }
}

impl Work for Appending {
    fn run<'a>(&'a self, tick: &'a HeldTick) -> BoxFuture<'a, Result<Finished, WorkError>> {
        Box::pin(self.append(tick))
    }
}

/// A replica that stands still, as long as this lives.
struct StandingStill<'a> {
    faults: &'a Faults,
    replica: usize,
}

impl<'a> StandingStill<'a> {
    /// `None` if as many as may stand still already.
    fn begin(faults: &'a Faults, replica: usize) -> Option<Self> {
        let stopped = &faults.stopped;
        stopped
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |stopped| {
                (stopped < STOPPED_MAX).then_some(stopped + 1)
            })
            .ok()?;
        faults.frozen[replica].store(true, Ordering::SeqCst);
        Some(Self { faults, replica })
    }
}

impl Drop for StandingStill<'_> {
    fn drop(&mut self) {
        self.faults.frozen[self.replica].store(false, Ordering::SeqCst);
        self.faults.stopped.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Stopping {
    async fn is_taken_over(&self, tick: &HeldTick) -> bool {
        let mut reading = self.store.read().await.expect("a transaction");
        let open = reading.open_ticks(tick.key.job).await.expect("ticks");
        let is_ours = |row: &TickRow| row.key == tick.key && row.token == tick.attempt();
        !open.iter().any(is_ours)
    }
}

impl Work for Stopping {
    fn run<'a>(&'a self, tick: &'a HeldTick) -> BoxFuture<'a, Result<Finished, WorkError>> {
        Box::pin(async move {
            let faults = self.work.faults.as_ref().expect("faults");
            let still = rand::random_ratio(1, 5)
                .then(|| StandingStill::begin(faults, self.replica))
                .flatten();
            if still.is_some() {
                eventually("the tick is taken over", || self.is_taken_over(tick)).await;
                faults.resumed.fetch_add(1, Ordering::SeqCst);
            }
            let done = self.work.append(tick).await;
            drop(still);
            done
        })
    }
}

/// One replica: a runner with a clock of its own.
struct Replica {
    runner: Arc<JobRunner>,
    clock: Arc<ManualClock>,
}

fn replica(store: &Store, number: usize, jobs: Vec<ScheduledJob>) -> Replica {
    let clock = Arc::new(ManualClock::at(START));
    let runner = JobRunner::new(
        store.clone(),
        Arc::<ManualClock>::clone(&clock),
        Arc::new(Signals::default()),
        Arc::new(Metrics::default()),
        jobs,
        RunnerOptions {
            owner: format!("replica-{number}").into(),
            seed: "hub".to_owned(),
            lease: LEASE,
        },
    );
    Replica {
        runner: Arc::new(runner),
        clock,
    }
}

/// A replica that does one job.
async fn alone(database: &Database, job: Job, work: Box<dyn Work>) -> (Store, Replica) {
    let store = database.open().await;
    let schedule = hourly();
    let jobs = vec![ScheduledJob {
        job,
        schedule,
        work,
    }];
    let replica = replica(&store, 1, jobs);
    look_and_run(&replica, job).await;
    (store, replica)
}

/// Runs what is due, and says whether anything was.
async fn look_and_run(replica: &Replica, job: Job) -> bool {
    match replica.runner.look(job).await.expect("a look") {
        Look::Won(tick) => {
            let stop = CancellationToken::new();
            replica.runner.perform(tick, &stop).await;
            true
        }
        Look::Wait(_) => false,
    }
}

pub(crate) async fn ticks(store: &Store, job: Job) -> Vec<TickRow> {
    let mut reading = store.read().await.expect("a transaction");
    let end = Timestamp::from_micros(i64::MAX);
    let ticks = reading.list_ticks(job, end, i64::MAX).await;
    ticks.expect("ticks")
}

/// Looks with every replica that does not stand still, at every job at once, and runs what is won. Every runner
/// comes to its end, or is killed at some moment, or stands still.
async fn round(replicas: &[Replica], faults: &Arc<Faults>, running: &mut JoinSet<()>) {
    let mut looking = JoinSet::new();
    for (number, replica) in replicas.iter().enumerate() {
        if faults.frozen[number].load(Ordering::SeqCst) {
            continue;
        }
        for job in Job::ALL {
            let runner = Arc::clone(&replica.runner);
            looking.spawn(async move { (runner.look(job).await, runner) });
        }
    }
    while let Some(looked) = looking.join_next().await {
        let (Ok(Look::Won(tick)), runner) = looked.expect("no panic") else {
            continue;
        };
        let faults = Arc::clone(faults);
        running.spawn(async move {
            let mut chance = StdRng::seed_from_u64(rand::random());
            let stop = CancellationToken::new();
            if chance.random_ratio(1, 4) {
                tokio::select! {
                    () = runner.perform(tick, &stop) => {}
                    () = random_moment(&mut chance, 4) => {
                        faults.killed.fetch_add(1, Ordering::SeqCst);
                    }
                }
            } else {
                runner.perform(tick, &stop).await;
            }
        });
    }
    // Those that stand still go on only when somebody has taken their ticks over.
    while running.len() > faults.stopped.load(Ordering::SeqCst) {
        let ended = timeout(Duration::from_millis(1), running.join_next()).await;
        if let Ok(Some(ended)) = ended {
            ended.expect("no panic");
        }
    }
}

async fn each_effect_happens_once_whoever_is_killed_or_stopped(engine: Engine) {
    let hours = i64::try_from(fault_rounds(75, 2_500)).expect("small");
    let database = Database::new(engine).await;
    let faults = Arc::new(Faults::default());
    let first = database.open().await;
    let mut replicas = Vec::new();
    for number in 0..REPLICAS {
        // A SQLite file has one process; its replicas are runners of that process.
        let store = match engine {
            Engine::Sqlite => first.clone(),
            Engine::Postgres => database.open().await,
        };
        let jobs = Job::ALL.map(|job| ScheduledJob {
            job,
            schedule: hourly(),
            work: Box::new(Stopping {
                work: Appending {
                    faults: Some(Arc::clone(&faults)),
                },
                replica: number,
                store: store.clone(),
            }),
        });
        replicas.push(replica(&store, number, jobs.into()));
    }
    let mut running = JoinSet::new();
    round(&replicas, &faults, &mut running).await;
    for hour in 1..=hours {
        let due = START.plus(HOUR * u32::try_from(hour).expect("small"));
        let mut now = due;
        while !all_ended(&first, due).await {
            for (number, replica) in replicas.iter().enumerate() {
                if !faults.frozen[number].load(Ordering::SeqCst) {
                    replica.clock.set(now);
                }
            }
            round(&replicas, &faults, &mut running).await;
            now = now.plus(LEASE + Duration::from_secs(1));
        }
    }
    while running.join_next().await.is_some() {}

    assert_each_once(&first, hours).await;
    let (killed, resumed) = (&faults.killed, &faults.resumed);
    let (killed, resumed) = (
        killed.load(Ordering::SeqCst),
        resumed.load(Ordering::SeqCst),
    );
    assert!(killed > 5 && resumed > 5, "{killed} {resumed}");
}

async fn all_ended(store: &Store, due: Timestamp) -> bool {
    let mut reading = store.read().await.expect("a transaction");
    for job in Job::ALL {
        let newest = reading.newest_due(job, due).await.expect("a time");
        let open = reading.open_ticks(job).await.expect("ticks");
        if newest != Some(due) || !open.is_empty() {
            return false;
        }
    }
    true
}

/// Every hour of every job has one submission, and one tick that succeeded.
async fn assert_each_once(store: &Store, hours: i64) {
    let mut reading = store.read().await.expect("a transaction");
    let log = reading.read_log(Lane::Routine, 0, i64::MAX).await;
    let mut effects: BTreeMap<(NodeId, i64), usize> = BTreeMap::new();
    for entry in log.expect("a log") {
        *effects
            .entry((entry.key.node, entry.version.as_i64()))
            .or_default() += 1;
    }
    drop(reading);
    for job in Job::ALL {
        let rows = ticks(store, job).await;
        let succeeded = TickState::Ended(TickResult::Succeeded);
        assert!(rows.iter().all(|row| row.state == succeeded), "{rows:#?}");
        let dues: HashSet<TickKey> = rows.iter().map(|row| row.key).collect();
        assert_eq!(dues.len(), usize::try_from(hours).expect("small"));
        for hour in 1..=hours {
            let effect = effects.remove(&(NodeId::new(place(job)), hour));
            assert_eq!(effect, Some(1), "{job} in hour {hour}");
        }
    }
    assert!(effects.is_empty(), "{effects:?}");
}

async fn a_hub_that_was_down_runs_the_latest_tick_once(engine: Engine) {
    let database = Database::new(engine).await;
    let work = Box::new(Appending { faults: None });
    let (store, replica) = alone(&database, Job::Backup, work).await;
    assert!(
        !look_and_run(&replica, Job::Backup).await,
        "nothing was missed before the first start"
    );

    replica.clock.set(START.plus(HOUR * 30 + HOUR / 2));

    assert!(look_and_run(&replica, Job::Backup).await);
    assert!(!look_and_run(&replica, Job::Backup).await);
    let rows = ticks(&store, Job::Backup).await;
    let dues: Vec<Timestamp> = rows.iter().map(|row| row.key.due).collect();
    assert_eq!(dues, [START.plus(HOUR * 30)]);
    assert_eq!(rows[0].counts, Counts::of(&[("appended", 1)]));
    // A clock that was wrong does not keep the job from its next ticks.
    replica.clock.set(START.plus(HOUR * 1_000));
    assert!(look_and_run(&replica, Job::Backup).await);
    replica.clock.set(START.plus(HOUR * 31));
    assert!(look_and_run(&replica, Job::Backup).await);
}

async fn a_paused_job_begins_nothing_and_makes_up_for_nothing(engine: Engine) {
    let database = Database::new(engine).await;
    let work = Box::new(Appending { faults: None });
    let (store, replica) = alone(&database, Job::Purge, work).await;
    let mut transaction = store.write().await.expect("a transaction");
    let paused = transaction.pause_job(Job::Purge, "an", START).await;
    paused.expect("paused");
    transaction.commit().await.expect("committed");

    replica.clock.set(START.plus(HOUR * 3));
    assert!(!look_and_run(&replica, Job::Purge).await);

    let mut transaction = store.write().await.expect("a transaction");
    let resumed = transaction
        .resume_job(Job::Purge, replica.clock.now())
        .await;
    resumed.expect("resumed");
    transaction.commit().await.expect("committed");
    assert!(!look_and_run(&replica, Job::Purge).await);
    replica.clock.set(START.plus(HOUR * 4));
    assert!(look_and_run(&replica, Job::Purge).await);
}

async fn a_tick_that_no_runner_ends_is_given_up(engine: Engine) {
    const LOOKS_MAX: u32 = 100;
    let database = Database::new(engine).await;
    let work = Box::new(Appending { faults: None });
    let (store, replica) = alone(&database, Job::Purge, work).await;

    for look in 0..LOOKS_MAX {
        replica.clock.set(START.plus(HOUR + LEASE * look));
        // Won, and never run: as if each runner died of it.
        drop(replica.runner.look(Job::Purge).await.expect("a look"));
    }

    let rows = ticks(&store, Job::Purge).await;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].state, TickState::Ended(TickResult::Failed));
    assert!(rows[0].error.starts_with("GIVEN_UP"), "{}", rows[0].error);
}

/// Cannot be done.
struct Failing;

impl Work for Failing {
    fn run<'a>(&'a self, _tick: &'a HeldTick) -> BoxFuture<'a, Result<Finished, WorkError>> {
        Box::pin(async { Err(WorkError::Failed("DISK: no room".to_owned())) })
    }
}

async fn what_fails_is_told_and_tried_with_the_next_tick(engine: Engine) {
    let database = Database::new(engine).await;
    let (store, replica) = alone(&database, Job::Backup, Box::new(Failing)).await;

    replica.clock.set(START.plus(HOUR));
    assert!(look_and_run(&replica, Job::Backup).await);
    assert!(!look_and_run(&replica, Job::Backup).await);
    replica.clock.set(START.plus(HOUR * 2));
    assert!(look_and_run(&replica, Job::Backup).await);

    let rows = ticks(&store, Job::Backup).await;
    assert_eq!(rows.len(), 2);
    for row in rows {
        assert_eq!(row.state, TickState::Ended(TickResult::Failed));
        assert_eq!(row.error, "DISK: no room");
    }
}

async fn old_history_is_removed_but_not_the_newest_tick(engine: Engine) {
    let database = Database::new(engine).await;
    let work = Box::new(Appending { faults: None });
    let (store, replica) = alone(&database, Job::Backup, work).await;
    for hour in 1..=5 {
        replica.clock.set(START.plus(HOUR * hour));
        assert!(look_and_run(&replica, Job::Backup).await);
    }
    let purge = Box::new(Purge { history_days: 90 });
    let (_, purging) = alone(&database, Job::Purge, purge).await;

    purging.clock.set(START.plus(HOUR * 24 * 92));
    assert!(look_and_run(&purging, Job::Purge).await);

    let kept = ticks(&store, Job::Backup).await;
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].key.due, START.plus(HOUR * 5));
    let purged = ticks(&store, Job::Purge).await;
    assert_eq!(purged[0].counts.to_string(), "ticks=4");
}
