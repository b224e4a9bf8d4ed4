//! Whether a certificate is to be believed: exactly as TLS would, for letters that come without a line.

use std::time::Duration;

use rustls::{CertificateError, Error};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::authorities::Authorities;
use super::identity::{Identity, IdentityError};
use crate::domain::clock::Timestamp;

/// As what somebody is to be believed.
#[derive(Clone, Copy, Debug)]
pub enum TrustedAs<'a> {
    /// As a client: a node that writes to a hub.
    Client,
    /// As the server that is reached under this host name or address.
    Server(&'a str),
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
        TrustedAs::Server(host) => {
            let host = host.trim_matches(['[', ']']);
            let name = ServerName::try_from(host).map_err(|_| TrustError::OtherServer)?;
            authorities.verify_server(chain, &name, now)
        }
    };
    believed.map_err(|error| read(&error))?;
    Ok(Identity::of_certificate(own)?)
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
}
