//! Files as communes send them.

use super::*;

const HEADER: &str = "record_id,unit_code,full_name,sex,birth_date,pin,ethnicity,phone";
const GOOD: &str = "1,30742,Danh Mẫu,1,2018-04-02,091218123456,05,0912345678";

fn options() -> CsvOptions {
    CsvOptions {
        scheme: AdminScheme::GsoPre2025,
        version: 7,
    }
}

fn rows(text: &[u8]) -> Vec<Result<CsvRow, Vec<RowProblem>>> {
    let mut file = CsvFile::open(text, options()).expect("a header");
    std::iter::from_fn(|| file.next_row()).collect()
}

fn good(text: &str) -> CsvRow {
    let mut rows = rows(text.as_bytes());
    assert_eq!(rows.len(), 1);
    rows.remove(0)
        .unwrap_or_else(|problems| panic!("{problems:?}"))
}

#[track_caller]
fn problem(text: &[u8]) -> RowProblem {
    let mut problems = rows(text).remove(0).err().expect("a problem");
    assert_eq!(problems.len(), 1, "{problems:?}");
    problems.remove(0)
}

#[test]
fn a_plain_file_is_read() {
    let row = good(&format!("{HEADER}\n{GOOD}\n"));

    assert_eq!((row.line, row.version), (2, 7));
    assert_eq!(row.draft.full_name, "Danh Mẫu");
    assert!(row.mended.is_empty());
}

#[test]
fn separator_byte_order_mark_and_windows_line_ends_are_found_out() {
    let plain = good(&format!("{HEADER}\n{GOOD}\n"));

    for separator in [";", "\t"] {
        let text = format!("{HEADER}\n{GOOD}\n")
            .replace(',', separator)
            .replace('\n', "\r\n");
        let row = good(&format!("\u{feff}{text}"));
        assert!(row.draft == plain.draft, "{separator:?}");
    }
}

#[test]
fn a_missing_column_is_named_with_those_that_are_there() {
    let header = HEADER.replace("birth_date,", "");

    let error = CsvFile::open(header.as_bytes(), options())
        .err()
        .expect("an error")
        .to_string();

    assert!(
        error.contains("birth_date") && error.contains("full_name"),
        "{error}"
    );
}

#[test]
fn leading_zeros_that_a_spreadsheet_ate_are_put_back_and_reported() {
    let row = good(&format!(
        "{HEADER}\n1,4,Danh Mẫu,1,2018-04-02,91218123456,5,912345678\n"
    ));

    let columns: Vec<Column> = row.mended.iter().map(|(column, _)| *column).collect();
    assert_eq!(
        columns,
        [
            Column::UnitCode,
            Column::Pin,
            Column::Ethnicity,
            Column::Phone
        ]
    );
    assert_eq!(row.draft.personal_number, "091218123456");
    assert_eq!(row.draft.commune.expect("a unit").code, "00004");
}

#[test]
fn a_cell_that_cannot_be_read_names_line_and_column_and_others_are_kept() {
    let text = format!(
        "{HEADER}\n{}\n{GOOD}\n",
        GOOD.replace("2018-04-02", "hôm qua")
    );

    let found = problem(text.as_bytes());

    assert_eq!((found.line, found.column), (2, Some("birth_date")));
    assert!(rows(text.as_bytes())[1].is_ok());
}

#[test]
fn a_row_of_another_length_says_what_to_do() {
    let found = problem(format!("{HEADER}\n{GOOD},more\n").as_bytes());

    assert!(
        found.problem.contains("9 cells") && found.problem.contains("quotes"),
        "{found}"
    );
}

#[test]
fn text_in_another_encoding_says_how_to_save_it() {
    let mut text = format!("{HEADER}\n").into_bytes();
    text.extend_from_slice(b"1,30742,Danh M\xe3,1,2018-04-02,,05,\n");

    let found = problem(&text);

    assert_eq!((found.line, found.column), (2, Some("full_name")));
    assert!(found.problem.contains("UTF-8"));
    assert!(matches!(
        CsvFile::open([0xff, 0xfe, b'r', 0].as_slice(), options()),
        Err(CsvError::Utf16)
    ));
}

#[test]
fn dates_are_read_as_communes_write_them() {
    for (text, expected) in [
        ("02/04/2018", (2018, 4, 2)),
        ("2.4.2018", (2018, 4, 2)),
        ("04/2018", (2018, 4, 0)),
        ("2018", (2018, 0, 0)),
    ] {
        let row = good(&format!("{HEADER}\n{}\n", GOOD.replace("2018-04-02", text)));
        let date = row.draft.birth_date.expect("a date");
        assert_eq!((date.year, date.month, date.day), expected, "{text}");
    }
}

#[test]
fn a_record_id_that_is_no_uuid_gets_one_that_stays_the_same() {
    let one = good(&format!("{HEADER}\n{GOOD}\n")).record_id;
    let again = good(&format!("{HEADER}\n{GOOD}\n")).record_id;
    let other_unit = good(&format!("{HEADER}\n{}\n", GOOD.replace("30742", "30745"))).record_id;

    assert_eq!(one, again);
    assert_ne!(one, other_unit);
}

#[test]
fn a_line_break_inside_quotes_does_not_shift_the_line_numbers() {
    let quoted = GOOD.replace("Danh Mẫu", "\"Danh\nMẫu\"");
    let text = format!(
        "{HEADER}\n{quoted}\n{}\n",
        GOOD.replace(",1,2018", ",x,2018")
    );

    let problems = rows(text.as_bytes()).remove(1).err().expect("a problem");

    assert_eq!(problems[0].line, 4);
}

#[test]
fn windows_line_ends_do_not_shift_the_lines_that_are_named() {
    let bad = GOOD.replace("2018-04-02", "some day");
    let text = format!("{HEADER}\n{GOOD}\n\n{GOOD}\n{bad}\n").replace('\n', "\r\n");

    let lines: Vec<u64> = rows(text.as_bytes())
        .into_iter()
        .map(|row| row.map_or_else(|problems| problems[0].line, |row| row.line))
        .collect();

    assert_eq!(lines, [2, 4, 5]);
}
