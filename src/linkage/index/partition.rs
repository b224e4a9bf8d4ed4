//! Which records of a group of linked ones are one child.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::{LinkageIndex, Number};
use crate::linkage::levels::{Comparison, Level};
use crate::linkage::model::Centibits;

/// Records of one golden record at most: nobody is registered more often, and what looks so is a fault
/// of the data.
const CLUSTER_RECORDS_MAX: usize = 64;

/// A possible link inside a group.
#[derive(Clone, Copy, Debug)]
struct Link {
    one: Number,
    other: Number,
    centibits: Centibits,
}

impl LinkageIndex {
    /// Splits a group into clusters: links are taken from the strongest down, and no link joins two
    /// records that a veto keeps apart. The outcome depends on the records, the stewards' decisions and
    /// the model, and not on the order in which anything came.
    pub(super) fn partition(&self, group: &[Number]) -> Vec<Vec<Number>> {
        let mut clusters: Vec<Vec<Number>> = group.iter().map(|number| vec![*number]).collect();
        let mut home: BTreeMap<Number, usize> = (0..).zip(group).map(|(at, n)| (*n, at)).collect();
        for link in self.links(group) {
            let (Some(&one), Some(&other)) = (home.get(&link.one), home.get(&link.other)) else {
                continue;
            };
            if one == other || !self.may_join(&clusters, one, other, link) {
                continue;
            }
            let moved = clusters
                .get_mut(other)
                .map(std::mem::take)
                .unwrap_or_default();
            for number in &moved {
                home.insert(*number, one);
            }
            if let Some(joined) = clusters.get_mut(one) {
                joined.extend(moved);
            }
        }
        clusters.retain(|cluster| !cluster.is_empty());
        clusters
    }

    /// The links of a group, the strongest first; equally strong ones in the order of their records.
    fn links(&self, group: &[Number]) -> Vec<Link> {
        let mut links = Vec::new();
        for one in group {
            for edge in self.edges.of(*one) {
                let other = edge.other;
                if self.key(*one) < self.key(other) && self.is_link(*one, other, edge.centibits) {
                    links.push(Link {
                        one: *one,
                        other,
                        centibits: edge.centibits,
                    });
                }
            }
        }
        links.sort_by_cached_key(|link| {
            (
                Reverse(link.centibits),
                self.key(link.one),
                self.key(link.other),
            )
        });
        links
    }

    /// Whether a pair is linked unless something else speaks against it.
    fn is_link(&self, one: Number, other: Number, centibits: Centibits) -> bool {
        centibits == FORCED
            || (centibits >= self.link_at(one, other)
                && !self.has_rival(one, other, centibits)
                && !self.has_rival(other, one, centibits))
    }

    /// From which score on this pair is linked: a node keeps its own records apart itself.
    pub(super) fn link_at(&self, one: Number, other: Number) -> Centibits {
        let thresholds = self.model.thresholds();
        if self.are_of_one_node(one, other) {
            thresholds.same_node
        } else {
            thresholds.link
        }
    }

    /// Whether a record is about as near to another child as to this one: an unnamed newborn is as near
    /// to each of two twins. Then nobody but a steward may say which.
    fn has_rival(&self, record: Number, chosen: Number, centibits: Centibits) -> bool {
        let near = centibits.saturating_sub(self.model.thresholds().rival);
        let mut others = self.edges.of(record);
        others.any(|edge| {
            edge.other != chosen
                && edge.centibits >= near
                && edge.centibits != FORCED
                && self.is_vetoed(edge.other, chosen)
        })
    }

    fn may_join(&self, clusters: &[Vec<Number>], one: usize, other: usize, link: Link) -> bool {
        let (Some(one), Some(other)) = (clusters.get(one), clusters.get(other)) else {
            return false;
        };
        if one.len() + other.len() > CLUSTER_RECORDS_MAX {
            return false;
        }
        let mut pairs = one.iter().flat_map(|a| other.iter().map(move |b| (*a, *b)));
        pairs.all(|(a, b)| {
            if link.centibits == FORCED {
                !self.decisions.are_different(self.key(a), self.key(b))
            } else {
                !self.is_vetoed(a, b)
            }
        })
    }

    /// Whether two records must not be in one golden record.
    pub(super) fn is_vetoed(&self, one: Number, other: Number) -> bool {
        self.veto(one, other).is_some()
    }

    /// Why two records must not be in one golden record, if so.
    pub fn veto(&self, one: Number, other: Number) -> Option<Veto> {
        let (one_key, other_key) = (self.key(one), self.key(other));
        if self.decisions.are_decided_different(one_key, other_key) {
            return Some(Veto::Steward);
        }
        if self.decisions.are_stated_different(one_key, other_key) {
            return Some(Veto::Node);
        }
        if self.decisions.are_same(one_key, other_key) {
            return None;
        }
        let pattern = self.compare(one, other);
        let level = |comparison| pattern.level(comparison);
        let score = self.model.score(&pattern).centibits;
        let thresholds = self.model.thresholds();
        if level(Comparison::PersonalNumber) == Level::Different {
            Some(Veto::TwoNumbers)
        } else if level(Comparison::BirthDate) == Level::Same
            && level(Comparison::GivenName) == Level::Different
            && level(Comparison::NameOrder) == Level::Missing
            && matches!(level(Comparison::Mother), Level::Same | Level::OtherTones)
            && level(Comparison::PersonalNumber) != Level::Same
        {
            Some(Veto::Twins)
        } else if self.are_of_one_node(one, other) && score < thresholds.same_node {
            Some(Veto::OneNode)
        } else if score < thresholds.veto {
            Some(Veto::Evidence)
        } else {
            None
        }
    }

    fn are_of_one_node(&self, one: Number, other: Number) -> bool {
        let (one, other) = (self.key(one).node, self.key(other).node);
        one == other && one.get() != 0
    }
}

/// Score of a pair that a steward called the same child.
pub(super) const FORCED: Centibits = Centibits::MAX;

/// Why two records must not be in one golden record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Veto {
    /// A steward said that they are different children.
    Steward,
    /// Their node said so.
    Node,
    /// They have two different valid personal numbers.
    TwoNumbers,
    /// Born on one day to one mother, with clearly different given names.
    Twins,
    /// One node keeps both, and the evidence is not overwhelming.
    OneNode,
    /// Everything together speaks strongly against it.
    Evidence,
}

impl Veto {
    /// All of them, the strongest first.
    pub const ALL: [Self; 6] = [
        Self::Steward,
        Self::Node,
        Self::TwoNumbers,
        Self::Twins,
        Self::OneNode,
        Self::Evidence,
    ];

    /// Its name in explanations.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Steward => "steward",
            Self::Node => "node",
            Self::TwoNumbers => "two_numbers",
            Self::Twins => "twins",
            Self::OneNode => "one_node",
            Self::Evidence => "evidence",
        }
    }
}
