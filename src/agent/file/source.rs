//! From the bytes of a file to a table whose header is known.

use std::borrow::Cow;

use super::cell::Cell;
use super::delimited::Delimited;
use super::encoding::{self, Encoding, Written};
use super::header::Header;
use super::mapping::Mapping;
use super::table::{Sheet, Table};
use super::workbook::Workbook;
use super::{FILE_BYTES_MAX, FileError, FileFacts};
use crate::domain::legacy_text::LegacyCharset;
use crate::domain::text::normalise;

/// A table with its header, and where both come from.
pub(super) struct Source {
    pub(super) table: Table,
    pub(super) header: Header,
    written: Option<Written>,
    separator: Option<char>,
    sheet: Option<String>,
}

impl Source {
    /// Reads a file up to its header.
    pub(super) fn read(bytes: &[u8], mapping: &Mapping) -> Result<Self, FileError> {
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > FILE_BYTES_MAX {
            return Err(FileError::TooLarge);
        }
        match bytes {
            [b'P', b'K', 3 | 5, 4 | 6, ..] => Self::of_workbook(bytes, mapping),
            [0xd0, 0xcf, 0x11, 0xe0, ..] => Err(FileError::OldWorkbook),
            _ => Self::of_text(bytes, mapping),
        }
    }

    fn of_text(bytes: &[u8], mapping: &Mapping) -> Result<Self, FileError> {
        let (text, written) = encoding::decode(bytes, mapping.encoding)?;
        let start = text.trim_start().get(..200).unwrap_or(&text).to_lowercase();
        if start.starts_with("<html")
            || start.starts_with("<!doctype html")
            || start.starts_with("<table")
        {
            return Err(FileError::WebPage);
        }
        let is_told = mapping.separator.is_some() || Delimited::names_separator(&text);
        let mut table = Table::Delimited(Delimited::new(&text, mapping.separator));
        drop(text);
        let mut best: Option<(Header, u8)> = None;
        for separator in table.separators(is_told) {
            table.set_separator(separator);
            let header = Header::find(&table, mapping)?;
            if best
                .as_ref()
                .is_none_or(|(best, _)| header.known_columns() > best.known_columns())
            {
                best = Some((header, separator));
            }
        }
        let (header, separator) = best.ok_or(FileError::NoHeader)?;
        table.set_separator(separator);
        Ok(Self {
            table,
            header,
            written: Some(written),
            separator: Some(char::from(separator)),
            sheet: None,
        })
    }

    fn of_workbook(bytes: &[u8], mapping: &Mapping) -> Result<Self, FileError> {
        let mut workbook = Workbook::open(bytes)?;
        let names = workbook.sheet_names();
        if names.is_empty() {
            return Err(FileError::WorkbookBroken);
        }
        let wanted: Vec<&String> = match &mapping.sheet {
            Some(told) => names.iter().filter(|name| *name == told).collect(),
            None => names.iter().collect(),
        };
        if let (Some(name), []) = (&mapping.sheet, wanted.as_slice()) {
            let (name, found) = (name.clone(), names.join(", "));
            return Err(FileError::NoSheet { name, found });
        }
        let mut sources: Vec<Self> = Vec::new();
        for name in wanted {
            let mut sheet = workbook.sheet(name)?;
            let font = read_texts(&mut sheet, mapping.encoding);
            let table = Table::Sheet(sheet);
            match Header::find(&table, mapping) {
                Ok(header) => sources.push(Self {
                    table,
                    header,
                    written: font.map(|font| Written {
                        encoding: Encoding::Utf8,
                        font: Some(font),
                    }),
                    separator: None,
                    sheet: Some(name.clone()),
                }),
                Err(FileError::Empty) => {}
                Err(error) => return Err(error),
            }
        }
        choose(sources)
    }

    /// What was found out so far.
    pub(super) fn facts(&self) -> FileFacts {
        let columns = self
            .header
            .columns
            .iter()
            .filter(|(column, _)| !column.is_left_out());
        FileFacts {
            written: self.written,
            separator: self.separator,
            sheet: self.sheet.clone(),
            header_row: self.header.last_row,
            columns: columns
                .map(|(column, _)| (*column, self.header.label_of(*column)))
                .collect(),
            left_out: self.header.left_out(),
            rows: 0,
        }
    }
}

/// The sheet with records, or the most likely one, so that the error is about it.
fn choose(mut sources: Vec<Source>) -> Result<Source, FileError> {
    let likely: Vec<&Source> = sources
        .iter()
        .filter(|source| source.header.is_likely())
        .collect();
    if likely.len() > 1 {
        let found: Vec<&str> = likely
            .iter()
            .filter_map(|source| source.sheet.as_deref())
            .collect();
        return Err(FileError::SeveralSheets {
            found: found.join(", "),
        });
    }
    sources.sort_by_key(|source| source.header.known_columns());
    sources.pop().ok_or(FileError::Empty)
}

/// The texts of a sheet in NFC, with letters that an old font showed as they were meant.
fn read_texts(sheet: &mut Sheet, told: Option<Encoding>) -> Option<LegacyCharset> {
    let mut texts: Vec<&mut String> = Vec::new();
    for cell in sheet.rows.iter_mut().flat_map(|row| &mut row.cells) {
        if let Cell::Text(text) = cell {
            texts.push(text);
        }
    }
    let all: String = texts
        .iter()
        .flat_map(|text| [text.as_str(), "\n"])
        .collect();
    let font = match told {
        Some(Encoding::Legacy(font)) => Some(font),
        Some(_) => None,
        None => encoding::font_of(&all),
    };
    let is_mixed = !encoding::may_be_misread(&all);
    for text in texts {
        if let Some(font) = font {
            *text = encoding::cell_in_font(text, font, is_mixed).into_owned();
        }
        if let Cow::Owned(right) = normalise(text) {
            *text = right;
        }
    }
    font
}
