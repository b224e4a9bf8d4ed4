//! One child's entry in one office, as it is written down.

use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use time::{Date, Duration};

use super::families::Child;
use super::mix::ErrorMix;
use super::name_errors::{Misspelling, Writing};
use super::naming::Name;
use super::peoples::People;
use super::places::Place;
use super::rows::Cells;
use super::sheets::{Sheet, happens};
use super::{date_errors, numbers};

/// A child under this age has a card for small children.
const SMALL_CHILD_DAYS: i64 = 2_190;

/// What an entry is made from.
pub(super) struct Entry<'a> {
    pub(super) child: &'a Child,
    pub(super) people: People,
    pub(super) mother: &'a Name,
    /// A sibling's number, which may be typed by mistake.
    pub(super) sibling: Option<&'a str>,
    pub(super) place: &'a Place,
    pub(super) sheet: Sheet,
    pub(super) mix: &'a ErrorMix,
}

impl Entry<'_> {
    /// The cells of the entry.
    pub(super) fn cells(
        &self,
        entered: Date,
        (is_first, again): (bool, bool),
        chance: &mut StdRng,
    ) -> Cells {
        let (child, mix, quality) = (self.child, self.mix, self.place.quality);
        let missing = &mix.missing;
        let writing = self.writing(chance);
        let unnamed = self.is_unnamed(entered, (is_first, again), chance);
        let kept = |share: f64, text: String, chance: &mut StdRng| {
            if happens(share * quality, chance) {
                String::new()
            } else {
                text
            }
        };
        let name = if unnamed {
            self.name_of_unnamed(chance)
        } else {
            self.name(chance)
        };
        let father = self.sheet.fathers.get(child.father);
        let father = father.map_or("", String::as_str);
        [
            self.unit(chance),
            writing.apply(&name, chance),
            self.sex(chance),
            date_errors::written(child.born, entered, &mix.dates, quality, chance),
            self.number(unnamed, chance),
            writing.apply(&self.sheet.mother, chance),
            writing.apply(father, chance),
            self.sheet.phone.clone(),
            writing.apply(&self.sheet.village, chance),
            self.sheet.household.clone(),
            kept(missing.ethnicity, self.ethnicity(), chance),
            kept(missing.birth_order, child.order.to_string(), chance),
            if unnamed {
                String::new()
            } else {
                let text = self.with_wrong_digit(&child.certificate, chance);
                kept(missing.certificate, text, chance)
            },
            kept(missing.insurance, self.card(entered, chance), chance),
            child.entity.to_string(),
        ]
    }

    /// The commune's way, or that of whoever types.
    fn writing(&self, chance: &mut StdRng) -> Writing {
        let names = &self.mix.names;
        if chance.random_bool(names.of_the_commune) {
            return self.place.writing;
        }
        Writing::draw(names, self.place.quality, chance)
    }

    fn is_unnamed(
        &self,
        entered: Date,
        (is_first, again): (bool, bool),
        chance: &mut StdRng,
    ) -> bool {
        let names = &self.mix.names;
        let is_newborn = entered - self.child.born <= Duration::days(30);
        let share = if again {
            names.unnamed_at_first
        } else {
            names.unnamed
        };
        is_first && is_newborn && happens(share, chance)
    }

    fn name_of_unnamed(&self, chance: &mut StdRng) -> String {
        let words: [&str; 5] = if self.child.is_female {
            ["Gái", "Bé gái", "Bé Gái", "Chưa đặt tên", "Gái"]
        } else {
            ["Trai", "Bé trai", "Bé Trai", "Chưa đặt tên", "Trai"]
        };
        let word = words.choose(chance).copied().unwrap_or_default();
        match chance.random_range(0..10) {
            // Clinics write "child of Mrs …".
            0 => format!("Con bà {}", self.mother.text()),
            1 => format!("CB {}", self.mother.given),
            2 if !self.child.name.family.is_empty() => {
                format!("{} {word}", self.child.name.family)
            }
            _ => word.to_owned(),
        }
    }

    fn name(&self, chance: &mut StdRng) -> String {
        let text = self.child.name.text();
        match Misspelling::draw(&self.mix.names, self.place.quality, chance) {
            Some(misspelling) => misspelling.apply(&text, chance),
            None => text,
        }
    }

    /// The commune's code, or that of a commune that became part of it.
    fn unit(&self, chance: &mut StdRng) -> String {
        let old = self.place.obsolete.choose(chance);
        old.filter(|_| chance.random_bool(self.mix.moves.obsolete_unit))
            .unwrap_or(&self.place.code)
            .to_string()
    }

    fn sex(&self, chance: &mut StdRng) -> String {
        let (missing, quality) = (&self.mix.missing, self.place.quality);
        let wrong = happens(missing.sex_wrong * quality, chance);
        let code = match (
            happens(missing.sex * quality, chance),
            self.child.is_female != wrong,
        ) {
            (true, _) => "0",
            (false, true) => "2",
            (false, false) => "1",
        };
        code.to_owned()
    }

    fn number(&self, unnamed: bool, chance: &mut StdRng) -> String {
        match &self.child.number {
            // The number is given with the birth certificate, which needs a name.
            Some(number) if !unnamed => numbers::written(
                number,
                self.sibling,
                &self.mix.numbers,
                self.place.quality,
                chance,
            ),
            Some(_) | None => String::new(),
        }
    }

    fn ethnicity(&self) -> String {
        let code = if self.place.by_census {
            self.people.census_code()
        } else {
            self.people.code()
        };
        code.to_owned()
    }

    /// The card of the day: its group and province change, its last ten digits stay.
    fn card(&self, entered: Date, chance: &mut StdRng) -> String {
        let is_small = (entered - self.child.born).whole_days() < SMALL_CHILD_DAYS;
        let group = if is_small { "TE1" } else { "HS4" };
        let insured = self.with_wrong_digit(&self.child.insured, chance);
        format!("{group}{}{insured}", self.place.province)
    }

    fn with_wrong_digit(&self, text: &str, chance: &mut StdRng) -> String {
        let share = self.mix.numbers.other_digit_wrong * self.place.quality;
        if happens(share, chance) {
            numbers::digit_wrong(text, chance)
        } else {
            text.to_owned()
        }
    }
}
