//! The personal identification number (số định danh cá nhân), Circular 07/2016/TT-BCA article 7.
//!
//! Twelve digits: three for the province or country of registration, one for century and sex, two for
//! the year of birth, six random. There is no check digit.

use std::fmt;

use super::record::Sex;

/// A number that can be a personal number. Never shown.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersonalNumber(u64);

impl PersonalNumber {
    /// Reads twelve digits that are not all the same.
    pub fn parse(text: &str) -> Option<Self> {
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

    /// The twelve digits as a number.
    pub const fn digits(self) -> u64 {
        self.0
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
    fn a_number_is_never_shown() {
        let number = PersonalNumber::parse("091318123456").expect("twelve digits");

        assert!(!format!("{number:?}").contains("123456"));
    }
}
