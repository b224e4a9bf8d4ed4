//! Identity, certificates letters, and the sealing of personal data.

pub mod authorities;
pub mod directory;
pub mod hpke;
pub mod identity;
pub mod letter;
pub mod live;
pub mod pki;
pub mod pseudonym;
pub mod seal;
pub mod trust;
