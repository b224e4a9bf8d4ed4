//! The model's file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::frequencies::{Frequencies, FrequenciesFile};
use super::{Model, Prior, ThresholdBits, Thresholds, Weight, to_centibits};
use crate::linkage::levels::{Comparison, Level};

/// The file is not a model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModelInvalid {
    /// Not TOML, or a key that a model does not have.
    #[error("not a linkage model: {0}")]
    Syntax(String),
    /// There is no such comparison.
    #[error("comparison.{0}: there is no such comparison")]
    UnknownComparison(String),
    /// There is no such level.
    #[error("comparison.{0}.{1}: there is no such level")]
    UnknownLevel(String, String),
    /// A comparison is not in the file.
    #[error("comparison.{0}: missing")]
    MissingComparison(&'static str),
    /// A chance is not between 0 and 1, or is 0.
    #[error("comparison.{0}.{1}: every chance is more than 0 and at most 1")]
    NotAChance(String, String),
    /// Thresholds out of order.
    #[error("threshold: needs veto < review < link <= same_node, and rival >= 0")]
    Thresholds,
    /// A logarithm of the prior is not a number.
    #[error("prior: every figure is a finite number")]
    Prior,
    /// A share is not between 0 and 1, or is 0.
    #[error("{0}: must be more than 0 and at most 1")]
    NotAShare(&'static str),
    /// The crowd is too small to find anything or too large to be fast.
    #[error("blocking.crowd: must be 2 to 250")]
    Crowd,
}

/// The file as it is written.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ModelFile {
    prior: Prior,
    threshold: ThresholdBits,
    blocking: Blocking,
    pub(crate) comparison: BTreeMap<String, BTreeMap<String, Chances>>,
    pub(crate) frequencies: FrequenciesFile,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Blocking {
    crowd: u8,
    common_name: f32,
}

/// How often a level comes out under each hypothesis.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Chances {
    pub(crate) same_child: f32,
    pub(crate) same_family: f32,
    /// As for other children of one family where it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) twin: Option<f32>,
    pub(crate) unrelated: f32,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) by_frequency: bool,
}

impl ModelFile {
    /// The text of the file; the notes of the one that was read are not in it.
    pub(crate) fn write(&self) -> String {
        // A model that was read can be written.
        toml::to_string(self).unwrap_or_default()
    }

    pub(crate) fn read(text: &str) -> Result<Self, ModelInvalid> {
        toml::from_str(text).map_err(|error| ModelInvalid::Syntax(error.message().to_owned()))
    }
}

pub(super) fn parse(text: &str) -> Result<Model, ModelInvalid> {
    let file = ModelFile::read(text)?;
    let thresholds = read_thresholds(file.threshold)?;
    if !(2..=250).contains(&file.blocking.crowd) {
        return Err(ModelInvalid::Crowd);
    }
    let Prior {
        same_child,
        same_family,
        twin,
    } = file.prior;
    if ![same_child, same_family, twin]
        .into_iter()
        .all(f32::is_finite)
    {
        return Err(ModelInvalid::Prior);
    }
    check_shares(&file)?;
    let mut weights = vec![[Weight::default(); Level::ALL.len()]; Comparison::ALL.len()];
    for name in file.comparison.keys() {
        if !Comparison::ALL.iter().any(|known| known.as_str() == name) {
            return Err(ModelInvalid::UnknownComparison(name.clone()));
        }
    }
    for (comparison, weights) in Comparison::ALL.into_iter().zip(&mut weights) {
        let name = comparison.as_str();
        let levels = file.comparison.get(name);
        let levels = levels.ok_or(ModelInvalid::MissingComparison(name))?;
        read_levels(name, levels, weights)?;
    }
    Ok(Model {
        text: text.to_owned(),
        weights,
        prior: file.prior,
        thresholds,
        crowd: file.blocking.crowd,
        common_name: file.blocking.common_name.log2(),
        common_family: file.frequencies.common_family.log2(),
        frequencies: Frequencies::new(&file.frequencies),
    })
}

fn read_levels(
    comparison: &str,
    levels: &BTreeMap<String, Chances>,
    weights: &mut [Weight; Level::ALL.len()],
) -> Result<(), ModelInvalid> {
    for (name, chances) in levels {
        let mut known = Level::ALL.into_iter().zip(weights.iter_mut());
        let found = known.find(|(level, _)| level.as_str() == name);
        let Some((_, weight)) = found else {
            return Err(ModelInvalid::UnknownLevel(
                comparison.to_owned(),
                name.clone(),
            ));
        };
        let twin = chances.twin.unwrap_or(chances.same_family);
        let all = [
            chances.same_child,
            chances.same_family,
            twin,
            chances.unrelated,
        ];
        if all.iter().any(|chance| !(*chance > 0.0 && *chance <= 1.0)) {
            return Err(ModelInvalid::NotAChance(
                comparison.to_owned(),
                name.clone(),
            ));
        }
        let [same_child, same_family, twin, unrelated] = all.map(f32::log2);
        *weight = Weight {
            same_child,
            same_family,
            twin,
            unrelated,
            by_frequency: chances.by_frequency,
            is_listed: true,
        };
    }
    Ok(())
}

/// A share of 0, or one that is no number, would make scores that are none.
fn check_shares(file: &ModelFile) -> Result<(), ModelInvalid> {
    let words = &file.frequencies;
    for (name, share) in [
        ("blocking.common_name", file.blocking.common_name),
        ("frequencies.rare", words.rare),
        ("frequencies.least_whole", words.least_whole),
        (
            "frequencies.least_minority_whole",
            words.least_minority_whole,
        ),
        ("frequencies.minority", words.minority),
        ("frequencies.common_family", words.common_family),
    ] {
        if !(share > 0.0 && share <= 1.0) {
            return Err(ModelInvalid::NotAShare(name));
        }
    }
    let lists = [&words.family, &words.middle, &words.given, &words.whole];
    let mut listed = lists.into_iter().flat_map(|list| list.values());
    if listed.any(|share| !(*share > 0.0 && *share <= 1.0)) {
        return Err(ModelInvalid::NotAShare("frequencies: every listed share"));
    }
    Ok(())
}

fn read_thresholds(bits: ThresholdBits) -> Result<Thresholds, ModelInvalid> {
    let in_order =
        bits.veto < bits.review && bits.review < bits.link && bits.link <= bits.same_node;
    if !(in_order && bits.rival >= 0.0) {
        return Err(ModelInvalid::Thresholds);
    }
    Ok(Thresholds {
        link: to_centibits(bits.link),
        review: to_centibits(bits.review),
        veto: to_centibits(bits.veto),
        rival: to_centibits(bits.rival),
        same_node: to_centibits(bits.same_node),
    })
}
