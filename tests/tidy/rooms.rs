//! Which room may name which: the top modules of `src`, as `ARCHITECTURE.md` draws them.

use super::{TREE, TextFile, assert_found, assert_tidy, rust};

const ALL: &[&str] = &[
    "domain",
    "linkage",
    "store",
    "sync",
    "security",
    "observability",
    "grpc",
    "agent",
    "jobs",
    "config",
    "app",
    "cli",
];

/// A room, and what it may name besides itself: a whole room, or one path in a room.
const MAY_NAME: [(&str, &[&str]); 12] = [
    ("domain", &[]),
    ("linkage", &["domain"]),
    ("store", &["domain"]),
    ("security", &["domain"]),
    ("observability", &[]),
    (
        "sync",
        &["domain", "linkage", "store", "security", "observability"],
    ),
    ("grpc", &GRPC),
    ("agent", &AGENT),
    ("jobs", &["domain", "sync"]),
    ("config", &["domain", "observability"]),
    ("app", ALL),
    ("cli", ALL),
];

/// The wire asks the use cases. It keeps the store to hand it to them, chooses the gRPC code of its
/// errors and writes out the rows that the use cases answer with.
const GRPC: [&str; 29] = [
    "domain",
    "sync",
    "security",
    "observability",
    // Only the wire knows the fields of a record, and survivorship chooses field by field.
    "linkage::survivorship::Field",
    "linkage::survivorship::Rules",
    "store::Store",
    "store::StoreError",
    "store::FeedRow",
    // A steward's answers, row by row.
    "store::AliasCause",
    "store::AliasKind",
    "store::GoldenState",
    "store::ReviewOrder",
    // The models that were in use, row by row.
    "store::ModelOrigin",
    "store::ModelRow",
    "linkage::survivorship",
    "store::SourceState",
    // An upload as its node is shown it.
    "store::Entry",
    "store::HeldUpload",
    "store::UploadKey",
    // A batch as an operator is shown it.
    "store::ReceivedBatch",
    "store::SentBatch",
    // A bundle as an operator is shown it.
    "store::ImportedBundle",
    // A comparison as an operator is shown it.
    "store::ComparisonRow",
    // The ticks of jobs, row by row.
    "store::TickRow",
    "store::TickState",
    "store::NodeCounts",
    "store::NodeRow",
    "store::Registration",
];

/// The agent has use cases of its own and is a client of the contract, like the forwarder of a hub: of the
/// wire it names what a client needs.
const AGENT: [&str; 16] = [
    "domain",
    "store",
    "sync",
    "security",
    // Files and programs give records in forms that the wire knows how to encode.
    "grpc::convert::write_child",
    // An official is told by name which record to correct.
    "grpc::convert::read_child",
    "grpc::convert::read_case_report",
    "grpc::json",
    "grpc::bundle_file",
    "grpc::card_client",
    "grpc::feed_client",
    "grpc::proto::record::RecordKind",
    "grpc::proto::v1",
    "grpc::push_client",
    "grpc::status::is_word",
    "grpc::upload_client",
];

/// The room that a file stands in. `main.rs`, `bin` and `lib.rs` stand in none: they are the doors.
fn room(path: &str) -> Option<&str> {
    let inside = path.strip_prefix("src/")?;
    let first = inside.split('/').next()?;
    let room = first.strip_suffix(".rs").unwrap_or(first);
    (!["main", "bin", "lib"].contains(&room)).then_some(room)
}

fn permits(rows: &[&str], named: &str) -> bool {
    rows.iter()
        .filter_map(|row| named.strip_prefix(row))
        .any(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// What a file names from the top of the crate, with the numbers of the lines.
fn named(file: &TextFile, room: &str) -> Vec<(usize, String)> {
    let code = rust::code(&file.text);
    let mut named = rust::paths(&code, "crate");
    // In the file that opens a room, `super` is the top of the crate too.
    if file.path == format!("src/{room}.rs") {
        let above = rust::paths(&code, "super").into_iter();
        named.extend(above.filter(|(_, path)| permits(ALL, path)));
    }
    named.retain(|(_, path)| !permits(&[room], path));
    named
}

fn violations(files: &[TextFile]) -> Vec<String> {
    let mut violations = Vec::new();
    for file in files {
        let Some(room) = room(&file.path) else {
            continue;
        };
        let Some((_, rows)) = MAY_NAME.iter().find(|(name, _)| *name == room) else {
            violations.push(format!("{}: {room} is no room of the table", file.path));
            continue;
        };
        for (line, path) in named(file, room) {
            if !permits(rows, &path) {
                violations.push(format!("{}:{line}: {room} names {path}", file.path));
            }
        }
        for (line, path) in rust::paths(&rust::code(&file.text), "super") {
            if path.starts_with("super::") {
                violations.push(format!("{}:{line}: say crate::, not {path}", file.path));
            }
        }
    }
    violations
}

/// Rows of the table that name one path in a room, and that no file of the room needs any more.
fn stale_rows(files: &[TextFile]) -> Vec<String> {
    let mut stale = Vec::new();
    for (name, rows) in MAY_NAME {
        let own = files.iter().filter(|file| room(&file.path) == Some(name));
        let needed: Vec<String> = own
            .flat_map(|file| named(file, name))
            .map(|(_, path)| path)
            .collect();
        for row in rows.iter().filter(|row| row.contains("::")) {
            if !needed.iter().any(|path| permits(&[row], path)) {
                stale.push(format!(
                    "{name} does not name {row}: take it from the table"
                ));
            }
        }
    }
    stale
}

#[test]
fn no_room_names_a_room_that_it_may_not() {
    assert_tidy(&violations(&TREE));
}

#[test]
fn a_forbidden_room_is_found() {
    for (path, text, found) in [
        (
            "src/domain/a.rs",
            "use crate::store::Store;",
            "store::Store",
        ),
        (
            "src/store.rs",
            "use crate::{domain::D, grpc::G};",
            "grpc::G",
        ),
        ("src/store.rs", "use super::sync;", "store names sync"),
        ("src/grpc/a.rs", "fn f(_: crate::store::Lease) {}", "Lease"),
        (
            "src/grpc/a.rs",
            "use crate::store::{Store, Lease};",
            "Lease",
        ),
        (
            "src/grpc/a.rs",
            "use crate::store::StoreOptions;",
            "Options",
        ),
        ("src/sync/a.rs", "#[cfg(test)]\nuse crate::cli;", ":2: sync"),
        ("src/sync/a.rs", "use crate::*;", "sync names *"),
        ("src/sync/a/b.rs", "use super::super::c;", "say crate::"),
        ("src/web/a.rs", "", "no room of the table"),
    ] {
        assert_found(&violations(&[TextFile::planted(path, text)]), found);
    }
}

#[test]
fn what_a_room_may_name_is_not_found() {
    let text =
        "//! See [`crate::cli`].\nuse super::feed;\nuse crate::{domain::D, sync, store::Store};";

    assert_tidy(&violations(&[TextFile::planted("src/grpc/a.rs", text)]));
}

#[test]
fn every_exception_of_the_table_is_needed() {
    assert_tidy(&stale_rows(&TREE));
}

#[test]
fn an_exception_that_nobody_needs_is_found() {
    let naming = |rows: &[&str]| -> String {
        let names = rows.iter().map(|row| format!("use crate::{row};\n"));
        names.collect()
    };
    let unneeded = "use crate::store::Registration;\n";
    let files = [
        TextFile::planted("src/grpc/a.rs", &naming(&GRPC).replace(unneeded, "")),
        TextFile::planted("src/agent/a.rs", &naming(&AGENT)),
    ];

    assert_found(&stale_rows(&files), "Registration");
}
