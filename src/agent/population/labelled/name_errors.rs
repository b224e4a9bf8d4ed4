//! How names are written wrongly.
//!
//! An entry's name has at most one error of spelling and at most one way of writing. A way of writing is
//! a habit: of the commune's software, or of whoever typed this one.

mod fonts;
mod keystrokes;
mod spelling;
mod typing;

use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use unicode_normalization::UnicodeNormalization;

use super::mix::NameShares;
use crate::agent::population::errors::without_marks;
use fonts::Font;

/// An error in what is written, whoever writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Misspelling {
    ToneLost,
    Typing,
    Regional,
    IOrY,
    TonePlacement,
    MiddleLeftOut,
    MiddleAbbreviated,
    FamilyAbbreviated,
    Swapped,
    Nickname,
}

/// A way in which everything is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Writing {
    Plain,
    NoMarks,
    Capitals,
    Decomposed,
    /// Letters and marks apart, the tone before the letter's other mark, which no normal form mends.
    MarkOrder,
    Telex,
    VniKeys,
    Legacy(Font),
    Spaces,
    LookAlike,
}

const NICKNAMES: [&str; 20] = [
    "Bi", "Bin", "Tí", "Tèo", "Bống", "Sóc", "Cún", "Gấu", "Tôm", "Bo", "Ken", "Su", "Na", "Mít",
    "Bon", "Cò", "Nhím", "Bắp", "Út", "Kem",
];

impl Misspelling {
    /// Which one, if any; poorer communes err more often.
    pub(super) fn draw(shares: &NameShares, quality: f64, chance: &mut StdRng) -> Option<Self> {
        let kinds = [
            (Self::ToneLost, shares.tone_lost),
            (Self::Typing, shares.typing),
            (Self::Regional, shares.regional),
            (Self::IOrY, shares.i_or_y),
            (Self::TonePlacement, shares.tone_placement),
            (Self::MiddleLeftOut, shares.middle_left_out),
            (Self::MiddleAbbreviated, shares.middle_abbreviated),
            (Self::FamilyAbbreviated, shares.family_abbreviated),
            (Self::Swapped, shares.swapped),
            (Self::Nickname, shares.nickname),
        ];
        pick(&kinds, quality, chance)
    }

    /// The name with the error; as it was if it cannot have this one.
    pub(super) fn apply(self, name: &str, chance: &mut StdRng) -> String {
        let mut words: Vec<String> = name.split_whitespace().map(str::to_owned).collect();
        let count = words.len();
        match self {
            Self::ToneLost => spelling::lose_a_tone(&mut words, chance),
            Self::Typing => typing::mistype(&mut words, chance),
            Self::Regional => spelling::as_it_sounds(&mut words, chance),
            Self::IOrY => spelling::exchange_i_and_y(&mut words),
            Self::TonePlacement => spelling::move_tones(&mut words),
            Self::MiddleLeftOut if count > 2 => {
                words.remove(chance.random_range(1..count - 1));
            }
            Self::MiddleAbbreviated if count > 2 => {
                abbreviate(words.get_mut(chance.random_range(1..count - 1)), 1);
            }
            Self::FamilyAbbreviated => abbreviate(words.first_mut(), 2),
            Self::Swapped if count > 1 => {
                // "Bảo Nguyễn Gia" or "Gia Bảo Nguyễn".
                let by = if chance.random_bool(0.5) {
                    1
                } else {
                    count - 1
                };
                words.rotate_right(by);
            }
            Self::Nickname => {
                if let (Some(given), Some(nickname)) = (words.last_mut(), NICKNAMES.choose(chance))
                {
                    (*nickname).clone_into(given);
                }
            }
            Self::MiddleLeftOut | Self::MiddleAbbreviated | Self::Swapped => {}
        }
        words.join(" ")
    }
}

impl Writing {
    /// Which one, plain mostly.
    pub(super) fn draw(shares: &NameShares, quality: f64, chance: &mut StdRng) -> Self {
        let kinds = [
            (Self::NoMarks, shares.no_marks),
            (Self::Capitals, shares.capitals),
            (Self::Decomposed, shares.decomposed * 0.9),
            (Self::MarkOrder, shares.decomposed * 0.1),
            (Self::Telex, shares.keystrokes * 0.7),
            (Self::VniKeys, shares.keystrokes * 0.3),
            (Self::Legacy(Font::Tcvn3), shares.legacy * 0.50),
            (Self::Legacy(Font::Vni), shares.legacy * 0.25),
            (Self::Legacy(Font::Viscii), shares.legacy * 0.05),
            (Self::Legacy(Font::MisreadUtf8), shares.legacy * 0.20),
            (Self::Spaces, shares.spaces),
            (Self::LookAlike, shares.look_alike),
        ];
        pick(&kinds, quality, chance).unwrap_or(Self::Plain)
    }

    /// The text in this way of writing.
    pub(super) fn apply(self, text: &str, chance: &mut StdRng) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::NoMarks => without_marks(text),
            Self::Capitals => text.to_uppercase(),
            Self::Decomposed => text.nfd().collect(),
            Self::MarkOrder => marks_exchanged(text),
            Self::Telex => keystrokes::left(text, true, chance),
            Self::VniKeys => keystrokes::left(text, false, chance),
            Self::Legacy(font) => font.write(text),
            Self::Spaces => spaced(text, chance),
            Self::LookAlike => look_alike(text, chance),
        }
    }
}

/// One of the kinds by their shares, or none.
pub(super) fn pick<T: Copy>(kinds: &[(T, f64)], quality: f64, chance: &mut StdRng) -> Option<T> {
    let mut point: f64 = chance.random();
    for (kind, share) in kinds {
        if point < share * quality {
            return Some(*kind);
        }
        point -= share * quality;
    }
    None
}

fn abbreviate(word: Option<&mut String>, letters: usize) {
    if let Some(word) = word {
        let start: String = word.chars().take(letters).collect();
        *word = format!("{start}.");
    }
}

fn marks_exchanged(text: &str) -> String {
    let mut letters: Vec<char> = text.nfd().collect();
    let of_shape = |mark: &char| matches!(mark, '\u{302}' | '\u{306}');
    let of_tone = |mark: &char| matches!(mark, '\u{300}' | '\u{301}' | '\u{303}' | '\u{309}');
    for place in 1..letters.len() {
        let pair = letters.get(place - 1).zip(letters.get(place));
        if pair.is_some_and(|(one, other)| of_shape(one) && of_tone(other)) {
            letters.swap(place - 1, place);
        }
    }
    letters.into_iter().collect()
}

fn spaced(text: &str, chance: &mut StdRng) -> String {
    match chance.random_range(0..4) {
        0 => format!(" {text}"),
        1 => format!("{text}  "),
        2 => text.replacen(' ', "\u{a0}", 1),
        _ => text.replacen(' ', "  ", 1),
    }
}

fn look_alike(text: &str, chance: &mut StdRng) -> String {
    let (large, small) = if chance.random_bool(0.7) {
        ("Ð", "ð")
    } else {
        ("Ɖ", "ɖ")
    };
    text.replace('Đ', large)
        .replace('đ', small)
        .replace('\'', "\u{2019}")
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    fn chance() -> StdRng {
        StdRng::seed_from_u64(1)
    }

    #[test]
    fn a_font_writes_what_it_is_known_to_write() {
        for (font, text) in [
            (Font::Tcvn3, "NguyÔn V¨n Hoµ"),
            (Font::Vni, "Nguyeãn Vaên Hoaø"),
        ] {
            let written = Writing::Legacy(font).apply("Nguyễn Văn Hoà", &mut chance());

            assert_eq!(written, text);
        }
    }

    #[test]
    fn marks_in_the_wrong_order_are_no_normal_form() {
        let text = Writing::MarkOrder.apply("Nguyễn", &mut chance());

        assert_eq!(text, "Nguye\u{303}\u{302}n");
        assert!(text.nfc().ne("Nguyễn".chars()));
    }

    #[test]
    fn names_of_two_words_have_no_middle_to_lose() {
        let text = Misspelling::MiddleLeftOut.apply("Danh Mẫu", &mut chance());

        assert_eq!(text, "Danh Mẫu");
    }

    #[test]
    fn a_swapped_name_has_the_same_words() {
        let text = Misspelling::Swapped.apply("Lê Gia Bảo", &mut chance());

        assert!(
            ["Bảo Lê Gia", "Gia Bảo Lê"].contains(&text.as_str()),
            "{text}"
        );
    }
}
