//! Keystrokes of typing methods that were left in a word: "Nguyeenx", "Nguye6n4".

use super::characters::with_tone;
use super::faults::Fault;
use super::syllables;

/// Whether a word has what keystrokes leave and no Vietnamese word has: digits, f, j or w, a double a, e,
/// o or d, or s, r or x behind the beginning.
pub(super) fn may_be(word: &str) -> bool {
    let bytes = word.as_bytes();
    let doubled = bytes
        .windows(2)
        .any(|pair| matches!(pair, b"aa" | b"ee" | b"oo" | b"dd"));
    doubled
        || bytes.iter().enumerate().any(|(place, byte)| match byte {
            b'0'..=b'9' | b'f' | b'j' | b'w' => true,
            b's' | b'x' => place > 0,
            b'r' => place > 0 && !(place == 1 && bytes.first() == Some(&b't')),
            _ => false,
        })
}

/// The word that was meant, if the word as it stands is keystrokes and the decoded one is a syllable.
/// Asked only for words that cannot be syllables.
pub(super) fn decode(word: &str) -> Option<(String, Fault)> {
    if !word.is_ascii() || word.len() < 3 {
        return None;
    }
    let is_vni = word.bytes().any(|byte| byte.is_ascii_digit());
    let (decoded, fault) = if is_vni {
        (read(word, vni_key)?, Fault::VniKeystrokes)
    } else {
        (read(word, telex_key)?, Fault::Telex)
    };
    syllables::is_possible(&decoded).then_some((decoded, fault))
}

/// What a key does after the letters before it.
enum Key {
    /// Gives the syllable a tone.
    Tone(char),
    /// Turns the last of such letters into another.
    Marks(&'static [(char, char)]),
    /// A letter.
    Letter,
}

const CIRCUMFLEX: &[(char, char)] = &[('a', 'â'), ('e', 'ê'), ('o', 'ô')];
const HORN: &[(char, char)] = &[('o', 'ơ'), ('u', 'ư')];
const BREVE: &[(char, char)] = &[('a', 'ă')];
const STROKE: &[(char, char)] = &[('d', 'đ')];
const W_KEY: &[(char, char)] = &[('a', 'ă'), ('o', 'ơ'), ('u', 'ư')];

const ACUTE: char = '\u{301}';
const GRAVE: char = '\u{300}';
const HOOK: char = '\u{309}';
const TILDE: char = '\u{303}';
const DOT: char = '\u{323}';

fn vni_key(key: char, _: &str) -> Key {
    match key {
        '1' => Key::Tone(ACUTE),
        '2' => Key::Tone(GRAVE),
        '3' => Key::Tone(HOOK),
        '4' => Key::Tone(TILDE),
        '5' => Key::Tone(DOT),
        '6' => Key::Marks(CIRCUMFLEX),
        '7' => Key::Marks(HORN),
        '8' => Key::Marks(BREVE),
        '9' => Key::Marks(STROKE),
        _ => Key::Letter,
    }
}

/// A letter is a key only after a letter that it can change: a tone after a vowel, a second a, e, o or d.
fn telex_key(key: char, before: &str) -> Key {
    let has_vowel = before.contains(|letter: char| "aeiouyăâêôơư".contains(letter));
    match key {
        's' if has_vowel => Key::Tone(ACUTE),
        'f' if has_vowel => Key::Tone(GRAVE),
        'r' if has_vowel => Key::Tone(HOOK),
        'x' if has_vowel => Key::Tone(TILDE),
        'j' if has_vowel => Key::Tone(DOT),
        'w' if has_vowel => Key::Marks(W_KEY),
        'a' if before.contains('a') => Key::Marks(&[('a', 'â')]),
        'e' if before.contains('e') => Key::Marks(&[('e', 'ê')]),
        'o' if before.contains('o') => Key::Marks(&[('o', 'ô')]),
        'd' if before.starts_with('d') => Key::Marks(STROKE),
        _ => Key::Letter,
    }
}

fn read(word: &str, meaning: fn(char, &str) -> Key) -> Option<String> {
    let (mut letters, mut tone) = (String::with_capacity(word.len()), None);
    for key in word.chars() {
        match meaning(key, &letters) {
            Key::Letter => letters.push(key),
            Key::Tone(mark) => tone = Some(mark),
            Key::Marks(marks) => mark_last(&mut letters, marks)?,
        }
    }
    Some(match tone {
        Some(tone) => put_tone(&letters, tone)?,
        None => letters,
    })
}

/// Turns the last letter that a mark can be put on; "uo" takes the horn on both.
fn mark_last(letters: &mut String, marks: &[(char, char)]) -> Option<()> {
    let (place, plain) = letters
        .char_indices()
        .rev()
        .find(|(_, letter)| marks.iter().any(|(plain, _)| plain == letter))?;
    let (_, marked) = marks.iter().find(|(known, _)| *known == plain)?;
    if *marked == 'ơ' && letters.get(..place)?.ends_with('u') && !letters.starts_with("qu") {
        letters.replace_range(place - 1..=place, "ươ");
    } else {
        letters.replace_range(place..place + plain.len_utf8(), &marked.to_string());
    }
    Some(())
}

/// Puts the tone on its letter: the one with a mark, else the last vowel before a consonant at the end,
/// else the second of oa, oe, uy, else the first of two.
fn put_tone(letters: &str, tone: char) -> Option<String> {
    let all: Vec<char> = letters.chars().collect();
    let is_vowel = |letter: &char| "aeiouyăâêôơư".contains(*letter);
    let onset = match all.as_slice() {
        ['q', 'u', ..] => 2,
        ['g', 'i', next, ..] if is_vowel(next) => 2,
        _ => 0,
    };
    let vowels: Vec<usize> = (onset..all.len())
        .filter(|at| all.get(*at).is_some_and(is_vowel))
        .collect();
    let marked = vowels
        .iter()
        .rev()
        .find(|at| all.get(**at).is_some_and(|c| "ăâêôơư".contains(*c)));
    let ends_closed = all.last().is_some_and(|last| !is_vowel(last));
    let last_two = vowels
        .len()
        .checked_sub(2)
        .and_then(|from| vowels.get(from..));
    let is_glide = last_two.is_some_and(|two| {
        let pair: String = two.iter().filter_map(|at| all.get(*at)).collect();
        matches!(pair.as_str(), "oa" | "oe" | "uy")
    });
    let place = match (marked, vowels.as_slice()) {
        (Some(place), _) => *place,
        (None, [.., last]) if ends_closed || is_glide || vowels.len() == 1 => *last,
        (None, [.., before, _]) => *before,
        (None, _) => return None,
    };
    let with = |(at, letter): (usize, &char)| {
        if at == place {
            with_tone(*letter, tone)
        } else {
            *letter
        }
    };
    Some(all.iter().enumerate().map(with).collect())
}
