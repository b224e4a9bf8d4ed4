//! What stewards have decided about pairs of records. Their word stands above every score.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::record::RecordKey;

/// Two source records, the smaller key first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pair {
    one: RecordKey,
    other: RecordKey,
}

impl Pair {
    /// A pair in its one order.
    pub fn new(one: RecordKey, other: RecordKey) -> Self {
        Self {
            one: one.min(other),
            other: one.max(other),
        }
    }

    /// The smaller key.
    pub const fn one(self) -> RecordKey {
        self.one
    }

    /// The larger key.
    pub const fn other(self) -> RecordKey {
        self.other
    }
}

/// What a steward says of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Both are the same child.
    Same,
    /// They are different children.
    Different,
    /// Nobody can say yet.
    Later,
}

/// The decisions in force.
#[derive(Clone, Debug, Default)]
pub struct Decisions {
    verdicts: BTreeMap<Pair, Verdict>,
    partners: BTreeMap<RecordKey, BTreeSet<RecordKey>>,
}

impl Decisions {
    /// Puts a verdict in force in the place of an earlier one; `None` undoes it.
    pub fn put(&mut self, pair: Pair, verdict: Option<Verdict>) {
        let ends = [(pair.one, pair.other), (pair.other, pair.one)];
        if let Some(verdict) = verdict {
            self.verdicts.insert(pair, verdict);
            for (one, other) in ends {
                self.partners.entry(one).or_default().insert(other);
            }
        } else {
            self.verdicts.remove(&pair);
            for (one, other) in ends {
                if let Some(partners) = self.partners.get_mut(&one) {
                    partners.remove(&other);
                }
            }
        }
    }

    /// The verdict on a pair.
    pub fn of(&self, one: RecordKey, other: RecordKey) -> Option<Verdict> {
        self.verdicts.get(&Pair::new(one, other)).copied()
    }

    /// Whether a steward keeps two records apart.
    pub fn are_different(&self, one: RecordKey, other: RecordKey) -> bool {
        !self.verdicts.is_empty() && self.of(one, other) == Some(Verdict::Different)
    }

    /// Whether a steward has put two records together.
    pub fn are_same(&self, one: RecordKey, other: RecordKey) -> bool {
        !self.verdicts.is_empty() && self.of(one, other) == Some(Verdict::Same)
    }

    /// The records that a record was put together with.
    pub fn same_as(&self, record: RecordKey) -> impl Iterator<Item = RecordKey> {
        let partners = self.partners.get(&record).into_iter().flatten().copied();
        partners.filter(move |other| self.are_same(record, *other))
    }
}
