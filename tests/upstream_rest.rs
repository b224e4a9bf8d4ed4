//! A platform that speaks HTTP only: a stub that keeps the description, and one without manners.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use childsync::security::directory::write_private;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::support::database::{Database, Engine};
use crate::support::hub::{HubOptions, TestHub};
use crate::support::pki::Pki;
use crate::support::records::{change, numbered_child, report, report_change, tombstone};
use crate::support::{eventually, on_both_engines};

on_both_engines![
    a_platform_gets_every_record_once_and_without_what_stays,
    whatever_a_platform_answers_nothing_counts_that_it_did_not_take,
];

const TOKEN: &str = "made-up-token";

/// What a platform holds: the newest version of each record, as it came.
#[derive(Default)]
struct Platform {
    held: Mutex<BTreeMap<String, Value>>,
    keys: Mutex<BTreeMap<String, Bytes>>,
    /// The way in which it misbehaves once, at the next request; beyond [`WAYS`] it does not.
    rude: AtomicUsize,
}

/// The ways in which it misbehaves.
const WAYS: usize = 12;

impl Platform {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.expect("a body").to_bytes();
        assert_eq!(head.uri.path(), "/api/batches");
        assert_eq!(head.headers["authorization"], format!("Bearer {TOKEN}"));
        let key = head.headers["idempotency-key"]
            .to_str()
            .expect("text")
            .to_owned();
        let same = self.keys.lock().expect("a lock").insert(key, body.clone());
        assert!(same.is_none_or(|same| same == body), "one key, two bodies");
        let asked: Value = serde_json::from_slice(&body).expect("JSON");
        let records = asked["records"].as_array().expect("records");
        match self.rude.swap(usize::MAX, Ordering::SeqCst) {
            way if way < WAYS => misbehave(way, records),
            _ => self.take(records),
        }
    }

    fn take(&self, records: &[Value]) -> Response<Full<Bytes>> {
        let mut held = self.held.lock().expect("a lock");
        let answers = records.iter().map(|record| {
            let id = record["record_id"].as_str().expect("an id").to_owned();
            let is_held = held
                .get(&id)
                .is_some_and(|held| held["version"] == record["version"]);
            held.insert(id, record.clone());
            answer(record, if is_held { "unchanged" } else { "accepted" })
        });
        respond(200, &json!({ "answers": answers.collect::<Vec<_>>() }))
    }
}

fn answer(record: &Value, outcome: &str) -> Value {
    json!({ "record_id": record["record_id"], "version": record["version"], "outcome": outcome })
}

fn respond(status: u16, body: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.to_string().into()));
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    response
}

/// One way of not taking records, each of which looks a little like taking them.
fn misbehave(way: usize, records: &[Value]) -> Response<Full<Bytes>> {
    let mut answers: Vec<Value> = records
        .iter()
        .map(|record| answer(record, "accepted"))
        .collect();
    match way {
        0 => respond(500, &json!({ "answers": answers })),
        1 => respond(202, &json!({ "answers": answers })),
        2 => respond(302, &json!({ "reason": "Nguyễn Bí Mật" })),
        3 => {
            answers.pop();
            respond(200, &json!({ "answers": answers }))
        }
        4 => {
            answers.push(answers[0].clone());
            respond(200, &json!({ "answers": answers }))
        }
        5 => {
            answers.reverse();
            respond(200, &json!({ "answers": answers }))
        }
        6 => {
            answers[0]["version"] = json!("77");
            respond(200, &json!({ "answers": answers }))
        }
        7 => {
            answers[0]["outcome"] = json!("perhaps");
            respond(200, &json!({ "answers": answers }))
        }
        8 => respond(200, &json!("taken")),
        9 => Response::new(Full::new(vec![b'['; 3_000_000].into())),
        10 => Response::new(Full::new(Bytes::from_static(b"{\"answers\": [{"))),
        _ => {
            let mut response = respond(429, &json!({ "reason": "QUOTA_SPENT" }));
            response
                .headers_mut()
                .insert("retry-after", "0".parse().expect("a value"));
            response
        }
    }
}

/// Serves a platform with the certificate of `nation` until it is stopped; gives its address.
async fn serve(pki: &Pki, platform: Arc<Platform>, stop: CancellationToken) -> String {
    let identity = pki.directory("nation");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(identity.chain.clone(), identity.key.clone_key())
        .expect("a certificate");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Some(Ok((stream, _))) = stop.run_until_cancelled(listener.accept()).await {
            let (acceptor, platform, stop) =
                (acceptor.clone(), Arc::clone(&platform), stop.clone());
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else {
                    return;
                };
                let service = service_fn(|request| {
                    let platform = Arc::clone(&platform);
                    async move { Ok::<_, Infallible>(platform.answer(request).await) }
                });
                let connection =
                    http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                drop(stop.run_until_cancelled(connection).await);
            });
        }
    });
    format!("https://127.0.0.1:{port}/api")
}

async fn province_below(pki: &Arc<Pki>, engine: Engine, url: String) -> TestHub {
    write_private(&pki.path().join("platform.token"), TOKEN.as_bytes()).expect("a token");
    let options = HubOptions {
        upstream: Some(url),
        forwarding: "kind = \"rest\"\ntoken_file = \"platform.token\"\n\
            [upstream.policy]\nwithhold = [\"village\"]",
        ..HubOptions::province()
    };
    let database = Arc::new(Database::new(engine).await);
    let province = TestHub::start(Arc::clone(pki), database, options).await;
    province.register("commune", "GSO_PRE2025:30742").await;
    province
}

async fn nothing_waits(province: &TestHub) {
    eventually("nothing waits for the platform", || async {
        let forwarder = province.status().await.forwarder.expect("an upstream");
        let positions = &forwarder.positions;
        forwarder.receipted_batch > 0
            && forwarder.last_error.is_empty()
            && positions.iter().all(|lane| lane.waiting == 0)
    })
    .await;
}

async fn a_platform_gets_every_record_once_and_without_what_stays(engine: Engine) {
    let (pki, stop) = (Arc::new(Pki::new()), CancellationToken::new());
    let platform = Arc::new(Platform::default());
    platform.rude.store(usize::MAX, Ordering::SeqCst);
    let url = serve(&pki, Arc::clone(&platform), stop.clone()).await;
    let province = province_below(&pki, engine, url).await;
    let mut child = numbered_child(1);
    child.village = "Ấp Giữ Lại".into();
    let mut changes = vec![change(1, 1, child), report_change(2, 1, report())];
    changes.extend((3..700).map(|at| change(at.into(), 1, numbered_child(at))));
    province.push(changes).await;
    province.settled().await;
    province.push(vec![tombstone(3, 2)]).await;
    province.settled().await;
    nothing_waits(&province).await;

    let held = platform.held.lock().expect("a lock").clone();
    let of_kind = |kind: &str| {
        held.values()
            .filter(|record| record.get(kind).is_some())
            .count()
    };
    assert_eq!(of_kind("case_report"), 1);
    assert!(of_kind("child") >= 697, "{}", of_kind("child"));
    assert!(of_kind("tombstone") <= 1);
    let all = serde_json::to_string(&held.values().collect::<Vec<_>>()).expect("JSON");
    assert!(all.contains("Danh Thị Mẫu") && !all.contains("Giữ Lại") && !all.contains("village"));
    province.stop().await;
    stop.cancel();
}

async fn whatever_a_platform_answers_nothing_counts_that_it_did_not_take(engine: Engine) {
    let (pki, stop) = (Arc::new(Pki::new()), CancellationToken::new());
    let platform = Arc::new(Platform::default());
    let url = serve(&pki, Arc::clone(&platform), stop.clone()).await;
    let province = province_below(&pki, engine, url).await;
    for way in 0..WAYS {
        platform.rude.store(way, Ordering::SeqCst);
        let number = u32::try_from(way).expect("a number") * 2;
        let both = [number, number + 1].map(|at| change(at.into(), 1, numbered_child(at)));
        province.push(both.to_vec()).await;

        eventually("the platform holds both of them", || async {
            platform.held.lock().expect("a lock").len() == (way + 1) * 2
        })
        .await;
        assert_eq!(
            platform.rude.load(Ordering::SeqCst),
            usize::MAX,
            "way {way} was tried"
        );
        nothing_waits(&province).await;
    }
    let forwarder = province.status().await.forwarder.expect("an upstream");
    assert_eq!(forwarder.refused, 0);
    province.stop().await;
    stop.cancel();
}
