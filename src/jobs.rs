//! The clock of the jobs: a scheduler that calls the runner when a tick is due.
//!
//! The scheduler elects nobody and remembers nothing. It wakes the runner of this process on time; which
//! replica runs a tick, and that it is run once, is decided in the database (`sync/jobs`), where ticks are found
//! by the same schedules. A call that comes late or twice changes nothing.

use std::sync::Arc;

use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};
use tokio_util::sync::CancellationToken;

use crate::domain::schedule::Schedule;
use crate::sync::signals::Signals;

/// Calls the runner of this process at every due time of some schedules, until it is told to stop. Without a
/// scheduler the runner finds due ticks by itself, a little later.
pub async fn call_when_due(
    schedules: Vec<Schedule>,
    signals: Arc<Signals>,
    stop: CancellationToken,
) {
    match start(schedules, &signals).await {
        Ok(mut scheduler) => {
            stop.cancelled().await;
            if let Err(error) = scheduler.shutdown().await {
                tracing::warn!(error = %error, "The scheduler did not stop");
            }
        }
        Err(error) => {
            tracing::error!(error = %error, "There is no scheduler: jobs begin some seconds late");
            stop.cancelled().await;
        }
    }
}

async fn start(
    schedules: Vec<Schedule>,
    signals: &Arc<Signals>,
) -> Result<JobScheduler, JobSchedulerError> {
    let scheduler = JobScheduler::new().await?;
    for schedule in schedules {
        let signals = Arc::clone(signals);
        let (cron, zone) = (schedule.cron.with_seconds(), schedule.time_zone.zone());
        let call = Job::new_async_tz(cron, zone, move |_, _| {
            let signals = Arc::clone(&signals);
            Box::pin(async move { signals.jobs.call() })
        })?;
        scheduler.add(call).await?;
    }
    scheduler.start().await?;
    Ok(scheduler)
}
