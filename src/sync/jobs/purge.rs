//! The purge job: removes what nobody asks for any more.

use futures_util::future::BoxFuture;

use super::{Finished, HeldTick, Work, WorkError};
use crate::domain::clock::Timestamp;
use crate::domain::job::{Counts, Job};

/// Ticks of one job that are removed in one transaction at most.
const REMOVED_ROWS: i64 = 2_000;
/// Microseconds of a day.
const DAY_MICROS: i64 = 86_400_000_000;

/// Removes the history of ticks that is older than some days. Records, their history, what stewards decided and
/// letters that are evidence are never touched; uploads expire by sweeps.
pub struct Purge {
    /// How long history is kept, in days.
    pub history_days: u32,
}

impl Work for Purge {
    fn run<'a>(&'a self, tick: &'a HeldTick) -> BoxFuture<'a, Result<Finished, WorkError>> {
        Box::pin(self.purge(tick))
    }
}

impl Purge {
    async fn purge(&self, tick: &HeldTick) -> Result<Finished, WorkError> {
        let kept = i64::from(self.history_days) * DAY_MICROS;
        let before = Timestamp::from_micros(tick.now().as_micros().saturating_sub(kept));
        let mut ticks = 0;
        loop {
            let mut transaction = tick.begin().await?;
            let mut removed = 0;
            for job in Job::ALL {
                removed += transaction.purge_ticks(job, before, REMOVED_ROWS).await?;
            }
            ticks += removed;
            if removed == 0 {
                let ticks = i64::try_from(ticks).unwrap_or(i64::MAX);
                return Ok(Finished {
                    transaction,
                    counts: Counts::of(&[("ticks", ticks)]),
                });
            }
            transaction.commit().await?;
        }
    }
}
