//! What people typed, in forms that can be compared.
//!
//! A record is never changed by this: only linkage looks at these forms. Facts about Vietnamese text in
//! old software are in `ARCHITECTURE.md`.

use std::borrow::Cow;

mod characters;
mod faults;
mod keystrokes;
mod known;
mod legacy;
mod numbers;
mod syllables;

pub use characters::{repair, untoned};
pub use faults::{Fault, Faults};
pub use numbers::{NumberForm, household_number, personal_number, phone};
pub use syllables::{sound, spelling};

/// The words of a person's name: lower case, NFC, tones where the rule of 2002 puts them, an
/// abbreviation with its full stop.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct PersonName {
    words: Vec<Cow<'static, str>>,
    faults: Faults,
}

impl PersonName {
    /// The words in the order in which they stand.
    pub fn words(&self) -> &[Cow<'static, str>] {
        &self.words
    }

    /// What was wrong with the text.
    pub const fn faults(&self) -> Faults {
        self.faults
    }
}

impl std::fmt::Debug for PersonName {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("PersonName(redacted)")
    }
}

/// Reads a person's name.
pub fn person_name(text: &str) -> PersonName {
    if let Some(known) = known_name(text) {
        return known;
    }
    let (repaired, mut faults) = repair(text);
    let mut words = Vec::with_capacity(5);
    for piece in repaired.split(|letter: char| letter.is_whitespace() || "-_,;/()".contains(letter))
    {
        read_words(piece, &mut words, &mut faults);
    }
    put_clan_first(&mut words, is_marked(&repaired));
    if family_stands_last(&words) {
        faults.insert(Fault::SwappedOrder);
    }
    PersonName { words, faults }
}

/// A name whose words are all known as they stand: most names, and the quick way for them.
fn known_name(text: &str) -> Option<PersonName> {
    let mut name = PersonName {
        words: Vec::with_capacity(5),
        faults: Faults::default(),
    };
    let mut buffer = String::with_capacity(text.len());
    for piece in text.split(' ').filter(|piece| !piece.is_empty()) {
        // A mark that stands for itself, or a sign, wants a second look.
        if !piece.chars().all(char::is_alphanumeric) {
            return None;
        }
        buffer.clear();
        characters::lower_into(piece, &mut buffer);
        let canonical = known::canonical(&buffer)?;
        if canonical != buffer {
            name.faults.insert(Fault::TonePlacement);
        }
        name.words.push(Cow::Borrowed(canonical));
    }
    put_clan_first(&mut name.words, false);
    if family_stands_last(&name.words) {
        name.faults.insert(Fault::SwappedOrder);
    }
    Some(name)
}

/// The words of a piece without spaces: "Ng.V.An" is three.
fn read_words(piece: &str, words: &mut Vec<Cow<'static, str>>, faults: &mut Faults) {
    let mut rest = piece;
    while let Some((before, after)) = rest.split_once('.') {
        push_word(before, true, words, faults);
        rest = after;
    }
    push_word(rest, false, words, faults);
}

fn push_word(piece: &str, has_stop: bool, words: &mut Vec<Cow<'static, str>>, faults: &mut Faults) {
    let mut word = characters::lower(piece);
    if word.is_empty() {
        return;
    }
    if keystrokes::may_be(&word)
        && !syllables::is_possible(&word)
        && let Some((decoded, fault)) = keystrokes::decode(&word)
    {
        word = decoded;
        faults.insert(fault);
    }
    if syllables::move_tone(&mut word) {
        faults.insert(Fault::TonePlacement);
    }
    // "Ng" is how clerks write Nguyễn.
    if has_stop || matches!(word.as_str(), "ng" | "ngx" | "nguy") {
        word.push('.');
        faults.insert(Fault::Abbreviation);
    }
    words.push(Cow::Owned(word));
}

/// Words that stand for a name that is not known.
const NO_NAMES: [&str; 12] = [
    "khong",
    "khong ro",
    "khong biet",
    "khong co",
    "chua ro",
    "chua biet",
    "chua co",
    "vo danh",
    "an",
    "na",
    "null",
    "x",
];

/// Whether a parent's name says that nobody knows it.
pub fn is_nobody(name: &PersonName) -> bool {
    // None of these has more than two words.
    if name.words.len() > 2 {
        return false;
    }
    // "An" is a name like any other where more words stand with it.
    let text: Vec<String> = name.words.iter().map(|word| untoned(word)).collect();
    let text = text.join(" ");
    NO_NAMES.contains(&text.as_str()) && text != "an"
}

/// Words, without tones, of which that consists which stands for a name that a child does not have yet.
const WORDS_OF_NO_NAME: [&str; 19] = [
    "trai", "gai", "be", "cu", "chau", "con", "ba", "chi", "me", "ong", "cb", "cb.", "so", "tre",
    "sinh", "chua", "dat", "ten", "co",
];

/// Whether a child is not yet named: "Trai", "Gái", "Nguyễn Bé Gái", "Con bà Hoa", "CB Hoa", "Chưa đặt tên".
pub fn is_unnamed(name: &PersonName) -> bool {
    let words = name.words.iter().map(|word| {
        let mut of_no_name = WORDS_OF_NO_NAME.into_iter();
        let found = of_no_name.find(|plain| word.chars().map(characters::base).eq(plain.chars()));
        found.unwrap_or("?")
    });
    let words: Vec<&str> = words.collect();
    let has = |wanted: &[&str]| words.windows(wanted.len()).any(|words| words == wanted);
    matches!(
        words.as_slice(),
        [] | ["trai" | "gai" | "be" | "cu" | "chau"]
            | [_, "trai" | "gai"]
            | ["con", "ba" | "chi" | "me" | "ong", ..]
            | ["cb" | "cb.", ..]
            | ["so" | "tre", "sinh" | "so", ..]
            | [.., "be" | "con" | "chau", "trai" | "gai"]
    ) || has(&["chua", "dat", "ten"])
        || has(&["chua", "co", "ten"])
}

/// Whether a name begins with H', the mark of a woman of the Ê Đê and their neighbours.
fn is_marked(text: &str) -> bool {
    let text = text.trim_start();
    let rest = text.strip_prefix(['H', 'h']).unwrap_or_default();
    rest.trim_start()
        .starts_with(['\'', '\u{2019}', '\u{2018}', '`'])
}

/// Puts the clan, which stands last in the names of the Ê Đê and their neighbours, where other names have
/// the family name: "Y Moan Niê" and "H'Nga Niê", but not "Y Nga", a woman of the Xơ Đăng.
fn put_clan_first(words: &mut Vec<Cow<'static, str>>, is_marked: bool) {
    // "H' Nga" is one word.
    if is_marked && words.len() > 1 && words.first().is_some_and(|word| word == "h") {
        words.remove(0);
        if let Some(given) = words.first_mut() {
            *given = Cow::Owned(format!("h{given}"));
        }
    }
    let is_y = |word: &Cow<'_, str>| matches!(&**word, "y" | "y.");
    let before_clan = match words.as_slice() {
        [_, clan, ..] if is_marked && !is_y(clan) => 1,
        [mark, given, clan, ..] if is_y(mark) && !is_y(clan) && given != "thị" => 2,
        _ => 0,
    };
    words.rotate_left(before_clan);
}

/// Family names so common that a name which ends with one and does not begin with one is turned round.
const COMMON_FAMILY_NAMES: [&str; 8] = [
    "nguyễn", "trần", "phạm", "huỳnh", "hoàng", "đặng", "phan", "nguyen",
];

/// Whether the family name seems to stand last.
fn family_stands_last(words: &[Cow<'static, str>]) -> bool {
    let is_common = |word: &str| COMMON_FAMILY_NAMES.contains(&word);
    match words {
        [first, .., last] => {
            matches!(&**last, "nguyễn" | "nguyen" | "trần" | "phạm" | "đặng") && !is_common(first)
        }
        [] | [_] => false,
    }
}

/// A village or the like: repaired, in lower case, without tones, numbers without leading zeros.
pub fn text(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let (repaired, _) = repair(text);
    let mut clean = String::with_capacity(repaired.len());
    let mut word = String::new();
    for piece in repaired.split(|letter: char| !letter.is_alphanumeric()) {
        if piece.is_empty() {
            continue;
        }
        if !clean.is_empty() {
            clean.push(' ');
        }
        if piece.bytes().all(|byte| byte.is_ascii_digit()) {
            let trimmed = piece.trim_start_matches('0');
            clean.push_str(if trimmed.is_empty() { "0" } else { trimmed });
        } else {
            word.clear();
            characters::lower_into(piece, &mut word);
            clean.extend(word.chars().map(characters::base));
        }
    }
    clean
}

/// Words for the kinds of places that a commune consists of, without tones.
const KINDS_OF_VILLAGES: [&str; 17] = [
    "ap", "thon", "t", "xom", "ban", "lang", "buon", "bon", "soc", "phum", "khom", "khu", "pho",
    "kp", "dan", "tdp", "to",
];

/// A village by its name or number alone: "Tổ 5, ấp 3" and "3" are one village, "T. Hạ" and "thôn Hạ" too.
/// A name that is nothing but such words stays as it is.
pub fn village(name: &str) -> String {
    let clean = text(name);
    let words: Vec<&str> = clean.split(' ').collect();
    let is_kind = |word: &&str| KINDS_OF_VILLAGES.contains(word);
    // What stands before another kind of place is a part of that place.
    let mut start = 0;
    for (place, word) in words.iter().enumerate() {
        let is_within = place == start || words.get(place - 1).is_some_and(|w| is_number(w));
        if is_kind(word) && is_within && place + 1 < words.len() {
            start = place + 1;
        }
    }
    words.get(start..).unwrap_or_default().join(" ")
}

fn is_number(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests;
