//! Reading a file of child records as commune software or an official wrote it: CSV or a workbook.
//!
//! What the file does not say is found out and reported: its encoding, separator, sheet, header and
//! columns. Nothing is guessed that could be wrong unseen; then the file, or the row, is refused with
//! what to do. A bad row never stops the others.

pub mod cell;
pub mod column;
pub mod encoding;
pub mod finding;
pub mod header;
pub mod mapping;
pub mod result;
pub mod table;
pub mod wording;
pub mod workbook;

mod codes;
mod communes;
mod dates;
mod delimited;
mod error;
mod numbers;
mod record;
mod rows;
mod source;
mod text_key;
mod vocabulary;

use time::Date;
use uuid::Uuid;

use crate::domain::draft::ChildDraft;
use crate::domain::unit::AdminScheme;

use column::Column;
use communes::Communes;
use dates::DateContext;
use encoding::Written;
use finding::Finding;
use header::Header;
use mapping::Mapping;
use record::RowContext;
use rows::{RowReader, Survey};
use source::Source;
use table::Table;

pub use error::FileError;
pub use record::{Found, RECORD_NAMESPACE};

/// Bytes of a file at most.
pub const FILE_BYTES_MAX: u64 = 128 * 1024 * 1024;

/// Digits of a commune's code.
const COMMUNE_DIGITS: usize = 5;

/// How a file is read where neither it nor its mapping says so.
#[derive(Clone, Debug)]
pub struct FileOptions {
    /// What is told about the file.
    pub mapping: Mapping,
    /// The list that unit codes are from, where nothing else says so.
    pub scheme: AdminScheme,
    /// Version of rows that have none, at least 1.
    pub version: u64,
    /// The day it is.
    pub today: Date,
}

/// What was found out about a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileFacts {
    /// How its text was written; none for a workbook of Unicode letters.
    pub written: Option<Written>,
    /// The separator of its cells.
    pub separator: Option<char>,
    /// The sheet.
    pub sheet: Option<String>,
    /// Number of the last row of its header.
    pub header_row: u64,
    /// Columns that are read, with what stands over them.
    pub columns: Vec<(Column, String)>,
    /// Headers of what is left out.
    pub left_out: Vec<String>,
    /// Rows below the header that are not empty.
    pub rows: usize,
}

/// A record of the file.
pub struct FileRecord {
    /// Its row, as a spreadsheet numbers it.
    pub row: u64,
    /// The record.
    pub record_id: Uuid,
    /// Its id as the file has it; empty where key columns name it.
    pub source_id: String,
    /// Its version.
    pub version: u64,
    /// Whether the file gives the version, and not the options.
    pub has_version: bool,
    /// What it says.
    pub draft: ChildDraft,
    /// What was mended in it.
    pub found: Vec<Found>,
}

/// A row below the header.
pub enum FileRow {
    /// A record.
    Record(Box<FileRecord>),
    /// A record that cannot be sent.
    Refused {
        /// Its row.
        row: u64,
        /// Its id as the file has it.
        source_id: String,
        /// Everything that was found.
        found: Vec<Found>,
    },
    /// No record: a total, a title, a repetition.
    Skipped {
        /// Its row.
        row: u64,
        /// What it is.
        finding: Finding,
    },
}

/// A file whose header was understood and whose rows were looked at once.
pub struct RecordFile {
    reader: RowReader,
    survey: Survey,
    facts: FileFacts,
}

impl RecordFile {
    /// Reads a file of records.
    pub fn read(bytes: &[u8], options: &FileOptions) -> Result<Self, FileError> {
        let source = Source::read(bytes, &options.mapping)?;
        let facts = source.facts();
        let Source { table, header, .. } = source;
        check_columns(&header, &options.mapping)?;
        let context = context(&table, &header, options)?;
        let reader = RowReader {
            table,
            header,
            context,
            version: options.version,
        };
        let survey = reader.survey()?;
        let facts = FileFacts {
            rows: survey.rows,
            ..facts
        };
        Ok(Self {
            reader,
            survey,
            facts,
        })
    }

    /// What was found out.
    pub const fn facts(&self) -> &FileFacts {
        &self.facts
    }

    /// The rows below the header, from the first one on.
    pub fn rows(&self) -> impl Iterator<Item = FileRow> {
        self.reader.rows(Some(&self.survey)).map(|(_, row)| row)
    }
}

fn check_columns(header: &Header, mapping: &Mapping) -> Result<(), FileError> {
    let found = || {
        header
            .labels
            .iter()
            .filter(|label| !label.is_empty())
            .cloned()
            .collect::<Vec<_>>()
            .join(", ")
    };
    let mapped = mapping.columns.iter().flatten().map(|(column, _)| *column);
    let keys = mapping
        .key
        .iter()
        .copied()
        .filter(|_| !header.has(Column::RecordId));
    if let Some(column) = mapped.chain(keys).find(|column| !header.has(*column)) {
        return Err(FileError::MappedColumnMissing {
            column: column.name(),
            found: found(),
        });
    }
    if mapping.columns.is_none() && !header.is_likely() {
        return Err(FileError::NoHeader);
    }
    if let Some(column) = header.twice {
        return Err(FileError::ColumnTwice {
            column: column.name(),
            labels: header.label_of(column),
        });
    }
    let needed: [(&'static str, &[Column]); 3] = [
        ("full_name", &[Column::FullName, Column::GivenName]),
        (
            "sex",
            &[
                Column::Sex,
                Column::Male,
                Column::Female,
                Column::MaleBirthDate,
                Column::FemaleBirthDate,
            ],
        ),
        (
            "birth_date",
            &[
                Column::BirthDate,
                Column::MaleBirthDate,
                Column::FemaleBirthDate,
                Column::BirthYear,
            ],
        ),
    ];
    for (missing, columns) in needed {
        if !columns.iter().any(|column| header.has(*column)) {
            return Err(FileError::MissingColumn {
                missing,
                found: found(),
            });
        }
    }
    if !header.has(Column::RecordId) && mapping.key.is_empty() {
        return Err(FileError::NoIdentity);
    }
    Ok(())
}

/// What is the same for all rows.
fn context(table: &Table, header: &Header, options: &FileOptions) -> Result<RowContext, FileError> {
    let mapping = options.mapping.clone();
    let scheme = mapping
        .scheme
        .or(mapping.unit.map(|unit| unit.scheme))
        .unwrap_or(options.scheme);
    let commune = mapping
        .unit
        .map(|unit| unit.code.to_string())
        .filter(|code| code.len() == COMMUNE_DIGITS);
    let by_name = header.has(Column::UnitName) && !header.has(Column::UnitCode);
    let communes = match (by_name, mapping.unit) {
        (true, Some(unit)) => Some(Communes::of(unit)),
        (true, None) => return Err(FileError::UnitForNames),
        (false, _) if commune.is_none() && !header.has(Column::UnitCode) => {
            return Err(FileError::NoUnit);
        }
        (false, _) => None,
    };
    Ok(RowContext {
        scheme,
        commune: commune.unwrap_or_default(),
        communes,
        dates: DateContext {
            order: mapping.date_order.unwrap_or_default(),
            today: options.today,
            is_1904: table.is_1904(),
        },
        key: if header.has(Column::RecordId) {
            Vec::new()
        } else {
            mapping.key.clone()
        },
        mapping,
    })
}

#[cfg(test)]
mod tests;
