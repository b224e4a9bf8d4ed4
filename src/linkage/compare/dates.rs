//! Comparing dates of birth.

use crate::linkage::features::Birth;
use crate::linkage::levels::{Comparison, Level, Pattern};

/// Days after a birth in which the same mother does not bear another child.
const PREGNANCY_DAYS: i32 = 240;
/// Days between the birth and what a clerk may write for it.
const FEW_DAYS: i32 = 3;
/// The chance, as a logarithm to base 2, that two unrelated children are both said to be born on the
/// same first of January: one record in thirty has such a day, and there are sixteen years.
const NEW_YEAR_SHARE: f32 = -9.0;

pub(super) fn compare_births(pattern: &mut Pattern, one: Birth, other: Birth) {
    if !one.is_some() || !other.is_some() {
        return;
    }
    let level = level(one, other);
    if level == Level::Same && one.is_new_year() {
        pattern.set_shared(Comparison::BirthDate, level, NEW_YEAR_SHARE);
    } else {
        pattern.set(Comparison::BirthDate, level);
    }
}

fn level(one: Birth, other: Birth) -> Level {
    if !one.is_full() || !other.is_full() {
        return partial_level(one, other);
    }
    if one == other {
        return Level::Same;
    }
    if one.year == other.year && one.month == other.day && one.day == other.month {
        return Level::Swapped;
    }
    if digits_that_differ(one, other) == 1 {
        return Level::OneTypingError;
    }
    let days = (day_number(one) - day_number(other)).abs();
    if days <= FEW_DAYS {
        Level::FewDaysApart
    } else if one.year == other.year && (one.is_new_year() || other.is_new_year()) {
        // Somebody knew the year alone.
        Level::SameYear
    } else if days <= PREGNANCY_DAYS {
        Level::TooNear
    } else {
        Level::Different
    }
}

fn partial_level(one: Birth, other: Birth) -> Level {
    if one.year != other.year {
        return Level::Different;
    }
    match (one.month, other.month) {
        (0, _) | (_, 0) => Level::SameYear,
        (one, other) if one == other => Level::SameMonth,
        _ => Level::Different,
    }
}

fn digits_that_differ(one: Birth, other: Birth) -> u32 {
    let digits = |birth: Birth| {
        u32::from(birth.year) * 10_000 + u32::from(birth.month) * 100 + u32::from(birth.day)
    };
    let (mut one, mut other, mut count) = (digits(one), digits(other), 0);
    while one != other {
        count += u32::from(one % 10 != other % 10);
        one /= 10;
        other /= 10;
    }
    count
}

/// Days since some day, right to within two: months count as if all had 30.44 days.
fn day_number(birth: Birth) -> i32 {
    let months = i32::from(birth.year) * 12 + i32::from(birth.month);
    months * 3_044 / 100 + i32::from(birth.day)
}
