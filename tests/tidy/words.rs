//! Words that no file may hold. They are put together from parts, so that this file holds none itself.

use super::{TREE, TextFile, assert_found, assert_tidy, rust};

/// What is unfinished, or silences a check without a reason that the compiler keeps true.
const UNFINISHED: [&str; 8] = [
    concat!("#[", "allow("),
    concat!("#![", "allow("),
    concat!("#[", "ignore"),
    concat!("to", "do!("),
    concat!("unimple", "mented!("),
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("db", "g!("),
];

/// Where somebody happened to work. A reader elsewhere has no such place.
const WORKPLACES: [&str; 5] = [
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("../sha", "red"),
    concat!("farm", "-"),
];

/// How a lock file or a configuration of cargo introduces a registry.
const REGISTRY_SCHEMES: [&str; 2] = [concat!("regis", "try+"), concat!("spar", "se+")];

/// The registry that everybody has.
const PUBLIC_REGISTRIES: [&str; 2] = [
    "https://github.com/rust-lang/crates.io-index",
    "https://index.crates.io/",
];

/// The one place that may wait by the clock: it does so between two looks at a condition.
const WAITING_ROOM: &str = "tests/support.rs";

fn unfinished(files: &[TextFile]) -> Vec<String> {
    let rust = files.iter().filter(|file| file.is_rust());
    rust.flat_map(|file| holding(file, &UNFINISHED)).collect()
}

fn workplaces(files: &[TextFile]) -> Vec<String> {
    let mut violations = Vec::new();
    for file in files {
        violations.extend(holding(file, &WORKPLACES));
        for (line, text) in file.lines() {
            let mut registries = REGISTRY_SCHEMES
                .iter()
                .flat_map(|scheme| text.split(scheme).skip(1));
            let is_public =
                |url: &str| PUBLIC_REGISTRIES.iter().any(|known| url.starts_with(known));
            if !registries.all(is_public) {
                violations.push(format!(
                    "{}:{line}: a registry of somebody's own",
                    file.path
                ));
            }
        }
    }
    violations
}

fn holding(file: &TextFile, needles: &[&str]) -> Vec<String> {
    let mut violations = Vec::new();
    for (line, text) in file.lines() {
        for needle in needles.iter().filter(|needle| text.contains(**needle)) {
            violations.push(format!("{}:{line}: holds {needle}", file.path));
        }
    }
    violations
}

fn sleeping(files: &[TextFile]) -> Vec<String> {
    let mut violations = Vec::new();
    let tests = files.iter().filter(|file| file.is_under("tests/"));
    for file in tests.filter(|file| file.is_rust() && file.path != WAITING_ROOM) {
        let code = rust::code(&file.text);
        for (line, text) in (1..).zip(code.lines()) {
            if rust::words(text).any(|word| word == "sleep" || word == "sleep_until") {
                let path = &file.path;
                violations.push(format!("{path}:{line}: wait for a condition, do not sleep"));
            }
        }
    }
    violations
}

#[test]
fn nothing_is_unfinished_or_silenced() {
    assert_tidy(&unfinished(&TREE));
}

#[test]
fn what_is_unfinished_is_found() {
    for needle in UNFINISHED {
        let text = format!("fn f() {{\n    // {needle}\n}}");

        let found = unfinished(&[TextFile::planted("src/a.rs", &text)]);

        assert_found(&found, &format!("src/a.rs:2: holds {needle}"));
    }
}

#[test]
fn no_file_knows_where_it_was_written() {
    assert_tidy(&workplaces(&TREE));
}

#[test]
fn a_workplace_is_found() {
    for needle in WORKPLACES {
        let found = workplaces(&[TextFile::planted("README.md", &format!("see {needle}x"))]);

        assert_found(&found, needle);
    }
}

#[test]
fn a_registry_of_somebodys_own_is_found() {
    for scheme in REGISTRY_SCHEMES {
        for known in PUBLIC_REGISTRIES {
            let lock = format!("source = \"{scheme}{known}\"");
            assert_tidy(&workplaces(&[TextFile::planted("Cargo.lock", &lock)]));
        }
        let lock = format!("\nsource = \"{scheme}http://mirror.example/index\"");
        assert_found(
            &workplaces(&[TextFile::planted("Cargo.lock", &lock)]),
            "Cargo.lock:2",
        );
    }
}

#[test]
fn no_test_sleeps() {
    assert_tidy(&sleeping(&TREE));
}

#[test]
fn a_test_that_sleeps_is_found() {
    for text in [
        "std::thread::sleep(second);",
        "tokio::time::sleep(second).await;",
        "use tokio::time::{Duration, sleep};",
        "sleep_until(deadline).await;",
    ] {
        assert_found(
            &sleeping(&[TextFile::planted("tests/a.rs", text)]),
            "tests/a.rs:1",
        );
        assert_tidy(&sleeping(&[TextFile::planted(WAITING_ROOM, text)]));
    }
    let process = "Command::new(\"sleep\"); // sleep";
    assert_tidy(&sleeping(&[TextFile::planted("tests/a.rs", process)]));
}
