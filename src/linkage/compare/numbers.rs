//! Comparing personal identification numbers.

use crate::linkage::features::Number;
use crate::linkage::levels::{Comparison, Level, Pattern};

pub(super) fn compare_personal_numbers(pattern: &mut Pattern, one: Number, other: Number) {
    if one.digits == 0 || other.digits == 0 {
        return;
    }
    let doubtful = one.is_doubtful || other.is_doubtful;
    let level = if one.digits == other.digits {
        if doubtful {
            Level::Doubtful
        } else {
            Level::Same
        }
    } else if is_one_error_apart(one.digits, other.digits) {
        Level::OneTypingError
    } else if doubtful {
        // A number that its own record contradicts proves nothing against anybody.
        Level::Missing
    } else {
        Level::Different
    };
    pattern.set(Comparison::PersonalNumber, level);
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
