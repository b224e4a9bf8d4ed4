//! Text for the fonts of the nineties, and UTF-8 that was read as Windows-1252.

use std::collections::HashMap;
use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization;

/// What the text was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Font {
    Tcvn3,
    Vni,
    Viscii,
    MisreadUtf8,
}

/// Letters of each font with the bytes that show them.
static TABLES: LazyLock<HashMap<(&'static str, char), String>> = LazyLock::new(|| {
    include_str!("../../../../../reference/codes/legacy_charsets.csv")
        .lines()
        .skip(1)
        .filter_map(|line| {
            let mut cells = line.split(',');
            let (charset, bytes) = (cells.next()?, cells.next()?);
            let letter = cells.next()?.chars().next()?;
            let shown = bytes
                .split(' ')
                .filter_map(|byte| u8::from_str_radix(byte, 16).ok())
                .map(windows_1252);
            Some(((charset, letter), shown.collect()))
        })
        .collect()
});

/// What Windows-1252 shows for the bytes 80 to 9f; five of them it does not have.
const WINDOWS_1252: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}',
    '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

fn windows_1252(byte: u8) -> char {
    byte.checked_sub(0x80)
        .and_then(|place| WINDOWS_1252.get(usize::from(place)).copied())
        .unwrap_or(char::from(byte))
}

impl Font {
    /// The text as it appears without the font.
    pub(super) fn write(self, text: &str) -> String {
        let text: String = text.nfc().collect();
        match self {
            // Capitals with tones are lower-case letters in a font of capitals, so case is lost.
            Self::Tcvn3 => shown(&text, "TCVN5712-1", |letter| {
                let plain = "ĂÂÊÔƠƯĐ".contains(letter) || letter.is_ascii();
                if plain { letter } else { lower(letter) }
            }),
            Self::Vni => shown(&text, "VNI-Windows", |letter| letter),
            Self::Viscii => shown(&text, "VISCII", |letter| letter),
            Self::MisreadUtf8 => text.bytes().map(windows_1252).collect(),
        }
    }
}

fn lower(letter: char) -> char {
    letter.to_lowercase().next().unwrap_or(letter)
}

fn shown(text: &str, charset: &'static str, prepare: impl Fn(char) -> char) -> String {
    let mut shown = String::new();
    for letter in text.chars().map(prepare) {
        match TABLES.get(&(charset, letter)) {
            Some(bytes) => shown.push_str(bytes),
            None => shown.push(letter),
        }
    }
    shown
}
