//! Rows that are no records: titles inside a table, totals, signatures, the header again.

use super::RowReader;
use crate::agent::file::cell::Cell;
use crate::agent::file::column::Column;
use crate::agent::file::finding::Finding;
use crate::agent::file::table::Row;
use crate::agent::file::text_key::marked;

/// Words with which a row of signatures begins, as they are compared.
const ENDINGS: [&str; 14] = [
    "người lập",
    "nguoi lap",
    "thủ trưởng",
    "thu truong",
    "chủ tịch",
    "chu tich",
    "tm ubnd",
    "ký tên",
    "ky ten",
    "ký ghi rõ",
    "xác nhận",
    "xac nhan",
    "cán bộ",
    "kế toán",
];
/// Words with which a total begins.
const TOTALS: [&str; 7] = [
    "tổng cộng",
    "tong cong",
    "tổng số",
    "tong so",
    "tổng",
    "cộng",
    "total",
];
/// Words with which the name of a group of rows begins.
const GROUPS: [&str; 19] = [
    "ấp",
    "ap",
    "thôn",
    "thon",
    "khóm",
    "khom",
    "tổ",
    "khu phố",
    "khu pho",
    "khu",
    "bản",
    "xóm",
    "xom",
    "xã",
    "phường",
    "phuong",
    "thị trấn",
    "thi tran",
    "huyện",
];
/// Cells that a row without a record fills at most.
const SPARSE_CELLS: usize = 2;

/// Columns of which one tells a child apart, beside its name.
const TOLD_APART: [Column; 6] = [
    Column::BirthDate,
    Column::MaleBirthDate,
    Column::FemaleBirthDate,
    Column::BirthYear,
    Column::Pin,
    Column::RecordId,
];
/// Columns of birth dates.
const BORN: [Column; 4] = [
    Column::BirthDate,
    Column::MaleBirthDate,
    Column::FemaleBirthDate,
    Column::BirthYear,
];

impl RowReader {
    /// Why a row is no record, if it is none.
    pub(super) fn no_record(&self, row: &Row, is_past_end: bool) -> Option<Finding> {
        let names = [Column::FullName, Column::FamilyName];
        let name = self.text(row, &names);
        let is_record = !name.is_empty() && !self.text(row, &TOLD_APART).is_empty();
        let name_place = names
            .iter()
            .find_map(|column| self.header.places(*column).first());
        let may_be_header = name_place.is_some_and(|place| self.header.is_label(*place, &name));
        if may_be_header && self.header.is_repeated_by(row) {
            return Some(Finding::HeaderRepeated);
        }
        if TOTALS.contains(&marked(&name).as_str()) {
            return Some(Finding::TotalRow);
        }
        let filled = || {
            row.cells
                .iter()
                .filter(|cell| !cell.is_empty())
                .map(Cell::shown)
        };
        if filled().all(|text| is_numbering(&text)) {
            return Some(Finding::TitleRow);
        }
        let first = filled().next()?;
        let key = marked(&first);
        // The word may stand in the column of ids, and a number in that of names.
        if begins_with(&key, &TOTALS) && self.text(row, &BORN).is_empty() {
            return Some(Finding::TotalRow);
        }
        if is_record {
            return None;
        }
        if is_past_end
            || begins_with(&key, &TOTALS)
            || begins_with(&key, &ENDINGS)
            || filled().any(|text| is_place_and_day(&text))
        {
            return Some(Finding::TotalRow);
        }
        if filled().nth(SPARSE_CELLS).is_some() {
            return None;
        }
        let is_group = begins_with(&key, &GROUPS) || is_outline(&first);
        Some(if is_group {
            Finding::TitleRow
        } else {
            Finding::RowIncomplete
        })
    }

    /// What stands in the first of these columns that is filled.
    fn text(&self, row: &Row, columns: &[Column]) -> String {
        let places = columns
            .iter()
            .flat_map(|column| self.header.places(*column));
        let texts = places.map(|place| row.cell(*place).shown().into_owned());
        texts
            .into_iter()
            .find(|text| !text.is_empty())
            .unwrap_or_default()
    }
}

/// Whether a text begins with one of these words, and the word ends there.
fn begins_with(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| {
        text.strip_prefix(word)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    })
}

/// "Vĩnh Thanh, ngày … tháng … năm …" over the signatures.
fn is_place_and_day(text: &str) -> bool {
    let key = marked(text);
    key.contains("ngày") && key.contains("tháng") && key.contains("năm")
}

/// The row under a header that numbers the columns: (1), (2), A, B.
fn is_numbering(text: &str) -> bool {
    let inside = text.trim_matches(|sign| matches!(sign, '(' | ')' | '[' | ']' | ' '));
    let is_letter = inside.len() == 1 && inside.bytes().all(|byte| byte.is_ascii_alphabetic());
    is_letter || (inside.len() <= 2 && inside.bytes().all(|byte| byte.is_ascii_digit()))
}

/// "I.", "II", "A)": the number of a part.
fn is_outline(text: &str) -> bool {
    let first = text.split([' ', '.', ')', '/']).next().unwrap_or_default();
    let is_roman =
        !first.is_empty() && first.bytes().all(|byte| matches!(byte, b'I' | b'V' | b'X'));
    is_roman
        || (first.len() == 1
            && first.bytes().all(|byte| byte.is_ascii_uppercase())
            && text.len() > 1)
}
