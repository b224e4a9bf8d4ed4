//! Which rows are records, and which of them are the same record.

mod no_record;

use std::collections::HashMap;

use uuid::Uuid;

use super::column::Column;
use super::dates::{self, DateOrder};
use super::finding::Finding;
use super::header::Header;
use super::record::{Found, RowContext, RowDraft};
use super::table::{self, ROWS_MAX, Row, Table};
use super::{FileError, FileRecord, FileRow};

/// Reads the rows of a table that stand below its header.
pub(super) struct RowReader {
    pub(super) table: Table,
    pub(super) header: Header,
    pub(super) context: RowContext,
    /// Version of rows that have none.
    pub(super) version: u64,
}

/// What a first look at all rows says.
#[derive(Default)]
pub(super) struct Survey {
    /// Rows below the header that are not empty.
    pub(super) rows: usize,
    /// Records that stand in several rows.
    repeated: HashMap<(Uuid, u64), Repetition>,
}

struct Repetition {
    first_row: u64,
    rows: usize,
    contents: blake3::Hash,
    is_alike: bool,
}

impl RowReader {
    /// Goes through all rows once, to find what only all of them together tell.
    pub(super) fn survey(&self) -> Result<Survey, FileError> {
        let mut survey = Survey::default();
        let mut orders: HashMap<Column, [usize; 2]> = HashMap::new();
        for (row, file_row) in self.rows(None) {
            survey.rows += 1;
            if survey.rows > ROWS_MAX {
                return Err(FileError::TooManyRows);
            }
            if let FileRow::Record(record) = file_row {
                survey.see(&record, self.contents(&row));
            }
            self.count_orders(&row, &mut orders);
        }
        survey.repeated.retain(|_, repetition| repetition.rows > 1);
        if self.context.mapping.date_order.is_none()
            && let Some((column, _)) = orders
                .iter()
                .find(|(_, [day_first, month_first])| month_first > day_first)
        {
            return Err(FileError::MonthFirst {
                label: self.header.label_of(*column),
            });
        }
        Ok(survey)
    }

    /// Counts the dates that can only be read with the day, or with the month, first.
    fn count_orders(&self, row: &Row, orders: &mut HashMap<Column, [usize; 2]>) {
        for (column, places) in self
            .header
            .columns
            .iter()
            .filter(|(column, _)| is_of_dates(*column))
        {
            let cell = places.first().map(|place| row.cell(*place));
            let [day_first, month_first] = orders.entry(*column).or_default();
            match cell.and_then(dates::only_order) {
                Some(DateOrder::DayFirst) => *day_first += 1,
                Some(DateOrder::MonthFirst) => *month_first += 1,
                None => {}
            }
        }
    }

    /// A hash of what the row says.
    fn contents(&self, row: &Row) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new();
        for (_, places) in self
            .header
            .columns
            .iter()
            .filter(|(column, _)| !column.is_left_out())
        {
            for place in places {
                hasher.update(row.cell(*place).shown().as_bytes());
                hasher.update(b"\n");
            }
        }
        hasher.finalize()
    }

    /// The rows with what became of them.
    pub(super) fn rows<'a>(&'a self, survey: Option<&'a Survey>) -> FileRows<'a> {
        FileRows {
            rows: self.table.rows(),
            reader: self,
            survey,
            is_past_end: false,
        }
    }

    fn read(&self, row: &Row) -> FileRow {
        if let Some(fault) = row.fault {
            return refused(row, String::new(), vec![(None, fault)]);
        }
        let mut draft = RowDraft::new(&self.context);
        draft
            .found
            .extend(self.width_fault(row).map(|fault| (None, fault)));
        for (column, places) in &self.header.columns {
            draft.take(*column, places.iter().map(|place| row.cell(*place)));
        }
        draft.finish();
        let uuid = draft.uuid();
        draft.found.extend(uuid.err());
        match uuid {
            Ok(record_id) if !draft.is_refused() => FileRow::Record(Box::new(FileRecord {
                row: row.number,
                record_id,
                source_id: draft.record_id,
                version: draft.version.unwrap_or(self.version),
                has_version: draft.version.is_some(),
                draft: draft.child,
                found: draft.found,
            })),
            Ok(_) | Err(_) => refused(row, draft.record_id, draft.found),
        }
    }

    /// A line that was broken in two, or a separator inside a text.
    fn width_fault(&self, row: &Row) -> Option<Finding> {
        let width = row.width?;
        let beyond = row.cells.iter().skip(self.header.labels.len());
        if beyond.into_iter().any(|cell| !cell.is_empty()) {
            return Some(Finding::RowTooLong);
        }
        let places = self
            .header
            .columns
            .iter()
            .flat_map(|(column, places)| places.iter().map(move |place| (*column, *place)));
        let mut missing = places.filter(|(_, place)| *place >= width).peekable();
        missing.peek()?;
        let is_needed = missing.any(|(column, _)| is_needed(column));
        Some(if is_needed {
            Finding::RowTooShort
        } else {
            Finding::RowShort
        })
    }
}

fn refused(row: &Row, source_id: String, found: Vec<Found>) -> FileRow {
    FileRow::Refused {
        row: row.number,
        source_id,
        found,
    }
}

fn is_of_dates(column: Column) -> bool {
    matches!(
        column,
        Column::BirthDate
            | Column::MaleBirthDate
            | Column::FemaleBirthDate
            | Column::StatusSince
            | Column::CollectedOn
            | Column::BirthRegisteredOn
    )
}

/// Columns without which a row is no record.
fn is_needed(column: Column) -> bool {
    matches!(
        column,
        Column::RecordId
            | Column::UnitCode
            | Column::UnitName
            | Column::FullName
            | Column::GivenName
            | Column::Sex
            | Column::BirthDate
            | Column::BirthYear
    )
}

impl Survey {
    fn see(&mut self, record: &FileRecord, contents: blake3::Hash) {
        self.repeated
            .entry((record.record_id, record.version))
            .and_modify(|known| {
                known.rows += 1;
                known.is_alike &= known.contents == contents;
            })
            .or_insert(Repetition {
                first_row: record.row,
                rows: 1,
                contents,
                is_alike: true,
            });
    }

    /// What is to become of a record that stands in several rows.
    fn judge(&self, record: Box<FileRecord>) -> FileRow {
        match self.repeated.get(&(record.record_id, record.version)) {
            None => FileRow::Record(record),
            Some(known) if known.is_alike && known.first_row == record.row => {
                FileRow::Record(record)
            }
            Some(known) if known.is_alike => FileRow::Skipped {
                row: record.row,
                finding: Finding::RowRepeated,
            },
            Some(_) => FileRow::Refused {
                row: record.row,
                source_id: record.source_id,
                found: vec![(None, Finding::RecordIdRepeated)],
            },
        }
    }
}

/// Iterates over rows and what became of them.
pub(super) struct FileRows<'a> {
    rows: table::Rows<'a>,
    reader: &'a RowReader,
    survey: Option<&'a Survey>,
    is_past_end: bool,
}

impl Iterator for FileRows<'_> {
    type Item = (Row, FileRow);

    fn next(&mut self) -> Option<Self::Item> {
        let row = self
            .rows
            .find(|row| row.number > self.reader.header.last_row)?;
        let file_row = match self.reader.no_record(&row, self.is_past_end) {
            Some(Finding::RowIncomplete) => {
                refused(&row, String::new(), vec![(None, Finding::RowIncomplete)])
            }
            Some(finding) => {
                self.is_past_end |= finding == Finding::TotalRow;
                FileRow::Skipped {
                    row: row.number,
                    finding,
                }
            }
            None => match (self.reader.read(&row), self.survey) {
                (FileRow::Record(record), Some(survey)) => survey.judge(record),
                (file_row, _) => file_row,
            },
        };
        Some((row, file_row))
    }
}
