//! The rows of the files of an upload.

use std::path::PathBuf;

use crate::agent::file::column::Column;
use crate::agent::file::finding::Finding;
use crate::agent::file::mapping::Mapping;
use crate::agent::file::{FileOptions, FileRecord, FileRow, Found, RecordFile};
use crate::cli::import::{explain, read_file, version_of};
use crate::cli::operator::progress;
use crate::domain::clock::{Clock, SystemClock};
use crate::domain::unit::{AdminScheme, UnitReference};
use crate::grpc::convert::write_child;
use crate::grpc::proto::v1;
use crate::grpc::push_client::child_change;

/// Where a row stands.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// Which of the files.
    pub(super) file: usize,
    /// The row in it, as a spreadsheet numbers it.
    pub(super) row: u64,
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

/// How files are read.
pub(super) struct Reading {
    /// What is told about the files.
    pub(super) mapping: Mapping,
    /// The list that codes of communes are from, where a file does not say.
    pub(super) scheme: AdminScheme,
}

/// Everything that the files say.
pub(super) struct Rows {
    pub(super) files: Vec<PathBuf>,
    pub(super) read: Vec<Row>,
    /// Rows that cannot be sent.
    pub(super) unreadable: u64,
    pub(super) problems: Vec<Remark>,
    pub(super) notes: Vec<Remark>,
}

impl Rows {
    pub(super) fn read_all(files: &[PathBuf], reading: &Reading) -> anyhow::Result<Self> {
        let mut rows = Self {
            files: files.to_vec(),
            read: Vec::new(),
            unreadable: 0,
            problems: Vec::new(),
            notes: Vec::new(),
        };
        for number in 0..files.len() {
            rows.read_file(number, reading)?;
        }
        Ok(rows)
    }

    fn read_file(&mut self, number: usize, reading: &Reading) -> anyhow::Result<()> {
        let path = self.files.get(number).cloned().unwrap_or_default();
        let options = FileOptions {
            mapping: reading.mapping.clone(),
            scheme: reading.scheme,
            version: version_of(&path)?,
            today: SystemClock.now().date(),
        };
        let bytes = read_file(&path)?;
        let file = RecordFile::read(&bytes, &options).map_err(|error| explain(&path, &error))?;
        drop(bytes);
        let header = Place {
            file: number,
            row: file.facts().header_row,
        };
        self.notes
            .extend(file.facts().left_out.iter().map(|label| Remark {
                place: header,
                column: None,
                text: format!("the column {label} is not understood and was left out"),
            }));
        let bar = progress("Reading", file.facts().rows);
        for row in file.rows() {
            bar.inc(1);
            self.add(number, row);
        }
        bar.finish_and_clear();
        Ok(())
    }

    fn add(&mut self, file: usize, row: FileRow) {
        match row {
            FileRow::Record(record) => self.add_record(file, *record),
            FileRow::Refused { row, found, .. } => {
                self.unreadable += 1;
                let place = Place { file, row };
                self.problems
                    .extend(found.into_iter().map(|found| remark(place, found)));
            }
            FileRow::Skipped { row, finding } => self.notes.push(Remark {
                place: Place { file, row },
                column: None,
                text: words(finding),
            }),
        }
    }

    fn add_record(&mut self, file: usize, record: FileRecord) {
        let place = Place {
            file,
            row: record.row,
        };
        let found = record.found.into_iter();
        self.notes.extend(found.map(|found| remark(place, found)));
        let commune = record.draft.commune.as_ref();
        let unit = commune.map(|unit| format!("{}:{}", unit.scheme, unit.code));
        let content = write_child(record.draft);
        self.read.push(Row {
            place,
            unit: unit.and_then(|unit| unit.parse().ok()),
            change: child_change(record.record_id, record.version, content),
        });
    }
}

fn remark(place: Place, (column, finding): Found) -> Remark {
    Remark {
        place,
        column: column.map(Column::name),
        text: words(finding),
    }
}

fn words(finding: Finding) -> String {
    let wording = finding.wording();
    format!(
        "{}: {} / {}: {}",
        wording.vietnamese, wording.vietnamese_advice, wording.english, wording.english_advice
    )
}
