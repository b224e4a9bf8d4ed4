//! Vietnamese text of the time before Unicode: TCVN3 (ABC), VNI and VISCII.

use std::collections::HashMap;
use std::sync::LazyLock;

/// An encoding of one or two bytes a letter. ASCII stays ASCII in all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LegacyCharset {
    /// TCVN 5712:1993, in the fonts whose names begin with `.Vn`.
    Tcvn3,
    /// VNI for Windows: a letter and a byte for its marks.
    Vni,
    /// VISCII, RFC 1456.
    Viscii,
}

impl LegacyCharset {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Tcvn3, Self::Vni, Self::Viscii];

    /// The text of these bytes. A byte that the table does not have stays the letter of Latin-1.
    pub fn decode(self, bytes: &[u8]) -> String {
        let letters = self.letters();
        let mut decoded = String::with_capacity(bytes.len() * 2);
        let mut rest = bytes;
        while let [first, after @ ..] = rest {
            let two = after
                .first()
                .and_then(|second| letters.get(&(*first, *second)));
            let one = letters.get(&(*first, 0));
            rest = match (two, one) {
                (Some(letter), _) => {
                    decoded.push(*letter);
                    after.get(1..).unwrap_or_default()
                }
                (None, one) => {
                    decoded.push(one.copied().unwrap_or(char::from(*first)));
                    after
                }
            };
        }
        decoded
    }

    fn letters(self) -> &'static Letters {
        let [tcvn3, vni, viscii] = &*LETTERS;
        match self {
            Self::Tcvn3 => tcvn3,
            Self::Vni => vni,
            Self::Viscii => viscii,
        }
    }

    const fn name_in_table(self) -> &'static str {
        match self {
            Self::Tcvn3 => "TCVN5712-1",
            Self::Vni => "VNI-Windows",
            Self::Viscii => "VISCII",
        }
    }
}

/// Letters by their bytes, the second 0 where there is none; only those that are not ASCII.
type Letters = HashMap<(u8, u8), char>;

static LETTERS: LazyLock<[Letters; 3]> = LazyLock::new(|| LegacyCharset::ALL.map(read));

fn read(charset: LegacyCharset) -> Letters {
    let rows = include_str!("../../reference/codes/legacy_charsets.csv").lines();
    let letters = rows.filter_map(|row| {
        let mut cells = row.split(',');
        let bytes = cells
            .next()
            .filter(|name| *name == charset.name_in_table())
            .and(cells.next())?;
        let letter = cells.next()?.chars().next()?;
        let mut bytes = bytes.split(' ').map(|byte| u8::from_str_radix(byte, 16));
        let first = bytes.next()?.ok()?;
        let second = bytes.next().and_then(Result::ok).unwrap_or(0);
        // Fonts of TCVN3 have no control characters: capital letters with tones were another font's.
        let is_control = charset == LegacyCharset::Tcvn3 && first < 0x80;
        (!is_control).then_some(((first, second), letter))
    });
    letters.collect()
}

/// Windows-1252 has letters and signs where Latin-1 has controls.
const WINDOWS_1252: [(char, u8); 27] = [
    ('€', 0x80),
    ('‚', 0x82),
    ('ƒ', 0x83),
    ('„', 0x84),
    ('…', 0x85),
    ('†', 0x86),
    ('‡', 0x87),
    ('ˆ', 0x88),
    ('‰', 0x89),
    ('Š', 0x8a),
    ('‹', 0x8b),
    ('Œ', 0x8c),
    ('Ž', 0x8e),
    ('‘', 0x91),
    ('’', 0x92),
    ('“', 0x93),
    ('”', 0x94),
    ('•', 0x95),
    ('–', 0x96),
    ('—', 0x97),
    ('˜', 0x98),
    ('™', 0x99),
    ('š', 0x9a),
    ('›', 0x9b),
    ('œ', 0x9c),
    ('ž', 0x9e),
    ('Ÿ', 0x9f),
];

/// The byte that a program read as this letter when it took a text for Latin-1 or Windows-1252; `None`
/// for a letter that neither has.
pub fn misread_byte(letter: char) -> Option<u8> {
    let special = WINDOWS_1252.iter().find(|(known, _)| *known == letter);
    special
        .map(|(_, byte)| *byte)
        .or(u8::try_from(u32::from(letter)).ok())
}

/// The bytes of a text that was taken for Latin-1 or Windows-1252, if it can have been.
pub fn misread_bytes(text: &str) -> Option<Vec<u8>> {
    text.chars().map(misread_byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_table_gives_the_letters_that_were_meant() {
        for (charset, misread) in [
            (LegacyCharset::Tcvn3, "NguyÔn V¨n Hoµ"),
            (LegacyCharset::Vni, "Nguyeãn Vaên Hoaø"),
        ] {
            let bytes = misread_bytes(misread).expect("Latin-1");
            assert_eq!(charset.decode(&bytes), "Nguyễn Văn Hoà", "{charset:?}");
        }
    }

    #[test]
    fn a_text_of_unicode_letters_was_not_misread() {
        assert_eq!(misread_bytes("Nguyễn"), None);
    }
}
