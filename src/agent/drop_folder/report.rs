//! What became of a file, for the person who left it there.

use crate::agent::file::finding::Finding;
use crate::agent::file::mapping::MappingError;
use crate::agent::file::result::FieldName;
use crate::agent::file::{FileError, Found};
use crate::agent::settle::Kept;
use crate::agent::words;
use crate::domain::validation::Level;
use crate::sync::ingest::Outcome;

/// Lines of one report at most; the counts are always those of the whole file.
const LINES_MAX: usize = 1_000;

/// What became of a file. It never repeats what a cell holds.
#[derive(Default)]
pub(super) struct FileReport {
    kept: u64,
    unchanged: u64,
    older: u64,
    to_correct: u64,
    refused: u64,
    skipped: u64,
    is_unreadable: bool,
    lines: Vec<String>,
}

impl FileReport {
    /// Whether every row was kept.
    pub(super) fn is_clean(&self) -> bool {
        self.refused == 0 && !self.is_unreadable
    }

    /// Headers of columns that are not read.
    pub(super) fn left_out(&mut self, headers: &[String]) {
        for header in headers {
            self.line(format!(
                "Cột {header}: không hiểu, bỏ qua (not understood, left out)"
            ));
        }
    }

    pub(super) fn unreadable(&mut self, error: &FileError) {
        self.is_unreadable = true;
        self.line(format!(
            "Không đọc được tệp (the file cannot be read): {} / {error}",
            error.vietnamese()
        ));
    }

    pub(super) fn too_large(&mut self, bytes_max: u64) {
        self.is_unreadable = true;
        let most = bytes_max / (1024 * 1024);
        self.line(format!(
            "Tệp lớn hơn {most} MiB: hãy chia nhỏ tệp hoặc dùng childsync import \
             (the file is larger than {most} MiB: split it, or import it with childsync import)"
        ));
    }

    pub(super) fn unreadable_mapping(&mut self, error: &MappingError) {
        self.is_unreadable = true;
        self.line(format!(
            "Không dùng được tệp ánh xạ .toml bên cạnh (the mapping beside the file cannot be used): {error}"
        ));
    }

    /// A file of JSON that is no list of records.
    pub(super) fn unreadable_list(&mut self, problem: &str) {
        self.is_unreadable = true;
        self.line(format!(
            "Không đọc được tệp (the file cannot be read): {problem}"
        ));
    }

    /// An entry of such a list that is no record.
    pub(super) fn refused_entry(&mut self, number: u64, problem: &str) {
        self.refused += 1;
        self.line(format!(
            "Hồ sơ thứ {number}: không nhận (not taken): {problem}"
        ));
    }

    /// A row that is no record, or no whole one.
    pub(super) fn refused_row(&mut self, row: u64, found: &[Found]) {
        self.refused += 1;
        for found in found {
            self.found(row, "không nhận (not taken)", *found);
        }
    }

    pub(super) fn skipped_row(&mut self, row: u64, finding: Finding) {
        self.skipped += 1;
        self.found(row, "bỏ qua (no record)", (None, finding));
    }

    /// What was mended in a row.
    pub(super) fn notes(&mut self, row: u64, found: &[Found]) {
        for found in found {
            self.found(row, "lưu ý (note)", *found);
        }
    }

    fn found(&mut self, row: u64, fate: &str, (column, finding): Found) {
        let field = column.map(FieldName::of_column);
        let field = field.map_or_else(String::new, |field| {
            format!(", {} ({})", field.vietnamese, field.english)
        });
        let (word, words) = (finding.as_str(), finding.wording());
        self.line(format!(
            "Dòng {row}: {fate}{field}: {}; {} / {}: {} ({word})",
            words.vietnamese, words.vietnamese_advice, words.english, words.english_advice
        ));
    }

    pub(super) fn row(&mut self, line: u64, kept: &Kept) {
        match kept.settled.outcome {
            Outcome::Accepted => self.kept += 1,
            Outcome::Unchanged => self.unchanged += 1,
            Outcome::Superseded => self.older += 1,
            Outcome::Quarantined => self.to_correct += 1,
            Outcome::Rejected(reason) => {
                self.refused += 1;
                let meaning = words::reason(reason);
                self.line(format!(
                    "Dòng {line}: không nhận, {meaning} ({})",
                    reason.word()
                ));
            }
        }
        for violation in &kept.settled.violations {
            let (rule, path) = (violation.rule, &violation.path);
            let level = match violation.level {
                Level::Reject => "cần sửa",
                Level::Warn => "nên xem lại",
            };
            self.line(format!(
                "Dòng {line}: {level}, {path}: {} ({})",
                words::rule(rule),
                rule.as_str()
            ));
        }
    }

    fn line(&mut self, line: String) {
        if self.lines.len() < LINES_MAX {
            self.lines.push(line);
        }
    }

    pub(super) fn text(&self) -> String {
        let mut text = format!(
            "Đã lưu (kept): {}\nKhông đổi (unchanged): {}\nCũ hơn bản đã có (older): {}\n\
             Đã lưu, cần sửa (kept, to correct): {}\nKhông nhận (not taken): {}\n\
             Bỏ qua (no record): {}\n",
            self.kept, self.unchanged, self.older, self.to_correct, self.refused, self.skipped
        );
        for line in &self.lines {
            text.push_str(line);
            text.push('\n');
        }
        text
    }
}
