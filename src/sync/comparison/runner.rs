//! Makes the comparisons with the upstream that somebody asks for, one at a time.

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::ComparisonError;
use super::hub::HubEnd;
use super::lower::{UpperEnd, make_comparison};
use super::register::Comparisons;
use crate::domain::comparison::{ComparisonReport, Repair};
use crate::store::StoreError;
use crate::sync::backoff::backoff;
use crate::sync::forward::UpstreamError;
use crate::sync::leadership::Leadership;

/// Attempts at one comparison before it counts as failed.
const ATTEMPTS_MAX: u32 = 6;

/// Tells which comparisons the hub above asks for.
pub trait ComparisonRequests: Send {
    /// The next one, for as long as it takes to come.
    fn next(&mut self) -> impl Future<Output = Result<(Uuid, Repair), UpstreamError>> + Send;
}

/// Makes comparisons with the upstream, where this process forwards.
pub struct ComparisonRunner<U> {
    /// The comparisons of the hub.
    pub comparisons: Comparisons,
    /// What it holds.
    pub own: HubEnd,
    /// The claim to forward: whoever forwards compares.
    pub leadership: Leadership,
    /// The line upstream.
    pub upstream: U,
    /// Spreads waits, from 0 to 1.
    pub chance: fn() -> f64,
}

impl<U: UpperEnd> ComparisonRunner<U> {
    /// Makes what is asked for until it is told to stop.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut asked = self.comparisons.signals.comparisons.listen();
        while !stop.is_cancelled() {
            let Some(step) = stop.run_until_cancelled(self.step()).await else {
                break;
            };
            match step {
                Ok(true) => {}
                Ok(false) => {
                    stop.run_until_cancelled(asked.heard()).await;
                }
                Err(error) => {
                    tracing::warn!(error = %error, "Comparisons could not be looked up");
                    let wait = backoff(3, (self.chance)());
                    stop.run_until_cancelled(tokio::time::sleep(wait)).await;
                }
            }
        }
    }

    /// Makes one comparison, if one is asked for and this process forwards.
    async fn step(&mut self) -> Result<bool, StoreError> {
        let open = self.comparisons.open(None).await?;
        let Some((comparison, repair)) = open.first().copied() else {
            return Ok(false);
        };
        if self.leadership.hold().await?.is_none() {
            return Ok(false);
        }
        self.comparisons.begin(comparison).await?;
        match self.attempt(comparison, repair).await {
            Ok(report) => {
                let (alarms, counts) = (report.counts.alarms(), report.counts);
                tracing::info!(
                    comparison.id = %comparison,
                    comparison.matched = counts.matched,
                    comparison.alarms = alarms,
                    comparison.repaired = report.repaired,
                    "Compared with the upstream"
                );
                self.comparisons.end(comparison, Ok(&report)).await?;
            }
            Err(error) => {
                tracing::warn!(comparison.id = %comparison, error = %error, "A comparison failed");
                self.comparisons.end(comparison, Err(&error.word())).await?;
            }
        }
        Ok(true)
    }

    async fn attempt(
        &mut self,
        comparison: Uuid,
        repair: Repair,
    ) -> Result<ComparisonReport, ComparisonError> {
        let mut failures = 0;
        loop {
            let made = make_comparison(&self.own, &mut self.upstream, comparison, repair).await;
            match made {
                Err(error) if error.may_pass() && failures + 1 < ATTEMPTS_MAX => {
                    failures += 1;
                    tokio::time::sleep(backoff(failures, (self.chance)())).await;
                }
                ended => return ended,
            }
        }
    }
}

/// Notes the comparisons that the hub above asks for, until it is told to stop.
pub async fn follow_requests<R: ComparisonRequests>(
    mut requests: R,
    comparisons: Comparisons,
    chance: fn() -> f64,
    stop: CancellationToken,
) {
    let mut failures = 0;
    while !stop.is_cancelled() {
        let Some(next) = stop.run_until_cancelled(requests.next()).await else {
            break;
        };
        let noted = match next {
            Ok((comparison, repair)) => comparisons
                .ask_for_upstream(comparison, repair)
                .await
                .map_err(ComparisonError::from),
            Err(error) => Err(error.into()),
        };
        match noted {
            Ok(()) => failures = 0,
            Err(error) => {
                failures += 1;
                tracing::debug!(error = %error, "No line for comparisons that the upstream asks for");
                let wait = backoff(failures, chance());
                stop.run_until_cancelled(tokio::time::sleep(wait)).await;
            }
        }
    }
}
