//! Names of twins, which are made alike, and of siblings, which share a middle name.

use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::naming::{Name, Naming};
use super::words::WORDS;

/// The second twin's name, made to go with the first's.
pub(super) fn alike(first: &Name, naming: Naming, chance: &mut StdRng) -> Name {
    let mut second = first.clone();
    match chance.random_range(0..100) {
        // Minh Anh and Anh Minh.
        0..12 if !first.middle.is_empty() => {
            let (before, last) = first
                .middle
                .rsplit_once(' ')
                .map_or(("", first.middle.as_str()), |(before, last)| (before, last));
            format!("{before} {}", first.given)
                .trim()
                .clone_into(&mut second.middle);
            last.clone_into(&mut second.given);
        }
        _ => second.given = given_alike(&first.given, naming, chance),
    }
    if second == *first {
        let given = &WORDS.of_sex(naming.is_female).given;
        given.draw(chance).clone_into(&mut second.given);
    }
    second
}

/// A sibling's name with the older one's middle name: Gia Bảo and Gia Hân.
pub(super) fn with_shared_middle(name: &mut Name, older: &Name) {
    let shared = older.middle.rsplit(' ').next().unwrap_or_default();
    // Thị and Văn are shared by everybody and tell nothing of a family.
    if shared.is_empty() || shared == "Thị" || shared == "Văn" || name.middle.is_empty() {
        return;
    }
    name.middle = match name.middle.rsplit_once(' ') {
        Some((before, _)) if before != shared => format!("{before} {shared}"),
        Some(_) | None => shared.to_owned(),
    };
}

/// A given name one tone, one letter, one rhyme or one first letter away, in this order of closeness as
/// far as there are any, so that a share of all pairs is as close as pairs can be.
fn given_alike(given: &str, naming: Naming, chance: &mut StdRng) -> String {
    let closeness = match chance.random_range(0..100) {
        0..45 => 0,
        45..70 => 1,
        70..85 => 2,
        _ => 3,
    };
    let words = WORDS.of_sex(naming.is_female);
    let recent = words
        .recent
        .words()
        .filter_map(|pair| pair.rsplit(' ').next());
    let candidates: Vec<&str> = words
        .given
        .words()
        .chain(recent)
        .filter(|word| *word != given)
        .collect();
    let near = (closeness..4).find_map(|closeness| {
        let near: Vec<&str> = candidates
            .iter()
            .copied()
            .filter(|word| is_near(given, word, closeness))
            .collect();
        near.choose(chance).copied()
    });
    near.or_else(|| candidates.choose(chance).copied())
        .unwrap_or(given)
        .to_owned()
}

/// Whether two given names are as close as that: 0 is one tone or letter apart, 1 a rhyme, 2 almost a
/// rhyme, 3 one first letter.
pub(super) fn is_near(one: &str, other: &str, closeness: u32) -> bool {
    let (bare_one, bare_other) = (bare(one), bare(other));
    match closeness {
        // Anh and Ánh; Vy and Vi differ by a letter.
        0 => bare_one == bare_other || one_letter_apart(&bare_one, &bare_other),
        // Hân and Ngân.
        1 => rhyme(one) == rhyme(other),
        2 => one_letter_apart(&rhyme(&bare_one), &rhyme(&bare_other)),
        _ => bare_one.chars().next() == bare_other.chars().next(),
    }
}

fn bare(word: &str) -> String {
    word.to_lowercase()
        .nfd()
        .filter(|letter| !is_combining_mark(*letter))
        .map(|letter| if letter == 'đ' { 'd' } else { letter })
        .collect()
}

/// A word from its first vowel on.
fn rhyme(word: &str) -> String {
    let word = word.to_lowercase();
    let is_vowel = |letter: char| {
        let base = letter.nfd().next().unwrap_or(letter);
        matches!(base, 'a' | 'e' | 'i' | 'o' | 'u' | 'y')
    };
    let start = word.find(is_vowel).unwrap_or_default();
    word.get(start..).unwrap_or_default().to_owned()
}

/// Whether one letter was added, dropped or exchanged.
fn one_letter_apart(one: &str, other: &str) -> bool {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let before = one.iter().zip(&other).take_while(|(a, b)| a == b).count();
    let (rest, other_rest) = (one.len() - before, other.len() - before);
    let after = one
        .iter()
        .rev()
        .zip(other.iter().rev())
        .take(rest.min(other_rest))
        .take_while(|(a, b)| a == b)
        .count();
    rest.max(other_rest) - after == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_letter_is_one_letter() {
        for (one, other) in [("bao", "bach"), ("khang", "khanh")] {
            assert_eq!(one_letter_apart(one, other), one == "khang", "{one}");
        }
        assert!(one_letter_apart("han", "hang"));
        assert!(!one_letter_apart("han", "han"));
    }

    #[test]
    fn a_rhyme_begins_with_the_vowel() {
        assert_eq!(rhyme("Ngân"), "ân");
        assert_eq!(rhyme("Hân"), "ân");
    }
}
