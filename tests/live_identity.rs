//! Certificates, CAs and revocation lists count while the hub runs.

use std::path::{Path, PathBuf};
use std::time::Duration;

use childsync::domain::clock::{Clock, SystemClock, Timestamp};
use childsync::grpc::proto::v1;
use childsync::grpc::proto::v1::feed_service_client::FeedServiceClient;
use childsync::security::directory::{CA_FILE, CERTIFICATE_FILE, KEY_FILE, LISTS_FILE};
use childsync::security::pki::{make_authority, read_certificate, revoke};
use tonic::Streaming;

use crate::access::is_let_in;
use crate::support::database::Engine;
use crate::support::eventually;
use crate::support::hub::TestHub;
use crate::support::pki::Pki;
use crate::support::records::{change, numbered_child};

/// Longer than looking at the files, reading them and cutting take on a machine that is very busy.
const SOON: Duration = Duration::from_secs(10);

async fn waiting_feed(hub: &TestHub, node: &str) -> Streaming<v1::FollowResponse> {
    let request = v1::FollowRequest {
        cursor: 0,
        wait: true,
    };
    let mut client = FeedServiceClient::new(hub.node_line(node));
    client.follow(request).await.expect("a feed").into_inner()
}

fn now() -> Timestamp {
    SystemClock.now()
}

/// Revokes a node's certificate by the CA of the tests, for the hub named province.
fn revoke_node(pki: &Pki, node: &str) {
    let certificate = read_certificate(&pki.node(node)).expect("a certificate");
    let hub = pki.node("province");
    let (authority, into): (PathBuf, [&Path; 1]) = (pki.path().join("ca"), [&hub]);
    revoke(&authority, &[certificate], &into, now()).expect("revoked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_nodes_open_stream_ends_at_once_and_others_do_not_notice() {
    let hub = TestHub::province(Engine::Sqlite).await;
    hub.register("neighbour", "GSO_PRE2025:30742").await;
    let mut revoked = waiting_feed(&hub, "commune").await;
    let mut honest = waiting_feed(&hub, "neighbour").await;

    revoke_node(&hub.pki, "commune");

    let ended = async { while let Ok(Some(_)) = revoked.message().await {} };
    tokio::time::timeout(SOON, ended)
        .await
        .expect("the stream is cut");
    assert!(!is_let_in(hub.node_line("commune")).await, "it came back");
    hub.push_as("neighbour", vec![change(1, 1, numbered_child(1))])
        .await;
    let told = async {
        loop {
            let page = honest
                .message()
                .await
                .expect("a page")
                .expect("an open stream");
            if !page.events.is_empty() {
                return page.events.len();
            }
        }
    };
    assert_eq!(told.await, 1, "the stream that was open before goes on");
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_certificate_and_a_new_ca_count_without_a_restart() {
    let hub = TestHub::province(Engine::Sqlite).await;
    let (elsewhere, folder) = (Pki::new(), hub.pki.node("province"));
    let stranger = elsewhere.operator("an");
    std::fs::copy(folder.join(CA_FILE), stranger.join(CA_FILE)).expect("copied");
    let mut open = waiting_feed(&hub, "commune").await;
    assert!(!is_let_in(hub.line_of(&stranger)).await);

    // A second CA of the same name beside the first: lists and certificates of both must count.
    let both = [folder.join(CA_FILE), elsewhere.path().join("ca/ca.pem")]
        .map(|path| std::fs::read_to_string(path).expect("readable"))
        .concat();
    std::fs::write(folder.join(CA_FILE), both).expect("written");
    eventually("a certificate of the new CA is let in", || async {
        is_let_in(hub.line_of(&stranger)).await
    })
    .await;

    // The key first: for a while it does not fit, and the former certificate stays in use.
    let renewed = hub.pki.path().join("renewed");
    let own = "childsync://node/province".parse().expect("an identity");
    hub.pki.issue(own, 1, now(), &renewed);
    for file in [KEY_FILE, CERTIFICATE_FILE] {
        std::fs::copy(renewed.join(file), folder.join(file)).expect("copied");
        assert!(is_let_in(hub.operator_line()).await, "after {file}");
    }
    let der = childsync::security::directory::IdentityDirectory::read(&renewed)
        .expect("readable")
        .chain;
    eventually("the new certificate is shown", || async {
        shown_certificate(&hub).await == der[0].as_ref()
    })
    .await;

    revoke_node(&hub.pki, "neighbour");
    eventually("a list is taken over beside a CA that has none", || async {
        !is_let_in(hub.node_line("neighbour")).await
    })
    .await;
    assert!(is_let_in(hub.line_of(&stranger)).await);
    hub.push(vec![change(1, 1, numbered_child(1))]).await;
    let page = async {
        loop {
            let page = open
                .message()
                .await
                .expect("a page")
                .expect("an open stream");
            if !page.events.is_empty() {
                return;
            }
        }
    };
    page.await;
    hub.stop().await;
}

/// The certificate that the hub shows in a handshake, in DER form.
async fn shown_certificate(hub: &TestHub) -> Vec<u8> {
    let directory = hub.pki.directory("commune");
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let config = rustls::ClientConfig::builder_with_provider(provider.into())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("a version")
        .dangerous()
        .with_custom_certificate_verifier(directory.authorities.server_verifier())
        .with_no_client_auth();
    let address = hub.url.trim_start_matches("https://");
    let stream = tokio::net::TcpStream::connect(address).await;
    let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(config));
    let name = "127.0.0.1".try_into().expect("a name");
    let stream = connector.connect(name, stream.expect("a connection")).await;
    let stream = stream.expect("a handshake");
    let shown = stream.get_ref().1.peer_certificates().expect("a chain");
    shown[0].to_vec()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_that_names_somebody_else_or_is_broken_changes_nothing() {
    let hub = TestHub::province(Engine::Sqlite).await;
    let folder = hub.pki.node("province");
    let before = shown_certificate(&hub).await;
    for file in [KEY_FILE, CERTIFICATE_FILE] {
        std::fs::copy(hub.pki.node("commune").join(file), folder.join(file)).expect("copied");
    }
    std::fs::write(folder.join(LISTS_FILE), "-----BEGIN X509 CRL-----\nAAAA\n").expect("written");

    // Something that can only be seen later than the files that change nothing.
    std::fs::remove_file(folder.join(LISTS_FILE)).expect("removed");
    let renewed = hub.pki.path().join("renewed");
    let own = "childsync://node/province".parse().expect("an identity");
    assert_eq!(shown_certificate(&hub).await, before);
    hub.pki.issue(own, 1, now(), &renewed);
    for file in [KEY_FILE, CERTIFICATE_FILE] {
        std::fs::copy(renewed.join(file), folder.join(file)).expect("copied");
    }
    eventually("the hub's own new certificate is shown", || async {
        shown_certificate(&hub).await != before
    })
    .await;
    assert!(is_let_in(hub.operator_line()).await);
    hub.stop().await;
}

#[test]
fn a_list_of_a_foreign_ca_is_refused_and_a_certificate_of_one_is_not_revoked() {
    let (pki, elsewhere) = (Pki::new(), Pki::new());
    let folder = pki.node("province");
    make_authority(&pki.path().join("other"), "another CA", now()).expect("a CA");
    let foreign = read_certificate(&elsewhere.node("commune")).expect("a certificate");
    let hub: [&Path; 1] = [&folder];

    let into_wrong = revoke(&pki.path().join("other"), &[], &hub, now());
    into_wrong.expect("a list");
    let read = childsync::security::directory::IdentityDirectory::read(&folder);
    let words = read.expect_err("it would revoke nothing").to_string();
    assert!(words.contains("not trusted here"), "{words}");

    let other = pki.path().join("other");
    assert!(revoke(&other, &[foreign], &[], now()).is_err());
}

#[test]
fn a_list_holds_what_was_revoked_before_and_other_cas_lists_stay() {
    let pki = Pki::new();
    let (authority, folder) = (pki.path().join("ca"), pki.node("province"));
    let into: [&Path; 1] = [&folder];
    let certificate = |node| read_certificate(&pki.node(node)).expect("a certificate");
    let one = revoke(&authority, &[certificate("a")], &into, now()).expect("revoked");
    let again = revoke(&authority, &[certificate("a")], &into, now()).expect("revoked");
    let two = revoke(&authority, &[certificate("b")], &into, now()).expect("revoked");
    assert_eq!((one, again, two), (1, 1, 2));

    make_authority(&pki.path().join("other"), "another CA", now()).expect("a CA");
    revoke(&pki.path().join("other"), &[], &into, now()).expect("a list");
    let text = std::fs::read_to_string(folder.join(LISTS_FILE)).expect("readable");
    assert_eq!(text.matches("BEGIN X509 CRL").count(), 2, "{text}");
}
