//! Identity, certificates and the sealing of personal data.

pub mod directory;
pub mod identity;
pub mod pki;
pub mod seal;
