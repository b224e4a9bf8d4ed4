//! Bundles.

use prost::Message;
use rustls_pki_types::CertificateDer;
use uuid::Uuid;

use super::packing::{Packer, unpack};
use super::{
    BundleFileError, HubCard, chain_bytes, check_content, purpose, read_id, read_signed, writer,
};
use crate::domain::clock::Timestamp;
use crate::domain::node::NodeName;
use crate::domain::record::Lane;
use crate::grpc::convert::write_instant;
use crate::grpc::ingest::read_change;
use crate::grpc::proto::v1;
use crate::security::authorities::Authorities;
use crate::security::directory::IdentityDirectory;
use crate::security::hpke::{HpkePrivate, HpkePublic};
use crate::security::letter::{LetterKind, write_letter};
use crate::security::trust::{TrustedAs, believe};
use crate::sync::bundle::{BUNDLE_RECORDS_MAX, BUNDLE_UNPACKED_BYTES_MAX, BundledChange};

/// Gathers the records of a bundle.
pub struct BundleWriter {
    packer: Packer,
    routine: u64,
    urgent: u64,
}

/// What a bundle says besides its records.
pub struct BundleTerms<'a> {
    /// Its name.
    pub bundle: Uuid,
    /// Who makes it.
    pub node: &'a NodeName,
    /// Signs it.
    pub identity: &'a IdentityDirectory,
    /// Whom it is for.
    pub card: &'a HubCard,
    /// What the receipt is to be sealed to.
    pub reply: HpkePublic,
    /// When it is made.
    pub made_at: Timestamp,
}

impl BundleWriter {
    /// A bundle without records.
    pub fn new() -> Result<Self, BundleFileError> {
        Ok(Self {
            packer: Packer::new()?,
            routine: 0,
            urgent: 0,
        })
    }

    /// Records so far.
    pub const fn records(&self) -> u64 {
        self.routine + self.urgent
    }

    /// Adds a record, unless there is no room for it: then the bundle is full and the record is for the next one.
    pub fn add(
        &mut self,
        lane: Lane,
        state: u64,
        change: v1::RecordChange,
    ) -> Result<bool, BundleFileError> {
        let entry = v1::BundleEntry {
            state,
            change: Some(change),
        };
        // A length takes five bytes at most.
        let size = u64::try_from(entry.encoded_len())
            .unwrap_or(u64::MAX)
            .saturating_add(5);
        let is_full = self.records() >= BUNDLE_RECORDS_MAX
            || self.packer.unpacked().saturating_add(size) > BUNDLE_UNPACKED_BYTES_MAX;
        if is_full {
            return Ok(false);
        }
        self.packer.add(&entry)?;
        match lane {
            Lane::Routine => self.routine += 1,
            Lane::Urgent => self.urgent += 1,
        }
        Ok(true)
    }

    /// Seals it to the hub and signs it.
    pub fn finish(self, terms: &BundleTerms<'_>) -> Result<Vec<u8>, BundleFileError> {
        let (routine, urgent, unpacked) = (self.routine, self.urgent, self.packer.unpacked());
        let (node, hub) = (terms.node.as_str(), terms.card.hub.as_str());
        let purpose = purpose("bundle", terms.bundle, node, hub);
        let sealed = terms.card.key.seal(&purpose, &self.packer.finish()?)?;
        let header = v1::BundleHeader {
            bundle_id: terms.bundle.to_string(),
            node: node.to_owned(),
            hub: hub.to_owned(),
            made_at: Some(write_instant(terms.made_at)),
            routine_records: routine,
            urgent_records: urgent,
            unpacked_bytes: unpacked,
            content_digest: blake3::hash(&sealed.content).as_bytes().to_vec(),
            encapsulated_key: sealed.encapsulated,
            reply_key: terms.reply.as_bytes().to_vec(),
            chain: chain_bytes(&terms.identity.chain),
        };
        let header = header.encode_to_vec();
        let kind = LetterKind::Bundle;
        Ok(write_letter(
            kind,
            &header,
            &sealed.content,
            terms.identity,
        )?)
    }
}

/// A bundle that is whole and that the owner of the certificate in its header has signed.
pub struct BundleLetter<'a> {
    /// What it says in clear.
    pub header: v1::BundleHeader,
    /// Its name.
    pub bundle: Uuid,
    /// What the receipt is to be sealed to.
    pub reply: HpkePublic,
    chain: Vec<CertificateDer<'static>>,
    content: &'a [u8],
}

impl<'a> BundleLetter<'a> {
    /// Reads a bundle without opening it.
    pub fn read(bytes: &'a [u8]) -> Result<Self, BundleFileError> {
        let (header, chain, content) =
            read_signed(LetterKind::Bundle, bytes, |header: &v1::BundleHeader| {
                header.chain.clone()
            })?;
        check_content(&header.content_digest, content)?;
        Ok(Self {
            bundle: read_id(&header.bundle_id)?,
            reply: HpkePublic::from_slice(&header.reply_key).ok_or(BundleFileError::Header)?,
            header,
            chain,
            content,
        })
    }

    /// The node that wrote it, if a handshake with it would be believed now.
    pub fn believe(
        &self,
        authorities: &Authorities,
        now: Timestamp,
    ) -> Result<NodeName, BundleFileError> {
        let identity = believe(authorities, &self.chain, TrustedAs::Client, now)?;
        writer(identity, &self.header.node)
    }

    /// Records in it, as it says.
    pub const fn records(&self) -> u64 {
        self.header
            .routine_records
            .saturating_add(self.header.urgent_records)
    }

    /// Opens it with the key of the hub that it is for.
    pub fn open(
        &self,
        hub: &NodeName,
        key: &HpkePrivate,
    ) -> Result<Vec<BundledChange>, BundleFileError> {
        if self.header.hub != hub.as_str() {
            return Err(BundleFileError::OtherHub);
        }
        let unpacked = self.header.unpacked_bytes;
        if self.records() > BUNDLE_RECORDS_MAX || unpacked > BUNDLE_UNPACKED_BYTES_MAX {
            return Err(BundleFileError::TooLarge);
        }
        let purpose = purpose("bundle", self.bundle, &self.header.node, &self.header.hub);
        let packed = key.open(&purpose, &self.header.encapsulated_key, self.content)?;
        let entries: Vec<v1::BundleEntry> = unpack(&packed, unpacked, self.records())?;
        if u64::try_from(entries.len()) != Ok(self.records()) {
            return Err(BundleFileError::Content);
        }
        let changes = entries.into_iter().map(|entry| BundledChange {
            state: entry.state,
            change: read_change(entry.change.unwrap_or_default()),
        });
        Ok(changes.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(bytes: usize) -> v1::RecordChange {
        v1::RecordChange {
            record_id: "x".repeat(bytes),
            ..v1::RecordChange::default()
        }
    }

    #[test]
    fn a_bundle_holds_so_many_records_and_bytes_and_what_is_more_is_for_the_next_one() {
        let mut many = BundleWriter::new().expect("a writer");
        for state in 0..BUNDLE_RECORDS_MAX {
            assert!(many.add(Lane::Routine, state, change(1)).expect("added"));
        }
        assert!(!many.add(Lane::Urgent, 0, change(1)).expect("looked at"));
        assert_eq!(many.records(), BUNDLE_RECORDS_MAX);

        let mut large = BundleWriter::new().expect("a writer");
        let most = usize::try_from(BUNDLE_UNPACKED_BYTES_MAX).expect("a number") - 100;
        assert!(large.add(Lane::Urgent, 0, change(most)).expect("added"));
        assert!(!large.add(Lane::Urgent, 1, change(200)).expect("looked at"));
        assert!(large.add(Lane::Urgent, 2, change(1)).expect("added"));
    }
}
