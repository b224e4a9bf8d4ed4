//! The communes of the population: how many live there, and how well and in which way they write.

use std::collections::HashMap;

use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use super::mix::ErrorMix;
use super::name_errors::Writing;
use super::{LabelledOptions, Territory};
use crate::domain::unit::{AdminScheme, UnitCode, UnitReference};

/// A commune.
pub(super) struct Place {
    pub(super) code: UnitCode,
    /// Communes of the lists before that became part of it and whose codes its list has no more.
    pub(super) obsolete: Vec<UnitCode>,
    /// Its province before July 2025, two digits.
    pub(super) province: String,
    /// How many times the average share of faults its entries have, 0.4 to 1.6.
    pub(super) quality: f64,
    /// How its software writes.
    pub(super) writing: Writing,
    /// How many villages it has.
    pub(super) villages: u32,
    /// Whether it codes ethnicity by the census.
    pub(super) by_census: bool,
}

/// All communes of a population.
pub(super) struct Places {
    list: Vec<Place>,
    /// Sums of the sizes up to and with each, for drawing.
    sizes: Vec<f64>,
    by_province: HashMap<String, Vec<usize>>,
    /// How many communes, from the first on, families live in; those behind are only moved to.
    homes: usize,
}

/// Provinces with a code from this one on: families are named as in the South.
const SOUTHERN_NAMES_FROM: u32 = 48;
/// Provinces with a code from this one on: villages are called Ấp and have numbers.
const SOUTHERN_VILLAGES_FROM: u32 = 70;

impl Place {
    /// Whether families are named as in the South.
    pub(super) fn has_southern_names(&self) -> bool {
        self.province.parse::<u32>().unwrap_or_default() >= SOUTHERN_NAMES_FROM
    }

    /// Whether villages are called Ấp and have numbers.
    pub(super) fn has_southern_villages(&self) -> bool {
        self.province.parse::<u32>().unwrap_or_default() >= SOUTHERN_VILLAGES_FROM
    }
}

impl Places {
    /// Draws the communes of the territory, and some of other provinces that families move to.
    pub(super) fn draw(options: &LabelledOptions, mix: &ErrorMix, chance: &mut StdRng) -> Self {
        let scheme = options.territory.scheme();
        let (own, others) = communes(options);
        let predecessors = predecessors(scheme);
        let mut places = Self {
            list: Vec::new(),
            sizes: Vec::new(),
            by_province: HashMap::new(),
            homes: own.len(),
        };
        let mut sum = 0.0;
        for code in own.into_iter().chain(others) {
            let before = predecessors.get(&code).cloned().unwrap_or_default();
            let province = province_before_2025(scheme, code, &before);
            let known = |old: &UnitCode| UnitReference { scheme, code: *old }.find().is_some();
            let index = places.list.len();
            // Some communes have ten times the children of others.
            sum += chance.random_range(0.0_f64..2.3).exp();
            places.sizes.push(sum);
            places
                .by_province
                .entry(province.clone())
                .or_default()
                .push(index);
            places.list.push(Place {
                code,
                obsolete: before.into_iter().filter(|old| !known(old)).collect(),
                province,
                quality: chance.random_range(0.4..1.6),
                writing: Writing::draw(&mix.names, 1.0, chance),
                villages: chance.random_range(4..13),
                by_census: chance.random_bool(mix.moves.census_ethnicity),
            });
        }
        places
    }

    pub(super) fn is_empty(&self) -> bool {
        self.homes == 0
    }

    pub(super) fn get(&self, index: usize) -> Option<&Place> {
        self.list.get(index)
    }

    /// A commune for a family to live in, large ones more often.
    pub(super) fn home(&self, chance: &mut StdRng) -> usize {
        let last = self.homes.saturating_sub(1);
        let Some(total) = self.sizes.get(last) else {
            return 0;
        };
        let point = chance.random_range(0.0..*total);
        self.sizes.partition_point(|sum| *sum <= point).min(last)
    }

    /// A commune to move to, out of the province or within it; the same one if there is no other.
    pub(super) fn elsewhere(&self, from: usize, leaves: bool, chance: &mut StdRng) -> usize {
        let province = self.get(from).map(|place| place.province.as_str());
        if leaves {
            // Most communes are of other provinces where there are several, so a few draws will do.
            return (0..20)
                .map(|_| chance.random_range(0..self.list.len()))
                .find(|to| self.get(*to).map(|place| place.province.as_str()) != province)
                .unwrap_or(from);
        }
        let here = province.and_then(|province| self.by_province.get(province));
        here.and_then(|here| here.choose(chance))
            .copied()
            .unwrap_or(from)
    }
}

/// The communes that families live in, and those of other provinces that some move to.
fn communes(options: &LabelledOptions) -> (Vec<UnitCode>, Vec<UnitCode>) {
    let scheme = options.territory.scheme();
    let all = every_commune(scheme);
    let (own, others): (Vec<UnitCode>, Vec<UnitCode>) = match options.territory {
        Territory::Country(_) => (all, Vec::new()),
        Territory::Province(province) => all.into_iter().partition(|code| {
            UnitReference {
                scheme,
                code: *code,
            }
            .is_within(&province)
        }),
    };
    let wanted = options
        .communes
        .and_then(|wanted| usize::try_from(wanted).ok())
        .map_or(own.len(), |wanted| wanted.clamp(1, own.len().max(1)));
    let spread = (0..wanted).filter_map(|index| own.get(index * own.len() / wanted).copied());
    (spread.collect(), others)
}

/// All communes of a list in the order of their codes.
fn every_commune(scheme: AdminScheme) -> Vec<UnitCode> {
    let provinces = (1..100).filter_map(|number| {
        let code = format!("{number:02}").parse().ok()?;
        Some(UnitReference { scheme, code })
    });
    let mut all: Vec<UnitCode> = provinces
        .flat_map(|province| province.communes())
        .map(|unit| unit.code)
        .collect();
    all.sort_unstable();
    all
}

/// For the communes of a list, those of the list before it which became part of them.
fn predecessors(scheme: AdminScheme) -> HashMap<UnitCode, Vec<UnitCode>> {
    let text = match scheme {
        AdminScheme::Gso2017 => "",
        AdminScheme::GsoPre2025 => {
            include_str!("../../../../reference/admin_unit_successors_2017.csv")
        }
        AdminScheme::Gso2025 | AdminScheme::Gso2026 => {
            include_str!("../../../../reference/admin_unit_successors.csv")
        }
    };
    let mut predecessors: HashMap<UnitCode, Vec<UnitCode>> = HashMap::new();
    for line in text.lines().skip(1) {
        let mut cells = line.split(',').map(str::parse);
        if let (Some(Ok(old)), Some(Ok(new))) = (cells.next(), cells.next()) {
            predecessors.entry(new).or_default().push(old);
        }
    }
    predecessors
}

/// The province before July 2025 that a commune lies in, because numbers and peoples go by that.
fn province_before_2025(scheme: AdminScheme, code: UnitCode, before: &[UnitCode]) -> String {
    let (scheme, code) = match scheme {
        AdminScheme::Gso2025 | AdminScheme::Gso2026 => (
            AdminScheme::GsoPre2025,
            before.first().copied().unwrap_or(code),
        ),
        AdminScheme::Gso2017 | AdminScheme::GsoPre2025 => (scheme, code),
    };
    let mut code = code;
    while let Some(parent) = (UnitReference { scheme, code })
        .find()
        .and_then(|unit| unit.parent)
    {
        code = parent;
    }
    code.to_string().chars().take(2).collect()
}
