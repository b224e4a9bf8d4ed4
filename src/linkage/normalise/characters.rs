//! Letters: one form for each, whatever program wrote it.

use std::borrow::Cow;
use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::{decompose_canonical, is_combining_mark};

use super::faults::{Fault, Faults};
use super::legacy;

/// Letters up to here are in the tables; it is the end of the block that holds Vietnamese.
const TABLE_END: usize = 0x1f00;

/// The letter without its marks, đ included, for each letter in its lower case; 0 for what is none.
static BASES: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut bases = vec![0; TABLE_END];
    for (place, base) in (0_u32..).zip(bases.iter_mut()) {
        let Some(letter) = char::from_u32(place) else {
            continue;
        };
        let mut first = None;
        decompose_canonical(letter, |part| first = first.or(Some(part)));
        let plain = match first {
            Some('đ') => Some('d'),
            other => other,
        };
        *base = plain
            .filter(char::is_ascii_lowercase)
            .and_then(|plain| u8::try_from(plain).ok())
            .unwrap_or(0);
    }
    bases
});

/// Repairs the characters of a text: old encodings, order of marks, look-alikes, NFC. Case, spaces and
/// signs stay.
pub fn repair(text: &str) -> (Cow<'_, str>, Faults) {
    let mut faults = Faults::default();
    if text.is_ascii() {
        return (Cow::Borrowed(text), faults);
    }
    let mut repaired = Cow::Borrowed(text);
    if let Some((decoded, fault)) = legacy::decode(text) {
        faults.insert(fault);
        repaired = Cow::Owned(decoded);
    }
    if repaired
        .chars()
        .any(|letter| matches!(letter, 'Ð' | 'Ɖ' | 'ð' | 'ɖ'))
    {
        faults.insert(Fault::LookAlikeLetter);
        let plain = repaired.chars().map(|letter| match letter {
            'Ð' | 'Ɖ' => 'Đ',
            'ð' | 'ɖ' => 'đ',
            other => other,
        });
        repaired = Cow::Owned(plain.collect());
    }
    if repaired.chars().any(is_combining_mark) {
        let (composed, wrong_order) = compose(&repaired);
        faults.insert(if wrong_order {
            Fault::MarkOrder
        } else {
            Fault::Decomposed
        });
        repaired = Cow::Owned(composed);
    }
    (repaired, faults)
}

/// Puts letters and marks together; says whether a tone stood before another mark. Tone and circumflex
/// are of one class, so that no normal form puts them in order.
fn compose(text: &str) -> (String, bool) {
    let (mut letters, mut wrong_order) = (Vec::new(), false);
    let mut tone = None;
    for part in text.nfd() {
        if is_tone(part) {
            tone = Some(part);
        } else if is_combining_mark(part) {
            wrong_order |= tone.is_some();
            letters.push(part);
        } else {
            letters.extend(tone.take());
            letters.push(part);
        }
    }
    letters.extend(tone);
    (letters.into_iter().nfc().collect(), wrong_order)
}

/// Grave, acute, tilde, hook above, dot below.
pub(super) const fn is_tone(letter: char) -> bool {
    matches!(
        letter,
        '\u{300}' | '\u{301}' | '\u{303}' | '\u{309}' | '\u{323}'
    )
}

/// The lower case of each letter and digit; 0 for what is neither.
static LOWER: LazyLock<Vec<u16>> = LazyLock::new(|| {
    let mut lower = vec![0; TABLE_END];
    for (place, small) in (0_u32..).zip(lower.iter_mut()) {
        let letter = char::from_u32(place).filter(|letter| letter.is_alphanumeric());
        let Some(letter) = letter else { continue };
        let mut all = letter.to_lowercase();
        if let (Some(one), None) = (all.next(), all.next()) {
            *small = u16::try_from(u32::from(one)).unwrap_or(0);
        }
    }
    lower
});

/// Lower case, with apostrophes and whatever is no letter or digit left out.
pub(super) fn lower(piece: &str) -> String {
    let mut lower = String::with_capacity(piece.len());
    lower_into(piece, &mut lower);
    lower
}

/// The same at the end of a text.
pub(super) fn lower_into(piece: &str, lower: &mut String) {
    for letter in piece.chars() {
        if letter.is_ascii_lowercase() {
            lower.push(letter);
            continue;
        }
        let place = usize::try_from(u32::from(letter)).unwrap_or(usize::MAX);
        match LOWER.get(place).copied() {
            Some(0) if !letter.is_alphanumeric() => {}
            Some(small) if small != 0 => lower.extend(char::from_u32(small.into())),
            Some(_) | None if letter.is_alphanumeric() => lower.extend(letter.to_lowercase()),
            Some(_) | None => {}
        }
    }
}

/// A word without its tones and marks, đ as d.
pub fn untoned(word: &str) -> String {
    word.chars().map(base).collect()
}

/// A letter without its marks; what has none stays.
pub(super) fn base(letter: char) -> char {
    if letter.is_ascii() {
        return letter;
    }
    let place = usize::try_from(u32::from(letter)).unwrap_or(usize::MAX);
    match BASES.get(place) {
        Some(base) if *base != 0 => char::from(*base),
        Some(_) | None => letter,
    }
}

/// A letter apart from its tone: "ấ" is "â" and the acute.
pub(super) fn split_tone(letter: char) -> (char, Option<char>) {
    if letter.is_ascii() || letter == 'đ' {
        return (letter, None);
    }
    let (mut rest, mut tone) = (String::new(), None);
    decompose_canonical(letter, |part| {
        if is_tone(part) {
            tone = Some(part);
        } else {
            rest.push(part);
        }
    });
    (rest.nfc().next().unwrap_or(letter), tone)
}

/// A letter with a tone.
pub(super) fn with_tone(letter: char, tone: char) -> char {
    [letter, tone].into_iter().nfc().next().unwrap_or(letter)
}
