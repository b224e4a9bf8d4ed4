//! An encrypted connection of a known peer, with its deadlines and its budget of frames.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};
use tokio_rustls::server::TlsStream;
use tokio_util::sync::WaitForCancellationFutureOwned;
use tonic::transport::server::Connected;

use super::Peer;
use super::frames::{Abuse, Frames};
use super::open::Registration;
use super::places::Place;
use crate::observability::metrics::Metrics;

/// How long a peer may take from the handshake to its first frame.
pub const FIRST_FRAME_MILLISECONDS_MAX: u64 = 5_000;
/// How long a connection may be without an open stream.
pub const IDLE_SECONDS_MAX: u64 = 900;

/// What a connection holds for as long as it is open.
pub(super) struct Held {
    pub(super) _places: [Place; 2],
    pub(super) registration: Registration,
    pub(super) metrics: Arc<Metrics>,
}

/// An encrypted connection of a known peer.
pub struct AuthenticatedStream {
    stream: TlsStream<TcpStream>,
    peer: Peer,
    frames: Frames,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    deadline: Pin<Box<Sleep>>,
    held: Held,
}

impl AuthenticatedStream {
    pub(super) fn new(stream: TlsStream<TcpStream>, peer: Peer, held: Held) -> Self {
        held.metrics.connection_opened();
        let first_frame = Duration::from_millis(FIRST_FRAME_MILLISECONDS_MAX);
        Self {
            stream,
            peer,
            frames: Frames::new(Instant::now()),
            cut: Box::pin(held.registration.cut.clone().cancelled_owned()),
            deadline: Box::pin(sleep(first_frame)),
            held,
        }
    }

    /// Ready when the connection is to be ended, with an error if it is to be broken off.
    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let idle_max = Duration::from_secs(IDLE_SECONDS_MAX);
        while self.deadline.as_mut().poll(context).is_ready() {
            if !self.frames.has_started() {
                return Poll::Ready(Err(self.ended("no request came in time")));
            }
            let now = Instant::now();
            let next = self.frames.idle_since().unwrap_or(now) + idle_max;
            if next <= now {
                return Poll::Ready(Ok(()));
            }
            self.deadline.as_mut().reset(next);
        }
        Poll::Pending
    }

    fn ended(&self, why: &'static str) -> io::Error {
        self.held.metrics.connection_cut();
        tracing::info!(peer = %self.peer.identity, why, "A connection is cut");
        io::Error::new(io::ErrorKind::ConnectionAborted, why)
    }

    fn abused(&self, abuse: Abuse) -> io::Error {
        self.held.metrics.connection_cut();
        tracing::warn!(
            peer = %self.peer.identity,
            peer.address = %self.peer.address,
            error = %abuse,
            "A connection that does harm is cut"
        );
        io::Error::new(io::ErrorKind::ConnectionAborted, abuse)
    }

    fn sent(&mut self, bytes: &[u8], written: &Poll<io::Result<usize>>) -> io::Result<()> {
        let Poll::Ready(Ok(length)) = written else {
            return Ok(());
        };
        let bytes = bytes.get(..*length).unwrap_or_default();
        let sent = self.frames.sent(bytes, Instant::now());
        sent.map_err(|abuse| self.abused(abuse))
    }
}

impl Drop for AuthenticatedStream {
    fn drop(&mut self) {
        self.held.metrics.connection_closed();
    }
}

impl Connected for AuthenticatedStream {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

impl AsyncRead for AuthenticatedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.cut.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(self.ended("its certificate is no longer trusted")));
        }
        let before = buffer.filled().len();
        match Pin::new(&mut self.stream).poll_read(context, buffer) {
            Poll::Ready(Ok(())) => {
                let received = buffer.filled().get(before..).unwrap_or_default();
                let received = self.frames.received(received, Instant::now());
                Poll::Ready(received.map_err(|abuse| self.abused(abuse)))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => self.poll_end(context),
        }
    }
}

impl AsyncWrite for AuthenticatedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        match self.sent(bytes, &written) {
            Ok(()) => written,
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
