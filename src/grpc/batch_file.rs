//! Manifests and receipts of forward batches as letters: evidence that can be proved without a line.

use std::sync::Arc;

use prost::Message;
use rustls_pki_types::CertificateDer;
use uuid::Uuid;

use super::bundle_file::{BundleFileError, chain_bytes, read_id, read_signed, writer};
use super::convert::{read_instant, read_lane, write_instant, write_lane};
use super::proto::v1;
use crate::domain::clock::Timestamp;
use crate::domain::node::NodeName;
use crate::security::authorities::Authorities;
use crate::security::directory::Signer;
use crate::security::letter::{LetterKind, write_letter_by};
use crate::security::live::LiveIdentity;
use crate::security::trust::{TrustedAs, believe};
use crate::sync::batches::{BATCH_RECORDS_MAX, Holding};
use crate::sync::forward::{Manifest, ManifestWriter, SigningFailed};

/// Manifest or receipt that proves nothing. It says what to do and nothing of any record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BatchFileError {
    /// It is no such letter, is not whole, or its writer is not to be believed.
    #[error(transparent)]
    File(#[from] BundleFileError),
    /// A number in it cannot be.
    #[error("says what no batch can be")]
    Impossible,
    /// A receipt is for another manifest.
    #[error("is for another batch, or for another manifest of it")]
    OtherBatch,
}

/// Writes and signs the evidence of one hub.
#[derive(Clone, Debug)]
pub struct EvidenceWriter {
    /// The hub.
    pub hub: NodeName,
    /// Its signing key.
    pub signer: Signer,
}

/// Writes the evidence of a hub with the signing key that its identity folder has at the time.
#[derive(Clone)]
pub struct LiveEvidence {
    /// The hub.
    pub hub: NodeName,
    /// Its identity folder.
    pub identity: Arc<LiveIdentity>,
}

impl LiveEvidence {
    /// Who signs now.
    pub fn current(&self) -> Result<EvidenceWriter, SigningFailed> {
        let signer = self.identity.current().signer.clone();
        Ok(EvidenceWriter {
            hub: self.hub.clone(),
            signer: signer.ok_or(SigningFailed)?,
        })
    }
}

impl ManifestWriter for LiveEvidence {
    fn write(&self, manifest: &Manifest) -> Result<Vec<u8>, SigningFailed> {
        self.current()?.write(manifest)
    }
}

impl ManifestWriter for EvidenceWriter {
    fn write(&self, manifest: &Manifest) -> Result<Vec<u8>, SigningFailed> {
        let header = v1::BatchManifestHeader {
            batch_id: manifest.id.to_string(),
            hub: self.hub.to_string(),
            lane: write_lane(manifest.lane).into(),
            number: manifest.number.unsigned_abs(),
            first_change: manifest.first_change.unsigned_abs(),
            last_change: manifest.last_change.unsigned_abs(),
            records: manifest.records.unsigned_abs(),
            digest: manifest.digest.to_vec(),
            sealed_at: Some(write_instant(manifest.sealed_at)),
            chain: chain_bytes(&self.signer.chain),
        };
        let header = header.encode_to_vec();
        write_letter_by(LetterKind::BatchManifest, &header, &[], &self.signer.key)
            .map_err(|_| SigningFailed)
    }
}

impl EvidenceWriter {
    /// The receipt of a manifest.
    pub fn write_receipt(
        &self,
        manifest: &ManifestLetter,
        holding: &Holding,
    ) -> Result<Vec<u8>, SigningFailed> {
        let not_held: Result<Vec<u32>, _> = holding
            .not_held
            .iter()
            .copied()
            .map(u32::try_from)
            .collect();
        let not_held = not_held.map_err(|_| SigningFailed)?;
        let records = holding.records.unsigned_abs();
        let missing = u64::try_from(not_held.len()).unwrap_or(u64::MAX);
        let header = v1::BatchReceiptHeader {
            batch_id: manifest.manifest.id.to_string(),
            number: manifest.manifest.number.unsigned_abs(),
            hub: manifest.hub.clone(),
            upstream: self.hub.to_string(),
            manifest_digest: manifest.letter_digest.to_vec(),
            digest: manifest.manifest.digest.to_vec(),
            records,
            held: records.saturating_sub(missing),
            received_at: Some(write_instant(holding.received_at)),
            chain: chain_bytes(&self.signer.chain),
        };
        let content = v1::BatchReceiptContent { not_held }.encode_to_vec();
        let (header, key) = (header.encode_to_vec(), &self.signer.key);
        write_letter_by(LetterKind::BatchReceipt, &header, &content, key).map_err(|_| SigningFailed)
    }
}

/// A manifest that is whole and that the owner of the certificate in it has signed.
#[derive(Clone, Debug)]
pub struct ManifestLetter {
    /// What it says.
    pub manifest: Manifest,
    /// The hub that it names.
    pub hub: String,
    letter_digest: [u8; 32],
    chain: Vec<CertificateDer<'static>>,
}

impl ManifestLetter {
    /// Reads a manifest.
    pub fn read(bytes: &[u8]) -> Result<Self, BatchFileError> {
        let chain_of = |header: &v1::BatchManifestHeader| header.chain.clone();
        let (header, chain, content) = read_signed(LetterKind::BatchManifest, bytes, chain_of)?;
        let number = |value: u64| i64::try_from(value).map_err(|_| BatchFileError::Impossible);
        let lane = read_lane(header.lane()).ok_or(BatchFileError::Impossible)?;
        let manifest = Manifest {
            id: read_id(&header.batch_id)?,
            lane,
            number: number(header.number)?,
            first_change: number(header.first_change)?,
            last_change: number(header.last_change)?,
            records: number(header.records)?,
            digest: read_digest(header.digest)?,
            sealed_at: header
                .sealed_at
                .as_ref()
                .map(read_instant)
                .unwrap_or_default(),
        };
        if manifest.records > BATCH_RECORDS_MAX || !content.is_empty() {
            return Err(BatchFileError::Impossible);
        }
        Ok(Self {
            manifest,
            hub: header.hub,
            letter_digest: *blake3::hash(bytes).as_bytes(),
            chain,
        })
    }

    /// The hub that sealed it, if evidence of it is to be believed at this time.
    pub fn believe(
        &self,
        authorities: &Authorities,
        at: Timestamp,
    ) -> Result<NodeName, BatchFileError> {
        let identity = believe(authorities, &self.chain, TrustedAs::Signer, at)
            .map_err(BundleFileError::from)?;
        Ok(writer(identity, &self.hub)?)
    }
}

/// A receipt that is whole and that the owner of the certificate in it has signed.
#[derive(Clone, Debug)]
pub struct ReceiptLetter {
    /// What it says.
    pub header: v1::BatchReceiptHeader,
    /// The batch.
    pub batch: Uuid,
    /// Positions of the records that are not held.
    pub not_held: Vec<usize>,
    chain: Vec<CertificateDer<'static>>,
}

impl ReceiptLetter {
    /// Reads a receipt.
    pub fn read(bytes: &[u8]) -> Result<Self, BatchFileError> {
        let chain_of = |header: &v1::BatchReceiptHeader| header.chain.clone();
        let (header, chain, content) = read_signed(LetterKind::BatchReceipt, bytes, chain_of)?;
        let content = v1::BatchReceiptContent::decode(content);
        let content = content.map_err(|_| BatchFileError::Impossible)?;
        let not_held: Result<Vec<usize>, _> =
            content.not_held.into_iter().map(usize::try_from).collect();
        let not_held = not_held.map_err(|_| BatchFileError::Impossible)?;
        let missing = u64::try_from(not_held.len()).unwrap_or(u64::MAX);
        let records = usize::try_from(header.records).map_err(|_| BatchFileError::Impossible)?;
        let is_rising = not_held.is_sorted_by(|one, next| one < next);
        let is_inside = not_held.last().is_none_or(|last| *last < records);
        if !is_rising || !is_inside || header.held.checked_add(missing) != Some(header.records) {
            return Err(BatchFileError::Impossible);
        }
        Ok(Self {
            batch: read_id(&header.batch_id)?,
            header,
            not_held,
            chain,
        })
    }

    /// The hub that gave it, if evidence of it is to be believed at this time.
    pub fn believe(
        &self,
        authorities: &Authorities,
        trusted_as: TrustedAs<'_>,
        at: Timestamp,
    ) -> Result<NodeName, BatchFileError> {
        let identity =
            believe(authorities, &self.chain, trusted_as, at).map_err(BundleFileError::from)?;
        Ok(writer(identity, &self.header.upstream)?)
    }

    /// Refuses a receipt that is not for this very manifest.
    pub fn check_for(&self, manifest: &ManifestLetter) -> Result<(), BatchFileError> {
        let (header, sealed) = (&self.header, &manifest.manifest);
        let is_for = self.batch == sealed.id
            && header.number == sealed.number.unsigned_abs()
            && header.hub == manifest.hub
            && header.manifest_digest == manifest.letter_digest
            && header.digest == sealed.digest
            && header.records == sealed.records.unsigned_abs();
        if is_for {
            Ok(())
        } else {
            Err(BatchFileError::OtherBatch)
        }
    }

    /// When it was given, by the clock of the hub that gave it.
    pub fn received_at(&self) -> Timestamp {
        let at = self.header.received_at.as_ref();
        at.map(read_instant).unwrap_or_default()
    }
}

fn read_digest(bytes: Vec<u8>) -> Result<[u8; 32], BatchFileError> {
    bytes.try_into().map_err(|_| BatchFileError::Impossible)
}
