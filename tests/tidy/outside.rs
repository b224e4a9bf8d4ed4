//! Which files may name which crate from outside, and what a pure room keeps out.

use super::{TREE, TextFile, assert_found, assert_tidy, rust};

/// A crate, with those whose names start with it and `_`, and the only places that may name it.
const PLACES: [(&str, &[&str]); 3] = [
    // The bench goes round the store on purpose: it measures the store against a bare `COPY`. So does
    // the search for personal data, which must not trust what the store gives back, and the question what
    // PostgreSQL was told to do.
    (
        "sqlx",
        &[
            "src/store.rs",
            "src/store/",
            "benches/ingest/",
            "tests/privacy.rs",
            "tests/statistics.rs",
        ],
    ),
    ("tonic", WIRE),
    ("prost", WIRE),
];

/// The verbs of an operator are clients of the services and show their answers; tests and benches are
/// clients too, and the build script makes the code.
const WIRE: &[&str] = &[
    "src/grpc.rs",
    "src/grpc/",
    "src/cli/",
    "tests/",
    "benches/",
    "build.rs",
];

/// Rooms that decide without I/O, clock or chance.
const PURE_ROOMS: [&str; 2] = ["domain", "linkage"];

/// Crates and keywords that a pure room does without. `async` and not only `async fn`: a block waits
/// as well as a function.
const IMPURE_WORDS: [&str; 7] = [
    "async",
    "tokio",
    "sqlx",
    "tonic",
    "prost",
    "rand",
    "SystemTime",
];

/// Modules of the standard library that a pure room does without.
const IMPURE_MODULES: [&str; 6] = ["fs", "net", "env", "process", "thread", "os"];

/// Whether a word is the crate or one of its family: `tonic_types` is of `tonic`.
fn is_of(word: &str, family: &str) -> bool {
    word.strip_prefix(family)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
}

fn misplaced(files: &[TextFile]) -> Vec<String> {
    let mut violations = Vec::new();
    for file in files.iter().filter(|file| file.is_rust()) {
        let code = rust::code(&file.text);
        for (line, text) in (1..).zip(code.lines()) {
            for (family, places) in PLACES {
                let is_named = rust::words(text).any(|word| is_of(word, family));
                if is_named && !places.iter().any(|place| file.is_under(place)) {
                    violations.push(format!("{}:{line}: {family} is not for here", file.path));
                }
            }
        }
    }
    violations
}

fn is_pure(file: &TextFile) -> bool {
    PURE_ROOMS
        .iter()
        .any(|room| file.path == format!("src/{room}.rs") || file.is_under(&format!("src/{room}/")))
}

fn impure(files: &[TextFile]) -> Vec<String> {
    let mut violations = Vec::new();
    for file in files.iter().filter(|file| is_pure(file)) {
        let code = rust::code(&file.text);
        for (line, text) in (1..).zip(code.lines()) {
            for word in IMPURE_WORDS {
                if rust::words(text).any(|found| is_of(found, word)) {
                    violations.push(format!("{}:{line}: {word} in a pure room", file.path));
                }
            }
        }
        for (line, path) in rust::paths(&code, "std") {
            if IMPURE_MODULES
                .iter()
                .any(|name| path.split("::").next() == Some(name))
            {
                violations.push(format!("{}:{line}: std::{path} in a pure room", file.path));
            }
        }
    }
    violations
}

#[test]
fn databases_and_wires_are_named_in_their_rooms_only() {
    assert_tidy(&misplaced(&TREE));
}

#[test]
fn a_misplaced_crate_is_found() {
    for (path, text) in [
        ("src/sync/a.rs", "use sqlx::Row;"),
        ("src/grpc/a.rs", "fn f(_: sqlx::Error) {}"),
        ("tests/a.rs", "use sqlx::Connection;"),
        ("benches/ingest.rs", "use sqlx::Connection;"),
        ("src/app.rs", "use tonic::Code;"),
        ("src/app.rs", "use tonic_types::StatusExt;"),
        ("src/agent/a.rs", "#[derive(prost::Message)]"),
        ("src/grpcurl.rs", "use prost_types::Any;"),
    ] {
        assert_found(&misplaced(&[TextFile::planted(path, text)]), "not for here");
    }
}

#[test]
fn a_crate_in_its_room_or_in_a_comment_is_not_found() {
    assert_tidy(&misplaced(&[
        TextFile::planted("src/store/a.rs", "use sqlx::Row;"),
        TextFile::planted("src/cli/a.rs", "use tonic_types::StatusExt;"),
        TextFile::planted("src/domain.rs", "// tonic is for grpc"),
        TextFile::planted("src/domain.rs", "fn tonics() {}"),
    ]));
}

#[test]
fn the_pure_rooms_have_no_io_no_clock_and_no_chance() {
    assert_tidy(&impure(&TREE));
}

#[test]
fn an_impure_word_is_found() {
    for (text, found) in [
        ("pub async fn f() {}", "async"),
        ("use tokio::sync::watch;", "tokio"),
        ("let dice = rand::random();", "rand"),
        ("use std::time::{Duration, SystemTime};", "SystemTime"),
        ("use std::{fmt, fs};", "std::fs"),
        ("std::net::TcpStream::connect(a)", "std::net"),
    ] {
        assert_found(
            &impure(&[TextFile::planted("src/domain/a.rs", text)]),
            found,
        );
        assert_found(&impure(&[TextFile::planted("src/linkage.rs", text)]), found);
        assert_tidy(&impure(&[TextFile::planted("src/sync/a.rs", text)]));
    }
}
