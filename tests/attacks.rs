//! HTTP/2 used as a weapon: raw frames from somebody who has a certificate. The hub lives, its memory stays
//! flat, and honest nodes notice nothing.

use std::sync::Arc;
use std::time::Duration;

use childsync::grpc::connector;
use childsync::grpc::push_client::PushClient;
use childsync::security::live::LiveIdentity;
use rustls::ClientConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::support::database::{Database, Engine};
use crate::support::hub::{HubOptions, register};
use crate::support::pki::Pki;
use crate::support::process::HubProcess;
use crate::support::records::{change, numbered_child};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const PRIORITY: u8 = 2;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const PUSH_PROMISE: u8 = 5;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
/// Longer than the first-frame deadline, and than an attack takes on a machine that is very busy.
const PATIENCE: Duration = Duration::from_mins(1);
/// What the hub's memory may grow by while it is attacked, in KiB.
const GROWTH_KIBIBYTES_MAX: u64 = 64 * 1024;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a frame").to_be_bytes();
    let mut bytes = length[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// A header list in HPACK, each field as literal text that is not remembered.
fn literal(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).expect("short"));
            block.extend(text.as_bytes());
        }
    }
    block
}

/// What a call of `Push` begins with.
fn call() -> Vec<u8> {
    literal(&[
        (":method", "POST"),
        (":scheme", "https"),
        (":path", "/childsync.v1.IngestService/Push"),
        (":authority", "hub"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ])
}

fn open(stream: u32) -> Vec<u8> {
    frame(HEADERS, END_HEADERS, stream, &call())
}

/// An attack: what is sent in round so-and-so. Ends when the hub cuts the connection.
struct Attack {
    name: &'static str,
    /// Sent once, after preface and settings.
    first: Vec<u8>,
    /// Sent again and again.
    round: fn(u32) -> Vec<u8>,
}

/// Number of the stream that a client opens in this round.
fn client_stream(round: u32) -> u32 {
    2 * round + 1
}

fn attack(name: &'static str, first: Vec<u8>, round: fn(u32) -> Vec<u8>) -> Attack {
    Attack { name, first, round }
}

fn floods() -> Vec<Attack> {
    let floods = [resets(), header_lists(), data(), control(), broken()];
    floods.into_iter().flatten().collect()
}

/// Streams that are opened only to be ended, by either side.
fn resets() -> Vec<Attack> {
    vec![
        attack("rapid reset", vec![], |round| {
            let stream = client_stream(round);
            [open(stream), frame(RESET, 0, stream, &[0, 0, 0, 8])].concat()
        }),
        attack(
            "resets that the hub is made to send: a window of zero",
            vec![],
            |round| {
                let stream = client_stream(round);
                [open(stream), frame(WINDOW_UPDATE, 0, stream, &[0; 4])].concat()
            },
        ),
        attack(
            "resets that the hub is made to send: data after the end",
            vec![],
            |round| {
                let stream = client_stream(round);
                let begun = frame(HEADERS, END_HEADERS | END_STREAM, stream, &call());
                [begun, frame(DATA, 0, stream, &[0; 8])].concat()
            },
        ),
        attack(
            "resets that the hub is made to send: its own priority",
            vec![],
            |round| {
                let stream = client_stream(round);
                let own = [&stream.to_be_bytes()[..], &[0]].concat();
                [open(stream), frame(PRIORITY, 0, stream, &own)].concat()
            },
        ),
        attack("streams without end", vec![], |round| {
            open(client_stream(round))
        }),
        attack("resets of streams that never were", vec![], |round| {
            frame(RESET, 0, client_stream(round), &[0; 4])
        }),
    ]
}

/// Header lists that do not end, or grow when they are read.
fn header_lists() -> Vec<Attack> {
    vec![
        attack(
            "continuations without end",
            frame(HEADERS, 0, 1, &call()),
            |_| frame(CONTINUATION, 0, 1, &[]),
        ),
        attack(
            "continuations of headers",
            frame(HEADERS, 0, 1, &call()),
            |_| {
                frame(
                    CONTINUATION,
                    0,
                    1,
                    &literal(&[("x-filling", "0123456789")]).repeat(600),
                )
            },
        ),
        attack("a header bomb", vec![], |round| {
            // One long field is remembered in the table and then called up four thousand times.
            let mut block = vec![0x40, 1, b'x', 0x7f, 0x80 | 0x21, 0x1e];
            block.extend(vec![b'y'; 4_000]);
            block.extend(vec![0xbe; 4_000]);
            frame(HEADERS, END_HEADERS, client_stream(round), &block)
        }),
    ]
}

/// Data and windows.
fn data() -> Vec<Attack> {
    vec![
        attack("empty data", open(1), |_| {
            frame(DATA, 0, 1, &[]).repeat(100)
        }),
        attack("padding alone", open(1), |_| {
            frame(DATA, 8, 1, &[vec![99], vec![0; 99]].concat()).repeat(20)
        }),
        attack("windows of one byte", open(1), |_| {
            frame(WINDOW_UPDATE, 0, 1, &[0, 0, 0, 1]).repeat(1_000)
        }),
        attack("a window beyond its end", open(1), |_| {
            frame(WINDOW_UPDATE, 0, 0, &[0x7f, 0xff, 0xff, 0xff])
        }),
        attack("data of no stream", vec![], |_| frame(DATA, 0, 0, &[0; 16])),
        attack("a frame that is too long", open(1), |_| {
            frame(DATA, 0, 1, &vec![0; 1 << 20])
        }),
    ]
}

/// Frames that ask for an answer or for nothing.
fn control() -> Vec<Attack> {
    vec![
        attack("settings", vec![], |_| {
            frame(SETTINGS, 0, 0, &[]).repeat(20)
        }),
        attack("settings that change the table", vec![], |round| {
            let size = round.to_be_bytes();
            frame(SETTINGS, 0, 0, &[&[0, 1][..], &size].concat()).repeat(20)
        }),
        attack("acknowledged settings", vec![], |_| {
            frame(SETTINGS, 1, 0, &[]).repeat(20)
        }),
        attack("pings", vec![], |_| frame(PING, 0, 0, &[7; 8]).repeat(50)),
        attack("answered pings", vec![], |_| {
            frame(PING, 1, 0, &[7; 8]).repeat(50)
        }),
        attack("priorities", open(1), |_| {
            frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 9]).repeat(100)
        }),
        attack("frames that nobody knows", vec![], |_| {
            frame(0x77, 0, 0, b"?").repeat(100)
        }),
        attack("farewells", vec![], |_| {
            frame(GOAWAY, 0, 0, &[0; 8]).repeat(20)
        }),
    ]
}

/// What is no HTTP/2.
fn broken() -> Vec<Attack> {
    vec![
        attack("streams of the hub's side", vec![], |round| {
            open(2 * round + 2)
        }),
        attack("promises", open(1), |_| {
            frame(PUSH_PROMISE, END_HEADERS, 1, &[0, 0, 0, 2])
        }),
        attack("nonsense", vec![], |_| vec![0xff; 512]),
    ]
}

struct Site {
    pki: Pki,
    hub: HubProcess,
    process: u32,
    _database: Database,
}

impl Site {
    async fn new() -> Self {
        let (pki, database) = (Pki::new(), Database::new(Engine::Sqlite).await);
        let hub = HubProcess::start(&pki, &database.url, &HubOptions::province()).await;
        let site = Self {
            process: hub.id(),
            pki,
            hub,
            _database: database,
        };
        register(site.line("an", true), "commune", "GSO_PRE2025:30742").await;
        site
    }

    fn line(&self, name: &str, is_operator: bool) -> tonic::transport::Channel {
        let folder = if is_operator {
            self.pki.operator(name)
        } else {
            self.pki.node(name)
        };
        let identity = LiveIdentity::read(&folder).expect("an identity directory");
        connector::line(&self.hub.url, Arc::new(identity)).expect("a line")
    }

    async fn encrypted(&self) -> TlsStream<TcpStream> {
        let directory = self.pki.directory("attacker");
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let mut config = ClientConfig::builder_with_provider(provider.into())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .expect("a version")
            .dangerous()
            .with_custom_certificate_verifier(directory.authorities.server_verifier())
            .with_client_auth_cert(directory.chain.clone(), directory.key.clone_key())
            .expect("a certificate");
        config.alpn_protocols = vec![b"h2".to_vec()];
        let address = self.hub.url.trim_start_matches("https://");
        let stream = TcpStream::connect(address).await.expect("a connection");
        let name = "127.0.0.1".try_into().expect("a name");
        let connector = TlsConnector::from(Arc::new(config));
        connector.connect(name, stream).await.expect("a handshake")
    }

    /// Resident memory of the hub, in KiB.
    fn memory(&self) -> u64 {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.process));
        let text = text.expect("the hub lives");
        let line = text.lines().find(|line| line.starts_with("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().nth(1));
        number
            .and_then(|number| number.parse().ok())
            .expect("a size")
    }
}

/// Attacks until the connection is cut; reads what comes, so that the hub is never held up by its answers.
async fn is_cut(site: &Site, attack: &Attack) -> bool {
    let (mut reading, mut writing) = tokio::io::split(site.encrypted().await);
    let greeting = [PREFACE, &frame(SETTINGS, 0, 0, &[]), &attack.first].concat();
    let sending = async {
        if writing.write_all(&greeting).await.is_err() {
            return;
        }
        for round in 0.. {
            if writing.write_all(&(attack.round)(round)).await.is_err() {
                return;
            }
        }
    };
    let receiving = async {
        let mut bytes = vec![0; 16 * 1024];
        while matches!(reading.read(&mut bytes).await, Ok(1..)) {}
    };
    let cut = async {
        tokio::select! {
            () = sending => {}
            () = receiving => {}
        }
    };
    tokio::time::timeout(PATIENCE, cut).await.is_ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floods_of_frames_are_cut_and_honest_nodes_notice_nothing() {
    let site = Site::new().await;
    // The honest node's connection is open before the attacks begin and is not lost by any of them.
    let mut honest = PushClient::new(site.line("commune", false));
    let mut record = 0;
    let first = honest
        .send(vec![change(record, 1, numbered_child(0))])
        .await;
    first.expect("acknowledged");
    let before = site.memory();

    for flood in floods() {
        let cut = is_cut(&site, &flood);
        let pushed = async {
            record += 1;
            let number = u32::try_from(record).expect("small");
            honest
                .send(vec![change(record, 1, numbered_child(number))])
                .await
        };
        let (cut, pushed) = tokio::join!(cut, pushed);
        assert!(cut, "{}: it goes on for ever", flood.name);
        let outcomes = pushed.unwrap_or_else(|error| panic!("{}: {error}", flood.name));
        assert_eq!(outcomes.len(), 1, "{}", flood.name);
    }

    let growth = site.memory().saturating_sub(before);
    assert!(
        growth < GROWTH_KIBIBYTES_MAX,
        "the hub grew by {growth} KiB"
    );
    honest
        .send(vec![change(9_999, 1, numbered_child(9_999))])
        .await
        .expect("acknowledged");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_announces_four_gibibytes_is_refused_unread() {
    let site = Site::new().await;
    let before = site.memory();
    let (mut reading, mut writing) = tokio::io::split(site.encrypted().await);
    let announced = frame(DATA, 0, 1, &[0, 0xff, 0xff, 0xff, 0xff, 1, 2, 3]);
    let request = [PREFACE, &frame(SETTINGS, 0, 0, &[]), &open(1), &announced].concat();
    writing.write_all(&request).await.expect("written");

    let mut answer = Vec::new();
    let refused = async {
        let mut bytes = [0; 4_096];
        while !has_ended(&answer, 1) {
            match reading.read(&mut bytes).await {
                Ok(length @ 1..) => answer.extend(&bytes[..length]),
                Ok(0) | Err(_) => return,
            }
        }
    };
    tokio::time::timeout(PATIENCE, refused)
        .await
        .expect("an answer");

    assert!(has_ended(&answer, 1), "the stream goes on");
    assert!(site.memory() < before + GROWTH_KIBIBYTES_MAX);
}

/// Whether the frames of an answer end this stream.
fn has_ended(mut answer: &[u8], stream: u32) -> bool {
    while answer.len() >= 9 {
        let length = u32::from_be_bytes([0, answer[0], answer[1], answer[2]]);
        let (kind, flags) = (answer[3], answer[4]);
        let of = u32::from_be_bytes([answer[5], answer[6], answer[7], answer[8]]);
        let ends = kind == RESET || (matches!(kind, DATA | HEADERS) && flags & END_STREAM != 0);
        if of == stream && ends {
            return true;
        }
        let next = 9 + usize::try_from(length).expect("small");
        answer = answer.get(next..).unwrap_or_default();
    }
    false
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_says_nothing_after_the_handshake_is_cut_in_time() {
    let site = Site::new().await;
    let half: &[u8] = &[PREFACE, &[0, 0]].concat();
    for said in [&b""[..], &PREFACE[..10], PREFACE, half] {
        let mut stream = site.encrypted().await;
        stream.write_all(said).await.expect("written");
        let begun = Instant::now();
        let mut bytes = [0; 4_096];
        let ended = async { while matches!(stream.read(&mut bytes).await, Ok(1..)) {} };
        let ended = tokio::time::timeout(PATIENCE, ended).await;
        assert!(
            ended.is_ok(),
            "{} bytes hold a connection for ever",
            said.len()
        );
        assert!(
            begun.elapsed() >= Duration::from_secs(2),
            "it had no time to speak"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_silent_sockets_leave_room_for_honest_nodes() {
    let site = Site::new().await;
    let address = site.hub.url.trim_start_matches("https://").to_owned();
    let mut silent = Vec::new();
    for _ in 0..1_000 {
        silent.push(TcpStream::connect(&address).await.expect("a socket"));
    }

    let mut honest = PushClient::new(site.line("commune", false));
    let pushed = honest.send(vec![change(1, 1, numbered_child(1))]).await;
    assert_eq!(pushed.expect("acknowledged").len(), 1);

    let closed = async {
        for mut socket in silent {
            while matches!(socket.read(&mut [0; 64]).await, Ok(1..)) {}
        }
    };
    tokio::time::timeout(PATIENCE, closed)
        .await
        .expect("all are closed");
}
