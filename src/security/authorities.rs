//! The CAs that are trusted, each with its own revocation lists.
//!
//! A certificate is looked at by each CA alone. A verifier that is given all of them at once would take a
//! list by its issuer's name: two CAs of one name, for instance an old and a new key of the same authority,
//! would spoil each other's lists, and a CA without a list would lose every certificate.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore,
    SignatureScheme,
};
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, ServerName, UnixTime};
use webpki::{
    CertRevocationList, EndEntityCert, KeyUsage, OwnedCertRevocationList, RevocationOptionsBuilder,
    UnknownStatusPolicy,
};
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::{CertificateRevocationList, FromDer, X509Certificate};

/// CAs or lists that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthoritiesError {
    /// There is no CA.
    #[error("no CA is given")]
    Empty,
    /// A CA's certificate cannot be used.
    #[error("the certificate of a CA cannot be used")]
    Authority,
    /// A revocation list cannot be read.
    #[error("a revocation list cannot be read")]
    List,
    /// A list would silently revoke nothing.
    #[error("a revocation list is of a CA that is not trusted here")]
    ForeignList,
}

/// The CAs that a participant trusts.
#[derive(Clone)]
pub struct Authorities(Vec<Authority>);

/// One CA as both kinds of certificates see it.
#[derive(Clone)]
struct Authority {
    certificate: CertificateDer<'static>,
    clients: Arc<dyn ClientCertVerifier>,
    servers: Arc<dyn ServerCertVerifier>,
    /// How many CAs may stand between this one and a certificate. The verifiers do not ask a trusted CA's
    /// certificate for it.
    below_max: usize,
    roots: Arc<RootCertStore>,
    lists: Arc<Vec<CertRevocationList<'static>>>,
}

impl Authorities {
    /// CAs with revocation lists; a list belongs to the CA that it names, by name and key. A CA without a
    /// list revokes nobody. A list counts also when its next issue is overdue.
    pub fn new(
        certificates: Vec<CertificateDer<'static>>,
        lists: Vec<CertificateRevocationListDer<'static>>,
    ) -> Result<Self, AuthoritiesError> {
        if certificates.is_empty() {
            return Err(AuthoritiesError::Empty);
        }
        let mut of_each = vec![Vec::new(); certificates.len()];
        for list in lists {
            let at = issuer_of(&list, &certificates)?;
            let lists: Option<&mut Vec<_>> = of_each.get_mut(at);
            lists.ok_or(AuthoritiesError::ForeignList)?.push(list);
        }
        let each = certificates.into_iter().zip(of_each);
        let each: Result<Vec<_>, _> = each.map(|(ca, lists)| Authority::new(ca, lists)).collect();
        Ok(Self(each?))
    }

    /// The certificates of the CAs.
    pub fn certificates(&self) -> impl Iterator<Item = &CertificateDer<'static>> {
        self.0.iter().map(|authority| &authority.certificate)
    }

    /// Looks at certificates of clients in handshakes.
    pub fn client_verifier(&self) -> Arc<dyn ClientCertVerifier> {
        let hints = self.0.iter();
        let hints = hints.flat_map(|authority| authority.clients.root_hint_subjects().to_vec());
        Arc::new(EveryAuthority {
            hints: hints.collect(),
            authorities: self.clone(),
            provider: Arc::new(default_provider()),
        })
    }

    /// Looks at certificates of servers in handshakes.
    pub fn server_verifier(&self) -> Arc<dyn ServerCertVerifier> {
        Arc::new(EveryAuthority {
            hints: Vec::new(),
            authorities: self.clone(),
            provider: Arc::new(default_provider()),
        })
    }

    /// Whether a client with this chain would be let in now. The chain has its own certificate first.
    pub fn verify_client(&self, chain: &[CertificateDer<'_>], now: UnixTime) -> Result<(), Error> {
        let (own, intermediates) = chain.split_first().ok_or(Error::NoCertificatesPresented)?;
        self.first(|authority| authority.verify_client(own, intermediates, now))
            .map(|_| ())
    }

    /// Whether a server of this name with this chain would be believed now.
    pub fn verify_server(
        &self,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), Error> {
        let (own, intermediates) = chain.split_first().ok_or(Error::NoCertificatesPresented)?;
        self.first(|authority| authority.verify_server(own, intermediates, name, now))
            .map(|_| ())
    }

    /// Whether the owner of this chain may do now what this purpose names, and nothing else: a certificate that
    /// names no purpose is not enough. The purpose is an object identifier in DER form.
    pub fn verify_purpose(
        &self,
        chain: &[CertificateDer<'_>],
        purpose: &'static [u8],
        now: UnixTime,
    ) -> Result<(), Error> {
        let (own, intermediates) = chain.split_first().ok_or(Error::NoCertificatesPresented)?;
        self.first(|authority| authority.verify_purpose(own, intermediates, purpose, now))
    }

    /// The first CA that says yes; if none does, the reason that says most.
    fn first<T>(&self, verify: impl Fn(&Authority) -> Result<T, Error>) -> Result<T, Error> {
        let mut refused = None;
        for authority in &self.0 {
            match verify(authority) {
                Ok(verified) => return Ok(verified),
                Err(error) => {
                    if refused.as_ref().is_none_or(says_little) {
                        refused = Some(error);
                    }
                }
            }
        }
        Err(refused.unwrap_or(Error::InvalidCertificate(CertificateError::UnknownIssuer)))
    }
}

impl Authority {
    fn new(
        certificate: CertificateDer<'static>,
        lists: Vec<CertificateRevocationListDer<'static>>,
    ) -> Result<Self, AuthoritiesError> {
        let mut roots = RootCertStore::empty();
        let added = roots.add(certificate.clone());
        added.map_err(|_| AuthoritiesError::Authority)?;
        let (roots, provider) = (Arc::new(roots), Arc::new(default_provider()));
        let mut clients =
            WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots), Arc::clone(&provider));
        let mut servers = WebPkiServerVerifier::builder_with_provider(Arc::clone(&roots), provider);
        let parsed: Result<Vec<_>, _> = lists
            .iter()
            .map(|list| OwnedCertRevocationList::from_der(list).map(Into::into))
            .collect();
        if !lists.is_empty() {
            // An intermediate CA may have no list of its own.
            clients = clients
                .with_crls(lists.clone())
                .allow_unknown_revocation_status();
            servers = servers.with_crls(lists).allow_unknown_revocation_status();
        }
        Ok(Self {
            below_max: authorities_below(&certificate)?,
            certificate,
            clients: clients.build().map_err(|_| AuthoritiesError::List)?,
            servers: servers.build().map_err(|_| AuthoritiesError::List)?,
            roots,
            lists: Arc::new(parsed.map_err(|_| AuthoritiesError::List)?),
        })
    }

    fn verify_client(
        &self,
        own: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let intermediates = intermediates.get(..self.below_max).unwrap_or(intermediates);
        self.clients.verify_client_cert(own, intermediates, now)
    }

    fn verify_server(
        &self,
        own: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let intermediates = intermediates.get(..self.below_max).unwrap_or(intermediates);
        self.servers
            .verify_server_cert(own, intermediates, name, &[], now)
    }

    fn verify_purpose(
        &self,
        own: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        purpose: &'static [u8],
        now: UnixTime,
    ) -> Result<(), Error> {
        let intermediates = intermediates.get(..self.below_max).unwrap_or(intermediates);
        let own = EndEntityCert::try_from(own).map_err(|error| of_path(&error))?;
        let algorithms = default_provider().signature_verification_algorithms.all;
        let lists: Vec<&CertRevocationList<'_>> = self.lists.iter().collect();
        let revocation = RevocationOptionsBuilder::new(&lists).ok();
        let revocation = revocation.map(|options| {
            let options = options.with_status_policy(UnknownStatusPolicy::Allow);
            options.build()
        });
        let (anchors, usage) = (&self.roots.roots, KeyUsage::required(purpose));
        own.verify_for_usage(
            algorithms,
            anchors,
            intermediates,
            now,
            usage,
            revocation,
            None,
        )
        .map(|_| ())
        .map_err(|error| of_path(&error))
    }
}

/// How many CAs a CA's certificate allows below itself.
fn authorities_below(certificate: &CertificateDer<'_>) -> Result<usize, AuthoritiesError> {
    let unusable = |_| AuthoritiesError::Authority;
    let (_, certificate) = X509Certificate::from_der(certificate).map_err(unusable)?;
    let constraints = certificate.basic_constraints();
    let constraints = constraints.map_err(|_| AuthoritiesError::Authority)?;
    let below = constraints.and_then(|constraints| constraints.value.path_len_constraint);
    Ok(below.map_or(usize::MAX, |below| {
        usize::try_from(below).unwrap_or(usize::MAX)
    }))
}

/// Why a path of certificates does not lead to a CA, in the words of handshakes.
fn of_path(error: &webpki::Error) -> Error {
    use webpki::Error as Path;
    Error::InvalidCertificate(if matches!(error, Path::CertExpired { .. }) {
        CertificateError::Expired
    } else if matches!(error, Path::CertNotValidYet { .. }) {
        CertificateError::NotValidYet
    } else if matches!(error, Path::CertRevoked) {
        CertificateError::Revoked
    } else if matches!(error, Path::UnknownIssuer) {
        CertificateError::UnknownIssuer
    } else if matches!(error, Path::InvalidSignatureForPublicKey) {
        CertificateError::BadSignature
    } else {
        CertificateError::InvalidPurpose
    })
}

/// Whether an error says only that another CA issued the certificate.
fn says_little(error: &Error) -> bool {
    matches!(
        error,
        Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature)
    )
}

/// Position of the CA whose list this is.
fn issuer_of(
    list: &CertificateRevocationListDer<'_>,
    certificates: &[CertificateDer<'_>],
) -> Result<usize, AuthoritiesError> {
    for (at, certificate) in certificates.iter().enumerate() {
        if is_list_of(list, certificate)? {
            return Ok(at);
        }
    }
    Err(AuthoritiesError::ForeignList)
}

/// Whether a revocation list is this CA's, by its name and, where both tell it, by its key.
pub fn is_list_of(
    list: &CertificateRevocationListDer<'_>,
    authority: &CertificateDer<'_>,
) -> Result<bool, AuthoritiesError> {
    let (_, list) =
        CertificateRevocationList::from_der(list).map_err(|_| AuthoritiesError::List)?;
    let (_, authority) =
        X509Certificate::from_der(authority).map_err(|_| AuthoritiesError::Authority)?;
    let mut listed = list.extensions().iter();
    let listed_key = listed.find_map(|extension| {
        if let ParsedExtension::AuthorityKeyIdentifier(key) = extension.parsed_extension() {
            key.key_identifier.as_ref().map(|key| key.0)
        } else {
            None
        }
    });
    let mut own = authority.iter_extensions();
    let own_key = own.find_map(|extension| {
        if let ParsedExtension::SubjectKeyIdentifier(key) = extension.parsed_extension() {
            Some(key.0)
        } else {
            None
        }
    });
    let same_key = listed_key
        .zip(own_key)
        .is_none_or(|(one, other)| one == other);
    Ok(same_key && authority.subject() == list.issuer())
}

/// Asks each CA in turn.
struct EveryAuthority {
    authorities: Authorities,
    hints: Vec<DistinguishedName>,
    provider: Arc<CryptoProvider>,
}

impl std::fmt::Debug for EveryAuthority {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "EveryAuthority({})", self.authorities.0.len())
    }
}

impl EveryAuthority {
    fn schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = self.provider.signature_verification_algorithms;
        algorithms.supported_schemes()
    }

    fn verify_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }
}

/// TLS 1.2 is not spoken here.
fn refuse_old_tls() -> Result<HandshakeSignatureValid, Error> {
    Err(Error::PeerIncompatible(
        rustls::PeerIncompatible::ServerDoesNotSupportTls12Or13,
    ))
}

impl ClientCertVerifier for EveryAuthority {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.authorities
            .first(|authority| authority.verify_client(end_entity, intermediates, now))
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        refuse_old_tls()
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes()
    }
}

impl ServerCertVerifier for EveryAuthority {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.authorities
            .first(|authority| authority.verify_server(end_entity, intermediates, server_name, now))
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        refuse_old_tls()
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes()
    }
}
