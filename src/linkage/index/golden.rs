//! Which golden records change when records or links have.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::partition::FORCED;
use super::reviews::Review;
use super::{LinkageIndex, Number};
use crate::domain::golden::GoldenId;
use crate::domain::pair::Pair;
use crate::domain::record::RecordKey;

/// A record that is in another golden record than before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    /// The record.
    pub record: RecordKey,
    /// Where it was; `None` for a new record.
    pub from: Option<GoldenId>,
    /// Where it is now.
    pub to: GoldenId,
}

/// What became of the records that were touched.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Settlement {
    /// Records that moved, in the order of their keys.
    pub moves: Vec<Move>,
    /// Reviews that are new or have another score.
    pub opened: Vec<Review>,
    /// Reviews that are over.
    pub closed: Vec<Pair>,
}

impl LinkageIndex {
    /// Links what was touched since the last time and says what has changed. `fresh` names new golden
    /// records.
    pub fn settle(&mut self, fresh: impl FnMut() -> GoldenId) -> Settlement {
        self.settle_some(usize::MAX, fresh)
    }

    /// Links some of what was touched: at least so many records if there are so many, with all that
    /// hangs together with them.
    pub fn settle_some(
        &mut self,
        records: usize,
        mut fresh: impl FnMut() -> GoldenId,
    ) -> Settlement {
        let mut moves = Vec::new();
        let mut settled = 0;
        while settled < records
            && let Some(first) = self.touched.pop_first()
        {
            // Most records are like no other: they need no more than a name.
            if self.is_alone(first) {
                settled += 1;
                if self.golden(first).is_none() {
                    let former = self.former_of(&[first], &BTreeSet::new());
                    let to = former.unwrap_or_else(&mut fresh);
                    self.records.assign(first, to);
                    let record = self.key(first);
                    let from = None;
                    moves.push(Move { record, from, to });
                }
                continue;
            }
            let group = self.group(first);
            for number in &group {
                self.touched.remove(number);
            }
            settled += group.len();
            let clusters = if group.len() == 1 {
                vec![group.clone()]
            } else {
                self.partition(&group)
            };
            self.name_clusters(clusters, &mut moves, &mut fresh);
            for number in group {
                self.review(number);
            }
        }
        moves.sort_by_key(|change| change.record);
        let (opened, closed) = self.reviews.take_changes();
        Settlement {
            moves,
            opened,
            closed,
        }
    }

    /// How many records wait to be settled.
    pub fn unsettled(&self) -> usize {
        self.touched.len()
    }

    /// How many reviews are open.
    pub fn open_reviews(&self) -> impl Iterator<Item = Review> {
        self.reviews.iter()
    }

    /// How many reviews are open.
    pub fn count_open_reviews(&self) -> usize {
        self.reviews.len()
    }

    /// Takes in a review that the store has.
    pub fn restore_review(&mut self, review: Review) {
        self.reviews.restore(review);
    }

    /// Whether nothing is like a record, and nobody shares its golden record.
    fn is_alone(&self, number: Number) -> bool {
        self.edges.of(number).is_empty() && self.records.mates(number).next().is_none()
    }

    /// Every record that hangs together with one by links, or that is in one golden record with such.
    fn group(&self, first: Number) -> Vec<Number> {
        let mut found = BTreeSet::from([first]);
        let mut waiting = vec![first];
        while let Some(number) = waiting.pop() {
            let edges = self.edges.of(number).iter();
            let linked = edges.filter(|edge| {
                edge.centibits >= self.model.thresholds().link || edge.centibits == FORCED
            });
            let near = linked
                .map(|edge| edge.other)
                .chain(self.records.mates(number));
            for other in near {
                if found.insert(other) {
                    waiting.push(other);
                }
            }
        }
        found.into_iter().collect()
    }

    /// Gives each cluster the golden record that most of its records were in, if no other cluster has
    /// more of it. The others get back one that was merged away before, or fresh ones.
    fn name_clusters(
        &mut self,
        clusters: Vec<Vec<Number>>,
        moves: &mut Vec<Move>,
        fresh: &mut impl FnMut() -> GoldenId,
    ) {
        let mut claims: Vec<(usize, GoldenId, RecordKey, usize)> = Vec::new();
        for (place, cluster) in clusters.iter().enumerate() {
            let mut held: BTreeMap<GoldenId, usize> = BTreeMap::new();
            for golden in cluster.iter().filter_map(|number| self.golden(*number)) {
                *held.entry(golden).or_default() += 1;
            }
            let first = cluster.iter().map(|number| self.key(*number)).min();
            for (golden, records) in held {
                claims.extend(first.map(|first| (records, golden, first, place)));
            }
        }
        // The most records first; among equals the older golden record, then the smaller key.
        claims.sort_by(|one, other| (other.0, one.1, one.2).cmp(&(one.0, other.1, other.2)));
        let mut names: BTreeMap<usize, GoldenId> = BTreeMap::new();
        let mut given = BTreeSet::new();
        for (_, golden, _, place) in claims {
            if !names.contains_key(&place) && given.insert(golden) {
                names.insert(place, golden);
            }
        }
        let mut moved = Vec::new();
        for (place, cluster) in clusters.into_iter().enumerate() {
            let kept = names.get(&place).copied();
            let to = kept.or_else(|| self.former_of(&cluster, &given));
            let to = to.unwrap_or_else(&mut *fresh);
            given.insert(to);
            for number in cluster {
                let from = self.golden(number);
                if from != Some(to) {
                    self.records.assign(number, to);
                    let record = self.key(number);
                    moves.push(Move { record, from, to });
                    moved.push((number, from));
                }
            }
        }
        self.note_former(&moved);
    }

    /// The golden record that most of some records were in before, of those that nobody has now.
    fn former_of(&self, cluster: &[Number], given: &BTreeSet<GoldenId>) -> Option<GoldenId> {
        if self.former.is_empty() {
            return None;
        }
        let mut records: BTreeMap<GoldenId, usize> = BTreeMap::new();
        for golden in cluster.iter().filter_map(|number| self.former.get(number)) {
            if !given.contains(golden) && !self.records.is_golden(*golden) {
                *records.entry(*golden).or_default() += 1;
            }
        }
        let most = records
            .into_iter()
            .max_by_key(|(id, count)| (*count, Reverse(*id)));
        most.map(|(golden, _)| golden)
    }

    /// Remembers of records that moved where they were, if nothing is left there.
    fn note_former(&mut self, moved: &[(Number, Option<GoldenId>)]) {
        for (number, from) in moved {
            match from {
                Some(from) if !self.records.is_golden(*from) => {
                    self.former.insert(*number, *from);
                }
                Some(_) | None => {
                    self.former.remove(number);
                }
            }
        }
    }

    /// Opens or closes the reviews of a record.
    fn review(&mut self, number: Number) {
        let edges = self.edges.of(number).to_vec();
        for edge in edges {
            let pair = Pair::new(self.key(number), self.key(edge.other));
            let apart = self.golden(number) != self.golden(edge.other);
            let (one, other) = (pair.one(), pair.other());
            let decided = self.decisions.are_same(one, other);
            if apart && !decided && !self.decisions.are_different(one, other) {
                self.reviews.open(Review {
                    pair,
                    centibits: edge.centibits,
                });
            } else {
                self.reviews.close(pair);
            }
        }
    }
}
