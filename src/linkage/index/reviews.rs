//! Pairs that wait for a steward.

use std::collections::{BTreeMap, BTreeSet};

use super::{LinkageIndex, Number};
use crate::domain::pair::Pair;
use crate::domain::record::RecordKey;
use crate::linkage::model::Centibits;

/// A pair too alike to ignore and too different to link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Review {
    /// The two records.
    pub pair: Pair,
    /// Their score.
    pub centibits: Centibits,
}

/// The open reviews, and what has changed since somebody asked last.
#[derive(Default)]
pub(super) struct Reviews {
    open: BTreeMap<Pair, Centibits>,
    opened: BTreeSet<Pair>,
    closed: BTreeSet<Pair>,
}

impl Reviews {
    /// Takes in a review that the store has.
    pub(super) fn restore(&mut self, review: Review) {
        self.open.insert(review.pair, review.centibits);
    }

    pub(super) fn open(&mut self, review: Review) {
        if self.open.insert(review.pair, review.centibits) != Some(review.centibits) {
            self.opened.insert(review.pair);
            self.closed.remove(&review.pair);
        }
    }

    pub(super) fn close(&mut self, pair: Pair) {
        if self.open.remove(&pair).is_some() {
            self.opened.remove(&pair);
            self.closed.insert(pair);
        }
    }

    /// The open reviews in which a record is the smaller key.
    fn of_smaller(&self, key: RecordKey) -> impl Iterator<Item = Pair> {
        let from = self.open.range(Pair::new(key, key)..);
        from.map(|(pair, _)| *pair)
            .take_while(move |pair| pair.one() == key)
    }

    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Review> {
        let open = self.open.iter();
        open.map(|(pair, centibits)| Review {
            pair: *pair,
            centibits: *centibits,
        })
    }

    /// What was opened or got another score, and what was closed, since the last time.
    pub(super) fn take_changes(&mut self) -> (Vec<Review>, Vec<Pair>) {
        let opened = std::mem::take(&mut self.opened);
        let opened = opened.into_iter().filter_map(|pair| {
            let centibits = *self.open.get(&pair)?;
            Some(Review { pair, centibits })
        });
        let opened = opened.collect();
        (
            opened,
            std::mem::take(&mut self.closed).into_iter().collect(),
        )
    }
}

impl LinkageIndex {
    /// Takes in a review that the store has, after all records. It is closed with its records' next
    /// settlement if they are not alike any more, and at once if there is no such record any more.
    pub fn restore_review(&mut self, review: Review) {
        self.reviews.restore(review);
        if self.find(review.pair.one()).is_none() {
            self.reviews.close(review.pair);
        }
    }

    /// Takes over the reviews of an index whose place this one takes, as the store has them.
    pub fn take_reviews(&mut self, from: &mut Self) {
        for (pair, centibits) in std::mem::take(&mut from.reviews.open) {
            self.restore_review(Review { pair, centibits });
        }
    }

    /// Closes the reviews of a record with records that it is not like any more: another model, or another
    /// program, had opened them. Each review is looked at with its smaller key.
    pub(super) fn close_stale_reviews(&mut self, number: Number) {
        let key = self.key(number);
        let open = self.reviews.of_smaller(key);
        let stale: Vec<Pair> = open
            .filter(|pair| !self.is_edge(number, pair.other()))
            .collect();
        for pair in stale {
            self.reviews.close(pair);
        }
    }

    fn is_edge(&self, number: Number, other: RecordKey) -> bool {
        let other = self.find(other);
        let mut edges = self.edges.of(number);
        other.is_some_and(|other| edges.any(|edge| edge.other == other))
    }
}
