//! How a second registration differs from the first.

use rand::RngExt;
use rand::rngs::StdRng;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::domain::draft::{ChildDraft, UnitDraft};

/// The same child once more, in a commune, as another official wrote it down.
pub(super) fn register_again(
    first: &ChildDraft,
    commune: UnitDraft,
    chance: &mut StdRng,
) -> ChildDraft {
    let mut second = first.clone();
    let moved = second.commune.as_ref() != Some(&commune);
    second.commune = Some(commune);
    if moved {
        second.village = format!("Ấp {}", chance.random_range(1..13));
        if let Some(household) = &mut second.household {
            household.number = chance.random_range(1_u32..2_000).to_string();
        }
    }
    if chance.random_bool(0.25) {
        second.full_name = without_marks(&second.full_name);
    }
    if chance.random_bool(0.15) {
        second.full_name = second.full_name.to_uppercase();
    }
    if chance.random_bool(0.20) {
        second.carers.truncate(1);
    }
    if chance.random_bool(0.10) {
        swap_day_and_month(&mut second);
    }
    if chance.random_bool(0.05) {
        second.personal_number = String::new();
    }
    second
}

/// Whether both have the same number and agree on sex and birth year.
pub(super) fn is_findable(first: &ChildDraft, second: &ChildDraft) -> bool {
    let year = |draft: &ChildDraft| draft.birth_date.map(|date| date.year);
    !first.personal_number.is_empty()
        && first.personal_number == second.personal_number
        && first.sex == second.sex
        && year(first) == year(second)
}

/// Typed without a Vietnamese keyboard.
pub(super) fn without_marks(name: &str) -> String {
    name.nfd()
        .filter(|letter| !is_combining_mark(*letter))
        .map(|letter| match letter {
            'đ' => 'd',
            'Đ' => 'D',
            other => other,
        })
        .collect()
}

fn swap_day_and_month(draft: &mut ChildDraft) {
    if let Some(date) = &mut draft.birth_date
        && (1..=12).contains(&date.day)
    {
        let swapped = (date.day, date.month);
        // Swapping must not put the birth into the future: an earlier month always lies in the past.
        if swapped.0 <= date.month {
            (date.month, date.day) = swapped;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::draft::DateDraft;

    #[test]
    fn marks_are_lost_letters_are_kept() {
        assert_eq!(without_marks("Nguyễn Đặng Thuỳ"), "Nguyen Dang Thuy");
    }

    #[test]
    fn day_and_month_change_places() {
        let mut draft = ChildDraft {
            birth_date: Some(DateDraft::day(2018, 11, 3)),
            ..ChildDraft::default()
        };

        swap_day_and_month(&mut draft);

        assert!(draft.birth_date == Some(DateDraft::day(2018, 3, 11)));
    }
}
