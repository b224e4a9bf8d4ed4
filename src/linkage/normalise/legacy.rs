//! Vietnamese text of the time before Unicode, read as if it were Latin-1 or Windows-1252.

use std::cmp::Reverse;

use super::characters;
use super::faults::Fault;
use super::known;
use super::syllables;
use crate::domain::legacy_text::{LegacyCharset, misread_byte, misread_bytes};

const fn fault(charset: LegacyCharset) -> Fault {
    match charset {
        LegacyCharset::Tcvn3 => Fault::Tcvn3,
        LegacyCharset::Vni => Fault::Vni,
        LegacyCharset::Viscii => Fault::Viscii,
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
    let bytes = misread_bytes(text)?;
    let utf8 = utf8(&bytes).map(|decoded| (decoded, Fault::Utf8AsWindows1252));
    let charsets = LegacyCharset::ALL.into_iter();
    let decoded = charsets.map(|charset| (charset.decode(&bytes), fault(charset)));
    let candidates = utf8.into_iter().chain(decoded);
    let scored = candidates.map(|(text, fault)| (impossible_words(&text), text, fault));
    // Some bytes are possible syllables in two encodings: then the one with more known names is meant.
    let (after, text, fault) =
        scored.min_by_key(|(impossible, text, _)| (*impossible, Reverse(known_words(text))))?;
    (after < before).then_some((text, fault))
}

/// Letters that stand in misread text: everything of Latin-1 above ASCII and the signs of Windows-1252.
fn is_suspicious(letter: char) -> bool {
    if letter.is_ascii() {
        return ('\u{1}'..'\u{20}').contains(&letter);
    }
    misread_byte(letter).is_some()
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
