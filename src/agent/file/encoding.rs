//! In which encoding a file is: found out by what the bytes say, or told.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use encoding_rs::{UTF_16BE, UTF_16LE, WINDOWS_1252, WINDOWS_1258};

use super::FileError;
use super::vocabulary::Score;
use crate::domain::legacy_text::{LegacyCharset, misread_byte, misread_bytes};
use crate::domain::text::normalise;

/// How much of a file is looked at to find its encoding out.
const LOOKED_AT_BYTES_MAX: usize = 256 * 1024;

/// An encoding that files of communes are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, with or without a byte-order mark.
    Utf8,
    /// UTF-16, the low byte first: "Unicode Text" of Excel.
    Utf16Le,
    /// UTF-16, the high byte first.
    Utf16Be,
    /// Windows-1258: letters and loose marks.
    Windows1258,
    /// Windows-1252: text without Vietnamese letters.
    Windows1252,
    /// An encoding of the time before Unicode. In a file of Unicode letters it means that the letters
    /// are that encoding's bytes, as a font of that time showed them.
    Legacy(LegacyCharset),
}

impl Encoding {
    /// Every encoding.
    pub const ALL: [Self; 8] = [
        Self::Utf8,
        Self::Utf16Le,
        Self::Utf16Be,
        Self::Windows1258,
        Self::Windows1252,
        Self::Legacy(LegacyCharset::Tcvn3),
        Self::Legacy(LegacyCharset::Vni),
        Self::Legacy(LegacyCharset::Viscii),
    ];

    /// Its name for `--encoding` and mappings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::Utf16Le => "utf-16le",
            Self::Utf16Be => "utf-16be",
            Self::Windows1258 => "windows-1258",
            Self::Windows1252 => "windows-1252",
            Self::Legacy(LegacyCharset::Tcvn3) => "tcvn3",
            Self::Legacy(LegacyCharset::Vni) => "vni",
            Self::Legacy(LegacyCharset::Viscii) => "viscii",
        }
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Encoding {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = |encoding: &Self| encoding.name().eq_ignore_ascii_case(text);
        Self::ALL.into_iter().find(known).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("choose one of {names}")
        })
    }
}

/// What a text was written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// The encoding of the bytes.
    pub encoding: Encoding,
    /// The old font that its letters were typed in, where they are no letters of Unicode.
    pub font: Option<LegacyCharset>,
}

impl fmt::Display for Written {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.font {
            Some(font) => write!(
                formatter,
                "{}, typed in a {} font",
                self.encoding,
                Encoding::Legacy(font)
            ),
            None => self.encoding.fmt(formatter),
        }
    }
}

/// The text of a file in NFC, and how it was written. What is no text becomes U+FFFD, which no cell that
/// is read may hold.
pub(super) fn decode(bytes: &[u8], told: Option<Encoding>) -> Result<(String, Written), FileError> {
    let (text, written) = match told {
        Some(encoding) => decode_as(bytes, encoding),
        None => find_out(bytes)?,
    };
    // Only now: Ð of an old font is the letter é, and of Unicode it looks like Đ.
    Ok((normalise(&text).into_owned(), written))
}

fn find_out(bytes: &[u8]) -> Result<(String, Written), FileError> {
    if let Some(encoding) = marked_encoding(bytes).or_else(|| unmarked_utf16(bytes)) {
        return Ok(with_font(unicode(bytes, encoding), encoding));
    }
    if mostly_utf8(bytes) {
        return Ok(with_font(unicode(bytes, Encoding::Utf8), Encoding::Utf8));
    }
    let encoding = by_words(bytes)?;
    Ok(decode_as(bytes, encoding))
}

/// The old font of a text of Unicode letters, if more of its words are known when it is read so.
pub(super) fn font_of(text: &str) -> Option<LegacyCharset> {
    let start = text
        .get(..text.floor_char_boundary(LOOKED_AT_BYTES_MAX))
        .unwrap_or(text);
    let as_it_stands = Score::of(start);
    if as_it_stands.foreign == 0 {
        return None;
    }
    let fonts = LegacyCharset::ALL.map(|font| (Score::of(&in_font(start, font)), font));
    // Of two that fit alike the first is the more usual.
    let best = fonts
        .into_iter()
        .rev()
        .max_by_key(|(score, _)| score.weight());
    let is_better =
        |score: Score| score.known > as_it_stands.known && score.weight() > as_it_stands.weight();
    best.filter(|(score, _)| is_better(*score))
        .map(|(_, font)| font)
}

/// A text of Unicode letters of which some or all are an old font's. Cells are decided one by one, because
/// one file may have headers of Unicode over names in an old font.
fn in_font(text: &str, font: LegacyCharset) -> String {
    // Letters that Latin-1 does not have say that some cells are of Unicode.
    let is_mixed = !may_be_misread(text);
    let is_end = |letter: char| matches!(letter, ',' | ';' | '|' | '\t' | '\n' | '"');
    let cells = text.split_inclusive(is_end);
    let decided = cells.map(|cell| cell_in_font(cell, font, is_mixed));
    decided.collect()
}

/// Whether all letters of a text may be bytes that were taken for Latin-1.
pub(super) fn may_be_misread(text: &str) -> bool {
    text.chars().all(|letter| misread_byte(letter).is_some())
}

/// A cell as it was meant, if that makes it known words, or if nothing tells and all of the file is so.
pub(super) fn cell_in_font(cell: &str, font: LegacyCharset, is_mixed: bool) -> Cow<'_, str> {
    let Some(bytes) = misread_bytes(cell).filter(|_| !cell.is_ascii()) else {
        return Cow::Borrowed(cell);
    };
    let meant = font.decode(&bytes);
    let (now, then) = (Score::of(cell), Score::of(&meant));
    match then.weight().cmp(&now.weight()) {
        Ordering::Greater => Cow::Owned(meant),
        // Nothing tells: in a file that is all of the font, so is this cell.
        Ordering::Equal if now.known == 0 && !is_mixed => Cow::Owned(meant),
        Ordering::Equal | Ordering::Less => Cow::Borrowed(cell),
    }
}

fn decode_as(bytes: &[u8], encoding: Encoding) -> (String, Written) {
    let written = Written {
        encoding,
        font: None,
    };
    match encoding {
        Encoding::Utf8 | Encoding::Utf16Le | Encoding::Utf16Be => {
            (unicode(bytes, encoding), written)
        }
        Encoding::Windows1258 => (
            WINDOWS_1258
                .decode_without_bom_handling(bytes)
                .0
                .into_owned(),
            written,
        ),
        Encoding::Windows1252 => (
            WINDOWS_1252
                .decode_without_bom_handling(bytes)
                .0
                .into_owned(),
            written,
        ),
        // Told, or found, that the letters are this font's: of bytes, or of Unicode letters.
        Encoding::Legacy(font) => match marked_encoding(bytes).or_else(|| strict_utf8(bytes)) {
            Some(encoding) => {
                let text = unicode(bytes, encoding);
                (
                    in_font(&text, font),
                    Written {
                        encoding,
                        font: Some(font),
                    },
                )
            }
            None => (font.decode(bytes), written),
        },
    }
}

fn with_font(text: String, encoding: Encoding) -> (String, Written) {
    match font_of(&text) {
        Some(font) => (
            in_font(&text, font),
            Written {
                encoding,
                font: Some(font),
            },
        ),
        None => (
            text,
            Written {
                encoding,
                font: None,
            },
        ),
    }
}

fn marked_encoding(bytes: &[u8]) -> Option<Encoding> {
    match bytes {
        [0xef, 0xbb, 0xbf, ..] => Some(Encoding::Utf8),
        [0xff, 0xfe, ..] => Some(Encoding::Utf16Le),
        [0xfe, 0xff, ..] => Some(Encoding::Utf16Be),
        _ => None,
    }
}

/// Half of the bytes of separators, digits and spaces are 0 in UTF-16, and text of bytes has none.
fn unmarked_utf16(bytes: &[u8]) -> Option<Encoding> {
    let looked_at = bytes.get(..LOOKED_AT_BYTES_MAX).unwrap_or(bytes);
    let zeros = |first: usize| {
        looked_at
            .iter()
            .skip(first)
            .step_by(2)
            .filter(|byte| **byte == 0)
            .count()
    };
    let (even, odd) = (zeros(0), zeros(1));
    let many = looked_at.len() / 8;
    match (even > many, odd > many) {
        (false, true) => Some(Encoding::Utf16Le),
        (true, false) => Some(Encoding::Utf16Be),
        (false, false) | (true, true) => None,
    }
}

fn strict_utf8(bytes: &[u8]) -> Option<Encoding> {
    std::str::from_utf8(bytes).is_ok().then_some(Encoding::Utf8)
}

/// UTF-8 in which a cell or two was damaged is still UTF-8: text of another encoding has hardly any
/// letter right.
fn mostly_utf8(bytes: &[u8]) -> bool {
    let (mut right, mut wrong) = (0_usize, 0_usize);
    for chunk in bytes.utf8_chunks() {
        right += chunk
            .valid()
            .chars()
            .filter(|letter| !letter.is_ascii())
            .count();
        wrong += usize::from(!chunk.invalid().is_empty());
    }
    wrong == 0 || right > wrong.saturating_mul(10)
}

fn unicode(bytes: &[u8], encoding: Encoding) -> String {
    let decoder = match encoding {
        Encoding::Utf16Le => UTF_16LE,
        Encoding::Utf16Be => UTF_16BE,
        Encoding::Utf8 | Encoding::Windows1258 | Encoding::Windows1252 | Encoding::Legacy(_) => {
            encoding_rs::UTF_8
        }
    };
    decoder.decode_with_bom_removal(bytes).0.into_owned()
}

/// The encoding in which the most words are known; none that is as good as another is chosen.
fn by_words(bytes: &[u8]) -> Result<Encoding, FileError> {
    let looked_at = bytes.get(..LOOKED_AT_BYTES_MAX).unwrap_or(bytes);
    let candidates = [
        Encoding::Windows1258,
        Encoding::Legacy(LegacyCharset::Tcvn3),
        Encoding::Legacy(LegacyCharset::Vni),
        Encoding::Legacy(LegacyCharset::Viscii),
    ];
    let mut scores = candidates.map(|encoding| {
        let (text, _) = decode_as(looked_at, encoding);
        (Score::of(&normalise(&text)), encoding)
    });
    scores.sort_by_key(|(score, _)| std::cmp::Reverse(score.weight()));
    match scores {
        [(best, encoding), (second, _), ..]
            if best.known > 0 && best.weight() > second.weight() =>
        {
            Ok(encoding)
        }
        _ => Err(FileError::EncodingUnclear),
    }
}

#[cfg(test)]
mod tests;
