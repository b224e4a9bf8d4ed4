//! What became of the rows of an upload, for people and for scripts.

use serde_json::{Value, json};

use super::rows::{Place, Remark, Rows};
use crate::cli::operator::say;
use crate::cli::uploads::as_json as upload_as_json;
use crate::grpc::proto::v1;
use crate::grpc::proto::v1::{RecordFate, UploadState};

/// Missing records that are shown one by one; scripts get all of them.
const SHOWN_MAX: usize = 50;

/// A record that the hub holds and the files do not list.
struct Absent {
    record_id: String,
    version: u64,
    fate: RecordFate,
}

/// The end report of an upload.
pub(super) struct Report<'a> {
    rows: &'a Rows,
    status: Option<v1::UploadStatus>,
    problems: Vec<Remark>,
    notes: Vec<Remark>,
    created: Vec<Place>,
    changed: Vec<Place>,
    absent: Vec<Absent>,
}

impl<'a> Report<'a> {
    pub(super) fn new(rows: &'a Rows) -> Self {
        Self {
            rows,
            status: None,
            problems: Vec::new(),
            notes: Vec::new(),
            created: Vec::new(),
            changed: Vec::new(),
            absent: Vec::new(),
        }
    }

    pub(super) fn ended(&mut self, status: v1::UploadStatus) {
        self.status = Some(status);
    }

    /// Adds what the hub says of one record.
    pub(super) fn add(&mut self, entry: v1::UploadEntry) {
        let fate = entry.fate();
        let position = entry.position.and_then(|at| usize::try_from(at).ok());
        let row = position.and_then(|at| self.rows.read.get(at));
        let Some(place) = row.map(|row| row.place) else {
            self.absent.push(Absent {
                record_id: entry.record_id,
                version: entry.version,
                fate,
            });
            return;
        };
        let is_fault = match fate {
            RecordFate::Created => {
                self.created.push(place);
                false
            }
            RecordFate::Changed => {
                self.changed.push(place);
                false
            }
            RecordFate::Quarantined | RecordFate::Rejected | RecordFate::Unspecified => true,
            RecordFate::Renewed
            | RecordFate::Unchanged
            | RecordFate::Superseded
            | RecordFate::Missing
            | RecordFate::Withdrawn => false,
        };
        let rejects =
            |found: &v1::FieldViolation| found.level == i32::from(v1::ViolationLevel::Reject);
        if is_fault && !entry.violations.iter().any(rejects) {
            let text = format!("the hub answered {}", entry.reason);
            self.problems.push(remark(place, text));
        }
        for found in entry.violations {
            let text = format!("{} [{}]", found.description, found.rule);
            let list = if rejects(&found) {
                &mut self.problems
            } else {
                &mut self.notes
            };
            list.push(remark(place, text));
        }
    }

    pub(super) fn show(&self, as_json: bool) -> anyhow::Result<()> {
        if as_json {
            say(serde_json::to_string_pretty(&self.as_json())?);
            return Ok(());
        }
        for note in self.rows.notes.iter().chain(&self.notes) {
            say(format_args!("note: {}", self.line(note)));
        }
        for problem in self.rows.problems.iter().chain(&self.problems) {
            say(format_args!("not taken: {}", self.line(problem)));
        }
        for absent in self.absent.iter().take(SHOWN_MAX) {
            let is_withdrawn = absent.fate == RecordFate::Withdrawn;
            let word = if is_withdrawn { "withdrawn" } else { "missing" };
            let version = absent.version;
            say(format_args!(
                "{word}: {} version {version}",
                absent.record_id
            ));
        }
        if let Some(more @ 1..) = self.absent.len().checked_sub(SHOWN_MAX) {
            say(format_args!("and {more} more, which --json lists"));
        }
        if let Some(status) = &self.status {
            say(self.summary(status));
        }
        Ok(())
    }

    /// The last lines: what happened, in English and in Vietnamese.
    fn summary(&self, status: &v1::UploadStatus) -> String {
        let totals = status.totals.unwrap_or_default();
        let v1::UploadTotals {
            created,
            changed,
            missing,
            withdrawn,
            superseded,
            ..
        } = totals;
        let same = totals.unchanged + totals.renewed;
        let faulty = totals.quarantined + totals.rejected + self.rows.unreadable;
        let (heading, heading_vietnamese) = match status.state() {
            UploadState::Committed => ("taken in", "Đã nhận"),
            UploadState::Validated => ("only looked at, nothing was taken in", "Chỉ kiểm tra"),
            UploadState::Refused
            | UploadState::Receiving
            | UploadState::Committing
            | UploadState::Unspecified => ("refused, nothing was taken in", "Không nhận"),
        };
        let rows = status.records_done + self.rows.unreadable;
        let id = status
            .manifest
            .as_ref()
            .map_or("", |of| of.upload_id.as_str());
        let english = format!(
            "{rows} rows, {heading}: {created} new, {changed} changed, {same} unchanged, \
             {superseded} older than held, {faulty} not taken, {missing} missing, {withdrawn} withdrawn"
        );
        let vietnamese = format!(
            "{heading_vietnamese}: {rows} dòng: {created} mới, {changed} thay đổi, {same} không đổi, \
             {superseded} cũ hơn bản đã có, {faulty} cần sửa, {missing} thiếu trong tệp, \
             {withdrawn} đã rút"
        );
        let failure = match status.failure.as_str() {
            "" => String::new(),
            word => format!("\nreason: {word}"),
        };
        format!("{english}\n{vietnamese}\nreceipt: {id}{failure}")
    }

    fn as_json(&self) -> Value {
        let list = |remarks: &[Remark], more: &[Remark]| -> Vec<Value> {
            let one = |remark: &Remark| {
                json!({
                    "file": self.file(remark.place),
                    "row": remark.place.row,
                    "column": remark.column,
                    "problem": remark.text,
                })
            };
            remarks.iter().chain(more).map(one).collect()
        };
        let places = |places: &[Place]| -> Vec<Value> {
            let one = |place: &Place| json!({ "file": self.file(*place), "row": place.row });
            places.iter().map(one).collect()
        };
        let absent = |fate: RecordFate| -> Vec<Value> {
            let of = self.absent.iter().filter(|absent| absent.fate == fate);
            let one = |absent: &Absent| json!({ "record_id": absent.record_id, "version": absent.version });
            of.map(one).collect()
        };
        json!({
            "upload": self.status.as_ref().map(upload_as_json),
            "rows": self.rows.read.len(),
            "unreadable": self.rows.unreadable,
            "problems": list(&self.rows.problems, &self.problems),
            "notes": list(&self.rows.notes, &self.notes),
            "new": places(&self.created),
            "changed": places(&self.changed),
            "missing": absent(RecordFate::Missing),
            "withdrawn": absent(RecordFate::Withdrawn),
        })
    }

    fn file(&self, place: Place) -> Option<String> {
        let file = self.rows.files.get(place.file);
        file.map(|file| file.display().to_string())
    }

    fn line(&self, remark: &Remark) -> String {
        let file = match self.rows.files.get(remark.place.file) {
            Some(file) if self.rows.files.len() > 1 => format!("{}, ", file.display()),
            Some(_) | None => String::new(),
        };
        let column = remark
            .column
            .map_or(String::new(), |name| format!(", {name}"));
        format!("{file}row {}{column}: {}", remark.place.row, remark.text)
    }

    /// An error unless every row was taken, or would have been.
    pub(super) fn verdict(&self) -> anyhow::Result<()> {
        let status = self.status.as_ref();
        let totals = status.and_then(|status| status.totals).unwrap_or_default();
        let faulty = totals.quarantined + totals.rejected + self.rows.unreadable;
        anyhow::ensure!(
            faulty == 0,
            "{faulty} rows were not taken: correct them and upload the file again"
        );
        let failure = status.map_or("", |status| status.failure.as_str());
        anyhow::ensure!(
            failure.is_empty(),
            "the hub refused the upload: {failure}: try it again with another --packing"
        );
        Ok(())
    }
}

fn remark(place: Place, text: String) -> Remark {
    Remark {
        place,
        column: None,
        text,
    }
}
