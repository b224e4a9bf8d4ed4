//! The weights of linkage: how much each comparison says, and where its sum becomes a decision.
//!
//! Fellegi and Sunter's model with three hypotheses for a pair of records instead of two: the same
//! child, another child of the same family, and two children that have nothing to do with each other.
//! Parents, household, telephone and commune all say "same family", and twins share all of them; with
//! the second hypothesis that evidence, however much of it there is, never makes one child of two.

mod file;
pub mod frequencies;

use super::levels::{Comparison, Level, Pattern};
pub use file::ModelInvalid;
pub(crate) use file::{Chances, ModelFile};
use frequencies::Frequencies;

/// Hundredths of a bit: how scores are kept, so that they compare exactly.
pub type Centibits = i32;

/// Everything that decides about links besides the records and the stewards. It never changes: another
/// model is another value, and every pair is compared again under it.
#[derive(Clone, Debug)]
pub struct Model {
    text: String,
    weights: Vec<[Weight; Level::ALL.len()]>,
    prior: Prior,
    thresholds: Thresholds,
    crowd: u8,
    common_name: f32,
    common_family: f32,
    frequencies: Frequencies,
}

/// Logarithms to base 2 of the chances of one level under each hypothesis.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Weight {
    pub(super) same_child: f32,
    pub(super) same_family: f32,
    pub(super) twin: f32,
    pub(super) unrelated: f32,
    /// Whether the value's own share stands in for `unrelated` where it is known.
    pub(super) by_frequency: bool,
    pub(super) is_listed: bool,
}

/// Logarithms to base 2 of how many pairs of a large population are of a kind, for each unrelated pair.
#[derive(Clone, Copy, Debug, PartialEq, serde::Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Prior {
    pub(super) same_child: f32,
    pub(super) same_family: f32,
    pub(super) twin: f32,
}

/// Scores at which a pair becomes a decision, in bits.
#[derive(Clone, Copy, Debug, PartialEq, serde::Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
struct ThresholdBits {
    link: f32,
    review: f32,
    veto: f32,
    rival: f32,
    same_node: f32,
}

/// Scores at which a pair becomes a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// From here on two records are linked.
    pub link: Centibits,
    /// From here on, below `link`, a steward decides.
    pub review: Centibits,
    /// Below this, two records are never brought into one golden record by others.
    pub veto: Centibits,
    /// Two links of one record to records that are different children contradict each other when their
    /// scores are this near: then neither is made.
    pub rival: Centibits,
    /// Two live records of one node are linked from here on: the node keeps them apart itself.
    pub same_node: Centibits,
}

/// What a pair's evidence adds up to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// Same child against everything else.
    pub centibits: Centibits,
    /// Part of it that the chance of another child of the same family takes away.
    pub family_bits: f32,
}

impl Model {
    /// The model that ships with the program.
    pub fn shipped() -> Result<Self, ModelInvalid> {
        Self::parse(include_str!("../../reference/linkage/model.toml"))
    }

    /// Reads a model from the text of its file.
    pub fn parse(text: &str) -> Result<Self, ModelInvalid> {
        file::parse(text)
    }

    /// The text of its file.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where scores become decisions.
    pub const fn thresholds(&self) -> Thresholds {
        self.thresholds
    }

    /// Records that a blocking key may have in common before it says too little to look at.
    pub const fn crowd(&self) -> u8 {
        self.crowd
    }

    /// Logarithm to base 2 of the share from which a family name and a given name are so common
    /// together that a blocking key takes the middle names in as well.
    pub(super) const fn common_name(&self) -> f32 {
        self.common_name
    }

    /// Logarithm to base 2 of the share from which a word is surely a family name.
    pub(super) const fn common_family(&self) -> f32 {
        self.common_family
    }

    /// How common words are in names.
    pub const fn frequencies(&self) -> &Frequencies {
        &self.frequencies
    }

    /// Adds a pattern's evidence up.
    pub fn score(&self, pattern: &Pattern) -> Score {
        let [same_child, same_family, twin] = self.odds(pattern);
        let family_bits = (1.0 + same_family.exp2() + twin.exp2()).log2();
        Score {
            centibits: to_centibits(same_child - family_bits),
            family_bits,
        }
    }

    /// How much of a pair is of one child, of one family, of twins, and of unrelated children: together 1.
    pub fn parts(&self, pattern: &Pattern) -> [f32; 4] {
        let [same_child, same_family, twin] = self.odds(pattern);
        let most = same_child.max(same_family).max(twin).max(0.0);
        let weights = [same_child, same_family, twin, 0.0].map(|bits| (bits - most).exp2());
        let sum: f32 = weights.iter().sum();
        weights.map(|weight| weight / sum)
    }

    /// Bits of each hypothesis but the last against unrelated children.
    fn odds(&self, pattern: &Pattern) -> [f32; 3] {
        let mut odds = [
            self.prior.same_child,
            self.prior.same_family,
            self.prior.twin,
        ];
        for comparison in Comparison::ALL {
            let level = pattern.level(comparison);
            if level == Level::Missing {
                continue;
            }
            let weight = self.weight(comparison, level);
            let unrelated = Self::unrelated(weight, pattern, comparison);
            let chances = [weight.same_child, weight.same_family, weight.twin];
            for (odds, chance) in odds.iter_mut().zip(chances) {
                *odds += chance - unrelated;
            }
        }
        odds
    }

    /// Bits that one comparison adds for "same child" against "unrelated".
    pub fn bits(&self, pattern: &Pattern, comparison: Comparison) -> f32 {
        let level = pattern.level(comparison);
        if level == Level::Missing {
            return 0.0;
        }
        let weight = self.weight(comparison, level);
        weight.same_child - Self::unrelated(weight, pattern, comparison)
    }

    /// Bits against "same child" before anything is compared.
    pub const fn prior_bits(&self) -> f32 {
        self.prior.same_child
    }

    pub(super) fn weight(&self, comparison: Comparison, level: Level) -> Weight {
        let levels = self.weights.get(comparison.place());
        let weight = levels.and_then(|levels| levels.get(level.place()));
        weight.copied().unwrap_or_default()
    }

    pub(super) fn unrelated(weight: Weight, pattern: &Pattern, comparison: Comparison) -> f32 {
        match pattern.share(comparison) {
            Some(share) if weight.by_frequency => share,
            Some(_) | None => weight.unrelated,
        }
    }
}

/// Bits in hundredths.
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "a score is far smaller than an i32, and `as` saturates"
)]
pub(super) fn to_centibits(bits: f32) -> Centibits {
    (bits * 100.0).round() as Centibits
}

/// Hundredths of a bit as bits, for people.
pub fn to_bits(centibits: Centibits) -> f64 {
    f64::from(centibits) / 100.0
}
