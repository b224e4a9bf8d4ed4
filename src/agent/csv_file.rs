//! Reading a CSV of child records, row by row.
//!
//! Separator (comma, semicolon, tab), byte-order mark and line ends are found out. A bad row is
//! reported with its line and column and never stops the file.

use std::fmt;
use std::io::{BufRead, Read};

use csv::{ByteRecord, Reader, ReaderBuilder, Terminator};
use uuid::Uuid;

use super::csv_columns::{CellNote, Column, REQUIRED, RowDraft, record_uuid};
use crate::domain::draft::ChildDraft;
use crate::domain::unit::AdminScheme;

/// How a file is read where it does not say so itself.
#[derive(Clone, Copy, Debug)]
pub struct CsvOptions {
    /// The list that unit codes are from.
    pub scheme: AdminScheme,
    /// Version of rows that have none, at least 1.
    pub version: u64,
}

/// A file that cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum CsvError {
    /// Reading failed.
    #[error("the file cannot be read: {0}")]
    Read(#[from] std::io::Error),
    /// There is no header line.
    #[error("the file is empty: its first line must name the columns")]
    Empty,
    /// The file is UTF-16.
    #[error("the file is UTF-16: save it as \"CSV UTF-8\"")]
    Utf16,
    /// A required column is missing.
    #[error("the column {missing} is missing; the first line has: {found}")]
    MissingColumn {
        /// The first one that is missing.
        missing: &'static str,
        /// What there is.
        found: String,
    },
}

/// A row that was read.
pub struct CsvRow {
    /// Its line in the file, from 1.
    pub line: u64,
    /// The record.
    pub record_id: Uuid,
    /// Its version.
    pub version: u64,
    /// What it says.
    pub draft: ChildDraft,
    /// What was mended in it.
    pub mended: Vec<(Column, CellNote)>,
}

/// A row, or a cell of it, that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowProblem {
    /// The line in the file, from 1.
    pub line: u64,
    /// The column, where one is to blame.
    pub column: Option<&'static str>,
    /// What is wrong and what to do.
    pub problem: String,
}

impl fmt::Display for RowProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.column {
            Some(column) => write!(formatter, "line {}, {column}: {}", self.line, self.problem),
            None => write!(formatter, "line {}: {}", self.line, self.problem),
        }
    }
}

/// An open file.
pub struct CsvFile<R> {
    reader: Reader<R>,
    columns: Vec<Option<Column>>,
    unknown: Vec<String>,
    options: CsvOptions,
    record: ByteRecord,
}

impl<R: BufRead> CsvFile<R> {
    /// Reads the header line.
    pub fn open(mut source: R, options: CsvOptions) -> Result<CsvFile<impl Read>, CsvError> {
        let start = source.fill_buf()?;
        if start.starts_with(&[0xff, 0xfe]) || start.starts_with(&[0xfe, 0xff]) {
            return Err(CsvError::Utf16);
        }
        if start.starts_with(&[0xef, 0xbb, 0xbf]) {
            source.consume(3);
        }
        let mut header = Vec::new();
        source.read_until(b'\n', &mut header)?;
        let separator = separator(&header);
        let mut names = ByteRecord::new();
        ReaderBuilder::new()
            .has_headers(false)
            .delimiter(separator)
            .from_reader(header.as_slice())
            .read_byte_record(&mut names)
            .map_err(std::io::Error::other)?;
        let names: Vec<String> = names
            .iter()
            .map(|cell| String::from_utf8_lossy(cell).trim().to_owned())
            .collect();
        if names.iter().all(String::is_empty) {
            return Err(CsvError::Empty);
        }
        let columns: Vec<Option<Column>> =
            names.iter().map(|name| Column::of_header(name)).collect();
        if let Some(missing) = REQUIRED
            .iter()
            .find(|wanted| !columns.contains(&Some(**wanted)))
        {
            let found = names.join(", ");
            return Err(CsvError::MissingColumn {
                missing: missing.name(),
                found,
            });
        }
        let unknown = names
            .iter()
            .zip(&columns)
            .filter(|(_, column)| column.is_none());
        let unknown = unknown.map(|(name, _)| name.clone()).collect();
        let reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(separator)
            // A Windows line end leaves its first half in the last cell, where it is trimmed: as a line
            // end of its own it would make the reader count lines too late.
            .terminator(Terminator::Any(b'\n'))
            .from_reader(source);
        Ok(CsvFile {
            reader,
            columns,
            unknown,
            options,
            record: ByteRecord::new(),
        })
    }
}

/// The sign that stands most often in the header line.
fn separator(header: &[u8]) -> u8 {
    let count = |sign: u8| header.split(|byte| *byte == sign).count();
    let signs = [b',', b';', b'\t'];
    signs
        .into_iter()
        .rev()
        .max_by_key(|sign| count(*sign))
        .unwrap_or(b',')
}

impl<R: Read> CsvFile<R> {
    /// Columns that are not understood and are left out.
    pub fn unknown_columns(&self) -> &[String] {
        &self.unknown
    }

    /// The next row, the problems of the next row, or `None` at the end.
    pub fn next_row(&mut self) -> Option<Result<CsvRow, Vec<RowProblem>>> {
        loop {
            // The header line was read apart: this reader's line 1 is the file's line 2.
            let line = self.reader.position().line() + 1;
            match self.reader.read_byte_record(&mut self.record) {
                Ok(false) => return None,
                Ok(true) if self.record.iter().all(|cell| cell.trim_ascii().is_empty()) => {}
                Ok(true) => return Some(self.read(line)),
                Err(error) => {
                    let problem = format!("cannot be read: {error}");
                    return Some(Err(vec![RowProblem {
                        line,
                        column: None,
                        problem,
                    }]));
                }
            }
        }
    }

    fn read(&self, line: u64) -> Result<CsvRow, Vec<RowProblem>> {
        if self.record.len() != self.columns.len() {
            let (has, wants) = (self.record.len(), self.columns.len());
            let problem = format!(
                "has {has} cells and the header has {wants}: \
                 put a text that holds the separator into double quotes"
            );
            return Err(vec![RowProblem {
                line,
                column: None,
                problem,
            }]);
        }
        let mut row = RowDraft::new(self.options.scheme.as_str());
        let (mut mended, mut problems) = (Vec::new(), Vec::new());
        for (cell, column) in self.record.iter().zip(&self.columns) {
            let Some(column) = *column else { continue };
            let mut blame = |problem: &str| {
                let problem = problem.to_owned();
                problems.push(RowProblem {
                    line,
                    column: Some(column.name()),
                    problem,
                });
            };
            match std::str::from_utf8(cell) {
                Err(_) => blame("is not UTF-8: save the file as \"CSV UTF-8\""),
                Ok(cell) => match row.set(column, cell.trim()) {
                    None => {}
                    Some(CellNote::Unreadable(advice)) => blame(advice),
                    Some(note) => mended.push((column, note)),
                },
            }
        }
        if row.record_id.is_empty() {
            let problem = "is empty: every record needs an id that stays the same".to_owned();
            problems.push(RowProblem {
                line,
                column: Some("record_id"),
                problem,
            });
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let unit_code = row
            .draft
            .commune
            .as_ref()
            .map_or("", |unit| unit.code.as_str());
        Ok(CsvRow {
            line,
            record_id: record_uuid(unit_code, &row.record_id),
            version: row.version.unwrap_or(self.options.version),
            draft: row.draft,
            mended,
        })
    }
}

#[cfg(test)]
mod tests;
