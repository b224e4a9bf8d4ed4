//! How long files are and what they are called.

use super::{TREE, TextFile, assert_found, assert_tidy, has_ending, rust};

const CODE_LINES_MAX: usize = 500;
const CONTRACT_LINES_MAX: usize = 600;

/// Files that may be longer, and why.
const LONG_FILES: [(&str, &str); 1] = [("src/store/sql.rs", "one place for all SQL")];

/// Names that say nothing about what is inside, and the only folder that may use one.
const EMPTY_NAMES: [(&str, Option<&str>); 8] = [
    ("util", None),
    ("utils", None),
    ("helper", None),
    ("helpers", None),
    ("manager", None),
    ("common", None),
    ("misc", None),
    // A hub as a process of its own: there it is a noun.
    ("process", Some("tests/support")),
];

fn lines_max(path: &str) -> Option<usize> {
    let is_code = ["src/", "tests/", "benches/", "build.rs"]
        .iter()
        .any(|place| path.starts_with(place));
    match (has_ending(path, "rs"), has_ending(path, "proto")) {
        (true, _) if is_code => Some(CODE_LINES_MAX),
        (_, true) => Some(CONTRACT_LINES_MAX),
        (_, false) => None,
    }
}

fn too_long(files: &[TextFile]) -> Vec<String> {
    let mut violations = Vec::new();
    for file in files {
        let lines = file.lines().count();
        let Some(most) = lines_max(&file.path) else {
            continue;
        };
        let exception = LONG_FILES.iter().find(|(path, _)| *path == file.path);
        match exception {
            None if lines > most => {
                violations.push(format!("{}: {lines} lines, of {most} at most", file.path));
            }
            Some((path, reason)) if lines <= most => {
                violations.push(format!(
                    "{path}: needs no exception for {reason:?} any more"
                ));
            }
            None | Some(_) => {}
        }
    }
    violations
}

fn is_empty_name(name: &str, place: &str) -> bool {
    EMPTY_NAMES
        .iter()
        .any(|(empty, allowed)| *empty == name && !allowed.is_some_and(|at| place.starts_with(at)))
}

/// Modules that a file declares, inside it or beside it.
fn modules(file: &TextFile) -> Vec<String> {
    let code = rust::code(&file.text);
    let words: Vec<&str> = rust::words(&code).collect();
    words
        .windows(2)
        .filter_map(|pair| match pair {
            ["mod", name] => Some((*name).to_owned()),
            _ => None,
        })
        .collect()
}

fn badly_named(files: &[TextFile]) -> Vec<String> {
    let mut violations = Vec::new();
    for file in files.iter().filter(|file| file.is_rust()) {
        let path = &file.path;
        if file.name() == "mod.rs" {
            violations.push(format!(
                "{path}: a module is foo.rs beside foo/, not mod.rs"
            ));
        }
        let stem = path.trim_end_matches(".rs");
        for part in stem.split('/').filter(|part| is_empty_name(part, path)) {
            violations.push(format!("{path}: {part} says nothing about what is inside"));
        }
        for module in modules(file) {
            // A module with a file of its own is found by its file.
            if is_empty_name(&module, path) {
                violations.push(format!(
                    "{path}: mod {module} says nothing about what is inside"
                ));
            }
        }
    }
    violations
}

#[test]
fn no_file_is_too_long_to_read_at_once() {
    assert_tidy(&too_long(&TREE));
}

#[test]
fn a_file_that_is_too_long_is_found() {
    let code = "\n".repeat(CODE_LINES_MAX);
    let contract = "\n".repeat(CONTRACT_LINES_MAX);
    for (path, longest) in [
        ("src/sync/a.rs", &code),
        ("tests/a.rs", &code),
        ("benches/a.rs", &code),
        ("build.rs", &code),
        ("proto/childsync/v1/a.proto", &contract),
    ] {
        assert_tidy(&too_long(&[TextFile::planted(path, longest)]));
        let longer = format!("{longest}\n");
        assert_found(&too_long(&[TextFile::planted(path, &longer)]), path);
    }
}

#[test]
fn an_exception_that_is_not_needed_is_found() {
    for (path, reason) in LONG_FILES {
        let long = "\n".repeat(CODE_LINES_MAX + 1);
        assert_tidy(&too_long(&[TextFile::planted(path, &long)]));
        assert_found(&too_long(&[TextFile::planted(path, "")]), reason);
    }
}

#[test]
fn every_module_is_named_for_what_is_inside() {
    assert_tidy(&badly_named(&TREE));
}

#[test]
fn a_name_that_says_nothing_is_found() {
    for (path, text, found) in [
        ("src/store/mod.rs", "", "not mod.rs"),
        ("src/sync/utils.rs", "", "utils says nothing"),
        ("src/helpers/text.rs", "", "helpers says nothing"),
        ("src/sync/process.rs", "", "process says nothing"),
        ("src/sync/a.rs", "mod common {}", "mod common"),
        ("tests/a.rs", "pub(crate) mod\n    manager;", "mod manager"),
        ("tests/a.rs", "mod process;", "mod process"),
    ] {
        assert_found(&badly_named(&[TextFile::planted(path, text)]), found);
    }
}

#[test]
fn a_name_that_says_something_is_not_found() {
    assert_tidy(&badly_named(&[
        TextFile::planted("tests/support/process.rs", ""),
        TextFile::planted("tests/support.rs", "mod process;"),
        TextFile::planted("src/commons.rs", "// mod utils\nuse std::process;"),
    ]));
}
