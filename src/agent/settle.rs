//! Settling examined changes against what the agent holds: a pure decision.
//!
//! Only the newest state of a record waits. It takes the place of an older one that is not sent yet, so
//! that twenty edits of one child need the room of one.

use std::collections::{BTreeMap, HashMap};

use crate::domain::clock::Timestamp;
use crate::domain::record::Version;
use crate::domain::standing::{HubAnswer, HubState, Known, Standing};
use crate::domain::validation::Violation;
use crate::store::{AgentRecord, OwnKey, QueuedState};
use crate::sync::ingest::examine::{Candidate, rule_lines, warning_lines};
use crate::sync::ingest::{Examined, Outcome, Reason, Settled};

/// Who gives a record its versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbering {
    /// The client, as the contract asks for.
    Client,
    /// The agent: a client that knows of no versions gets the next one whenever its record has changed.
    Agent,
}

/// A change that came in.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// What looking at it alone came to.
    pub examined: Examined,
    /// Who gives the version.
    pub numbering: Numbering,
}

/// What became of a change, and the version that it has now.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The outcome, as a hub would put it.
    pub settled: Settled,
    /// The version, unless the change was refused.
    pub version: Option<Version>,
}

/// What the agent holds of the records in question, and what these changes add.
pub struct Holdings {
    records: HashMap<OwnKey, AgentRecord>,
    /// Records that wait already, and those that these changes let wait.
    waiting: HashMap<OwnKey, bool>,
    changed: BTreeMap<OwnKey, QueuedState>,
    last_state: i64,
    now: Timestamp,
}

/// Everything that settling some changes has to write.
pub struct Effect {
    /// The records that have changed.
    pub records: Vec<AgentRecord>,
    /// Their states for the queue.
    pub states: Vec<QueuedState>,
    /// Number of the newest state.
    pub last_state: i64,
    /// How many records wait that did not wait before.
    pub more_queued: i64,
}

impl Holdings {
    /// What is held before these changes. `queued` are the records that wait.
    pub fn new(
        records: Vec<AgentRecord>,
        queued: impl IntoIterator<Item = OwnKey>,
        last_state: i64,
        now: Timestamp,
    ) -> Self {
        Self {
            records: records.into_iter().map(|row| (row.key, row)).collect(),
            waiting: queued.into_iter().map(|key| (key, true)).collect(),
            changed: BTreeMap::new(),
            last_state,
            now,
        }
    }

    /// Decides on one change and remembers it for those after it.
    pub fn settle(&mut self, incoming: Incoming) -> Kept {
        match incoming.examined {
            Examined::Refuse(reason) => refused(reason),
            Examined::Take(candidate) => {
                self.settle_candidate(candidate, incoming.numbering, Outcome::Accepted)
            }
            Examined::Quarantine(candidate) => {
                self.settle_candidate(candidate, incoming.numbering, Outcome::Quarantined)
            }
        }
    }

    fn settle_candidate(
        &mut self,
        mut candidate: Candidate,
        numbering: Numbering,
        outcome: Outcome,
    ) -> Kept {
        let record = candidate.submission.record;
        let key = (record.kind, record.record_id);
        let given = candidate.submission.version;
        let violations = std::mem::take(&mut candidate.violations);
        let verdict = self.records.get(&key).map_or(Verdict::Keep(given), |held| {
            judge(held, &candidate, numbering)
        });
        let (outcome, version) = match verdict {
            Verdict::Keep(version) => {
                self.keep(key, candidate, version, numbering, &violations);
                (outcome, version)
            }
            // The same again: whether it breaks a rule has not changed either.
            Verdict::Same(version) if outcome == Outcome::Accepted => (Outcome::Unchanged, version),
            Verdict::Same(version) => (outcome, version),
            Verdict::Older(version) => (Outcome::Superseded, version),
            Verdict::Reused => return refused(Reason::VersionReused),
        };
        Kept {
            settled: Settled {
                outcome,
                violations,
            },
            version: Some(version),
        }
    }

    fn keep(
        &mut self,
        key: OwnKey,
        candidate: Candidate,
        version: Version,
        numbering: Numbering,
        violations: &[Violation],
    ) {
        self.last_state += 1;
        let rules = rule_lines(violations);
        let held = self.records.get(&key);
        let (answered, hub) = held.map_or((None, None), |held| {
            (held.answered.clone(), held.hub.clone())
        });
        let record = AgentRecord {
            key,
            version,
            hash: Some(candidate.hash),
            relations: candidate.relations.clone(),
            // Read from the content by whoever can open it.
            unit: None,
            label: Vec::new(),
            kept_at: self.now,
            standing: if rules.is_empty() {
                Standing::Kept
            } else {
                Standing::KeptToCorrect
            },
            rules,
            warnings: warning_lines(violations),
            answered,
            hub,
        };
        self.records.insert(key, record);
        self.waiting.entry(key).or_insert(false);
        let state = QueuedState {
            key,
            state: self.last_state,
            version,
            sealed_version: candidate.submission.version,
            numbered_here: numbering == Numbering::Agent,
            tombstone: candidate.tombstone,
            relations: candidate.relations,
            // The hub keeps what the source sent, so it is sent that.
            content: candidate.sent.unwrap_or(candidate.content),
        };
        self.changed.insert(key, state);
    }

    /// What is to be written.
    pub fn effect(mut self) -> Effect {
        let more = self.waiting.values().filter(|waited| !**waited).count();
        let changed = self.changed.keys();
        Effect {
            records: changed.filter_map(|key| self.records.remove(key)).collect(),
            states: self.changed.into_values().collect(),
            last_state: self.last_state,
            more_queued: i64::try_from(more).unwrap_or(i64::MAX),
        }
    }
}

fn refused(reason: Reason) -> Kept {
    Kept {
        settled: Settled {
            outcome: Outcome::Rejected(reason),
            violations: Vec::new(),
        },
        version: None,
    }
}

/// What a change is beside what is held of its record.
enum Verdict {
    Keep(Version),
    Same(Version),
    Older(Version),
    Reused,
}

fn judge(held: &AgentRecord, candidate: &Candidate, numbering: Numbering) -> Verdict {
    let given = candidate.submission.version;
    let says_the_same = held.hash == Some(candidate.hash) && held.relations == candidate.relations;
    match numbering {
        Numbering::Agent if says_the_same => Verdict::Same(held.version),
        Numbering::Agent => {
            let told = held.hub.as_ref().map_or(held.version, |hub| hub.version);
            Verdict::Keep(held.version.max(told).next())
        }
        Numbering::Client if given > held.version => Verdict::Keep(given),
        Numbering::Client if given < held.version => Verdict::Older(given),
        Numbering::Client if says_the_same => Verdict::Same(given),
        // What was never used may be corrected under its own version, as at a hub. Of a record that only
        // the hub has told of, nothing is known to compare with: the hub decides.
        Numbering::Client if held.hash.is_none() || awaits_correction(held) => Verdict::Keep(given),
        Numbering::Client => Verdict::Reused,
    }
}

/// Whether the newest version was found to break a rule, here or at the hub.
fn awaits_correction(held: &AgentRecord) -> bool {
    let answered = held.answered.as_ref().is_some_and(|answered| {
        answered.version == held.version && answered.answer != HubAnswer::Taken
    });
    let told = held
        .hub
        .as_ref()
        .is_some_and(|hub| hub.version == held.version && hub.state == HubState::Quarantined);
    !held.rules.is_empty() || answered || told
}

/// Where a record is, given whether it waits.
pub fn standing_of(record: &AgentRecord, is_waiting: bool) -> Standing {
    let answered = record.answered.as_ref();
    Known {
        version: record.version,
        is_waiting,
        breaks_rules: !record.rules.is_empty(),
        answered: answered.map(|answered| (answered.version, answered.answer)),
        hub: record.hub.as_ref(),
    }
    .standing()
}

#[cfg(test)]
mod tests;
