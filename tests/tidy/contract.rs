//! The contract explains itself and keeps the names that every reader of protobuf expects.

use std::collections::BTreeMap;

use super::protobuf::{Declaration, Kind, declarations};
use super::{TREE, TextFile, assert_found, assert_tidy, has_ending};

fn is_pascal(name: &str) -> bool {
    name.starts_with(|letter: char| letter.is_ascii_uppercase())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn is_snake(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    name.starts_with(|letter: char| letter.is_ascii_lowercase()) && name.bytes().all(fits)
}

/// `AdminScheme` as `ADMIN_SCHEME_`, which the values of the enum start with.
fn prefix(name: &str) -> String {
    let mut prefix = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !prefix.is_empty() {
            prefix.push('_');
        }
        prefix.push(letter.to_ascii_uppercase());
    }
    prefix + "_"
}

/// What is wrong with a declaration by itself.
fn faults(declared: &Declaration) -> Vec<&'static str> {
    let name = declared.name.as_str();
    let mut faults = Vec::new();
    let mut must = |holds: bool, fault| faults.extend((!holds).then_some(fault));
    must(declared.is_explained, "has no comment directly above");
    match declared.kind {
        Kind::Message | Kind::Enum => must(is_pascal(name), "is not PascalCase"),
        Kind::Service => {
            must(is_pascal(name), "is not PascalCase");
            must(name.ends_with("Service"), "does not end in Service");
        }
        Kind::Rpc => {
            must(is_pascal(name), "is not PascalCase");
            let expected = ["Request", "Response"].map(|end| format!("{name}{end}"));
            must(
                declared.operands == expected,
                "does not name its messages for itself",
            );
        }
        Kind::Field | Kind::Oneof => must(is_snake(name), "is not snake_case"),
        Kind::Value => {
            let prefix = prefix(&declared.parent);
            let rest = name.strip_prefix(&prefix).unwrap_or_default();
            let rest = rest.to_ascii_lowercase();
            must(!rest.is_empty(), "does not start with the name of its enum");
            let is_screaming =
                name.to_ascii_uppercase() == name && is_snake(&name.to_ascii_lowercase());
            must(is_screaming, "is not SCREAMING_SNAKE_CASE");
            let is_zero = declared
                .operands
                .first()
                .is_some_and(|number| number == "0");
            must(
                is_zero == (rest == "unspecified"),
                "zero alone is UNSPECIFIED",
            );
        }
    }
    faults
}

/// The folder that the package belongs into.
fn package_folder(text: &str) -> Option<String> {
    let mut packages = text
        .lines()
        .filter_map(|line| line.strip_prefix("package "));
    let package = packages.next()?.trim().strip_suffix(';')?;
    Some(format!("proto/{}/", package.replace('.', "/")))
}

fn violations(files: &[TextFile]) -> Vec<String> {
    let mut violations = Vec::new();
    let mut calls: BTreeMap<String, String> = BTreeMap::new();
    let contracts = files.iter().filter(|file| has_ending(&file.path, "proto"));
    for file in contracts {
        let folder = file.path.strip_suffix(file.name());
        if package_folder(&file.text).as_deref() != folder {
            violations.push(format!(
                "{}: its package is not that of its folder",
                file.path
            ));
        }
        for declared in declarations(&file.text) {
            let place = format!("{}:{}", file.path, declared.line);
            let name = &declared.name;
            for fault in faults(&declared) {
                violations.push(format!("{place}: {name} {fault}"));
            }
            if declared.kind == Kind::Rpc
                && let Some(first) = calls.insert(name.clone(), place.clone())
            {
                violations.push(format!("{place}: {name} shares its messages with {first}"));
            }
        }
    }
    violations
}

#[test]
fn the_contract_explains_itself_and_keeps_its_names() {
    assert_tidy(&violations(&TREE));
}

#[test]
fn every_declaration_of_the_contract_is_read() {
    let contracts = TREE.iter().filter(|file| has_ending(&file.path, "proto"));
    for file in contracts {
        let declared = declarations(&file.text);
        let with_equals = |line: &&str| line.contains(" = ") && !line.trim().starts_with("//");
        let numbered = |one: &&Declaration| matches!(one.kind, Kind::Field | Kind::Value);
        let lines = file.text.lines().filter(with_equals).count();
        // The line that says which syntax it is has an equals sign too.
        assert_eq!(
            declared.iter().filter(numbered).count() + 1,
            lines,
            "{}",
            file.path
        );
    }
}

const GOOD: &str = r#"syntax = "proto3";
package childsync.v1;
// S.
service PushService {
  // R.
  rpc Push(stream PushRequest)
    returns (stream PushResponse);
}
// M.
message PushRequest {
  // F.
  repeated string record_id = 1 [deprecated = true];
  // O.
  oneof content {
    // C.
    ChildRecord child = 3;
  }
  reserved 70 to 79;
}
// E.
enum AdminScheme {
  // Z.
  ADMIN_SCHEME_UNSPECIFIED = 0;
  // V.
  ADMIN_SCHEME_GSO_2017 = 1; // not above
}
"#;

const PLACE: &str = "proto/childsync/v1/a.proto";

#[test]
fn a_good_contract_is_not_found() {
    assert_eq!(declarations(GOOD).len(), 9);
    assert_tidy(&violations(&[TextFile::planted(PLACE, GOOD)]));
}

#[test]
fn a_declaration_without_a_comment_is_found() {
    for (letter, name) in [
        ("S", "PushService"),
        ("R", "Push"),
        ("M", "PushRequest"),
        ("F", "record_id"),
        ("O", "content"),
        ("C", "child"),
        ("E", "AdminScheme"),
        ("Z", "ADMIN_SCHEME_UNSPECIFIED"),
        ("V", "ADMIN_SCHEME_GSO_2017"),
    ] {
        let comment = format!("// {letter}.");
        let mut lines: Vec<&str> = GOOD.lines().collect();
        let place = lines.iter().position(|line| line.trim() == comment);
        let place = place.expect("the comment");
        lines.remove(place);
        let planted = TextFile::planted(PLACE, &lines.join("\n"));
        // What was below the comment is now where the comment was; lines count from 1.
        let line = place + 1;
        let found = format!(":{line}: {name} has no comment directly above");
        assert_found(&violations(&[planted]), &found);
    }
    let apart = GOOD.replace("// M.\n", "// M.\n\n");
    assert_found(
        &violations(&[TextFile::planted(PLACE, &apart)]),
        "no comment directly above",
    );
}

#[test]
fn a_name_of_another_shape_is_found() {
    for (from, to, found) in [
        ("message PushRequest", "message push_request", "PascalCase"),
        (
            "service PushService",
            "service PushServer",
            "end in Service",
        ),
        ("service PushService", "service pushService", "PascalCase"),
        ("enum AdminScheme", "enum Scheme", "name of its enum"),
        ("record_id =", "recordId =", "recordId is not snake_case"),
        (" child =", " Child =", "Child is not snake_case"),
        (
            "oneof content",
            "oneof Content",
            "Content is not snake_case",
        ),
        ("ADMIN_SCHEME_GSO_2017", "GSO_2017", "name of its enum"),
        ("SCHEME_GSO_2017", "SCHEME_Gso2017", "SCREAMING"),
        ("SCHEME_UNSPECIFIED", "SCHEME_UNKNOWN", "UNSPECIFIED"),
        ("stream PushRequest", "stream RecordChange", "for itself"),
        ("PushResponse", "Empty", "for itself"),
        ("package childsync.v1", "package childsync.v2", "its folder"),
        ("package childsync.v1;\n", "", "its folder"),
    ] {
        let planted = TextFile::planted(PLACE, &GOOD.replace(from, to));
        let found_all = violations(&[planted]);
        assert!(
            found_all.iter().any(|one| one.contains(found)),
            "{to}: {found_all:#?}"
        );
    }
}

#[test]
fn two_calls_of_one_name_are_found() {
    let other = GOOD.replace("PushService", "OtherService");
    let files = [
        TextFile::planted(PLACE, GOOD),
        TextFile::planted("proto/childsync/v1/b.proto", &other),
    ];

    assert_found(&violations(&files), "Push shares its messages");
}
