//! How the agent is doing, for its page, its API and the terminal.

use std::sync::Arc;

use super::health::{Line, LineHealth};
use super::keeper::KeeperLimits;
use crate::domain::clock::{Clock, Timestamp};
use crate::domain::node::NodeName;
use crate::domain::record::Lane;
use crate::domain::standing::Standing;
use crate::domain::territory::Territory;
use crate::security::seal::SealKey;
use crate::store::{AgentStore, StoreError};

/// The lines to the hub.
#[derive(Clone, Default)]
pub struct Lines {
    /// Urgent records.
    pub urgent: Arc<Line>,
    /// Routine records.
    pub routine: Arc<Line>,
    /// The feed.
    pub feed: Arc<Line>,
}

/// What can be looked at.
#[derive(Clone)]
pub struct Overseen {
    /// Whose agent it is.
    pub name: NodeName,
    /// Address of the hub.
    pub hub: String,
    /// The database.
    pub store: AgentStore,
    /// Opens what is sealed in it.
    pub key: Arc<SealKey>,
    /// The units whose records it may send.
    pub territory: Arc<Territory>,
    /// What it may hold.
    pub limits: KeeperLimits,
    /// The lines to the hub.
    pub lines: Lines,
    /// Says what time it is on this machine, rightly or not.
    pub clock: Arc<dyn Clock>,
}

/// How the agent is doing.
#[derive(Clone, Debug)]
pub struct Overview {
    /// What this machine believes the time is.
    pub now: Timestamp,
    /// Records that wait, urgent ones.
    pub urgent_waiting: i64,
    /// Records that wait, routine ones.
    pub routine_waiting: i64,
    /// When the longest waiting record was kept, by this machine's clock.
    pub oldest_kept_at: Option<Timestamp>,
    /// Bytes of the database that hold something.
    pub used_bytes: u64,
    /// It takes nothing more in.
    pub is_full: bool,
    /// How many records there are of each standing.
    pub standings: Vec<(Standing, i64)>,
    /// How the lines are doing: urgent, routine, feed.
    pub lines: [(&'static str, LineHealth); 3],
}

impl Overseen {
    /// Looks at it, all of it as of one moment.
    pub async fn look(&self) -> Result<Overview, StoreError> {
        let mut reading = self.store.read().await?;
        let urgent_waiting = reading.count_queued(Lane::Urgent).await?;
        let routine_waiting = reading.count_queued(Lane::Routine).await?;
        let oldest = [
            reading.oldest_queued(Lane::Urgent).await?,
            reading.oldest_queued(Lane::Routine).await?,
        ];
        let used_bytes = reading.used_bytes().await?;
        let standings = reading.count_standings().await?;
        let waiting = (urgent_waiting + routine_waiting).unsigned_abs();
        Ok(Overview {
            now: self.clock.now(),
            urgent_waiting,
            routine_waiting,
            oldest_kept_at: oldest.into_iter().flatten().min(),
            used_bytes,
            is_full: waiting >= self.limits.records_max || used_bytes >= self.limits.bytes_max,
            standings,
            lines: [
                ("urgent", self.lines.urgent.health()),
                ("routine", self.lines.routine.health()),
                ("feed", self.lines.feed.health()),
            ],
        })
    }
}

impl Overview {
    /// Whether the hub answers: no line has failed since its last answer.
    pub fn has_line(&self) -> bool {
        let feed = self.lines.iter().find(|(name, _)| *name == "feed");
        feed.is_some_and(|(_, health)| {
            health.failed_attempts == 0 && health.last_answer_at.is_some()
        })
    }

    /// How many records are of a standing.
    pub fn count(&self, standing: Standing) -> i64 {
        let counted = self.standings.iter().find(|(known, _)| *known == standing);
        counted.map_or(0, |(_, count)| *count)
    }
}
