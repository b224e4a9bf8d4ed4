//! Jobs, their ticks, and the gate of lanes that follow a schedule.
//!
//! A tick is a row (job, due time) that one runner wins. Its token rises with every runner: whoever was
//! taken over writes nothing any more, because each transaction of a runner checks the token and holds the row.

use sqlx::{query, query_as, query_scalar};

use super::{StoreError, Transaction, on_conn, sql};
use crate::domain::clock::Timestamp;
use crate::domain::job::{Counts, Job, TickKey, TickKind, TickResult};
use crate::domain::record::Lane;

/// A job as its table holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobRow {
    /// Due times after it count.
    pub armed_at: Timestamp,
    /// Since when it is paused and by which operator.
    pub paused: Option<(Timestamp, String)>,
}

/// How far a tick is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TickState {
    /// It was asked for and waits for a runner.
    Waiting,
    /// A runner has it.
    Running,
    /// It has ended.
    Ended(TickResult),
}

/// A tick as its table holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TickRow {
    /// Which tick.
    pub key: TickKey,
    /// Why there is one.
    pub kind: TickKind,
    /// How far it is.
    pub state: TickState,
    /// The operator who asked for it; empty for one of the schedule.
    pub asked_by: String,
    /// Who runs or ran it last; empty while nobody has.
    pub runner: String,
    /// How many runners have had it; what a runner writes counts under its own token only.
    pub token: i64,
    /// After this moment a running tick may be taken over.
    pub deadline: Timestamp,
    /// When its last runner began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// What was done.
    pub counts: Counts,
    /// Why it failed; empty otherwise.
    pub error: String,
}

/// How a tick ended.
#[derive(Clone, Debug)]
pub struct EndedTick {
    /// How.
    pub result: TickResult,
    /// What was done.
    pub counts: Counts,
    /// Why it failed; empty otherwise.
    pub error: String,
}

type TickColumns = (
    String,
    i64,
    i16,
    i16,
    String,
    String,
    i64,
    i64,
    i64,
    i64,
    String,
    String,
);

impl Transaction {
    /// Notes that a job is there. Its schedule counts from now on; of one that is noted already nothing changes.
    pub async fn arm_job(&mut self, job: Job, now: Timestamp) -> Result<(), StoreError> {
        on_conn!(self, |conn| {
            query(sql::jobs::ARM_JOB)
                .bind(job.as_str())
                .bind(now.as_micros())
                .execute(conn)
                .await?;
        });
        Ok(())
    }

    /// A job, or `None` if no hub on this database has ever had it in its configuration.
    pub async fn read_job(&mut self, job: Job) -> Result<Option<JobRow>, StoreError> {
        self.find_job(job, sql::jobs::READ_JOB).await
    }

    /// Like [`Transaction::read_job`], and nobody else wins a tick of the job until this transaction has ended.
    pub async fn lock_job(&mut self, job: Job) -> Result<Option<JobRow>, StoreError> {
        let text = self.text(sql::jobs::LOCK_JOB);
        self.find_job(job, text).await
    }

    async fn find_job(
        &mut self,
        job: Job,
        text: &'static str,
    ) -> Result<Option<JobRow>, StoreError> {
        let row: Option<(i64, i64, String)> = on_conn!(self, |conn| {
            query_as(text)
                .bind(job.as_str())
                .fetch_optional(conn)
                .await?
        });
        Ok(row.map(|(armed_at, paused_at, paused_by)| JobRow {
            armed_at: Timestamp::from_micros(armed_at),
            paused: moment(paused_at).map(|at| (at, paused_by)),
        }))
    }

    /// Pauses a job; one that is paused already stays as it is.
    pub async fn pause_job(
        &mut self,
        job: Job,
        operator: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        on_conn!(self, |conn| {
            query(sql::jobs::PAUSE_JOB)
                .bind(job.as_str())
                .bind(now.as_micros())
                .bind(operator.to_owned())
                .execute(conn)
                .await?;
        });
        Ok(())
    }

    /// Ends the pause of a job. What was due meanwhile is not made up for.
    pub async fn resume_job(&mut self, job: Job, now: Timestamp) -> Result<(), StoreError> {
        on_conn!(self, |conn| {
            query(sql::jobs::RESUME_JOB)
                .bind(job.as_str())
                .bind(now.as_micros())
                .execute(conn)
                .await?;
        });
        Ok(())
    }

    /// The newest due time of the job's schedule, up to a moment, that was begun or left out.
    pub async fn newest_due(
        &mut self,
        job: Job,
        until: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        let newest: Option<i64> = on_conn!(self, |conn| {
            query_scalar(sql::jobs::READ_NEWEST_DUE)
                .bind(job.as_str())
                .bind(until.as_micros())
                .fetch_one(conn)
                .await?
        });
        Ok(newest.map(Timestamp::from_micros))
    }

    /// The ticks of a job that wait or run, the one that is due first before the others.
    pub async fn open_ticks(&mut self, job: Job) -> Result<Vec<TickRow>, StoreError> {
        let rows: Vec<TickColumns> = on_conn!(self, |conn| {
            query_as(sql::jobs::READ_OPEN_TICKS)
                .bind(job.as_str())
                .fetch_all(conn)
                .await?
        });
        rows.into_iter().map(read_tick).collect()
    }

    /// Ticks of a job that are due before a moment, the newest first.
    pub async fn list_ticks(
        &mut self,
        job: Job,
        before: Timestamp,
        limit: i64,
    ) -> Result<Vec<TickRow>, StoreError> {
        let rows: Vec<TickColumns> = on_conn!(self, |conn| {
            query_as(sql::jobs::LIST_TICKS)
                .bind(job.as_str())
                .bind(before.as_micros())
                .bind(limit)
                .fetch_all(conn)
                .await?
        });
        rows.into_iter().map(read_tick).collect()
    }

    /// Writes a tick that nobody has written yet; `false` if there is one of that time.
    pub async fn insert_tick(&mut self, tick: &TickRow) -> Result<bool, StoreError> {
        let micros = |moment: Option<Timestamp>| moment.map_or(0, Timestamp::as_micros);
        let inserted = on_conn!(self, |conn| {
            query(sql::jobs::INSERT_TICK)
                .bind(tick.key.job.as_str())
                .bind(tick.key.due.as_micros())
                .bind(kind_code(tick.kind))
                .bind(state_code(tick.state))
                .bind(tick.asked_by.clone())
                .bind(tick.runner.clone())
                .bind(tick.token)
                .bind(tick.deadline.as_micros())
                .bind(micros(tick.started_at))
                .bind(micros(tick.ended_at))
                .execute(conn)
                .await?
                .rows_affected()
        });
        Ok(inserted == 1)
    }

    /// Takes a tick that waits or whose runner is late, and gives its token; `None` if it is neither.
    pub async fn take_tick(
        &mut self,
        key: TickKey,
        runner: &str,
        now: Timestamp,
        deadline: Timestamp,
    ) -> Result<Option<i64>, StoreError> {
        Ok(on_conn!(self, |conn| {
            query_scalar(sql::jobs::TAKE_TICK)
                .bind(key.job.as_str())
                .bind(key.due.as_micros())
                .bind(runner.to_owned())
                .bind(now.as_micros())
                .bind(deadline.as_micros())
                .fetch_optional(conn)
                .await?
        }))
    }

    /// Moves the deadline of a tick; `false` if it is not this runner's any more.
    pub async fn extend_tick(
        &mut self,
        key: TickKey,
        token: i64,
        deadline: Timestamp,
    ) -> Result<bool, StoreError> {
        let extended = on_conn!(self, |conn| {
            query(sql::jobs::EXTEND_TICK)
                .bind(key.job.as_str())
                .bind(key.due.as_micros())
                .bind(token)
                .bind(deadline.as_micros())
                .execute(conn)
                .await?
                .rows_affected()
        });
        Ok(extended == 1)
    }

    /// Fails with [`StoreError::Fenced`] unless the tick runs under this token; if it does, it stays so until
    /// this transaction has ended.
    pub async fn check_tick(&mut self, key: TickKey, token: i64) -> Result<(), StoreError> {
        let text = self.text(sql::jobs::CHECK_TICK);
        let held: Option<i64> = on_conn!(self, |conn| {
            query_scalar(text)
                .bind(key.job.as_str())
                .bind(key.due.as_micros())
                .fetch_optional(conn)
                .await?
        });
        if held == Some(token) {
            Ok(())
        } else {
            Err(StoreError::Fenced(key.job.as_str()))
        }
    }

    /// Ends a tick, once: fails with [`StoreError::Fenced`] unless it runs under this token.
    pub async fn end_tick(
        &mut self,
        key: TickKey,
        token: i64,
        ended: &EndedTick,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let changed = on_conn!(self, |conn| {
            query(sql::jobs::END_TICK)
                .bind(key.job.as_str())
                .bind(key.due.as_micros())
                .bind(token)
                .bind(state_code(TickState::Ended(ended.result)))
                .bind(now.as_micros())
                .bind(ended.counts.to_string())
                .bind(ended.error.clone())
                .execute(conn)
                .await?
                .rows_affected()
        });
        if changed == 1 {
            Ok(())
        } else {
            Err(StoreError::Fenced(key.job.as_str()))
        }
    }

    /// Removes ticks that have ended and were due before a moment, the newest of the schedule excepted: up to
    /// `limit`. Returns how many.
    pub async fn purge_ticks(
        &mut self,
        job: Job,
        before: Timestamp,
        limit: i64,
    ) -> Result<u64, StoreError> {
        Ok(on_conn!(self, |conn| {
            query(sql::jobs::PURGE_TICKS)
                .bind(job.as_str())
                .bind(before.as_micros())
                .bind(limit)
                .execute(conn)
                .await?
                .rows_affected()
        }))
    }

    /// Up to which change a lane that follows a schedule may be sent.
    pub async fn forward_gate(&mut self, lane: Lane) -> Result<i64, StoreError> {
        Ok(on_conn!(self, |conn| {
            query_scalar(sql::jobs::READ_FORWARD_GATE)
                .bind(lane.code())
                .fetch_one(conn)
                .await?
        }))
    }

    /// Lets a lane be sent up to a change; it is never closed again.
    pub async fn open_forward_gate(&mut self, lane: Lane, change: i64) -> Result<(), StoreError> {
        on_conn!(self, |conn| {
            query(sql::jobs::OPEN_FORWARD_GATE)
                .bind(lane.code())
                .bind(change)
                .execute(conn)
                .await?;
        });
        Ok(())
    }

    /// Golden records of a lane whose newest change is above one number and not above another.
    pub async fn count_changes_between(
        &mut self,
        lane: Lane,
        above: i64,
        up_to: i64,
    ) -> Result<i64, StoreError> {
        Ok(on_conn!(self, |conn| {
            query_scalar(sql::jobs::COUNT_CHANGES_BETWEEN)
                .bind(lane.code())
                .bind(above)
                .bind(up_to)
                .fetch_one(conn)
                .await?
        }))
    }
}

fn moment(micros: i64) -> Option<Timestamp> {
    (micros != 0).then(|| Timestamp::from_micros(micros))
}

fn kind_code(kind: TickKind) -> i16 {
    match kind {
        TickKind::Scheduled => 1,
        TickKind::Asked => 2,
    }
}

fn state_code(state: TickState) -> i16 {
    match state {
        TickState::Waiting => 1,
        TickState::Running => 2,
        TickState::Ended(TickResult::Succeeded) => 3,
        TickState::Ended(TickResult::Failed) => 4,
        TickState::Ended(TickResult::Skipped) => 5,
    }
}

fn read_tick(columns: TickColumns) -> Result<TickRow, StoreError> {
    let (
        job,
        due,
        kind,
        state,
        asked_by,
        runner,
        token,
        deadline,
        started_at,
        ended_at,
        counts,
        error,
    ) = columns;
    let corrupt = |column| StoreError::Corrupt {
        table: "tick",
        column,
    };
    Ok(TickRow {
        key: TickKey {
            job: job.parse().map_err(|_| corrupt("job"))?,
            due: Timestamp::from_micros(due),
        },
        kind: match kind {
            1 => TickKind::Scheduled,
            2 => TickKind::Asked,
            _ => return Err(corrupt("kind")),
        },
        state: match state {
            1 => TickState::Waiting,
            2 => TickState::Running,
            3 => TickState::Ended(TickResult::Succeeded),
            4 => TickState::Ended(TickResult::Failed),
            5 => TickState::Ended(TickResult::Skipped),
            _ => return Err(corrupt("state")),
        },
        asked_by,
        runner,
        token,
        deadline: Timestamp::from_micros(deadline),
        started_at: moment(started_at),
        ended_at: moment(ended_at),
        counts: counts.parse().map_err(|_| corrupt("counts"))?,
        error,
    })
}
