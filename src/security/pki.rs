//! A private CA for those who have none.

mod revocation;

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use rcgen::string::Ia5String;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PKCS_ED25519, SanType,
};
use time::OffsetDateTime;

use super::directory::{
    CA_FILE, CERTIFICATE_FILE, DirectoryError, KEY_FILE, SIGNING_CERTIFICATE_FILE,
    SIGNING_KEY_FILE, make_private_folder, read_private, write_private, write_public,
};
use super::identity::Identity;
use super::trust::DOCUMENT_SIGNING;
use crate::domain::clock::Timestamp;

pub use revocation::{read_certificate, revoke};

/// The CA's certificate in a CA folder.
const CA_CERTIFICATE_FILE: &str = "ca.pem";
/// The CA's private key in a CA folder.
const CA_KEY_FILE: &str = "ca-key.pem";
/// How long a CA lasts: ten years, in days.
pub const CA_DAYS: u32 = 3_652;
/// How long a certificate lasts unless asked otherwise, in days.
pub const CERTIFICATE_DAYS: u32 = 365;
/// A certificate is valid from some minutes before it was made: clocks in communes are slow.
const BACKDATED: Duration = Duration::from_mins(10);

/// Something that could not be made or issued.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    /// A file is in the way, missing or not private.
    #[error(transparent)]
    File(#[from] DirectoryError),
    /// The CA's certificate or key cannot be used, or a name cannot stand in a certificate.
    #[error("the certificate cannot be made: {0}")]
    Certificate(#[from] rcgen::Error),
    /// The CA did not issue it, or it is no certificate.
    #[error("is no certificate of this CA")]
    Issued,
    /// A revocation list is broken.
    #[error("the revocation list cannot be read: restore crl.pem from a backup")]
    List,
    /// The time is beyond the calendar.
    #[error("the time of the certificate is beyond the calendar")]
    Time,
}

/// What to issue.
#[derive(Clone, Debug)]
pub struct CertificateRequest {
    /// Who it names.
    pub identity: Identity,
    /// Host names and addresses under which the participant serves; none for a mere client.
    pub hosts: Vec<String>,
    /// How long it lasts, in days.
    pub days: u32,
}

/// Makes a CA in a folder that has none.
pub fn make_authority(folder: &Path, name: &str, now: Timestamp) -> Result<(), PkiError> {
    let key = KeyPair::generate()?;
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = distinguished(name);
    parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    (parameters.not_before, parameters.not_after) = validity(now, CA_DAYS)?;
    let certificate = parameters.self_signed(&key)?;
    make_private_folder(folder)?;
    write_private(&folder.join(CA_KEY_FILE), key.serialize_pem().as_bytes())?;
    write_public(
        &folder.join(CA_CERTIFICATE_FILE),
        certificate.pem().as_bytes(),
    )?;
    Ok(())
}

/// Issues a certificate by the CA of a folder and makes an identity directory of it. A node that serves others
/// is a hub, and gets a key besides with which it signs evidence.
pub fn issue(
    authority: &Path,
    request: &CertificateRequest,
    out: &Path,
    now: Timestamp,
) -> Result<(), PkiError> {
    let authority_certificate = read_text(&authority.join(CA_CERTIFICATE_FILE))?;
    let authority_key = read_private(&authority.join(CA_KEY_FILE))?;
    let authority_key = KeyPair::from_pem(&String::from_utf8_lossy(&authority_key))?;
    let issuer = Issuer::from_ca_cert_pem(&authority_certificate, authority_key)?;
    make_private_folder(out)?;
    let certificate = leaf(request, line_purposes(request), now)?;
    let line = (KEY_FILE, CERTIFICATE_FILE);
    sign_and_write(&KeyPair::generate()?, &certificate, &issuer, out, line)?;
    let is_hub = matches!(request.identity, Identity::Node(_)) && !request.hosts.is_empty();
    if is_hub {
        let certificate = leaf(request, vec![signing_purpose()], now)?;
        let signing = (SIGNING_KEY_FILE, SIGNING_CERTIFICATE_FILE);
        let key = KeyPair::generate_for(&PKCS_ED25519)?;
        sign_and_write(&key, &certificate, &issuer, out, signing)?;
    }
    write_public(&out.join(CA_FILE), authority_certificate.as_bytes())?;
    Ok(())
}

fn sign_and_write(
    key: &KeyPair,
    certificate: &CertificateParams,
    issuer: &Issuer<'_, KeyPair>,
    out: &Path,
    (key_file, certificate_file): (&str, &str),
) -> Result<(), PkiError> {
    let certificate = certificate.signed_by(key, issuer)?;
    write_private(&out.join(key_file), key.serialize_pem().as_bytes())?;
    write_public(&out.join(certificate_file), certificate.pem().as_bytes())?;
    Ok(())
}

/// What the key of a line is for.
fn line_purposes(request: &CertificateRequest) -> Vec<ExtendedKeyUsagePurpose> {
    let mut purposes = vec![ExtendedKeyUsagePurpose::ClientAuth];
    if !request.hosts.is_empty() {
        purposes.push(ExtendedKeyUsagePurpose::ServerAuth);
    }
    purposes
}

fn signing_purpose() -> ExtendedKeyUsagePurpose {
    ExtendedKeyUsagePurpose::Other(DOCUMENT_SIGNING.to_vec())
}

fn leaf(
    request: &CertificateRequest,
    purposes: Vec<ExtendedKeyUsagePurpose>,
    now: Timestamp,
) -> Result<CertificateParams, PkiError> {
    let mut parameters = CertificateParams::default();
    let name = match &request.identity {
        Identity::Node(name) | Identity::Operator(name) => name.as_str(),
    };
    parameters.distinguished_name = distinguished(name);
    let uri = Ia5String::try_from(request.identity.to_string())?;
    parameters.subject_alt_names = vec![SanType::URI(uri)];
    for host in &request.hosts {
        parameters
            .subject_alt_names
            .push(match host.parse::<IpAddr>() {
                Ok(address) => SanType::IpAddress(address),
                Err(_) => SanType::DnsName(Ia5String::try_from(host.as_str())?),
            });
    }
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    parameters.extended_key_usages = purposes;
    parameters.use_authority_key_identifier_extension = true;
    (parameters.not_before, parameters.not_after) = validity(now, request.days)?;
    Ok(parameters)
}

fn distinguished(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

fn validity(now: Timestamp, days: u32) -> Result<(OffsetDateTime, OffsetDateTime), PkiError> {
    let now = OffsetDateTime::from_unix_timestamp(now.as_micros().div_euclid(1_000_000))
        .map_err(|_| PkiError::Time)?;
    let from = now.checked_sub(BACKDATED.try_into().map_err(|_| PkiError::Time)?);
    let to = now.checked_add(time::Duration::days(i64::from(days)));
    from.zip(to).ok_or(PkiError::Time)
}

fn read_text(path: &Path) -> Result<String, DirectoryError> {
    std::fs::read_to_string(path).map_err(|error| DirectoryError::Read {
        path: path.to_owned(),
        error,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::security::directory::IdentityDirectory;

    #[test]
    fn an_issued_certificate_names_its_participant() {
        let folder = tempfile::tempdir().expect("a folder");
        let (authority, out) = (folder.path().join("ca"), folder.path().join("node"));
        let now = Timestamp::from_micros(1_795_000_000_000_000);
        let identity: Identity = "childsync://node/commune-30742"
            .parse()
            .expect("an identity");
        let request = CertificateRequest {
            identity: identity.clone(),
            hosts: vec![],
            days: 1,
        };
        make_authority(&authority, "Thử CA", now).expect("a CA");

        issue(&authority, &request, &out, now).expect("a certificate");

        assert_eq!(
            IdentityDirectory::read(&out).expect("readable").identity,
            identity
        );
    }

    #[test]
    fn a_hub_gets_a_signing_key_and_nobody_else_does() {
        let folder = tempfile::tempdir().expect("a folder");
        let authority = folder.path().join("ca");
        let now = Timestamp::from_micros(1_795_000_000_000_000);
        make_authority(&authority, "one", now).expect("a CA");
        let signs = |uri: &str, hosts: &[&str], out: &str| {
            let request = CertificateRequest {
                identity: uri.parse().expect("an identity"),
                hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
                days: 1,
            };
            let out = folder.path().join(out);
            issue(&authority, &request, &out, now).expect("issued");
            let directory = IdentityDirectory::read(&out).expect("readable");
            directory.signer.is_some()
        };

        assert!(signs("childsync://node/hub", &["hub.example"], "hub"));
        assert!(!signs("childsync://node/commune", &[], "commune"));
        assert!(!signs("childsync://operator/an", &["here"], "an"));
    }

    #[test]
    fn a_second_ca_never_replaces_the_first() {
        let folder = tempfile::tempdir().expect("a folder");
        let now = Timestamp::from_micros(1_795_000_000_000_000);
        make_authority(folder.path(), "one", now).expect("a CA");

        assert!(make_authority(folder.path(), "two", now).is_err());
    }
}
