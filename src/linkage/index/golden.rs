//! Which golden records change when records or links have.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::edges::Edge;
use super::partition::FORCED;
use super::reviews::Review;
use super::{Former, LinkageIndex, Number};
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

/// What a cluster has of a golden record; more of it is a better claim.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Claim {
    /// Its records that are in the golden record now.
    records: usize,
    /// Its records that never were in another one, or were in it before their present one: so the part
    /// that joined last leaves when a link is undone.
    at_home: usize,
    /// When the last of its records came into its present golden record.
    joined: Reverse<u64>,
}

impl LinkageIndex {
    /// Links what was touched since the last time and says what has changed. `fresh` names new golden
    /// records. What was put off waits on, unless it hangs together with what was touched.
    pub fn settle(&mut self, fresh: impl FnMut() -> GoldenId) -> Settlement {
        self.settle_some(0, fresh)
    }

    /// Links what was touched, and what was put off until at least so many records are linked if there
    /// are so many, with all that hangs together with them.
    pub fn settle_some(
        &mut self,
        records: usize,
        mut fresh: impl FnMut() -> GoldenId,
    ) -> Settlement {
        let mut moves = Vec::new();
        let mut settled = 0;
        while let Some(first) = self.next_unsettled(settled < records) {
            // Most records are like no other: they need no more than a name.
            if self.is_alone(first) {
                settled += 1;
                self.close_stale_reviews(first);
                if self.golden(first).is_none() {
                    let is_free = |golden| !self.records.is_golden(golden);
                    let former = self.former_of(&[first], is_free);
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
                self.put_off.remove(*number);
                self.close_stale_reviews(*number);
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
        self.touched.len() + self.put_off.len()
    }

    /// A touched record, or one that was put off if those may be settled too.
    fn next_unsettled(&mut self, also_put_off: bool) -> Option<Number> {
        let touched = self.touched.pop_first();
        touched.or_else(|| also_put_off.then(|| self.put_off.pop_first()).flatten())
    }

    /// The open reviews.
    pub fn open_reviews(&self) -> impl Iterator<Item = Review> {
        self.reviews.iter()
    }

    /// How many reviews are open.
    pub fn count_open_reviews(&self) -> usize {
        self.reviews.len()
    }

    /// Whether nothing is like a record, and nobody shares its golden record.
    fn is_alone(&self, number: Number) -> bool {
        self.edges.of(number).next().is_none() && self.records.mates(number).next().is_none()
    }

    /// Every record that hangs together with one by links, or that is in one golden record with such.
    fn group(&self, first: Number) -> Vec<Number> {
        let mut found = BTreeSet::from([first]);
        let mut waiting = vec![first];
        while let Some(number) = waiting.pop() {
            let edges = self.edges.of(number);
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

    /// Puts each cluster into a golden record of its own.
    fn name_clusters(
        &mut self,
        clusters: Vec<Vec<Number>>,
        moves: &mut Vec<Move>,
        fresh: &mut impl FnMut() -> GoldenId,
    ) {
        let names = self.names(&clusters);
        self.settled += 1;
        let joined = self.settled;
        for (cluster, name) in clusters.into_iter().zip(names) {
            let to = name.unwrap_or_else(&mut *fresh);
            for number in cluster {
                let from = self.golden(number);
                if from != Some(to) {
                    self.records.assign(number, to);
                    let record = self.key(number);
                    moves.push(Move { record, from, to });
                    if let Some(golden) = from {
                        self.former.insert(number, Former { golden, joined });
                    }
                }
            }
        }
    }

    /// For each cluster of a group the golden record that most of its records are in, if no other cluster
    /// has a better claim to it. The others get back the one that most of their records were in before,
    /// if nobody has it; `None` needs a fresh one.
    fn names(&self, clusters: &[Vec<Number>]) -> Vec<Option<GoldenId>> {
        let mut names = vec![None; clusters.len()];
        let mut given = BTreeSet::new();
        let mut held = BTreeSet::new();
        for (_, golden, _, place) in self.claims(clusters) {
            held.insert(golden);
            if let Some(name) = names.get_mut(place)
                && name.is_none()
                && given.insert(golden)
            {
                *name = Some(golden);
            }
        }
        for (name, cluster) in names.iter_mut().zip(clusters) {
            if name.is_none() {
                // What a record of the group holds, nobody else does: it is to be given anew.
                let is_free = |golden| {
                    !given.contains(&golden)
                        && (held.contains(&golden) || !self.records.is_golden(golden))
                };
                *name = self.former_of(cluster, is_free);
                given.extend(*name);
            }
        }
        names
    }

    /// What clusters have of golden records, the strongest claim first; among equals the older golden
    /// record, then the smaller key. At the end, the place of the cluster.
    fn claims(
        &self,
        clusters: &[Vec<Number>],
    ) -> Vec<(Reverse<Claim>, GoldenId, RecordKey, usize)> {
        let mut claims = Vec::new();
        for (place, cluster) in clusters.iter().enumerate() {
            let mut held: BTreeMap<GoldenId, Claim> = BTreeMap::new();
            for number in cluster {
                let now = self.golden(*number);
                let former = self.former.get(number);
                if let Some(now) = now {
                    let claim = held.entry(now).or_default();
                    claim.records += 1;
                    let joined = former.map_or(0, |former| former.joined);
                    claim.joined = claim.joined.min(Reverse(joined));
                }
                if let Some(home) = former.map(|former| former.golden).or(now) {
                    held.entry(home).or_default().at_home += 1;
                }
            }
            held.retain(|_, claim| claim.records > 0);
            let first = cluster.iter().map(|number| self.key(*number)).min();
            for (golden, claim) in held {
                claims.extend(first.map(|first| (Reverse(claim), golden, first, place)));
            }
        }
        claims.sort_unstable();
        claims
    }

    /// The golden record that most of some records were in before, of those that are free.
    fn former_of(
        &self,
        cluster: &[Number],
        is_free: impl Fn(GoldenId) -> bool,
    ) -> Option<GoldenId> {
        let mut records: BTreeMap<GoldenId, usize> = BTreeMap::new();
        for former in cluster.iter().filter_map(|number| self.former.get(number)) {
            if is_free(former.golden) {
                *records.entry(former.golden).or_default() += 1;
            }
        }
        let records = records.into_iter();
        let most = records.max_by_key(|(id, count)| (*count, Reverse(*id)));
        most.map(|(golden, _)| golden)
    }

    /// Opens or closes the reviews of a record.
    fn review(&mut self, number: Number) {
        let edges: Vec<Edge> = self.edges.of(number).collect();
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
