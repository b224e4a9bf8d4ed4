//! Pairs that wait for a steward.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::pair::Pair;
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
