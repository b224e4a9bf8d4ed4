//! How good linkage is on records whose truth is known.

use std::hash::Hash;

use hashbrown::HashMap;

/// Pairs of records, counted against the truth.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Evaluation {
    /// Records that were linked.
    pub records: u64,
    /// Pairs of records of the same child.
    pub true_pairs: u64,
    /// Pairs of records in the same golden record.
    pub linked_pairs: u64,
    /// Linked pairs that are true.
    pub true_linked_pairs: u64,
    /// Pairs that wait for a steward.
    pub review_pairs: u64,
    /// Pairs for a steward that are true.
    pub true_review_pairs: u64,
    /// Records that are in a pair for a steward.
    pub review_records: u64,
}

impl Evaluation {
    /// Counts: for each record its true child and its golden record; and the pairs for a steward as
    /// places in that list.
    pub fn of<C: Eq + Hash + Copy, G: Eq + Hash + Copy>(
        records: &[(C, G)],
        reviews: &[(usize, usize)],
    ) -> Self {
        let truth = |place: usize| records.get(place).map(|(child, _)| *child);
        let is_true = |pair: &&(usize, usize)| truth(pair.0) == truth(pair.1);
        let mut in_review: Vec<usize> = reviews.iter().flat_map(|pair| [pair.0, pair.1]).collect();
        in_review.sort_unstable();
        in_review.dedup();
        Self {
            records: count(records.len()),
            true_pairs: pairs(records.iter().map(|(child, _)| *child)),
            linked_pairs: pairs(records.iter().map(|(_, golden)| *golden)),
            true_linked_pairs: pairs(records.iter().copied()),
            review_pairs: count(reviews.len()),
            true_review_pairs: count(reviews.iter().filter(is_true).count()),
            review_records: count(in_review.len()),
        }
    }

    /// Share of linked pairs that are true; 1 where nothing was linked.
    pub fn precision(&self) -> f64 {
        share(self.true_linked_pairs, self.linked_pairs)
    }

    /// Share of true pairs that were linked; 1 where there are none.
    pub fn recall(&self) -> f64 {
        share(self.true_linked_pairs, self.true_pairs)
    }

    /// Harmonic mean of precision and recall.
    pub fn f1(&self) -> f64 {
        let (precision, recall) = (self.precision(), self.recall());
        if precision + recall > 0.0 {
            2.0 * precision * recall / (precision + recall)
        } else {
            0.0
        }
    }

    /// Share of the records that are in a pair for a steward.
    pub fn review_share(&self) -> f64 {
        share(self.review_records, self.records)
    }

    /// Share of the pairs for a steward that are true.
    pub fn review_precision(&self) -> f64 {
        share(self.true_review_pairs, self.review_pairs)
    }

    /// Share of the true pairs that were not linked which wait for a steward.
    pub fn missed_in_review(&self) -> f64 {
        share(
            self.true_review_pairs,
            self.true_pairs - self.true_linked_pairs,
        )
    }
}

fn pairs<K: Eq + Hash>(groups: impl Iterator<Item = K>) -> u64 {
    let mut sizes: HashMap<K, u64> = HashMap::new();
    for group in groups {
        *sizes.entry(group).or_default() += 1;
    }
    sizes.values().map(|size| size * (size - 1) / 2).sum()
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "counts of pairs are far below what an f64 holds exactly"
)]
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        1.0
    } else {
        part as f64 / whole as f64
    }
}
