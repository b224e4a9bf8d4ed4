//! Who is let in: certificates, TLS versions, silent sockets, keys.

use std::sync::Arc;
use std::time::Duration;

use childsync::app::App;
use childsync::config::HubConfig;
use childsync::domain::clock::{Clock, SystemClock, Timestamp};
use childsync::grpc::listener::HANDSHAKE_MILLISECONDS_MAX;
use childsync::grpc::proto::v1;
use childsync::grpc::proto::v1::status_service_client::StatusServiceClient;
use tokio::io::AsyncReadExt;
use tonic::transport::Channel;
use tonic_types::StatusExt;

use crate::support::database::Engine;
use crate::support::hub::{HubOptions, TestHub, write_config};
use crate::support::pki::Pki;

/// Whether a call over this line gets as far as an answer of the hub's services.
pub(crate) async fn is_let_in(line: Channel) -> bool {
    let request = v1::GetStatusRequest { with_digest: false };
    match StatusServiceClient::new(line).get_status(request).await {
        Ok(_) => true,
        Err(status) => status.get_error_details().error_info().is_some(),
    }
}

#[tokio::test]
async fn only_certificates_of_the_hubs_ca_that_name_somebody_and_are_valid_are_let_in() {
    let hub = TestHub::province(Engine::Sqlite).await;
    assert!(is_let_in(hub.operator_line()).await);

    let elsewhere = Pki::new();
    let (other, out) = (elsewhere.operator("an"), hub.pki.path().join("expired"));
    // The stranger trusts our CA, so that only the hub can refuse.
    std::fs::copy(hub.pki.operator("an").join("ca.pem"), other.join("ca.pem")).expect("copied");
    let long_ago = Timestamp::from_micros(SystemClock.now().as_micros() - 9 * 86_400_000_000);
    hub.pki.issue(
        "childsync://operator/an".parse().expect("an identity"),
        1,
        long_ago,
        &out,
    );

    assert!(
        !is_let_in(hub.line_of(&other)).await,
        "another CA's certificate was let in"
    );
    assert!(
        !is_let_in(hub.line_of(&out)).await,
        "an expired certificate was let in"
    );
    hub.stop().await;
}

#[tokio::test]
async fn a_caller_without_certificate_or_with_old_tls_is_not_let_in() {
    let hub = TestHub::province(Engine::Sqlite).await;
    let directory = hub.pki.directory("commune");
    let mut roots = rustls::RootCertStore::empty();
    for authority in directory.authorities.certificates() {
        roots.add(authority.clone()).expect("a root");
    }
    let builder = |version| {
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        rustls::ClientConfig::builder_with_provider(provider.into())
            .with_protocol_versions(&[version])
            .expect("a version")
            .with_root_certificates(roots.clone())
    };
    let nameless = builder(&rustls::version::TLS13).with_no_client_auth();
    let old = builder(&rustls::version::TLS12)
        .with_client_auth_cert(directory.chain.clone(), directory.key.clone_key())
        .expect("a configuration");

    for config in [nameless, old] {
        assert!(!says_anything(&hub, config).await);
    }
    hub.stop().await;
}

/// Whether the hub sends a single byte inside TLS.
async fn says_anything(hub: &TestHub, config: rustls::ClientConfig) -> bool {
    let address = hub.url.trim_start_matches("https://");
    let stream = tokio::net::TcpStream::connect(address)
        .await
        .expect("a connection");
    let name = "127.0.0.1".try_into().expect("a name");
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let Ok(mut stream) = connector.connect(name, stream).await else {
        return false;
    };
    matches!(stream.read(&mut [0; 64]).await, Ok(1..))
}

#[tokio::test]
async fn a_socket_that_stays_silent_is_closed_within_the_deadline() {
    let hub = TestHub::province(Engine::Sqlite).await;
    let address = hub.url.trim_start_matches("https://");
    let mut silent = tokio::net::TcpStream::connect(address)
        .await
        .expect("a connection");

    let limit = Duration::from_millis(HANDSHAKE_MILLISECONDS_MAX + 3_000);
    let closed = tokio::time::timeout(limit, silent.read(&mut [0; 64])).await;

    let read = closed.expect("it is closed in time");
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
    hub.stop().await;
}

#[tokio::test]
async fn a_hub_with_another_sealing_key_does_not_start() {
    let hub = TestHub::province(Engine::Sqlite).await;
    let (pki, database) = (Arc::clone(&hub.pki), Arc::clone(&hub.database));
    hub.stop().await;
    let options = HubOptions::province();
    let path = write_config(&pki, &database.url, &options);
    let key = pki.path().join("province-seal.key");
    std::fs::write(&key, [8; 32]).expect("written");

    let config = HubConfig::read(&path, std::iter::empty()).expect("a configuration");
    let refused = App::prepare(config).await.err().expect("it must not start");

    let words = format!("{refused:#}");
    assert!(
        words.contains("sealing.key_file") && words.contains("first key"),
        "{words}"
    );
}
