//! The rows of the files of an upload.

use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;

use anyhow::Context;

use crate::agent::csv_columns::CellNote;
use crate::agent::csv_file::{CsvFile, CsvOptions, CsvRow, RowProblem};
use crate::cli::import::version_of;
use crate::cli::operator::progress;
use crate::domain::unit::{AdminScheme, UnitReference};
use crate::grpc::convert::write_child;
use crate::grpc::proto::v1;
use crate::grpc::push_client::child_change;

/// Where a row stands.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// Which of the files.
    pub(super) file: usize,
    /// The line in it, from 1.
    pub(super) line: u64,
}

/// A row that was read.
pub(super) struct Row {
    pub(super) place: Place,
    pub(super) unit: Option<UnitReference>,
    pub(super) change: v1::RecordChange,
}

/// What is to be said of a row or of a file.
pub(super) struct Remark {
    pub(super) place: Place,
    pub(super) column: Option<&'static str>,
    pub(super) text: String,
}

/// Everything that the files say.
pub(super) struct Rows {
    pub(super) files: Vec<PathBuf>,
    pub(super) read: Vec<Row>,
    /// Rows that cannot be read.
    pub(super) unreadable: u64,
    pub(super) problems: Vec<Remark>,
    pub(super) notes: Vec<Remark>,
}

impl Rows {
    pub(super) fn read_all(files: &[PathBuf], scheme: AdminScheme) -> anyhow::Result<Self> {
        let mut rows = Self {
            files: files.to_vec(),
            read: Vec::new(),
            unreadable: 0,
            problems: Vec::new(),
            notes: Vec::new(),
        };
        for number in 0..files.len() {
            rows.read_file(number, scheme)?;
        }
        Ok(rows)
    }

    fn read_file(&mut self, number: usize, scheme: AdminScheme) -> anyhow::Result<()> {
        let path = self.files.get(number).cloned().unwrap_or_default();
        let name = || path.display().to_string();
        let version = version_of(&path)?;
        let file = File::open(&path).with_context(name)?;
        let bytes = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
        let bar = progress("Reading", bytes);
        let source = BufReader::new(bar.wrap_read(file));
        let mut file = CsvFile::open(source, CsvOptions { scheme, version }).with_context(name)?;
        for column in file.unknown_columns() {
            let text = format!("the column {column} is not understood and was left out");
            let place = Place {
                file: number,
                line: 1,
            };
            self.notes.push(Remark {
                place,
                column: None,
                text,
            });
        }
        while let Some(row) = file.next_row() {
            match row {
                Ok(row) => self.add(number, row),
                Err(problems) => {
                    self.unreadable += 1;
                    let remarks = problems.into_iter().map(|row| remark(number, row));
                    self.problems.extend(remarks);
                }
            }
        }
        bar.finish_and_clear();
        Ok(())
    }

    fn add(&mut self, file: usize, row: CsvRow) {
        let place = Place {
            file,
            line: row.line,
        };
        for (column, note) in &row.mended {
            let text = match note {
                CellNote::ZerosRestored => "leading zeros were missing and were put back",
                CellNote::NumberCleaned => "spaces or letters in the number were mended",
                CellNote::Unreadable(advice) => advice,
            };
            self.notes.push(Remark {
                place,
                column: Some(column.name()),
                text: text.to_owned(),
            });
        }
        let commune = row.draft.commune.as_ref();
        let unit = commune.map(|unit| format!("{}:{}", unit.scheme, unit.code));
        self.read.push(Row {
            place,
            unit: unit.and_then(|unit| unit.parse().ok()),
            change: child_change(row.record_id, row.version, write_child(row.draft)),
        });
    }
}

fn remark(file: usize, row: RowProblem) -> Remark {
    Remark {
        place: Place {
            file,
            line: row.line,
        },
        column: row.column,
        text: row.problem,
    }
}
