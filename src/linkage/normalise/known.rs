//! Words that need no second look: those of the name lists and the usual ones of villages.

use std::sync::LazyLock;

use hashbrown::HashMap;

use super::characters::{lower, untoned};
use super::syllables;

/// Usual words of villages and residential groups.
const PLACES: [&str; 14] = [
    "ấp",
    "tổ",
    "thôn",
    "khóm",
    "dân",
    "phố",
    "khu",
    "số",
    "bản",
    "xóm",
    "buôn",
    "làng",
    "phường",
    "xã",
];

/// Known words in lower case, as they are written with and without marks, with their canonical form.
static KNOWN: LazyLock<HashMap<String, String>> = LazyLock::new(|| {
    let lists = [
        include_str!("../../../reference/names/family.csv"),
        include_str!("../../../reference/names/middle.csv"),
        include_str!("../../../reference/names/given.csv"),
        include_str!("../../../reference/names/given_compound.csv"),
    ];
    let rows = lists.into_iter().flat_map(|list| list.lines().skip(1));
    let names = rows.filter_map(|row| row.split(',').next());
    let words = names.flat_map(|name| name.split([' ', '/'])).map(lower);
    let words = words.chain(PLACES.map(str::to_owned));
    let mut known = HashMap::new();
    // Some names of the lists are in the old font of their source.
    for word in words.filter(|word| syllables::is_possible(word)) {
        let plain = untoned(&word);
        let mut canonical = word.clone();
        syllables::move_tone(&mut canonical);
        known.insert(plain.clone(), plain);
        known.insert(word, canonical.clone());
        known.insert(canonical.clone(), canonical);
    }
    known
});

/// The canonical form of a known word in lower case.
pub(super) fn canonical(word: &str) -> Option<&'static str> {
    KNOWN.get(word).map(String::as_str)
}
