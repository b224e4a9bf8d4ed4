//! Results as officials and programs read them.

use super::*;

fn lines() -> Vec<ResultLine> {
    let refused = (Some(Column::BirthDate), Finding::DateUnreadable);
    let line = |row, id| ResultLine::plain(row, id, RowOutcome::Refused);
    vec![
        ResultLine::plain(2, "A1", RowOutcome::Accepted),
        ResultLine::found(3, "=A2", RowOutcome::Refused, refused),
        ResultLine::ruled(line(4, "A3"), "child.carers[0].phone", "PHONE", false),
        ResultLine::reasoned(line(5, "A4"), "VERSION_REUSED"),
        ResultLine::reasoned(line(6, "A5"), "SOMETHING_NEW"),
    ]
}

#[test]
fn a_result_says_row_field_and_what_to_do_in_both_languages() {
    let text = String::from_utf8(csv_text(&lines())).expect("text");

    let mut reader = csv::Reader::from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    let rows: Vec<csv::StringRecord> = reader.records().map(|row| row.expect("a row")).collect();
    let cells = |row: usize| -> Vec<&str> { rows[row].iter().collect() };
    assert_eq!(cells(0)[..3], ["2", "A1", "Đã nhận (accepted)"]);
    assert_eq!(cells(1)[3], "Ngày sinh (birth_date)");
    assert_eq!(cells(1)[5], Finding::DateUnreadable.wording().vietnamese);
    assert_eq!(
        cells(1)[8],
        Finding::DateUnreadable.wording().english_advice
    );
    assert_eq!(cells(2)[3], "Số điện thoại (phone)");
    assert!(cells(3)[5].contains("phiên bản"));
    assert!(cells(4)[5].contains("chưa biết"), "{:?}", cells(4));
}

#[test]
fn a_record_id_cannot_become_a_formula() {
    let text = String::from_utf8(csv_text(&lines())).expect("text");

    assert!(text.contains("3,'=A2,"), "{text}");
}

#[test]
fn results_stand_beside_the_file_and_are_never_imported_themselves() {
    let source = Path::new("a/Danh sách.2026.xlsx");
    let files = ResultFiles::beside(source, None).expect("names");

    assert_eq!(files.csv, Path::new("a/Danh sách.2026.result.csv"));
    assert_eq!(files.xlsx, Path::new("a/Danh sách.2026.result.xlsx"));
    assert!(matches!(
        ResultFiles::beside(&files.csv, None),
        Err(ResultError::IsResult)
    ));
    let of_sheet = ResultFiles::beside(source, Some("Ấp 1/../x")).expect("names");
    assert_eq!(
        of_sheet.csv,
        Path::new("a/Danh sách.2026.Ấp 1____x.result.csv")
    );
}
