//! Codes written as words: "Nam", "Kinh", "Hộ nghèo", and marks.

use std::collections::HashMap;
use std::sync::LazyLock;

use csv::{Reader, StringRecord};

use super::column::Column;
use super::finding::Finding;
use super::text_key::{marked, plain};

/// Columns of codes with their lists: `code,name_vi,name_en`.
const LISTS: [(Column, &str); 8] = [
    (
        Column::Sex,
        include_str!("../../../reference/codes/sex.csv"),
    ),
    (
        Column::Ethnicity,
        include_str!("../../../reference/codes/ethnicity_1979.csv"),
    ),
    (
        Column::Poverty,
        include_str!("../../../reference/codes/household_poverty.csv"),
    ),
    (
        Column::Status,
        include_str!("../../../reference/codes/record_status.csv"),
    ),
    (
        Column::BirthRegistration,
        include_str!("../../../reference/codes/birth_registration.csv"),
    ),
    (
        Column::CarerRelation,
        include_str!("../../../reference/codes/relation_to_child.csv"),
    ),
    (
        Column::HeadRelation,
        include_str!("../../../reference/codes/relation_to_household_head.csv"),
    ),
    (
        Column::SchoolStatus,
        include_str!("../../../reference/codes/school_status.csv"),
    ),
];

/// Lists whose words need more than their own name: `education_level` says what classes belong to a level.
const LEVELS: &str = include_str!("../../../reference/codes/education_level.csv");

/// The words and codes of a column.
#[derive(Default)]
struct Words {
    codes: HashMap<String, String>,
    marked: HashMap<String, String>,
    /// `None` where words of two codes differ in marks only.
    plain: HashMap<String, Option<String>>,
}

impl Words {
    fn add(&mut self, word: &str, code: &str) {
        let code = code.to_owned();
        let known = self
            .plain
            .entry(plain(word))
            .or_insert_with(|| Some(code.clone()));
        if known.as_ref().is_some_and(|known| *known != code) {
            *known = None;
        }
        self.marked.entry(marked(word)).or_insert(code);
    }

    fn find(&self, text: &str) -> Option<&str> {
        if let Some(code) = self.codes.get(text) {
            return Some(code);
        }
        let key = marked(text);
        let found = self.marked.get(&key);
        // Marks that are there must be right. Where there are none at all they were never typed.
        let found = found.or_else(|| {
            if key.is_ascii() {
                self.plain.get(&key)?.as_ref()
            } else {
                None
            }
        });
        found.map(String::as_str)
    }
}

static WORDS: LazyLock<HashMap<Column, Words>> = LazyLock::new(|| {
    let mut words: HashMap<Column, Words> = HashMap::new();
    for (column, list) in LISTS.into_iter().chain([(Column::EducationLevel, LEVELS)]) {
        let words = words.entry(column).or_default();
        for row in rows(list) {
            let [code, vietnamese, english] =
                [0, 1, 2].map(|place| row.get(place).unwrap_or_default());
            words.codes.insert(code.to_owned(), code.to_owned());
            words.add(vietnamese, code);
            words.add(vietnamese.split(" (").next().unwrap_or_default(), code);
            words.add(english, code);
        }
    }
    for row in rows(include_str!(
        "../../../reference/codes/ethnicity_name_variants.csv"
    )) {
        if let (Some(code), Some(word)) = (row.get(0), row.get(1)) {
            words.entry(Column::Ethnicity).or_default().add(word, code);
        }
    }
    for row in rows(include_str!("../../../reference/files/words.csv")) {
        if let (Some(column), Some(word), Some(code)) =
            (row.get(0).and_then(Column::of_name), row.get(1), row.get(2))
        {
            words.entry(column).or_default().add(word, code);
        }
    }
    words
});

fn rows(list: &str) -> Vec<StringRecord> {
    Reader::from_reader(list.as_bytes())
        .into_records()
        .filter_map(Result::ok)
        .collect()
}

/// The code that a text means in a column. A digit whose zero a spreadsheet ate gets it back.
pub(super) fn read(column: Column, text: &str) -> Result<(String, Option<Finding>), Finding> {
    let words = WORDS.get(&column).ok_or(Finding::CodeUnknown)?;
    if let Some(code) = words.find(text) {
        return Ok((code.to_owned(), None));
    }
    let with_zero = format!("0{text}");
    if text.len() == 1 && words.codes.contains_key(&with_zero) {
        return Ok((with_zero, Some(Finding::ZerosRestored)));
    }
    Err(Finding::CodeUnknown)
}

/// Whether a column holds codes that may be written as words.
pub(super) fn is_of_codes(column: Column) -> bool {
    WORDS.contains_key(&column)
}

/// Whether a cell is marked with an "x" or the like.
pub(super) fn read_mark(text: &str) -> Result<bool, Finding> {
    match marked(text).as_str() {
        "x" | "1" | "có" | "v" | "đúng" | "true" => Ok(true),
        "0" | "không" | "false" => Ok(false),
        // Signs alone: a tick, a cross, or a dash for "none".
        "" => Ok(text.contains(['✓', '✔', '×', '✗', '✘', '√', '☑', '☒'])),
        _ => Err(Finding::MarkUnreadable),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(column: Column, text: &str) -> Option<String> {
        read(column, text).ok().map(|(code, _)| code)
    }

    #[test]
    fn words_of_a_list_are_read_with_and_without_marks() {
        for (column, text, expected) in [
            (Column::Sex, "Nam", "1"),
            (Column::Sex, "NỮ", "2"),
            (Column::Sex, "nu", "2"),
            (Column::Sex, "0", "0"),
            (Column::Ethnicity, "Kinh", "01"),
            (Column::Ethnicity, "kinh", "01"),
            (Column::Ethnicity, "Khmer", "05"),
            (Column::Ethnicity, "H'Mông", "08"),
            (Column::Ethnicity, "05", "05"),
            (Column::Poverty, "Hộ nghèo", "1"),
            (Column::Poverty, "cận nghèo", "2"),
            (Column::EducationLevel, "Tiểu học", "03"),
            (Column::SchoolStatus, "Đang đi học", "1"),
        ] {
            assert_eq!(code(column, text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn a_word_that_could_be_two_is_not_guessed() {
        // Mạ and Mảng have other plain forms; La Hủ without marks is nobody else.
        assert_eq!(code(Column::Ethnicity, "la hu").as_deref(), Some("41"));
        for unknown in ["Nũ", "", "Người lạ", "99"] {
            assert_eq!(code(Column::Ethnicity, unknown), None, "{unknown}");
        }
        assert_eq!(code(Column::Sex, "Nử"), None);
    }

    #[test]
    fn a_zero_that_was_eaten_is_put_back_and_told() {
        assert_eq!(
            read(Column::Ethnicity, "5"),
            Ok(("05".to_owned(), Some(Finding::ZerosRestored)))
        );
        assert_eq!(read(Column::Sex, "1"), Ok(("1".to_owned(), None)));
    }

    #[test]
    fn every_word_of_the_lists_has_a_code_of_its_list() {
        for (column, words) in WORDS.iter() {
            for code in words
                .marked
                .values()
                .filter(|code| *code != "FOREIGN" && *column != Column::Nationality)
            {
                assert!(words.codes.contains_key(code), "{}: {code}", column.name());
            }
        }
    }

    #[test]
    fn marks_are_read_and_anything_else_is_not_guessed() {
        for (text, expected) in [
            ("x", Ok(true)),
            ("X", Ok(true)),
            ("✓", Ok(true)),
            ("", Ok(false)),
            ("-", Ok(false)),
            ("có", Ok(true)),
            ("Không", Ok(false)),
            ("nhà", Err(Finding::MarkUnreadable)),
        ] {
            assert_eq!(read_mark(text), expected, "{text}");
        }
    }
}
