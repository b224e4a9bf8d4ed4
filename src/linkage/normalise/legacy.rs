//! Vietnamese text of the time before Unicode, read as if it were Latin-1 or Windows-1252.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::LazyLock;

use super::characters;
use super::faults::Fault;
use super::known;
use super::syllables;

/// Letters of one or two bytes by the bytes; only those that are not ASCII.
struct Charset {
    letters: HashMap<(u8, u8), char>,
    fault: Fault,
}

static CHARSETS: LazyLock<[Charset; 3]> = LazyLock::new(|| {
    [
        Charset::read("TCVN5712-1", Fault::Tcvn3),
        Charset::read("VNI-Windows", Fault::Vni),
        Charset::read("VISCII", Fault::Viscii),
    ]
});

/// Windows-1252 has letters and signs where Latin-1 has controls.
const WINDOWS_1252: [(char, u8); 27] = [
    ('€', 0x80),
    ('‚', 0x82),
    ('ƒ', 0x83),
    ('„', 0x84),
    ('…', 0x85),
    ('†', 0x86),
    ('‡', 0x87),
    ('ˆ', 0x88),
    ('‰', 0x89),
    ('Š', 0x8a),
    ('‹', 0x8b),
    ('Œ', 0x8c),
    ('Ž', 0x8e),
    ('‘', 0x91),
    ('’', 0x92),
    ('“', 0x93),
    ('”', 0x94),
    ('•', 0x95),
    ('–', 0x96),
    ('—', 0x97),
    ('˜', 0x98),
    ('™', 0x99),
    ('š', 0x9a),
    ('›', 0x9b),
    ('œ', 0x9c),
    ('ž', 0x9e),
    ('Ÿ', 0x9f),
];

impl Charset {
    fn read(name: &str, fault: Fault) -> Self {
        let rows = include_str!("../../../reference/codes/legacy_charsets.csv").lines();
        let letters = rows.filter_map(|row| {
            let mut cells = row.split(',');
            let bytes = cells
                .next()
                .filter(|charset| *charset == name)
                .and(cells.next())?;
            let letter = cells.next()?.chars().next()?;
            let mut bytes = bytes.split(' ').map(|byte| u8::from_str_radix(byte, 16));
            let first = bytes.next()?.ok()?;
            let second = bytes.next().and_then(Result::ok).unwrap_or(0);
            // Fonts of TCVN3 have no control characters: capital letters with tones were another font's.
            let is_control = fault == Fault::Tcvn3 && first < 0x80;
            (!is_control).then_some(((first, second), letter))
        });
        Self {
            letters: letters.collect(),
            fault,
        }
    }

    fn decode(&self, bytes: &[u8]) -> String {
        let mut decoded = String::with_capacity(bytes.len() * 2);
        let mut rest = bytes;
        while let [first, after @ ..] = rest {
            let two = after
                .first()
                .and_then(|second| self.letters.get(&(*first, *second)));
            let one = self.letters.get(&(*first, 0));
            rest = match (two, one) {
                (Some(letter), _) => {
                    decoded.push(*letter);
                    after.get(1..).unwrap_or_default()
                }
                (None, one) => {
                    decoded.push(one.copied().unwrap_or(char::from(*first)));
                    after
                }
            };
        }
        decoded
    }
}

/// The text as it was meant, if it is Vietnamese of an old encoding: it must be no good as it stands and
/// good when decoded.
pub(super) fn decode(text: &str) -> Option<(String, Fault)> {
    if !text.chars().any(is_suspicious) {
        return None;
    }
    let before = impossible_words(text);
    if before == 0 {
        return None;
    }
    let bytes = bytes_of(text)?;
    let utf8 = utf8(&bytes).map(|decoded| (decoded, Fault::Utf8AsWindows1252));
    let charsets = CHARSETS.iter();
    let decoded = charsets.map(|charset| (charset.decode(&bytes), charset.fault));
    let candidates = utf8.into_iter().chain(decoded);
    let scored = candidates.map(|(text, fault)| (impossible_words(&text), text, fault));
    // Some bytes are possible syllables in two encodings: then the one with more known names is meant.
    let (after, text, fault) =
        scored.min_by_key(|(impossible, text, _)| (*impossible, Reverse(known_words(text))))?;
    (after < before).then_some((text, fault))
}

/// Letters that stand in misread text: everything of Latin-1 above ASCII and the signs of Windows-1252.
fn is_suspicious(letter: char) -> bool {
    ('\u{80}'..='\u{ff}').contains(&letter)
        || ('\u{1}'..'\u{20}').contains(&letter)
        || WINDOWS_1252.iter().any(|(known, _)| *known == letter)
}

fn bytes_of(text: &str) -> Option<Vec<u8>> {
    let byte = |letter: char| {
        let special = WINDOWS_1252.iter().find(|(known, _)| *known == letter);
        special
            .map(|(_, byte)| *byte)
            .or(u8::try_from(u32::from(letter)).ok())
    };
    text.chars().map(byte).collect()
}

/// The text, if the bytes are UTF-8. A last byte that looked like a space may have been cut off.
fn utf8(bytes: &[u8]) -> Option<String> {
    let mut bytes = bytes.to_vec();
    if bytes.last().is_some_and(|last| *last >= 0xc0) {
        bytes.push(0xa0);
    }
    let text = String::from_utf8(bytes).ok()?;
    (!text.is_ascii()).then_some(text)
}

fn known_words(text: &str) -> usize {
    let words = text.split([' ', '.', '-']).map(characters::lower);
    words
        .filter(|word| known::canonical(word).is_some())
        .count()
}

/// How many words of a text cannot be Vietnamese syllables.
fn impossible_words(text: &str) -> usize {
    let words = text.split([' ', '.', '-']);
    let words = words.filter(|word| !word.is_empty() && !word.is_ascii());
    let impossible = words.filter(|word| {
        let lower = characters::lower(word);
        known::canonical(&lower).is_none()
            && (lower.chars().count()
                != word
                    .chars()
                    .filter(|letter| !"'’".contains(*letter))
                    .count()
                || !syllables::is_possible(&lower))
    });
    impossible.count()
}
