//! Personal data must not be found in logs, metrics, error messages or database files.

use std::path::Path;
use std::sync::Arc;

use childsync::domain::draft::{CarerDraft, ChildDraft};
use childsync::domain::upload::{Missing, Packing};
use childsync::grpc::connector;
use childsync::grpc::convert::write_child;
use childsync::grpc::proto::v1::ingest_service_client::IngestServiceClient;
use childsync::grpc::proto::v1::{
    GetUploadRequest, Outcome, RecordChange, RecordOutcome, SendChunksRequest,
};
use childsync::grpc::push_client::PushClient;
use childsync::grpc::upload_client::UploadClient;
use childsync::security::live::LiveIdentity;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tonic::transport::Channel;
use uuid::Uuid;

use crate::support::bundle::{Forger, import_over};
use crate::support::database::{Database, Engine};
use crate::support::eventually;
use crate::support::hub::{HubOptions, free_port, register, status};
use crate::support::pki::Pki;
use crate::support::process::HubProcess;
use crate::support::records::{change, child, raw_change, report, report_change, unit};
use crate::support::upload::{self, delta, pack_as, snapshot};

/// What must not be found: names, numbers and places of the marked records.
const MARKS: [&str; 6] = [
    "Mật Ngữ Trâm",
    "Mẹ Bí Ẩn",
    "091318777777",
    "0987651234",
    "Ấp Giấu Kín",
    "Tin Kín",
];

fn marked() -> ChildDraft {
    ChildDraft {
        full_name: MARKS[0].into(),
        carers: vec![CarerDraft {
            relation_code: "02".into(),
            name: MARKS[1].into(),
            phone: MARKS[3].into(),
            ..CarerDraft::default()
        }],
        personal_number: MARKS[2].into(),
        personal_number_absence: String::new(),
        village: MARKS[4].into(),
        ..child()
    }
}

/// The marks that stand in these bytes.
fn marks_in(bytes: &[u8]) -> Vec<&'static str> {
    let stands = |mark: &&&str| {
        bytes
            .windows(mark.len())
            .any(|part| part == mark.as_bytes())
    };
    MARKS.iter().filter(stands).copied().collect()
}

#[test]
fn a_mark_is_found_where_there_is_one() {
    assert_eq!(
        marks_in("tên Mật Ngữ Trâm, số 091318777777".as_bytes()),
        [MARKS[0], MARKS[2]]
    );
    assert!(marks_in(b"nothing here").is_empty());
}

fn line(url: &str, identity: &Path) -> Channel {
    let directory = LiveIdentity::read(identity).expect("an identity directory");
    connector::line(url, Arc::new(directory)).expect("a line")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_personal_data_leaves_the_sealed_columns() {
    let pki = Pki::new();
    let folder = tempfile::tempdir().expect("a folder");
    let database = |name: &str| folder.path().join(name).display().to_string();
    let options = HubOptions {
        name: "nation",
        ..HubOptions::province()
    };
    let nation = HubProcess::start(&pki, &database("nation.db"), &options).await;
    register(
        line(&nation.url, &pki.operator("an")),
        "province",
        "GSO_PRE2025:91",
    )
    .await;
    let metrics = free_port();
    let upstream = Some(nation.url.clone());
    let options = HubOptions {
        upstream,
        metrics: Some(metrics),
        ..HubOptions::province()
    };
    let province = HubProcess::start(&pki, &database("province.db"), &options).await;
    let operator = || line(&province.url, &pki.operator("an"));
    register(operator(), "commune", "GSO_PRE2025:30742").await;

    let uploaded = upload_marked(&province.url, &pki).await;
    let answers = uploaded + &push_marked(&province.url, &pki).await;
    for carried in carry_marked(operator(), &pki).await {
        assert_eq!(marks_in(&carried), [""; 0]);
    }

    eventually("everything went up", || async {
        let below = status(operator()).await;
        let above = status(line(&nation.url, &pki.operator("an"))).await;
        below.quarantined == 1 && above.golden_records == 1 && above.case_reports == 1
    })
    .await;
    let logs = [province.log_text(), nation.log_text()];
    for log in &logs {
        assert!(
            log.contains("The hub is ready"),
            "an empty log proves nothing"
        );
        assert!(
            log.lines().all(|line| line.starts_with('{')),
            "one JSON object a line"
        );
        assert_eq!(marks_in(log.as_bytes()), [""; 0]);
    }
    assert_eq!(marks_in(answers.as_bytes()), [""; 0], "{answers}");
    let counted = read_metrics(metrics).await;
    assert!(counted.contains("childsync_ingest_records_total{outcome=\"quarantined\"} 1"));
    assert_eq!(marks_in(counted.as_bytes()), [""; 0]);
    let mut files = 0;
    for entry in std::fs::read_dir(folder.path()).expect("a folder") {
        let path = entry.expect("an entry").path();
        files += 1;
        assert_eq!(
            marks_in(&std::fs::read(&path).expect("readable")),
            [""; 0],
            "{path:?}"
        );
    }
    assert!(files >= 4, "two databases with their logs");
}

/// Pushes marked records through success, rejection, quarantine and error, and gives the answers as
/// they print.
async fn push_marked(url: &str, pki: &Pki) -> String {
    let future = ChildDraft {
        birth_date: None,
        ..marked()
    };
    let outside = ChildDraft {
        commune: Some(unit("30280")),
        ..marked()
    };
    let mut unreadable = write_child(marked());
    unreadable.truncate(unreadable.len() - 3);
    let mut case = report();
    case.child_name = MARKS[0].into();
    case.condition = MARKS[5].into();
    let changes = vec![
        change(1, 1, marked()),
        change(2, 1, future),
        change(3, 1, outside),
        raw_change(4, 1, unreadable),
        report_change(5, 1, case),
    ];
    let node = || line(url, &pki.node("commune"));
    let sent = format!("{changes:?}");
    let answers = PushClient::new(node())
        .send(changes)
        .await
        .expect("acknowledged");
    let kinds: Vec<_> = answers.iter().map(RecordOutcome::outcome).collect();
    assert_eq!(
        kinds,
        [
            // The upload has brought it already.
            Outcome::Unchanged,
            Outcome::Quarantined,
            Outcome::Rejected,
            Outcome::Rejected,
            Outcome::Accepted
        ]
    );
    let other = ChildDraft {
        village: "Ấp khác".into(),
        ..marked()
    };
    let reused = PushClient::new(node())
        .send(vec![change(1, 1, other)])
        .await;
    // A certificate of ours that is not registered: the whole call fails.
    let stranger = line(url, &pki.node("stranger"));
    let refused = PushClient::new(stranger)
        .send(vec![change(1, 1, marked())])
        .await;
    assert!(refused.is_err());
    format!("{sent} {answers:?} {reused:?} {refused:?} {:?}", marked())
}

/// Uploads marked records, one of them under a name instead of an id, and leaves a second upload half
/// sent; gives the answers as they print.
async fn upload_marked(url: &str, pki: &Pki) -> String {
    let line = || line(url, &pki.node("commune"));
    let named = RecordChange {
        record_id: MARKS[0].to_owned(),
        ..change(7, 1, marked())
    };
    let changes = [change(1, 1, marked()), named];
    let whole = pack_as(Packing::Plain, &changes, &snapshot(Missing::Report));
    let receipt = UploadClient::new(line(), 1).send(&whole, |_| ()).await;
    let request = GetUploadRequest {
        upload_id: whole.manifest.upload_id.clone(),
        ..GetUploadRequest::default()
    };
    let mut client = IngestServiceClient::new(line());
    let report = client.get_upload(request).await.expect("a report");
    assert_eq!(report.get_ref().entries.len(), 2);
    let half = pack_as(Packing::Plain, &[change(8, 1, marked())], &delta());
    upload::open(&mut client, &half.manifest)
        .await
        .expect("opened");
    let chunk = SendChunksRequest {
        upload_id: half.manifest.upload_id.clone(),
        offset: 0,
        content: half.content.slice(..half.content.len() - 1),
    };
    let sent = format!("{chunk:?}");
    let answers = client.send_chunks(tokio_stream::iter([chunk])).await;
    let answer = answers.expect("a stream").into_inner().message().await;
    assert!(answer.expect("an answer").is_some());
    format!("{receipt:?} {report:?} {sent}")
}

/// Carries a marked record to a hub that has it, and gives bundle and receipt.
async fn carry_marked(operator: Channel, pki: &Pki) -> [Vec<u8>; 2] {
    let forger = Forger::before(operator.clone(), pki).await;
    let (own, changes) = (pki.directory("commune"), vec![change(1, 1, marked())]);
    let bundle = forger.bundle(Uuid::now_v7(), "commune", &own, changes);
    let receipt = import_over(operator, &bundle).await.expect("a receipt");
    [bundle, receipt]
}

async fn read_metrics(port: u16) -> String {
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port))
        .await
        .expect("a connection");
    let request = b"GET /metrics HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n";
    stream.write_all(request).await.expect("sent");
    let mut text = String::new();
    stream.read_to_string(&mut text).await.expect("an answer");
    text
}

#[tokio::test]
async fn no_personal_data_stands_in_a_postgresql_table() {
    use sqlx::{Connection, Row};
    let hub = crate::support::hub::TestHub::province(Engine::Postgres).await;
    hub.push(vec![change(1, 1, marked())]).await;
    carry_marked(hub.operator_line(), &hub.pki).await;
    hub.settled().await;
    let mut connection = sqlx::PgConnection::connect(&hub.database.url)
        .await
        .expect("a server");
    let tables = "SELECT table_name::text FROM information_schema.tables \
                  WHERE table_schema = current_schema()";
    let tables = sqlx::query(tables)
        .fetch_all(&mut connection)
        .await
        .expect("tables");
    assert!(tables.len() > 10, "the tables were not found");
    for table in tables {
        let table: String = table.get(0);
        let text = format!("SELECT row_to_json(t)::text FROM \"{table}\" t");
        let rows = sqlx::query(sqlx::AssertSqlSafe(text))
            .fetch_all(&mut connection)
            .await;
        for row in rows.expect("rows") {
            let row: String = row.get(0);
            // Bytes print as hexadecimal.
            let bytes = row
                .split("\\\\x")
                .skip(1)
                .flat_map(hexadecimal)
                .collect::<Vec<u8>>();
            assert_eq!(marks_in(row.as_bytes()), [""; 0], "{table}");
            assert_eq!(marks_in(&bytes), [""; 0], "{table}");
        }
    }
    let database: &Database = &hub.database;
    assert!(database.url.contains("search_path"));
    hub.stop().await;
}

fn hexadecimal(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .chars()
        .map_while(|digit| digit.to_digit(16))
        .filter_map(|d| u8::try_from(d).ok())
        .collect();
    digits
        .chunks_exact(2)
        .map(|pair| pair[0] * 16 + pair[1])
        .collect()
}
