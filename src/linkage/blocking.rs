//! Blocking keys: two records are compared only if they share one.
//!
//! Each key puts other fields together, so that no single wrong or missing field hides a pair.

use super::features::{Features, Vocabulary};
use super::model::Model;
use super::words::{mix, short};

/// Keys that a record has at most.
pub(super) const KEYS: usize = 10;

/// The keys of a record; 0 where it lacks what the key is made of.
pub(super) type Keys = [u32; KEYS];

/// The keys of a record. They depend on the record and the model alone.
pub(super) fn keys(vocabulary: &Vocabulary, model: &Model, record: &Features) -> Keys {
    let words = &vocabulary.words;
    let given = words.sound(record.name.given());
    let family = words.sound(record.name.family());
    let whole = record.name.untoned_in_any_order(words);
    let mother = record.mother.untoned_in_any_order(words);
    let mother_ends = record.mother.untoned_ends(words);
    let father = record.father.untoned_in_any_order(words);
    let commune = vocabulary.places.today(record.commune);
    let birth = record.birth;
    let year = u64::from(birth.year);
    let date = if birth.is_full() {
        year * 10_000 + u64::from(birth.month) * 100 + u64::from(birth.day)
    } else {
        0
    };
    let name = if is_common(vocabulary, model, record) {
        whole
    } else {
        mix(family) ^ given
    };
    [
        key(1, &[record.number.digits]),
        key(2, &[name, date]),
        key(3, &[mother_ends, date]),
        key(4, &[mother, given]),
        key(5, &[whole, year, commune]),
        key(6, &[given, date, commune]),
        key(
            7,
            &[
                u64::from(record.phone),
                if given == 0 { date } else { given },
            ],
        ),
        key(8, &[father, given]),
        key(10, &[father, date]),
        key(
            9,
            &[
                u64::from(if record.insurance == 0 {
                    record.certificate
                } else {
                    record.insurance
                }),
                year,
            ],
        ),
    ]
}

/// Whether family name and given name together are so common that the middle names must help.
fn is_common(vocabulary: &Vocabulary, model: &Model, record: &Features) -> bool {
    let family = vocabulary.words.shares(record.name.family()).family_untoned;
    let given = vocabulary.words.shares(record.name.given()).given_untoned;
    family + given > model.common_name()
}

/// One key from its parts; 0 if a part is missing. The first number keeps keys of different kinds apart.
fn key(kind: u64, parts: &[u64]) -> u32 {
    if parts.contains(&0) {
        return 0;
    }
    let hash = parts
        .iter()
        .fold(kind, |hash, part| mix(hash.rotate_left(23) ^ *part));
    short(hash)
}
