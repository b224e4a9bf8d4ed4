//! Vietnamese text in its one form: NFC, with the faults that NFC does not mend.

use std::borrow::Cow;

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// The text in NFC, with marks typed in the wrong order put right and look-alikes of Đ mapped to it.
/// Idempotent; text that is right already is given back as it is.
///
/// A tone mark typed before a circumflex or breve (e, tilde, circumflex) stays apart in NFC, because
/// both marks are of combining class 230. And Ð (U+00D0, Icelandic) and Ɖ (U+0189, African) look like Đ
/// (U+0110) and lower to other letters.
pub fn normalise(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || is_right(text) {
        return Cow::Borrowed(text);
    }
    // Taken apart first, so that a tone that was composed with its vowel can move behind the mark.
    let mut letters: Vec<char> = text.chars().map(true_d).nfd().collect();
    for marks in letters.chunk_by_mut(|one, next| is_mark(*one) && is_mark(*next)) {
        // Stable: marks that were in a right order stay in it.
        marks.sort_by_key(|mark| is_tone(*mark));
    }
    Cow::Owned(letters.into_iter().nfc().collect())
}

fn is_mark(letter: char) -> bool {
    is_tone(letter) || is_shape(letter)
}

/// NFC, no look-alike, and no loose mark that could have stood in the wrong order.
fn is_right(text: &str) -> bool {
    is_nfc_quick(text.chars()) == IsNormalized::Yes
        && !text
            .chars()
            .any(|letter| true_d(letter) != letter || is_mark(letter))
}

fn true_d(letter: char) -> char {
    match letter {
        '\u{d0}' | '\u{189}' => '\u{110}',
        '\u{f0}' | '\u{256}' => '\u{111}',
        other => other,
    }
}

/// Grave, acute, tilde, hook above, dot below.
fn is_tone(letter: char) -> bool {
    matches!(
        letter,
        '\u{300}' | '\u{301}' | '\u{303}' | '\u{309}' | '\u{323}'
    )
}

/// Circumflex, breve, horn.
fn is_shape(letter: char) -> bool {
    matches!(letter, '\u{302}' | '\u{306}' | '\u{31b}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_that_is_right_is_given_back_as_it_is() {
        assert!(matches!(normalise("Trần Thị Mẫu Đơn"), Cow::Borrowed(_)));
    }

    #[test]
    fn decomposed_text_is_composed() {
        let decomposed: String = "Nguyễn Thị Thuý Hoà Đặng".nfd().collect();

        assert_eq!(normalise(&decomposed), "Nguyễn Thị Thuý Hoà Đặng");
    }

    #[test]
    fn marks_in_the_wrong_order_are_put_right() {
        assert_eq!(normalise("Nguye\u{303}\u{302}n"), "Nguyễn");
        assert_eq!(normalise("Nguy\u{1ebd}\u{302}n"), "Nguyễn");
    }

    #[test]
    fn look_alikes_of_d_with_stroke_become_it() {
        assert_eq!(
            normalise("\u{d0}ặng \u{189}ông \u{f0}\u{256}"),
            "Đặng Đông đđ"
        );
    }

    proptest! {
        #[test]
        fn normalising_twice_is_normalising_once(text in "[a-zđĐÐàễ\u{300}-\u{30f}\u{323}\u{31b} ]{0,24}|\\PC{0,24}") {
            let once = normalise(&text).into_owned();
            prop_assert_eq!(normalise(&once), once.clone());
        }
    }
}
