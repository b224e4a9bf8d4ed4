//! Taking certificates back: the revocation list of a CA folder.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rcgen::{
    CertificateRevocationListParams, Issuer, KeyIdMethod, KeyPair, RevokedCertParams, SerialNumber,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer};
use time::OffsetDateTime;
use x509_parser::prelude::{CertificateRevocationList, FromDer, X509Certificate};

use super::{CA_CERTIFICATE_FILE, CA_KEY_FILE, PkiError, read_text};
use crate::domain::clock::Timestamp;
use crate::security::authorities::is_list_of;
use crate::security::directory::{
    CERTIFICATE_FILE, DirectoryError, LISTS_FILE, read_lists, read_private, replace_public,
};

/// When the next list of a CA is due. Ours counts also when it is overdue; other programs may be stricter.
const LIST_DAYS: u32 = 365;

/// Adds certificates, in PEM form, to the revocation list of a CA folder, and puts the list in the place
/// of this CA's former one in each of the identity folders; lists of other CAs stay there. Without a
/// certificate the list is only issued again. Gives how many certificates it holds.
pub fn revoke(
    authority: &Path,
    certificates: &[Vec<u8>],
    folders: &[&Path],
    now: Timestamp,
) -> Result<usize, PkiError> {
    let authority_pem = read_text(&authority.join(CA_CERTIFICATE_FILE))?;
    let authority_der =
        CertificateDer::from_pem_slice(authority_pem.as_bytes()).map_err(|_| PkiError::Issued)?;
    let key = read_private(&authority.join(CA_KEY_FILE))?;
    let key = KeyPair::from_pem(&String::from_utf8_lossy(&key))?;
    let issuer = Issuer::from_ca_cert_pem(&authority_pem, key)?;

    let own_file = authority.join(LISTS_FILE);
    let before = read_lists(&own_file)?;
    let (number, mut revoked) = match before.first() {
        Some(list) => read_list(list)?,
        None => (0, Vec::new()),
    };
    let now = moment(now)?;
    for certificate in certificates {
        let serial = serial_of(certificate, &authority_der)?;
        if !revoked.iter().any(|one| one.serial_number == serial) {
            revoked.push(revoked_at(serial, now));
        }
    }
    let count = revoked.len();
    let next = now + Duration::from_hours(24) * LIST_DAYS;
    let list = CertificateRevocationListParams {
        this_update: now,
        next_update: next,
        crl_number: SerialNumber::from(number + 1),
        issuing_distribution_point: None,
        revoked_certs: revoked,
        key_identifier_method: KeyIdMethod::Sha256,
    };
    let list = list.signed_by(&issuer)?;
    replace_public(&own_file, list.pem()?.as_bytes())?;
    for folder in folders {
        put(&folder.join(LISTS_FILE), &list.pem()?, &authority_der)?;
    }
    Ok(count)
}

/// Puts a list into a file in the place of its CA's former one.
fn put(file: &Path, list: &str, authority: &CertificateDer<'_>) -> Result<(), PkiError> {
    let mut text = String::new();
    for other in read_lists(file)? {
        if !is_list_of(&other, authority).map_err(|_| PkiError::List)? {
            text += &pem::encode(&pem::Pem::new("X509 CRL", other.as_ref()));
        }
    }
    text += list;
    Ok(replace_public(file, text.as_bytes())?)
}

/// Number and entries of a list.
fn read_list(
    list: &CertificateRevocationListDer<'_>,
) -> Result<(u64, Vec<RevokedCertParams>), PkiError> {
    let (_, list) = CertificateRevocationList::from_der(list).map_err(|_| PkiError::List)?;
    let number = list.crl_number().and_then(|number| number.try_into().ok());
    let revoked = list.iter_revoked_certificates().map(|one| {
        let serial = SerialNumber::from_slice(one.raw_serial());
        revoked_at(serial, one.revocation_date.to_datetime())
    });
    Ok((number.unwrap_or_default(), revoked.collect()))
}

fn revoked_at(serial_number: SerialNumber, revocation_time: OffsetDateTime) -> RevokedCertParams {
    RevokedCertParams {
        serial_number,
        revocation_time,
        reason_code: None,
        invalidity_date: None,
    }
}

/// Serial number of a certificate that this CA has issued.
fn serial_of(pem: &[u8], authority: &CertificateDer<'_>) -> Result<SerialNumber, PkiError> {
    let der = CertificateDer::from_pem_slice(pem).map_err(|_| PkiError::Issued)?;
    let (_, certificate) = X509Certificate::from_der(&der).map_err(|_| PkiError::Issued)?;
    let (_, authority) = X509Certificate::from_der(authority).map_err(|_| PkiError::Issued)?;
    if certificate.issuer() != authority.subject() {
        return Err(PkiError::Issued);
    }
    Ok(SerialNumber::from_slice(certificate.raw_serial()))
}

fn moment(now: Timestamp) -> Result<OffsetDateTime, PkiError> {
    OffsetDateTime::from_unix_timestamp(now.as_micros().div_euclid(1_000_000))
        .map_err(|_| PkiError::Time)
}

/// The certificate of a file, or of an identity folder.
pub fn read_certificate(path: &Path) -> Result<Vec<u8>, PkiError> {
    let file = if path.is_dir() {
        path.join(CERTIFICATE_FILE)
    } else {
        path.to_owned()
    };
    let read = fs::read(&file);
    read.map_err(|error| DirectoryError::Read { path: file, error }.into())
}
