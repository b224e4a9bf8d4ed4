//! Hub cards, bundles and receipts as files: letters whose headers and contents are the contract's messages.

mod bundle;
mod card;
mod packing;
mod receipt;

use prost::Message;
use rustls_pki_types::CertificateDer;
use uuid::Uuid;

use crate::domain::node::NodeName;
use crate::security::hpke::HpkeError;
use crate::security::identity::Identity;
use crate::security::letter::{Letter, LetterError, LetterKind};
use crate::security::trust::TrustError;

pub use bundle::{BundleLetter, BundleTerms, BundleWriter};
pub use card::{HubCard, read_card, write_card};
pub use receipt::{ReceiptLetter, write_receipt};

/// Longest chain of certificates in a header.
const CHAIN_MAX: usize = 8;

/// A file that cannot be written or used. It says what to do and nothing of what the file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BundleFileError {
    /// The file is no such letter, is not whole, or its signature is wrong.
    #[error(transparent)]
    Letter(#[from] LetterError),
    /// Whoever signed it is not to be believed.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// It cannot be sealed or opened.
    #[error(transparent)]
    Sealing(#[from] HpkeError),
    /// The header cannot be read.
    #[error("has a header that this program cannot read: bring both programs to the same version")]
    Header,
    /// The content is not what the header says.
    #[error("holds something else than its header says")]
    Content,
    /// It is for another hub.
    #[error("is for another hub: bring it there")]
    OtherHub,
    /// Its header names another writer than its certificate.
    #[error("names another writer than the one who signed it")]
    OtherWriter,
    /// It holds more than a bundle may.
    #[error("holds more than a bundle may")]
    TooLarge,
    /// It cannot be packed.
    #[error("cannot be packed")]
    Packing,
}

/// Who wrote a letter, by its certificate: a node, whatever the header says.
pub(super) fn writer(identity: Identity, named: &str) -> Result<NodeName, BundleFileError> {
    match identity {
        Identity::Node(name) if name.as_str() == named => Ok(name),
        Identity::Node(_) | Identity::Operator(_) => Err(BundleFileError::OtherWriter),
    }
}

pub(super) fn chain_bytes(chain: &[CertificateDer<'_>]) -> Vec<Vec<u8>> {
    let chain = chain.iter();
    chain.map(|certificate| certificate.to_vec()).collect()
}

fn read_chain(chain: Vec<Vec<u8>>) -> Result<Vec<CertificateDer<'static>>, BundleFileError> {
    if chain.is_empty() || chain.len() > CHAIN_MAX {
        return Err(BundleFileError::Header);
    }
    Ok(chain.into_iter().map(CertificateDer::from).collect())
}

/// Reads a letter that is whole and that the owner of the first certificate in its header has signed: its
/// header, the certificates and the content.
pub(super) fn read_signed<H: Message + Default>(
    kind: LetterKind,
    bytes: &[u8],
    chain_of: impl Fn(&H) -> Vec<Vec<u8>>,
) -> Result<(H, Vec<CertificateDer<'static>>, &[u8]), BundleFileError> {
    let letter = Letter::read_as(kind, bytes)?;
    let header: H = read_header(letter.header)?;
    let chain = read_chain(chain_of(&header))?;
    letter.verify(chain.first().ok_or(BundleFileError::Header)?)?;
    Ok((header, chain, letter.content))
}

fn read_header<M: Message + Default>(bytes: &[u8]) -> Result<M, BundleFileError> {
    M::decode(bytes).map_err(|_| BundleFileError::Header)
}

/// Refuses a content that is not the one of its header.
fn check_content(digest: &[u8], content: &[u8]) -> Result<(), BundleFileError> {
    if digest == blake3::hash(content).as_bytes() {
        Ok(())
    } else {
        Err(BundleFileError::Content)
    }
}

pub(super) fn read_id(text: &str) -> Result<Uuid, BundleFileError> {
    text.parse().map_err(|_| BundleFileError::Header)
}

/// What a content is sealed for: a bundle of one node for one hub, or its receipt.
fn purpose(what: &str, bundle: Uuid, node: &str, hub: &str) -> Vec<u8> {
    format!("childsync.v1 {what}\0{bundle}\0{node}\0{hub}").into_bytes()
}
