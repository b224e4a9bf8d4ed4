//! A labelled file: made-up children with everything that makes two entries of one child hard to find,
//! and two children hard to tell apart.
//!
//! # What it models
//! * Families: one to five births, ten months apart now and then, twins named alike, siblings with a
//!   shared middle name, a second father, no father, grandparents, and families under one roof.
//!   What a family tells an office is written down once for its children, faults and all, so the
//!   evidence of siblings is not independent.
//! * Names by people, sex and age from `reference/names`: parents as people born about 1990 are named,
//!   children as today; Khmer, Hoa, Hmông, Ê Đê and others by the province's share.
//! * Communes of different size and quality, and each with its software's way of writing.
//! * Further registrations: whole families that move and are entered again, single children entered
//!   again in their commune or with relatives elsewhere, up to four entries of one child.
//! * Faults of names, numbers and dates, and what is left out: [`mix::ErrorMix`] has every share.
//!
//! # What it does not model
//! Entries copied from another office's file with its faults; deaths; adoption; children of foreigners;
//! names changed by the registrar; two faults of spelling in one name; officials who invent data. Names
//! follow samples of students and lists of names, not a register, and the shares of faults are guesses.
//!
//! The same options give the same file. No entry is about a real person.

mod date_errors;
mod entries;
mod families;
pub mod mix;
mod name_errors;
mod naming;
mod numbers;
mod peoples;
mod places;
mod registrations;
mod rows;
mod sheets;
#[cfg(test)]
mod tests;
mod twin_names;
mod words;

use std::io::Write;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use time::Date;

use crate::domain::unit::{AdminScheme, UnitReference};
use families::Families;
use mix::ErrorMix;
use places::Places;
use registrations::Registrations;

pub use families::CHILDREN_OF_A_FAMILY_MAX;
pub use rows::{COLUMNS, LabelledRows};

/// Where the children live.
#[derive(Clone, Copy, Debug)]
pub enum Territory {
    /// In one province; some families move to or from others.
    Province(UnitReference),
    /// In all provinces of a list.
    Country(AdminScheme),
}

impl Territory {
    /// The list that the codes of the communes are of.
    pub const fn scheme(&self) -> AdminScheme {
        match self {
            Self::Province(province) => province.scheme,
            Self::Country(scheme) => *scheme,
        }
    }
}

/// What to make.
#[derive(Clone, Debug)]
pub struct LabelledOptions {
    /// Different children.
    pub children: u64,
    /// Communes that they live in; all of the territory if not given.
    pub communes: Option<u32>,
    /// Where they live.
    pub territory: Territory,
    /// Decides everything that is drawn.
    pub seed: u64,
    /// Share of the children that are entered more than once, 0 to 1.
    pub registered_again: f64,
    /// The day on which all of them are under 16 and nothing later has happened.
    pub today: Date,
}

/// A population ready to be written.
pub struct LabelledPopulation {
    rows: LabelledRows,
    /// Decides the order in which they are written.
    order: u64,
}

impl LabelledPopulation {
    /// Makes a population; without children if the territory has no communes.
    pub fn generate(options: &LabelledOptions, mix: &ErrorMix) -> Self {
        let mut chance = StdRng::seed_from_u64(options.seed);
        let places = Places::draw(options, mix, &mut chance);
        let mut rows = LabelledRows::default();
        if !places.is_empty() {
            let registrations = Registrations {
                today: options.today,
                mix,
                places: &places,
                again: options.registered_again.clamp(0.0, 1.0),
            };
            let mut families = Families::new(options.today, mix, &places);
            registrations.fill(&mut families, options.children, &mut rows, &mut chance);
        }
        let order = chance.random();
        Self { rows, order }
    }

    /// The entries.
    pub const fn rows(&self) -> &LabelledRows {
        &self.rows
    }

    /// Writes the entries as CSV in a random order, the same one each time, and tells after each how
    /// many are written.
    pub fn write(&self, target: impl Write, written: impl FnMut(usize)) -> Result<(), csv::Error> {
        let mut order = StdRng::seed_from_u64(self.order);
        self.rows.write(target, &mut order, written)
    }
}
