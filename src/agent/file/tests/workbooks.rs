//! Workbooks as officials make them.

use rust_xlsxwriter::{ExcelDateTime, Format, Workbook as Writer};

use super::*;

/// A workbook as an official makes one: a merged title, a merged header, numbers and dates.
fn workbook(sheets: &[&str]) -> Vec<u8> {
    let mut writer = Writer::new();
    let date = Format::new().set_num_format("dd/mm/yyyy");
    for name in sheets {
        let sheet = writer.add_worksheet().set_name(*name).expect("a name");
        let merge = Format::new();
        sheet
            .merge_range(0, 0, 0, 7, "DANH SÁCH TRẺ EM", &merge)
            .expect("merged");
        for (column, text) in (0..).zip([
            "Mã trẻ",
            "Họ và tên",
            "",
            "Giới tính",
            "Ngày sinh",
            "Số định danh",
            "Dân tộc",
            "Số hộ",
        ]) {
            sheet.write_string(2, column, text).expect("written");
        }
        sheet
            .merge_range(2, 1, 2, 2, "Họ và tên", &merge)
            .expect("merged");
        for (row, given) in (3..).zip(["Mẫu", "Thử"]) {
            sheet.write_number(row, 0, f64::from(row)).expect("written");
            sheet.write_string(row, 1, "Trần Thị").expect("written");
            sheet.write_string(row, 2, given).expect("written");
            sheet.write_string(row, 3, "Nữ").expect("written");
            let born = ExcelDateTime::from_ymd(2018, 4, 2).expect("a date");
            sheet
                .write_datetime_with_format(row, 4, &born, &date)
                .expect("written");
            sheet
                .write_number(row, 5, 91_318_123_456.0)
                .expect("written");
            sheet.write_string(row, 6, "Kinh").expect("written");
        }
        sheet.merge_range(3, 7, 4, 7, "12", &merge).expect("merged");
        sheet.write_string(5, 1, "Tổng cộng").expect("written");
        sheet.write_number(5, 4, 2.0).expect("written");
    }
    writer.save_to_buffer().expect("a workbook")
}

pub(super) const COMMUNE: &str = "[file]\nunit = \"GSO_PRE2025:30742\"";

#[test]
fn a_workbook_is_read_with_its_merged_cells_dates_and_eaten_zeros() {
    let file = open(&workbook(&["Danh sách"]), COMMUNE);

    assert_eq!(
        (file.facts().header_row, file.facts().sheet.as_deref()),
        (3, Some("Danh sách"))
    );
    let rows: Vec<FileRow> = file.rows().collect();
    let FileRow::Record(second) = &rows[1] else {
        panic!("no record")
    };
    let draft = &second.draft;
    assert_eq!((second.row, second.source_id.as_str()), (5, "4"));
    assert_eq!(draft.full_name, "Trần Thị Thử");
    assert_eq!(draft.birth_date, Some(DateDraft::day(2018, 4, 2)));
    assert_eq!(draft.personal_number, "091318123456");
    assert_eq!(
        draft.household.as_ref().map(|home| home.number.as_str()),
        Some("12")
    );
    assert!(
        second
            .found
            .contains(&(Some(Column::Pin), Finding::ZerosRestored))
    );
    assert!(matches!(
        rows[2],
        FileRow::Skipped {
            row: 6,
            finding: Finding::TotalRow
        }
    ));
}

#[test]
fn of_several_sheets_with_records_one_must_be_named() {
    let bytes = workbook(&["Ấp Một", "Ấp Hai"]);

    assert_eq!(
        refusal(&bytes, COMMUNE),
        FileError::SeveralSheets {
            found: "Ấp Một, Ấp Hai".to_owned()
        }
    );
    let told = open(&bytes, &format!("{COMMUNE}\nsheet = \"Ấp Hai\""));
    assert_eq!(told.facts().sheet.as_deref(), Some("Ấp Hai"));
    assert!(matches!(
        refusal(&bytes, &format!("{COMMUNE}\nsheet = \"Ba\"")),
        FileError::NoSheet { .. }
    ));
}

#[test]
fn texts_in_an_old_font_are_read_as_they_were_meant() {
    let mut writer = Writer::new();
    let sheet = writer.add_worksheet();
    let rows = [
        [
            "record_id",
            "unit_code",
            "Hä vµ tªn",
            "Giíi tÝnh",
            "Ngµy sinh",
        ],
        ["1", "30742", "TrÇn V¨n BÐ", "Nam", "2/4/2018"],
        ["2", "30742", "Danh ThÞ MÉu", "N÷", "2/4/2018"],
    ];
    for (row, cells) in (0..).zip(rows) {
        for (column, text) in (0..).zip(cells) {
            sheet.write_string(row, column, text).expect("written");
        }
    }
    let bytes = writer.save_to_buffer().expect("a workbook");

    for mapping in ["", "[file]\nencoding = \"tcvn3\""] {
        let names: Vec<String> = open(&bytes, mapping)
            .rows()
            .filter_map(|row| match row {
                FileRow::Record(record) => Some(record.draft.full_name),
                FileRow::Refused { .. } | FileRow::Skipped { .. } => None,
            })
            .collect();
        assert_eq!(names, ["Trần Văn Bé", "Danh Thị Mẫu"]);
    }
    assert_eq!(
        refusal(&bytes, "[file]\nencoding = \"utf-8\""),
        FileError::NoHeader
    );
}
