//! What stewards have decided about pairs of records. Their word stands above every score.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::pair::{Pair, Verdict};
use crate::domain::record::RecordKey;

/// The decisions in force.
#[derive(Clone, Debug, Default)]
pub struct Decisions {
    verdicts: BTreeMap<Pair, Verdict>,
    partners: BTreeMap<RecordKey, BTreeSet<RecordKey>>,
}

impl Decisions {
    /// Puts a verdict in force in the place of an earlier one; `None` undoes it.
    pub fn put(&mut self, pair: Pair, verdict: Option<Verdict>) {
        let ends = [(pair.one(), pair.other()), (pair.other(), pair.one())];
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
