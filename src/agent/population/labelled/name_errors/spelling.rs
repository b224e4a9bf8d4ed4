//! Errors of hearing and of rule: tones, regional sounds, i and y, and where a tone mark stands.

use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use unicode_normalization::UnicodeNormalization;

use crate::agent::population::errors::without_marks;

/// The five tone marks: sắc, huyền, hỏi, ngã, nặng.
const TONES: [char; 5] = ['\u{301}', '\u{300}', '\u{309}', '\u{303}', '\u{323}'];

fn is_tone(letter: char) -> bool {
    TONES.contains(&letter)
}

/// Takes the tone of one word away, or all its marks, or gives it another tone.
pub(super) fn lose_a_tone(words: &mut [String], chance: &mut StdRng) {
    let toned: Vec<usize> = (0..words.len())
        .filter(|index| {
            words
                .get(*index)
                .is_some_and(|word| word.nfd().any(is_tone))
        })
        .collect();
    let Some(word) = toned.choose(chance).and_then(|index| words.get_mut(*index)) else {
        return;
    };
    let kind = chance.random_range(0..3);
    let other = TONES.choose(chance).copied().unwrap_or('\u{301}');
    *word = match kind {
        0 => without_marks(word),
        1 => word
            .nfd()
            .map(|letter| if is_tone(letter) { other } else { letter })
            .nfc()
            .collect(),
        _ => word
            .nfd()
            .filter(|letter| !is_tone(*letter))
            .nfc()
            .collect(),
    };
}

/// Beginnings that sound alike somewhere.
const BEGINNINGS: [(&str, &str); 12] = [
    ("Tr", "Ch"),
    ("Ch", "Tr"),
    ("S", "X"),
    ("X", "S"),
    ("Gi", "D"),
    ("D", "Gi"),
    ("V", "D"),
    ("L", "N"),
    ("N", "L"),
    ("Qu", "W"),
    ("R", "G"),
    ("D", "V"),
];

/// Endings that sound alike somewhere.
const ENDINGS: [(&str, &str); 8] = [
    ("ng", "n"),
    ("n", "ng"),
    ("c", "t"),
    ("t", "c"),
    ("nh", "n"),
    ("ch", "t"),
    ("ay", "ai"),
    ("ao", "au"),
];

/// Writes one word as it sounds, where some word can be.
pub(super) fn as_it_sounds(words: &mut [String], chance: &mut StdRng) {
    let mut order: Vec<usize> = (0..words.len()).collect();
    order.shuffle(chance);
    let mut rules: Vec<u32> = (0..3).collect();
    for index in order {
        rules.shuffle(chance);
        let Some(word) = words.get_mut(index) else {
            continue;
        };
        let heard = rules.iter().find_map(|rule| match rule {
            0 => beginning(word, chance),
            1 => ending(word, chance),
            _ => hoi_or_nga(word),
        });
        if let Some(heard) = heard {
            *word = heard;
            return;
        }
    }
}

fn beginning(word: &str, chance: &mut StdRng) -> Option<String> {
    let fitting: Vec<String> = BEGINNINGS
        .iter()
        .filter_map(|(right, heard)| {
            let rest = word.strip_prefix(right)?;
            // Ng, Nh and other pairs of consonants are sounds of their own.
            let starts_with_vowel = !rest.starts_with(['g', 'h', 'r', 'i', '\'']);
            (starts_with_vowel && !rest.is_empty()).then(|| format!("{heard}{rest}"))
        })
        .collect();
    fitting.choose(chance).cloned()
}

fn ending(word: &str, chance: &mut StdRng) -> Option<String> {
    let fitting: Vec<String> = ENDINGS
        .iter()
        .filter_map(|(right, heard)| {
            let rest = word.strip_suffix(right)?;
            (rest.chars().count() > 1).then(|| format!("{rest}{heard}"))
        })
        .collect();
    fitting.choose(chance).cloned()
}

/// In the South the two tones are one.
fn hoi_or_nga(word: &str) -> Option<String> {
    let has = word
        .nfd()
        .any(|letter| matches!(letter, '\u{309}' | '\u{303}'));
    let exchanged = word.nfd().map(|letter| match letter {
        '\u{309}' => '\u{303}',
        '\u{303}' => '\u{309}',
        other => other,
    });
    has.then(|| exchanged.nfc().collect())
}

/// Lý and Lí, Mỹ and Mĩ: after h, k, l, m, s and t both are read alike.
pub(super) fn exchange_i_and_y(words: &mut [String]) {
    for word in words {
        let letters: Vec<char> = word.nfd().collect();
        let [first, vowel, ..] = letters.as_slice() else {
            continue;
        };
        let single = letters.iter().skip(2).all(|letter| is_tone(*letter));
        if !single || !matches!(first, 'H' | 'K' | 'L' | 'M' | 'S' | 'T') {
            continue;
        }
        let other = match vowel {
            'i' => 'y',
            'y' => 'i',
            _ => continue,
        };
        *word = [*first, other]
            .into_iter()
            .chain(letters.iter().skip(2).copied())
            .nfc()
            .collect();
    }
}

/// Moves the tone mark of open oa, oe and uy: hòa and hoà. Not after q.
pub(super) fn move_tones(words: &mut [String]) {
    for word in words {
        let letters: Vec<char> = word.nfd().collect();
        let moved = match letters.as_slice() {
            [before @ .., one, tone, other] if is_tone(*tone) && is_open(before, *one, *other) => {
                [before, &[*one, *other, *tone]].concat()
            }
            [before @ .., one, other, tone] if is_tone(*tone) && is_open(before, *one, *other) => {
                [before, &[*one, *tone, *other]].concat()
            }
            _ => continue,
        };
        *word = moved.into_iter().nfc().collect();
    }
}

fn is_open(before: &[char], one: char, other: char) -> bool {
    matches!((one, other), ('o', 'a' | 'e') | ('u', 'y'))
        && !matches!(before.last(), Some('q' | 'Q') | None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(change: impl Fn(&mut [String]), word: &str) -> String {
        let mut words = [word.to_owned()];
        change(&mut words);
        words.concat()
    }

    #[test]
    fn a_tone_mark_moves_to_and_fro_but_not_after_q() {
        for (one, other) in [
            ("Hòa", "Hoà"),
            ("Thuý", "Thúy"),
            ("Quý", "Quý"),
            ("Hoàng", "Hoàng"),
        ] {
            assert_eq!(after(move_tones, one), other);
        }
    }

    #[test]
    fn i_and_y_are_exchanged_where_they_sound_alike() {
        for (one, other) in [("Lý", "Lí"), ("Mĩ", "Mỹ"), ("Vy", "Vy"), ("Thi", "Thi")] {
            assert_eq!(after(exchange_i_and_y, one), other);
        }
    }

    #[test]
    fn hoi_and_nga_are_one_tone_in_the_south() {
        assert_eq!(hoi_or_nga("Mỹ").as_deref(), Some("Mỷ"));
        assert_eq!(hoi_or_nga("Lan"), None);
    }
}
