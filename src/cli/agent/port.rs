//! Asking the agent of this machine, over its HTTP port.

use std::time::Duration;

use anyhow::Context;
use http::{HeaderMap, Request, StatusCode, header, request};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::agent::http::token;
use crate::config::AgentConfig;

/// How long the agent may take to answer.
const ANSWER_SECONDS_MAX: u64 = 30;
/// Bytes of one answer.
const ANSWER_BYTES_MAX: usize = 48 * 1024 * 1024;

/// Asks the agent for a path and gives its answer.
pub(in crate::cli) async fn get(config: &AgentConfig, path: &str) -> anyhow::Result<Value> {
    let limit = Duration::from_secs(ANSWER_SECONDS_MAX);
    tokio::time::timeout(limit, try_get(config, path))
        .await
        .context("the agent did not answer in time: try again")?
}

/// The link that opens the page.
pub(super) fn page_link(config: &AgentConfig) -> anyhow::Result<String> {
    let token = token::read(&config.http.token_file).context("http.token_file")?;
    Ok(format!("http://{}/?token={token}", config.http.address))
}

/// Sends a file, or nothing, to a path of the agent and gives head and body of its answer.
pub(in crate::cli) async fn post(
    config: &AgentConfig,
    path: &str,
    file: Vec<u8>,
) -> anyhow::Result<(HeaderMap, Bytes)> {
    let limit = Duration::from_secs(ANSWER_SECONDS_MAX);
    let request = Request::post(path).header(header::CONTENT_TYPE, "application/octet-stream");
    tokio::time::timeout(limit, ask(config, request, file.into()))
        .await
        .context("the agent did not answer in time: try again")?
}

async fn try_get(config: &AgentConfig, path: &str) -> anyhow::Result<Value> {
    let (_, body) = ask(config, Request::get(path), Bytes::new()).await?;
    read_json(&body)
}

async fn ask(
    config: &AgentConfig,
    request: request::Builder,
    body: Bytes,
) -> anyhow::Result<(HeaderMap, Bytes)> {
    let address = config.http.address;
    let token = token::read(&config.http.token_file)
        .context("http.token_file: run this as the agent's user, after its first start")?;
    let stream = TcpStream::connect(address).await.with_context(|| {
        format!(
            "the agent does not run, or not on {address}: see `systemctl status childsync-agent`"
        )
    })?;
    let (mut client, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let request = request
        .header(header::HOST, address.to_string())
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .body(Full::new(body))?;
    let (head, body) = client.send_request(request).await?.into_parts();
    let body = Limited::new(body, ANSWER_BYTES_MAX)
        .collect()
        .await
        .map_err(|error| anyhow::anyhow!("the answer did not arrive whole: {error}"))?
        .to_bytes();
    connection.abort();
    if head.status != StatusCode::OK {
        let answer = read_json(&body)?;
        let text = |name| answer.get(name).and_then(Value::as_str).unwrap_or_default();
        anyhow::bail!("the agent answered {}: {}", text("reason"), text("message"));
    }
    Ok((head.headers, body))
}

fn read_json(body: &Bytes) -> anyhow::Result<Value> {
    serde_json::from_slice(body).context("what answers there is no agent: check http.address")
}
