//! Personal numbers, telephones, certificates and insurance cards, and how they are written wrongly.

use std::collections::HashMap;

use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use time::Date;

use super::mix::NumberShares;

/// Gives every child a personal number that no other child has.
#[derive(Default)]
pub(super) struct PersonalNumbers {
    /// How many were given by province, century with sex, and year.
    given: HashMap<(String, u8, i32), u32>,
}

impl PersonalNumbers {
    /// The next number: province of registration, century and sex, year, and six digits that look drawn.
    pub(super) fn next(&mut self, province: &str, is_female: bool, born: Date) -> String {
        let sex = if is_female { 3 } else { 2 };
        let year = born.year() % 100;
        let count = self
            .given
            .entry((province.to_owned(), sex, year))
            .or_default();
        *count += 1;
        let seed = u32::try_from(year).unwrap_or_default() * 7 + u32::from(sex);
        format!("0{province}{sex}{year:02}{:06}", scattered(*count, seed))
    }
}

/// Turns each number below a million into another below a million, none into the same: three rounds
/// that each change one half by the other.
fn scattered(number: u32, seed: u32) -> u32 {
    let (mut left, mut right) = (number / 1_000 % 1_000, number % 1_000);
    for round in 1..=3_u32 {
        let mixed = (right * 7_919 + seed * 104_729 + round * 15_485) % 99_991 * 31 / 7;
        (left, right) = (right, (left + mixed) % 1_000);
    }
    left * 1_000 + right
}

/// The number as an entry has it; empty if it was left out.
pub(super) fn written(
    number: &str,
    of_sibling: Option<&str>,
    shares: &NumberShares,
    quality: f64,
    chance: &mut StdRng,
) -> String {
    let mut happens = |share: f64| chance.random_bool((share * quality).clamp(0.0, 1.0));
    if happens(shares.left_out) {
        return String::new();
    }
    let sibling = of_sibling.filter(|_| happens(shares.of_a_sibling));
    let wrong = happens(shares.digit_wrong);
    let swapped = happens(shares.digits_swapped);
    let (eaten, spaced) = (happens(shares.zero_lost), happens(shares.spaced));
    let mut text = sibling.unwrap_or(number).to_owned();
    if wrong {
        text = digit_wrong(&text, chance);
    }
    if swapped {
        text = digits_swapped(&text, chance);
    }
    if eaten {
        text = text.trim_start_matches('0').to_owned();
    }
    if spaced && text.len() > 9 {
        let gap = [" ", ".", " "].choose(chance).copied().unwrap_or(" ");
        text.insert_str(9, gap);
        text.insert_str(6, gap);
        text.insert_str(3, gap);
    }
    text
}

/// One digit exchanged for another.
pub(super) fn digit_wrong(text: &str, chance: &mut StdRng) -> String {
    let digits: Vec<usize> = text
        .char_indices()
        .filter(|(_, letter)| letter.is_ascii_digit())
        .map(|(place, _)| place)
        .collect();
    let Some(place) = digits.choose(chance).copied() else {
        return text.to_owned();
    };
    let step = chance.random_range(1..10);
    text.char_indices()
        .map(|(at, letter)| match letter.to_digit(10) {
            Some(digit) if at == place => {
                char::from_digit((digit + step) % 10, 10).unwrap_or(letter)
            }
            Some(_) | None => letter,
        })
        .collect()
}

fn digits_swapped(text: &str, chance: &mut StdRng) -> String {
    let mut digits: Vec<char> = text.chars().collect();
    let pairs: Vec<usize> = (1..digits.len())
        .filter(|place| digits.get(*place) != digits.get(place - 1))
        .collect();
    if let Some(place) = pairs.choose(chance) {
        digits.swap(*place, place - 1);
    }
    digits.into_iter().collect()
}

/// Beginnings of mobile numbers.
const MOBILE: [&str; 18] = [
    "032", "033", "034", "035", "036", "037", "038", "039", "056", "058", "070", "077", "079",
    "083", "085", "090", "091", "098",
];

/// A mobile number.
pub(super) fn phone(chance: &mut StdRng) -> String {
    let prefix = MOBILE.choose(chance).copied().unwrap_or("090");
    format!("{prefix}{:07}", chance.random_range(0..10_000_000))
}

/// The telephone as an entry has it.
pub(super) fn phone_written(
    phone: &str,
    shares: &NumberShares,
    quality: f64,
    chance: &mut StdRng,
) -> String {
    let mut text = phone.to_owned();
    if chance.random_bool((shares.other_digit_wrong * quality).clamp(0.0, 1.0)) {
        text = digit_wrong(&text, chance);
    }
    if !chance.random_bool((shares.phone_restyled * quality).clamp(0.0, 1.0)) {
        return text;
    }
    let rest = text.strip_prefix('0').unwrap_or(&text).to_owned();
    match chance.random_range(0..3) {
        0 => format!("+84{rest}"),
        1 => rest,
        _ => {
            let (start, end) = text.split_at_checked(4).unwrap_or((&text, ""));
            format!("{start} {end}")
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::domain::personal_number::PersonalNumber;

    #[test]
    fn a_number_tells_province_sex_and_birth_year() {
        let born = Date::from_ordinal_date(2018, 1).expect("a day");
        let number = PersonalNumbers::default().next("91", true, born);

        let number = PersonalNumber::parse(&number).expect("twelve digits");
        assert_eq!((number.province(), number.birth_year()), (91, 2018));
        assert_eq!(number.sex(), crate::domain::record::Sex::Female);
    }

    #[test]
    fn no_number_below_a_million_comes_twice() {
        let all: HashSet<u32> = (0..1_000_000).map(|number| scattered(number, 3)).collect();

        assert_eq!(all.len(), 1_000_000);
    }
}
