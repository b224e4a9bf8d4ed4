//! Comparing personal identification numbers.

use crate::linkage::features::Number;
use crate::linkage::levels::{Comparison, Level, Pattern};

pub(super) fn compare_personal_numbers(pattern: &mut Pattern, one: Number, other: Number) {
    if one.digits() == 0 || other.digits() == 0 {
        return;
    }
    let doubtful = one.is_doubtful() || other.is_doubtful();
    let level = if one.digits() == other.digits() {
        if doubtful {
            Level::Doubtful
        } else {
            Level::Same
        }
    } else if one.is_pseudonym() || other.is_pseudonym() {
        // Two hubs have two keys, and of a real number no pseudonym can be told: unlike says nothing.
        Level::Missing
    } else if is_one_error_apart(one.digits(), other.digits()) {
        Level::OneTypingError
    } else if doubtful {
        // A number that its own record contradicts proves nothing against anybody.
        Level::Missing
    } else {
        Level::Different
    };
    pattern.set(Comparison::PersonalNumber, level);
}

/// Compares two telephones or two insurance numbers, which are kept modulo 2^32.
pub(super) fn compare_long_numbers(
    pattern: &mut Pattern,
    comparison: Comparison,
    one: u32,
    other: u32,
) {
    if one == 0 || other == 0 {
        return;
    }
    let level = if one == other {
        Level::Same
    } else if is_one_digit_apart(one, other) {
        Level::OneTypingError
    } else {
        Level::Different
    };
    pattern.set(comparison, level);
}

/// Digits of the longest number that is kept modulo 2^32.
const LONG_DIGITS: u32 = 12;

/// Whether two numbers differ in one digit: by 1 to 9 times a power of ten, also modulo 2^32. Of two
/// numbers that have nothing to do with each other one pair in twenty million does.
fn is_one_digit_apart(one: u32, other: u32) -> bool {
    let difference = one.wrapping_sub(other);
    let difference = difference.min(difference.wrapping_neg());
    let mut power = 1_u32;
    for _ in 0..LONG_DIGITS {
        let step = |digit: u32| {
            let step = power.wrapping_mul(digit);
            step.min(step.wrapping_neg())
        };
        if (1..10).any(|digit| step(digit) == difference) {
            return true;
        }
        power = power.wrapping_mul(10);
    }
    false
}

/// One digit other, or two neighbours exchanged.
fn is_one_error_apart(one: u64, other: u64) -> bool {
    let (mut one, mut other) = (one, other);
    while one % 10 == other % 10 {
        (one, other) = (one / 10, other / 10);
    }
    let exchanged = one % 10 == other / 10 % 10 && one / 10 % 10 == other % 10;
    one / 10 == other / 10 || (exchanged && one / 100 == other / 100)
}
