//! Pairs of records that are alike enough to matter.

use hashbrown::HashTable;

use super::Number;
use crate::linkage::model::Centibits;
use crate::linkage::words::mix;

/// One end's view of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Edge {
    pub(super) other: Number,
    pub(super) centibits: Centibits,
}

/// All pairs from the review threshold up, by each of their ends. Most records have none.
#[derive(Default)]
pub(super) struct Edges {
    by_record: HashTable<(Number, Edge)>,
}

impl Edges {
    /// The pairs of a record, in no order.
    pub(super) fn of(&self, record: Number) -> impl Iterator<Item = Edge> {
        let found = self.by_record.iter_hash(hash(record));
        let found = found.filter(move |(end, _)| *end == record);
        found.map(|(_, edge)| *edge)
    }

    /// Sets the score of a pair.
    pub(super) fn put(&mut self, one: Number, other: Number, centibits: Centibits) {
        for (end, other) in [(one, other), (other, one)] {
            let edge = Edge { other, centibits };
            let is_it = |(at, known): &(Number, Edge)| *at == end && known.other == other;
            if let Some((_, known)) = self.by_record.find_mut(hash(end), is_it) {
                *known = edge;
            } else {
                let hash_of = |(end, _): &(Number, Edge)| hash(*end);
                self.by_record
                    .insert_unique(hash(end), (end, edge), hash_of);
            }
        }
    }

    /// Forgets a pair; says whether there was one.
    pub(super) fn remove(&mut self, one: Number, other: Number) -> bool {
        let mut was_there = false;
        for (end, other) in [(one, other), (other, one)] {
            let is_it = |(at, known): &(Number, Edge)| *at == end && known.other == other;
            if let Ok(entry) = self.by_record.find_entry(hash(end), is_it) {
                entry.remove();
                was_there = true;
            }
        }
        was_there
    }

    /// Forgets all pairs of a record and names their other ends.
    pub(super) fn remove_all(&mut self, record: Number) -> Vec<Number> {
        let others: Vec<Number> = self.of(record).map(|edge| edge.other).collect();
        for other in &others {
            self.remove(record, *other);
        }
        others
    }

    /// How many pairs there are.
    pub(super) fn len(&self) -> usize {
        self.by_record.len() / 2
    }
}

fn hash(record: Number) -> u64 {
    mix(record.0.into())
}
