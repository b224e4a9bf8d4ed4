//! Wrong certificates: all of them are refused before the hub says a word of HTTP/2, so before any service
//! or database could be asked.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use childsync::domain::clock::{Clock, SystemClock};
use childsync::security::pki::{make_authority, revoke};
use rcgen::string::Ia5String;
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, SanType,
};
use rustls::client::ResolvesClientCert;
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, SignatureScheme};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use time::OffsetDateTime;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::support::database::Engine;
use crate::support::eventually;
use crate::support::hub::TestHub;

/// Greeting and empty settings of an HTTP/2 client.
const GREETING: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
/// The hub has looked at a certificate long before.
const PATIENCE: Duration = Duration::from_secs(30);

type ChangedBytes = fn(Vec<u8>) -> Vec<u8>;
type Change = Box<dyn Fn(&mut CertificateParams)>;

/// What somebody shows: certificates and a key that need not fit.
struct Shown {
    chain: Vec<CertificateDer<'static>>,
    key: KeyPair,
}

/// A CA with its key.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn read(folder: &std::path::Path) -> Self {
        let text = |file| std::fs::read_to_string(folder.join(file)).expect("readable");
        let key = KeyPair::from_pem(&text("ca-key.pem")).expect("a key");
        let issuer = Issuer::from_ca_cert_pem(&text("ca.pem"), key).expect("a CA");
        Self { issuer }
    }

    fn sign(&self, parameters: &CertificateParams) -> Shown {
        let key = KeyPair::generate().expect("a key");
        let certificate = parameters.signed_by(&key, &self.issuer);
        Shown {
            chain: vec![certificate.expect("a certificate").der().clone()],
            key,
        }
    }
}

/// What an honest node's certificate says.
fn honest() -> CertificateParams {
    let mut parameters = CertificateParams::default();
    parameters
        .distinguished_name
        .push(DnType::CommonName, "commune");
    parameters.subject_alt_names = vec![uri("childsync://node/commune")];
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let now = today();
    parameters.not_before = now - Duration::from_hours(1);
    parameters.not_after = now + Duration::from_hours(1);
    parameters
}

fn today() -> OffsetDateTime {
    let seconds = SystemClock.now().as_micros() / 1_000_000;
    OffsetDateTime::from_unix_timestamp(seconds).expect("a time")
}

fn uri(text: &str) -> SanType {
    SanType::URI(Ia5String::try_from(text).expect("ASCII"))
}

fn named(uris: &'static [&'static str]) -> Change {
    Box::new(move |parameters| {
        parameters.subject_alt_names = uris.iter().map(|text| uri(text)).collect();
    })
}

fn used_for(usages: Vec<ExtendedKeyUsagePurpose>) -> Change {
    Box::new(move |parameters| parameters.extended_key_usages.clone_from(&usages))
}

/// Valid from so many hours from now until so many hours from now.
fn valid(from: i64, to: i64) -> Change {
    Box::new(move |parameters| {
        let now = today();
        parameters.not_before = now + time::Duration::hours(from);
        parameters.not_after = now + time::Duration::hours(to);
    })
}

/// Names in certificates of the hub's own CA by which nobody may be let in.
const MISNAMED: [(&str, &[&str]); 23] = [
    ("names a web page", &["https://node/commune"]),
    (
        "names two nodes",
        &["childsync://node/commune", "childsync://node/other"],
    ),
    (
        "names itself twice",
        &["childsync://node/commune", "childsync://node/commune"],
    ),
    (
        "names node and operator",
        &["childsync://node/commune", "childsync://operator/an"],
    ),
    ("names a king", &["childsync://king/commune"]),
    ("has no name", &["childsync://node/"]),
    ("has no kind", &["childsync://commune"]),
    ("has nothing", &["childsync://"]),
    ("is in capitals", &["childsync://node/COMMUNE"]),
    ("has another scheme", &["CHILDSYNC://node/commune"]),
    ("has a scheme like ours", &["childsyncs://node/commune"]),
    ("has a space", &["childsync://node/com mune"]),
    ("has an encoded letter", &["childsync://node/%63ommune"]),
    ("has a further part", &["childsync://node/commune/x"]),
    ("ends with a slash", &["childsync://node/commune/"]),
    ("has a query", &["childsync://node/commune?x=1"]),
    ("has a fragment", &["childsync://node/commune#x"]),
    ("has a port", &["childsync://node:1/commune"]),
    ("has a user", &["childsync://an@node/commune"]),
    ("has a line end", &["childsync://node/commune\n"]),
    ("has a zero byte", &["childsync://node/commune\0"]),
    ("has dots", &["childsync://node/../operator/an"]),
    (
        "is too long",
        &["childsync://node/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"],
    ),
];

/// Certificates that the hub's own CA has issued and that must not be let in.
fn badly_issued() -> Vec<(&'static str, Change)> {
    let no_names: Change = Box::new(|parameters| parameters.subject_alt_names.clear());
    let only_host: Change = Box::new(|parameters| {
        let host = Ia5String::try_from("commune").expect("ASCII");
        parameters.subject_alt_names = vec![SanType::DnsName(host)];
    });
    let only_address: Change = Box::new(|parameters| {
        parameters.subject_alt_names = vec![SanType::IpAddress(IpAddr::from([127, 0, 0, 1]))];
    });
    let as_mail: Change = Box::new(|parameters| {
        let mail = Ia5String::try_from("childsync://node/commune").expect("ASCII");
        parameters.subject_alt_names = vec![SanType::Rfc822Name(mail)];
    });
    let authority: Change = Box::new(|parameters| {
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    });
    let unknown_rule: Change = Box::new(|parameters| {
        let mut rule =
            CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 55_555, 1], vec![5, 0]);
        rule.set_criticality(true);
        parameters.custom_extensions.push(rule);
    });
    let mut badly: Vec<(&'static str, Change)> = vec![
        ("ended an hour ago", valid(-2, -1)),
        ("ended years ago", valid(-90_000, -80_000)),
        ("begins in an hour", valid(1, 2)),
        ("begins in years", valid(80_000, 90_000)),
        ("ends before it begins", valid(1, -1)),
        (
            "for servers",
            used_for(vec![ExtendedKeyUsagePurpose::ServerAuth]),
        ),
        (
            "for code",
            used_for(vec![ExtendedKeyUsagePurpose::CodeSigning]),
        ),
        (
            "for mail",
            used_for(vec![ExtendedKeyUsagePurpose::EmailProtection]),
        ),
        (
            "for time stamps",
            used_for(vec![ExtendedKeyUsagePurpose::TimeStamping]),
        ),
        (
            "for status answers",
            used_for(vec![ExtendedKeyUsagePurpose::OcspSigning]),
        ),
        ("is a CA", authority),
        ("has a rule that nobody knows", unknown_rule),
        ("names nobody", no_names),
        ("names a host", only_host),
        ("names an address", only_address),
        ("names a mail address", as_mail),
    ];
    badly.extend(MISNAMED.map(|(name, uris)| (name, named(uris))));
    badly
}

/// Certificates that are not the hub's CA's, or were changed after it had signed them.
fn forged(hub: &TestHub, authority: &Authority) -> Vec<(String, Shown)> {
    let folder = hub.pki.path();
    for (name, called) in [("same-name", "test CA"), ("other-name", "another CA")] {
        make_authority(&folder.join(name), called, SystemClock.now()).expect("a CA");
    }
    let mut forged = Vec::new();
    for name in ["same-name", "other-name"] {
        let shown = Authority::read(&folder.join(name)).sign(&honest());
        forged.push((format!("issued by {name}"), shown));
    }
    let key = KeyPair::generate().expect("a key");
    let own = honest().self_signed(&key).expect("a certificate");
    let chain = vec![own.der().clone()];
    forged.push(("self-signed".to_owned(), Shown { chain, key }));

    // A node issues a certificate for another one; and so does a CA that may issue only nodes.
    for (name, is_ca) in [
        ("issued by a node", IsCa::NoCa),
        (
            "issued below a CA that has none below",
            IsCa::Ca(BasicConstraints::Unconstrained),
        ),
    ] {
        let mut parameters = honest();
        parameters.is_ca = is_ca;
        let between = authority.sign(&parameters);
        let issuer = Issuer::new(parameters, between.key);
        let mut shown = Authority { issuer }.sign(&honest());
        shown.chain.extend(between.chain);
        forged.push((name.to_owned(), shown));
    }

    // Another node's certificate is public: it is worth nothing without its key.
    let mut stolen = authority.sign(&honest());
    stolen.key = KeyPair::generate().expect("a key");
    forged.push(("another node's, without its key".to_owned(), stolen));

    let length = authority.sign(&honest()).chain[0].len();
    for part in 0..12 {
        let mut shown = authority.sign(&honest());
        let mut bytes = shown.chain[0].to_vec();
        let at = (length * part / 12).min(bytes.len() - 1);
        bytes[at] ^= 1;
        shown.chain = vec![CertificateDer::from(bytes)];
        forged.push((format!("byte {at} is another one"), shown));
    }
    let changes: [(&str, ChangedBytes); 3] = [
        ("is empty", |_| Vec::new()),
        ("is cut", |bytes| bytes[..bytes.len() / 2].to_vec()),
        ("goes on behind its end", |mut bytes| {
            bytes.push(0);
            bytes
        }),
    ];
    for (name, change) in changes {
        let mut shown = authority.sign(&honest());
        shown.chain = vec![CertificateDer::from(change(shown.chain[0].to_vec()))];
        forged.push((name.to_owned(), shown));
    }
    forged
}

/// Shows the same to every server, whether it fits or not.
#[derive(Debug)]
struct Showing(Arc<CertifiedKey>);

impl ResolvesClientCert for Showing {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

fn config_of(hub: &TestHub, shown: Option<Shown>) -> ClientConfig {
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let load = provider.key_provider;
    let authorities = hub.pki.directory("province").authorities;
    let builder = ClientConfig::builder_with_provider(provider.into())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("a version")
        .dangerous()
        .with_custom_certificate_verifier(authorities.server_verifier());
    let mut config = match shown {
        Some(Shown { chain, key }) => {
            let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
            let key = load.load_private_key(key).expect("a key");
            let showing = Showing(Arc::new(CertifiedKey::new(chain, key)));
            builder.with_client_cert_resolver(Arc::new(showing))
        }
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    config
}

/// Whether the hub says a single byte of HTTP/2 to whom shows this.
async fn is_answered(hub: &TestHub, shown: Option<Shown>) -> bool {
    let address = hub.url.trim_start_matches("https://");
    let stream = TcpStream::connect(address).await.expect("a connection");
    let connector = TlsConnector::from(Arc::new(config_of(hub, shown)));
    let name = "127.0.0.1".try_into().expect("a name");
    let Ok(mut stream) = connector.connect(name, stream).await else {
        return false;
    };
    // The hub may have closed the connection by now: then reading says so.
    if stream.write_all(GREETING).await.is_err() {
        return false;
    }
    let read = tokio::time::timeout(PATIENCE, async { stream.read(&mut [0; 64]).await });
    let read = read.await.expect("an answer or the end");
    matches!(read, Ok(1..))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_wrong_certificate_is_refused_before_a_word_is_said() {
    let hub = TestHub::province(Engine::Sqlite).await;
    let authority = Authority::read(&hub.pki.path().join("ca"));
    assert!(
        is_answered(&hub, Some(authority.sign(&honest()))).await,
        "a right certificate must be let in, or this test proves nothing"
    );

    assert!(!is_answered(&hub, None).await, "none at all");
    let mut tried = 1;
    for (name, change) in badly_issued() {
        let mut parameters = honest();
        change(&mut parameters);
        let answered = is_answered(&hub, Some(authority.sign(&parameters))).await;
        assert!(!answered, "a certificate that {name} was let in");
        tried += 1;
    }
    for (name, shown) in forged(&hub, &authority) {
        assert!(
            !is_answered(&hub, Some(shown)).await,
            "a certificate was let in: {name}"
        );
        tried += 1;
    }
    assert!(tried >= 40, "{tried}");
    assert!(is_answered(&hub, Some(authority.sign(&honest()))).await);
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_certificate_is_refused_before_a_word_is_said() {
    let hub = TestHub::province(Engine::Sqlite).await;
    let authority = Authority::read(&hub.pki.path().join("ca"));
    let shown = authority.sign(&honest());
    let pem = pem::encode(&pem::Pem::new("CERTIFICATE", shown.chain[0].as_ref()));
    let again = || Shown {
        chain: shown.chain.clone(),
        key: KeyPair::from_pem(&shown.key.serialize_pem()).expect("a key"),
    };
    assert!(is_answered(&hub, Some(again())).await);

    let (ca, folder) = (hub.pki.path().join("ca"), hub.pki.node("province"));
    revoke(&ca, &[pem.into_bytes()], &[&folder], SystemClock.now()).expect("revoked");

    eventually("a revoked certificate is refused", || async {
        !is_answered(&hub, Some(again())).await
    })
    .await;
    assert!(is_answered(&hub, Some(authority.sign(&honest()))).await);
    hub.stop().await;
}
