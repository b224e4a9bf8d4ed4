//! What stands in one cell.

use std::borrow::Cow;

use time::Date;

use super::finding::Finding;

/// Characters of one cell at most. No field of a record may be longer.
pub const CELL_CHARACTERS_MAX: usize = 4_000;

/// From this number on a spreadsheet no longer keeps every digit: 15 are exact.
const EXACT_BELOW: f64 = 1e15;

/// A cell. It may hold personal data and so has no `Debug`.
#[derive(Clone, Default, PartialEq)]
pub enum Cell {
    /// Nothing.
    #[default]
    Empty,
    /// A text; all that a delimited file has.
    Text(String),
    /// A number of a workbook.
    Number(f64),
    /// A number that the workbook shows as a date.
    Date(Date),
    /// TRUE or FALSE.
    Bool(bool),
    /// A formula that failed, such as `#REF!`.
    Error,
}

impl Cell {
    /// Whether nothing stands in it but spaces.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Text(text) => text.trim().is_empty(),
            Self::Number(_) | Self::Date(_) | Self::Bool(_) | Self::Error => false,
        }
    }

    /// What a person sees in it, without spaces around. A number in which digits were lost is no text.
    pub fn text(&self) -> Result<Cow<'_, str>, Finding> {
        match self {
            Self::Empty => Ok(Cow::Borrowed("")),
            Self::Text(text) => read_text(text.trim()),
            Self::Number(number) if number.abs() >= EXACT_BELOW => Err(Finding::DigitsLost),
            Self::Number(number) => Ok(Cow::Owned(number.to_string())),
            Self::Date(date) => Ok(Cow::Owned(format!(
                "{:02}/{:02}/{:04}",
                date.day(),
                u8::from(date.month()),
                date.year()
            ))),
            Self::Bool(true) => Ok(Cow::Borrowed("1")),
            Self::Bool(false) => Ok(Cow::Borrowed("0")),
            Self::Error => Err(Finding::CellError),
        }
    }

    /// The same for telling rows apart: whatever cannot be read is empty.
    pub(super) fn shown(&self) -> Cow<'_, str> {
        self.text().unwrap_or_default()
    }
}

fn read_text(text: &str) -> Result<Cow<'_, str>, Finding> {
    if text.contains('\u{fffd}') {
        return Err(Finding::TextDamaged);
    }
    if is_scientific(text) {
        return Err(Finding::DigitsLost);
    }
    if matches!(
        text,
        "#REF!" | "#N/A" | "#VALUE!" | "#NAME?" | "#DIV/0!" | "#NUM!" | "#NULL!"
    ) {
        return Err(Finding::CellError);
    }
    // A spreadsheet shows these in a column that is too narrow, and writes them into a CSV.
    if text.len() > 3 && text.bytes().all(|byte| byte == b'#') {
        return Err(Finding::DigitsLost);
    }
    Ok(Cow::Borrowed(text))
}

/// `9.1318E+10`, with comma or point: the spreadsheet kept a part of the digits only.
fn is_scientific(text: &str) -> bool {
    let Some((mantissa, exponent)) = text.split_once(['e', 'E']) else {
        return false;
    };
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once(['.', ',']).unwrap_or((mantissa, "0"));
    exponent.strip_prefix('+').is_some_and(is_digits)
        && whole.len() == 1
        && is_digits(whole)
        && is_digits(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(cell: &Cell) -> Option<String> {
        cell.text().ok().map(Cow::into_owned)
    }

    #[test]
    fn a_whole_number_of_a_workbook_has_all_its_digits() {
        assert_eq!(
            text(&Cell::Number(91_318_123_456.0)).as_deref(),
            Some("91318123456")
        );
        assert_eq!(text(&Cell::Number(2018.0)).as_deref(), Some("2018"));
        assert_eq!(text(&Cell::Number(1e15)), None);
    }

    #[test]
    fn a_number_whose_digits_a_spreadsheet_lost_is_no_text() {
        for lost in ["9.1318E+10", "9,1318e+10", "9E+11", "#######"] {
            assert!(
                matches!(Cell::Text(lost.to_owned()).text(), Err(Finding::DigitsLost)),
                "{lost}"
            );
        }
        for kept in ["Êban 5E", "10E2", "E+5", "1.2.3E+4", "##"] {
            assert!(Cell::Text(kept.to_owned()).text().is_ok(), "{kept}");
        }
    }
}
