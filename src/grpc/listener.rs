//! The accept loop: TLS 1.3 with client certificates, under tonic.
//!
//! tonic's own TLS is frozen at the start and has no deadline: silent sockets would stay open for ever. Here
//! certificates, CAs and revocation lists count as soon as their files change, also for connections that are
//! open; a handshake and the first frame after it have deadlines; connections are capped in total, for each
//! address and for each participant; and every connection knows who is at the other end before the first
//! request.

mod frames;
mod open;
mod places;
mod stream;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::spawn_blocking;
use tokio_rustls::TlsAcceptor;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;

use crate::observability::metrics::Metrics;
use crate::security::directory::IdentityDirectory;
use crate::security::identity::Identity;
use crate::security::live::LiveIdentity;
use open::OpenConnections;
use places::{Place, Places};
use stream::Held;

pub use frames::{CONTINUATIONS_MAX, FRAME_POINTS_A_SECOND, FRAME_POINTS_MAX};
pub use places::{CONNECTIONS_MAX, CONNECTIONS_OF_ADDRESS_MAX, CONNECTIONS_OF_IDENTITY_MAX};
pub use stream::{AuthenticatedStream, FIRST_FRAME_MILLISECONDS_MAX, IDLE_SECONDS_MAX};

/// How long a handshake may take.
pub const HANDSHAKE_MILLISECONDS_MAX: u64 = 5_000;
/// How long the loop rests when the system has no socket to give.
const ACCEPT_REST_MILLISECONDS: u64 = 50;
/// How often the certificates of open connections are looked at for having run out.
const LOOK_AGAIN_SECONDS: u64 = 60;

/// Who is at the other end, and where.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Who.
    pub identity: Identity,
    /// Where.
    pub address: SocketAddr,
}

/// The TLS side of a hub cannot be set up: certificates or key do not fit.
#[derive(Debug, thiserror::Error)]
#[error("the identity directory cannot be used for TLS: {0}")]
pub struct ListenerError(#[from] rustls::Error);

/// TLS 1.3 only, client certificates of the trusted CAs required, no session tickets: a session that is
/// taken up again would not show its certificate.
fn server_config(directory: &IdentityDirectory) -> Result<ServerConfig, ListenerError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(directory.authorities.client_verifier())
        .with_single_cert(directory.chain.clone(), directory.key.clone_key())?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    config.send_tls13_tickets = 0;
    Ok(config)
}

/// What is the same for all connections of a listener.
#[derive(Clone)]
struct Door {
    identity: Arc<LiveIdentity>,
    config: watch::Sender<Arc<ServerConfig>>,
    places: Places,
    open: OpenConnections,
    metrics: Arc<Metrics>,
}

/// Accepts connections until it is told to stop. Each that comes out is encrypted and known.
pub fn accept(
    listener: TcpListener,
    identity: Arc<LiveIdentity>,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
) -> Result<ReceiverStream<io::Result<AuthenticatedStream>>, ListenerError> {
    let (ready, connections) = mpsc::channel(16);
    let changes = identity.changes();
    let config = Arc::new(server_config(&identity.current())?);
    let door = Door {
        identity,
        config: watch::Sender::new(config),
        places: Places::default(),
        open: OpenConnections::default(),
        metrics,
    };
    // Connections outlive the accept loop: they are looked at until the last one is gone.
    tokio::spawn(door.clone().look_after(changes, ready.clone()));
    tokio::spawn(async move {
        while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
            let Ok((stream, address)) = accepted else {
                tokio::time::sleep(Duration::from_millis(ACCEPT_REST_MILLISECONDS)).await;
                continue;
            };
            let Some(place) = door.places.of_address(address.ip()) else {
                door.metrics.connection_refused();
                continue;
            };
            let (ready, door) = (ready.clone(), door.clone());
            tokio::spawn(async move {
                match door.handshake(stream, address, place).await {
                    // The server is gone when nobody listens: so is the connection then.
                    Ok(stream) => drop(ready.send(Ok(stream)).await),
                    Err(error) => {
                        door.metrics.connection_refused();
                        tracing::debug!(peer.address = %address, error = %error, "Connection refused");
                    }
                }
            });
        }
    });
    Ok(ReceiverStream::new(connections))
}

impl Door {
    async fn handshake(
        &self,
        stream: TcpStream,
        address: SocketAddr,
        of_address: Place,
    ) -> io::Result<AuthenticatedStream> {
        stream.set_nodelay(true)?;
        let deadline = Duration::from_millis(HANDSHAKE_MILLISECONDS_MAX);
        let acceptor = TlsAcceptor::from(Arc::clone(&self.config.borrow()));
        let stream = tokio::time::timeout(deadline, acceptor.accept(stream)).await??;
        let chain: Arc<[_]> = match stream.get_ref().1.peer_certificates() {
            Some(chain) => chain.iter().map(|one| one.clone().into_owned()).collect(),
            None => return Err(io::Error::other("no client certificate")),
        };
        let own = chain.first();
        let identity = own
            .ok_or_else(|| io::Error::other("no client certificate"))
            .and_then(|der| Identity::of_certificate(der).map_err(io::Error::other))?;
        let of_identity = self.places.of_identity(identity.clone());
        let of_identity = of_identity
            .ok_or_else(|| io::Error::other("the participant has too many connections"))?;
        let registration = self.open.add(Arc::clone(&chain));
        // Whom the handshake believed may have been revoked before the connection was noted.
        let authorities = &self.identity.current().authorities;
        let believed = authorities.verify_client(&chain, self.now());
        believed.map_err(io::Error::other)?;
        let held = Held {
            _places: [of_address, of_identity],
            registration,
            metrics: Arc::clone(&self.metrics),
        };
        Ok(AuthenticatedStream::new(
            stream,
            Peer { identity, address },
            held,
        ))
    }

    /// What time it is for certificates, by the clock of the handshake.
    fn now(&self) -> rustls_pki_types::UnixTime {
        let config = self.config.borrow();
        config
            .time_provider
            .current_time()
            .unwrap_or_else(|| rustls_pki_types::UnixTime::since_unix_epoch(Duration::MAX))
    }

    /// Takes over new certificates, and cuts connections that would not be let in now: at every change, and
    /// once a minute because certificates run out.
    async fn look_after(
        self,
        mut changes: watch::Receiver<Arc<IdentityDirectory>>,
        ready: mpsc::Sender<io::Result<AuthenticatedStream>>,
    ) {
        let look_again = Duration::from_secs(LOOK_AGAIN_SECONDS);
        loop {
            let is_changed = tokio::select! {
                changed = changes.changed() => changed.is_ok(),
                () = tokio::time::sleep(look_again) => false,
                () = ready.closed() => return,
            };
            let identity = self.identity.current();
            if is_changed {
                match server_config(&identity) {
                    Ok(config) => drop(self.config.send_replace(Arc::new(config))),
                    Err(error) => {
                        tracing::warn!(error = %error, "New handshakes use the former certificate");
                    }
                }
            }
            let (open, now) = (self.open.clone(), self.now());
            // Thousands of certificates take a processor for half a second: calls do not wait for that.
            let looked = spawn_blocking(move || open.cut_untrusted(&identity.authorities, now));
            let Ok(cut) = looked.await else {
                tracing::error!("The certificates of open connections could not be looked at");
                continue;
            };
            if cut > 0 {
                tracing::info!(
                    connections = cut,
                    "Connections are cut: their certificates are no longer trusted"
                );
            }
        }
    }
}
