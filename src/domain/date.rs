//! Dates as far as they are known.

use time::{Date, Month};

/// Earliest year of any date in a record.
pub const YEAR_MIN: i32 = 1900;
/// Latest year of any date in a record.
pub const YEAR_MAX: i32 = 2200;

/// How much of a date is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Precision {
    /// Year, month and day.
    #[default]
    Day,
    /// Year and month.
    Month,
    /// The year.
    Year,
    /// The year is an estimate.
    Estimated,
}

/// A date in the Gregorian calendar, as far as it is known. Part of what identifies a child, and so
/// never shown.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PartialDate {
    first: Date,
    precision: Precision,
}

impl PartialDate {
    /// From numbers; month and day must be 0 where the precision does not reach them. `None` if there
    /// is no such date.
    pub fn new(year: i32, month: u8, day: u8, precision: Precision) -> Option<Self> {
        if !(YEAR_MIN..=YEAR_MAX).contains(&year) {
            return None;
        }
        let (month, day) = match (precision, month, day) {
            (Precision::Day, month, day) => (month, day),
            (Precision::Month, month, 0) => (month, 1),
            (Precision::Year | Precision::Estimated, 0, 0) => (1, 1),
            (Precision::Month | Precision::Year | Precision::Estimated, _, _) => return None,
        };
        let first = Date::from_calendar_date(year, Month::try_from(month).ok()?, day).ok()?;
        Some(Self { first, precision })
    }

    /// The earliest day it can be.
    pub const fn first_day(self) -> Date {
        self.first
    }

    /// The year.
    pub const fn year(self) -> i32 {
        self.first.year()
    }

    /// How much is known.
    pub const fn precision(self) -> Precision {
        self.precision
    }

    /// Whether even the earliest day it can be is later than this one.
    pub fn is_after(self, day: Date) -> bool {
        self.first > day
    }

    /// Whether it is surely earlier than another date.
    pub fn is_before(self, other: Self) -> bool {
        match (self.precision, other.precision) {
            (Precision::Day, Precision::Day) => self.first < other.first,
            _ => self.year() < other.year(),
        }
    }

    /// Full years from this date to a day, counted from the earliest day it can be.
    pub fn years_until(self, day: Date) -> i32 {
        let had_birthday = day.ordinal() >= self.first.ordinal();
        day.year() - self.first.year() - i32::from(!had_birthday)
    }
}

impl std::fmt::Debug for PartialDate {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("PartialDate(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    #[test]
    fn only_days_of_the_calendar_are_dates() {
        assert!(PartialDate::new(2020, 2, 29, Precision::Day).is_some());
        assert!(PartialDate::new(2021, 2, 29, Precision::Day).is_none());
        assert!(PartialDate::new(1899, 1, 1, Precision::Day).is_none());
    }

    #[test]
    fn what_the_precision_does_not_reach_must_be_empty() {
        assert!(PartialDate::new(2020, 5, 0, Precision::Month).is_some());
        assert!(PartialDate::new(2020, 5, 1, Precision::Month).is_none());
        assert!(PartialDate::new(2020, 5, 0, Precision::Year).is_none());
    }

    #[test]
    fn a_year_alone_is_in_the_future_only_from_the_next_year_on() {
        let this_year = PartialDate::new(2026, 0, 0, Precision::Year).expect("a year");
        let next_year = PartialDate::new(2027, 0, 0, Precision::Year).expect("a year");

        assert!(!this_year.is_after(date!(2026 - 11 - 23)));
        assert!(next_year.is_after(date!(2026 - 11 - 23)));
    }
}
