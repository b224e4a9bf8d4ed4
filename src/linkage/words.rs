//! The words of names, each kept once, with everything that comparing them needs.

use hashbrown::HashTable;

use super::model::frequencies::Frequencies;
use super::normalise;

/// A word in the table of [`Words`], in three bytes; 0 stands for no word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Word([u8; 3]);

impl Word {
    /// No word.
    pub(crate) const NONE: Self = Self([0; 3]);

    /// The word of a number; none for a number that three bytes do not hold.
    const fn new(number: u32) -> Self {
        match number.to_le_bytes() {
            [a, b, c, 0] => Self([a, b, c]),
            _ => Self::NONE,
        }
    }

    const fn number(self) -> u32 {
        let [a, b, c] = self.0;
        u32::from_le_bytes([a, b, c, 0])
    }

    /// Whether there is a word.
    pub(crate) const fn is_some(self) -> bool {
        self.number() != 0
    }
}

/// What is known of a word.
struct Entry {
    text: Box<str>,
    /// The word without its tones and marks.
    untoned: Box<str>,
    spelling: u64,
    untoned_hash: u64,
    sound: u64,
    is_abbreviation: bool,
    listing: Listing,
    is_nickname: bool,
    shares: Shares,
}

/// Whether the lists have a word as a given name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Listing {
    /// With these tones.
    Listed,
    /// It has no marks, and names with other tones are listed: marks may have been lost.
    WithOtherTones,
    /// Not at all.
    Unlisted,
}

/// How common a word is in each place of a name, as the logarithm to base 2 of its share.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Shares {
    /// As a family name.
    pub(crate) family: f32,
    /// Between family name and given name.
    pub(crate) middle: f32,
    /// As a given name.
    pub(crate) given: f32,
    /// As a family name, with all words that are equal without tones.
    pub(crate) family_untoned: f32,
    /// As a given name, with all words that are equal without tones.
    pub(crate) given_untoned: f32,
}

/// Every word that the names of an index hold. Words are never forgotten: there are far fewer of them
/// than records. A word that comes after sixteen million others counts as missing.
#[derive(Default)]
pub(crate) struct Words {
    entries: Vec<Entry>,
    by_text: HashTable<u32>,
}

/// How alike two words are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Likeness {
    /// Another word.
    Different,
    /// One is an abbreviation that the other may be meant by.
    Abbreviated,
    /// One letter more, fewer or other, or two neighbours exchanged.
    OneTypingError,
    /// They sound alike in the north or in the south.
    SoundsAlike,
    /// They differ in tones and marks only.
    OtherTones,
    /// One is written with i and the other with y, where that is only spelling.
    OtherSpelling,
    /// The same word.
    Same,
}

impl Words {
    /// The word of a text in the form that [`normalise::person_name`] gives.
    pub(crate) fn intern(&mut self, text: &str, frequencies: &Frequencies) -> Word {
        if text.is_empty() {
            return Word::NONE;
        }
        let hash = stable_hash(text.as_bytes());
        let entries = &self.entries;
        let is_it = |number: &u32| entry(entries, *number).is_some_and(|e| *e.text == *text);
        if let Some(number) = self.by_text.find(hash, is_it) {
            return Word::new(*number);
        }
        self.entries.push(Entry::new(text, frequencies));
        let number = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
        let entries = &self.entries;
        self.by_text.insert_unique(hash, number, |number| {
            entry(entries, *number).map_or(0, |entry| stable_hash(entry.text.as_bytes()))
        });
        Word::new(number)
    }

    /// How alike two words are; a missing one is like nothing.
    pub(crate) fn likeness(&self, one: Word, other: Word) -> Likeness {
        if one == other && one.is_some() {
            return Likeness::Same;
        }
        let (Some(one), Some(other)) = (self.entry(one), self.entry(other)) else {
            return Likeness::Different;
        };
        if one.spelling == other.spelling {
            Likeness::OtherSpelling
        } else if one.is_abbreviation || other.is_abbreviation {
            abbreviation(one, other)
        } else if one.untoned_hash == other.untoned_hash {
            Likeness::OtherTones
        } else if one.sound == other.sound {
            Likeness::SoundsAlike
        } else if is_one_error_apart(one.untoned.as_bytes(), other.untoned.as_bytes()) {
            Likeness::OneTypingError
        } else {
            Likeness::Different
        }
    }

    /// Whether two words that are nearly alike are two given names that the lists have: then one is less
    /// likely the other with an error, and more likely the name of a brother or sister that was made alike.
    pub(crate) fn are_two_given_names(&self, one: Word, other: Word, likeness: Likeness) -> bool {
        let (Some(one), Some(other)) = (self.entry(one), self.entry(other)) else {
            return false;
        };
        match likeness {
            Likeness::OtherTones => {
                one.listing == Listing::Listed && other.listing == Listing::Listed
            }
            Likeness::SoundsAlike | Likeness::OneTypingError => {
                one.listing != Listing::Unlisted && other.listing != Listing::Unlisted
            }
            Likeness::Different
            | Likeness::Abbreviated
            | Likeness::OtherSpelling
            | Likeness::Same => false,
        }
    }

    /// Whether exactly one of two words is a name that families call small children by.
    pub(crate) fn is_one_a_nickname(&self, one: Word, other: Word) -> bool {
        let is_nickname = |word| self.entry(word).is_some_and(|entry| entry.is_nickname);
        is_nickname(one) != is_nickname(other)
    }

    /// How common the word is; a word that the model does not know is as rare as it says such words are.
    pub(crate) fn shares(&self, word: Word) -> Shares {
        self.entry(word)
            .map(|entry| entry.shares)
            .unwrap_or_default()
    }

    /// Number that words have in common that are equal without tones; 0 for no word. It depends on the
    /// word alone and not on the order in which words came.
    pub(crate) fn untoned(&self, word: Word) -> u64 {
        self.entry(word).map_or(0, |entry| entry.untoned_hash)
    }

    /// Whether a word has no tone and no mark.
    pub(crate) fn is_plain(&self, word: Word) -> bool {
        self.entry(word).is_some_and(|entry| entry.text.is_ascii())
    }

    /// Number that words have in common that differ in spelling alone; 0 for no word.
    pub(crate) fn spelling(&self, word: Word) -> u64 {
        self.entry(word).map_or(0, |entry| entry.spelling)
    }

    /// Number that words have in common that sound alike; 0 for no word.
    pub(crate) fn sound(&self, word: Word) -> u64 {
        self.entry(word).map_or(0, |entry| entry.sound)
    }

    fn entry(&self, word: Word) -> Option<&Entry> {
        entry(&self.entries, word.number())
    }
}

fn entry(entries: &[Entry], number: u32) -> Option<&Entry> {
    let place = usize::try_from(number).ok()?.checked_sub(1)?;
    entries.get(place)
}

impl Entry {
    fn new(text: &str, frequencies: &Frequencies) -> Self {
        let untoned = normalise::untoned(text);
        let shares = frequencies.shares(text);
        let rare = frequencies.rare();
        let listing = if shares.given > rare {
            Listing::Listed
        } else if text.is_ascii() && shares.given_untoned > rare {
            Listing::WithOtherTones
        } else {
            Listing::Unlisted
        };
        Self {
            spelling: stable_hash(normalise::spelling(text).as_bytes()),
            untoned_hash: stable_hash(untoned.as_bytes()),
            sound: stable_hash(normalise::sound(text).as_bytes()),
            is_abbreviation: text.ends_with('.'),
            listing,
            is_nickname: frequencies.is_nickname(text),
            shares,
            text: text.into(),
            untoned: untoned.into(),
        }
    }
}

/// Whether one word may be the abbreviation of the other: "v." of "văn".
fn abbreviation(one: &Entry, other: &Entry) -> Likeness {
    let start = |entry: &Entry| entry.untoned.trim_end_matches('.').len();
    let length = start(one).min(start(other));
    if length > 0 && one.untoned.get(..length) == other.untoned.get(..length) {
        Likeness::Abbreviated
    } else {
        Likeness::Different
    }
}

/// Whether one letter more, fewer or other, or two neighbours exchanged, makes one text the other. A
/// text of two letters is too short for an error to be told from another word.
fn is_one_error_apart(one: &[u8], other: &[u8]) -> bool {
    let (short, long) = if one.len() <= other.len() {
        (one, other)
    } else {
        (other, one)
    };
    if short.len() < 2 || long.len() < 3 || long.len() - short.len() > 1 {
        return false;
    }
    let same_start = short.iter().zip(long).take_while(|(a, b)| a == b).count();
    let (short_rest, long_rest) = (
        short.get(same_start..).unwrap_or_default(),
        long.get(same_start..).unwrap_or_default(),
    );
    if short.len() < long.len() {
        return long_rest.get(1..) == Some(short_rest);
    }
    match (short_rest, long_rest) {
        ([_, rest_one @ ..], [_, rest_other @ ..]) if rest_one == rest_other => true,
        ([a, b, rest_one @ ..], [c, d, rest_other @ ..]) => {
            a == d && b == c && rest_one == rest_other
        }
        _ => false,
    }
}

/// A hash that is the same on every machine and in every run (FNV-1a, 64 bits, mixed at its end).
pub(crate) fn stable_hash(bytes: &[u8]) -> u64 {
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    mix(hash)
}

/// Spreads the bits of a number, so that its low bits depend on all of it.
pub(crate) const fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    number ^ (number >> 29)
}

/// The low half of a number, never 0.
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "the low half is what is wanted"
)]
pub(crate) const fn short(number: u64) -> u32 {
    let low = number as u32;
    if low == 0 { 1 } else { low }
}

/// The lowest sixteen bits of a number, never 0.
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "the low bits are what is wanted"
)]
pub(crate) const fn brief(number: u64) -> u16 {
    let low = number as u16;
    if low == 0 { 1 } else { low }
}
