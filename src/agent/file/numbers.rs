//! Numbers of people: personal numbers, telephones, and names in capital letters beside them.

use super::finding::Finding;
use crate::domain::personal_number;

/// A personal number, with what a spreadsheet ate put back where that makes it one.
pub(super) fn personal_number(text: &str) -> (String, Option<Finding>) {
    // A number that was computed with has a decimal point.
    let whole = text.strip_suffix(".0").unwrap_or(text);
    let Some(repaired) = personal_number::repair(whole) else {
        let finding = (whole != text).then_some(Finding::NumberCleaned);
        return (whole.to_owned(), finding);
    };
    let only_zeros = repaired.trim_start_matches('0') == whole;
    let finding = if only_zeros {
        Finding::ZerosRestored
    } else {
        Finding::NumberCleaned
    };
    (repaired, Some(finding))
}

/// A telephone number as digits from 0 on, the first one of several. What is none stays as it is: the
/// hub says so.
pub(super) fn phone(text: &str) -> (String, Option<Finding>) {
    let mut numbers = text
        .split(['/', ',', ';', '\n'])
        .map(str::trim)
        .filter(|number| !number.is_empty());
    let Some(first) = numbers.next() else {
        return (text.to_owned(), None);
    };
    let is_several = numbers.next().is_some();
    let digits: String = first
        .chars()
        .filter(|sign| !matches!(sign, ' ' | '.' | '-' | '(' | ')' | '\u{a0}' | '\''))
        .collect();
    let national = digits
        .strip_prefix("+84")
        .or_else(|| digits.strip_prefix("84").filter(|rest| rest.len() == 9));
    let (number, finding) = match national {
        Some(rest) => (format!("0{}", rest.trim_start_matches('0')), None),
        None if digits.len() == 9
            && !digits.starts_with('0')
            && digits.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            (format!("0{digits}"), Some(Finding::ZerosRestored))
        }
        None => (digits, None),
    };
    (
        number,
        if is_several {
            Some(Finding::SecondPhoneLeftOut)
        } else {
            finding
        },
    )
}

/// A number that is counted with.
pub(super) fn whole<T: std::str::FromStr>(text: &str) -> Result<T, Finding> {
    text.strip_suffix(".0")
        .unwrap_or(text)
        .parse()
        .map_err(|_| Finding::NumberUnreadable)
}

/// A person's name with one space between words. Capital letters throughout become capital first letters:
/// a list in capitals says nothing about how a name is written.
pub(super) fn name(text: &str) -> Result<(String, Option<Finding>), Finding> {
    if text.contains('?') {
        return Err(Finding::LettersLost);
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    let name = words.join(" ");
    // Fonts of TCVN3 for capitals have the small letters' bytes where a letter has marks.
    let plain = |letter: &char| letter.is_ascii_alphabetic();
    let is_capital = name.chars().filter(plain).count() >= 2
        && name
            .chars()
            .filter(plain)
            .all(|letter| letter.is_ascii_uppercase())
        && words
            .iter()
            .any(|word| word.chars().filter(|letter| letter.is_alphabetic()).count() > 1);
    if !is_capital {
        return Ok((name, None));
    }
    Ok((capitalised(&name), Some(Finding::CapitalsLowered)))
}

fn capitalised(name: &str) -> String {
    let mut capitalised = String::with_capacity(name.len());
    let mut is_first = true;
    for letter in name.chars() {
        if is_first {
            capitalised.extend(letter.to_uppercase());
        } else {
            capitalised.extend(letter.to_lowercase());
        }
        // H'Hen, Bru-Vân: a new word begins after the sign.
        is_first = !letter.is_alphanumeric();
    }
    capitalised
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn telephone_numbers_are_read_as_people_write_them() {
        for (text, expected, finding) in [
            ("0912.345.678", "0912345678", None),
            ("0912 345 678", "0912345678", None),
            ("+84 912 345 678", "0912345678", None),
            ("84912345678", "0912345678", None),
            ("912345678", "0912345678", Some(Finding::ZerosRestored)),
            ("(0297) 3862 111", "02973862111", None),
            (
                "0912345678 / 0987654321",
                "0912345678",
                Some(Finding::SecondPhoneLeftOut),
            ),
            ("không có", "khôngcó", None),
        ] {
            assert_eq!(phone(text), (expected.to_owned(), finding), "{text}");
        }
    }

    #[test]
    fn a_personal_number_gets_its_zero_back() {
        for (text, expected, finding) in [
            ("091318123456", "091318123456", None),
            ("91318123456", "091318123456", Some(Finding::ZerosRestored)),
            (
                "91318123456.0",
                "091318123456",
                Some(Finding::ZerosRestored),
            ),
            (
                "091 318 123 456",
                "091318123456",
                Some(Finding::NumberCleaned),
            ),
            ("12", "12", None),
        ] {
            assert_eq!(
                personal_number(text),
                (expected.to_owned(), finding),
                "{text}"
            );
        }
    }

    #[test]
    fn capitals_are_lowered_and_other_names_are_left_alone() {
        for (text, expected, finding) in [
            (
                "TRẦN  THỊ MẪU",
                "Trần Thị Mẫu",
                Some(Finding::CapitalsLowered),
            ),
            (
                "TRầN THị MẫU",
                "Trần Thị Mẫu",
                Some(Finding::CapitalsLowered),
            ),
            ("H'MẪU NIÊ", "H'Mẫu Niê", Some(Finding::CapitalsLowered)),
            ("Trần Thị Mẫu", "Trần Thị Mẫu", None),
            ("Y Mẫu", "Y Mẫu", None),
            ("GÁI", "Gái", Some(Finding::CapitalsLowered)),
        ] {
            assert_eq!(name(text), Ok((expected.to_owned(), finding)), "{text}");
        }
        assert_eq!(name("Nguy?n V?n"), Err(Finding::LettersLost));
    }
}
