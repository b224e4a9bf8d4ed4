//! An upstream that speaks HTTP only, for example a national platform: records as JSON over TLS.
//!
//! It is told apart from a hub by nothing but the form: every record is answered, and what is not answered is
//! sent again. Redirects are not followed, and nothing of an answer is kept but stable words.

pub mod openapi;

use std::sync::Arc;
use std::time::Duration;

use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::connector::{CONNECT_MILLISECONDS_MAX, ConnectError, http_config};
use super::hub_upstream::write_change;
use super::json;
use super::status::is_word;
use crate::domain::record::Lane;
use crate::security::live::LiveIdentity;
use crate::sync::forward::{
    Answer, BatchEntry, OutgoingChange, ReceiptError, SealedBatch, SignedReceipt, Upstream,
    UpstreamError,
};

/// Records of one request at most.
pub const REQUEST_RECORDS_MAX: usize = 500;
/// Bytes of one request to aim at; a record that is larger goes alone.
pub const REQUEST_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Bytes of an answer.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;
/// How long an exchange may take, connecting included.
pub const ANSWER_SECONDS_MAX: u64 = 60;
/// Longest wait that a platform may ask for.
const RETRY_AFTER_SECONDS_MAX: u64 = 60;
/// Names a request: the same key means the same records.
pub const KEY_HEADER: &str = "idempotency-key";
/// Path of the batches below the configured address.
pub const BATCHES_PATH: &str = "/batches";

/// A line to a platform. The connection is opened when it is first needed and again after a failure.
pub struct RestClient {
    address: Address,
    identity: Arc<LiveIdentity>,
    authorization: Option<HeaderValue>,
    connection: Option<SendRequest<Full<Bytes>>>,
}

/// Where a platform is.
struct Address {
    host: String,
    port: u16,
    server: ServerName<'static>,
    authority: String,
    path: String,
}

/// Records of one request, written out.
struct Part {
    number: i64,
    lane: Lane,
    records: Vec<(String, u64)>,
    text: String,
}

impl RestClient {
    /// A line to `https://HOST[:PORT][/PATH]`, with a bearer token or with the certificate of the identity
    /// alone.
    pub fn new(
        url: &str,
        identity: Arc<LiveIdentity>,
        token: Option<&str>,
    ) -> Result<Self, ConnectError> {
        let unusable = || ConnectError::Address(url.to_owned());
        let authorization = token.map(|token| HeaderValue::from_str(&format!("Bearer {token}")));
        let mut authorization = authorization.transpose().map_err(|_| unusable())?;
        if let Some(value) = &mut authorization {
            value.set_sensitive(true);
        }
        // What does not fit is told now and not at the first connection.
        http_config(&identity.current())?;
        Ok(Self {
            address: Address::parse(url).ok_or_else(unusable)?,
            identity,
            authorization,
            connection: None,
        })
    }

    /// Sends a part, and adds the answer of each of its records.
    async fn send(
        &mut self,
        part: &mut Part,
        answered: &mut Vec<Answer>,
    ) -> Result<(), UpstreamError> {
        if part.records.is_empty() {
            return Ok(());
        }
        let (records, body) = part.take();
        let limit = Duration::from_secs(ANSWER_SECONDS_MAX);
        let key = part.key(&body);
        let answer = tokio::time::timeout(limit, self.exchange(&key, body));
        let answer = answer.await.unwrap_or(Err(UpstreamError::TimedOut))?;
        answered.extend(read_answers(&records, &answer)?);
        Ok(())
    }

    /// One request and its answer. The connection is kept only when the answer has come whole.
    async fn exchange(&mut self, key: &str, body: Bytes) -> Result<Bytes, UpstreamError> {
        let open = self.connection.take().filter(|line| !line.is_closed());
        let mut line = match open {
            Some(line) => line,
            None => self.connect().await?,
        };
        line.ready().await.map_err(|error| unreachable(&error))?;
        let response = line.send_request(self.request(key, body)?).await;
        let (head, body) = response.map_err(|error| unreachable(&error))?.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|error| {
            if error.is::<LengthLimitError>() {
                UpstreamError::Nonsense("its answer is too long")
            } else {
                UpstreamError::Unreachable("its answer broke off".to_owned())
            }
        })?;
        self.connection = Some(line);
        let body = body.to_bytes();
        if head.status == StatusCode::OK {
            Ok(body)
        } else {
            Err(refusal(head.status, &head.headers, &body))
        }
    }

    fn request(&self, key: &str, body: Bytes) -> Result<Request<Full<Bytes>>, UpstreamError> {
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(&self.address.path)
            .header(HOST, &self.address.authority)
            .header(CONTENT_TYPE, "application/json")
            .header(KEY_HEADER, key);
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        let request = request.body(Full::new(body));
        request.map_err(|_| UpstreamError::Unreachable("its address is unusable".to_owned()))
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, UpstreamError> {
        let limit = Duration::from_millis(CONNECT_MILLISECONDS_MAX);
        let connected = tokio::time::timeout(limit, async {
            let config = http_config(&self.identity.current()).map_err(std::io::Error::other)?;
            let address = &self.address;
            let stream = TcpStream::connect((address.host.as_str(), address.port)).await?;
            stream.set_nodelay(true)?;
            let connector = TlsConnector::from(Arc::new(config));
            connector.connect(address.server.clone(), stream).await
        });
        let stream = match connected.await {
            Ok(connected) => connected.map_err(|error| unreachable(&error))?,
            Err(_) => return Err(UpstreamError::TimedOut),
        };
        let (line, connection) = handshake(TokioIo::new(stream))
            .await
            .map_err(|error| unreachable(&error))?;
        // It ends with its line, and what ends it is told to whoever waits for an answer.
        tokio::spawn(async move { drop(connection.await) });
        Ok(line)
    }
}

impl Upstream for RestClient {
    async fn push(
        &mut self,
        batch: &SealedBatch,
        changes: Vec<OutgoingChange>,
        answered: &mut Vec<Answer>,
    ) -> Result<(), UpstreamError> {
        let mut part = Part::new(batch.manifest.number, batch.manifest.lane);
        for change in changes {
            let name = (
                change.golden_id.as_uuid().to_string(),
                change.version.as_u64(),
            );
            let Some(text) = json::write_change(&write_change(change)) else {
                // What JSON cannot say must not stop the others.
                self.send(&mut part, answered).await?;
                answered.push(Answer::Refused("NO_JSON_FORM".to_owned()));
                continue;
            };
            if !part.has_room(&text) {
                self.send(&mut part, answered).await?;
            }
            part.add(name, &text);
        }
        self.send(&mut part, answered).await
    }

    /// The platform's answers to its records are all that it says.
    async fn receipt(
        &mut self,
        _batch: &SealedBatch,
        _entries: &[BatchEntry],
    ) -> Result<Option<SignedReceipt>, ReceiptError> {
        Ok(None)
    }
}

impl Address {
    fn parse(url: &str) -> Option<Self> {
        let uri: Uri = url.parse().ok()?;
        if uri.scheme_str() != Some("https") || uri.query().is_some() {
            return None;
        }
        let host = uri.host()?.trim_matches(['[', ']']).to_owned();
        Some(Self {
            port: uri.port_u16().unwrap_or(443),
            server: ServerName::try_from(host.clone()).ok()?,
            host,
            authority: uri.authority()?.to_string(),
            path: format!("{}{BATCHES_PATH}", uri.path().trim_end_matches('/')),
        })
    }
}

impl Part {
    fn new(number: i64, lane: Lane) -> Self {
        Self {
            number,
            lane,
            records: Vec::new(),
            text: String::new(),
        }
    }

    fn has_room(&self, text: &str) -> bool {
        self.records.len() < REQUEST_RECORDS_MAX && self.text.len() + text.len() < REQUEST_BYTES_MAX
    }

    fn add(&mut self, name: (String, u64), text: &str) {
        if !self.records.is_empty() {
            self.text.push(',');
        }
        self.records.push(name);
        self.text.push_str(text);
    }

    /// The names of its records and the body, and nothing left.
    fn take(&mut self) -> (Vec<(String, u64)>, Bytes) {
        let lane = match self.lane {
            Lane::Routine => "routine",
            Lane::Urgent => "urgent",
        };
        let (number, text) = (self.number, std::mem::take(&mut self.text));
        let body = format!(r#"{{"batch":{number},"lane":"{lane}","records":[{text}]}}"#);
        (std::mem::take(&mut self.records), body.into())
    }

    /// The number of the batch and a digest of what is sent: sent again it is the same.
    fn key(&self, body: &[u8]) -> String {
        let digest = blake3::hash(body).to_hex();
        format!("{}-{digest}", self.number)
    }
}

/// The answer of each record, in order, or nothing of them: a platform that mixes records up is not believed.
fn read_answers(records: &[(String, u64)], body: &[u8]) -> Result<Vec<Answer>, UpstreamError> {
    let nonsense = UpstreamError::Nonsense;
    let body: Value = serde_json::from_slice(body).map_err(|_| nonsense("it is no JSON"))?;
    let answers = body.get("answers").and_then(Value::as_array);
    let answers = answers.ok_or(nonsense("it holds no answers"))?;
    if answers.len() != records.len() {
        return Err(nonsense("it answered for another number of records"));
    }
    let read = |(answer, (record_id, version)): (&Value, &(String, u64))| {
        let text = |key: &str| answer.get(key).and_then(Value::as_str);
        let answered = answer.get("version");
        let answered = answered.and_then(|version| match version.as_str() {
            Some(text) => text.parse().ok(),
            None => version.as_u64(),
        });
        if text("record_id") != Some(record_id) || answered != Some(*version) {
            return Err(nonsense("it answered for a record that was not sent"));
        }
        match text("outcome") {
            Some("accepted") => Ok(Answer::Accepted),
            Some("unchanged") => Ok(Answer::Unchanged),
            Some("refused") => {
                let reason = text("reason").filter(|word| is_word(word));
                Ok(Answer::Refused(reason.unwrap_or("UNSPECIFIED").to_owned()))
            }
            Some(_) | None => Err(nonsense("it gave no outcome")),
        }
    };
    answers.iter().zip(records).map(read).collect()
}

/// What another status than 200 says.
fn refusal(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> UpstreamError {
    let body: Option<Value> = serde_json::from_slice(body).ok();
    let word = body.as_ref().and_then(|body| body.get("reason")?.as_str());
    let reason = match word.filter(|word| is_word(word)) {
        Some(word) => word.to_owned(),
        None => format!("HTTP_{}", status.as_u16()),
    };
    let seconds = headers
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok());
    let seconds: Option<u64> = seconds.and_then(|seconds| seconds.parse().ok());
    let retry_after = seconds.map(|wait| Duration::from_secs(wait.min(RETRY_AFTER_SECONDS_MAX)));
    UpstreamError::Refused {
        reason,
        retry_after,
    }
}

/// Without the text of the error, which may hold what the other end said.
fn unreachable<E>(_: &E) -> UpstreamError {
    UpstreamError::Unreachable("the line broke".to_owned())
}
