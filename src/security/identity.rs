//! Who is at the other end of a connection: the one `childsync` URI of its certificate.

use std::fmt;
use std::str::FromStr;

use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::domain::node::NodeName;

const SCHEME: &str = "childsync://";

/// A participant as its certificate names it. What it may do stands in the hub, not in the certificate.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Identity {
    /// An agent, a hub or other software: `childsync://node/NAME`.
    Node(NodeName),
    /// A person who looks after a hub: `childsync://operator/NAME`.
    Operator(NodeName),
}

/// A certificate that names nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// The certificate cannot be read.
    #[error("the certificate cannot be read")]
    Unreadable,
    /// The certificate has no `childsync` URI, or more than one.
    #[error(
        "the certificate must have exactly one URI of the form childsync://node/NAME or childsync://operator/NAME"
    )]
    NotNamed,
}

impl FromStr for Identity {
    type Err = IdentityError;

    fn from_str(uri: &str) -> Result<Self, Self::Err> {
        let path = uri.strip_prefix(SCHEME).ok_or(IdentityError::NotNamed)?;
        let (kind, name) = path.split_once('/').ok_or(IdentityError::NotNamed)?;
        let name = name.parse().map_err(|_| IdentityError::NotNamed)?;
        match kind {
            "node" => Ok(Self::Node(name)),
            "operator" => Ok(Self::Operator(name)),
            _ => Err(IdentityError::NotNamed),
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(name) => write!(formatter, "{SCHEME}node/{name}"),
            Self::Operator(name) => write!(formatter, "{SCHEME}operator/{name}"),
        }
    }
}

impl Identity {
    /// Reads the identity of a certificate in DER form whose chain was verified already.
    pub fn of_certificate<'der>(der: &'der [u8]) -> Result<Self, IdentityError> {
        let (_, certificate) =
            X509Certificate::from_der(der).map_err(|_| IdentityError::Unreadable)?;
        let names = certificate
            .subject_alternative_name()
            .map_err(|_| IdentityError::Unreadable)?
            .ok_or(IdentityError::NotNamed)?;
        let uri = |name: &GeneralName<'der>| {
            if let GeneralName::URI(uri) = name {
                Some(*uri)
            } else {
                None
            }
        };
        let listed = names.value.general_names.iter();
        let mut uris = listed.filter_map(uri).filter(|uri| uri.starts_with(SCHEME));
        match (uris.next(), uris.next()) {
            (Some(uri), None) => uri.parse(),
            _ => Err(IdentityError::NotNamed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_reads_as_it_is_written() {
        for uri in ["childsync://node/kien-giang", "childsync://operator/an"] {
            assert_eq!(
                uri.parse::<Identity>().expect("an identity").to_string(),
                uri
            );
        }
    }

    #[test]
    fn other_uris_name_nobody() {
        for uri in [
            "https://node/a",
            "childsync://node/",
            "childsync://king/a",
            "childsync://node/A b",
        ] {
            assert_eq!(
                uri.parse::<Identity>(),
                Err(IdentityError::NotNamed),
                "{uri}"
            );
        }
    }
}
