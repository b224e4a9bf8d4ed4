//! Settling examined changes against what the log holds: a pure decision.

use std::collections::{BTreeMap, HashMap};

use super::examine::{Candidate, Examined};
use super::{Outcome, Reason, Settled};
use crate::domain::record::{ContentHash, RecordKey, Version};
use crate::domain::relations::Relations;
use crate::store::HeldVersion;

/// What one version says: its content, and what of other records. Both must be the same in a repeat.
type Said = (ContentHash, Relations);

/// The versions of the records in question that the log holds, and those that this group adds.
pub(in crate::sync) struct Held(HashMap<RecordKey, BTreeMap<Version, Said>>);

impl Held {
    pub(in crate::sync) fn new(rows: Vec<HeldVersion>) -> Self {
        let mut held: HashMap<RecordKey, BTreeMap<Version, Said>> = HashMap::new();
        for row in rows {
            let versions = held.entry(row.key).or_default();
            versions.insert(row.version, (row.hash, row.relations));
        }
        Self(held)
    }

    /// Whether the newest version before a candidate's says the same, if there is one and versions so old
    /// were asked for.
    pub(in crate::sync) fn says_again(&self, candidate: &Candidate) -> Option<bool> {
        let versions = self.0.get(&candidate.submission.record)?;
        let mut older = versions.range(..candidate.submission.version);
        let (_, (hash, relations)) = older.next_back()?;
        Some(*hash == candidate.hash && *relations == candidate.relations)
    }

    /// The newest version of a record that is held by now, among those that were asked for.
    pub(in crate::sync) fn newest(&self, record: RecordKey) -> Option<Version> {
        let (newest, _) = self.0.get(&record)?.last_key_value()?;
        Some(*newest)
    }

    /// Decides on one candidate and, if it is to be stored, remembers it for those after it.
    fn settle(&mut self, candidate: &Candidate) -> Outcome {
        let versions = self.0.entry(candidate.submission.record).or_default();
        let version = candidate.submission.version;
        match versions.get(&version) {
            Some((hash, relations))
                if *hash == candidate.hash && *relations == candidate.relations =>
            {
                return Outcome::Unchanged;
            }
            Some(_) => return Outcome::Rejected(Reason::VersionReused),
            None => {}
        }
        let newest = versions.last_key_value().map(|(newest, _)| *newest);
        versions.insert(version, (candidate.hash, candidate.relations.clone()));
        if newest.is_some_and(|newest| newest > version) {
            Outcome::Superseded
        } else {
            Outcome::Accepted
        }
    }
}

/// Everything one group has to write, and the answers to give once it is written.
#[derive(Default)]
pub(in crate::sync) struct Group {
    pub(in crate::sync) appended: Vec<Candidate>,
    pub(in crate::sync) quarantined: Vec<Candidate>,
}

impl Group {
    /// Settles the changes of one request in their order.
    pub(super) fn add(&mut self, held: &mut Held, examined: Vec<Examined>) -> Vec<Settled> {
        examined
            .into_iter()
            .map(|change| self.add_one(held, change))
            .collect()
    }

    /// Settles one change.
    pub(in crate::sync) fn add_one(&mut self, held: &mut Held, change: Examined) -> Settled {
        match change {
            Examined::Refuse(reason) => Settled {
                outcome: Outcome::Rejected(reason),
                violations: Vec::new(),
            },
            Examined::Quarantine(candidate) => {
                let violations = candidate.violations.clone();
                self.quarantined.push(candidate);
                Settled {
                    outcome: Outcome::Quarantined,
                    violations,
                }
            }
            Examined::Take(mut candidate) => {
                let outcome = held.settle(&candidate);
                let violations = std::mem::take(&mut candidate.violations);
                if matches!(outcome, Outcome::Accepted | Outcome::Superseded) {
                    self.appended.push(candidate);
                }
                Settled {
                    outcome,
                    violations,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::golden::SubmissionKey;
    use crate::domain::node::NodeId;
    use crate::domain::record::{RecordId, RecordKind};

    fn candidate(version: i64, content: &[u8]) -> Candidate {
        let record = RecordKey {
            node: NodeId::new(1),
            kind: RecordKind::Child,
            record_id: RecordId::new(Uuid::from_u128(1)),
        };
        let version = Version::from_i64(version).expect("a version");
        Candidate {
            submission: SubmissionKey { record, version },
            tombstone: 0,
            hash: ContentHash::of(content),
            content: Vec::new(),
            sent: None,
            relations: Relations::None,
            violations: Vec::new(),
        }
    }

    fn outcomes(candidates: Vec<Candidate>) -> Vec<Outcome> {
        let mut held = Held::new(Vec::new());
        let examined = candidates.into_iter().map(Examined::Take).collect();
        let settled = Group::default().add(&mut held, examined);
        settled.into_iter().map(|one| one.outcome).collect()
    }

    #[test]
    fn a_repeat_in_the_same_group_is_unchanged() {
        let found = outcomes(vec![candidate(1, b"a"), candidate(1, b"a")]);

        assert_eq!(found, [Outcome::Accepted, Outcome::Unchanged]);
    }

    #[test]
    fn a_version_with_other_content_is_refused() {
        let found = outcomes(vec![candidate(1, b"a"), candidate(1, b"b")]);

        assert_eq!(
            found,
            [Outcome::Accepted, Outcome::Rejected(Reason::VersionReused)]
        );
    }

    #[test]
    fn an_older_version_is_kept_as_history() {
        let found = outcomes(vec![candidate(2, b"b"), candidate(1, b"a")]);

        assert_eq!(found, [Outcome::Accepted, Outcome::Superseded]);
    }
}
