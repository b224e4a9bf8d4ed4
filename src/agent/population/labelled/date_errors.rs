//! Birth dates as they are written down.

use rand::RngExt;
use rand::rngs::StdRng;
use time::{Date, Duration, Month};

use super::mix::DateShares;

/// An error in a date, or how much of it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum DateFault {
    YearOnly,
    MonthOnly,
    FirstOfJanuary,
    DayAndMonthSwapped,
    DigitWrong,
    DayOff,
    YearOff,
}

/// The date as an entry has it: never after the day of the entry, so that it can be believed.
pub(super) fn written(
    born: Date,
    entered: Date,
    shares: &DateShares,
    quality: f64,
    chance: &mut StdRng,
) -> String {
    let kinds = [
        (DateFault::YearOnly, shares.year_only),
        (DateFault::MonthOnly, shares.month_only),
        (DateFault::FirstOfJanuary, shares.first_of_january),
        (DateFault::DayAndMonthSwapped, shares.day_and_month_swapped),
        (DateFault::DigitWrong, shares.digit_wrong),
        (DateFault::DayOff, shares.day_off),
        (DateFault::YearOff, shares.year_off),
    ];
    let (year, month, day) = (born.year(), u8::from(born.month()), born.day());
    let other = match super::name_errors::pick(&kinds, quality, chance) {
        None => None,
        Some(DateFault::YearOnly) => return year.to_string(),
        Some(DateFault::MonthOnly) => return format!("{year}-{month:02}"),
        Some(DateFault::FirstOfJanuary) => Date::from_ordinal_date(year, 1).ok(),
        Some(DateFault::DayAndMonthSwapped) => date(year, day, month),
        Some(DateFault::DigitWrong) => digit_wrong(born, chance),
        Some(DateFault::DayOff) => Some(born + Duration::days(one_up_or_down(chance))),
        Some(DateFault::YearOff) => {
            let year = i64::from(year) + one_up_or_down(chance);
            i32::try_from(year)
                .ok()
                .and_then(|year| date(year, month, day))
        }
    };
    let date = other.filter(|date| *date <= entered).unwrap_or(born);
    format!(
        "{}-{:02}-{:02}",
        date.year(),
        u8::from(date.month()),
        date.day()
    )
}

fn one_up_or_down(chance: &mut StdRng) -> i64 {
    if chance.random_bool(0.5) { 1 } else { -1 }
}

fn date(year: i32, month: u8, day: u8) -> Option<Date> {
    Date::from_calendar_date(year, Month::try_from(month).ok()?, day).ok()
}

/// One digit of day, month or the year's last two exchanged for another, such that it is a date.
fn digit_wrong(born: Date, chance: &mut StdRng) -> Option<Date> {
    let other = |number: u8, chance: &mut StdRng| {
        let digit = chance.random_range(0..10);
        if chance.random_bool(0.7) {
            number / 10 * 10 + digit
        } else {
            digit % 4 * 10 + number % 10
        }
    };
    (0..10).find_map(|_| {
        let (year, month, day) = (born.year(), u8::from(born.month()), born.day());
        let wrong = match chance.random_range(0..10) {
            0..6 => date(year, month, other(day, chance)),
            6..8 => date(year, other(month, chance), day),
            _ => date(year / 10 * 10 + chance.random_range(0..10), month, day),
        };
        wrong.filter(|wrong| *wrong != born)
    })
}
