//! Mappings, right and wrong.

use super::*;

fn problem(text: &str) -> MappingError {
    text.parse::<Mapping>().expect_err("a problem")
}

#[test]
fn the_example_that_ships_is_a_mapping() {
    let example = include_str!("../../../../deploy/mapping.example.toml");

    let mapping: Mapping = example.parse().unwrap_or_else(|error| panic!("{error}"));

    assert_eq!(mapping.meaning(Column::Sex, "TRAI"), Some("1"));
    assert!(!mapping.key.is_empty() && mapping.columns.is_some());
}

#[test]
fn what_is_wrong_is_named_by_its_key() {
    for (text, key) in [
        ("[file]\nencodin = \"utf-8\"", "file.encodin"),
        ("[file]\nencoding = \"latin\"", "file.encoding"),
        ("[file]\nunit = \"Kiên Giang\"", "file.unit"),
        ("[file]\nseparator = \"ab\"", "file.separator"),
        ("[columns]\nname = \"Tên\"", "columns.name"),
        ("[columns]\nsex = [\"a\", \"b\"]", "columns.sex"),
        ("[columns]\nsex = \"column XFD\"", "columns.sex"),
        ("[key]\ncolumns = [\"village\"]", "key.columns"),
        ("no toml", "the file"),
    ] {
        assert_eq!(problem(text).key, key, "{text}");
    }
}

#[test]
fn a_column_is_named_by_its_header_or_its_letter() {
    let mapping: Mapping = "[columns]\nfull_name = [\"Họ đệm\", \"column AB\"]"
        .parse()
        .expect("a mapping");

    let expected = vec![HeaderName::Text("Họ đệm".to_owned()), HeaderName::Place(27)];
    assert_eq!(mapping.columns, Some(vec![(Column::FullName, expected)]));
}
