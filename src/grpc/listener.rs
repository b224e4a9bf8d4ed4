//! The accept loop: TLS 1.3 with client certificates, under tonic.
//!
//! tonic's own TLS has no deadline: silent sockets would stay open for ever. Here a handshake has one,
//! connections are capped in total and for each address, and every connection knows who is at the
//! other end before the first request.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::server::Connected;

use crate::observability::metrics::Metrics;
use crate::security::directory::IdentityDirectory;
use crate::security::identity::Identity;

/// How long a handshake may take.
pub const HANDSHAKE_MILLISECONDS_MAX: u64 = 5_000;
/// Connections in total.
pub const CONNECTIONS_MAX: usize = 4_096;
/// Connections of one address: a province's communes may share one behind a router.
pub const CONNECTIONS_OF_ADDRESS_MAX: usize = 1_024;
/// How long the loop rests when the system has no socket to give.
const ACCEPT_REST_MILLISECONDS: u64 = 50;

/// Who is at the other end, and where.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Who.
    pub identity: Identity,
    /// Where.
    pub address: SocketAddr,
}

/// The TLS side of a hub cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum ListenerError {
    /// The certificates or the key do not fit.
    #[error("the identity directory cannot be used for TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// The trusted CAs cannot be used.
    #[error("ca.pem cannot be used: {0}")]
    Authorities(#[from] rustls::server::VerifierBuilderError),
}

/// TLS 1.3 only, client certificates of the trusted CAs required, no session tickets.
pub fn server_config(directory: &IdentityDirectory) -> Result<ServerConfig, ListenerError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    for authority in &directory.authorities {
        roots.add(authority.clone())?;
    }
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .build()?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(verifier)
        .with_single_cert(directory.chain.clone(), directory.key.clone_key())?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    config.send_tls13_tickets = 0;
    Ok(config)
}

/// Accepts connections until it is told to stop. Each that comes out is encrypted and known.
pub fn accept(
    listener: TcpListener,
    config: ServerConfig,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
) -> ReceiverStream<io::Result<AuthenticatedStream>> {
    let (ready, connections) = mpsc::channel(16);
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let places = Places::default();
    tokio::spawn(async move {
        while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
            let Ok((stream, address)) = accepted else {
                tokio::time::sleep(Duration::from_millis(ACCEPT_REST_MILLISECONDS)).await;
                continue;
            };
            let Some(place) = places.take(address.ip()) else {
                metrics.connection_refused();
                continue;
            };
            let (ready, acceptor, metrics) =
                (ready.clone(), acceptor.clone(), Arc::clone(&metrics));
            tokio::spawn(async move {
                match handshake(acceptor, stream, address, place, &metrics).await {
                    // The server is gone when nobody listens: so is the connection then.
                    Ok(stream) => drop(ready.send(Ok(stream)).await),
                    Err(error) => {
                        metrics.connection_refused();
                        tracing::debug!(peer.address = %address, error = %error, "Connection refused");
                    }
                }
            });
        }
    });
    ReceiverStream::new(connections)
}

async fn handshake(
    acceptor: TlsAcceptor,
    stream: TcpStream,
    address: SocketAddr,
    place: Place,
    metrics: &Arc<Metrics>,
) -> io::Result<AuthenticatedStream> {
    stream.set_nodelay(true)?;
    let deadline = Duration::from_millis(HANDSHAKE_MILLISECONDS_MAX);
    let stream = tokio::time::timeout(deadline, acceptor.accept(stream)).await??;
    let certificate = stream
        .get_ref()
        .1
        .peer_certificates()
        .and_then(<[_]>::first);
    let identity = certificate
        .ok_or_else(|| io::Error::other("no client certificate"))
        .and_then(|der| Identity::of_certificate(der).map_err(io::Error::other))?;
    metrics.connection_opened();
    let peer = Peer { identity, address };
    Ok(AuthenticatedStream {
        stream,
        peer,
        metrics: Arc::clone(metrics),
        _place: place,
    })
}

/// Counts connections in total and for each address.
#[derive(Clone, Default)]
struct Places(Arc<Mutex<HashMap<IpAddr, usize>>>);

impl Places {
    fn take(&self, address: IpAddr) -> Option<Place> {
        // A panic while counting leaves the counts as they are, which is right.
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let total: usize = taken.values().sum();
        let of_address = taken.entry(address).or_default();
        if total >= CONNECTIONS_MAX || *of_address >= CONNECTIONS_OF_ADDRESS_MAX {
            return None;
        }
        *of_address += 1;
        Some(Place {
            places: self.clone(),
            address,
        })
    }
}

/// One connection's place, given back when it is dropped.
struct Place {
    places: Places,
    address: IpAddr,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(of_address) = taken.get_mut(&self.address) {
            *of_address -= 1;
            if *of_address == 0 {
                taken.remove(&self.address);
            }
        }
    }
}

/// An encrypted connection of a known peer.
pub struct AuthenticatedStream {
    stream: TlsStream<TcpStream>,
    peer: Peer,
    metrics: Arc<Metrics>,
    _place: Place,
}

impl Drop for AuthenticatedStream {
    fn drop(&mut self) {
        self.metrics.connection_closed();
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
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for AuthenticatedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
