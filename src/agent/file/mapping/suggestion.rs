//! A mapping to begin with, made from the headers of a file.

use std::collections::{BTreeMap, BTreeSet};

use super::Mapping;
use crate::agent::file::FileError;
use crate::agent::file::codes;
use crate::agent::file::column::Column;
use crate::agent::file::source::Source;

/// Words of one column that are listed because no list has them.
const UNKNOWN_WORDS_MAX: usize = 20;
/// Characters of such a word: longer texts are no words of a list.
const UNKNOWN_WORD_CHARACTERS_MAX: usize = 40;

/// Writes a mapping for a file, as TOML with comments in both languages. What is told about the file
/// already goes into it.
pub fn suggest(bytes: &[u8], told: &Mapping) -> Result<String, FileError> {
    let source = Source::read(bytes, told)?;
    if !source.header.is_likely() && told.header_row.is_none() {
        return Err(FileError::NoHeader);
    }
    let mut text = String::new();
    text.push_str(
        "# Cách đọc tệp này: sửa cho đúng rồi nhập bằng --mapping TỆP_NÀY.\n\
         # How this file is read: correct it, then import with --mapping THIS_FILE.\n\n",
    );
    write_file_section(&mut text, &source, told);
    write_columns(&mut text, &source);
    write_unknown_words(&mut text, &source);
    write_key(&mut text, &source);
    write_further_columns(&mut text, &source);
    Ok(text)
}

fn write_file_section(text: &mut String, source: &Source, told: &Mapping) {
    text.push_str("[file]\n");
    let facts = source.facts();
    let encoding = facts.written.map(|written| written.encoding.name());
    add(
        text,
        "encoding",
        encoding.map(quoted),
        told.encoding.is_some(),
    );
    let separator = facts.separator.map(|sign| {
        if sign == '\t' {
            quoted("tab")
        } else {
            quoted(&sign.to_string())
        }
    });
    add(text, "separator", separator, told.separator.is_some());
    add(text, "sheet", facts.sheet.as_deref().map(quoted), true);
    add(
        text,
        "header_row",
        told.header_row.map(|row| row.to_string()),
        true,
    );
    let unit = told.unit.map(|unit| quoted(&unit.to_string()));
    if !source.header.has(Column::UnitCode) && unit.is_none() {
        text.push_str(
            "# Tệp không có mã xã: ghi đơn vị của các hồ sơ (mã xã), hoặc đơn vị chứa các xã ghi bằng tên.\n\
             # The file has no codes of communes: the commune of its records, or the unit of communes given by name.\n\
             # unit = \"GSO_PRE2025:30742\"\n",
        );
    }
    add(text, "unit", unit, true);
    text.push_str("# date_order = \"day-first\"     # hoặc (or) \"month-first\"\n\n");
}

/// A key with what was told, or as a comment with what was found out.
fn add(text: &mut String, key: &str, value: Option<String>, is_told: bool) {
    if let Some(value) = value {
        let comment = if is_told { "" } else { "# " };
        text.push_str(&[comment, key, " = ", &value, "\n"].concat());
    }
}

fn write_columns(text: &mut String, source: &Source) {
    text.push_str("[columns]\n");
    for (column, places) in source
        .header
        .columns
        .iter()
        .filter(|(column, _)| !column.is_left_out())
    {
        let labels = places
            .iter()
            .filter_map(|place| source.header.labels.get(*place));
        let labels: Vec<String> = labels.map(|label| quoted(label)).collect();
        let value = match labels.as_slice() {
            [one] => one.clone(),
            several => format!("[{}]", several.join(", ")),
        };
        text.push_str(
            &[
                column.name(),
                " = ",
                &value,
                "     # ",
                column.label(),
                "\n",
            ]
            .concat(),
        );
    }
    let left_out = source.header.left_out();
    if !left_out.is_empty() {
        text.push_str("# Các cột chưa dùng (columns that are left out):\n");
    }
    for label in left_out {
        text.push_str(&["# ... = ", &quoted(&label), "\n"].concat());
    }
    text.push('\n');
}

/// Words of code columns that are in no list.
fn write_unknown_words(text: &mut String, source: &Source) {
    let mut unknown: BTreeMap<Column, BTreeSet<String>> = BTreeMap::new();
    let columns = source
        .header
        .columns
        .iter()
        .filter(|(column, _)| codes::is_of_codes(*column));
    let columns: Vec<_> = columns
        .filter_map(|(column, places)| Some((*column, *places.first()?)))
        .collect();
    for row in source
        .table
        .rows()
        .filter(|row| row.number > source.header.last_row)
    {
        for (column, place) in &columns {
            let word = row.cell(*place).shown();
            let is_word = !word.is_empty() && word.chars().count() <= UNKNOWN_WORD_CHARACTERS_MAX;
            if is_word && codes::read(*column, &word).is_err() {
                let words = unknown.entry(*column).or_default();
                if words.len() < UNKNOWN_WORDS_MAX {
                    words.insert(word.into_owned());
                }
            }
        }
    }
    for (column, words) in unknown {
        text.push_str(
            "# Từ chưa có trong danh mục (words of no list): ghi mã rồi bỏ dấu # ở đầu dòng.\n",
        );
        text.push_str(&["[codes.", column.name(), "]\n"].concat());
        for word in words {
            text.push_str(&["# ", &quoted(&word), " = \"\"\n"].concat());
        }
        text.push('\n');
    }
}

fn write_key(text: &mut String, source: &Source) {
    if source.header.has(Column::RecordId) {
        return;
    }
    text.push_str(
        "# Tệp không có cột mã hồ sơ. Có thể dùng các cột khoá, nhưng: sửa một ô khoá (tên, ngày sinh...)\n\
         # là tạo một hồ sơ MỚI, hồ sơ cũ vẫn còn; hai trẻ giống nhau ở các cột khoá sẽ bị từ chối.\n\
         # There is no column of record ids. Key columns can stand in, but a correction in one of them makes\n\
         # a NEW record and leaves the old one, and children who are alike in all of them are refused.\n\
         # [key]\n# columns = [\"full_name\", \"birth_date\", \"mother_name\"]\n",
    );
}

/// Names of the columns that the file does not fill yet.
fn write_further_columns(text: &mut String, source: &Source) {
    text.push_str("\n# Các cột khác có thể khai báo (further columns that can be named):\n");
    let further = Column::ALL.iter().filter(|column| !column.is_left_out());
    for column in further.filter(|column| !source.header.has(**column)) {
        text.push_str(&["#   ", column.name(), "     ", column.label(), "\n"].concat());
    }
}

/// A text as TOML writes it.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
