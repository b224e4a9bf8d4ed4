//! `childsync import` as an official meets it.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Output;

use childsync::agent::file::result::RowOutcome;
use childsync::agent::file::wording::{UNKNOWN, of_reason};
use childsync::sync::ingest::Reason;
use serde_json::Value;
use tempfile::TempDir;

use crate::files::{childsync, words};
use crate::support::database::Engine;
use crate::support::hub::TestHub;

/// Imports a file into a hub as its commune.
async fn import(hub: &TestHub, file: &Path, more: &[&str]) -> Output {
    let (file, url) = (file.display().to_string(), hub.url.clone());
    let identity = hub.pki.node("commune").display().to_string();
    let more: Vec<String> = more.iter().map(|word| (*word).to_owned()).collect();
    let run = move || {
        let mut all = vec!["import", &file, "--hub", &url, "--identity", &identity];
        all.extend(more.iter().map(String::as_str));
        childsync(&all)
    };
    tokio::task::spawn_blocking(run).await.expect("no panic")
}

fn write(hub: &TestHub, name: &str, text: &str) -> PathBuf {
    let path = hub.pki.path().join(name);
    std::fs::write(&path, text).expect("written");
    path
}

fn read(hub: &TestHub, name: &str) -> String {
    std::fs::read_to_string(hub.pki.path().join(name)).expect("a file")
}

const HEADER: &str = "record_id,unit_code,full_name,sex,birth_date,ethnicity,pin";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_is_taken_once_however_often_it_is_imported() {
    let hub = TestHub::province(Engine::Sqlite).await;
    let file = write(
        &hub,
        "a.csv",
        &format!("{HEADER}\nA1,30742,Danh Thị Mẫu,2,2018-04-02,05,\n"),
    );

    let first = import(&hub, &file, &["--json"]).await;
    let second = import(&hub, &file, &["--json"]).await;

    assert!(
        first.status.success() && second.status.success(),
        "{}",
        words(&second)
    );
    let counts = |output: &Output| {
        let json: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        (json["accepted"].as_u64(), json["unchanged"].as_u64())
    };
    assert_eq!(counts(&first), (Some(1), Some(0)));
    assert_eq!(counts(&second), (Some(0), Some(1)));
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spreadsheets_habits_are_understood() {
    let hub = TestHub::province(Engine::Sqlite).await;
    // A byte-order mark, semicolons, Windows line ends, and a number whose leading zero was eaten.
    let text = format!("\u{feff}{HEADER}\nA1,30742,Danh Thị Mẫu,2,02/04/2018,05,91318000001\n");
    let file = write(&hub, "a.csv", &text.replace(',', ";").replace('\n', "\r\n"));

    let output = import(&hub, &file, &[]).await;

    let words = words(&output);
    assert!(output.status.success(), "{words}");
    assert!(words.contains("1 accepted"), "{words}");
    assert!(
        words.contains("encoding utf-8, dấu phân cách / separator \";\""),
        "{words}"
    );
    assert!(words.contains("1 notes"), "{words}");
    let result = read(&hub, "a.result.csv");
    assert!(
        result.contains("2,A1,Đã nhận (accepted),Số định danh cá nhân (pin),ZEROS_RESTORED,"),
        "{result}"
    );
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_row_is_named_and_the_good_ones_are_kept() {
    let hub = TestHub::province(Engine::Sqlite).await;
    let rows = "A1,30742,Danh Thị Mẫu,2,2018-04-02,05,\n\
                A2,30742,Danh Thị Mẫu,2,ngày nào đó,05,\n\
                A3,30742,Danh Thị Mẫu,2,2199-01-01,05,\n\
                A4,30280,Danh Thị Mẫu,2,2018-04-02,05,\n\
                A5,30742,Danh Thị Mẫu,2,2018-04-02,05,\n";
    let file = write(&hub, "a.csv", &format!("{HEADER}\n{rows}"));

    let output = import(&hub, &file, &[]).await;

    let words = words(&output);
    assert!(!output.status.success(), "{words}");
    for expected in [
        "dòng 3, Ngày sinh: không đọc được ngày tháng.",
        "row 3, birth_date: is not a date",
        "row 4, birth_date: lies in the future",
        "[DATE_IN_FUTURE]",
        "dòng 5: xã của hồ sơ không thuộc địa bàn",
        "[OUTSIDE_TERRITORY]",
        "5 records: 2 accepted",
        "3 of 5 records were not taken",
    ] {
        assert!(words.contains(expected), "{expected:?} is not in {words}");
    }
    let result = read(&hub, "a.result.csv");
    for text in [&words, &result] {
        assert!(!text.contains("Danh"), "a name stands in {text}");
    }
    assert!(
        result.contains("5,A4,Cần sửa (to correct),,OUTSIDE_TERRITORY,"),
        "{result}"
    );
    assert!(hub.pki.path().join("a.result.xlsx").exists());
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_without_a_needed_column_is_refused_by_name() {
    let hub = TestHub::province(Engine::Sqlite).await;
    let file = write(
        &hub,
        "a.csv",
        "record_id,unit_code,full_name,sex\nA1,30742,Danh Mẫu,1\n",
    );

    let output = import(&hub, &file, &[]).await;

    let words = words(&output);
    assert!(!output.status.success());
    assert!(
        words.contains("the column birth_date is missing"),
        "{words}"
    );
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_also_has_warnings_says_why_it_was_not_taken() {
    let hub = TestHub::province(Engine::Sqlite).await;
    let header = format!("{HEADER},version");
    let first = write(
        &hub,
        "a.csv",
        &format!("{header}\nA1,30742,Mẫu Một,2,2018-04-02,05,,3\n"),
    );
    let other = write(
        &hub,
        "b.csv",
        &format!("{header}\nA1,30742,Mẫu Hai,2,2018-04-02,05,,3\n"),
    );
    assert!(import(&hub, &first, &[]).await.status.success());

    let output = import(&hub, &other, &[]).await;

    let words = words(&output);
    assert!(words.contains("[VERSION_REUSED]"), "{words}");
    hub.stop().await;
}

/// A file in a folder of its own, and what came of importing it with these words.
struct Checked {
    folder: TempDir,
    output: Output,
}

impl Checked {
    /// Checks a file without a hub.
    fn dry(bytes: &[u8], more: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("list.csv");
        std::fs::write(&file, bytes).expect("written");
        let file = file.display().to_string();
        let output = childsync(&[&["import", &file, "--dry-run", "--json"], more].concat());
        Self { folder, output }
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.output.stdout)
            .unwrap_or_else(|_| panic!("{}", words(&self.output)))
    }

    fn result(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("list.result.csv")).expect("results")
    }
}

const LIST: &str = "Mã trẻ;Họ và tên;Giới tính;Ngày sinh;Dân tộc;Mã xã\n\
    A1;TRẦN THỊ MẪU;Nữ;2/4/2018;Kinh;30742\n\
    A2;Danh Thử;Nam;31/2/2018;Khmer;30742\n\
    A3;Danh Lạ;Nam;5/2199;Khmer;30742\n\
    Tổng cộng;3;;;;\n";

#[test]
fn a_dry_run_checks_the_whole_file_without_a_hub() {
    let checked = Checked::dry(LIST.as_bytes(), &[]);

    assert!(!checked.output.status.success());
    let json = checked.json();
    assert_eq!(
        (json["encoding"].as_str(), json["separator"].as_str()),
        (Some("utf-8"), Some(";"))
    );
    let counts = ["records", "checked", "refused", "skipped"].map(|name| json[name].as_u64());
    assert_eq!(counts, [3, 1, 2, 1].map(Some), "{json}");
    let problems: Vec<(u64, &str, &str)> = json["problems"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|problem| {
            let text = |key: &str| problem[key].as_str().expect("a text");
            (
                problem["row"].as_u64().expect("a row"),
                text("field"),
                text("code"),
            )
        })
        .collect();
    assert_eq!(
        problems,
        [
            (3, "birth_date", "DATE_IMPOSSIBLE"),
            (4, "birth_date", "DATE_IN_FUTURE")
        ]
    );
    let result = checked.result();
    for outcome in [
        RowOutcome::Checked,
        RowOutcome::Refused,
        RowOutcome::Skipped,
    ] {
        assert!(
            result.contains(outcome.text()),
            "{outcome:?} is not in {result}"
        );
    }
}

#[test]
fn what_is_told_stands_above_what_is_found_out() {
    let text = LIST
        .replace(';', "!")
        .replace("31/2/2018", "3/2/2018")
        .replace("2199", "2019");

    let checked = Checked::dry(
        text.as_bytes(),
        &[
            "--separator",
            "!",
            "--header-row",
            "1",
            "--encoding",
            "utf-8",
        ],
    );
    assert!(
        checked.output.status.success(),
        "{}",
        words(&checked.output)
    );
    assert_eq!(checked.json()["separator"].as_str(), Some("!"));

    // The bytes of é and à, which Windows-1258 and Windows-1252 have, and no word that is known.
    let unclear = b"record_id,unit_code,full_name,sex,birth_date,ethnicity\n1,30742,Zz\xe9 Zz\xe0,1,2018,01\n";
    let refused = Checked::dry(unclear, &[]);
    assert!(
        words(&refused.output).contains("--encoding"),
        "{}",
        words(&refused.output)
    );
    let told = Checked::dry(unclear, &["--encoding", "windows-1258"]);
    assert_eq!(told.json()["encoding"].as_str(), Some("windows-1258"));
    assert!(told.output.status.success(), "{}", words(&told.output));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_workbook_is_taken_and_its_results_say_so() {
    let hub = TestHub::province(Engine::Sqlite).await;
    let file = hub.pki.path().join("list.xlsx");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/plain.xlsx");
    std::fs::copy(source, &file).expect("copied");

    let output = import(&hub, &file, &[]).await;

    let words = words(&output);
    assert!(output.status.success(), "{words}");
    assert!(
        words.contains("2 đã nhận") && words.contains("sheet \"Danh sách\""),
        "{words}"
    );
    let texts = texts_of(&hub.pki.path().join("list.result.xlsx"));
    for expected in [
        "Tóm tắt",
        "Cần sửa",
        "Đã nhận (accepted)",
        "DATE_FROM_SERIAL",
    ] {
        assert!(texts.contains(expected), "{expected} is not in the results");
    }
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_sent_stands_in_the_results() {
    let hub = TestHub::province(Engine::Sqlite).await;
    let file = write(
        &hub,
        "a.csv",
        &format!("{HEADER}\nA1,30742,Danh Thị Mẫu,2,2018-04-02,05,\n"),
    );
    let (path, url) = (file.display().to_string(), hub.url.clone());
    let stranger = hub.pki.node("stranger").display().to_string();
    let run = move || childsync(&["import", &path, "--hub", &url, "--identity", &stranger]);

    let output = tokio::task::spawn_blocking(run).await.expect("no panic");

    assert!(!output.status.success());
    assert!(
        words(&output).contains("NODE_NOT_REGISTERED"),
        "{}",
        words(&output)
    );
    assert!(read(&hub, "a.result.csv").contains(RowOutcome::NotSent.text()));
    hub.stop().await;
}

#[test]
fn a_mapping_is_suggested_once_and_reads_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(
        path("list.csv"),
        "Tên trẻ,Phái,Sinh ngày\nDanh Mẫu,Nam,2018\n",
    )
    .expect("written");
    let suggest = || {
        childsync(&[
            "import",
            "--suggest-mapping",
            &path("list.csv"),
            "--unit",
            "GSO_PRE2025:30742",
        ])
    };

    assert!(suggest().status.success());
    assert!(!suggest().status.success(), "a mapping was written over");

    let mapping = std::fs::read_to_string(path("list.mapping.toml")).expect("a mapping");
    let keys = format!("{mapping}\n[key]\ncolumns = [\"full_name\", \"birth_date\"]\n");
    std::fs::write(path("list.mapping.toml"), keys).expect("written");
    let mapping = path("list.mapping.toml");
    let output = childsync(&[
        "import",
        &path("list.csv"),
        "--mapping",
        &mapping,
        "--dry-run",
    ]);
    // Ethnicity is missing in the list: that is what the rules say, and all they say.
    assert!(words(&output).contains("[REQUIRED]"), "{}", words(&output));
    assert!(
        words(&output).contains("1 of 1 records"),
        "{}",
        words(&output)
    );
}

#[test]
fn no_value_of_a_cell_reaches_the_terminal_or_the_results() {
    const MARKS: [&str; 4] = ["Mật Ngữ Trâm", "091318777777", "0987651234", "Giấu Kín"];
    let rows = [
        "A1;Mật Ngữ Trâm;Nữ;hôm nào;Kinh;30742;091318777777;0987651234;Giấu Kín",
        "A2;Mật Ngữ Trâm 7;Nữ;2018;Giấu Kín;30742;091318777777;0987651234;Giấu Kín",
        "A3;Mật Ngữ Trâm;x;2018;Kinh;1;0913187777777;0987651234 0987651234;Giấu Kín",
        "A3;Mật Ngữ Trâm;Nữ;2018;Kinh;30742;091318777777;0987651234;Giấu Kín",
        "A4;Mật Ngữ Trâm;Nữ;2018;Kinh",
    ];
    let header =
        "Mã trẻ;Họ và tên;Giới tính;Ngày sinh;Dân tộc;Mã xã;Số định danh;Số điện thoại;Thôn";
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("list.csv");
    std::fs::write(&file, format!("{header}\n{}\n", rows.join("\n"))).expect("written");

    for more in [&[][..], &["--json"]] {
        let file = file.display().to_string();
        let output = childsync(&[&["import", &file, "--dry-run"], more].concat());

        let csv = std::fs::read_to_string(folder.path().join("list.result.csv")).expect("results");
        let xlsx = texts_of(&folder.path().join("list.result.xlsx"));
        for text in [words(&output), csv, xlsx] {
            for mark in MARKS {
                assert!(!text.contains(mark), "{mark} stands in {text}");
            }
        }
    }
}

#[test]
fn a_fault_of_a_library_refuses_the_file_and_repeats_nothing_of_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/plain.xlsx");
    let mut archive =
        zip::ZipArchive::new(std::fs::File::open(source).expect("a file")).expect("a ZIP");
    let file = folder.path().join("list.xlsx");
    let mut writer = zip::ZipWriter::new(std::fs::File::create(&file).expect("a file"));
    for place in 0..archive.len() {
        let mut part = archive.by_index(place).expect("a part");
        let mut text = String::new();
        part.read_to_string(&mut text).expect("text");
        let name = part.name().expect("a name").into_owned();
        let options = zip::write::SimpleFileOptions::default();
        writer.start_file(name, options).expect("a part");
        // A place that no sheet has: the reader's numbers overflow where they are checked.
        let text = text.replace("r=\"A4\"", "r=\"ZZZZZZZZZZ9999999999\"");
        writer.write_all(text.as_bytes()).expect("written");
    }
    writer.finish().expect("a ZIP");

    let output = childsync(&["import", &file.display().to_string(), "--dry-run"]);

    let words = words(&output);
    assert!(
        !output.status.success() && words.contains(".xlsx"),
        "{words}"
    );
    assert!(!words.contains("overflow"), "{words}");
}

/// All parts of a workbook as one text.
fn texts_of(workbook: &Path) -> String {
    let file = std::fs::File::open(workbook).expect("a workbook");
    let mut archive = zip::ZipArchive::new(file).expect("a ZIP");
    let mut texts = String::new();
    for place in 0..archive.len() {
        let mut part = archive.by_index(place).expect("a part");
        part.read_to_string(&mut texts).expect("text");
    }
    texts
}

/// The reason after another. A new one does not compile until it has its place, and then needs its text.
fn next(reason: Reason) -> Option<Reason> {
    match reason {
        Reason::RecordIdInvalid => Some(Reason::VersionInvalid),
        Reason::VersionInvalid => Some(Reason::ContentMissing),
        Reason::ContentMissing => Some(Reason::TombstoneInvalid),
        Reason::TombstoneInvalid => Some(Reason::RelationInvalid),
        Reason::RelationInvalid => Some(Reason::ContentUnreadable),
        Reason::ContentUnreadable => Some(Reason::ContentTooLarge),
        Reason::ContentTooLarge => Some(Reason::OutsideTerritory),
        Reason::OutsideTerritory => Some(Reason::VersionReused),
        Reason::VersionReused => None,
    }
}

#[test]
fn every_reason_of_push_is_said_in_both_languages() {
    let reasons = std::iter::successors(Some(Reason::RecordIdInvalid), |reason| next(*reason));
    let words = reasons.map(Reason::word).chain(["RULE_BROKEN"]);
    for word in words {
        let wording = of_reason(word).unwrap_or(UNKNOWN);
        assert_ne!(
            wording, UNKNOWN,
            "{word} lacks its text in agent/file/wording.rs"
        );
    }
}
