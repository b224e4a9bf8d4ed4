//! Dates in every writing.

use time::macros::date;

use super::*;

fn context() -> DateContext {
    DateContext {
        order: DateOrder::DayFirst,
        today: date!(2026 - 11 - 23),
        is_1904: false,
    }
}

type Numbers = (u32, u32, u32);

fn read_text(text: &str) -> Result<(Numbers, Option<Finding>), Finding> {
    let (date, finding) = read(&Cell::Text(text.to_owned()), context())?;
    Ok(((date.year, date.month, date.day), finding))
}

#[test]
fn dates_are_read_as_communes_write_them() {
    for (text, expected) in [
        ("02/04/2018", (2018, 4, 2)),
        ("2/4/2018", (2018, 4, 2)),
        ("02-04-2018", (2018, 4, 2)),
        ("2.4.2018", (2018, 4, 2)),
        ("02 / 04 / 2018", (2018, 4, 2)),
        ("2018-04-02", (2018, 4, 2)),
        ("2018-04-02T00:00:00", (2018, 4, 2)),
        ("02/04/2018 00:00:00", (2018, 4, 2)),
        ("02/04/2018 12:00:00 SA", (2018, 4, 2)),
        ("02042018", (2018, 4, 2)),
        ("20180402", (2018, 4, 2)),
        ("ngày 2 tháng 4 năm 2018", (2018, 4, 2)),
        ("tháng 4/2018", (2018, 4, 0)),
        ("T4/2018", (2018, 4, 0)),
        ("04/2018", (2018, 4, 0)),
        ("00/04/2018", (2018, 4, 0)),
        ("00/00/2018", (2018, 0, 0)),
        ("2018", (2018, 0, 0)),
        ("năm 2018", (2018, 0, 0)),
    ] {
        assert_eq!(read_text(text), Ok((expected, None)), "{text}");
    }
}

#[test]
fn what_was_completed_or_computed_is_told() {
    for (text, expected, finding) in [
        ("2/4/18", (2018, 4, 2), Finding::YearCompleted),
        ("2/4/97", (1997, 4, 2), Finding::YearCompleted),
        ("43192", (2018, 4, 2), Finding::DateFromSerial),
    ] {
        assert_eq!(read_text(text), Ok((expected, Some(finding))), "{text}");
    }
}

#[test]
fn a_number_of_a_workbook_is_a_year_or_a_day() {
    let read = |number, is_1904| {
        let (date, _) = read(
            &Cell::Number(number),
            DateContext {
                is_1904,
                ..context()
            },
        )?;
        Ok::<_, Finding>((date.year, date.month, date.day))
    };
    assert_eq!(read(2018.0, false), Ok((2018, 0, 0)));
    assert_eq!(read(43_192.0, false), Ok((2018, 4, 2)));
    assert_eq!(read(41_730.0, true), Ok((2018, 4, 2)));
    assert_eq!(read(2_042_018.0, false), Ok((2018, 4, 2)));
    assert_eq!(read(7.0, false), Err(Finding::DateUnreadable));
    assert_eq!(read(f64::NAN, false), Err(Finding::DateUnreadable));
}

#[test]
fn a_date_that_is_none_is_never_guessed() {
    for (text, finding) in [
        ("hôm qua", Finding::DateUnreadable),
        ("4/18", Finding::DateUnreadable),
        ("18", Finding::DateUnreadable),
        ("2/4", Finding::DateUnreadable),
        ("1.2.3.4", Finding::DateUnreadable),
        ("31/02/2018", Finding::DateImpossible),
        ("04/25/2018", Finding::DateImpossible),
        ("01/01/0018", Finding::DateImpossible),
        ("9.1318E+10", Finding::DigitsLost),
    ] {
        assert_eq!(read_text(text), Err(finding), "{text}");
    }
}

#[test]
fn an_estimate_says_so() {
    let (date, _) = read(&Cell::Text("khoảng 2018".to_owned()), context()).expect("a date");

    assert_eq!(date.precision, PrecisionDraft::Estimated);
}

#[test]
fn the_order_of_day_and_month_shows_where_only_one_is_possible() {
    let order = |text: &str| only_order(&Cell::Text(text.to_owned()));

    assert_eq!(order("25/04/2018"), Some(DateOrder::DayFirst));
    assert_eq!(order("04/25/2018"), Some(DateOrder::MonthFirst));
    assert_eq!(order("04/05/2018"), None);
    assert_eq!(order("2018-04-25"), None);
}
