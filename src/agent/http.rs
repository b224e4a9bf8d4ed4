//! The agent's HTTP port: JSON for programs that do not speak gRPC, and a page for the official.
//!
//! It is this machine's own. Every request shows a token from a file that only the agent's user may read,
//! and names this machine as its host: neither other users nor a web page in the official's browser, by a
//! host name that leads here, can reach it.

mod answers;
pub mod bundles;
mod corrections;
mod corrections_page;
pub mod openapi;
mod page;
pub(super) mod records;
pub mod routes;
pub mod token;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Method, Request, Response, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::bundle::Bundles;
use super::intake::Intake;
use super::overview::Overseen;
use answers::{CarryProblem, OCTETS, Problem, html, json, redirect_with_token};
use routes::{RequestBody, Route, find};
use token::Token;

/// Connections at a time.
const CONNECTIONS_MAX: usize = 16;
/// How long a request may take, its body included.
const REQUEST_SECONDS_MAX: u64 = 30;
/// How long its head may take.
const HEAD_SECONDS_MAX: u64 = 5;
/// Bytes of one body: a hundred records of ordinary size.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of a receipt.
pub const RECEIPT_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Bytes of one connection's buffers.
const BUFFER_BYTES_MAX: usize = 16 * 1024;
/// Name of the cookie that the page is opened with.
const COOKIE: &str = "childsync";

/// What answers requests.
pub struct HttpPort {
    /// The way in.
    pub intake: Intake,
    /// What can be looked at.
    pub overseen: Overseen,
    /// What is carried by hand.
    pub bundles: Bundles,
    /// What a request must show.
    pub token: Token,
}

/// A request that was let in.
struct Admitted {
    route: Route,
    query: String,
    body: Bytes,
}

/// Serves until it is told to stop.
pub async fn serve(listener: TcpListener, port: Arc<HttpPort>, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
        let Ok((stream, _)) = accepted else { continue };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            continue;
        };
        let (port, stop) = (Arc::clone(&port), stop.clone());
        tokio::spawn(async move {
            let answer = service_fn(|request| {
                let port = Arc::clone(&port);
                async move { Ok::<_, Infallible>(port.answer(request).await) }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(Duration::from_secs(HEAD_SECONDS_MAX))
                .max_buf_size(BUFFER_BYTES_MAX)
                .serve_connection(TokioIo::new(stream), answer);
            // A client that goes away is its own affair.
            drop(stop.run_until_cancelled(connection).await);
            drop(place);
        });
    }
}

impl HttpPort {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let limit = Duration::from_secs(REQUEST_SECONDS_MAX);
        let answer = tokio::time::timeout(limit, self.try_answer(request)).await;
        answer
            .unwrap_or(Err(Problem::TooSlow))
            .unwrap_or_else(Problem::response)
    }

    async fn try_answer(
        &self,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, Problem> {
        if !is_this_machine(request.headers()) {
            return Err(Problem::HostForeign);
        }
        if let Some(response) = self.open_page(&request) {
            return Ok(response);
        }
        let admitted = self.admit(request).await?;
        let overseen = &self.overseen;
        match &admitted.route {
            Route::Page => Ok(html(page::page(overseen).await?)),
            Route::CorrectionsPage(None) => Ok(html(
                corrections_page::all(overseen, &admitted.query).await?,
            )),
            Route::CorrectionsPage(Some(reason)) => {
                let page = corrections_page::one(overseen, *reason, &admitted.query);
                Ok(html(page.await?))
            }
            Route::Corrections(None) => {
                Ok(json(&corrections::counts(overseen, &admitted.query).await?))
            }
            Route::Corrections(Some(reason)) => {
                let page = corrections::page(overseen, *reason, &admitted.query);
                Ok(json(&page.await?))
            }
            Route::Openapi => Ok(json(&openapi::document())),
            Route::Status => Ok(json(&records::status(overseen).await?)),
            Route::ListBundles => Ok(json(&bundles::list(&self.bundles).await?)),
            Route::WriteBundle => bundles::write(&self.bundles, &admitted.query).await,
            Route::TakeReceipt => {
                let taken = bundles::take_receipt(&self.bundles, &admitted.body);
                Ok(json(&taken.await?))
            }
            Route::ListRecords => Ok(json(&records::list(overseen, &admitted.query).await?)),
            Route::ShowRecord(key) => Ok(json(&records::show(overseen, *key).await?)),
            Route::PutRecord(kind, id) => {
                let put = records::read_put(*kind, id, &admitted.body)?;
                Ok(json(&records::keep_one(&self.intake, *kind, put).await?))
            }
            Route::WithdrawRecord(kind, id) => {
                let change = records::read_withdrawal(*kind, id, &admitted.query)?;
                Ok(json(&records::keep_one(&self.intake, *kind, change).await?))
            }
            Route::PostRecords => {
                let changes = records::read_post(&admitted.body)?;
                Ok(json(&records::keep_all(&self.intake, changes).await?))
            }
        }
    }

    /// The link that the terminal gives opens the page once and leaves the token in the browser, so that it
    /// stands in no history and in no further link.
    fn open_page(&self, request: &Request<Incoming>) -> Option<Response<Full<Bytes>>> {
        let query = request.uri().query().unwrap_or_default();
        let shown = query.strip_prefix("token=")?;
        let is_opening = request.method() == Method::GET && request.uri().path() == "/";
        (is_opening && self.token.is(shown)).then(|| redirect_with_token(COOKIE, shown))
    }

    async fn admit(&self, request: Request<Incoming>) -> Result<Admitted, Problem> {
        let bearer = bearer(request.headers()).is_some_and(|shown| self.token.is(shown));
        let cookie = cookie(request.headers()).is_some_and(|shown| self.token.is(shown));
        let is_reading = request.method() == Method::GET;
        // A browser sends its cookie with whatever a page asks of it: with a cookie one can only look.
        let may = bearer || (cookie && is_reading);
        if !may {
            return Err(Problem::TokenMissing);
        }
        let route = find(request.method(), request.uri().path())?;
        let query = request.uri().query().unwrap_or_default().to_owned();
        let bytes_max = match route.body() {
            RequestBody::Json if !is_of_type(request.headers(), "application/json") => {
                return Err(Problem::NotJson);
            }
            RequestBody::File if !is_of_type(request.headers(), OCTETS) => {
                return Err(Problem::Carry(CarryProblem::NotOctets));
            }
            RequestBody::File => RECEIPT_BYTES_MAX,
            RequestBody::Json | RequestBody::Nothing => BODY_BYTES_MAX,
        };
        let body = Limited::new(request.into_body(), bytes_max)
            .collect()
            .await
            .map_err(|error| match error.downcast_ref::<LengthLimitError>() {
                Some(_) => Problem::BodyTooLarge,
                None => Problem::BodyBroken,
            })?;
        Ok(Admitted {
            route,
            query,
            body: body.to_bytes(),
        })
    }
}

/// Whether the request was meant for this machine by its own name or number.
fn is_this_machine(headers: &HeaderMap) -> bool {
    let Some(Ok(host)) = headers.get(header::HOST).map(|host| host.to_str()) else {
        return false;
    };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        Some(_) | None => host,
    };
    matches!(name, "127.0.0.1" | "localhost" | "[::1]")
}

fn is_of_type(headers: &HeaderMap, expected: &str) -> bool {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.split(';').next() == Some(expected))
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let shown = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    shown.strip_prefix("Bearer ")
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let shown = headers.get(header::COOKIE)?.to_str().ok()?;
    let mut cookies = shown
        .split(';')
        .filter_map(|pair| pair.trim().split_once('='));
    cookies
        .find(|(name, _)| *name == COOKIE)
        .map(|(_, value)| value)
}
