//! Pseudonyms: keyed BLAKE3, with a key of its own.

use std::fmt;
use std::path::Path;

use super::directory;
use super::seal::{KEY_BYTES, KeyFileError};
use crate::domain::personal_number::write_pseudonym;

/// What the key is named by, apart from what it is used for.
const NAMING: &[u8] = b"childsync.v1 name of a key for pseudonyms";

/// A key that turns values into pseudonyms. Never shown.
#[derive(Clone)]
pub struct PseudonymKey([u8; KEY_BYTES]);

impl fmt::Debug for PseudonymKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PseudonymKey(redacted)")
    }
}

impl PseudonymKey {
    /// From 32 bytes.
    pub const fn new(bytes: [u8; KEY_BYTES]) -> Self {
        Self(bytes)
    }

    /// From a file that only its owner may read.
    pub fn from_file(path: &Path) -> Result<Self, KeyFileError> {
        let bytes = directory::read_private(path)?;
        let length = || KeyFileError::Length(path.display().to_string());
        let bytes = bytes.as_slice().try_into().map_err(|_| length())?;
        Ok(Self(bytes))
    }

    /// The pseudonym of a value. The same value for the same purpose has the same one; between purposes, and
    /// without the key, nothing connects them.
    pub fn pseudonym(&self, purpose: &str, value: &str) -> String {
        let mut keyed = blake3::Hasher::new_keyed(&self.0);
        keyed.update(purpose.as_bytes());
        keyed.update(&[0]);
        keyed.update(value.as_bytes());
        let hash = keyed.finalize();
        let bits = hash.as_bytes().first_chunk().copied().unwrap_or_default();
        write_pseudonym(u64::from_be_bytes(bits))
    }

    /// Says which key it is, without giving it away.
    pub fn name(&self) -> [u8; 32] {
        *blake3::keyed_hash(&self.0, NAMING).as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pseudonym_depends_on_key_purpose_and_value() {
        let (one, other) = (PseudonymKey::new([1; 32]), PseudonymKey::new([2; 32]));
        let pseudonym = one.pseudonym("number", "091318123456");

        assert_eq!(pseudonym, one.pseudonym("number", "091318123456"));
        assert_ne!(pseudonym, one.pseudonym("number", "091318123457"));
        assert_ne!(pseudonym, one.pseudonym("phone", "091318123456"));
        assert_ne!(pseudonym, other.pseudonym("number", "091318123456"));
        assert!(!pseudonym.contains("123456") && pseudonym.len() == 16);
    }
}
