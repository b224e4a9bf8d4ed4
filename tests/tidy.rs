//! The project's own text keeps the project's own rules.
//!
//! Each rule is a pure function from files to violations and has two tests: the tree has none, and a
//! planted one is found, because a check that cannot fail proves nothing.

mod contract;
mod dependencies;
mod files;
mod migrations;
mod outside;
mod protobuf;
mod rooms;
mod rust;
mod words;

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

/// Folders whose text is not ours: what is built, what git keeps for itself, and packages of Node.
const NOT_OURS: [&str; 3] = ["target", ".git", "node_modules"];

/// Every text file of the project. Read once, because most rules read most of it.
static TREE: LazyLock<Vec<TextFile>> = LazyLock::new(|| {
    let mut files = Vec::new();
    read_folder(Path::new(env!("CARGO_MANIFEST_DIR")), "", &mut files);
    files.sort_by(|one, other| one.path.cmp(&other.path));
    files
});

/// A text file and its path from the root of the project, with slashes.
#[derive(Debug)]
struct TextFile {
    path: String,
    text: String,
}

impl TextFile {
    /// A made-up file, to plant a violation in.
    fn planted(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    fn is_under(&self, folder: &str) -> bool {
        self.path.starts_with(folder)
    }

    fn is_rust(&self) -> bool {
        has_ending(&self.path, "rs")
    }

    /// The name without its folder.
    fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// Lines with their numbers, from 1 as editors count them.
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.text.lines())
    }
}

fn has_ending(path: &str, ending: &str) -> bool {
    Path::new(path)
        .extension()
        .is_some_and(|found| found == ending)
}

fn read_folder(folder: &Path, path: &str, into: &mut Vec<TextFile>) {
    for entry in fs::read_dir(folder).expect("a folder of the project") {
        let entry = entry.expect("an entry of the folder");
        let name = entry.file_name().to_string_lossy().into_owned();
        let kind = entry.file_type().expect("a kind of entry");
        if kind.is_dir() && !NOT_OURS.contains(&name.as_str()) {
            read_folder(&entry.path(), &format!("{path}{name}/"), into);
        }
        if kind.is_file() {
            // What is not UTF-8 is not text, and no rule is about it.
            if let Ok(text) = fs::read_to_string(entry.path()) {
                let path = format!("{path}{name}");
                into.push(TextFile { path, text });
            }
        }
    }
}

/// Fails with the list of violations, so that one run shows all there is to mend.
#[track_caller]
fn assert_tidy(violations: &[String]) {
    assert!(
        violations.is_empty(),
        "{} to mend:\n{}",
        violations.len(),
        violations.join("\n")
    );
}

/// A planted violation must be found, and be the only one: what surrounds it is sound.
#[track_caller]
fn assert_found(violations: &[String], words: &str) {
    assert_eq!(violations.len(), 1, "{words:?} in {violations:#?}");
    assert!(
        violations.iter().all(|violation| violation.contains(words)),
        "{words:?} in {violations:#?}"
    );
}

/// A rule that reads an empty list finds nothing wrong with it.
#[test]
fn the_tree_has_every_folder_that_a_rule_reads() {
    for folder in [
        "src/",
        "tests/",
        "benches/",
        "proto/childsync/v1/",
        "migrations/sqlite/",
        "migrations/postgres/",
    ] {
        assert!(TREE.iter().any(|file| file.is_under(folder)), "{folder}");
    }
    assert!(TREE.iter().any(|file| file.path == "Cargo.toml"));
    assert!(TREE.iter().any(|file| file.path == "build.rs"));
}

#[test]
fn the_tree_has_nothing_that_was_built() {
    assert!(!TREE.iter().any(|file| file.is_under("target/")));
}
