//! The token that a request must show.

use std::path::Path;

use crate::security::directory::{DirectoryError, read_private, write_private};
use crate::security::seal::SealKey;

/// Length of a token, in characters.
const TOKEN_CHARACTERS: usize = 64;

/// A token, as its hash: comparing hashes tells a guesser nothing by how long it takes.
pub struct Token(blake3::Hash);

/// A token file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The file cannot be read or made, or others may read it.
    #[error(transparent)]
    File(#[from] DirectoryError),
    /// The file holds no token.
    #[error("{0}: holds no token: remove it, and the agent makes a new one at its next start")]
    Invalid(String),
    /// There is no chance on this machine.
    #[error("a token cannot be made")]
    Chance,
}

impl Token {
    /// Reads the token of a file, which is made when absent.
    pub fn read_or_make(path: &Path) -> Result<Self, TokenError> {
        if !path.exists() {
            let bytes = SealKey::generate().map_err(|_| TokenError::Chance)?;
            let text = blake3::Hash::from_bytes(bytes).to_hex();
            write_private(path, text.as_bytes())?;
        }
        read(path).map(|text| Self(blake3::hash(text.as_bytes())))
    }

    /// Whether this is the token.
    pub fn is(&self, shown: &str) -> bool {
        // The comparison of two hashes takes the same time whatever they are.
        blake3::hash(shown.as_bytes()) == self.0
    }
}

/// Reads the token of a file.
pub fn read(path: &Path) -> Result<String, TokenError> {
    let invalid = || TokenError::Invalid(path.display().to_string());
    let text = String::from_utf8(read_private(path)?).map_err(|_| invalid())?;
    let text = text.trim();
    let is_hexadecimal = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if text.len() == TOKEN_CHARACTERS && is_hexadecimal {
        Ok(text.to_owned())
    } else {
        Err(invalid())
    }
}
