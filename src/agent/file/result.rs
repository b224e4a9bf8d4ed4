//! What became of each row, in files beside the source: as CSV for programs and as a workbook for
//! officials, in Vietnamese and English.
//!
//! The files hold row, record id, field and texts, and never what stood in the cells.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rust_xlsxwriter::{Format, FormatAlign, Workbook, Worksheet, XlsxError};

use super::column::Column;
use super::finding::{Finding, Severity, Wording};
use super::wording;

/// Lines of one sheet at most; the CSV has all.
pub const SHEET_LINES_MAX: u32 = 100_000;

/// The headings of both files.
const HEADINGS: [(&str, f64); 9] = [
    ("Dòng (row)", 10.0),
    ("Mã hồ sơ (record id)", 38.0),
    ("Kết quả (outcome)", 24.0),
    ("Cột (field)", 30.0),
    ("Mã lỗi (code)", 24.0),
    ("Nội dung", 60.0),
    ("Cách xử lý", 60.0),
    ("What is wrong", 60.0),
    ("What to do", 60.0),
];

/// What became of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowOutcome {
    /// The hub has it as the newest version.
    Accepted,
    /// The hub had it.
    Unchanged,
    /// The hub has a newer version.
    Superseded,
    /// Nothing is wrong with it; it was not sent.
    Checked,
    /// It was not taken: somebody must correct it.
    Refused,
    /// It is no record.
    Skipped,
    /// The import ended before it.
    NotSent,
}

impl RowOutcome {
    /// In Vietnamese and English, as it stands in the files.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Accepted => "Đã nhận (accepted)",
            Self::Unchanged => "Không thay đổi (unchanged)",
            Self::Superseded => "Cũ hơn bản đã có (superseded)",
            Self::Checked => "Hợp lệ, chưa gửi (valid, not sent)",
            Self::Refused => "Cần sửa (to correct)",
            Self::Skipped => "Bỏ qua (no record)",
            Self::NotSent => "Chưa gửi (not sent)",
        }
    }
}

/// A field, as an official and as a program know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldName {
    /// What it is called in the file, or in Vietnamese.
    pub vietnamese: String,
    /// Its column's name, or the path of the hub.
    pub english: String,
}

impl FieldName {
    /// The field of a column.
    pub fn of_column(column: Column) -> Self {
        Self {
            vietnamese: column.label().to_owned(),
            english: column.name().to_owned(),
        }
    }

    /// The field of a path such as `child.carers[1].phone`.
    pub fn of_path(path: &str) -> Self {
        match Column::of_path(path) {
            // The hub counts carers and does not say which column a name came from.
            Some(column)
                if path.starts_with("child.carers[") && path.rsplit('.').next() == Some("name") =>
            {
                Self {
                    vietnamese: "Họ tên cha, mẹ hoặc người chăm sóc".to_owned(),
                    english: Self::of_column(column).english,
                }
            }
            Some(column) => Self::of_column(column),
            None => Self {
                vietnamese: path.to_owned(),
                english: path.to_owned(),
            },
        }
    }
}

/// One line of the result: a row has one or more.
#[derive(Clone, Debug)]
pub struct ResultLine {
    /// The row of the file, as a spreadsheet numbers it.
    pub row: u64,
    /// The record's id as the file has it, or as it was made.
    pub record_id: String,
    /// What became of the row.
    pub outcome: RowOutcome,
    /// The field, where one is to blame.
    pub field: Option<FieldName>,
    /// A stable word: rule, reason or finding; empty where nothing is to be said.
    pub code: String,
    /// What is wrong and what to do; none where nothing is to be said.
    pub wording: Option<Wording>,
    /// Whether this is what keeps the row out.
    pub is_problem: bool,
}

impl ResultLine {
    /// A row of which there is nothing to say but its outcome.
    pub fn plain(row: u64, record_id: &str, outcome: RowOutcome) -> Self {
        Self {
            row,
            record_id: record_id.to_owned(),
            outcome,
            field: None,
            code: String::new(),
            wording: None,
            is_problem: false,
        }
    }

    /// A finding of the file's reader.
    pub fn found(
        row: u64,
        record_id: &str,
        outcome: RowOutcome,
        (column, finding): (Option<Column>, Finding),
    ) -> Self {
        Self {
            field: column.map(FieldName::of_column),
            code: finding.as_str().to_owned(),
            wording: Some(finding.wording()),
            is_problem: finding.severity() == Severity::Refuses,
            ..Self::plain(row, record_id, outcome)
        }
    }

    /// A rule of the hub, by the field's path and the rule's word.
    pub fn ruled(line: Self, path: &str, rule: &str, is_problem: bool) -> Self {
        Self {
            field: Some(FieldName::of_path(path)),
            code: rule.to_owned(),
            wording: Some(wording::rule(rule).map_or(wording::UNKNOWN, wording::of_rule)),
            is_problem,
            ..line
        }
    }

    /// A reason of the hub, by its word.
    pub fn reasoned(line: Self, reason: &str) -> Self {
        Self {
            code: reason.to_owned(),
            wording: Some(wording::of_reason(reason).unwrap_or(wording::UNKNOWN)),
            is_problem: true,
            ..line
        }
    }

    fn cells(&self) -> [String; 9] {
        let field = self
            .field
            .as_ref()
            .map(|field| format!("{} ({})", field.vietnamese, field.english));
        let text = |text: fn(&Wording) -> &'static str| {
            self.wording
                .as_ref()
                .map(text)
                .unwrap_or_default()
                .to_owned()
        };
        [
            self.row.to_string(),
            self.record_id.clone(),
            self.outcome.text().to_owned(),
            field.unwrap_or_default(),
            self.code.clone(),
            text(|wording| wording.vietnamese),
            text(|wording| wording.vietnamese_advice),
            text(|wording| wording.english),
            text(|wording| wording.english_advice),
        ]
    }
}

/// The two files of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultFiles {
    /// The CSV.
    pub csv: PathBuf,
    /// The workbook.
    pub xlsx: PathBuf,
}

/// Why results cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum ResultError {
    /// The file is itself a result.
    #[error(
        "this is the result of an import and no file of records: import the file it belongs to"
    )]
    IsResult,
    /// A file cannot be written.
    #[error(
        "{path}: cannot be written: {error}. Close it if it is open in Excel, and check that the folder may be written to"
    )]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The workbook cannot be made.
    #[error("the workbook of results cannot be made: {0}")]
    Workbook(#[from] XlsxError),
}

impl ResultFiles {
    /// `NAME.result.csv` and `NAME.result.xlsx` beside a file. Where a sheet was told its name stands
    /// between, so that the results of one sheet are not written over those of another.
    pub fn beside(source: &Path, sheet: Option<&str>) -> Result<Self, ResultError> {
        let name = source.file_stem().unwrap_or_default().to_string_lossy();
        if name.ends_with(".result") {
            return Err(ResultError::IsResult);
        }
        let is_plain = |letter: char| letter.is_alphanumeric() || letter == ' ' || letter == '-';
        let sheet = sheet.map(|sheet| sheet.replace(|letter| !is_plain(letter), "_"));
        let sheet = sheet.map_or(String::new(), |sheet| format!(".{sheet}"));
        let file = |ending: &str| source.with_file_name(format!("{name}{sheet}.result.{ending}"));
        Ok(Self {
            csv: file("csv"),
            xlsx: file("xlsx"),
        })
    }

    /// Makes sure, before anything is sent, that the results can be written afterwards.
    pub fn prepare(&self) -> Result<(), ResultError> {
        for path in [&self.csv, &self.xlsx] {
            let opened = fs::File::options().append(true).create(true).open(path);
            opened.map_err(|error| ResultError::Write {
                path: path.clone(),
                error,
            })?;
        }
        Ok(())
    }

    /// Writes both files: the summary, in lines of Vietnamese and English, stands in the workbook.
    pub fn write(&self, summary: &[String], lines: &[ResultLine]) -> Result<(), ResultError> {
        replace(&self.csv, &csv_text(lines))?;
        replace(&self.xlsx, &workbook(summary, lines)?)
    }
}

/// Writes a file whole or not at all.
fn replace(path: &Path, bytes: &[u8]) -> Result<(), ResultError> {
    let part = path.with_extension("part");
    let written = fs::write(&part, bytes).and_then(|()| fs::rename(&part, path));
    written.map_err(|error| ResultError::Write {
        path: path.to_owned(),
        error,
    })
}

fn csv_text(lines: &[ResultLine]) -> Vec<u8> {
    // Excel takes a CSV for UTF-8 only by this mark.
    let mut writer = csv::Writer::from_writer("\u{feff}".as_bytes().to_vec());
    let headings = HEADINGS.map(|(heading, _)| heading.to_owned());
    for cells in [headings]
        .into_iter()
        .chain(lines.iter().map(ResultLine::cells))
    {
        // Writing into memory does not fail.
        drop(writer.write_record(cells.map(without_formula)));
    }
    writer.into_inner().unwrap_or_default()
}

/// A record id that a spreadsheet would run as a formula, made a text.
fn without_formula(cell: String) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        return format!("'{cell}");
    }
    cell
}

fn workbook(summary: &[String], lines: &[ResultLine]) -> Result<Vec<u8>, XlsxError> {
    let mut workbook = Workbook::new();
    let overview = workbook.add_worksheet().set_name("Tóm tắt")?;
    overview.set_column_width(0, 120)?;
    for (row, text) in (0..).zip(summary) {
        overview.write_string(row, 0, text)?;
    }
    let to_correct = lines
        .iter()
        .filter(|line| line.outcome == RowOutcome::Refused);
    write_sheet(workbook.add_worksheet().set_name("Cần sửa")?, to_correct)?;
    write_sheet(workbook.add_worksheet().set_name("Tất cả")?, lines.iter())?;
    workbook.save_to_buffer()
}

fn write_sheet<'a>(
    sheet: &mut Worksheet,
    lines: impl Iterator<Item = &'a ResultLine>,
) -> Result<(), XlsxError> {
    let heading = Format::new().set_bold();
    let wrapped = Format::new().set_text_wrap().set_align(FormatAlign::Top);
    for (column, (text, width)) in (0..).zip(HEADINGS) {
        sheet.set_column_width(column, width)?;
        sheet.write_string_with_format(0, column, text, &heading)?;
    }
    let mut last = 0;
    for (row, line) in (1..=SHEET_LINES_MAX).zip(lines) {
        for (column, text) in (0..).zip(line.cells()) {
            if !text.is_empty() {
                sheet.write_string_with_format(row, column, text, &wrapped)?;
            }
        }
        last = row;
    }
    sheet.set_freeze_panes(1, 0)?;
    sheet.autofilter(0, 0, last, 8)?;
    Ok(())
}

#[cfg(test)]
mod tests;
