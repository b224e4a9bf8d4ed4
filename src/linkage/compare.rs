//! Comparing two records: the level of every comparison.

mod dates;
mod names;
mod numbers;

use super::features::{Features, Vocabulary};
use super::levels::{Comparison, Level, Pattern};
use super::model::Model;
use super::places::Nearness;
use names::Names;

/// Compares two records. The order of the two does not matter.
pub fn compare(
    vocabulary: &Vocabulary,
    model: &Model,
    one: &Features,
    other: &Features,
) -> Pattern {
    let mut pattern = Pattern::default();
    let names = Names::of(vocabulary, model, one, other);
    names.compare_children(&mut pattern, one, other);
    names.compare_parents(&mut pattern, Comparison::Mother, &one.mother, &other.mother);
    names.compare_parents(&mut pattern, Comparison::Father, &one.father, &other.father);
    dates::compare_births(&mut pattern, one.birth, other.birth);
    numbers::compare_personal_numbers(&mut pattern, one.number, other.number);
    if let (Some(one), Some(other)) = (one.sex, other.sex) {
        pattern.set(Comparison::Sex, same_or_different(one == other));
    }
    compare_homes(vocabulary, &mut pattern, one, other);
    for (comparison, one, other) in [
        (Comparison::Phone, one.phone, other.phone),
        (Comparison::Insurance, one.insurance, other.insurance),
    ] {
        numbers::compare_long_numbers(&mut pattern, comparison, one, other);
    }
    for (comparison, one, other) in [
        (
            Comparison::Ethnicity,
            one.ethnicity.into(),
            other.ethnicity.into(),
        ),
        (
            Comparison::BirthOrder,
            one.birth_order.into(),
            other.birth_order.into(),
        ),
        (
            Comparison::BirthCertificate,
            one.certificate,
            other.certificate,
        ),
    ] {
        if one != 0 && other != 0 {
            pattern.set(comparison, same_or_different(one == other));
        }
    }
    pattern
}

fn same_or_different(same: bool) -> Level {
    if same { Level::Same } else { Level::Different }
}

/// Household numbers and villages mean something within one commune only.
fn compare_homes(vocabulary: &Vocabulary, pattern: &mut Pattern, one: &Features, other: &Features) {
    let Some(nearness) = vocabulary.places.nearness(one.commune, other.commune) else {
        return;
    };
    let commune = match nearness {
        Nearness::SameCommune => Level::Same,
        Nearness::SameProvince => Level::SameProvince,
        Nearness::Far => Level::Different,
    };
    pattern.set(Comparison::Commune, commune);
    if nearness != Nearness::SameCommune {
        return;
    }
    let compared = |one: u16, other: u16| (one != 0 && other != 0).then_some(one == other);
    let level = match (
        compared(one.household, other.household),
        compared(one.village, other.village),
    ) {
        // A house may be said to lie in the next village; another house of the same number is as likely.
        (Some(true), Some(false)) => Level::SomeAlike,
        (Some(true), Some(true) | None) => Level::Same,
        (Some(false), Some(true)) => Level::OtherHouse,
        (None, Some(true)) => Level::SameVillage,
        (Some(false), Some(false) | None) | (None, Some(false)) => Level::Different,
        (None, None) => Level::Missing,
    };
    pattern.set(Comparison::Household, level);
}
