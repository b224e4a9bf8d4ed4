//! Errors of fingers: a neighbouring key, a letter missing, doubled, or swapped with the next.

use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

/// Keys with those beside them.
const NEIGHBOURS: [(char, &str); 22] = [
    ('a', "sq"),
    ('b', "vn"),
    ('c', "xv"),
    ('d', "sf"),
    ('e', "wr"),
    ('g', "fh"),
    ('h', "gj"),
    ('i', "uo"),
    ('k', "jl"),
    ('l', "k"),
    ('m', "n"),
    ('n', "bm"),
    ('o', "ip"),
    ('p', "o"),
    ('q', "wa"),
    ('r', "et"),
    ('s', "ad"),
    ('t', "ry"),
    ('u', "yi"),
    ('v', "cb"),
    ('x', "zc"),
    ('y', "tu"),
];

/// Mistypes one letter of one word; words of two letters and less are left alone.
pub(super) fn mistype(words: &mut [String], chance: &mut StdRng) {
    let long: Vec<usize> = (0..words.len())
        .filter(|index| {
            words
                .get(*index)
                .is_some_and(|word| word.chars().count() > 2)
        })
        .collect();
    let Some(word) = long.choose(chance).and_then(|index| words.get_mut(*index)) else {
        return;
    };
    let mut letters: Vec<char> = word.chars().collect();
    let place = chance.random_range(0..letters.len());
    // The first letter is seen while typing and mostly right.
    let later = chance.random_range(1..letters.len());
    match chance.random_range(0..4) {
        0 => press_neighbour(&mut letters, place, chance),
        1 => {
            letters.remove(later);
        }
        2 => {
            if let Some(letter) = letters.get(later).copied() {
                letters.insert(later, letter);
            }
        }
        // Capitals stay in front.
        _ => letters.swap(later.max(2) - 1, later.max(2)),
    }
    *word = letters.into_iter().collect();
}

fn press_neighbour(letters: &mut [char], place: usize, chance: &mut StdRng) {
    let Some(letter) = letters.get_mut(place) else {
        return;
    };
    let key = letter.to_ascii_lowercase();
    let near = NEIGHBOURS.iter().find(|(of, _)| *of == key);
    let near: Vec<char> = near.map_or_else(Vec::new, |(_, near)| near.chars().collect());
    if let Some(pressed) = near.choose(chance) {
        *letter = if letter.is_uppercase() {
            pressed.to_ascii_uppercase()
        } else {
            *pressed
        };
    }
}
