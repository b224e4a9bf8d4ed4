//! Identity, certificates and the sealing of personal data.
