//! Group commit: appends from many streams share one transaction.
//!
//! While one group is being committed the next one gathers, so a group is as large as the load asks
//! for: one record on a quiet line, thousands under pressure. One commit per record is the classic
//! way to be slow.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::examine::{Candidate, Examined, rule_lines};
use super::settle::{Group, Held};
use super::{IngestError, Outcome, Settled, SubmissionLog};
use crate::domain::clock::Clock;
use crate::domain::node::NodeId;
use crate::observability::metrics::Metrics;
use crate::store::{NewSubmission, Quarantined, Store, StoreError, Tally};
use crate::sync::signals::Signals;

/// Requests that may wait before the log. A request holds at most 500 records.
pub const APPENDS_QUEUED_MAX: usize = 128;
/// How long a request waits for a place in the queue before it is told to come back.
pub const QUEUE_WAIT_MILLISECONDS_MAX: u64 = 5_000;

/// How groups are made.
#[derive(Clone, Copy, Debug)]
pub struct GroupCommitOptions {
    /// Records of a group at most; one request more may be added to reach it.
    pub records_max: usize,
}

/// The way to the log. Clones lead to the same log.
#[derive(Clone, Debug)]
pub struct GroupCommit {
    queue: mpsc::Sender<Append>,
}

#[derive(Debug)]
struct Append {
    node: NodeId,
    examined: Vec<Examined>,
    reply: oneshot::Sender<Result<Vec<Settled>, IngestError>>,
}

/// The other end of the queue: commits until every [`GroupCommit`] is gone.
pub struct Committer {
    queue: mpsc::Receiver<Append>,
    store: Store,
    clock: Arc<dyn Clock>,
    signals: Arc<Signals>,
    metrics: Arc<Metrics>,
    options: GroupCommitOptions,
}

impl GroupCommit {
    /// A queue and the committer that must be run for it.
    pub fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        signals: Arc<Signals>,
        metrics: Arc<Metrics>,
        options: GroupCommitOptions,
    ) -> (Self, Committer) {
        let (sender, queue) = mpsc::channel(APPENDS_QUEUED_MAX);
        (
            Self { queue: sender },
            Committer {
                queue,
                store,
                clock,
                signals,
                metrics,
                options,
            },
        )
    }

    /// Appends the changes of one request; returns after they are durable.
    pub async fn append(
        &self,
        node: NodeId,
        examined: Vec<Examined>,
    ) -> Result<Vec<Settled>, IngestError> {
        let (reply, answer) = oneshot::channel();
        let wait = Duration::from_millis(QUEUE_WAIT_MILLISECONDS_MAX);
        let append = Append {
            node,
            examined,
            reply,
        };
        match tokio::time::timeout(wait, self.queue.send(append)).await {
            Ok(Ok(())) => answer.await.unwrap_or(Err(IngestError::Draining)),
            Ok(Err(_)) => Err(IngestError::Draining),
            Err(_) => Err(IngestError::QueueFull),
        }
    }
}

impl SubmissionLog for GroupCommit {
    async fn append(
        &self,
        node: NodeId,
        examined: Vec<Examined>,
    ) -> Result<Vec<Settled>, IngestError> {
        GroupCommit::append(self, node, examined).await
    }
}

impl Committer {
    /// Commits groups until nobody can append any more; what was queued by then is committed too.
    pub async fn run(mut self) {
        while let Some(first) = self.queue.recv().await {
            let mut records = first.examined.len();
            let mut appends = vec![first];
            while records < self.options.records_max {
                let Ok(next) = self.queue.try_recv() else {
                    break;
                };
                records += next.examined.len();
                appends.push(next);
            }
            self.commit(appends).await;
        }
    }

    async fn commit(&self, appends: Vec<Append>) {
        let (requests, replies): (Vec<_>, Vec<_>) = appends
            .into_iter()
            .map(|append| ((append.node, append.examined), append.reply))
            .unzip();
        let started = Instant::now();
        match self.write(&requests).await {
            Ok(answers) => {
                self.note(&answers, started);
                for (reply, settled) in replies.into_iter().zip(answers) {
                    // The stream may be gone: its node will ask again and be told UNCHANGED.
                    drop(reply.send(Ok(settled)));
                }
            }
            Err(error) if error.is_retryable() || requests.len() == 1 => {
                let error = IngestError::from(error);
                for reply in replies {
                    drop(reply.send(Err(error.clone())));
                }
            }
            Err(_) => {
                // Something in this group cannot be stored. Alone, each request fails only itself.
                for (request, reply) in requests.into_iter().zip(replies) {
                    let answer = self.write(&[request]).await.map_err(IngestError::from);
                    drop(reply.send(answer.map(|mut answers| answers.pop().unwrap_or_default())));
                }
            }
        }
    }

    async fn write(
        &self,
        requests: &[(NodeId, Vec<Examined>)],
    ) -> Result<Vec<Vec<Settled>>, StoreError> {
        let now = self.clock.now();
        let mut transaction = self.store.write().await?;
        let head = transaction.lock_counter("log").await?;
        let wanted: Vec<_> = requests
            .iter()
            .flat_map(|(_, examined)| examined)
            .filter_map(|change| match change {
                Examined::Take(candidate) => {
                    Some((candidate.submission.record, candidate.submission.version))
                }
                Examined::Quarantine(_) | Examined::Refuse(_) => None,
            })
            .collect();
        let mut held = Held::new(transaction.find_held_versions(&wanted).await?);
        let mut group = Group::default();
        let mut tallies: HashMap<NodeId, Tally> = HashMap::new();
        let mut answers = Vec::with_capacity(requests.len());
        for (node, examined) in requests {
            let settled = group.add(&mut held, examined.clone());
            add_tally(tallies.entry(*node).or_default(), &settled);
            answers.push(settled);
        }
        let submissions = number(group.appended, head);
        let new_head = submissions.last().map_or(head, |last| last.sequence);
        transaction.append_submissions(submissions, now).await?;
        let quarantined = newest_of_each(group.quarantined);
        transaction.put_quarantined(quarantined, now).await?;
        transaction.set_counter("log", new_head).await?;
        let tallies: Vec<_> = tallies.into_iter().collect();
        transaction.add_tallies(&tallies, now).await?;
        transaction.commit().await?;
        Ok(answers)
    }

    fn note(&self, answers: &[Vec<Settled>], started: Instant) {
        self.signals.log.call();
        let outcomes = answers
            .iter()
            .flatten()
            .map(|settled| settled.outcome.word());
        self.metrics
            .group_committed(answers.len(), outcomes, started.elapsed());
    }
}

/// Gives each candidate the next number of the log, whose counter the caller has locked.
pub(in crate::sync) fn number(candidates: Vec<Candidate>, head: i64) -> Vec<NewSubmission> {
    candidates
        .into_iter()
        .zip(head + 1..)
        .map(|(candidate, sequence)| NewSubmission {
            key: candidate.submission.record,
            version: candidate.submission.version,
            sequence,
            tombstone: candidate.tombstone,
            hash: candidate.hash,
            content: candidate.content,
            sent: candidate.sent,
            relations: candidate.relations,
        })
        .collect()
}

/// One statement cannot write the same row twice: of one record only the newest version is kept, and
/// of one version the last that came.
pub(in crate::sync) fn newest_of_each(candidates: Vec<Candidate>) -> Vec<Quarantined> {
    let mut newest: HashMap<_, Candidate> = HashMap::new();
    for candidate in candidates {
        let place = newest.entry(candidate.submission.record);
        place
            .and_modify(|held| {
                if held.submission.version <= candidate.submission.version {
                    *held = candidate.clone();
                }
            })
            .or_insert(candidate);
    }
    newest
        .into_values()
        .map(|candidate| Quarantined {
            key: candidate.submission.record,
            version: candidate.submission.version,
            reason: "RULE_BROKEN".to_owned(),
            rules: rule_lines(&candidate.violations),
            content: candidate.content,
        })
        .collect()
}

/// Counts what became of changes for their node.
pub(in crate::sync) fn add_tally(tally: &mut Tally, settled: &[Settled]) {
    for one in settled {
        tally.received += 1;
        match one.outcome {
            Outcome::Accepted | Outcome::Superseded => tally.accepted += 1,
            Outcome::Unchanged => tally.unchanged += 1,
            Outcome::Rejected(_) => tally.rejected += 1,
            // Not counted apart: quarantine itself is counted when status is asked for.
            Outcome::Quarantined => {}
        }
    }
}
