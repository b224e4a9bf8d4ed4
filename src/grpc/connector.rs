//! Lines to a hub: for the forwarder, the command line and every other client.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, SupportedProtocolVersion};
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tonic::transport::{Channel, Endpoint};

use crate::security::directory::IdentityDirectory;
use crate::security::live::LiveIdentity;

/// How long connecting may take, TLS included.
pub const CONNECT_MILLISECONDS_MAX: u64 = 10_000;
/// Bytes of one stream that may be on their way.
const STREAM_WINDOW_BYTES: u32 = 4 * 1024 * 1024;
/// Bytes of one connection that may be on their way.
const CONNECTION_WINDOW_BYTES: u32 = 8 * 1024 * 1024;
/// A line on which nothing was heard for so long is asked whether it is there.
const KEEPALIVE_SECONDS: u64 = 20;

/// A line that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address is not a hub's.
    #[error("{0}: a hub's address is https://HOST:PORT")]
    Address(String),
    /// The identity directory does not fit.
    #[error("the identity directory cannot be used for TLS: {0}")]
    Tls(#[from] rustls::Error),
}

/// A line to a hub, connected when it is first used and again whenever it was lost, each time as the
/// identity folder then is.
pub fn line(url: &str, identity: Arc<LiveIdentity>) -> Result<Channel, ConnectError> {
    let address = || ConnectError::Address(url.to_owned());
    let uri: Uri = url.parse().map_err(|_| address())?;
    let host = uri
        .host()
        .ok_or_else(address)?
        .trim_matches(['[', ']'])
        .to_owned();
    let port = uri.port_u16().ok_or_else(address)?;
    if uri.scheme_str() != Some("https") {
        return Err(address());
    }
    let server = ServerName::try_from(host.clone()).map_err(|_| address())?;
    // What does not fit is told now and not at the first connection.
    client_config(&identity.current())?;
    let connect = tower::service_fn(move |_: Uri| {
        let (identity, server, host) = (Arc::clone(&identity), server.clone(), host.clone());
        async move {
            let config = client_config(&identity.current()).map_err(io::Error::other)?;
            let connector = TlsConnector::from(Arc::new(config));
            let stream = TcpStream::connect((host.as_str(), port)).await?;
            stream.set_nodelay(true)?;
            Ok::<_, io::Error>(TokioIo::new(connector.connect(server, stream).await?))
        }
    });
    let endpoint = Endpoint::from_shared(url.to_owned()).map_err(|_| address())?;
    Ok(endpoint
        .connect_timeout(Duration::from_millis(CONNECT_MILLISECONDS_MAX))
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .http2_keep_alive_interval(Duration::from_secs(KEEPALIVE_SECONDS))
        .keep_alive_while_idle(false)
        .connect_with_connector_lazy(connect))
}

fn client_config(directory: &IdentityDirectory) -> Result<ClientConfig, rustls::Error> {
    tls_config(directory, &[&rustls::version::TLS13], b"h2")
}

/// TLS to a server of HTTP/1.1, which may be of somebody who knows TLS 1.2 only.
pub(super) fn http_config(directory: &IdentityDirectory) -> Result<ClientConfig, rustls::Error> {
    let versions = [&rustls::version::TLS13, &rustls::version::TLS12];
    tls_config(directory, &versions, b"http/1.1")
}

fn tls_config(
    directory: &IdentityDirectory,
    versions: &[&'static SupportedProtocolVersion],
    protocol: &[u8],
) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)?
        // Looks at certificates as rustls does, each CA with its own revocation lists.
        .dangerous()
        .with_custom_certificate_verifier(directory.authorities.server_verifier())
        .with_client_auth_cert(directory.chain.clone(), directory.key.clone_key())?;
    config.alpn_protocols = vec![protocol.to_vec()];
    Ok(config)
}
