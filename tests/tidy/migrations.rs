//! The migrations of both engines go in pairs and end with the same tables.

use super::{TREE, TextFile, assert_found, assert_tidy};

const SQLITE: &str = "migrations/sqlite/";
const POSTGRES: &str = "migrations/postgres/";

/// Words that start a rule of a table and not a column.
const TABLE_RULES: [&str; 6] = [
    "PRIMARY",
    "UNIQUE",
    "CHECK",
    "FOREIGN",
    "CONSTRAINT",
    "EXCLUDE",
];

/// Changes of a table that both engines need. A column's type is the engine's own affair.
const SHARED_CHANGES: [&str; 3] = ["ADD", "DROP", "RENAME"];

fn engine<'a>(files: &'a [TextFile], folder: &str) -> Vec<&'a TextFile> {
    files.iter().filter(|file| file.is_under(folder)).collect()
}

/// Whether a file is the migration of this number, `0007_a_name.sql` for 7.
fn is_numbered(name: &str, number: usize) -> bool {
    let words = name
        .strip_prefix(&format!("{number:04}_"))
        .and_then(|rest| rest.strip_suffix(".sql"));
    words.is_some_and(|words| {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        !words.is_empty() && words.bytes().all(fits)
    })
}

fn statements(sql: &str) -> Vec<String> {
    let code: Vec<&str> = sql
        .lines()
        .filter_map(|line| line.split("--").next())
        .collect();
    code.join("\n")
        .split(';')
        .map(|statement| statement.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

/// What a statement does to the tables and columns, without what may differ between the engines.
fn shape(statement: &str) -> Option<String> {
    if let Some(created) = statement.strip_prefix("CREATE TABLE ") {
        let created = created.strip_prefix("IF NOT EXISTS ").unwrap_or(created);
        let (table, body) = created.split_once('(').unwrap_or((created, ""));
        return Some(format!(
            "table {}: {}",
            table.trim(),
            columns(body).join(", ")
        ));
    }
    let words: Vec<&str> = statement.split(' ').collect();
    match words.as_slice() {
        ["DROP", "TABLE", ..] => Some(statement.to_owned()),
        ["ALTER", "TABLE", table, "ADD", "COLUMN", column, ..] => {
            Some(format!("table {table} gets {column}"))
        }
        ["ALTER", "TABLE", _, change, ..] if SHARED_CHANGES.contains(change) => {
            Some(statement.to_owned())
        }
        _ => None,
    }
}

/// Names of the columns, from the text after the opening parenthesis.
fn columns(body: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_usize, 0);
    for (at, letter) in body.char_indices() {
        if depth == 0 && (letter == ',' || letter == ')') {
            parts.extend(body.get(start..at));
            start = at + 1;
        }
        match letter {
            ')' if depth == 0 => break,
            ')' => depth -= 1,
            '(' => depth += 1,
            _ => {}
        }
    }
    let names = parts
        .into_iter()
        .filter_map(|part| part.split_whitespace().next());
    names.filter(|name| !TABLE_RULES.contains(name)).collect()
}

fn shapes(file: &TextFile) -> Vec<String> {
    let statements = statements(&file.text);
    statements
        .iter()
        .filter_map(|statement| shape(statement))
        .collect()
}

fn violations(files: &[TextFile]) -> Vec<String> {
    let (sqlite, postgres) = (engine(files, SQLITE), engine(files, POSTGRES));
    let mut violations = Vec::new();
    for side in [&sqlite, &postgres] {
        for (number, file) in (1..).zip(side) {
            if !is_numbered(file.name(), number) {
                violations.push(format!("{}: should be {number:04}_name.sql", file.path));
            }
        }
    }
    for (one, others) in [(&sqlite, &postgres), (&postgres, &sqlite)] {
        for file in one {
            if !others.iter().any(|other| other.name() == file.name()) {
                violations.push(format!("{}: has no twin", file.path));
            }
        }
    }
    for file in &sqlite {
        let twin = postgres.iter().find(|other| other.name() == file.name());
        violations.extend(twin.into_iter().flat_map(|twin| differences(file, twin)));
    }
    violations
}

fn differences(sqlite: &TextFile, postgres: &TextFile) -> Vec<String> {
    let (ours, theirs) = (shapes(sqlite), shapes(postgres));
    let mut differences = Vec::new();
    for at in 0..ours.len().max(theirs.len()) {
        let (our, their) = (ours.get(at), theirs.get(at));
        if our != their {
            let nothing = "nothing".to_owned();
            let (our, their) = (our.unwrap_or(&nothing), their.unwrap_or(&nothing));
            let path = &sqlite.path;
            differences.push(format!("{path}: {our}\n    but its twin has: {their}"));
        }
    }
    differences
}

#[test]
fn both_engines_have_the_same_migrations_tables_and_columns() {
    assert_tidy(&violations(&TREE));
}

#[test]
fn every_table_of_the_migrations_is_read() {
    for file in TREE.iter().filter(|file| file.is_under("migrations/")) {
        let shapes = shapes(file);
        let made = shapes.iter().filter(|shape| shape.starts_with("table "));
        let lines = file.text.lines();
        let expected = lines.filter(|line| line.starts_with("CREATE TABLE"));
        let added = file.text.matches("ADD COLUMN").count();
        assert_eq!(made.count(), expected.count() + added, "{}", file.path);
    }
}

const FIRST: &str = "-- One; two.\nCREATE TABLE a (\n    id UUID NOT NULL,\n    b TEXT DEFAULT (1, 2),\n\
                     PRIMARY KEY (id)\n);\nINSERT INTO a (id) VALUES (1);\n";
const SECOND: &str = "ALTER TABLE a ADD COLUMN c BIGINT NOT NULL;\nALTER TABLE a RENAME TO d;\n";

/// Two migrations of each engine, with `from` changed to `to` in what SQLite has.
fn planted(from: &str, to: &str) -> Vec<TextFile> {
    let mut files = Vec::new();
    for (name, text) in [("0001_first.sql", FIRST), ("0002_second.sql", SECOND)] {
        files.push(TextFile::planted(&format!("{POSTGRES}{name}"), text));
        let (name, text) = (name.replace(from, to), text.replace(from, to));
        files.push(TextFile::planted(&format!("{SQLITE}{name}"), &text));
    }
    files
}

#[test]
fn what_may_differ_between_the_engines_is_not_found() {
    assert_tidy(&violations(&planted("", "")));
    assert_tidy(&violations(&planted("UUID", "BLOB")));
    assert_tidy(&violations(&planted(");\nINSERT", ") STRICT;\nINSERT")));
    assert_tidy(&violations(&planted("BIGINT", "INTEGER")));
}

#[test]
fn a_difference_of_tables_is_found() {
    for (from, to, found) in [
        ("TABLE a (", "TABLE x (", "table x: id, b"),
        ("b TEXT", "x TEXT", "table a: id, x"),
        ("    id UUID NOT NULL,\n", "", "table a: b"),
        ("COLUMN c", "COLUMN x", "table a gets x"),
        ("ALTER TABLE a RENAME TO d;\n", "", "nothing"),
    ] {
        assert_found(&violations(&planted(from, to)), found);
    }
    let mut swapped = planted("", "");
    swapped.retain(|file| file.name() == "0001_first.sql");
    for file in swapped.iter_mut().filter(|file| file.is_under(SQLITE)) {
        file.text = "CREATE TABLE a (b TEXT, id BLOB)".to_owned();
    }
    assert_found(&violations(&swapped), "table a: b, id");
}

#[test]
fn a_migration_without_a_twin_is_found() {
    let mut files = planted("", "");
    files.retain(|file| file.path != format!("{POSTGRES}0002_second.sql"));

    assert_found(&violations(&files), "sqlite/0002_second.sql: has no twin");
}

#[test]
fn a_gap_in_the_numbers_is_found() {
    for name in [
        "0003_b.sql",
        "2_b.sql",
        "0002_B.sql",
        "0002_.sql",
        "0002_b.txt",
    ] {
        let mut files = planted("", "");
        for file in &mut files {
            file.path = file.path.replace("0002_second.sql", name);
        }
        let found = violations(&files);
        assert_eq!(found.len(), 2, "{found:#?}");
        assert!(
            found
                .iter()
                .all(|text| text.ends_with("should be 0002_name.sql"))
        );
    }
}
