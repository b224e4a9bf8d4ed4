//! Numbers as people type them.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use crate::domain::personal_number::{PersonalNumber, read_pseudonym, repair};
use crate::domain::record::Sex;

/// A personal number as it was probably meant.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct NumberForm {
    digits: u64,
    number: PersonalNumber,
}

impl std::fmt::Debug for NumberForm {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("NumberForm(redacted)")
    }
}

impl NumberForm {
    /// Its digits as a number.
    pub const fn digits(self) -> u64 {
        self.digits
    }

    /// Whether it is a pseudonym, which can only be compared for being the same.
    pub const fn is_pseudonym(self) -> bool {
        self.number.is_pseudonym()
    }

    /// Whether it can be a child's: a province that registers, a birth in this century.
    pub fn is_plausible(self) -> bool {
        self.number.is_of_this_century() && PROVINCES.contains(&self.number.province())
    }

    /// The birth year that it states.
    pub fn birth_year(self) -> i32 {
        self.number.birth_year()
    }

    /// The sex that it states.
    pub const fn sex(self) -> Sex {
        self.number.sex()
    }
}

static PROVINCES: LazyLock<HashSet<u64>> = LazyLock::new(|| {
    let rows = include_str!("../../../reference/codes/pin_birth_province.csv").lines();
    let codes = rows
        .skip(1)
        .filter_map(|row| row.split(',').next()?.parse().ok());
    codes.collect()
});

/// Reads a personal number; spaces, dots, letters for digits and zeros that a spreadsheet ate are
/// mended. `None` for what cannot be a number, all digits alike included.
pub fn personal_number(text: &str) -> Option<NumberForm> {
    if text.is_empty() {
        return None;
    }
    let number = PersonalNumber::parse(text).or_else(|| PersonalNumber::parse(&repair(text)?))?;
    Some(NumberForm {
        digits: number.digits(),
        number,
    })
}

/// Old prefixes of mobile numbers and what they became in 2018, both without the leading 0.
static PREFIXES: LazyLock<HashMap<u64, u64>> = LazyLock::new(|| {
    let rows = include_str!("../../../reference/codes/phone_prefix_2018.csv").lines();
    let pairs = rows.skip(1).filter_map(|row| {
        let mut cells = row.split(',');
        Some((cells.next()?.parse().ok()?, cells.next()?.parse().ok()?))
    });
    pairs.collect()
});

/// Digits of a mobile number behind its three-digit prefix, as a power of ten.
const SUBSCRIBER: u64 = 10_000_000;

/// A telephone number without 0 or +84 in front, mobile numbers of eleven digits as they are since 2018;
/// `None` for what is no number.
pub fn phone(text: &str) -> Option<u64> {
    if text.is_empty() || read_pseudonym(text).is_some() {
        return None;
    }
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let digits = digits
        .strip_prefix("84")
        .filter(|rest| rest.len() >= 9)
        .unwrap_or(&digits);
    let digits = digits.trim_start_matches('0');
    if !(9..=10).contains(&digits.len()) {
        return None;
    }
    let first = digits.bytes().next()?;
    if digits.bytes().all(|byte| byte == first) {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    let renamed = PREFIXES
        .get(&(number / SUBSCRIBER))
        .filter(|_| digits.len() == 10);
    Some(renamed.map_or(number, |prefix| prefix * SUBSCRIBER + number % SUBSCRIBER))
}

/// The number of a household: digits and letters without leading zeros. A second sheet, "100.1", is the
/// same household.
pub fn household_number(text: &str) -> String {
    let sheet = text.trim().split('.').next().unwrap_or_default();
    let kept = sheet.chars().filter(|letter| letter.is_alphanumeric());
    let kept: String = kept.flat_map(char::to_lowercase).collect();
    kept.trim_start_matches('0').to_owned()
}
