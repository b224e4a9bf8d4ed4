//! The agent's drop folder: what programs and people of its machine leave there.

use std::sync::Arc;

use childsync::agent::drop_folder::{DROPPED_BYTES_MAX, DROPPED_TEXT_BYTES_MAX};
use childsync::domain::clock::SystemClock;
use childsync::domain::record::Lane;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::agent::{AgentOptions, TestAgent};
use crate::support::eventually;
use crate::support::hub::free_port;
use crate::support::pki::Pki;
use crate::support::records::id;

const HEADER: &str = "record_id,unit_code,full_name,sex,birth_date,ethnicity\n";

fn row(number: u128, name: &str) -> String {
    format!("{},30742,{name},2,2018-04-02,05\n", id(number))
}

/// An agent without a line that watches a folder.
async fn watching() -> TestAgent {
    watching_in(Arc::new(tempfile::tempdir().expect("a folder"))).await
}

async fn watching_in(folder: Arc<TempDir>) -> TestAgent {
    let options = AgentOptions {
        drop: true,
        ..AgentOptions::before(&format!("https://127.0.0.1:{}", free_port()))
    };
    TestAgent::start_in(
        &Arc::new(Pki::new()),
        folder,
        options,
        Arc::new(SystemClock),
    )
    .await
}

/// The report beside a file that was put away.
async fn put_away(agent: &TestAgent, place: &str) -> String {
    let path = agent.folder.path().join("drop").join(place);
    eventually(&format!("{place} is put away"), || async { path.exists() }).await;
    std::fs::read_to_string(path.with_file_name(format!(
        "{}.txt",
        path.file_name().expect("a name").to_string_lossy()
    )))
    .expect("a report")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_in_the_drop_folder_are_kept_and_put_away_with_a_report() {
    let agent = watching().await;
    let good = [HEADER, &row(1, "Danh Thị Mẫu"), &row(2, "")].concat();

    agent.drop_file("a.csv", &good);
    let report = put_away(&agent, "done/a.csv").await;
    assert!(report.contains("Đã lưu (kept): 1"), "{report}");
    assert!(
        report.contains("Dòng 3: cần sửa, child.full_name: bắt buộc"),
        "{report}"
    );
    assert_eq!(agent.queued().await, 2);

    // The same file again changes nothing and takes no name away.
    agent.drop_file("a.csv", &good);
    let report = put_away(&agent, "done/2-a.csv").await;
    assert!(report.contains("Không đổi (unchanged): 1"), "{report}");
    assert_eq!(agent.record(1).await.expect("kept").version.as_u64(), 1);

    let broken = format!("{},30742,Danh Thị Bốn\n", id(4));
    let mixed = [HEADER, &row(3, "Danh Thị Ba"), &broken].concat();
    agent.drop_file("b.csv", &mixed);
    let report = put_away(&agent, "rejected/b.csv").await;
    assert!(
        report.contains("Dòng 3: không nhận (not taken)") && report.contains("(ROW_TOO_SHORT)"),
        "{report}"
    );
    assert!(agent.record(3).await.is_some(), "the good row is kept");

    agent.drop_file("c.csv", "name;age\n");
    assert!(
        put_away(&agent, "rejected/c.csv")
            .await
            .contains("no row names the columns")
    );
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_workbook_in_the_drop_folder_is_kept_like_any_file() {
    let agent = watching().await;
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus/plain.xlsx");
    let workbook = std::fs::read(source).expect("a workbook");

    agent.drop_file("list.xlsx", &workbook);
    let report = put_away(&agent, "done/list.xlsx").await;

    assert!(report.contains("Đã lưu (kept): 2"), "{report}");
    assert!(report.contains("Dòng 4: lưu ý (note)"), "{report}");
    assert!(report.contains("(DATE_FROM_SERIAL)"), "{report}");
    assert!(!report.contains("Trần"), "it repeats a cell: {report}");
    let store = agent.store().await;
    let mut reading = store.read().await.expect("a transaction");
    let waiting = reading.read_queue(Lane::Routine, 10).await;
    let waiting = waiting.expect("a queue");
    drop(reading);
    store.close().await;
    let versions: Vec<u64> = waiting.iter().map(|row| row.version.as_u64()).collect();
    assert_eq!(versions, [1, 1]);
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_too_large_is_put_away_unread() {
    let agent = watching().await;
    for (name, bytes_max, told) in [
        ("large.csv", DROPPED_TEXT_BYTES_MAX, "larger than 32 MiB"),
        ("large.xlsx", DROPPED_BYTES_MAX, "larger than 8 MiB"),
        ("large.json", DROPPED_BYTES_MAX, "larger than 8 MiB"),
    ] {
        let size = usize::try_from(bytes_max).expect("small") + 1;

        agent.drop_file(name, vec![b'x'; size]);
        let report = put_away(&agent, &format!("rejected/{name}")).await;

        assert!(report.contains(told), "{report}");
    }
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_list_is_kept_row_by_row() {
    let agent = watching().await;
    let remark = "x".repeat(3_900);
    let rows = (1..=2_400)
        .map(|number| row(number, "Danh Thị Mẫu").replace('\n', &format!(",{remark}\n")));
    let header = HEADER.replace('\n', ",remark\n");
    let text = header + &rows.collect::<String>();
    assert!(text.len() > 9_000_000, "{}", text.len());

    agent.drop_file("large.csv", &text);
    let report = put_away(&agent, "done/large.csv").await;

    assert!(report.contains("Đã lưu (kept): 2400"), "{report}");
    assert_eq!(agent.queued().await, 2_400);
    agent.stop().await;
}

/// Two lines of a program that has columns and codes of its own.
fn foreign(number: u128) -> String {
    format!(
        "MA;XA;HT;GT;NS;DT\n{};30742;Danh Thị Mẫu;N;2018-04-02;05\n",
        id(number)
    )
}

/// How they are read, with the code that stands for a girl.
fn mapping(girl: &str) -> String {
    format!(
        "[columns]\nrecord_id = \"MA\"\nunit_code = \"XA\"\nfull_name = \"HT\"\nsex = \"GT\"\n\
         birth_date = \"NS\"\nethnicity = \"DT\"\n[codes.sex]\n{girl} = \"female\"\n"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mapping_beside_a_file_goes_before_the_configured_one() {
    let folder = Arc::new(tempfile::tempdir().expect("a folder"));
    std::fs::write(folder.path().join("mapping.toml"), mapping("N")).expect("written");
    let agent = watching_in(folder).await;

    agent.drop_file("by-configuration.csv", foreign(1));
    let report = put_away(&agent, "done/by-configuration.csv").await;
    assert!(report.contains("Đã lưu (kept): 1"), "{report}");

    agent.drop_file("own.csv.toml", mapping("NU"));
    for done in ["done/own.csv", "done/2-own.csv"] {
        agent.drop_file("own.csv", foreign(2).replace(";N;", ";NU;"));
        let report = put_away(&agent, done).await;
        assert!(report.contains("Không nhận (not taken): 0"), "{report}");
    }
    assert!(agent.record(2).await.is_some());

    agent.drop_file("broken.csv.toml", "[columns]\nno_such_column = \"MA\"\n");
    agent.drop_file("broken.csv", foreign(3));
    let report = put_away(&agent, "rejected/broken.csv").await;
    assert!(
        report.contains("the mapping beside the file cannot be used"),
        "{report}"
    );
    assert!(agent.record(3).await.is_none());
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_in_json_brings_reports_too_and_a_bad_entry_stops_no_other() {
    let agent = watching().await;
    let child = json!({
        "commune": { "scheme": "ADMIN_SCHEME_GSO_PRE2025", "code": "30742" },
        "status": "RECORD_STATUS_ACTIVE",
        "full_name": "Danh Thị Mẫu",
        "birth_date": { "year": 2018, "month": 4, "day": 2, "precision": "DATE_PRECISION_DAY" },
        "sex": "SEX_FEMALE",
        "ethnicity": { "list_version": "1979", "code": "05" },
        "personal_number_absence": "pending",
    });
    let report = json!({
        "commune": { "scheme": "ADMIN_SCHEME_GSO_PRE2025", "code": "30742" },
        "received_at": "2026-01-02T03:04:05Z",
        "case_kind": "abused",
        "source_code": "1",
    });
    // More than one request of HTTP may hold.
    let mut records: Vec<Value> = (1..=150)
        .map(|number| {
            json!({ "kind": "child", "record_id": id(number).to_string(), "record": child })
        })
        .collect();
    records.push(json!({ "kind": "child", "record_id": id(200).to_string(), "record": { "name": "Bí Mật" } }));
    records
        .push(json!({ "kind": "case-report", "record_id": id(201).to_string(), "record": report }));
    let list = json!({ "records": records }).to_string();

    agent.drop_file("list.json", &list);
    let report = put_away(&agent, "rejected/list.json").await;

    assert!(report.contains("Đã lưu (kept): 151"), "{report}");
    assert!(
        report.contains("Hồ sơ thứ 151: không nhận (not taken): records[150]"),
        "{report}"
    );
    assert!(!report.contains("Mật"), "it repeats a value: {report}");
    let store = agent.store().await;
    let mut reading = store.read().await.expect("a transaction");
    let urgent = reading.count_queued(Lane::Urgent).await;
    drop(reading);
    store.close().await;
    assert_eq!(urgent.expect("a count"), 1);
    agent.drop_file("broken.json", "{ \"records\": 7 }");
    let report = put_away(&agent, "rejected/broken.json").await;
    assert!(
        report.contains("records must be a list of records"),
        "{report}"
    );
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_still_being_written_is_left_alone() {
    let agent = watching().await;
    let folder = agent.folder.path().join("drop");
    std::fs::write(folder.join("slow.csv.part"), HEADER).expect("written");
    let growing = folder.join("growing.csv");
    let mut text = HEADER.to_owned();
    std::fs::write(&growing, &text).expect("written");
    // It grows until another file that came after it has been put away.
    let marker = [HEADER, &row(1, "Danh Thị Mẫu")].concat();
    agent.drop_file("marker.csv", &marker);
    let done = folder.join("done/marker.csv");
    let mut number = 10;
    eventually("the marker is put away", || {
        number += 1;
        text.push_str(&row(number, "Danh Thị Lớn"));
        std::fs::write(&growing, &text).expect("written");
        let is_done = done.exists();
        async move { is_done }
    })
    .await;
    assert!(growing.exists(), "it was taken while it grew");

    put_away(&agent, "done/growing.csv").await;
    assert!(agent.record(number).await.is_some(), "its last row is kept");
    assert!(folder.join("slow.csv.part").exists());
    agent.stop().await;
}
