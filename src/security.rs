//! Identity, certificates letters, and the sealing of personal data.

pub mod directory;
pub mod hpke;
pub mod identity;
pub mod letter;
pub mod pki;
pub mod seal;
pub mod trust;
