//! Pairs of records that are alike enough to matter.

use hashbrown::HashMap;

use super::Number;
use crate::linkage::model::Centibits;

/// One end's view of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Edge {
    pub(super) other: Number,
    pub(super) centibits: Centibits,
}

/// All pairs from the review threshold up, by each of their ends. Most records have none.
#[derive(Default)]
pub(super) struct Edges {
    by_record: HashMap<Number, Vec<Edge>>,
}

impl Edges {
    /// The pairs of a record.
    pub(super) fn of(&self, record: Number) -> &[Edge] {
        self.by_record.get(&record).map_or(&[], Vec::as_slice)
    }

    /// Sets the score of a pair.
    pub(super) fn put(&mut self, one: Number, other: Number, centibits: Centibits) {
        for (at, other) in [(one, other), (other, one)] {
            let edges = self.by_record.entry(at).or_default();
            match edges.iter_mut().find(|edge| edge.other == other) {
                Some(edge) => edge.centibits = centibits,
                None => edges.push(Edge { other, centibits }),
            }
        }
    }

    /// Forgets a pair; says whether there was one.
    pub(super) fn remove(&mut self, one: Number, other: Number) -> bool {
        let mut was_there = false;
        for (at, other) in [(one, other), (other, one)] {
            if let Some(edges) = self.by_record.get_mut(&at) {
                let before = edges.len();
                edges.retain(|edge| edge.other != other);
                was_there |= edges.len() < before;
                if edges.is_empty() {
                    self.by_record.remove(&at);
                }
            }
        }
        was_there
    }

    /// Forgets all pairs of a record and names their other ends.
    pub(super) fn remove_all(&mut self, record: Number) -> Vec<Number> {
        let edges = self.by_record.remove(&record).unwrap_or_default();
        let others: Vec<Number> = edges.into_iter().map(|edge| edge.other).collect();
        for other in &others {
            if let Some(edges) = self.by_record.get_mut(other) {
                edges.retain(|edge| edge.other != record);
                if edges.is_empty() {
                    self.by_record.remove(other);
                }
            }
        }
        others
    }

    /// How many pairs there are.
    pub(super) fn len(&self) -> usize {
        self.by_record.values().map(Vec::len).sum::<usize>() / 2
    }
}
