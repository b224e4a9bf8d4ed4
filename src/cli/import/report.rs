//! What became of a file, for a person, a program and the files beside it.

use serde_json::{Value, json};

use super::say;
use crate::agent::file::FileFacts;
use crate::agent::file::result::{ResultError, ResultFiles, ResultLine, RowOutcome};

/// Problems that are shown at a terminal; the files have all.
const SHOWN_PROBLEMS_MAX: usize = 20;

/// What became of a file.
#[derive(Default)]
pub(super) struct Report {
    pub(super) refused: u64,
    pub(super) skipped: u64,
    accepted: u64,
    unchanged: u64,
    superseded: u64,
    checked: u64,
    not_sent: u64,
    lines: Vec<ResultLine>,
}

impl Report {
    /// Rows that are records.
    pub(super) const fn records(&self) -> u64 {
        self.accepted
            + self.unchanged
            + self.superseded
            + self.checked
            + self.refused
            + self.not_sent
    }

    pub(super) const fn count(&mut self, outcome: RowOutcome) {
        let counter = match outcome {
            RowOutcome::Accepted => &mut self.accepted,
            RowOutcome::Unchanged => &mut self.unchanged,
            RowOutcome::Superseded => &mut self.superseded,
            RowOutcome::Checked => &mut self.checked,
            RowOutcome::Refused => &mut self.refused,
            RowOutcome::Skipped => &mut self.skipped,
            RowOutcome::NotSent => &mut self.not_sent,
        };
        *counter += 1;
    }

    pub(super) fn add(&mut self, line: ResultLine) {
        self.lines.push(line);
    }

    /// Writes the files beside the source, rows in their order.
    pub(super) fn write(
        &mut self,
        results: &ResultFiles,
        facts: &FileFacts,
    ) -> Result<(), ResultError> {
        self.lines.sort_by_key(|line| line.row);
        let mut summary = found_out(facts);
        summary.extend(self.counts());
        summary.push("Mở trang \"Cần sửa\", sửa trong tệp gốc rồi nhập lại tệp gốc. / Open the sheet \"Cần sửa\", correct the source file and import it again.".to_owned());
        results.write(&summary, &self.lines)
    }

    /// Prints it.
    pub(super) fn show(&self, results: &ResultFiles, facts: &FileFacts, as_json: bool) {
        if as_json {
            say(self.as_json(results, facts));
            return;
        }
        for text in found_out(facts) {
            say(text);
        }
        let problems = || self.lines.iter().filter(|line| line.is_problem);
        for problem in problems().take(SHOWN_PROBLEMS_MAX) {
            say(shown(problem));
        }
        let hidden = problems().count().saturating_sub(SHOWN_PROBLEMS_MAX);
        if hidden > 0 {
            say(format_args!(
                "... còn {hidden} lỗi nữa trong tệp kết quả / {hidden} more in the result files"
            ));
        }
        for text in self.counts() {
            say(text);
        }
        say(format_args!(
            "Kết quả / results: {}, {}",
            results.xlsx.display(),
            results.csv.display()
        ));
    }

    fn counts(&self) -> [String; 2] {
        let notes = self
            .lines
            .iter()
            .filter(|line| !line.is_problem && line.wording.is_some());
        let notes = notes
            .filter(|line| line.outcome != RowOutcome::Skipped)
            .count();
        let Self {
            refused,
            skipped,
            accepted,
            unchanged,
            superseded,
            checked,
            not_sent,
            ..
        } = self;
        let records = self.records();
        [
            format!(
                "{records} hồ sơ: {accepted} đã nhận, {unchanged} không thay đổi, {superseded} cũ hơn bản đã có, {checked} hợp lệ (chưa gửi), {refused} cần sửa, {not_sent} chưa gửi; {skipped} dòng không phải hồ sơ; {notes} lưu ý"
            ),
            format!(
                "{records} records: {accepted} accepted, {unchanged} unchanged, {superseded} older than held, {checked} valid (not sent), {refused} not taken, {not_sent} not sent; {skipped} rows are no records; {notes} notes"
            ),
        ]
    }

    fn as_json(&self, results: &ResultFiles, facts: &FileFacts) -> Value {
        let list = |is_problem: bool| -> Vec<Value> {
            let said = self
                .lines
                .iter()
                .filter(|line| line.is_problem == is_problem);
            said.filter_map(line_as_json).collect()
        };
        let columns = facts
            .columns
            .iter()
            .map(|(column, label)| (column.name().to_owned(), json!(label)));
        json!({
            "encoding": facts.written.map(|written| written.to_string()),
            "separator": facts.separator.map(String::from),
            "sheet": facts.sheet,
            "header_row": facts.header_row,
            "columns": columns.collect::<serde_json::Map<String, Value>>(),
            "left_out": facts.left_out,
            "records": self.records(),
            "accepted": self.accepted,
            "unchanged": self.unchanged,
            "superseded": self.superseded,
            "checked": self.checked,
            "refused": self.refused,
            "not_sent": self.not_sent,
            "skipped": self.skipped,
            "problems": list(true),
            "notes": list(false),
            "results": [results.csv.display().to_string(), results.xlsx.display().to_string()],
        })
    }
}

fn line_as_json(line: &ResultLine) -> Option<Value> {
    let wording = line.wording?;
    Some(json!({
        "row": line.row,
        "field": line.field.as_ref().map(|field| &field.english),
        "code": line.code,
        "problem": wording.english,
        "advice": wording.english_advice,
        "problem_vi": wording.vietnamese,
        "advice_vi": wording.vietnamese_advice,
    }))
}

/// A problem in Vietnamese, and in English below.
fn shown(line: &ResultLine) -> String {
    let (vietnamese, english) = line.field.as_ref().map_or_else(
        || (String::new(), String::new()),
        |field| {
            (
                format!(", {}", field.vietnamese),
                format!(", {}", field.english),
            )
        },
    );
    let Some(wording) = line.wording else {
        return String::new();
    };
    let (row, code) = (line.row, &line.code);
    format!(
        "dòng {row}{vietnamese}: {}. {}. [{code}]\n    row {row}{english}: {}: {}",
        wording.vietnamese, wording.vietnamese_advice, wording.english, wording.english_advice
    )
}

/// What was found out about the file, in both languages.
fn found_out(facts: &FileFacts) -> Vec<String> {
    let mut said: Vec<String> = Vec::new();
    said.extend(
        facts
            .sheet
            .as_ref()
            .map(|sheet| format!("trang tính / sheet \"{sheet}\"")),
    );
    said.extend(
        facts
            .written
            .map(|written| format!("bảng mã / encoding {written}")),
    );
    said.extend(facts.separator.map(|sign| match sign {
        '\t' => "dấu phân cách / separator tab".to_owned(),
        sign => format!("dấu phân cách / separator \"{sign}\""),
    }));
    said.push(format!("dòng tiêu đề / header in row {}", facts.header_row));
    said.push(format!("{} cột / columns", facts.columns.len()));
    let mut texts = vec![said.join(", ")];
    if !facts.left_out.is_empty() {
        texts.push(format!(
            "cột không dùng / columns left out: {}",
            facts.left_out.join("; ")
        ));
    }
    texts
}
