//! Sealing to somebody who is not there: hybrid public key encryption, RFC 9180 in its base mode.
//!
//! DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and AES-256-GCM, as rustls has them for encrypted client hellos.

use std::fmt;

use aws_lc_rs::agreement::{PrivateKey, X25519};
use rustls::crypto::aws_lc_rs::hpke::DH_KEM_X25519_HKDF_SHA256_AES_256 as SUITE;
use rustls::crypto::hpke::{EncapsulatedSecret, Hpke, HpkePrivateKey, HpkePublicKey};

/// Length of a public key, of a private key and of an encapsulated one, in bytes.
pub const HPKE_KEY_BYTES: usize = 32;

/// Whom something is sealed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HpkePublic([u8; HPKE_KEY_BYTES]);

/// What opens it. Never shown.
pub struct HpkePrivate([u8; HPKE_KEY_BYTES]);

impl fmt::Debug for HpkePrivate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("HpkePrivate(redacted)")
    }
}

/// A sealed text with the key that was made for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HpkeSealed {
    /// The encapsulated key.
    pub encapsulated: Vec<u8>,
    /// The ciphertext with its tag.
    pub content: Vec<u8>,
}

/// Something that cannot be sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HpkeError {
    /// The random source or the cipher failed, or the key is none.
    #[error("the content cannot be sealed")]
    Sealing,
    /// It was sealed to another key or for another purpose, or was changed.
    #[error("the content was sealed to another key, for another purpose, or was changed")]
    Opening,
}

impl HpkePublic {
    /// From 32 bytes; `None` of another length.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Its 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; HPKE_KEY_BYTES] {
        &self.0
    }

    /// Seals a content for a purpose, which is not sent and must be told again to open it.
    pub fn seal(&self, purpose: &[u8], content: &[u8]) -> Result<HpkeSealed, HpkeError> {
        let public = HpkePublicKey(self.0.to_vec());
        let sealed = SUITE.seal(purpose, &[], content, &public);
        let (encapsulated, content) = sealed.map_err(|_| HpkeError::Sealing)?;
        Ok(HpkeSealed {
            encapsulated: encapsulated.0,
            content,
        })
    }
}

impl HpkePrivate {
    /// From 32 bytes; every 32 bytes are a key of X25519.
    pub const fn new(bytes: [u8; HPKE_KEY_BYTES]) -> Self {
        Self(bytes)
    }

    /// A fresh key.
    pub fn generate() -> Result<Self, HpkeError> {
        let mut bytes = [0; HPKE_KEY_BYTES];
        aws_lc_rs::rand::fill(&mut bytes).map_err(|_| HpkeError::Sealing)?;
        Ok(Self(bytes))
    }

    /// From bytes that were kept sealed; `None` of another length.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Its bytes, to be kept sealed.
    pub const fn secret_bytes(&self) -> &[u8; HPKE_KEY_BYTES] {
        &self.0
    }

    /// Its public half.
    pub fn public(&self) -> Result<HpkePublic, HpkeError> {
        let key = PrivateKey::from_private_key(&X25519, &self.0);
        let key = key.map_err(|_| HpkeError::Sealing)?;
        let public = key.compute_public_key().map_err(|_| HpkeError::Sealing)?;
        HpkePublic::from_slice(public.as_ref()).ok_or(HpkeError::Sealing)
    }

    /// Opens what was sealed to this key for this purpose.
    pub fn open(
        &self,
        purpose: &[u8],
        encapsulated: &[u8],
        content: &[u8],
    ) -> Result<Vec<u8>, HpkeError> {
        let key = HpkePrivateKey::from(self.0.to_vec());
        let encapsulated = EncapsulatedSecret(encapsulated.to_vec());
        SUITE
            .open(&encapsulated, purpose, &[], content, &key)
            .map_err(|_| HpkeError::Opening)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_one_it_was_sealed_to_opens_it_for_the_purpose_that_was_said() {
        let key = HpkePrivate::generate().expect("a key");
        let other = HpkePrivate::generate().expect("a key");
        let public = key.public().expect("a public key");

        let HpkeSealed {
            encapsulated,
            content,
        } = public.seal(b"for this", b"content").expect("sealed");

        let opened = key.open(b"for this", &encapsulated, &content);
        assert_eq!(opened.expect("opened"), b"content");
        for wrong in [
            other.open(b"for this", &encapsulated, &content),
            key.open(b"for that", &encapsulated, &content),
            key.open(b"for this", other.secret_bytes(), &content),
            key.open(b"for this", &encapsulated, &content[1..]),
            key.open(b"for this", b"short", &content),
        ] {
            assert_eq!(wrong, Err(HpkeError::Opening));
        }
        assert!(!content.windows(7).any(|bytes| bytes == b"content"));
    }

    #[test]
    fn a_public_key_follows_from_the_private_one() {
        // Section 6.1 of RFC 7748.
        let private = bytes("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
        let public = bytes("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
        let key = HpkePrivate::from_slice(&private).expect("32 bytes");

        assert_eq!(
            key.public().expect("a public key").as_bytes(),
            public.as_slice()
        );
    }

    #[test]
    fn what_another_program_sealed_by_the_rfc_is_opened() {
        // Sealed with the second key of section 6.1 of RFC 7748 as the ephemeral one, by the formulas of RFC
        // 9180 and by OpenSSL alike.
        let key = bytes("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
        let encapsulated =
            bytes("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
        let content = bytes("17a4db659f9b80a2650fbf4cf5988397b41ca88c6ac391");
        let key = HpkePrivate::from_slice(&key).expect("32 bytes");

        let opened = key.open(b"for this", &encapsulated, &content);

        assert_eq!(opened.expect("opened"), b"content");
    }

    fn bytes(hexadecimal: &str) -> Vec<u8> {
        let places = (0..hexadecimal.len()).step_by(2);
        let digits = places.map(|at| u8::from_str_radix(&hexadecimal[at..at + 2], 16));
        digits.collect::<Result<_, _>>().expect("digits")
    }
}
