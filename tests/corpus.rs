//! Files that are broken, hostile or merely strange. Every one is read to its end, or refused with what to
//! do; none makes the program panic, hang or take memory without bound.
//!
//! The same files are the seeds of the fuzz targets in `fuzz/`.

use std::collections::BTreeSet;
use std::io::{Cursor, Read, Write};
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;

use childsync::agent::file::mapping::{Mapping, suggest};
use childsync::agent::file::{FileError, FileOptions, FileRow, RecordFile};
use childsync::domain::unit::AdminScheme;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

/// How long one file may take on a machine that is busy.
const SECONDS_MAX: u64 = 60;
/// Changed copies of each file that are tried.
const CHANGED_COPIES: u64 = 60;

/// What is to come of a file.
enum Expected {
    /// So many records, refused rows and rows that are no records.
    Read(usize, usize, usize),
    /// Nothing, for this reason.
    Refused(FileError),
}

use Expected::{Read as Rows, Refused};

fn expected() -> Vec<(&'static str, Expected)> {
    vec![
        (
            "announces-too-many-texts.xlsx",
            Refused(FileError::WorkbookTooLarge),
        ),
        ("broken-line.csv", Rows(1, 2, 0)),
        ("cell-far-away.xlsx", Refused(FileError::TooManyColumns)),
        (
            "cell-without-place.xlsx",
            Refused(FileError::WorkbookBroken),
        ),
        ("control-characters.csv", Refused(FileError::NoHeader)),
        ("deep.xlsx", Rows(2, 0, 0)),
        ("empty.csv", Refused(FileError::Empty)),
        (
            "entities-that-multiply.xlsx",
            Refused(FileError::WorkbookBroken),
        ),
        ("excel-97.xls", Refused(FileError::OldWorkbook)),
        ("header-only.csv", Rows(0, 0, 0)),
        ("long-cell.csv", Rows(2, 1, 0)),
        ("mac-1904.xlsx", Rows(2, 0, 0)),
        ("mac-line-ends.csv", Rows(2, 0, 0)),
        ("merged-backwards.xlsx", Rows(2, 0, 0)),
        ("merged-over-everything.xlsx", Rows(2, 0, 0)),
        ("not-a-zip.xlsx", Refused(FileError::WorkbookBroken)),
        ("nul-bytes.csv", Rows(2, 0, 0)),
        ("numbers-that-are-none.xlsx", Rows(0, 2, 0)),
        ("one-word.csv", Refused(FileError::NoHeader)),
        ("only-mark.csv", Refused(FileError::Empty)),
        ("only-separators.csv", Refused(FileError::Empty)),
        ("plain.xlsx", Rows(2, 0, 0)),
        ("question-marks.csv", Rows(1, 1, 0)),
        ("quote-in-the-middle.csv", Rows(3, 0, 0)),
        ("rows-backwards.xlsx", Refused(FileError::WorkbookBroken)),
        ("sep-line.csv", Rows(2, 0, 0)),
        ("tcvn3-letters-in-utf8.csv", Rows(2, 0, 0)),
        ("tcvn3.csv", Rows(2, 0, 0)),
        (
            "text-that-is-not-there.xlsx",
            Refused(FileError::WorkbookBroken),
        ),
        ("texts-in-utf16.xlsx", Refused(FileError::WorkbookBroken)),
        ("truncated.xlsx", Refused(FileError::WorkbookBroken)),
        ("unclosed-quote.csv", Rows(2, 1, 0)),
        ("utf16be-without-mark.csv", Rows(2, 0, 0)),
        ("utf16le.txt", Rows(2, 0, 0)),
        ("utf8-bom.csv", Rows(2, 0, 0)),
        ("very-wide.csv", Rows(1, 1, 0)),
        ("viscii.csv", Rows(2, 0, 0)),
        ("vni.csv", Rows(2, 0, 0)),
        ("web-page.xls", Refused(FileError::WebPage)),
        ("windows-1258.csv", Rows(2, 0, 0)),
        ("without-last-line-end.csv", Rows(2, 0, 0)),
        ("without-sheet.xlsx", Refused(FileError::WorkbookBroken)),
        ("without-workbook.xlsx", Refused(FileError::WorkbookBroken)),
    ]
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")
}

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(name)).expect("a file of the corpus")
}

fn options() -> FileOptions {
    FileOptions {
        mapping: Mapping::default(),
        scheme: AdminScheme::GsoPre2025,
        version: 1,
        today: time::macros::date!(2026 - 11 - 23),
    }
}

/// Reads a file in a thread of its own, so that one that never ends is found. A panic ends the thread, and
/// with it the channel.
fn read(name: &str, bytes: Vec<u8>) -> Result<[Vec<String>; 3], FileError> {
    let (answer, answered) = mpsc::channel();
    std::thread::spawn(move || {
        drop(suggest(&bytes, &Mapping::default()));
        let rows = RecordFile::read(&bytes, &options()).map(|file| sorted(&file));
        drop(answer.send(rows));
    });
    let rows = answered.recv_timeout(Duration::from_secs(SECONDS_MAX));
    rows.unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Names of records, and rows that are refused or no records.
fn sorted(file: &RecordFile) -> [Vec<String>; 3] {
    let mut sorted = [Vec::new(), Vec::new(), Vec::new()];
    for row in file.rows() {
        match row {
            FileRow::Record(record) => sorted[0].push(record.draft.full_name),
            FileRow::Refused { row, .. } => sorted[1].push(row.to_string()),
            FileRow::Skipped { row, .. } => sorted[2].push(row.to_string()),
        }
    }
    sorted
}

#[test]
fn every_file_of_the_corpus_is_read_or_refused_as_it_should_be() {
    for (name, expected) in expected() {
        match (read(name, bytes(name)), expected) {
            (Ok(rows), Rows(records, refused, skipped)) => {
                let counts = rows.each_ref().map(Vec::len);
                assert_eq!(counts, [records, refused, skipped], "{name}: {rows:?}");
            }
            (Err(error), Refused(expected)) => assert_eq!(error, expected, "{name}"),
            (Ok(rows), Refused(expected)) => panic!("{name}: read {rows:?} instead of {expected}"),
            (Err(error), Rows(..)) => panic!("{name}: {error}"),
        }
    }
}

#[test]
fn every_file_of_the_corpus_has_its_expectation() {
    let there = std::fs::read_dir(folder()).expect("a folder");
    let there: BTreeSet<String> = there
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .into_string()
                .expect("a name")
        })
        .collect();
    let expected: BTreeSet<String> = expected()
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .collect();

    assert_eq!(there, expected);
}

#[test]
fn one_list_in_every_encoding_gives_the_same_names() {
    for name in [
        "utf8-bom.csv",
        "utf16le.txt",
        "utf16be-without-mark.csv",
        "windows-1258.csv",
        "tcvn3.csv",
        "tcvn3-letters-in-utf8.csv",
        "vni.csv",
        "viscii.csv",
        "plain.xlsx",
    ] {
        let [records, ..] =
            read(name, bytes(name)).unwrap_or_else(|error| panic!("{name}: {error}"));

        assert_eq!(records, ["Trần Thị Mẫu", "Danh Văn Thử"], "{name}");
    }
}

#[test]
fn whatever_is_changed_in_a_file_it_is_read_or_refused() {
    for (name, _) in expected() {
        let original = bytes(name);
        for seed in 0..CHANGED_COPIES {
            let mut chance = StdRng::seed_from_u64(seed);
            // Not the whole answer: it is enough that there is one.
            drop(read(name, changed(&original, &mut chance)));
        }
    }
}

#[test]
fn whatever_is_changed_inside_a_workbook_it_is_read_or_refused() {
    for seed in 0..CHANGED_COPIES * 5 {
        let mut chance = StdRng::seed_from_u64(seed);
        let mut parts = parts(&bytes("plain.xlsx"));
        let place = chance.random_range(0..parts.len());
        parts[place].1 = changed(&parts[place].1, &mut chance);
        drop(read("a changed workbook", packed(&parts)));
    }
}

#[test]
fn a_workbook_that_unpacks_to_gigabytes_is_refused_before_it_does() {
    let mut parts = parts(&bytes("plain.xlsx"));
    parts.push((
        "xl/media/image1.xml".to_owned(),
        vec![b' '; 600 * 1024 * 1024],
    ));
    let bomb = packed(&parts);
    assert!(bomb.len() < 4 * 1024 * 1024);

    assert_eq!(read("bomb", bomb), Err(FileError::WorkbookTooLarge));
}

#[test]
fn a_file_of_more_rows_than_allowed_is_refused() {
    let header = "record_id,unit_code,full_name,sex,birth_date\n";
    let text = format!("{header}{}", "1\n".repeat(500_001));

    assert_eq!(read("rows", text.into_bytes()), Err(FileError::TooManyRows));
}

/// Bytes with a few of them changed, left out, put in or repeated.
fn changed(bytes: &[u8], chance: &mut StdRng) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    for _ in 0..chance.random_range(1..6) {
        let at = chance.random_range(0..=changed.len());
        let end = (at + chance.random_range(0..40)).min(changed.len());
        match chance.random_range(0..5) {
            0 => drop(changed.drain(at..end)),
            1 => changed.insert(at, chance.random()),
            2 => changed.truncate(at),
            3 => {
                let part: Vec<u8> = changed[at..end].repeat(chance.random_range(1..50));
                changed.splice(at..at, part);
            }
            _ => {
                if let Some(byte) = changed.get_mut(at) {
                    *byte = [b'"', b'<', b'9', b';', 0, 0xff, chance.random()]
                        [chance.random_range(0..7)];
                }
            }
        }
    }
    changed
}

/// The parts of a workbook.
fn parts(workbook: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut archive = ZipArchive::new(Cursor::new(workbook)).expect("a ZIP");
    let mut parts = Vec::new();
    for place in 0..archive.len() {
        let mut part = archive.by_index(place).expect("a part");
        let mut bytes = Vec::new();
        part.read_to_end(&mut bytes).expect("unpacked");
        parts.push((part.name().expect("a name").into_owned(), bytes));
    }
    parts
}

fn packed(parts: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for (name, bytes) in parts {
        writer.start_file(name, options).expect("a part");
        writer.write_all(bytes).expect("packed");
    }
    writer.finish().expect("a ZIP").into_inner()
}
