//! The keeper: the one writer of what comes in. It answers only after commit.
//!
//! Changes that wait while one group is being committed make the next group, so that a busy client does
//! not pay one disk write for each record.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::label::put_labels;
use super::settle::{Holdings, Incoming, Kept, Numbering};
use crate::domain::clock::Clock;
use crate::domain::node::NodeId;
use crate::security::seal::{SealError, SealKey};
use crate::store::{AgentStore, OwnKey, StoreError};
use crate::sync::ingest::{Examined, IngestError, Settled, SubmissionLog};
use crate::sync::signals::Signal;

/// Requests that may wait for the keeper. A request holds at most 500 records.
pub const REQUESTS_WAITING_MAX: usize = 8;
/// How long a request waits for a place before it is told to come back.
pub const QUEUE_WAIT_MILLISECONDS_MAX: u64 = 5_000;
/// Records of one group at most; the request that reaches the number is still taken whole.
const GROUP_RECORDS_MAX: usize = 500;

/// What an agent may hold.
#[derive(Clone, Copy, Debug)]
pub struct KeeperLimits {
    /// Records that may wait.
    pub records_max: u64,
    /// Bytes that the database may use while it takes in.
    pub bytes_max: u64,
}

/// The way to the keeper. Clones lead to the same one.
#[derive(Clone)]
pub struct Keeper {
    requests: mpsc::Sender<Keep>,
}

struct Keep {
    changes: Vec<Incoming>,
    reply: oneshot::Sender<Result<Vec<Kept>, IngestError>>,
}

/// The other end: keeps until every [`Keeper`] is gone.
pub struct Keeping {
    requests: mpsc::Receiver<Keep>,
    store: AgentStore,
    clock: Arc<dyn Clock>,
    kept: Arc<Signal>,
    key: Arc<SealKey>,
    limits: KeeperLimits,
}

impl Keeper {
    /// A way to the keeper, and the keeper that must be run for it. `kept` is called when it has kept
    /// something; `key` seals what tells an official which child a record is about.
    pub fn new(
        store: AgentStore,
        clock: Arc<dyn Clock>,
        kept: Arc<Signal>,
        key: Arc<SealKey>,
        limits: KeeperLimits,
    ) -> (Self, Keeping) {
        let (sender, requests) = mpsc::channel(REQUESTS_WAITING_MAX);
        let keeping = Keeping {
            requests,
            store,
            clock,
            kept,
            key,
            limits,
        };
        (Self { requests: sender }, keeping)
    }

    /// Keeps changes; returns after they are durable.
    pub async fn keep(&self, changes: Vec<Incoming>) -> Result<Vec<Kept>, IngestError> {
        let (reply, answer) = oneshot::channel();
        let wait = Duration::from_millis(QUEUE_WAIT_MILLISECONDS_MAX);
        let keep = Keep { changes, reply };
        match tokio::time::timeout(wait, self.requests.send(keep)).await {
            Ok(Ok(())) => answer.await.unwrap_or(Err(IngestError::Draining)),
            Ok(Err(_)) => Err(IngestError::Draining),
            Err(_) => Err(IngestError::QueueFull),
        }
    }
}

impl SubmissionLog for Keeper {
    /// A client of the contract gives versions itself.
    async fn append(
        &self,
        _node: NodeId,
        examined: Vec<Examined>,
    ) -> Result<Vec<Settled>, IngestError> {
        let numbering = Numbering::Client;
        let changes = examined.into_iter().map(|examined| Incoming {
            examined,
            numbering,
        });
        let kept = self.keep(changes.collect()).await?;
        Ok(kept.into_iter().map(|kept| kept.settled).collect())
    }
}

impl Keeping {
    /// Keeps groups until nobody can ask any more; what was asked for by then is kept too.
    pub async fn run(mut self) {
        while let Some(first) = self.requests.recv().await {
            let mut records = first.changes.len();
            let mut group = vec![first];
            while records < GROUP_RECORDS_MAX {
                let Ok(next) = self.requests.try_recv() else {
                    break;
                };
                records += next.changes.len();
                group.push(next);
            }
            self.keep_group(group).await;
        }
    }

    async fn keep_group(&self, group: Vec<Keep>) {
        let (requests, replies): (Vec<_>, Vec<_>) = group
            .into_iter()
            .map(|keep| (keep.changes, keep.reply))
            .unzip();
        let alone = requests.len() == 1;
        match self.write(&requests).await {
            Ok(answers) => {
                self.kept.call();
                for (reply, kept) in replies.into_iter().zip(answers) {
                    // The client may be gone: it will ask again and be told UNCHANGED.
                    drop(reply.send(Ok(kept)));
                }
            }
            Err(error) if alone => {
                for reply in replies {
                    drop(reply.send(Err(error.clone())));
                }
            }
            Err(_) => {
                // Something in this group cannot be kept, or not all of it. Alone, each request fails only
                // itself, and a small one may still find room.
                for (request, reply) in requests.into_iter().zip(replies) {
                    let answer = self.write(&[request]).await;
                    self.kept.call();
                    drop(reply.send(answer.map(|mut answers| answers.pop().unwrap_or_default())));
                }
            }
        }
    }

    async fn write(&self, requests: &[Vec<Incoming>]) -> Result<Vec<Vec<Kept>>, IngestError> {
        self.try_write(requests).await.map_err(|error| match error {
            WriteError::Full => IngestError::Full,
            WriteError::Sealing => IngestError::Sealing,
            WriteError::Store(error) if error.is_disk_full() => {
                tracing::error!("The disk is full: nothing more is taken in until there is room");
                IngestError::Full
            }
            WriteError::Store(error) => error.into(),
        })
    }

    async fn try_write(&self, requests: &[Vec<Incoming>]) -> Result<Vec<Vec<Kept>>, WriteError> {
        let mut transaction = self.store.write().await?;
        let position = transaction.position().await?;
        let is_full = position.queued.unsigned_abs() >= self.limits.records_max
            || transaction.used_bytes().await? >= self.limits.bytes_max;
        if is_full {
            return Err(WriteError::Full);
        }
        let mut keys: Vec<OwnKey> = requests.iter().flatten().filter_map(key).collect();
        keys.sort_unstable();
        keys.dedup();
        let records = transaction.find_records(&keys).await?;
        let queued = transaction.find_queued(&keys).await?;
        let queued = queued.into_iter().map(|(key, ..)| key);
        let mut holdings = Holdings::new(records, queued, position.last_state, self.clock.now());
        let answers = requests
            .iter()
            .map(|changes| {
                let kept = changes.iter().cloned();
                kept.map(|change| holdings.settle(change)).collect()
            })
            .collect();
        let mut effect = holdings.effect();
        put_labels(&self.key, &mut effect.records, &effect.states)?;
        transaction.put_records(&effect.records).await?;
        transaction.put_queued(effect.states).await?;
        let queued = position.queued + effect.more_queued;
        transaction
            .set_last_state(effect.last_state, queued)
            .await?;
        transaction.commit().await?;
        Ok(answers)
    }
}

/// Why nothing was kept.
enum WriteError {
    Full,
    Sealing,
    Store(StoreError),
}

impl From<SealError> for WriteError {
    fn from(_: SealError) -> Self {
        Self::Sealing
    }
}

impl From<StoreError> for WriteError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

fn key(incoming: &Incoming) -> Option<OwnKey> {
    match &incoming.examined {
        Examined::Take(candidate) | Examined::Quarantine(candidate) => {
            let record = candidate.submission.record;
            Some((record.kind, record.record_id))
        }
        Examined::Refuse(_) => None,
    }
}
