//! What programs and officials call a column.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::agent::file::column::Column;
use crate::agent::file::text_key::{marked, plain};

/// Names that are known, by their text with marks and without.
struct Names {
    marked: HashMap<String, Column>,
    /// `None` where two columns differ in marks only: "Năm" is a year and "Nam" a boy.
    plain: HashMap<String, Option<Column>>,
    /// Headings over several columns that say nothing about them.
    groups: Vec<String>,
}

static NAMES: LazyLock<Names> = LazyLock::new(|| {
    let mut names = Names {
        marked: HashMap::new(),
        plain: HashMap::new(),
        groups: Vec::new(),
    };
    let rows = include_str!("../../../../reference/files/headers.csv")
        .lines()
        .skip(1);
    for (column, header) in rows.filter_map(|row| row.split_once(',')) {
        match Column::of_name(column) {
            Some(column) => names.add(column, header),
            None => names.groups.push(plain(header)),
        }
    }
    for column in Column::ALL {
        names.add(*column, column.name());
    }
    names
});

impl Names {
    fn add(&mut self, column: Column, header: &str) {
        self.marked.insert(marked(header), column);
        self.plain
            .entry(plain(header))
            .and_modify(|known| *known = known.filter(|known| *known == column))
            .or_insert(Some(column));
    }
}

/// The column of a header cell, or of the headings from the upper to the lower one.
pub(super) fn column_of(path: &[&str]) -> Option<Column> {
    let (last, upper) = path.split_last()?;
    if let Some(column) = known(&path.join(" ")) {
        return Some(column);
    }
    let heading = known(upper.last()?);
    if heading == Some(Column::BirthDate) {
        return part_of_birth_date(last);
    }
    if heading == Some(Column::Sex) {
        return known(last).filter(|column| *column == Column::Female);
    }
    let says_nothing = |heading: &&str| NAMES.groups.contains(&plain(heading));
    upper
        .iter()
        .all(says_nothing)
        .then(|| known(last))
        .flatten()
}

/// Under "Ngày sinh" stand "Ngày", "Tháng", "Năm", or "Nam" and "Nữ" with the date in the one or the other.
fn part_of_birth_date(label: &str) -> Option<Column> {
    let column = known(label)?;
    if column == Column::Female {
        return Some(Column::FemaleBirthDate);
    }
    let is_part = matches!(
        column,
        Column::BirthDay | Column::BirthMonth | Column::BirthYear
    );
    is_part.then_some(column)
}

/// A name as it is, or without what stands in brackets. Without marks it must be nobody else's name.
fn known(label: &str) -> Option<Column> {
    let find = |label: &str| {
        let key = marked(label);
        // "Nam" may have been "Năm".
        if key.is_ascii() {
            NAMES.plain.get(&key).copied().flatten()
        } else {
            NAMES.marked.get(&key).copied()
        }
    };
    find(label).or_else(|| find(&without_brackets(label)))
}

fn without_brackets(label: &str) -> String {
    let mut depth = 0_usize;
    let outside = label.chars().filter(|letter| {
        match letter {
            '(' | '[' => depth += 1,
            ')' | ']' => {
                depth = depth.saturating_sub(1);
                return false;
            }
            _ => {}
        }
        depth == 0
    });
    outside.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_known_by_its_vietnamese_name_with_and_without_marks() {
        for (label, column) in [
            ("Họ và tên", Column::FullName),
            ("HỌ VÀ TÊN:", Column::FullName),
            ("Ho va ten", Column::FullName),
            ("full_name", Column::FullName),
            ("Họ và tên (chữ in hoa)", Column::FullName),
            ("Ngày, tháng,\nnăm sinh", Column::BirthDate),
            ("So dinh danh ca nhan", Column::Pin),
            ("Hộ cận nghèo", Column::NearPoor),
            ("STT", Column::Ordinal),
        ] {
            assert_eq!(column_of(&[label]), Some(column), "{label}");
        }
        assert_eq!(column_of(&["Chiều cao"]), None);
    }

    #[test]
    fn a_year_without_marks_is_not_taken_for_a_boy() {
        assert_eq!(column_of(&["Nam"]), None);
        assert_eq!(column_of(&["Ngày sinh", "Năm"]), Some(Column::BirthYear));
        assert_eq!(column_of(&["Ngay sinh", "Nam"]), None);
    }

    #[test]
    fn a_heading_over_several_columns_says_what_they_are() {
        for (path, column) in [
            (["Ngày sinh", "Nữ"], Some(Column::FemaleBirthDate)),
            (["Giới tính", "Nữ"], Some(Column::Female)),
            (["Thông tin trẻ em", "Họ và tên"], Some(Column::FullName)),
            (["Mẹ", "Họ và tên"], Some(Column::MotherName)),
            (["Người báo tin", "Họ và tên"], None),
        ] {
            assert_eq!(column_of(&path), column, "{path:?}");
        }
    }
}
