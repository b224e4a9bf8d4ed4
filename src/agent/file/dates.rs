//! Dates as people, programs and spreadsheets write them.

use std::fmt;
use std::str::FromStr;

use time::{Date, Duration, Month};

use super::cell::Cell;
use super::finding::Finding;
use super::text_key::plain;
use crate::domain::date::{YEAR_MAX, YEAR_MIN};
use crate::domain::draft::{DateDraft, PrecisionDraft};

/// Days of a spreadsheet's numbers that can be a day of a child's life: from 1954 to 2119.
const SERIAL_DAYS: std::ops::RangeInclusive<i64> = 20_000..=80_000;
/// Days between the calendars of Excel from 1900 and from 1904.
const DAYS_TO_1904: i64 = 1_462;

/// What stands first in 02/04/2018.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DateOrder {
    /// The day, as in Vietnam.
    #[default]
    DayFirst,
    /// The month, as an English spreadsheet writes.
    MonthFirst,
}

impl FromStr for DateOrder {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "day-first" => Ok(Self::DayFirst),
            "month-first" => Ok(Self::MonthFirst),
            _ => Err("write day-first or month-first"),
        }
    }
}

impl fmt::Display for DateOrder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::DayFirst => "day-first",
            Self::MonthFirst => "month-first",
        })
    }
}

/// What must be known to read a date.
#[derive(Clone, Copy, Debug)]
pub(super) struct DateContext {
    pub(super) order: DateOrder,
    /// The day it is: a year of two digits is not in the future.
    pub(super) today: Date,
    pub(super) is_1904: bool,
}

/// A date, and what was mended in it.
pub(super) type ReadDate = (DateDraft, Option<Finding>);

/// Reads a cell that is not empty.
pub(super) fn read(cell: &Cell, context: DateContext) -> Result<ReadDate, Finding> {
    match cell {
        Cell::Date(date) => Ok((draft(*date), None)),
        Cell::Number(number) => from_number(*number, context),
        Cell::Empty | Cell::Text(_) | Cell::Bool(_) | Cell::Error => {
            from_text(&cell.text()?, context)
        }
    }
}

/// Which order a date can only have been written in; `None` where both are possible.
pub(super) fn only_order(cell: &Cell) -> Option<DateOrder> {
    let Cell::Text(text) = cell else { return None };
    let (numbers, _) = numbers(text)?;
    match numbers.as_slice() {
        [first, second, year] if first.len() <= 2 && matches!(year.len(), 2 | 4) => {
            match (first.parse::<u32>().ok()?, second.parse::<u32>().ok()?) {
                (13..=31, 1..=12) => Some(DateOrder::DayFirst),
                (1..=12, 13..=31) => Some(DateOrder::MonthFirst),
                _ => None,
            }
        }
        _ => None,
    }
}

fn draft(date: Date) -> DateDraft {
    let year = u32::try_from(date.year()).unwrap_or(0);
    DateDraft::day(year, u8::from(date.month()).into(), date.day().into())
}

/// A year, or the number of a day.
fn from_number(number: f64, context: DateContext) -> Result<ReadDate, Finding> {
    let whole: i64 = number
        .floor()
        .to_string()
        .parse()
        .map_err(|_| Finding::DateUnreadable)?;
    if (i64::from(YEAR_MIN)..=i64::from(YEAR_MAX)).contains(&whole) {
        let year = u32::try_from(whole).unwrap_or(0);
        return Ok((partial(year, 0, PrecisionDraft::Year), None));
    }
    if SERIAL_DAYS.contains(&whole) {
        return from_serial(whole, context);
    }
    // 02042018 as a number has lost its first zero.
    if whole < 1_000_000 {
        return Err(Finding::DateUnreadable);
    }
    from_text(&format!("{whole:08}"), context)
}

fn from_serial(days: i64, context: DateContext) -> Result<ReadDate, Finding> {
    let days = if context.is_1904 {
        days + DAYS_TO_1904
    } else {
        days
    };
    // Day 60 of Excel is 29 February 1900, which never was: hence one day before the last of 1899.
    let start = Date::from_calendar_date(1899, Month::December, 30);
    let date = start
        .ok()
        .and_then(|start| start.checked_add(Duration::days(days)));
    date.map(|date| (draft(date), Some(Finding::DateFromSerial)))
        .ok_or(Finding::DateUnreadable)
}

fn from_text(text: &str, context: DateContext) -> Result<ReadDate, Finding> {
    let (numbers, is_estimated) = numbers(text).ok_or(Finding::DateUnreadable)?;
    let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
    let (mut date, finding) = match numbers.as_slice() {
        [one] => from_one(one, context)?,
        [month, year] | [year, month] if year.len() == 4 && month.len() <= 2 => {
            (month_of(year, month)?, None)
        }
        [year, month, day] if year.len() == 4 => (day_of(year, month, day)?, None),
        [first, second, year] if matches!(year.len(), 2 | 4) => {
            let (year, finding) = completed(year, context.today);
            let (day, month) = match context.order {
                DateOrder::DayFirst => (first, second),
                DateOrder::MonthFirst => (second, first),
            };
            (day_of(&year, month, day)?, finding)
        }
        _ => return Err(Finding::DateUnreadable),
    };
    if is_estimated && date.precision == PrecisionDraft::Year {
        date.precision = PrecisionDraft::Estimated;
    }
    Ok((date, finding))
}

/// The numbers of a date from left to right, and whether a word says that it is an estimate. `None` if
/// there are words that no date has.
fn numbers(text: &str) -> Option<(Vec<String>, bool)> {
    let text = plain(without_time(text));
    let (mut numbers, mut is_estimated) = (Vec::new(), false);
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        match word {
            "ngay" | "thang" | "nam" | "sinh" | "t" => {}
            "khoang" | "uoc" | "chung" => is_estimated = true,
            number => {
                // "T4" is April.
                let number = number.strip_prefix('t').unwrap_or(number);
                if number.len() > 8 || !number.bytes().all(|byte| byte.is_ascii_digit()) {
                    return None;
                }
                numbers.push(number.to_owned());
            }
        }
    }
    Some((numbers, is_estimated))
}

/// `02/04/2018 00:00:00` and `2018-04-02T00:00:00` without the time.
fn without_time(text: &str) -> &str {
    let Some((before, _)) = text.split_once(':') else {
        return text;
    };
    let end = before.rfind(|letter: char| letter == 'T' || letter.is_whitespace());
    end.and_then(|end| before.get(..end)).unwrap_or(text)
}

/// One number: a year, a day without signs between, or a spreadsheet's day.
fn from_one(number: &str, context: DateContext) -> Result<ReadDate, Finding> {
    match number.len() {
        4 => Ok((partial(year_of(number)?, 0, PrecisionDraft::Year), None)),
        5 => {
            let days = number.parse().map_err(|_| Finding::DateUnreadable)?;
            if SERIAL_DAYS.contains(&days) {
                return from_serial(days, context);
            }
            Err(Finding::DateUnreadable)
        }
        8 => compact(number, context).map(|date| (date, None)),
        _ => Err(Finding::DateUnreadable),
    }
}

/// 20180402 or 02042018. They cannot be mixed up: no year is 0204, and no month is 20.
fn compact(digits: &str, context: DateContext) -> Result<DateDraft, Finding> {
    let part = |from, to| digits.get(from..to).unwrap_or_default();
    let year_first = day_of(part(0, 4), part(4, 6), part(6, 8));
    let (day, month) = match context.order {
        DateOrder::DayFirst => (part(0, 2), part(2, 4)),
        DateOrder::MonthFirst => (part(2, 4), part(0, 2)),
    };
    year_first.or_else(|_| day_of(part(4, 8), month, day))
}

/// The year with its century: the last one that is not in the future.
fn completed(year: &str, today: Date) -> (String, Option<Finding>) {
    match year.parse::<i32>() {
        Ok(number) if year.len() == 2 => {
            let century = if number > today.year() % 100 {
                1900
            } else {
                2000
            };
            ((century + number).to_string(), Some(Finding::YearCompleted))
        }
        Ok(_) | Err(_) => (year.to_owned(), None),
    }
}

fn year_of(text: &str) -> Result<u32, Finding> {
    let year: i32 = text.parse().map_err(|_| Finding::DateUnreadable)?;
    let known = (YEAR_MIN..=YEAR_MAX).contains(&year);
    u32::try_from(year)
        .ok()
        .filter(|_| known)
        .ok_or(Finding::DateImpossible)
}

fn partial(year: u32, month: u32, precision: PrecisionDraft) -> DateDraft {
    DateDraft {
        year,
        month,
        day: 0,
        precision,
    }
}

/// A month, or a year alone where the month is written as 0.
fn month_of(year: &str, month: &str) -> Result<DateDraft, Finding> {
    let year = year_of(year)?;
    match month.parse::<u32>() {
        Ok(0) => Ok(partial(year, 0, PrecisionDraft::Year)),
        Ok(month @ 1..=12) => Ok(partial(year, month, PrecisionDraft::Month)),
        Ok(_) => Err(Finding::DateImpossible),
        Err(_) => Err(Finding::DateUnreadable),
    }
}

/// A day, or less where day or month are written as 0.
fn day_of(year: &str, month: &str, day: &str) -> Result<DateDraft, Finding> {
    let number = |text: &str| text.parse::<u8>().map_err(|_| Finding::DateUnreadable);
    match (number(month)?, number(day)?) {
        (_, 0) => month_of(year, month),
        (month, day) => {
            let month = Month::try_from(month).map_err(|_| Finding::DateImpossible)?;
            let year = i32::try_from(year_of(year)?).map_err(|_| Finding::DateImpossible)?;
            let date = Date::from_calendar_date(year, month, day);
            date.map(draft).map_err(|_| Finding::DateImpossible)
        }
    }
}

#[cfg(test)]
mod tests;
