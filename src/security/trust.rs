//! Whether a certificate is to be believed: exactly as TLS would, for letters that come without a line.

use std::time::Duration;

use rustls::{CertificateError, Error};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use webpki::EndEntityCert;

use super::authorities::Authorities;
use super::identity::{Identity, IdentityError};
use crate::domain::clock::Timestamp;

/// The purpose of a certificate that evidence is signed with: document signing, RFC 9336.
pub const DOCUMENT_SIGNING: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 3, 36];
/// The same in DER form, without tag and length.
const DOCUMENT_SIGNING_DER: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 36];

/// As what somebody is to be believed.
#[derive(Clone, Copy, Debug)]
pub enum TrustedAs<'a> {
    /// As a client: a node that writes to a hub.
    Client,
    /// As the server that is reached under this host name or address.
    Server(&'a str),
    /// As a hub that signs evidence, whoever it is.
    Signer,
    /// As the hub that signs evidence and is reached under this host name or address.
    SignerAt(&'a str),
}

/// A certificate that is not to be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// It has run out.
    #[error("its signer's certificate has run out, or the clock here is ahead")]
    Expired,
    /// It is not valid yet.
    #[error("its signer's certificate is not valid yet: check the clock here")]
    NotYetValid,
    /// No CA that is trusted here has issued it.
    #[error("was signed by somebody whose CA is not trusted here")]
    Foreign,
    /// Its CA has revoked it.
    #[error("its signer's certificate was revoked")]
    Revoked,
    /// It is another server's.
    #[error("was signed by another hub than the one of the configuration")]
    OtherServer,
    /// It may not be used for this, or is broken.
    #[error("its signer's certificate cannot be used for this")]
    Unusable,
    /// It names nobody.
    #[error(transparent)]
    Identity(#[from] IdentityError),
}

/// Says who the owner of a chain is, if a handshake now would believe it. The chain has the owner's own
/// certificate first.
pub fn believe(
    authorities: &Authorities,
    chain: &[CertificateDer<'_>],
    trusted_as: TrustedAs<'_>,
    now: Timestamp,
) -> Result<Identity, TrustError> {
    let own = chain.first().ok_or(TrustError::Unusable)?;
    let seconds = u64::try_from(now.as_micros().div_euclid(1_000_000)).unwrap_or_default();
    let now = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    let believed = match trusted_as {
        TrustedAs::Client => authorities.verify_client(chain, now),
        TrustedAs::Server(host) => authorities.verify_server(chain, &server_name(host)?, now),
        TrustedAs::Signer | TrustedAs::SignerAt(_) => {
            authorities.verify_purpose(chain, DOCUMENT_SIGNING_DER, now)
        }
    };
    believed.map_err(|error| read(&error))?;
    if let TrustedAs::SignerAt(host) = trusted_as {
        let own = EndEntityCert::try_from(own).map_err(|_| TrustError::Unusable)?;
        own.verify_is_valid_for_subject_name(&server_name(host)?)
            .map_err(|_| TrustError::OtherServer)?;
    }
    Ok(Identity::of_certificate(own)?)
}

fn server_name(host: &str) -> Result<ServerName<'_>, TrustError> {
    let host = host.trim_matches(['[', ']']);
    ServerName::try_from(host).map_err(|_| TrustError::OtherServer)
}

fn read(error: &Error) -> TrustError {
    let Error::InvalidCertificate(error) = error else {
        return TrustError::Unusable;
    };
    if matches!(
        error,
        CertificateError::Expired | CertificateError::ExpiredContext { .. }
    ) {
        TrustError::Expired
    } else if matches!(
        error,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. }
    ) {
        TrustError::NotYetValid
    } else if matches!(
        error,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }
    ) {
        TrustError::OtherServer
    } else if matches!(error, CertificateError::Revoked) {
        TrustError::Revoked
    } else if matches!(
        error,
        CertificateError::UnknownIssuer | CertificateError::BadSignature
    ) {
        TrustError::Foreign
    } else {
        TrustError::Unusable
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::security::directory::IdentityDirectory;
    use crate::security::pki::{CertificateRequest, issue, make_authority};

    const NOW: i64 = 1_795_000_000_000_000;
    const DAY: i64 = 86_400_000_000;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros)
    }

    fn identity(folder: &Path, hosts: &[&str]) -> IdentityDirectory {
        let (authority, out) = (folder.join("ca"), folder.join("own"));
        make_authority(&authority, "test", at(NOW - 9 * DAY)).expect("a CA");
        let request = CertificateRequest {
            identity: "childsync://node/own".parse().expect("a name"),
            hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
            days: 2,
        };
        issue(&authority, &request, &out, at(NOW)).expect("a certificate");
        IdentityDirectory::read(&out).expect("readable")
    }

    #[test]
    fn a_certificate_is_believed_in_its_days_by_its_ca_and_for_what_it_is_for() {
        let (one, two) = (tempfile::tempdir(), tempfile::tempdir());
        let own = identity(one.expect("a folder").path(), &[]);
        let other = identity(two.expect("a folder").path(), &["hub.example"]);
        let client = |of: &IdentityDirectory, by: &IdentityDirectory, now| {
            believe(&by.authorities, &of.chain, TrustedAs::Client, at(now)).map(|_| ())
        };
        let server = |of: &IdentityDirectory, host| {
            believe(&of.authorities, &of.chain, TrustedAs::Server(host), at(NOW)).map(|_| ())
        };

        assert_eq!(client(&own, &own, NOW), Ok(()));
        assert_eq!(client(&own, &own, NOW + 3 * DAY), Err(TrustError::Expired));
        assert_eq!(client(&own, &own, NOW - DAY), Err(TrustError::NotYetValid));
        assert_eq!(client(&own, &other, NOW), Err(TrustError::Foreign));
        assert_eq!(server(&other, "hub.example"), Ok(()));
        assert_eq!(
            server(&other, "other.example"),
            Err(TrustError::OtherServer)
        );
        assert!(
            server(&own, "hub.example").is_err(),
            "a mere client serves nobody"
        );
        assert_eq!(
            believe(&own.authorities, &[], TrustedAs::Client, at(NOW)),
            Err(TrustError::Unusable)
        );
    }
    #[test]
    fn evidence_is_believed_of_a_signing_key_and_not_of_the_key_of_a_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let hub = identity(folder.path(), &["hub.example"]);
        let signer = hub.signer.as_ref().expect("a hub signs");
        let believed = |chain: &[CertificateDer<'static>], trusted_as, now| {
            believe(&hub.authorities, chain, trusted_as, at(now)).map(|_| ())
        };
        let here = TrustedAs::SignerAt("hub.example");

        assert_eq!(believed(&signer.chain, TrustedAs::Signer, NOW), Ok(()));
        assert_eq!(believed(&signer.chain, here, NOW), Ok(()));
        let elsewhere = TrustedAs::SignerAt("other.example");
        let other = Err(TrustError::OtherServer);
        assert_eq!(believed(&signer.chain, elsewhere, NOW), other);
        let late = Err(TrustError::Expired);
        assert_eq!(believed(&signer.chain, here, NOW + 3 * DAY), late);
        assert!(believed(&hub.chain, here, NOW).is_err(), "the line's key");
        let server = TrustedAs::Server("hub.example");
        assert!(believed(&signer.chain, server, NOW).is_err(), "no server");
        assert!(believed(&signer.chain, TrustedAs::Client, NOW).is_err());
    }
}
