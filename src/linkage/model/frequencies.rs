//! How common names are: agreeing on a rare one says more than agreeing on Nguyễn.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::linkage::normalise;
use crate::linkage::words::{self, Shares};

/// What the model's file says about words: shares between 0 and 1.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FrequenciesFile {
    /// Share of a word that is in no list.
    pub(crate) rare: f32,
    /// Share of the rarest whole name, however rare its words are.
    pub(crate) least_whole: f32,
    /// Share of the rarest whole name of a people that the lists do not know.
    pub(crate) least_minority_whole: f32,
    /// Share of any word of a name of a people that the lists do not know.
    pub(crate) minority: f32,
    /// First words that mark such a name.
    pub(crate) minority_words: Vec<String>,
    /// A word more common than this as a family name is taken for one wherever it stands.
    pub(crate) common_family: f32,
    /// Take the lists of the reference data, with the words below in their place.
    pub(crate) reference: bool,
    /// Part of a middle name's evidence that counts: middle names go with given names, so that they
    /// say less together than each alone.
    pub(crate) middle_weight: f32,
    /// Family names.
    #[serde(default)]
    pub(crate) family: HashMap<String, f32>,
    /// Middle words.
    #[serde(default)]
    pub(crate) middle: HashMap<String, f32>,
    /// Given names.
    #[serde(default)]
    pub(crate) given: HashMap<String, f32>,
    /// Whole names that are more common than their words would make them.
    #[serde(default)]
    pub(crate) whole: HashMap<String, f32>,
}

/// Shares of words in each place of a name, as logarithms to base 2.
#[derive(Clone, Debug)]
pub struct Frequencies {
    family: HashMap<String, f32>,
    middle: HashMap<String, f32>,
    given: HashMap<String, f32>,
    family_untoned: HashMap<String, f32>,
    given_untoned: HashMap<String, f32>,
    whole: HashMap<u32, f32>,
    rare: f32,
    least_whole: f32,
    least_minority_whole: f32,
    minority: f32,
    minority_words: HashSet<String>,
    nicknames: HashSet<String>,
    middle_weight: f32,
}

const FAMILY: &str = include_str!("../../../reference/names/family.csv");
const MIDDLE: &str = include_str!("../../../reference/names/middle.csv");
const GIVEN: &str = include_str!("../../../reference/names/given.csv");

const NICKNAMES: &str = include_str!("../../../reference/names/nicknames.csv");

impl Frequencies {
    pub(super) fn new(file: &FrequenciesFile) -> Self {
        let lists = if file.reference {
            [
                read(FAMILY, |cells| {
                    share(cells, 2, 1, "UIT2016").map(|share| (share, 1.0))
                }),
                read(MIDDLE, |cells| {
                    share(cells, 4, 3, "").map(|share| (share, 0.5))
                }),
                read(GIVEN, |cells| {
                    share(cells, 3, 2, "UIT2016").map(|share| (share, 0.5))
                }),
            ]
        } else {
            Default::default()
        };
        let [family, middle, given] = lists;
        let family = merged(family, &file.family);
        let given = merged(given, &file.given);
        Self {
            family_untoned: without_tones(&family),
            given_untoned: without_tones(&given),
            family,
            middle: merged(middle, &file.middle),
            given,
            whole: file
                .whole
                .iter()
                .map(|(name, share)| (whole_name(name.split(' ')), share.log2()))
                .collect(),
            rare: file.rare.log2(),
            least_whole: file.least_whole.log2(),
            least_minority_whole: file.least_minority_whole.log2(),
            minority: file.minority.log2(),
            minority_words: file
                .minority_words
                .iter()
                .map(|word| canonical(word))
                .collect(),
            nicknames: NICKNAMES
                .lines()
                .skip(1)
                .filter_map(|line| Some(canonical(line.split(',').next()?)))
                .collect(),
            middle_weight: file.middle_weight,
        }
    }

    /// The shares of a word in each place of a name.
    pub(crate) fn shares(&self, word: &str) -> Shares {
        let share = |list: &HashMap<String, f32>| list.get(word).copied().unwrap_or(self.rare);
        let plain = normalise::untoned(word);
        let untoned = |list: &HashMap<String, f32>| list.get(&plain).copied().unwrap_or(self.rare);
        Shares {
            family: share(&self.family),
            middle: share(&self.middle) * self.middle_weight,
            given: share(&self.given),
            family_untoned: untoned(&self.family_untoned),
            given_untoned: untoned(&self.given_untoned),
        }
    }

    /// The share of the rarest whole name.
    pub(crate) const fn least_whole(&self) -> f32 {
        self.least_whole
    }

    /// The share of the rarest whole name of a people that the lists do not know.
    pub(crate) const fn least_minority_whole(&self) -> f32 {
        self.least_minority_whole
    }

    /// The least share of a word in a name of a people that the lists do not know.
    pub(crate) const fn minority(&self) -> f32 {
        self.minority
    }

    /// Whether a first word marks such a name.
    pub(crate) fn is_minority(&self, first_word: &str) -> bool {
        self.minority_words.contains(first_word)
    }

    /// Whether families call small children so, whatever name is registered.
    pub(crate) fn is_nickname(&self, word: &str) -> bool {
        self.nicknames.contains(word)
    }

    /// The share of a word that is in no list.
    pub(crate) const fn rare(&self) -> f32 {
        self.rare
    }

    /// The share of a whole name that is more common than its words would make it.
    pub(crate) fn whole(&self, hash: u32) -> Option<f32> {
        self.whole.get(&hash).copied()
    }

    /// Whether there are whole names to look for.
    pub(crate) fn has_whole_names(&self) -> bool {
        !self.whole.is_empty()
    }
}

/// Number of a whole name by its words, in their order.
pub(crate) fn whole_name<'a>(name: impl Iterator<Item = &'a str>) -> u32 {
    let hash = name.fold(0, |hash: u64, word| {
        words::mix(hash.rotate_left(7) ^ words::stable_hash(word.as_bytes()))
    });
    words::short(hash)
}

/// Sums what a list says of each word; `0.5` halves lists that give each sex its own hundred per cent.
fn read(text: &str, row: impl Fn(&[&str]) -> Option<(f32, f32)>) -> HashMap<String, f32> {
    let mut shares: HashMap<String, f32> = HashMap::new();
    for line in text.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        if let (Some(word), Some((percent, part))) = (cells.first(), row(&cells)) {
            *shares.entry(canonical(word)).or_default() += percent / 100.0 * part;
        }
    }
    shares
}

/// A word in the form in which names are compared.
fn canonical(word: &str) -> String {
    normalise::person_name(word).words().join(" ")
}

/// The per cent of a row of the wanted sample; every sample where none is wanted.
fn share(cells: &[&str], sample: usize, percent: usize, wanted: &str) -> Option<f32> {
    let of_sample = wanted.is_empty() || cells.get(sample).is_some_and(|cell| *cell == wanted);
    let percent = cells.get(percent)?.parse().ok()?;
    of_sample.then_some(percent)
}

fn merged(mut list: HashMap<String, f32>, own: &HashMap<String, f32>) -> HashMap<String, f32> {
    list.extend(own.iter().map(|(word, share)| (canonical(word), *share)));
    for share in list.values_mut() {
        *share = share.log2();
    }
    list
}

/// The list with words that are equal without tones put together.
fn without_tones(list: &HashMap<String, f32>) -> HashMap<String, f32> {
    let mut shares: HashMap<String, f32> = HashMap::new();
    for (word, share) in list {
        *shares.entry(normalise::untoned(word)).or_default() += share.exp2();
    }
    for share in shares.values_mut() {
        *share = share.log2();
    }
    shares
}
