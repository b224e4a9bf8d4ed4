//! The linkage index: every live record in memory, with the records that it may be the same child as.
//!
//! The golden records are a pure function of the live records, the stewards' decisions and the model;
//! only their identities depend on what was there first. The index changes step by step: [`apply`] takes
//! records in and out and finds the pairs that are alike, [`settle`] says which golden records changed.
//!
//! [`apply`]: LinkageIndex::apply
//! [`settle`]: LinkageIndex::settle

mod blocks;
mod edges;
mod golden;
mod partition;
mod records;
mod reviews;
mod sorted_table;
mod waiting;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::blocking::{self, KEYS, Keys};
use super::compare::compare;
use super::decisions::Decisions;
use super::features::{Features, Normalised, Vocabulary};
use super::levels::Pattern;
use super::model::{Centibits, Model};
use crate::domain::golden::GoldenId;
use crate::domain::pair::{Pair, Verdict};
use crate::domain::record::RecordKey;
use blocks::{Blocks, Crossed};
use edges::Edges;
pub use golden::{Move, Settlement};
use partition::FORCED;
pub use partition::Veto;
use records::Records;
pub use reviews::Review;
use reviews::Reviews;
use waiting::Waiting;

/// A record in the index: its place, given again when a record has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Number(u32);

impl Number {
    fn place(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

/// Where a record was before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Former {
    /// The golden record that it was in.
    pub golden: GoldenId,
    /// When it came into its present one: a number that rises with every change of any record's place.
    pub joined: u64,
}

/// Two records that are alike enough to matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScoredPair {
    /// The one.
    pub one: Number,
    /// The other.
    pub other: Number,
    /// Their score.
    pub centibits: Centibits,
}

/// All live records of a hub, linked.
pub struct LinkageIndex {
    model: Arc<Model>,
    vocabulary: Vocabulary,
    records: Records,
    blocks: Blocks,
    edges: Edges,
    decisions: Decisions,
    reviews: Reviews,
    /// Golden records that records were in before their present ones: an undone link gives them back.
    former: HashMap<Number, Former>,
    /// Numbers the times at which records came into golden records.
    settled: u64,
    /// Records whose links may have changed since the last settlement.
    touched: BTreeSet<Number>,
    /// Touched records that may wait: those of an index that was just built.
    put_off: Waiting,
}

impl LinkageIndex {
    /// An empty index under a model.
    pub fn new(model: Arc<Model>, decisions: Decisions) -> Self {
        Self {
            blocks: Blocks::new(model.crowd()),
            model,
            vocabulary: Vocabulary::default(),
            records: Records::default(),
            edges: Edges::default(),
            decisions,
            reviews: Reviews::default(),
            former: HashMap::new(),
            settled: 0,
            touched: BTreeSet::new(),
            put_off: Waiting::default(),
        }
    }

    /// How many records it holds.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The model.
    pub fn model(&self) -> &Arc<Model> {
        &self.model
    }

    /// Makes room for so many more records.
    pub fn reserve(&mut self, records: usize) {
        self.blocks.reserve(records);
        self.records.reserve(records);
    }

    /// Takes a record in without looking for its like: for many records at a time, before
    /// [`LinkageIndex::pairs_of`]. `golden` is where the store has it.
    pub fn load(
        &mut self,
        key: RecordKey,
        record: &Normalised,
        golden: Option<GoldenId>,
    ) -> Number {
        let (number, _, _) = self.put_in(key, record);
        if let Some(golden) = golden {
            self.records.assign(number, golden);
        }
        number
    }

    /// The pairs of a record with those loaded before it, from the review threshold up, and how many
    /// candidates were compared. Reads only, so that many can be asked for at once.
    pub fn pairs_of(&self, one: Number) -> (Vec<ScoredPair>, usize) {
        let keys = self.keys(one);
        self.blocks.read_ahead(&keys);
        let candidates = self.candidates(one, keys, |other| other < one);
        let compared = candidates.len();
        let pairs = candidates
            .into_iter()
            .filter_map(|other| self.scored(one, other));
        (pairs.collect(), compared)
    }

    /// The patterns of a record with its candidates loaded before it, whatever their score.
    pub fn patterns_of(&self, one: Number) -> Vec<Pattern> {
        let older = self.candidates(one, self.keys(one), |other| other < one);
        let older = older.into_iter();
        older.map(|other| self.compare(one, other)).collect()
    }

    /// Takes in pairs that [`LinkageIndex::pairs_of`] found.
    pub fn add_pairs(&mut self, pairs: impl IntoIterator<Item = ScoredPair>) {
        for pair in pairs {
            self.put_edge(pair);
        }
    }

    /// Lets every record wait for [`LinkageIndex::settle_some`], because every record's links may have
    /// changed.
    pub fn put_off_all(&mut self) {
        self.touched.clear();
        for number in self.records.numbers() {
            self.put_off.insert(number);
        }
    }

    /// Lets everything that was touched so far wait for [`LinkageIndex::settle_some`], so that what is
    /// touched from now on is not settled behind all of it.
    pub fn put_off(&mut self) {
        for number in std::mem::take(&mut self.touched) {
            self.put_off.insert(number);
        }
    }

    /// Notes in which golden record the store has a record, and where it was before.
    pub fn place(&mut self, key: RecordKey, golden: GoldenId, former: Option<Former>) {
        if let Some(number) = self.records.find(key) {
            self.records.assign(number, golden);
            match former {
                Some(former) => self.remember_former(number, former),
                None => drop(self.former.remove(&number)),
            }
        }
    }

    /// Takes the newest state of records in: `None` for one that is no longer live.
    pub fn apply(&mut self, key: RecordKey, record: Option<&Normalised>) {
        if let Some(number) = self.records.find(key) {
            match record {
                Some(record) => self.change(number, record),
                None => self.remove(number),
            }
        } else if let Some(record) = record {
            let (number, keys, crossed) = self.put_in(key, record);
            self.cross(&crossed);
            self.score_all(number, keys);
        }
    }

    /// Puts a steward's verdict in force; `None` undoes it.
    pub fn decide(&mut self, pair: Pair, verdict: Option<Verdict>) {
        self.decisions.put(pair, verdict);
        self.look_again(pair);
    }

    /// Puts in force what a node says of one of its records, present or not: the records that it is
    /// different from. Gives the pairs of which something else is said now.
    pub fn state(&mut self, record: RecordKey, different_from: BTreeSet<RecordKey>) -> Vec<Pair> {
        let changed = self.decisions.state(record, different_from);
        for pair in &changed {
            self.look_again(*pair);
        }
        changed
    }

    /// What people have said of pairs.
    pub const fn decisions(&self) -> &Decisions {
        &self.decisions
    }

    /// Notes which golden record a record was in before its present one. It gets that one back if it comes
    /// to need one of its own while nobody else has it.
    pub fn remember_former(&mut self, number: Number, former: Former) {
        self.settled = self.settled.max(former.joined);
        self.former.insert(number, former);
    }

    fn look_again(&mut self, pair: Pair) {
        let ends = [pair.one(), pair.other()].map(|key| self.records.find(key));
        for number in ends.into_iter().flatten() {
            self.touch_with_neighbours(number);
        }
        if let [Some(one), Some(other)] = ends {
            self.edges.remove(one, other);
            if let Some(pair) = self.scored_if_candidate(one, other) {
                self.put_edge(pair);
            }
        }
    }

    /// The record of a key.
    pub fn find(&self, key: RecordKey) -> Option<Number> {
        self.records.find(key)
    }

    /// The key of a record.
    pub fn key(&self, number: Number) -> RecordKey {
        self.records.key(number)
    }

    /// The golden record that a record is in.
    pub fn golden(&self, number: Number) -> Option<GoldenId> {
        self.records.golden(number)
    }

    /// Compares two records.
    pub fn compare(&self, one: Number, other: Number) -> Pattern {
        let (one, other) = (self.features(one), self.features(other));
        compare(&self.vocabulary, &self.model, one, other)
    }

    /// Whether two records are candidates: whether they share a blocking key that is not too common.
    pub fn share_key(&self, one: Number, other: Number) -> bool {
        let (one, other) = (self.keys(one), self.keys(other));
        let mut keys = one.into_iter().zip(other).enumerate();
        keys.any(|(kind, (one, other))| {
            one == other && one != 0 && self.blocks.is_open((kind, one))
        })
    }

    /// All records.
    pub fn numbers(&self) -> impl Iterator<Item = Number> {
        self.records.numbers()
    }

    /// How many golden records its records are in.
    pub fn count_golden(&self) -> usize {
        self.records.count_golden()
    }

    /// How many pairs are alike enough to matter.
    pub fn pairs(&self) -> usize {
        self.edges.len()
    }

    fn features(&self, number: Number) -> &Features {
        self.records.features(number)
    }

    fn put_in(&mut self, key: RecordKey, record: &Normalised) -> (Number, Keys, Crossed) {
        let features = record.intern(&mut self.vocabulary, &self.model);
        let number = self.records.insert(key, features);
        let keys = self.keys(number);
        self.blocks.read_ahead(&keys);
        let crossed = self.blocks.put(number, [[0; KEYS], keys]);
        (number, keys, crossed)
    }

    /// The keys of a record; all 0 for one that is not here.
    fn keys(&self, number: Number) -> Keys {
        blocking::keys(&self.vocabulary, &self.model, self.features(number))
    }

    fn change(&mut self, number: Number, record: &Normalised) {
        let features = record.intern(&mut self.vocabulary, &self.model);
        if *self.features(number) == features {
            return;
        }
        self.forget_pairs(number);
        let before = self.keys(number);
        self.records.set_features(number, features);
        let now = self.keys(number);
        let crossed = self.blocks.put(number, [before, now]);
        self.cross(&crossed);
        self.score_all(number, now);
    }

    fn remove(&mut self, number: Number) {
        self.forget_pairs(number);
        let before = self.keys(number);
        self.records.set_features(number, Features::NOTHING);
        let crossed = self.blocks.put(number, [before, [0; KEYS]]);
        self.cross(&crossed);
        self.records.remove(number);
        self.former.remove(&number);
        self.touched.remove(&number);
        self.put_off.remove(number);
    }

    fn forget_pairs(&mut self, number: Number) {
        self.touch_with_neighbours(number);
        let key = self.key(number);
        for other in self.edges.remove_all(number) {
            self.reviews.close(Pair::new(key, self.key(other)));
        }
    }

    /// Looks again at blocks that have become crowds or are none any more, as if the records of now had
    /// been there from the start.
    fn cross(&mut self, crossed: &Crossed) {
        for block in &crossed.opened {
            let members: Vec<Number> = self.blocks.block(*block).collect();
            for (one, other) in pairs_among(&members) {
                if let Some(pair) = self.scored(one, other) {
                    self.put_edge(pair);
                }
            }
        }
        for block in &crossed.closed {
            self.leave_crowd(&self.blocks.members(*block));
        }
    }

    /// Forgets the pairs among records that have nothing in common but a block that has become a crowd: a
    /// crowd says too little.
    fn leave_crowd(&mut self, members: &[Number]) {
        let mut forgotten = Vec::new();
        for one in members {
            let edges = self.edges.of(*one).map(|edge| edge.other);
            let others = edges.filter(|other| other > one && members.binary_search(other).is_ok());
            forgotten.extend(others.filter_map(|other| {
                let is_candidate =
                    self.are_put_together(*one, other) || self.share_key(*one, other);
                (!is_candidate).then_some((*one, other))
            }));
        }
        for (one, other) in forgotten {
            self.edges.remove(one, other);
            self.reviews
                .close(Pair::new(self.key(one), self.key(other)));
            self.touch_with_neighbours(one);
            self.touch_with_neighbours(other);
        }
    }

    /// Everybody of those that are wanted who shares an open block with a record of these keys, and whom a
    /// steward put together with it.
    fn candidates(
        &self,
        one: Number,
        keys: Keys,
        is_wanted: impl Fn(Number) -> bool,
    ) -> Vec<Number> {
        let mut candidates = Vec::new();
        for block in keys.into_iter().enumerate() {
            candidates.extend(self.blocks.block(block));
        }
        if !self.decisions.is_empty() {
            let same = self.decisions.same_as(self.key(one));
            candidates.extend(same.filter_map(|key| self.records.find(key)));
        }
        candidates.retain(|other| is_wanted(*other));
        candidates.sort_unstable();
        candidates.dedup();
        self.records.read_ahead(&candidates);
        candidates
    }

    fn score_all(&mut self, one: Number, keys: Keys) {
        self.touched.insert(one);
        for other in self.candidates(one, keys, |other| other != one) {
            if let Some(pair) = self.scored(one, other) {
                self.put_edge(pair);
            }
        }
    }

    /// The score of a pair, if it is alike enough to matter or a steward put it together.
    fn scored(&self, one: Number, other: Number) -> Option<ScoredPair> {
        let centibits = if self.are_put_together(one, other) {
            FORCED
        } else {
            self.model.score(&self.compare(one, other)).centibits
        };
        let matters = centibits >= self.model.thresholds().review;
        matters.then_some(ScoredPair {
            one,
            other,
            centibits,
        })
    }

    /// Whether a steward has put two records together. Keys are not read where there is no decision.
    fn are_put_together(&self, one: Number, other: Number) -> bool {
        !self.decisions.is_empty() && self.decisions.are_same(self.key(one), self.key(other))
    }

    fn scored_if_candidate(&self, one: Number, other: Number) -> Option<ScoredPair> {
        if self.are_put_together(one, other) || self.share_key(one, other) {
            self.scored(one, other)
        } else {
            None
        }
    }

    fn put_edge(&mut self, pair: ScoredPair) {
        self.edges.put(pair.one, pair.other, pair.centibits);
        self.touch_with_neighbours(pair.one);
        self.touch_with_neighbours(pair.other);
    }

    /// A record's pairs decide together: what changes at one end may free or bind the other's rivals.
    fn touch_with_neighbours(&mut self, number: Number) {
        self.touched.insert(number);
        self.touched
            .extend(self.edges.of(number).map(|edge| edge.other));
    }
}

/// Every pair of a few records.
fn pairs_among(members: &[Number]) -> impl Iterator<Item = (Number, Number)> {
    let numbered = members.iter().enumerate();
    numbered.flat_map(|(place, one)| members.iter().skip(place + 1).map(|other| (*one, *other)))
}

#[cfg(test)]
mod tests;
