//! Jobs that a hub does by itself: who runs which tick, and that each is done once.
//!
//! A tick is a row (job, due time). Every replica looks at the same rows and at its own clock; whoever writes
//! the row first runs the tick, and extends its deadline while it works. When the deadline passes, another
//! replica takes the tick over under a higher token, and what the first one still writes is refused. What a job
//! does last and the end of its tick are one transaction, so that neither is ever without the other.

mod backup;
mod certificates;
mod comparison;
mod control;
mod forward;
mod held;
mod purge;
mod runner;

use futures_util::future::BoxFuture;

use crate::domain::job::{Counts, Job};
use crate::domain::schedule::Schedule;
use crate::store::{StoreError, Transaction};

pub use backup::Backup;
pub use certificates::CertificateCheck;
pub use comparison::CompareUpward;
pub use control::{JobControl, JobError, JobView, TICK_PAGE_ROWS, TICK_PAGE_ROWS_MAX};
pub use forward::OpenGate;
pub use held::HeldTick;
pub use purge::Purge;
pub use runner::{JobRunner, Look, RunnerOptions};

/// What a job does when a tick of it is due. It may be stopped between any two of its transactions and begun
/// again by another runner.
pub trait Work: Send + Sync {
    /// Does it. Each transaction that writes is begun by the tick, which checks that it still is ours.
    fn run<'a>(&'a self, tick: &'a HeldTick) -> BoxFuture<'a, Result<Finished, WorkError>>;
}

/// A job that is done but for the end of its tick.
#[derive(Debug)]
pub struct Finished {
    /// Its last transaction, not yet committed: the end of the tick goes into it.
    pub transaction: Transaction,
    /// What was done.
    pub counts: Counts,
}

/// Why a job was not done.
#[derive(Debug, thiserror::Error)]
pub enum WorkError {
    /// The database failed. If it may be better later, the tick is tried again.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It cannot be done. The text is kept with the tick: it names no person.
    #[error("{0}")]
    Failed(String),
}

/// A job of this hub.
pub struct ScheduledJob {
    /// Which.
    pub job: Job,
    /// When it is due.
    pub schedule: Schedule,
    /// What it does.
    pub work: Box<dyn Work>,
}
