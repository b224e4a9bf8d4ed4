//! Letters: signed files that are carried by hand. A header in clear, a content that may be sealed, and the
//! signature of whoever wrote it over both.
//!
//! ```text
//! 8 bytes   what it is, the last byte the version of the format
//! 4 + n     header, its length first, big endian
//! 4 + n     content, in the same way
//! 2         how it is signed, as TLS 1.3 numbers it
//! 4 + n     signature of everything before it
//! ```

use rustls::SignatureScheme;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use webpki::EndEntityCert;

use super::directory::IdentityDirectory;

/// Longest header, in bytes: certificates and some words.
pub const HEADER_BYTES_MAX: usize = 64 * 1024;
/// Longest content, in bytes.
pub const CONTENT_BYTES_MAX: usize = 40 * 1024 * 1024;
/// Longest letter, in bytes.
pub const LETTER_BYTES_MAX: usize = CONTENT_BYTES_MAX + 2 * HEADER_BYTES_MAX;
/// Longest signature, in bytes.
const SIGNATURE_BYTES_MAX: usize = 16 * 1024;
/// What is signed besides the letter, so that no signature of a handshake is one of a letter.
const PURPOSE: &[u8] = b"childsync.v1 letter\0";
/// Bytes of the word that says what a letter is.
const MARK_BYTES: usize = 8;

/// What a letter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LetterKind {
    /// A hub says which key is sealed to for it.
    HubCard,
    /// Records of a node for a hub.
    Bundle,
    /// A hub's answers to a bundle.
    Receipt,
    /// A hub says what is in a forward batch.
    BatchManifest,
    /// A hub's upstream says what it holds of a forward batch.
    BatchReceipt,
}

impl LetterKind {
    const ALL: [Self; 5] = [
        Self::HubCard,
        Self::Bundle,
        Self::Receipt,
        Self::BatchManifest,
        Self::BatchReceipt,
    ];

    const fn mark(self) -> &'static [u8; MARK_BYTES] {
        match self {
            Self::HubCard => b"CSYCARD\x01",
            Self::Bundle => b"CSYBNDL\x01",
            Self::Receipt => b"CSYRCPT\x01",
            Self::BatchManifest => b"CSYBMAN\x01",
            Self::BatchReceipt => b"CSYBREC\x01",
        }
    }

    /// The kind in words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::HubCard => "hub card",
            Self::Bundle => "bundle",
            Self::Receipt => "receipt",
            Self::BatchManifest => "manifest of a batch",
            Self::BatchReceipt => "receipt of a batch",
        }
    }
}

/// A letter whose form is right; its signature was not looked at yet.
#[derive(Clone)]
pub struct Letter<'a> {
    /// What it is.
    pub kind: LetterKind,
    /// The header.
    pub header: &'a [u8],
    /// The content.
    pub content: &'a [u8],
    signed: &'a [u8],
    scheme: SignatureScheme,
    signature: &'a [u8],
}

/// A letter that cannot be written or used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LetterError {
    /// The file is no letter, or one of a newer program.
    #[error("is no letter that this program knows: no bundle, receipt, manifest or hub card")]
    NotALetter,
    /// It is another kind of letter.
    #[error("is a {}", .0.words())]
    OtherKind(LetterKind),
    /// It ends too early, or goes on behind its end.
    #[error("is not whole: bytes are missing or were added")]
    NotWhole,
    /// A part is larger than it may be.
    #[error("is larger than allowed")]
    TooLarge,
    /// The signature is not that of the certificate over these bytes.
    #[error("was changed, or was signed by somebody else than it says")]
    Signature,
    /// The key cannot sign.
    #[error("the private key cannot sign: check the identity directory")]
    Signing,
}

impl std::fmt::Debug for Letter<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Letter({})", self.kind.words())
    }
}

/// Writes a letter and signs it with the private key of an identity.
pub fn write_letter(
    kind: LetterKind,
    header: &[u8],
    content: &[u8],
    identity: &IdentityDirectory,
) -> Result<Vec<u8>, LetterError> {
    write_letter_by(kind, header, content, &identity.key)
}

/// Writes a letter and signs it with a private key.
pub fn write_letter_by(
    kind: LetterKind,
    header: &[u8],
    content: &[u8],
    key: &PrivateKeyDer<'static>,
) -> Result<Vec<u8>, LetterError> {
    if header.len() > HEADER_BYTES_MAX || content.len() > CONTENT_BYTES_MAX {
        return Err(LetterError::TooLarge);
    }
    let mut letter = Vec::with_capacity(MARK_BYTES + header.len() + content.len() + 1024);
    letter.extend_from_slice(kind.mark());
    put_part(&mut letter, header)?;
    put_part(&mut letter, content)?;
    let provider = default_provider();
    let key = provider.key_provider.load_private_key(key.clone_key());
    let key = key.map_err(|_| LetterError::Signing)?;
    let schemes = provider
        .signature_verification_algorithms
        .supported_schemes();
    let signer = key.choose_scheme(&schemes).ok_or(LetterError::Signing)?;
    let signature = signer.sign(&to_sign(&letter));
    letter.extend_from_slice(&u16::from(signer.scheme()).to_be_bytes());
    put_part(&mut letter, &signature.map_err(|_| LetterError::Signing)?)?;
    Ok(letter)
}

fn put_part(letter: &mut Vec<u8>, part: &[u8]) -> Result<(), LetterError> {
    let length = u32::try_from(part.len()).map_err(|_| LetterError::TooLarge)?;
    letter.extend_from_slice(&length.to_be_bytes());
    letter.extend_from_slice(part);
    Ok(())
}

fn to_sign(letter: &[u8]) -> Vec<u8> {
    [PURPOSE, letter].concat()
}

impl<'a> Letter<'a> {
    /// Takes a letter of any kind apart.
    pub fn read(bytes: &'a [u8]) -> Result<Self, LetterError> {
        let (mark, rest) = bytes
            .split_first_chunk::<MARK_BYTES>()
            .ok_or(LetterError::NotALetter)?;
        let kind = LetterKind::ALL.into_iter().find(|kind| kind.mark() == mark);
        let kind = kind.ok_or(LetterError::NotALetter)?;
        let (header, rest) = take_part(rest, HEADER_BYTES_MAX)?;
        let (content, rest) = take_part(rest, CONTENT_BYTES_MAX)?;
        let signed = bytes.get(..bytes.len() - rest.len());
        let (scheme, rest) = rest.split_first_chunk().ok_or(LetterError::NotWhole)?;
        let (signature, rest) = take_part(rest, SIGNATURE_BYTES_MAX)?;
        if !rest.is_empty() {
            return Err(LetterError::NotWhole);
        }
        Ok(Self {
            kind,
            header,
            content,
            signed: signed.unwrap_or_default(),
            scheme: SignatureScheme::from(u16::from_be_bytes(*scheme)),
            signature,
        })
    }

    /// Takes a letter of one kind apart.
    pub fn read_as(kind: LetterKind, bytes: &'a [u8]) -> Result<Self, LetterError> {
        let letter = Self::read(bytes)?;
        if letter.kind == kind {
            Ok(letter)
        } else {
            Err(LetterError::OtherKind(letter.kind))
        }
    }

    /// Whether the owner of this certificate has signed it. Who that is, and whether anybody trusts it, is for
    /// [`trust`](super::trust) to say.
    pub fn verify(&self, certificate: &CertificateDer<'_>) -> Result<(), LetterError> {
        let certificate =
            EndEntityCert::try_from(certificate).map_err(|_| LetterError::Signature)?;
        let CryptoProvider {
            signature_verification_algorithms: known,
            ..
        } = default_provider();
        let known = known.mapping.iter();
        let mut fitting = known.filter(|(scheme, _)| *scheme == self.scheme);
        let message = to_sign(self.signed);
        let is_signed = fitting.any(|(_, algorithms)| {
            let mut algorithms = algorithms.iter();
            algorithms.any(|algorithm| {
                let verified = certificate.verify_signature(*algorithm, &message, self.signature);
                verified.is_ok()
            })
        });
        if is_signed {
            Ok(())
        } else {
            Err(LetterError::Signature)
        }
    }
}

fn take_part(bytes: &[u8], bytes_max: usize) -> Result<(&[u8], &[u8]), LetterError> {
    let (length, rest) = bytes.split_first_chunk().ok_or(LetterError::NotWhole)?;
    let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| LetterError::TooLarge)?;
    if length > bytes_max {
        return Err(LetterError::TooLarge);
    }
    rest.split_at_checked(length).ok_or(LetterError::NotWhole)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::domain::clock::Timestamp;
    use crate::security::pki::{CertificateRequest, issue, make_authority};

    fn identity(folder: &Path, name: &str) -> IdentityDirectory {
        let (authority, out) = (folder.join("ca"), folder.join(name));
        let now = Timestamp::from_micros(1_795_000_000_000_000);
        if !authority.exists() {
            make_authority(&authority, "test", now).expect("a CA");
        }
        let request = CertificateRequest {
            identity: format!("childsync://node/{name}").parse().expect("a name"),
            hosts: vec![],
            days: 1,
        };
        issue(&authority, &request, &out, now).expect("a certificate");
        IdentityDirectory::read(&out).expect("readable")
    }

    #[test]
    fn a_letter_reads_as_it_was_written_and_is_its_writers_own() {
        let folder = tempfile::tempdir().expect("a folder");
        let (writer, other) = (
            identity(folder.path(), "one"),
            identity(folder.path(), "two"),
        );
        let bytes = write_letter(LetterKind::Bundle, b"header", b"content", &writer);
        let bytes = bytes.expect("written");

        let letter = Letter::read_as(LetterKind::Bundle, &bytes).expect("a letter");

        assert_eq!(
            (letter.header, letter.content),
            (&b"header"[..], &b"content"[..])
        );
        assert_eq!(letter.verify(&writer.chain[0]), Ok(()));
        assert_eq!(letter.verify(&other.chain[0]), Err(LetterError::Signature));
        let other_kind = Letter::read_as(LetterKind::Receipt, &bytes).map(|_| ());
        assert_eq!(other_kind, Err(LetterError::OtherKind(LetterKind::Bundle)));
    }

    #[test]
    fn whichever_bit_is_changed_and_wherever_it_is_cut_the_letter_is_not_taken() {
        let folder = tempfile::tempdir().expect("a folder");
        let writer = identity(folder.path(), "one");
        let bytes = write_letter(LetterKind::Receipt, b"header", b"content", &writer);
        let bytes = bytes.expect("written");
        let is_taken = |bytes: &[u8]| {
            let letter = Letter::read_as(LetterKind::Receipt, bytes);
            letter
                .and_then(|letter| letter.verify(&writer.chain[0]))
                .is_ok()
        };

        assert!(is_taken(&bytes));
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(!is_taken(&changed), "byte {at}");
            assert!(!is_taken(&bytes[..at]), "cut at {at}");
        }
        assert!(!is_taken(&[bytes.as_slice(), b"x"].concat()), "longer");
    }

    #[test]
    fn a_length_that_lies_asks_for_no_memory() {
        let mut bytes = LetterKind::Bundle.mark().to_vec();
        bytes.extend_from_slice(&u32::MAX.to_be_bytes());

        assert_eq!(Letter::read(&bytes).map(|_| ()), Err(LetterError::TooLarge));
    }
}
