//! Communes as they can be compared: through every reorganisation.

use hashbrown::HashMap;

use super::words::stable_hash;
use crate::domain::unit::UnitReference;

/// A commune in the table of [`Places`]; 0 stands for none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place(u16);

impl Place {
    pub(super) const NONE: Self = Self(0);
}

/// How near two communes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nearness {
    /// The same commune, or one that went into the other, or both into one.
    SameCommune,
    /// The same province of today.
    SameProvince,
    /// Different provinces.
    Far,
}

struct Entry {
    /// Number of the commune of today, the least of several where the old one was split. It depends on
    /// the commune alone and not on the order in which communes came.
    today: u64,
    /// All communes of today that it is part of.
    all_of_today: Box<[u64]>,
    province: u64,
}

/// The communes that the records of an index name.
#[derive(Default)]
pub(super) struct Places {
    entries: Vec<Entry>,
    by_unit: HashMap<UnitReference, Place>,
}

impl Places {
    pub(super) fn intern(&mut self, unit: UnitReference) -> Place {
        if let Some(place) = self.by_unit.get(&unit) {
            return *place;
        }
        self.entries.push(Entry::new(unit));
        // There are fewer units in all lists together than the number can hold.
        let place = Place(u16::try_from(self.entries.len()).unwrap_or(u16::MAX));
        self.by_unit.insert(unit, place);
        place
    }

    /// Number of the commune of today; 0 for none.
    pub(super) fn today(&self, place: Place) -> u64 {
        self.entry(place).map_or(0, |entry| entry.today)
    }

    /// Number of the province of today; 0 for none.
    pub(super) fn province(&self, place: Place) -> u64 {
        self.entry(place).map_or(0, |entry| entry.province)
    }

    /// How near two communes are, if both are known.
    pub(super) fn nearness(&self, one: Place, other: Place) -> Option<Nearness> {
        let (one_entry, other_entry) = (self.entry(one)?, self.entry(other)?);
        let nearness = if one_entry.today == other_entry.today || one_entry.shares(other_entry) {
            Nearness::SameCommune
        } else if one_entry.province == other_entry.province {
            Nearness::SameProvince
        } else {
            Nearness::Far
        };
        Some(nearness)
    }

    fn entry(&self, place: Place) -> Option<&Entry> {
        let number = usize::from(place.0).checked_sub(1)?;
        self.entries.get(number)
    }
}

impl Entry {
    /// Whether two communes, one of them split, have a commune of today in common.
    fn shares(&self, other: &Self) -> bool {
        let is_split = self.all_of_today.len() > 1 || other.all_of_today.len() > 1;
        let mut units = self.all_of_today.iter();
        is_split && units.any(|unit| other.all_of_today.contains(unit))
    }

    fn new(unit: UnitReference) -> Self {
        let numbered = |text: String| stable_hash(text.as_bytes());
        let mut today = unit.of_today();
        today.sort_unstable();
        let all: Box<[u64]> = today
            .iter()
            .map(|code| numbered(code.to_string()))
            .collect();
        let province = today.first().and_then(|code| {
            let scheme = crate::domain::unit::AdminScheme::Gso2025;
            UnitReference {
                scheme,
                code: *code,
            }
            .find()?
            .parent
        });
        Self {
            // A unit that no list knows is only like itself.
            today: all
                .first()
                .copied()
                .unwrap_or_else(|| numbered(unit.to_string())),
            province: province.map_or(0, |code| numbered(code.to_string())),
            all_of_today: all,
        }
    }
}
