//! Files as communes send them.

mod identity;
mod workbooks;

use super::*;
use crate::domain::draft::DateDraft;

const HEADER: &str = "record_id,unit_code,full_name,sex,birth_date,pin,ethnicity,phone";
const GOOD: &str = "1,30742,Danh Mẫu,1,2018-04-02,091218123456,05,0912345678";

fn options(mapping: &str) -> FileOptions {
    FileOptions {
        mapping: mapping.parse().unwrap_or_else(|error| panic!("{error}")),
        scheme: AdminScheme::GsoPre2025,
        version: 7,
        today: time::macros::date!(2026 - 11 - 23),
    }
}

fn open(bytes: &[u8], mapping: &str) -> RecordFile {
    RecordFile::read(bytes, &options(mapping)).unwrap_or_else(|error| panic!("{error}"))
}

#[track_caller]
fn refusal(bytes: &[u8], mapping: &str) -> FileError {
    RecordFile::read(bytes, &options(mapping))
        .err()
        .expect("an error")
}

fn rows(text: &str, mapping: &str) -> Vec<FileRow> {
    open(text.as_bytes(), mapping).rows().collect()
}

fn records(text: &str, mapping: &str) -> Vec<FileRecord> {
    let records = rows(text, mapping).into_iter().map(|row| match row {
        FileRow::Record(record) => *record,
        FileRow::Refused { row, found, .. } => panic!("row {row}: {found:?}"),
        FileRow::Skipped { row, finding } => panic!("row {row}: {finding:?}"),
    });
    records.collect()
}

#[track_caller]
fn good(text: &str) -> FileRecord {
    let mut records = records(text, "");
    assert_eq!(records.len(), 1);
    records.remove(0)
}

/// Row and findings of what is refused or passed over.
fn findings(text: &str, mapping: &str) -> Vec<(u64, Vec<Finding>)> {
    let found = rows(text, mapping).into_iter().filter_map(|row| match row {
        FileRow::Record(_) => None,
        FileRow::Refused { row, found, .. } => {
            Some((row, found.into_iter().map(|(_, finding)| finding).collect()))
        }
        FileRow::Skipped { row, finding } => Some((row, vec![finding])),
    });
    found.collect()
}

#[test]
fn a_plain_file_is_read() {
    let record = good(&format!("{HEADER}\n{GOOD}\n"));

    assert_eq!(
        (record.row, record.version, record.source_id.as_str()),
        (2, 7, "1")
    );
    assert_eq!(record.draft.full_name, "Danh Mẫu");
    assert!(record.found.is_empty());
}

#[test]
fn separator_byte_order_mark_and_line_ends_are_found_out_and_reported() {
    let plain = good(&format!("{HEADER}\n{GOOD}\n"));

    for separator in [';', '\t', '|', '^', '~'] {
        let text = format!("\u{feff}{HEADER}\n{GOOD}\n")
            .replace(',', &separator.to_string())
            .replace('\n', "\r\n");
        let file = open(text.as_bytes(), "");
        assert_eq!(file.facts().separator, Some(separator));
        assert!(good(&text).draft == plain.draft, "{separator:?}");
    }
    let unusual = format!("{HEADER}\n{GOOD}\n").replace(',', "!");
    let told = open(unusual.as_bytes(), "[file]\nseparator = \"!\"");
    assert_eq!(told.facts().separator, Some('!'));
}

#[test]
fn a_vietnamese_list_with_titles_totals_and_signatures_is_read() {
    let text = "UBND XÃ MẪU,,,,,,\n\
        \"DANH SÁCH TRẺ EM, NĂM 2026\",,,,,,\n\
        ,,,,,,\n\
        STT,Mã trẻ,Họ và tên,Ngày tháng năm sinh,Giới tính,Dân tộc,Hộ nghèo\n\
        (1),(2),(3),(4),(5),(6),(7)\n\
        Ấp Mẫu,,,,,,\n\
        1,A1,TRẦN THỊ MẪU,2/4/2018,Nữ,Kinh,x\n\
        2,A2,Danh Thử,tháng 5/2019,nam,Khmer,\n\
        STT,Mã trẻ,Họ và tên,Ngày tháng năm sinh,Giới tính,Dân tộc,Hộ nghèo\n\
        3,A3,Tống Cộng Mẫu,2019,Nam,K,\n\
        Tổng cộng: 3,,,,,,1\n\
        ,,,,\"Mẫu, ngày 2 tháng 4 năm 2026\",,\n\
        Người lập biểu,,,,Chủ tịch,,\n\
        Trần Văn Thử,,,,Lê Thị Thử,,\n";
    let mapping = "[file]\nunit = \"GSO_PRE2025:30742\"\n[codes.ethnicity]\nK = \"01\"";

    let file = open(text.as_bytes(), mapping);

    assert_eq!(file.facts().header_row, 4);
    let records: Vec<FileRecord> = file
        .rows()
        .filter_map(|row| match row {
            FileRow::Record(record) => Some(*record),
            FileRow::Refused { row, found, .. } => panic!("row {row}: {found:?}"),
            FileRow::Skipped { .. } => None,
        })
        .collect();
    let names: Vec<(&str, u64)> = records
        .iter()
        .map(|record| (record.draft.full_name.as_str(), record.row))
        .collect();
    assert_eq!(
        names,
        [("Trần Thị Mẫu", 7), ("Danh Thử", 8), ("Tống Cộng Mẫu", 10)]
    );
    let first = &records[0].draft;
    assert_eq!(first.birth_date, Some(DateDraft::day(2018, 4, 2)));
    assert_eq!((first.sex, first.status), (2, 1));
    assert_eq!(
        first.ethnicity.as_ref().map(|code| code.code.as_str()),
        Some("01")
    );
    assert_eq!(
        first
            .household
            .as_ref()
            .map(|home| home.poverty_code.as_str()),
        Some("1")
    );
    assert_eq!(
        first.commune.as_ref().map(|unit| unit.code.as_str()),
        Some("30742")
    );
    let skipped: Vec<(u64, Finding)> = findings(text, mapping)
        .into_iter()
        .map(|(row, found)| (row, found[0]))
        .collect();
    assert_eq!(
        skipped,
        [
            (5, Finding::TitleRow),
            (6, Finding::TitleRow),
            (9, Finding::HeaderRepeated),
            (11, Finding::TotalRow),
            (12, Finding::TotalRow),
            (13, Finding::TotalRow),
            (14, Finding::TotalRow),
        ]
    );
}

#[test]
fn birth_dates_in_columns_of_boys_and_girls_say_the_sex() {
    let text = "record_id,unit_code,Họ và tên,Ngày sinh,,Dân tộc\n,,,Nam,Nữ,\n\
        1,30742,Danh Mẫu,2/4/2018,,Kinh\n2,30742,Danh Thử,,5/2019,Kinh\n3,30742,Danh Lạ,2018,2019,Kinh\n";

    let sexes: Vec<i32> = rows(text, "")
        .iter()
        .filter_map(|row| match row {
            FileRow::Record(record) => Some(record.draft.sex),
            FileRow::Refused { .. } | FileRow::Skipped { .. } => None,
        })
        .collect();

    assert_eq!(sexes, [1, 2]);
    assert_eq!(findings(text, "")[0].0, 5);
    assert!(findings(text, "")[0].1.contains(&Finding::MarksContradict));
}

#[test]
fn day_month_and_year_in_columns_of_their_own_are_one_date() {
    let text = "record_id,unit_code,Họ và tên,Ngày sinh,,,Giới tính\n,,,Ngày,Tháng,Năm,\n\
        1,30742,Danh Mẫu,2,4,2018,Nam\n2,30742,Danh Thử,,,2019,Nam\n3,30742,Danh Lạ,31,2,2018,Nam\n";

    let found: Vec<FileRow> = rows(text, "");

    let FileRow::Record(first) = &found[0] else {
        panic!("no record")
    };
    assert_eq!(first.draft.birth_date, Some(DateDraft::day(2018, 4, 2)));
    let FileRow::Record(second) = &found[1] else {
        panic!("no record")
    };
    assert_eq!(
        second.draft.birth_date.map(|date| (date.year, date.month)),
        Some((2019, 0))
    );
    assert_eq!(findings(text, ""), [(5, vec![Finding::DateImpossible])]);
}

#[test]
fn a_missing_column_is_named_with_those_that_are_there() {
    let header = HEADER.replace("birth_date,", "");

    let error = refusal(format!("{header}\n").as_bytes(), "");

    assert!(
        matches!(&error, FileError::MissingColumn { missing: "birth_date", found } if found.contains("full_name")),
        "{error}"
    );
    assert!(error.vietnamese().contains("Ngày sinh"));
}

#[test]
fn leading_zeros_that_a_spreadsheet_ate_are_put_back_and_reported() {
    let record = good(&format!(
        "{HEADER}\n1,4,Danh Mẫu,1,2018-04-02,91218123456,5,912345678\n"
    ));

    let columns: Vec<Option<Column>> = record.found.iter().map(|(column, _)| *column).collect();
    let expected = [
        Column::UnitCode,
        Column::Pin,
        Column::Ethnicity,
        Column::Phone,
    ];
    assert_eq!(columns, expected.map(Some));
    assert!(
        record
            .found
            .iter()
            .all(|(_, finding)| *finding == Finding::ZerosRestored)
    );
    assert_eq!(record.draft.personal_number, "091218123456");
    assert_eq!(record.draft.commune.expect("a unit").code, "00004");
}

#[test]
fn a_number_that_lost_its_digits_is_refused_and_never_guessed() {
    let text = format!("{HEADER}\n{}\n", GOOD.replace("091218123456", "9.1218E+10"));

    assert_eq!(findings(&text, ""), [(2, vec![Finding::DigitsLost])]);
}

#[test]
fn a_bad_cell_is_refused_with_its_column_and_the_other_rows_are_kept() {
    let text = format!(
        "{HEADER}\n{}\n{}\n",
        GOOD.replace("2018-04-02", "hôm qua").replace("05", "lạ"),
        GOOD.replacen('1', "2", 1)
    );

    let rows = rows(&text, "");

    let FileRow::Refused {
        row,
        source_id,
        found,
    } = &rows[0]
    else {
        panic!("taken")
    };
    assert_eq!((*row, source_id.as_str()), (2, "1"));
    assert_eq!(
        *found,
        [
            (Some(Column::BirthDate), Finding::DateUnreadable),
            (Some(Column::Ethnicity), Finding::CodeUnknown)
        ]
    );
    assert!(matches!(rows[1], FileRow::Record(_)));
}

#[test]
fn a_row_of_another_length_is_told() {
    let long = format!("{HEADER}\n{GOOD},more\n");
    assert_eq!(findings(&long, ""), [(2, vec![Finding::RowTooLong])]);
    // Excel leaves out separators at the end of some rows; a line broken in two lacks more.
    let short = format!("{HEADER}\n1,30742,Danh Mẫu,1,2018-04-02\n2,30742,Danh\n");
    let found = rows(&short, "");
    assert!(
        matches!(&found[0], FileRow::Record(record) if record.found == [(None, Finding::RowShort)])
    );
    let FileRow::Refused { found, .. } = &found[1] else {
        panic!("taken")
    };
    assert!(found.contains(&(None, Finding::RowTooShort)));
}

#[test]
fn a_damaged_letter_refuses_its_row_only() {
    let mut bytes = format!("{HEADER}\n{}\n", format!("{GOOD}\n").repeat(20)).into_bytes();
    bytes.extend_from_slice(b"9,30742,Danh M\xe3u,1,2018-04-02,,05,\n");

    let last = open(&bytes, "").rows().last().expect("rows");

    assert!(
        matches!(last, FileRow::Refused { found, .. } if found == [(Some(Column::FullName), Finding::TextDamaged)])
    );
}

#[test]
fn communes_are_found_by_name_in_the_unit_that_was_given() {
    let text = "record_id,Xã,Huyện,Họ và tên,Giới tính,Ngày sinh\n\
        1,Xã Thạnh Lộc,Giồng Riềng,Danh Mẫu,Nam,2018\n\
        2,Xã Thạnh Lộc,,Danh Thử,Nam,2018\n\
        3,Xã Không Có,,Danh Lạ,Nam,2018\n";
    let mapping = "[file]\nunit = \"GSO_PRE2025:91\"";

    let first = rows(text, mapping).remove(0);

    assert!(
        matches!(first, FileRow::Record(record) if record.draft.commune.as_ref().is_some_and(|unit| unit.code == "30913"))
    );
    assert_eq!(
        findings(text, mapping),
        [
            (3, vec![Finding::UnitNameAmbiguous]),
            (4, vec![Finding::UnitNameUnknown])
        ]
    );
    assert_eq!(refusal(text.as_bytes(), ""), FileError::UnitForNames);
    // A name of another commune is never taken for the one that was given.
    let other = "[file]\nunit = \"GSO_PRE2025:30742\"";
    assert_eq!(
        findings(text, other)[0],
        (2, vec![Finding::UnitNameUnknown])
    );
    let nameless = text.replace("Xã Không Có", "");
    assert_eq!(
        findings(&nameless, mapping)[1],
        (4, vec![Finding::UnitMissing])
    );
    assert!(matches!(rows(&nameless, other)[2], FileRow::Record(_)));
}

#[test]
fn dates_that_look_like_month_first_stop_the_file_until_it_is_told() {
    let row = |id: &str, date: &str| GOOD.replacen('1', id, 1).replace("2018-04-02", date);
    let text = format!(
        "{HEADER}\n{}\n{}\n",
        row("1", "04/25/2018"),
        row("2", "04/05/2018")
    );

    assert!(matches!(
        refusal(text.as_bytes(), ""),
        FileError::MonthFirst { .. }
    ));
    let told = records(&text, "[file]\ndate_order = \"month-first\"");
    assert_eq!(told[0].draft.birth_date, Some(DateDraft::day(2018, 4, 25)));
    assert_eq!(told[1].draft.birth_date, Some(DateDraft::day(2018, 4, 5)));
    // One impossible date among good ones is a slip of its own row.
    let slip = format!(
        "{HEADER}\n{}\n{}\n",
        row("1", "25/04/2018"),
        row("2", "04/25/2018")
    );
    assert_eq!(findings(&slip, ""), [(3, vec![Finding::DateImpossible])]);
}

#[test]
fn what_is_no_csv_says_how_to_save_it() {
    assert_eq!(
        refusal(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", ""),
        FileError::OldWorkbook
    );
    assert_eq!(refusal(b"<html><table><tr><td>a", ""), FileError::WebPage);
    assert_eq!(
        refusal(b"PK\x03\x04 and no more", ""),
        FileError::WorkbookBroken
    );
    assert_eq!(refusal(b"", ""), FileError::Empty);
    assert_eq!(refusal(b"a,b\nc,d\n", ""), FileError::NoHeader);
}

#[test]
fn a_suggested_mapping_reads_the_file_it_was_made_from() {
    let text = "Họ và tên;Giới tính;Ngày sinh;Dân tộc;Chiều cao\nTrần Thị Mẫu;Nữ;2/4/2018;Kờ;90\n";
    let told: Mapping = workbooks::COMMUNE.parse().expect("a mapping");

    let suggested = mapping::suggest(text.as_bytes(), &told).expect("a mapping");

    for expected in [
        "full_name = \"Họ và tên\"",
        "# ... = \"Chiều cao\"",
        "# \"Kờ\" = \"\"",
        "# separator = \";\"",
        "[key]",
    ] {
        assert!(
            suggested.contains(expected),
            "{expected} is not in\n{suggested}"
        );
    }
    let finished = format!("{suggested}\n[key]\ncolumns = [\"full_name\", \"birth_date\"]\n")
        .replace("# \"Kờ\" = \"\"", "\"Kờ\" = \"01\"");
    let records = records(text, &finished);
    assert_eq!(
        records[0]
            .draft
            .ethnicity
            .as_ref()
            .map(|code| code.code.as_str()),
        Some("01")
    );
}
