//! Identity directories: certificate, key and CA of one participant, and files that only their owner
//! may read.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustls::crypto::aws_lc_rs::default_provider;
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::authorities::{Authorities, AuthoritiesError};
use super::identity::{Identity, IdentityError};
use crate::domain::clock::Timestamp;

/// The participant's certificate, chain included, PEM.
pub const CERTIFICATE_FILE: &str = "certificate.pem";
/// Its private key, PEM, mode 0600.
pub const KEY_FILE: &str = "key.pem";
/// The certificates of the CAs that it trusts, PEM.
pub const CA_FILE: &str = "ca.pem";
/// Revocation lists of those CAs, PEM; the file may be absent.
pub const LISTS_FILE: &str = "crl.pem";
/// The certificate of the key that a hub signs evidence with, chain included, PEM.
pub const SIGNING_CERTIFICATE_FILE: &str = "signing-certificate.pem";
/// That key, Ed25519, PEM, mode 0600.
pub const SIGNING_KEY_FILE: &str = "signing-key.pem";

/// What a participant shows and whom it trusts.
pub struct IdentityDirectory {
    /// Its certificate chain, its own first.
    pub chain: Vec<CertificateDer<'static>>,
    /// Its private key.
    pub key: PrivateKeyDer<'static>,
    /// The CAs that it trusts, with their revocation lists.
    pub authorities: Authorities,
    /// Who it is.
    pub identity: Identity,
    /// What it signs evidence with; hubs have it.
    pub signer: Option<Signer>,
}

/// A key that signs what must be provable later, apart from the key of the line: it shakes no hands, and the
/// line's key signs no evidence.
pub struct Signer {
    /// Its certificate chain, its own first.
    pub chain: Vec<CertificateDer<'static>>,
    /// The key, Ed25519.
    pub key: PrivateKeyDer<'static>,
}

impl Clone for Signer {
    fn clone(&self) -> Self {
        Self {
            chain: self.chain.clone(),
            key: self.key.clone_key(),
        }
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Signer(redacted)")
    }
}

impl std::fmt::Debug for IdentityDirectory {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "IdentityDirectory({})", self.identity)
    }
}

/// When the certificates of an identity end: the earliest of each kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateEnds {
    /// Of its own chains: of its line, and of its signatures.
    pub own: Timestamp,
    /// Of the CAs that it trusts.
    pub authorities: Timestamp,
}

/// A file that cannot be read or made.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// The file cannot be read.
    #[error("{path}: cannot be read: {error}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The file cannot be made.
    #[error("{path}: cannot be made: {error}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Others may read a private file.
    #[error("{0}: others than its owner may read it: run `chmod 600 {0}`")]
    Open(PathBuf),
    /// The file is not what it should be.
    #[error("{0}: is not PEM, or has nothing of what it should hold")]
    Pem(PathBuf),
    /// Key and certificate are not a pair: perhaps one of them is being replaced.
    #[error("{0}: is not the key of the certificate beside it")]
    OtherKey(PathBuf),
    /// The CAs or their lists do not fit together.
    #[error("{path}: {error}")]
    Authorities {
        /// The folder.
        path: PathBuf,
        /// Why.
        error: AuthoritiesError,
    },
    /// The certificate names nobody.
    #[error("{path}: {error}")]
    Identity {
        /// The file.
        path: PathBuf,
        /// Why.
        error: IdentityError,
    },
    /// The signing certificate names somebody else.
    #[error("{0}: names another participant than certificate.pem: issue both together")]
    OtherSigner(PathBuf),
}

impl IdentityDirectory {
    /// When its certificates end; `None` if one of them does not say so in a way that can be read.
    pub fn ends(&self) -> Option<CertificateEnds> {
        let signing = self.signer.iter();
        Some(CertificateEnds {
            own: earliest_end(
                self.chain
                    .iter()
                    .chain(signing.flat_map(|signer| &signer.chain)),
            )?,
            authorities: earliest_end(self.authorities.certificates())?,
        })
    }

    /// Reads a directory.
    pub fn read(folder: &Path) -> Result<Self, DirectoryError> {
        let certificate = folder.join(CERTIFICATE_FILE);
        let chain = read_certificates(&certificate)?;
        let key_file = folder.join(KEY_FILE);
        let key = read_key(key_file.clone())?;
        CertifiedKey::from_der(chain.clone(), key.clone_key(), &default_provider())
            .map_err(|_| DirectoryError::OtherKey(key_file))?;
        let own = chain
            .first()
            .ok_or_else(|| DirectoryError::Pem(certificate.clone()))?;
        let identity = Identity::of_certificate(own).map_err(|error| DirectoryError::Identity {
            path: certificate,
            error,
        })?;
        let trusted = read_certificates(&folder.join(CA_FILE))?;
        let lists = read_lists(&folder.join(LISTS_FILE))?;
        let authorities =
            Authorities::new(trusted, lists).map_err(|error| DirectoryError::Authorities {
                path: folder.to_owned(),
                error,
            })?;
        Ok(Self {
            signer: read_signer(folder, &identity)?,
            chain,
            key,
            authorities,
            identity,
        })
    }
}

fn read_key(path: PathBuf) -> Result<PrivateKeyDer<'static>, DirectoryError> {
    PrivateKeyDer::from_pem_slice(&read_private(&path)?).map_err(|_| DirectoryError::Pem(path))
}

fn read_signer(folder: &Path, identity: &Identity) -> Result<Option<Signer>, DirectoryError> {
    let (certificate, key) = (
        folder.join(SIGNING_CERTIFICATE_FILE),
        folder.join(SIGNING_KEY_FILE),
    );
    if !certificate.exists() && !key.exists() {
        return Ok(None);
    }
    let chain = read_certificates(&certificate)?;
    let named = chain.first().map(|own| Identity::of_certificate(own));
    if named.and_then(Result::ok).as_ref() != Some(identity) {
        return Err(DirectoryError::OtherSigner(certificate));
    }
    let read = read_key(key.clone())?;
    CertifiedKey::from_der(chain.clone(), read.clone_key(), &default_provider())
        .map_err(|_| DirectoryError::OtherKey(key))?;
    Ok(Some(Signer { chain, key: read }))
}

/// Reads the certificates of CAs, which revoke nobody.
pub fn read_authorities(path: &Path) -> Result<Authorities, DirectoryError> {
    Authorities::new(read_certificates(path)?, Vec::new()).map_err(|error| {
        DirectoryError::Authorities {
            path: path.to_owned(),
            error,
        }
    })
}

fn earliest_end<'a>(
    certificates: impl Iterator<Item = &'a CertificateDer<'static>>,
) -> Option<Timestamp> {
    let ends: Option<Vec<Timestamp>> = certificates
        .map(|der| {
            let (_, certificate) = X509Certificate::from_der(der).ok()?;
            let seconds = certificate.validity().not_after.timestamp();
            Some(Timestamp::from_micros(seconds.saturating_mul(1_000_000)))
        })
        .collect();
    ends?.into_iter().min()
}

fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, DirectoryError> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(path)?).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) | Err(_) => Err(DirectoryError::Pem(path.to_owned())),
    }
}

/// Revocation lists of a file; none if there is no file.
pub fn read_lists(
    path: &Path,
) -> Result<Vec<CertificateRevocationListDer<'static>>, DirectoryError> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let lists: Result<Vec<_>, _> =
        CertificateRevocationListDer::pem_slice_iter(&read(path)?).collect();
    lists.map_err(|_| DirectoryError::Pem(path.to_owned()))
}

fn read(path: &Path) -> Result<Vec<u8>, DirectoryError> {
    fs::read(path).map_err(|error| DirectoryError::Read {
        path: path.to_owned(),
        error,
    })
}

/// Reads a file that only its owner may read, and refuses it if others may.
pub fn read_private(path: &Path) -> Result<Vec<u8>, DirectoryError> {
    let metadata = fs::metadata(path).map_err(|error| DirectoryError::Read {
        path: path.to_owned(),
        error,
    })?;
    if metadata.permissions().mode() & 0o077 != 0 {
        return Err(DirectoryError::Open(path.to_owned()));
    }
    read(path)
}

/// Makes a file that only its owner may read, from its first moment on; never replaces one.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<(), DirectoryError> {
    write_new(path, bytes, 0o600)
}

/// Makes a file that all may read; never replaces one.
pub fn write_public(path: &Path, bytes: &[u8]) -> Result<(), DirectoryError> {
    write_new(path, bytes, 0o644)
}

/// Puts a file that all may read in the place of another one, at once: who reads sees the one or the other.
pub fn replace_public(path: &Path, bytes: &[u8]) -> Result<(), DirectoryError> {
    let beside = path.with_extension(format!("new-{}", std::process::id()));
    write_public(&beside, bytes)?;
    fs::rename(&beside, path).map_err(|error| DirectoryError::Write {
        path: path.to_owned(),
        error,
    })
}

/// Makes a folder, and those above it, that only its owner may enter; fine if it is there.
pub fn make_private_folder(path: &Path) -> Result<(), DirectoryError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| DirectoryError::Write {
            path: path.to_owned(),
            error,
        })
}

fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<(), DirectoryError> {
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path);
    file.and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .map_err(|error| DirectoryError::Write {
            path: path.to_owned(),
            error,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_file_that_others_may_read_is_refused_with_what_to_do() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("key.pem");
        write_public(&path, b"secret").expect("written");

        let refused = read_private(&path)
            .expect_err("others may read it")
            .to_string();

        assert!(refused.contains("chmod 600"), "{refused}");
    }

    #[test]
    fn a_file_is_never_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("key.pem");
        write_private(&path, b"first").expect("written");

        assert!(write_private(&path, b"second").is_err());
        assert_eq!(read_private(&path).expect("private"), b"first");
    }
}
