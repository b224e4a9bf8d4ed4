//! What people have said of pairs of records. Their word stands above every score.
//!
//! A steward of this hub decides about any pair. A node says of its own records that they are different
//! children; where a steward has said whether a pair is one child, the node's word does not count.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::pair::{Pair, Verdict};
use crate::domain::record::RecordKey;

/// The decisions and statements in force.
#[derive(Clone, Debug, Default)]
pub struct Decisions {
    verdicts: BTreeMap<Pair, Verdict>,
    /// What each record's node says: the records that it is different from.
    statements: BTreeMap<RecordKey, BTreeSet<RecordKey>>,
    /// Who stands in a verdict or a statement with whom, seen from both ends.
    partners: BTreeMap<RecordKey, BTreeSet<RecordKey>>,
}

impl Decisions {
    /// Whether nobody has said anything.
    pub fn is_empty(&self) -> bool {
        self.partners.is_empty()
    }

    /// Puts a steward's verdict in force in the place of an earlier one; `None` undoes it.
    pub fn put(&mut self, pair: Pair, verdict: Option<Verdict>) {
        if let Some(verdict) = verdict {
            self.verdicts.insert(pair, verdict);
        } else {
            self.verdicts.remove(&pair);
        }
        self.note_partners(pair);
    }

    /// Puts what a node says of one of its records in the place of what it said before. Gives the pairs
    /// of which something else is said now.
    pub fn state(&mut self, record: RecordKey, different_from: BTreeSet<RecordKey>) -> Vec<Pair> {
        let before = self.statements.remove(&record).unwrap_or_default();
        let changed = before.symmetric_difference(&different_from);
        let changed: Vec<Pair> = changed.map(|other| Pair::new(record, *other)).collect();
        if !different_from.is_empty() {
            self.statements.insert(record, different_from);
        }
        for pair in &changed {
            self.note_partners(*pair);
        }
        changed
    }

    /// A steward's verdict on a pair.
    pub fn of(&self, one: RecordKey, other: RecordKey) -> Option<Verdict> {
        self.verdicts.get(&Pair::new(one, other)).copied()
    }

    /// Whether a steward keeps two records apart.
    pub fn are_decided_different(&self, one: RecordKey, other: RecordKey) -> bool {
        !self.verdicts.is_empty() && self.of(one, other) == Some(Verdict::Different)
    }

    /// Whether their node keeps two records apart, and no steward has said what they are.
    pub fn are_stated_different(&self, one: RecordKey, other: RecordKey) -> bool {
        !self.statements.is_empty()
            && (self.states(one, other) || self.states(other, one))
            && !matches!(
                self.of(one, other),
                Some(Verdict::Same | Verdict::Different)
            )
    }

    /// Whether anybody keeps two records apart.
    pub fn are_different(&self, one: RecordKey, other: RecordKey) -> bool {
        self.are_decided_different(one, other) || self.are_stated_different(one, other)
    }

    /// Whether a steward has put two records together.
    pub fn are_same(&self, one: RecordKey, other: RecordKey) -> bool {
        !self.verdicts.is_empty() && self.of(one, other) == Some(Verdict::Same)
    }

    /// The records that a record was put together with.
    pub fn same_as(&self, record: RecordKey) -> impl Iterator<Item = RecordKey> {
        let partners = self.partners_of(record);
        partners.filter(move |other| self.are_same(record, *other))
    }

    /// The records that somebody keeps apart from a record.
    pub fn different_from(&self, record: RecordKey) -> impl Iterator<Item = RecordKey> {
        let partners = self.partners_of(record);
        partners.filter(move |other| self.are_different(record, *other))
    }

    /// The records that something is said of together with a record.
    pub fn partners_of(&self, record: RecordKey) -> impl Iterator<Item = RecordKey> {
        self.partners.get(&record).into_iter().flatten().copied()
    }

    fn states(&self, record: RecordKey, other: RecordKey) -> bool {
        let statement = self.statements.get(&record);
        statement.is_some_and(|others| others.contains(&other))
    }

    fn note_partners(&mut self, pair: Pair) {
        let (one, other) = (pair.one(), pair.other());
        let is_said =
            self.verdicts.contains_key(&pair) || self.states(one, other) || self.states(other, one);
        for (one, other) in [(one, other), (other, one)] {
            if is_said {
                self.partners.entry(one).or_default().insert(other);
            } else if let Some(partners) = self.partners.get_mut(&one) {
                partners.remove(&other);
                if partners.is_empty() {
                    self.partners.remove(&one);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linkage::details::row_key;

    #[test]
    fn what_either_end_states_holds_until_neither_does() {
        let (one, other) = (row_key(1, 1), row_key(1, 2));
        let mut decisions = Decisions::default();

        decisions.state(one, BTreeSet::from([other]));
        decisions.state(other, BTreeSet::from([one]));
        decisions.state(one, BTreeSet::new());
        assert!(decisions.are_different(one, other));

        decisions.state(other, BTreeSet::new());
        assert!(!decisions.are_different(one, other) && decisions.is_empty());
    }

    #[test]
    fn a_stewards_word_stands_above_a_nodes() {
        let (one, other) = (row_key(1, 1), row_key(1, 2));
        let pair = Pair::new(one, other);
        let mut decisions = Decisions::default();
        decisions.state(one, BTreeSet::from([other]));

        decisions.put(pair, Some(Verdict::Same));
        assert!(decisions.are_same(one, other) && !decisions.are_different(one, other));

        decisions.put(pair, Some(Verdict::Later));
        assert!(decisions.are_different(one, other));

        decisions.put(pair, None);
        assert!(decisions.are_different(one, other));
    }
}
