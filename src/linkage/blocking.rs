//! Blocking keys: two records are compared only if they share one.
//!
//! Each key puts other fields together, so that no single wrong or missing field hides a pair.

use std::cell::OnceCell;

use super::features::{Features, Vocabulary};
use super::model::Model;
use super::words::{mix, short};
use crate::domain::record::Sex;

/// Keys that a record has at most.
pub(super) const KEYS: usize = 16;

/// The keys of a record; 0 where it lacks what the key is made of.
pub(super) type Keys = [u32; KEYS];

/// The keys of a record. They depend on the record and the model alone.
pub(super) fn keys(vocabulary: &Vocabulary, model: &Model, record: &Features) -> Keys {
    let parts = Parts::of(vocabulary, model, record);
    std::array::from_fn(|kind| parts.key(kind))
}

/// What keys are made of; each part is read once, when a key wants it.
struct Parts<'a> {
    vocabulary: &'a Vocabulary,
    model: &'a Model,
    record: &'a Features,
    given: OnceCell<u64>,
    whole: OnceCell<u64>,
    mother: OnceCell<u64>,
    mother_ends: OnceCell<u64>,
    father: OnceCell<u64>,
}

impl<'a> Parts<'a> {
    const fn of(vocabulary: &'a Vocabulary, model: &'a Model, record: &'a Features) -> Self {
        Self {
            vocabulary,
            model,
            record,
            given: OnceCell::new(),
            whole: OnceCell::new(),
            mother: OnceCell::new(),
            mother_ends: OnceCell::new(),
            father: OnceCell::new(),
        }
    }

    fn key(&self, kind: usize) -> u32 {
        let record = self.record;
        let year = u64::from(record.birth.year);
        match kind {
            0 => key(1, &[record.number.digits()]),
            1 => key(2, &[record.phone.into()]),
            2 => key(3, &[record.insurance.into()]),
            3 => key(4, &[self.date(), self.name()]),
            4 => {
                // The first of January is the day of whoever knows the year alone.
                let with = if self.exact_date() == 0 {
                    self.given()
                } else {
                    1
                };
                key(5, &[self.date(), self.commune(), with])
            }
            5 => key(6, &[self.date(), self.province(), self.sex(), self.given()]),
            6 => key(7, &[self.exact_date(), self.mother_ends()]),
            7 => key(8, &[self.exact_day(), self.whole()]),
            8 => key(9, &[self.exact_day(), self.father()]),
            9 => key(10, &[year, self.whole(), self.province()]),
            10 => key(11, &[year, self.whole(), self.mother_ends()]),
            11 => key(12, &[year, self.mother(), self.father()]),
            12 => key(13, &[year, self.sex(), self.mother(), self.province()]),
            13 => key(14, &[year, self.sex(), self.father(), self.province()]),
            14 => key(15, &[year, self.sex(), self.father(), self.given()]),
            15 => key(16, &[self.ends(), self.mother_ends(), self.province()]),
            _ => 0,
        }
    }

    /// The day of birth as a number; 0 where it is not known to the day.
    fn date(&self) -> u64 {
        let birth = self.record.birth;
        if birth.is_full() {
            u64::from(birth.year) * 10_000 + u64::from(birth.month) * 100 + u64::from(birth.day)
        } else {
            0
        }
    }

    /// The day of birth, if it is not the first of January, which often stands for a year alone.
    fn exact_date(&self) -> u64 {
        if self.record.birth.is_new_year() {
            0
        } else {
            self.date()
        }
    }

    /// Month and day of an exact date, as a number that is not 0: the year is what may be wrong.
    fn exact_day(&self) -> u64 {
        self.exact_date() % 10_000
    }

    fn sex(&self) -> u64 {
        match self.record.sex {
            Some(Sex::Male) => 1,
            Some(Sex::Female) => 2,
            Some(Sex::Undetermined | Sex::Unknown) | None => 0,
        }
    }

    /// Family name and given name by their sound, or the whole name where those are too common.
    fn name(&self) -> u64 {
        if is_common(self.vocabulary, self.model, self.record) {
            self.whole()
        } else {
            self.ends()
        }
    }

    /// Family name and given name by their sound; 0 for no name.
    fn ends(&self) -> u64 {
        let family = self.vocabulary.words.sound(self.record.name.family());
        mix(family) ^ self.given()
    }

    fn given(&self) -> u64 {
        let read = || self.vocabulary.words.sound(self.record.name.given());
        *self.given.get_or_init(read)
    }

    fn whole(&self) -> u64 {
        let words = &self.vocabulary.words;
        *self
            .whole
            .get_or_init(|| self.record.name.untoned_in_any_order(words))
    }

    fn mother(&self) -> u64 {
        let words = &self.vocabulary.words;
        *self
            .mother
            .get_or_init(|| self.record.mother.untoned_in_any_order(words))
    }

    fn mother_ends(&self) -> u64 {
        let words = &self.vocabulary.words;
        *self
            .mother_ends
            .get_or_init(|| self.record.mother.untoned_ends(words))
    }

    fn father(&self) -> u64 {
        let words = &self.vocabulary.words;
        *self
            .father
            .get_or_init(|| self.record.father.untoned_in_any_order(words))
    }

    fn commune(&self) -> u64 {
        self.vocabulary.places.today(self.record.commune)
    }

    fn province(&self) -> u64 {
        self.vocabulary.places.province(self.record.commune)
    }
}

/// Whether family name and given name together are so common that the middle names must help.
fn is_common(vocabulary: &Vocabulary, model: &Model, record: &Features) -> bool {
    let family = vocabulary.words.shares(record.name.family()).family_untoned;
    let given = vocabulary.words.shares(record.name.given()).given_untoned;
    family + given > model.common_name()
}

/// One key from its parts; 0 if a part is missing. The first number keeps keys of different kinds apart.
fn key(kind: u64, parts: &[u64]) -> u32 {
    if parts.contains(&0) {
        return 0;
    }
    let hash = parts
        .iter()
        .fold(kind, |hash, part| mix(hash.rotate_left(23) ^ *part));
    short(hash)
}
