//! Sealing: personal data at rest, AES-256-GCM-SIV.

use std::fmt;
use std::path::Path;

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use aws_lc_rs::rand;

use super::directory::{self, DirectoryError};
use super::hpke::{HPKE_KEY_BYTES, HpkePrivate};

/// First byte of everything that is sealed: how, and with which key.
const FORMAT: u8 = 1;
/// Length of a key, in bytes.
pub const KEY_BYTES: usize = 32;
/// What a key for letters is derived for.
const LETTERS: &[&[u8]] = &[b"childsync.v1 letters"];

/// A key that seals and opens contents. Never shown.
pub struct SealKey {
    cipher: LessSafeKey,
    letters: [u8; HPKE_KEY_BYTES],
}

impl fmt::Debug for SealKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SealKey(redacted)")
    }
}

/// A content that cannot be sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The random source or the cipher failed.
    #[error("the content cannot be sealed")]
    Sealing,
    /// The key, the place or the bytes are not those of the sealing.
    #[error("the content was sealed with another key, for another place, or was changed")]
    Opening,
}

/// A key file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file cannot be read, or others may read it.
    #[error(transparent)]
    File(#[from] DirectoryError),
    /// The file is not 32 bytes long.
    #[error("{0}: a sealing key is exactly 32 bytes: make one with `childsync pki seal-key FILE`")]
    Length(String),
}

impl SealKey {
    /// From 32 bytes.
    pub fn new(bytes: &[u8; KEY_BYTES]) -> Result<Self, SealError> {
        let key = UnboundKey::new(&AES_256_GCM_SIV, bytes).map_err(|_| SealError::Sealing)?;
        let mut letters = [0; HPKE_KEY_BYTES];
        Salt::new(HKDF_SHA256, b"")
            .extract(bytes)
            .expand(LETTERS, HKDF_SHA256)
            .and_then(|derived| derived.fill(&mut letters))
            .map_err(|_| SealError::Sealing)?;
        Ok(Self {
            cipher: LessSafeKey::new(key),
            letters,
        })
    }

    /// The key that letters to this program are sealed to, by HKDF from the sealing key: all replicas of a hub
    /// have the same, and who keeps the one keeps the other.
    pub const fn letter_key(&self) -> HpkePrivate {
        HpkePrivate::new(self.letters)
    }

    /// From a file that only its owner may read.
    pub fn from_file(path: &Path) -> Result<Self, KeyFileError> {
        let bytes = directory::read_private(path)?;
        let length = || KeyFileError::Length(path.display().to_string());
        let bytes = bytes.as_slice().try_into().map_err(|_| length())?;
        Self::new(bytes).map_err(|_| length())
    }

    /// Fresh bytes for a key file.
    pub fn generate() -> Result<[u8; KEY_BYTES], SealError> {
        let mut bytes = [0; KEY_BYTES];
        rand::fill(&mut bytes).map_err(|_| SealError::Sealing)?;
        Ok(bytes)
    }

    /// Seals a content for a place. The nonce is random; the cipher forgives a repeated one.
    pub fn seal(&self, place: &[u8], content: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0; NONCE_LEN];
        rand::fill(&mut nonce).map_err(|_| SealError::Sealing)?;
        let mut sealed =
            Vec::with_capacity(1 + NONCE_LEN + content.len() + AES_256_GCM_SIV.tag_len());
        sealed.push(FORMAT);
        sealed.extend_from_slice(&nonce);
        let mut body = content.to_vec();
        let nonce = Nonce::assume_unique_for_key(nonce);
        self.cipher
            .seal_in_place_append_tag(nonce, Aad::from(place), &mut body)
            .map_err(|_| SealError::Sealing)?;
        sealed.append(&mut body);
        Ok(sealed)
    }

    /// Opens what was sealed for this place.
    pub fn open(&self, place: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let rest = sealed.strip_prefix(&[FORMAT]).ok_or(SealError::Opening)?;
        let (nonce, body) = rest
            .split_first_chunk::<NONCE_LEN>()
            .ok_or(SealError::Opening)?;
        let mut body = body.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let length = self
            .cipher
            .open_in_place(nonce, Aad::from(place), &mut body)
            .map_err(|_| SealError::Opening)?
            .len();
        body.truncate(length);
        Ok(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> SealKey {
        SealKey::new(&[7; KEY_BYTES]).expect("32 bytes")
    }

    #[test]
    fn what_is_sealed_can_be_opened_in_its_place() {
        let sealed = key().seal(b"here", b"content").expect("sealed");

        assert_eq!(key().open(b"here", &sealed).expect("opened"), b"content");
    }

    #[test]
    fn it_cannot_be_opened_in_another_place() {
        let sealed = key().seal(b"here", b"content").expect("sealed");

        assert_eq!(key().open(b"there", &sealed), Err(SealError::Opening));
    }

    #[test]
    fn one_changed_bit_is_noticed_wherever_it_is() {
        let sealed = key().seal(b"here", b"content").expect("sealed");

        for index in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[index] ^= 1;
            assert_eq!(
                key().open(b"here", &changed),
                Err(SealError::Opening),
                "byte {index}"
            );
        }
    }

    #[test]
    fn the_plain_content_is_not_in_the_sealed_one() {
        let sealed = key().seal(b"here", b"Bi Mat Bi Mat").expect("sealed");

        assert!(!sealed.windows(6).any(|bytes| bytes == b"Bi Mat"));
    }
}
