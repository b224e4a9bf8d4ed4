//! The agent's HTTP port: what programs and people of this machine can do, and what nobody can.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use childsync::domain::standing::Standing;
use childsync::security::directory::read_private;

use crate::support::agent::{AgentOptions, TestAgent};
use crate::support::database::Engine;
use crate::support::eventually;
use crate::support::hub::{TestHub, free_port};
use crate::support::records::id;

/// What a request says besides its path.
struct Asked<'a> {
    method: &'a str,
    path: &'a str,
    host: &'a str,
    /// Further lines of the head.
    head: String,
    body: String,
}

/// Asks the agent over a plain connection and gives status and body.
async fn ask(agent: &TestAgent, asked: Asked<'_>) -> (u16, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", agent.options.http))
        .await
        .expect("a connection");
    let Asked {
        method,
        path,
        host,
        head,
        body,
    } = asked;
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {length}\r\n\
         {head}\r\n{body}"
    );
    // An agent that has refused the head may close before it has read the body.
    drop(stream.write_all(request.as_bytes()).await);
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer).await);
    let answer = String::from_utf8(answer).expect("text");
    let status = answer.get(9..12).and_then(|status| status.parse().ok());
    let (_, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    (status.unwrap_or_default(), body.to_owned())
}

fn token(agent: &TestAgent) -> String {
    let bytes = read_private(&agent.folder.path().join("http.token")).expect("a private file");
    String::from_utf8(bytes).expect("text")
}

/// Asks as a program of this machine does.
async fn call(agent: &TestAgent, method: &str, path: &str, body: Value) -> (u16, Value) {
    let token = token(agent);
    let (status, body) = ask(
        agent,
        Asked {
            method,
            path,
            host: "127.0.0.1",
            head: format!("Authorization: Bearer {token}\r\nContent-Type: application/json\r\n"),
            body: if body.is_null() {
                String::new()
            } else {
                body.to_string()
            },
        },
    )
    .await;
    (status, serde_json::from_str(&body).expect("JSON"))
}

fn record(name: &str) -> Value {
    json!({
        "commune": { "scheme": "ADMIN_SCHEME_GSO_PRE2025", "code": "30742" },
        "status": "RECORD_STATUS_ACTIVE",
        "full_name": name,
        "birth_date": { "year": 2018, "month": 4, "day": 2, "precision": "DATE_PRECISION_DAY" },
        "sex": "SEX_FEMALE",
        "ethnicity": { "list_version": "1979", "code": "05" },
        "personal_number_absence": "pending",
    })
}

fn path_of(number: u128) -> String {
    format!("/v1/records/child/{}", id(number))
}

async fn offline() -> TestAgent {
    let pki = std::sync::Arc::new(crate::support::pki::Pki::new());
    let options = AgentOptions {
        drop: true,
        ..AgentOptions::before(&format!("https://127.0.0.1:{}", free_port()))
    };
    TestAgent::start(&pki, options).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_without_grpc_keeps_corrects_and_withdraws_records() {
    let hub = TestHub::province(Engine::Sqlite).await;
    let agent = TestAgent::before(&hub).await;
    let put = |name: &str| json!({ "record": record(name) });

    let (status, first) = call(&agent, "PUT", &path_of(1), put("")).await;
    assert_eq!(
        (status, &first["outcome"]),
        (200, &json!("quarantined")),
        "{first}"
    );
    assert_eq!(first["violations"][0]["description_vi"], "bắt buộc phải có");
    agent.stands(1, Standing::ToCorrect).await;
    let (_, list) = call(
        &agent,
        "GET",
        "/v1/records?standing=to-correct",
        Value::Null,
    )
    .await;
    assert_eq!(list["records"][0]["record_id"], id(1).to_string());

    let (_, second) = call(&agent, "PUT", &path_of(1), put("Danh Thị Mẫu")).await;
    assert_eq!(
        (&second["outcome"], &second["version"]),
        (&json!("accepted"), &json!(2))
    );
    let (_, again) = call(&agent, "PUT", &path_of(1), put("Danh Thị Mẫu")).await;
    assert_eq!(
        (&again["outcome"], &again["version"]),
        (&json!("unchanged"), &json!(2))
    );
    agent.stands(1, Standing::AtTop).await;
    let (_, shown) = call(&agent, "GET", &path_of(1), Value::Null).await;
    assert_eq!(shown["hub"]["above"], "held");
    assert!(shown["hub"]["since"].is_string());

    let two = json!({ "records": [
        { "kind": "child", "record_id": id(1).to_string(), "withdrawn": "moved" },
        { "kind": "case-report", "record_id": id(2).to_string(), "record": {
            "commune": { "scheme": "ADMIN_SCHEME_GSO_PRE2025", "code": "30742" },
            "received_at": "2026-01-02T03:04:05Z", "source_code": "1", "case_kind": "abused",
        } },
    ] });
    let (status, both) = call(&agent, "POST", "/v1/records", two).await;
    assert_eq!(status, 200, "{both}");
    eventually("the report is up and the child is withdrawn", || async {
        let node = hub.node_status("commune").await;
        node.source_records == 0 && hub.status().await.case_reports == 1
    })
    .await;
    let (_, withdrawn) = call(
        &agent,
        "DELETE",
        &format!("{}?reason=moved", path_of(1)),
        Value::Null,
    )
    .await;
    assert_eq!(withdrawn["outcome"], "unchanged");
    let (_, overview) = call(&agent, "GET", "/v1/status", Value::Null).await;
    assert_eq!(overview["has_line"], true, "{overview}");
    agent.stop().await;
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_input_is_answered_with_what_to_do_and_never_with_what_it_held() {
    let agent = offline().await;
    let put = path_of(1);
    let many: Vec<Value> = (0..101).map(|_| json!({})).collect();
    for (method, path, body, status) in [
        ("PUT", put.as_str(), json!({}), 400),
        ("PUT", &put, json!({ "record": { "full_name": 7 } }), 400),
        (
            "PUT",
            &put,
            json!({ "record": { "secret": "Bí Mật" } }),
            400,
        ),
        (
            "PUT",
            &put,
            json!({ "record": record("Bí Mật"), "other": 1 }),
            400,
        ),
        (
            "PUT",
            &put,
            json!({ "record": record("Bí Mật"), "version": 0 }),
            400,
        ),
        ("PUT", &put, json!("Bí Mật"), 400),
        ("PUT", "/v1/records/person/1", json!({}), 404),
        ("POST", "/v1/records", json!({ "records": many }), 400),
        (
            "POST",
            "/v1/records",
            json!({ "records": [{ "kind": "child" }] }),
            400,
        ),
        ("DELETE", &put, Value::Null, 400),
        ("GET", "/v1/records?standing=lost", Value::Null, 400),
        ("GET", "/v1/records?standing=kept&after=x", Value::Null, 400),
        ("GET", "/v1/records?standing=kept&limit=0", Value::Null, 400),
        ("GET", &put, Value::Null, 404),
        ("GET", "/v2", Value::Null, 404),
        ("PATCH", "/v1/status", Value::Null, 405),
    ] {
        let (answered, problem) = call(&agent, method, path, body).await;

        assert_eq!(answered, status, "{method} {path}: {problem}");
        assert!(!problem.to_string().contains("Mật"), "{problem}");
        assert!(problem["message"].is_string(), "{problem}");
    }
    let (_, outcome) = call(
        &agent,
        "PUT",
        "/v1/records/child/x",
        json!({ "record": {} }),
    )
    .await;
    assert_eq!(outcome["reason"], "RECORD_ID_INVALID");
    assert_eq!(agent.queued().await, 0);
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_but_a_program_with_the_token_is_let_in() {
    let agent = offline().await;
    let token = token(&agent);
    let bearer = format!("Authorization: Bearer {token}\r\n");
    let cookie = format!("Cookie: other=1; childsync={token}\r\n");
    let json = "Content-Type: application/json\r\n";
    let put = path_of(1);
    for (method, path, host, head, status) in [
        ("GET", "/v1/status", "127.0.0.1", String::new(), 401),
        (
            "GET",
            "/v1/status",
            "127.0.0.1",
            "Authorization: Bearer x\r\n".to_owned(),
            401,
        ),
        // A web page whose host name was made to lead here.
        ("GET", "/v1/status", "evil.example", bearer.clone(), 403),
        (
            "GET",
            "/v1/status",
            "127.0.0.1.evil.example",
            bearer.clone(),
            403,
        ),
        // A web page that lets the browser send its cookie can change nothing.
        ("PUT", &put, "localhost", format!("{cookie}{json}"), 401),
        (
            "PUT",
            &put,
            "localhost",
            format!("{bearer}Content-Type: text/plain\r\n"),
            415,
        ),
        ("GET", "/", "localhost:7480", cookie.clone(), 200),
        ("GET", "/?token=x", "localhost", String::new(), 401),
        (
            "GET",
            &format!("/?token={token}"),
            "localhost",
            String::new(),
            303,
        ),
        ("GET", "/openapi.json", "[::1]:7480", bearer.clone(), 200),
    ] {
        let asked = Asked {
            method,
            path,
            host,
            head,
            body: String::new(),
        };
        let (answered, body) = ask(&agent, asked).await;

        assert_eq!(answered, status, "{method} {path} {host}: {body}");
    }
    let large = Asked {
        method: "PUT",
        path: &put,
        host: "localhost",
        head: format!("{bearer}{json}"),
        body: "x".repeat(1024 * 1024 + 1),
    };
    assert_eq!(ask(&agent, large).await.0, 413);
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_tells_the_official_what_waits_and_what_to_correct() {
    let agent = offline().await;
    call(&agent, "PUT", &path_of(1), json!({ "record": record("") })).await;
    let cookie = format!("Cookie: childsync={}\r\n", token(&agent));

    let asked = Asked {
        method: "GET",
        path: "/",
        host: "localhost",
        head: cookie,
        body: String::new(),
    };
    let (status, page) = ask(&agent, asked).await;

    assert_eq!(status, 200);
    for words in [
        "Chưa kết nối được với tỉnh",
        "1 hồ sơ đang chờ gửi",
        "child.full_name: bắt buộc phải có",
        &id(1).to_string(),
    ] {
        assert!(page.contains(words), "{words} is missing: {page}");
    }
    assert!(!page.contains("http://") && !page.contains("https://") && !page.contains("<script"));
    agent.stop().await;
}
