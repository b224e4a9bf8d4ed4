//! Headers as they stand in lists of communes.

use super::*;
use crate::agent::file::delimited::Delimited;
use crate::agent::file::table::Sheet;

fn delimited(text: &str) -> Table {
    Table::Delimited(Delimited::new(text, None))
}

fn find(table: &Table) -> Header {
    Header::find(table, &Mapping::default()).expect("a header")
}

fn columns(header: &Header) -> Vec<Column> {
    header.columns.iter().map(|(column, _)| *column).collect()
}

fn sheet(rows: &[&[&str]], wide_cells: Vec<WideCell>) -> Table {
    let row = |(number, cells): (u64, &&[&str])| Row {
        number,
        cells: cells
            .iter()
            .map(|text| {
                if text.is_empty() {
                    Cell::Empty
                } else {
                    Cell::Text((*text).to_owned())
                }
            })
            .collect(),
        fault: None,
        width: None,
    };
    let rows = (1..).zip(rows).map(row).collect();
    Table::Sheet(Sheet {
        rows,
        wide_cells,
        is_1904: false,
    })
}

#[test]
fn titles_above_the_header_are_passed_over() {
    let header = find(&delimited(
        "UBND XÃ MẪU,,,\n\"DANH SÁCH TRẺ EM, NĂM 2026\",,,\n,,,\nSTT,Họ và tên,Giới tính,Ngày sinh\n1,Trần Thị Mẫu,Nữ,02/04/2018\n",
    ));

    assert_eq!(header.last_row, 4);
    assert_eq!(
        columns(&header),
        [
            Column::Ordinal,
            Column::FullName,
            Column::Sex,
            Column::BirthDate
        ]
    );
}

#[test]
fn a_header_of_two_rows_is_read_as_one() {
    let header = find(&delimited(
        "STT,Họ và tên,Ngày sinh,,Mẹ,\n,,Nam,Nữ,Họ và tên,Năm sinh\n1,Trần Thị Mẫu,,02/04/2018,Lê Thị Thử,1990\n",
    ));

    assert_eq!(header.last_row, 2);
    assert_eq!(
        columns(&header),
        [
            Column::Ordinal,
            Column::FullName,
            Column::MaleBirthDate,
            Column::FemaleBirthDate,
            Column::MotherName,
            Column::MotherBirthYear
        ]
    );
}

#[test]
fn merged_headings_of_a_workbook_spread_over_their_columns() {
    let rows: [&[&str]; 3] = [
        &[
            "TT",
            "Họ và tên",
            "",
            "Ngày, tháng, năm sinh",
            "",
            "",
            "Giới tính",
        ],
        &["TT", "", "", "Ngày", "Tháng", "Năm", "Giới tính"],
        &["1", "Trần Thị", "Mẫu", "2", "4", "2018", "Nữ"],
    ];
    let wide = vec![
        WideCell {
            row: 1,
            first: 1,
            last: 2,
        },
        WideCell {
            row: 1,
            first: 3,
            last: 5,
        },
    ];

    let header = find(&sheet(&rows, wide));

    assert_eq!(header.last_row, 2);
    assert_eq!(header.places(Column::FullName), [1, 2]);
    assert_eq!(header.places(Column::BirthYear), [5]);
    assert_eq!(header.twice, None);
}

#[test]
fn a_row_of_data_is_never_a_second_header_row() {
    let header = find(&delimited(
        "Họ và tên,Giới tính,Ngày sinh\nTrần Mẫu,Nam,2018\nLê Thử,Nữ,2019\n",
    ));

    assert_eq!(header.last_row, 1);
    assert_eq!(
        columns(&header),
        [Column::FullName, Column::Sex, Column::BirthDate]
    );
}

#[test]
fn columns_of_boys_and_girls_are_known_without_marks_too() {
    let header = find(&delimited("Ho va ten,Nam,Nu,Dan toc\nTran Mau,x,,Kinh\n"));
    assert_eq!(
        columns(&header),
        [
            Column::FullName,
            Column::Male,
            Column::Female,
            Column::Ethnicity
        ]
    );

    let header = find(&delimited(
        "Ho va ten,Ngay sinh,,,Dan toc\n,Ngay,Thang,Nam,\nTran Mau,2,4,2018,Kinh\n",
    ));
    assert!(!header.has(Column::Male) && !header.has(Column::MaleBirthDate));
}

#[test]
fn two_columns_of_one_name_are_told_and_not_chosen_from() {
    let header = find(&delimited(
        "Họ và tên,Giới tính,Ngày sinh,Họ và tên\nA B,Nam,2018,C D\n",
    ));

    assert_eq!(header.twice, Some(Column::FullName));
}

#[test]
fn a_mapping_decides_alone() {
    let mapping = "[columns]\nfull_name = [\"Ho dem\", \"column C\"]\nsex = \"Ngày sinh Nam\""
        .parse()
        .expect("a mapping");
    let table = delimited("x,Họ đệm,Tên,Ho dem\nSTT,Họ đệm,Tên,Ngày sinh,\n,,,Nam,Nữ\n");

    let header = Header::find(&table, &mapping).expect("a header");

    assert_eq!(header.places(Column::FullName), [3, 2]);
    assert!(!header.has(Column::Ordinal));
}
