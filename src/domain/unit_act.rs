//! Acts: what a reorganisation did to units, from a day on.
//!
//! An act is a file that says of each unit what became of it. Nothing that was recorded before is rewritten:
//! acts are laid over it ([`super::units_in_use`]).

mod example;
mod file;
#[cfg(test)]
mod tests;

pub use example::Example;
pub use file::TEXT_BYTES_MAX;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use time::Date;

use super::text::normalise;
use super::unit::{UnitInvalid, UnitReference};

/// Longest id of an act, in characters.
const ID_CHARACTERS_MAX: usize = 63;
/// Longest title of an act, in characters.
const TITLE_CHARACTERS_MAX: usize = 200;
/// Changes of one act at most: the reform of 2025 has 10,794.
pub const CHANGES_MAX: usize = 20_000;

/// Name of an act: 1 to 63 of a-z, 0-9 and hyphen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActId(String);

impl ActId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ActId {
    type Err = ActInvalid;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        let fits = (1..=ID_CHARACTERS_MAX).contains(&text.len());
        if fits && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ActInvalid::Id)
        }
    }
}

impl fmt::Display for ActId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// What became of a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It goes on alone under another code or in another list.
    Renamed(UnitReference),
    /// It went, whole, into a unit that others went into too.
    Merged(UnitReference),
    /// Its parts went into several units.
    Split(Parts),
    /// Its tier is gone. No record names it; whoever took over its duties, if anybody did.
    Abolished(Option<UnitReference>),
}

/// The units that the parts of a unit went into, at least two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    /// The units, in their order.
    into: BTreeSet<UnitReference>,
    /// Villages of which it is known where they went, by their names as they are compared.
    villages: BTreeMap<String, UnitReference>,
}

impl Parts {
    /// The units, in their order.
    pub fn units(&self) -> impl Iterator<Item = UnitReference> {
        self.into.iter().copied()
    }

    /// Whether a part went into this unit.
    pub fn contains(&self, unit: &UnitReference) -> bool {
        self.into.contains(unit)
    }

    /// Where the village of this name went, if the act says it.
    pub fn of_village(&self, name: &str) -> Option<UnitReference> {
        self.villages.get(&village_key(name)).copied()
    }
}

/// A village's name as it is compared: the case and the spaces of a list say nothing.
fn village_key(name: &str) -> String {
    let name = normalise(name).to_lowercase();
    name.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Fate {
    /// The fate as files and answers write it.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Renamed(_) => "renamed",
            Self::Merged(_) => "merged",
            Self::Split(_) => "split",
            Self::Abolished(_) => "abolished",
        }
    }

    /// The units that records of the unit may belong to now.
    pub fn successors(&self) -> Vec<UnitReference> {
        match self {
            Self::Renamed(unit) | Self::Merged(unit) => vec![*unit],
            Self::Split(parts) => parts.units().collect(),
            Self::Abolished(_) => Vec::new(),
        }
    }
}

/// A reorganisation of units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitAct {
    id: ActId,
    title: String,
    effective_from: Date,
    changes: BTreeMap<UnitReference, Fate>,
}

impl UnitAct {
    /// Its name.
    pub fn id(&self) -> &ActId {
        &self.id
    }

    /// What it is, for people.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The first day, in Vietnam, on which it holds.
    pub const fn effective_from(&self) -> Date {
        self.effective_from
    }

    /// What became of each unit that it changes.
    pub const fn changes(&self) -> &BTreeMap<UnitReference, Fate> {
        &self.changes
    }

    /// How many units it changes in this way.
    pub fn count(&self, word: &str) -> usize {
        let fates = self.changes.values();
        fates.filter(|fate| fate.word() == word).count()
    }
}

/// The text is no act.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ActInvalid {
    /// Not TOML, or a key that an act does not have.
    #[error("not an act: {0}")]
    Syntax(String),
    /// More text than an act has.
    #[error("an act has at most {TEXT_BYTES_MAX} bytes and this one has {0}")]
    TooLarge(usize),
    /// No name.
    #[error("id: an act's id is 1 to 63 of a-z, 0-9 and hyphen")]
    Id,
    /// No title, or a long one.
    #[error("title: say what the act is, in at most {TITLE_CHARACTERS_MAX} characters of one line")]
    Title,
    /// No day.
    #[error("effective_from: must be a day, for example 2025-07-01")]
    Day,
    /// It changes nothing, or too much.
    #[error("changes: an act has 1 to {CHANGES_MAX} changes and this one has {0}")]
    Changes(usize),
    /// A text is no unit.
    #[error("change of {0}: {1}")]
    Unit(String, UnitInvalid),
    /// A unit is on no list that this program knows.
    #[error("change of {from}: {unit} is on no list that this program knows")]
    Unlisted {
        /// The unit that is changed.
        from: UnitReference,
        /// The unknown one.
        unit: UnitReference,
    },
    /// A unit is changed twice.
    #[error("change of {0}: the act says it twice")]
    Repeated(UnitReference),
    /// A unit cannot follow itself.
    #[error(
        "change of {0}: a unit that goes on under its code is not listed, and its records stay with it"
    )]
    Itself(UnitReference),
    /// Too many or too few successors for what became of the unit.
    #[error(
        "change of {0}: needs one unit in `to` for renamed and merged, two or more for split, one or none \
         for abolished"
    )]
    Successors(UnitReference),
    /// Another word than the four.
    #[error("change of {0}: relation is renamed, merged, split or abolished")]
    Relation(UnitReference),
    /// Villages are named where nothing was split, for a unit that is none of the parts, or twice.
    #[error(
        "change of {0}: villages are named for the units in `to` of a split, and each village once"
    )]
    Villages(UnitReference),
}
