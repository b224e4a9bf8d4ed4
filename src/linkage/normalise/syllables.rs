//! Vietnamese syllables: what can be one, how tones are placed, and what sounds alike.

use super::characters::{base, split_tone, with_tone};

/// Beginnings of syllables, the longest first.
const ONSETS: [&str; 27] = [
    "ngh", "ch", "gh", "gi", "kh", "ng", "nh", "ph", "qu", "th", "tr", "b", "c", "d", "đ", "g",
    "h", "k", "l", "m", "n", "p", "r", "s", "t", "v", "x",
];

/// Vowels that a consonant may follow.
const CLOSED: [&str; 25] = [
    "a", "ă", "â", "e", "ê", "i", "o", "ô", "ơ", "u", "ư", "y", "iê", "yê", "uô", "ươ", "oa", "oă",
    "oe", "uâ", "uê", "uy", "uyê", "oo", "ie",
];

/// Vowels that nothing follows.
const OPEN: [&str; 36] = [
    "a", "e", "ê", "i", "o", "ô", "ơ", "u", "ư", "y", "ia", "ya", "ua", "ưa", "oa", "oe", "uê",
    "uy", "uơ", "uya", "ai", "ao", "au", "ay", "âu", "ây", "eo", "êu", "iu", "iêu", "oi", "ôi",
    "ơi", "oai", "oay", "ui",
];

/// More vowels that nothing follows.
const OPEN_RARE: [&str; 10] = [
    "yêu", "ưi", "ưu", "uôi", "ươi", "ươu", "uây", "uyu", "oeo", "uâ",
];

const CODAS: [&str; 8] = ["ch", "ng", "nh", "c", "m", "n", "p", "t"];

/// Whether a word in lower case can be a Vietnamese syllable, with its marks or with none at all.
pub(super) fn is_possible(word: &str) -> bool {
    let mut tones = 0;
    let mut letters = String::with_capacity(word.len());
    for letter in word.chars() {
        let (plain, tone) = split_tone(letter);
        tones += usize::from(tone.is_some());
        letters.push(plain);
    }
    if tones > 1 {
        return false;
    }
    let is_plain = tones == 0 && word.is_ascii();
    let onsets = ONSETS
        .iter()
        .copied()
        .filter(|onset| letters.starts_with(onset));
    onsets.chain([""]).any(|onset| {
        let rime = letters.get(onset.len()..).unwrap_or_default();
        // In "gi" and "qu" the vowel may be the whole rest.
        (onset == "gi" && rime.is_empty()) || is_rime(rime, is_plain)
    })
}

/// Whether the rest of a syllable is possible; a word without any marks may have lost them.
fn is_rime(rime: &str, is_plain: bool) -> bool {
    let same = |known: &str| {
        if is_plain {
            known.chars().map(base).eq(rime.chars())
        } else {
            known == rime
        }
    };
    if OPEN.iter().chain(&OPEN_RARE).any(|vowels| same(vowels)) {
        return true;
    }
    CODAS.iter().any(|coda| {
        rime.strip_suffix(coda).is_some_and(|vowels| {
            CLOSED.iter().any(|known| {
                if is_plain {
                    known.chars().map(base).eq(vowels.chars())
                } else {
                    *known == vowels
                }
            })
        })
    })
}

/// Puts the tone of an open oa, oe or uy on its second letter, as the schools do since 1984 and most
/// programs: "hòa" becomes "hoà". Says whether it moved.
pub(super) fn move_tone(word: &mut String) -> bool {
    if word.is_ascii() || !word.ends_with(['a', 'e', 'y']) {
        return false;
    }
    let mut letters = word.chars().rev();
    let (Some(last), Some(before)) = (letters.next(), letters.next()) else {
        return false;
    };
    let (vowel, Some(tone)) = split_tone(before) else {
        return false;
    };
    let is_open = matches!((vowel, last), ('o', 'a' | 'e') | ('u', 'y'));
    if !is_open || letters.next() == Some('q') {
        return false;
    }
    let start = word.len() - before.len_utf8() - last.len_utf8();
    word.truncate(start);
    word.push(vowel);
    word.push(with_tone(last, tone));
    true
}

/// A word with i for y where the two are only spellings: after h, k, l, m, s and t and with nothing behind.
/// Vi and Vy are two names.
pub fn spelling(word: &str) -> String {
    let mut letters = word.chars();
    let (Some(onset), Some(vowel), None) = (letters.next(), letters.next(), letters.next()) else {
        return word.to_owned();
    };
    let (plain, tone) = split_tone(vowel);
    if plain == 'y' && matches!(onset, 'h' | 'k' | 'l' | 'm' | 's' | 't') {
        let vowel = tone.map_or('i', |tone| with_tone('i', tone));
        return [onset, vowel].into_iter().collect();
    }
    word.to_owned()
}

/// Beginnings that one region or another says alike, the longest first: s and x, tr and ch, and d, gi,
/// r and v; l and n; c, k and q.
const ALIKE_ONSETS: [(&str, &str); 17] = [
    ("ngh", "ng"),
    ("gi", "d"),
    ("gh", "g"),
    ("qu", "cu"),
    ("tr", "ch"),
    ("th", "th"),
    ("ch", "ch"),
    ("kh", "kh"),
    ("ng", "ng"),
    ("nh", "nh"),
    ("ph", "ph"),
    ("x", "s"),
    ("r", "d"),
    ("v", "d"),
    ("n", "l"),
    ("k", "c"),
    ("q", "c"),
];

/// Ends that one region or another says alike: n, ng and nh; t, c and ch.
const ALIKE_CODAS: [(&str, &str); 4] = [("ng", "n"), ("nh", "n"), ("ch", "t"), ("c", "t")];

/// What a word sounds like to somebody of another region: without tones and marks, with beginnings and
/// ends that are said alike made the same, and y as i.
pub fn sound(word: &str) -> String {
    let plain: String = word.chars().map(base).collect();
    if matches!(plain.as_str(), "vi" | "vy") {
        return plain;
    }
    let onset = ALIKE_ONSETS
        .iter()
        .find(|(written, _)| plain.starts_with(written));
    let (onset, rest) = match onset {
        // "Gìn" begins with gi and has no other vowel.
        Some(("gi", _)) if !plain.get(2..).is_some_and(|rest| rest.contains(is_vowel)) => {
            ("d", plain.get(1..))
        }
        Some((written, said)) => (*said, plain.get(written.len()..)),
        None => ("", Some(plain.as_str())),
    };
    let rest = rest.unwrap_or_default();
    let coda = ALIKE_CODAS
        .iter()
        .find(|(written, _)| rest.len() > written.len() && rest.ends_with(written));
    let rest = coda.map_or_else(
        || rest.to_owned(),
        |(written, said)| format!("{}{said}", rest.strip_suffix(written).unwrap_or(rest)),
    );
    format!("{onset}{}", rest.replace('y', "i"))
}

fn is_vowel(letter: char) -> bool {
    matches!(letter, 'a' | 'e' | 'i' | 'o' | 'u' | 'y')
}
