//! Texts as they are compared: headers, words of code lists, names of units.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::domain::text::normalise;

/// Lower case, NFC, signs and runs of spaces as one space, apostrophes left out, the tone of an open oa,
/// oe or uy on its second letter. "Họ  và Tên:" and "họ và tên" are one; "Hòa" and "Hoà" too.
pub(super) fn marked(text: &str) -> String {
    let lower = normalise(text).to_lowercase();
    let mut key = String::with_capacity(lower.len());
    for letter in lower.chars() {
        if letter.is_alphanumeric() {
            key.push(letter);
        } else if !matches!(letter, '\'' | '’' | '‘' | '`')
            && !is_combining_mark(letter)
            && !key.is_empty()
            && !key.ends_with(' ')
        {
            key.push(' ');
        }
    }
    key.truncate(key.trim_end().len());
    if key.is_ascii() {
        return key;
    }
    let words: Vec<String> = key.split(' ').map(place_tone).collect();
    words.join(" ")
}

/// The same without marks, đ as d.
pub(super) fn plain(text: &str) -> String {
    let key = marked(text);
    if key.is_ascii() {
        return key;
    }
    key.nfd()
        .filter(|letter| !is_combining_mark(*letter))
        .map(|letter| if letter == 'đ' { 'd' } else { letter })
        .collect()
}

fn place_tone(word: &str) -> String {
    if word.is_ascii() || !word.ends_with(['a', 'e', 'y']) {
        return word.to_owned();
    }
    let letters: Vec<char> = word.nfd().collect();
    if let [before @ .., vowel, tone, last] = letters.as_slice()
        && matches!((vowel, last), ('o', 'a' | 'e') | ('u', 'y'))
        && matches!(
            tone,
            '\u{300}' | '\u{301}' | '\u{303}' | '\u{309}' | '\u{323}'
        )
    {
        let moved = before.iter().chain([vowel, last, tone]).copied();
        return moved.nfc().collect();
    }
    word.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_of_one_text_in_many_ways_is_one_key() {
        for text in [
            "Xã  Thạnh Hòa",
            "xã thạnh hoà",
            "XÃ THẠNH HOÀ:",
            "Xa\u{303} Thạnh-Hoà",
        ] {
            assert_eq!(marked(text), "xã thạnh hoà", "{text}");
        }
        assert_eq!(marked("H'Mông"), marked("HMông"));
    }

    #[test]
    fn marks_are_left_out_only_where_asked() {
        assert_eq!(plain("Ngày sinh (đủ)"), "ngay sinh du");
        assert_ne!(marked("Năm"), marked("Nam"));
    }
}
