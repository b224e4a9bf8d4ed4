//! A record as linkage keeps it: everything that comparing needs, in eighty bytes and without a text.

use super::details::Details;
use super::model::Model;
use super::model::frequencies::whole_name;
use super::normalise::{self, Faults, PersonName};
use super::places::{Place, Places};
use super::words::{Shares, Word, Words, brief, mix, short, stable_hash};
use crate::domain::date::{PartialDate, Precision};
use crate::domain::personal_number::read_pseudonym;
use crate::domain::record::Sex;

/// Words that are kept of a child's name: the first and the last ones.
const CHILD_WORDS: usize = 5;
/// Words that are kept of a parent's name.
const PARENT_WORDS: usize = 4;

/// The words of a name: family name first, given name last, nothing where there are fewer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Name<const WORDS: usize> {
    words: [Word; WORDS],
}

impl<const WORDS: usize> Name<WORDS> {
    const NOTHING: Self = Self {
        words: [Word::NONE; WORDS],
    };

    fn new(name: &PersonName, words: &mut Words, model: &Model) -> Self {
        let mut kept = [Word::NONE; WORDS];
        let all = name.words();
        // Of a name that is too long the middle is left out: its ends say most.
        let skipped = all.len().saturating_sub(WORDS);
        let chosen = all.iter().take(1).chain(all.iter().skip(1 + skipped));
        for (place, text) in kept.iter_mut().zip(chosen) {
            *place = words.intern(text, model.frequencies());
        }
        let mut name = Self { words: kept };
        name.put_family_first(words, model);
        name
    }

    /// Turns a name round that begins with its given name: where the first word is no family name, and
    /// the second or the last is a very common one.
    fn put_family_first(&mut self, words: &Words, model: &Model) {
        let count = self.words().len();
        let rare = model.frequencies().rare();
        let all = self.words.get_mut(..count).unwrap_or_default();
        let shares = |word: Option<&Word>| word.map_or_else(Shares::default, |w| words.shares(*w));
        let first = shares(all.first());
        if count < 2 || first.family > rare || first.given <= rare {
            return;
        }
        // A word that is as usual between the ends of a name as in front does not show the order.
        let is_family = |word: Option<&Word>| {
            let shares = shares(word);
            shares.family >= model.common_family() && shares.family > shares.middle + 1.0
        };
        if count > 2 && is_family(all.get(1)) {
            all.rotate_left(1);
        } else if is_family(all.last()) {
            all.rotate_right(1);
        }
    }

    /// The words that are there.
    pub(super) fn words(&self) -> &[Word] {
        let count = self.words.iter().take_while(|word| word.is_some()).count();
        self.words.get(..count).unwrap_or_default()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.words().is_empty()
    }

    /// The first word, where there is another one.
    pub(super) fn family(&self) -> Word {
        match self.words() {
            [family, _, ..] => *family,
            [] | [_] => Word::NONE,
        }
    }

    /// The last word.
    pub(super) fn given(&self) -> Word {
        self.words().last().copied().unwrap_or_default()
    }

    /// The words between.
    pub(super) fn middle(&self) -> &[Word] {
        match self.words() {
            [_, middle @ .., _] => middle,
            [] | [_] => &[],
        }
    }

    /// Whether none of several words has a mark, as if it was typed without a Vietnamese keyboard.
    pub(super) fn is_plain(&self, words: &Words) -> bool {
        self.words().len() > 1 && self.words().iter().all(|word| words.is_plain(*word))
    }

    /// A number that family and given name without their tones have in common, in either order.
    pub(super) fn untoned_ends(&self, words: &Words) -> u64 {
        if self.is_empty() {
            return 0;
        }
        mix(words.untoned(self.family())).wrapping_add(mix(words.untoned(self.given())))
    }

    /// A number that names without their tones have in common in whatever order their words stand.
    pub(super) fn untoned_in_any_order(&self, words: &Words) -> u64 {
        let numbers = self.words().iter().map(|word| words.untoned(*word));
        numbers.fold(0, |sum: u64, number| sum.wrapping_add(mix(number)))
    }
}

pub(super) type ChildName = Name<CHILD_WORDS>;
pub(super) type ParentName = Name<PARENT_WORDS>;

/// A date of birth in four bytes: year, month and day, 0 where not known.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Birth {
    pub(super) year: u16,
    pub(super) month: u8,
    pub(super) day: u8,
}

impl Birth {
    fn new(date: PartialDate) -> Self {
        let first = date.first_day();
        let year = u16::try_from(first.year()).unwrap_or_default();
        let (month, day) = match date.precision() {
            Precision::Day => (u8::from(first.month()), first.day()),
            Precision::Month => (u8::from(first.month()), 0),
            Precision::Year | Precision::Estimated => (0, 0),
        };
        Self { year, month, day }
    }

    pub(super) const fn is_some(self) -> bool {
        self.year != 0
    }

    pub(super) const fn is_full(self) -> bool {
        self.day != 0
    }

    /// The first of January is what a clerk writes who knows the year alone.
    pub(super) const fn is_new_year(self) -> bool {
        self.month == 1 && self.day == 1
    }
}

/// A personal number, and whether the record itself contradicts it, in six bytes.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Number([u8; 6]);

/// In the highest byte: the record contradicts the number. Twelve digits fit into the other five.
const DOUBTFUL: u64 = 1 << 47;
/// In the highest byte: it is a pseudonym, of which the bits below are kept.
const PSEUDONYM: u64 = 1 << 46;

impl Number {
    const NONE: Self = Self([0; 6]);

    fn new(digits: u64, is_doubtful: bool) -> Self {
        Self::pack(if is_doubtful {
            digits | DOUBTFUL
        } else {
            digits
        })
    }

    fn pseudonym(bits: u64) -> Self {
        Self::pack((bits % PSEUDONYM) | PSEUDONYM)
    }

    fn pack(value: u64) -> Self {
        let mut number = Self::NONE;
        for (place, byte) in number.0.iter_mut().zip(value.to_le_bytes()) {
            *place = byte;
        }
        number
    }

    fn unpack(self) -> u64 {
        let bytes = self.0.iter().rev();
        bytes.fold(0, |value, byte| value << 8 | u64::from(*byte))
    }

    /// Its twelve digits, or what stands for a pseudonym; 0 for none.
    pub(super) fn digits(self) -> u64 {
        self.unpack() & !DOUBTFUL
    }

    /// Whether it states another birth year or another sex than the record.
    pub(super) fn is_doubtful(self) -> bool {
        self.unpack() & DOUBTFUL != 0
    }

    /// Whether it is a pseudonym.
    pub(super) fn is_pseudonym(self) -> bool {
        self.unpack() & PSEUDONYM != 0
    }
}

/// What is kept of a record.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Features {
    pub(super) name: ChildName,
    pub(super) mother: ParentName,
    pub(super) father: ParentName,
    pub(super) number: Number,
    pub(super) birth: Birth,
    /// The telephone's digits, and the last ten digits of the insurance card, modulo 2^32; 0 for none.
    pub(super) phone: u32,
    pub(super) insurance: u32,
    /// Numbers that equal values have in common; 0 for none. Villages and households are compared within one
    /// commune only, so that few bits tell them apart.
    pub(super) village: u16,
    pub(super) household: u16,
    pub(super) certificate: u32,
    /// Number of a whole name that is more common than its words would make it; 0 otherwise.
    pub(super) whole_name: u32,
    /// Last word of another name that the child is called by.
    pub(super) other_given: Word,
    pub(super) commune: Place,
    pub(super) sex: Option<Sex>,
    pub(super) ethnicity: u8,
    pub(super) birth_order: u8,
    /// Of a people whose names the lists do not know: no word of them counts as rare.
    pub(super) is_minority: bool,
    /// A child that has no name yet.
    pub(super) is_unnamed: bool,
}

impl Features {
    /// A record that says nothing.
    pub(super) const NOTHING: Self = Self {
        name: Name::NOTHING,
        mother: Name::NOTHING,
        father: Name::NOTHING,
        number: Number::NONE,
        birth: Birth {
            year: 0,
            month: 0,
            day: 0,
        },
        phone: 0,
        village: 0,
        household: 0,
        certificate: 0,
        insurance: 0,
        whole_name: 0,
        other_given: Word::NONE,
        commune: Place::NONE,
        sex: None,
        ethnicity: 0,
        birth_order: 0,
        is_minority: false,
        is_unnamed: false,
    };
}

impl std::fmt::Debug for Features {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Features(redacted)")
    }
}

/// What the features of records have in common.
#[derive(Default)]
pub struct Vocabulary {
    pub(super) words: Words,
    pub(super) places: Places,
}

/// The names and numbers of a record in the forms that are compared: the part of the work that needs
/// nothing shared and can be done for many records at a time.
pub struct Normalised {
    name: PersonName,
    other_name: PersonName,
    mother: PersonName,
    father: PersonName,
    features: Features,
    commune: Option<crate::domain::unit::UnitReference>,
}

impl Normalised {
    /// Reads the details of a record.
    pub fn new(details: &Details<'_>) -> Self {
        let mut name = normalise::person_name(&details.full_name);
        let is_unnamed = normalise::is_unnamed(&name);
        if is_unnamed {
            name = PersonName::default();
        }
        let birth = details.birth_date.map(Birth::new).unwrap_or_default();
        let village = normalise::village(&details.village);
        let household = normalise::household_number(&details.household_number);
        let features = Features {
            number: number(&details.personal_number, details.sex, birth),
            birth,
            phone: normalise::phone(&details.phone).map_or(0, short),
            household: numbered_briefly(&household),
            village: numbered_briefly(&village),
            certificate: numbered(&compact(&details.birth_certificate)),
            insurance: insurance(&details.insurance_number),
            sex: details.sex,
            ethnicity: details.ethnicity.parse().unwrap_or_default(),
            birth_order: u8::try_from(details.birth_order).unwrap_or_default(),
            is_unnamed,
            ..Features::NOTHING
        };
        Self {
            other_name: normalise::person_name(&details.other_name),
            mother: parent_name(&details.mother_name),
            father: parent_name(&details.father_name),
            name,
            features,
            commune: details.commune,
        }
    }

    /// What was wrong with the names.
    pub fn faults(&self) -> Faults {
        self.name
            .faults()
            .and(self.mother.faults())
            .and(self.father.faults())
    }

    /// Finishes the features with what records share.
    pub fn intern(&self, vocabulary: &mut Vocabulary, model: &Model) -> Features {
        let Vocabulary { words, places } = vocabulary;
        let commune = self.commune.map(|unit| places.intern(unit));
        let whole_name = if model.frequencies().has_whole_names() {
            let whole = whole_name(self.name.words().iter().map(AsRef::as_ref));
            let is_known = model.frequencies().whole(whole).is_some();
            if is_known { whole } else { 0 }
        } else {
            0
        };
        let ethnicity = self.features.ethnicity;
        let first = self.name.words().first();
        Features {
            is_minority: (ethnicity != 0 && ethnicity != KINH && ethnicity != HOA)
                || first.is_some_and(|word| model.frequencies().is_minority(word)),
            name: Name::new(&self.name, words, model),
            other_given: self
                .other_name
                .words()
                .last()
                .map_or(Word::NONE, |word| words.intern(word, model.frequencies())),
            mother: Name::new(&self.mother, words, model),
            father: Name::new(&self.father, words, model),
            commune: commune.unwrap_or_default(),
            whole_name,
            ..self.features
        }
    }
}

/// Codes of the list of 1979 of the two peoples whose names the lists hold.
const KINH: u8 = 1;
const HOA: u8 = 4;

fn parent_name(text: &str) -> PersonName {
    let name = normalise::person_name(text);
    if normalise::is_nobody(&name) {
        PersonName::default()
    } else {
        name
    }
}

fn number(text: &str, sex: Option<Sex>, birth: Birth) -> Number {
    let Some(form) = normalise::personal_number(text) else {
        return Number::default();
    };
    if form.is_pseudonym() {
        return Number::pseudonym(form.digits());
    }
    let contradicts_sex = sex.is_some_and(|sex| sex != form.sex());
    let year = i32::from(birth.year);
    let contradicts_year = birth.is_some() && (year - form.birth_year()).abs() > 0;
    let is_doubtful = !form.is_plausible() || contradicts_sex || contradicts_year;
    Number::new(form.digits(), is_doubtful)
}

/// A card's last ten digits are the person's for life; what stands before them changes with the group
/// that pays and with the province. Since August 2025 the personal number stands in their place.
fn insurance(text: &str) -> u32 {
    if read_pseudonym(text).is_some() {
        return 0;
    }
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let kept = match (
        digits.len(),
        text.starts_with(|letter: char| letter.is_ascii_alphabetic()),
    ) {
        (10 | 12, _) => digits.as_str(),
        (13, true) => digits.get(3..).unwrap_or_default(),
        _ => "",
    };
    kept.parse().map_or(0, short)
}

/// Letters and digits in one case: numbers are written with and without spaces, dots and strokes. A
/// stroke between two numbers stays, because it separates them.
fn compact(text: &str) -> String {
    let kept = text.chars().filter(|c| c.is_alphanumeric() || *c == '/');
    kept.flat_map(char::to_uppercase).collect()
}

fn numbered(text: &str) -> u32 {
    if text.is_empty() {
        return 0;
    }
    short(stable_hash(text.as_bytes()))
}

fn numbered_briefly(text: &str) -> u16 {
    if text.is_empty() {
        return 0;
    }
    brief(stable_hash(text.as_bytes()))
}

// A hub holds as many of these as there are children.
const _: () = assert!(size_of::<Features>() <= 80);
