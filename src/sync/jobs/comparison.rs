//! The comparison job: has this hub compared with its upstream.

use futures_util::future::BoxFuture;

use super::{Finished, HeldTick, Work, WorkError};
use crate::domain::comparison::{ComparisonState, Repair};
use crate::domain::job::{Counts, Job};
use crate::store::ComparisonRow;
use crate::sync::comparison::ComparisonError;
use crate::sync::comparison::register::{Comparisons, OtherEnd};

/// Asks for a comparison with the upstream and waits for its end. A runner that takes the tick over waits for
/// the comparison that is under way.
pub struct CompareUpward {
    /// The comparisons of the hub.
    pub comparisons: Comparisons,
    /// What to do about differences.
    pub repair: Repair,
}

impl Work for CompareUpward {
    fn run<'a>(&'a self, tick: &'a HeldTick) -> BoxFuture<'a, Result<Finished, WorkError>> {
        Box::pin(self.compare(tick))
    }
}

impl CompareUpward {
    async fn compare(&self, tick: &HeldTick) -> Result<Finished, WorkError> {
        let asked_by = Job::Comparison.as_str();
        let asked = self
            .comparisons
            .ask(&OtherEnd::Upstream, self.repair, asked_by)
            .await;
        let comparison = asked.map_err(failed)?;
        let mut changes = self.comparisons.signals.comparisons.listen();
        loop {
            let row = self.comparisons.find(comparison).await.map_err(failed)?;
            match row.state {
                ComparisonState::Asked | ComparisonState::Running => changes.heard().await,
                ComparisonState::Failed => return Err(WorkError::Failed(row.failure)),
                ComparisonState::Ended => {
                    return Ok(Finished {
                        transaction: tick.begin().await?,
                        counts: counts(&row),
                    });
                }
            }
        }
    }
}

fn counts(row: &ComparisonRow) -> Counts {
    let (found, report) = (row.report.counts, &row.report);
    Counts::of(&[
        ("matched", found.matched),
        ("different", found.different),
        ("missing", found.missing),
        ("extra", found.extra),
        ("refused", found.refused),
        ("repaired", report.repaired),
        ("remaining", report.remaining.unwrap_or(found.alarms())),
    ])
}

fn failed(error: ComparisonError) -> WorkError {
    match error {
        ComparisonError::Store(error) => WorkError::Store(error),
        ComparisonError::Upstream(_)
        | ComparisonError::Nonsense(_)
        | ComparisonError::TooManyRecords
        | ComparisonError::TooManyDifferences
        | ComparisonError::TooManyRounds
        | ComparisonError::OutOfTurn
        | ComparisonError::Interrupted
        | ComparisonError::Unknown
        | ComparisonError::NodeUnknown
        | ComparisonError::NoUpstream => WorkError::Failed(error.word()),
    }
}
