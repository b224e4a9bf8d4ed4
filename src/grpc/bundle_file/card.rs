//! Hub cards.

use prost::Message;

use super::{BundleFileError, chain_bytes, read_chain, read_header, writer};
use crate::domain::clock::Timestamp;
use crate::domain::node::NodeName;
use crate::grpc::proto::v1;
use crate::security::authorities::Authorities;
use crate::security::directory::IdentityDirectory;
use crate::security::hpke::{HpkePrivate, HpkePublic};
use crate::security::letter::{Letter, LetterKind, write_letter};
use crate::security::trust::{TrustedAs, believe};

/// To which key bundles for a hub are sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubCard {
    /// The hub.
    pub hub: NodeName,
    /// The key.
    pub key: HpkePublic,
}

/// Writes the card of a hub, signed by it.
pub fn write_card(
    hub: &NodeName,
    identity: &IdentityDirectory,
    key: &HpkePrivate,
) -> Result<Vec<u8>, BundleFileError> {
    let header = v1::HubCardHeader {
        hub: hub.to_string(),
        public_key: key.public()?.as_bytes().to_vec(),
        chain: chain_bytes(&identity.chain),
    };
    let header = header.encode_to_vec();
    Ok(write_letter(LetterKind::HubCard, &header, &[], identity)?)
}

/// Reads a card, if it is signed by the hub that a handshake with this host would believe now.
pub fn read_card(
    bytes: &[u8],
    authorities: &Authorities,
    host: &str,
    now: Timestamp,
) -> Result<HubCard, BundleFileError> {
    let letter = Letter::read_as(LetterKind::HubCard, bytes)?;
    let header: v1::HubCardHeader = read_header(letter.header)?;
    let chain = read_chain(header.chain)?;
    let identity = believe(authorities, &chain, TrustedAs::Server(host), now)?;
    letter.verify(chain.first().ok_or(BundleFileError::Header)?)?;
    Ok(HubCard {
        hub: writer(identity, &header.hub)?,
        key: HpkePublic::from_slice(&header.public_key).ok_or(BundleFileError::Header)?,
    })
}
