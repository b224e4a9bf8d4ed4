//! The personal identification number (số định danh cá nhân), Circular 07/2016/TT-BCA article 7.
//!
//! Twelve digits: three for the province or country of registration, one for century and sex, two for
//! the year of birth, six random. There is no check digit.
//!
//! A hub below may have put a pseudonym in the place of a number: `P` and fifteen hexadecimal digits, which
//! no number is. It says that two records have the same number, and nothing else.

use std::fmt;

use super::record::Sex;

/// Set in what stands for a pseudonym; no twelve digits reach it.
const PSEUDONYM: u64 = 1 << 63;
/// Bits of a pseudonym.
pub const PSEUDONYM_BITS: u32 = 60;

/// A pseudonym as records hold it, of the lowest [`PSEUDONYM_BITS`] bits of a number.
pub fn write_pseudonym(value: u64) -> String {
    let value = value & ((1 << PSEUDONYM_BITS) - 1);
    format!("P{value:015X}")
}

/// The bits of a pseudonym, or `None` for what is none.
pub fn read_pseudonym(text: &str) -> Option<u64> {
    let bits = text.strip_prefix('P').filter(|bits| bits.len() == 15)?;
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte);
    let is_written = bits.bytes().all(is_digit);
    is_written.then(|| u64::from_str_radix(bits, 16).ok())?
}

/// A number that can be a personal number, or a pseudonym of one. Never shown.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersonalNumber(u64);

impl PersonalNumber {
    /// Reads twelve digits that are not all the same, or a pseudonym.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(bits) = read_pseudonym(text) {
            return Some(Self(PSEUDONYM | bits));
        }
        let bytes = text.as_bytes();
        let first = bytes.first()?;
        let digits = bytes.len() == 12 && bytes.iter().all(u8::is_ascii_digit);
        let varied = bytes.iter().any(|byte| byte != first);
        if digits && varied {
            text.parse().ok().map(Self)
        } else {
            None
        }
    }

    /// The twelve digits as a number; for a pseudonym a number beyond them.
    pub const fn digits(self) -> u64 {
        self.0
    }

    /// Whether it is a pseudonym, which says neither province nor birth nor sex.
    pub const fn is_pseudonym(self) -> bool {
        self.0 >= PSEUDONYM
    }

    /// Province or country of registration, 0 to 999: "0" and the old code for a province.
    pub const fn province(self) -> u64 {
        self.0 / 1_000_000_000
    }

    /// Year of birth as the number has it.
    pub fn birth_year(self) -> i32 {
        let century = i32::try_from(self.century_and_sex() / 2).unwrap_or_default();
        let year = i32::try_from(self.0 / 1_000_000 % 100).unwrap_or_default();
        1900 + century * 100 + year
    }

    /// Sex as the number has it: even is male.
    pub const fn sex(self) -> Sex {
        if self.century_and_sex().is_multiple_of(2) {
            Sex::Male
        } else {
            Sex::Female
        }
    }

    /// Whether the century is that of somebody born from 2000 to 2099.
    pub const fn is_of_this_century(self) -> bool {
        matches!(self.century_and_sex(), 2 | 3)
    }

    const fn century_and_sex(self) -> u64 {
        self.0 / 100_000_000 % 10
    }
}

impl fmt::Debug for PersonalNumber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PersonalNumber(redacted)")
    }
}

/// A number as it was probably meant: spaces, dots and a spreadsheet's apostrophe taken away, the
/// letters O and l read as digits, and a leading zero that a spreadsheet ate put back. `None` when it
/// was fine or cannot be mended.
pub fn repair(text: &str) -> Option<String> {
    let digits: String = text
        .chars()
        .filter(|letter| !matches!(letter, ' ' | '.' | '\'' | '-' | '\u{a0}'))
        .map(|letter| match letter {
            'O' | 'o' => '0',
            'l' | 'I' => '1',
            other => other,
        })
        .collect();
    let padded = match digits.len() {
        10 | 11 => format!("{digits:0>12}"),
        _ => digits,
    };
    (padded != text && PersonalNumber::parse(&padded).is_some()).then_some(padded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_tells_birth_year_sex_and_province() {
        let number = PersonalNumber::parse("091318123456").expect("twelve digits");

        assert_eq!(
            (number.birth_year(), number.sex(), number.province()),
            (2018, Sex::Female, 91)
        );
    }

    #[test]
    fn wrong_lengths_letters_and_one_digit_repeated_are_refused() {
        for wrong in [
            "",
            "09131812345",
            "0913181234567",
            "09131812345x",
            "111111111111",
        ] {
            assert_eq!(PersonalNumber::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_leading_zero_that_was_eaten_is_put_back() {
        assert_eq!(repair("91318123456").as_deref(), Some("091318123456"));
        assert_eq!(repair("'091 318 123456").as_deref(), Some("091318123456"));
        assert_eq!(repair("O913l8123456").as_deref(), Some("091318123456"));
    }

    #[test]
    fn what_is_fine_or_hopeless_is_left_alone() {
        assert_eq!(repair("091318123456"), None);
        assert_eq!(repair("12"), None);
    }

    #[test]
    fn a_pseudonym_is_a_number_that_no_person_has() {
        let text = write_pseudonym(u64::MAX);

        let number = PersonalNumber::parse(&text).expect("a pseudonym");

        assert!(number.is_pseudonym() && number.digits() > 999_999_999_999);
        assert_eq!(read_pseudonym(&text), Some((1 << PSEUDONYM_BITS) - 1));
        for wrong in [
            "P00",
            "P00000000000000g",
            "P00000000000000a",
            "p000000000000000",
        ] {
            assert_eq!(PersonalNumber::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_number_is_never_shown() {
        let number = PersonalNumber::parse("091318123456").expect("twelve digits");

        assert!(!format!("{number:?}").contains("123456"));
    }
}
