//! Which record a row is.

use super::*;

#[test]
fn a_record_id_that_is_no_uuid_gets_one_that_stays_the_same() {
    let id = |text: &str| good(&format!("{HEADER}\n{text}\n")).record_id;

    assert_eq!(id(GOOD), id(GOOD));
    assert_ne!(id(GOOD), id(&GOOD.replace("30742", "30745")));
    // What was imported by earlier versions keeps its name.
    assert_eq!(id(GOOD), Uuid::new_v5(&RECORD_NAMESPACE, b"30742\n1"));
    let uuid = "7d0f4d0e-2f0b-4c57-9a51-0d0f6f8a3b11";
    assert_eq!(id(&GOOD.replacen('1', uuid, 1)).to_string(), uuid);
}

const NO_IDS: &str = "Họ và tên,Giới tính,Ngày sinh,Họ tên mẹ\n";
const KEY: &str = "[file]\nunit = \"GSO_PRE2025:30742\"\n[key]\ncolumns = [\"full_name\", \"birth_date\", \"mother_name\"]";

#[test]
fn key_columns_name_a_record_however_they_are_written_and_wherever_they_stand() {
    let id = |text: &str| records(text, KEY).remove(0).record_id;
    let one = id(&format!("{NO_IDS}Trần Thị Mẫu,Nữ,02/04/2018,Lê Thị Thử\n"));

    assert_eq!(
        one,
        id(&format!(
            "{NO_IDS}TRẦN  THỊ MẪU,Nữ,2018-04-02,Lê Thị Thử \n"
        ))
    );
    assert_eq!(
        one,
        id(
            "Họ tên mẹ,Ngày sinh,Dân tộc,Giới tính,Họ và tên\nLê Thị Thử,2/4/2018,Kinh,Nam,Trần Thị Mẫu\n"
        )
    );
    assert_ne!(
        one,
        id(&format!("{NO_IDS}Trần Thị Mậu,Nữ,02/04/2018,Lê Thị Thử\n"))
    );
    let elsewhere = records(
        &format!("{NO_IDS}Trần Thị Mẫu,Nữ,02/04/2018,Lê Thị Thử\n"),
        &KEY.replace("30742", "30745"),
    );
    assert_ne!(one, elsewhere[0].record_id);
}

#[test]
fn without_ids_and_key_columns_nothing_is_read() {
    let text = format!("{NO_IDS}Trần Thị Mẫu,Nữ,02/04/2018,\n");

    assert_eq!(
        refusal(text.as_bytes(), "[file]\nunit = \"GSO_PRE2025:30742\""),
        FileError::NoIdentity
    );
    assert_eq!(findings(&text, KEY), [(2, vec![Finding::KeyEmpty])]);
}

#[test]
fn rows_of_one_record_are_sent_once_if_alike_and_not_at_all_if_not() {
    let other = GOOD.replace("Danh Mẫu", "Danh Thử");
    let alike = format!("{HEADER}\n{GOOD}\n{GOOD}\n");
    let different = format!("{HEADER}\n{GOOD}\n{other}\n");
    let versions = format!("{HEADER},version\n{GOOD},1\n{other},2\n");

    assert_eq!(findings(&alike, ""), [(3, vec![Finding::RowRepeated])]);
    let repeated = vec![Finding::RecordIdRepeated];
    assert_eq!(
        findings(&different, ""),
        [(2, repeated.clone()), (3, repeated)]
    );
    assert_eq!(records(&versions, "").len(), 2);
}
