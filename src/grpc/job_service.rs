//! `JobService`: operators see, run, pause and resume what a hub does by itself.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::convert::write_instant;
use super::hub::Hub;
use super::proto::v1;
use super::proto::v1::job_service_server::JobService;
use super::status::field;
use crate::domain::clock::Timestamp;
use crate::domain::job::{Job, TickResult};
use crate::domain::schedule::MissedTicks;
use crate::store::{TickRow, TickState};
use crate::sync::jobs::{JobControl, JobView, TICK_PAGE_ROWS, TICK_PAGE_ROWS_MAX};

/// The service of one hub.
pub struct HubJobService {
    hub: Arc<Hub>,
    jobs: JobControl,
}

impl HubJobService {
    /// The service of a hub.
    pub fn new(hub: Arc<Hub>) -> Self {
        let jobs = JobControl {
            store: hub.store.clone(),
            clock: Arc::clone(&hub.clock),
            signals: Arc::clone(&hub.signals),
            schedules: hub.schedules.clone(),
        };
        Self { hub, jobs }
    }
}

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl JobService for HubJobService {
    async fn list_jobs(
        &self,
        request: Request<v1::ListJobsRequest>,
    ) -> Answer<v1::ListJobsResponse> {
        self.hub.operator(&request)?;
        let jobs = self.jobs.list().await?;
        Ok(Response::new(v1::ListJobsResponse {
            jobs: jobs.iter().map(write_job).collect(),
        }))
    }

    async fn list_ticks(
        &self,
        request: Request<v1::ListTicksRequest>,
    ) -> Answer<v1::ListTicksResponse> {
        self.hub.operator(&request)?;
        let request = request.into_inner();
        let job = read_job(&request.job)?;
        let rows = match request.page_size {
            0 => TICK_PAGE_ROWS,
            asked if asked > TICK_PAGE_ROWS_MAX => {
                let problem = format!("must be at most {TICK_PAGE_ROWS_MAX}");
                return Err(field("page_size", "PAGE_TOO_LARGE", &problem));
            }
            asked => asked,
        };
        let before = match request.page_token.as_str() {
            "" => i64::MAX,
            token => token.parse().map_err(|_| {
                let problem = "is not what the page before said";
                field("page_token", "PAGE_TOKEN_INVALID", &problem)
            })?,
        };
        let before = Timestamp::from_micros(before);
        let ticks = self.jobs.ticks(job, before, rows).await?;
        let is_full = u32::try_from(ticks.len()) == Ok(rows);
        let last = ticks.last().filter(|_| is_full);
        Ok(Response::new(v1::ListTicksResponse {
            next_page_token: last
                .map(|tick| tick.key.due.as_micros().to_string())
                .unwrap_or_default(),
            ticks: ticks.iter().map(write_tick).collect(),
        }))
    }

    async fn run_job(&self, request: Request<v1::RunJobRequest>) -> Answer<v1::RunJobResponse> {
        let operator = self.hub.steward(&request)?;
        let job = read_job(&request.into_inner().job)?;
        let tick = self.jobs.run(job, &operator).await?;
        tracing::info!(job.name = %job, operator.name = %operator, "A job was asked for");
        Ok(Response::new(v1::RunJobResponse {
            tick: Some(write_tick(&tick)),
        }))
    }

    async fn pause_job(
        &self,
        request: Request<v1::PauseJobRequest>,
    ) -> Answer<v1::PauseJobResponse> {
        let operator = self.hub.steward(&request)?;
        let job = read_job(&request.into_inner().job)?;
        self.jobs.pause(job, &operator).await?;
        tracing::info!(job.name = %job, operator.name = %operator, "A job was paused");
        Ok(Response::new(v1::PauseJobResponse {}))
    }

    async fn resume_job(
        &self,
        request: Request<v1::ResumeJobRequest>,
    ) -> Answer<v1::ResumeJobResponse> {
        let operator = self.hub.steward(&request)?;
        let job = read_job(&request.into_inner().job)?;
        self.jobs.resume(job).await?;
        tracing::info!(job.name = %job, operator.name = %operator, "A job was resumed");
        Ok(Response::new(v1::ResumeJobResponse {}))
    }
}

fn read_job(name: &str) -> Result<Job, Status> {
    name.parse()
        .map_err(|error| field("job", "JOB_UNKNOWN", &error))
}

fn write_job(view: &JobView) -> v1::ScheduledJob {
    let schedule = &view.schedule;
    let paused = view.paused.as_ref();
    v1::ScheduledJob {
        name: view.job.to_string(),
        cron: schedule.cron.to_string(),
        time_zone: schedule.time_zone.to_string(),
        jitter_seconds: u32::try_from(schedule.jitter.as_secs()).unwrap_or(u32::MAX),
        allowed_hours: schedule.allowed_hours.to_string(),
        skips_missed: match schedule.missed {
            MissedTicks::Skip => true,
            MissedTicks::RunOnce => false,
        },
        next_due_at: view.next_due.map(write_instant),
        paused_at: paused.map(|(at, _)| write_instant(*at)),
        paused_by: paused.map(|(_, by)| by.clone()).unwrap_or_default(),
        newest_tick: view.newest.as_ref().map(write_tick),
    }
}

fn write_tick(tick: &TickRow) -> v1::JobTick {
    let state = match tick.state {
        TickState::Waiting => v1::TickState::Waiting,
        TickState::Running => v1::TickState::Running,
        TickState::Ended(TickResult::Succeeded) => v1::TickState::Succeeded,
        TickState::Ended(TickResult::Failed) => v1::TickState::Failed,
        TickState::Ended(TickResult::Skipped) => v1::TickState::Skipped,
    };
    let counts = tick.counts.iter().map(|(name, figure)| v1::JobCount {
        name: name.to_owned(),
        figure,
    });
    v1::JobTick {
        job: tick.key.job.to_string(),
        due_at: Some(write_instant(tick.key.due)),
        state: state.into(),
        asked_by: tick.asked_by.clone(),
        runner: tick.runner.clone(),
        runners: u32::try_from(tick.token).unwrap_or(u32::MAX),
        started_at: tick.started_at.map(write_instant),
        ended_at: tick.ended_at.map(write_instant),
        counts: counts.collect(),
        error: tick.error.clone(),
    }
}
