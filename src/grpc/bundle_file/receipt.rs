//! Receipts.

use prost::Message;
use rustls_pki_types::CertificateDer;
use uuid::Uuid;

use super::packing::{Packer, unpack};
use super::{
    BundleFileError, BundleLetter, chain_bytes, check_content, purpose, read_id, read_signed,
    writer,
};
use crate::domain::clock::Timestamp;
use crate::domain::node::NodeName;
use crate::domain::record::Version;
use crate::domain::validation::{Level, Violation};
use crate::grpc::convert::{write_instant, write_kind, write_outcome};
use crate::grpc::proto::v1;
use crate::security::authorities::Authorities;
use crate::security::directory::IdentityDirectory;
use crate::security::hpke::HpkePrivate;
use crate::security::letter::{LetterKind, write_letter};
use crate::security::trust::{TrustedAs, believe};
use crate::sync::bundle::{BUNDLE_RECORDS_MAX, BundledOutcome};
use crate::sync::ingest::Outcome;

/// Bytes of a receipt's content, before it is packed, at most: every record with every rule it can break.
const RECEIPT_UNPACKED_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Writes the receipt of a bundle, sealed to its node and signed by the hub.
pub fn write_receipt(
    bundle: &BundleLetter<'_>,
    bundle_digest: &[u8; 32],
    outcomes: &[BundledOutcome],
    identity: &IdentityDirectory,
    imported_at: Timestamp,
) -> Result<Vec<u8>, BundleFileError> {
    let mut packer = Packer::new()?;
    for (position, outcome) in (0..).zip(outcomes) {
        packer.add(&entry(position, outcome))?;
    }
    let (node, hub) = (&bundle.header.node, &bundle.header.hub);
    let purpose = purpose("receipt", bundle.bundle, node, hub);
    let sealed = bundle.reply.seal(&purpose, &packer.finish()?)?;
    let count = |of: fn(Outcome) -> bool| {
        let counted = outcomes.iter().filter(|one| of(one.settled.outcome));
        u64::try_from(counted.count()).unwrap_or(u64::MAX)
    };
    let quarantined = count(|outcome| outcome == Outcome::Quarantined);
    let rejected = count(|outcome| matches!(outcome, Outcome::Rejected(_)));
    let header = v1::BundleReceiptHeader {
        bundle_id: bundle.bundle.to_string(),
        node: node.clone(),
        hub: hub.clone(),
        imported_at: Some(write_instant(imported_at)),
        taken: count(|_| true) - quarantined - rejected,
        quarantined,
        rejected,
        bundle_digest: bundle_digest.to_vec(),
        content_digest: blake3::hash(&sealed.content).as_bytes().to_vec(),
        encapsulated_key: sealed.encapsulated,
        chain: chain_bytes(&identity.chain),
    };
    let header = header.encode_to_vec();
    Ok(write_letter(
        LetterKind::Receipt,
        &header,
        &sealed.content,
        identity,
    )?)
}

fn entry(position: u32, told: &BundledOutcome) -> v1::BundleOutcome {
    let (outcome, reason) = write_outcome(told.settled.outcome);
    let violations = told.settled.violations.iter();
    let broken = violations.filter(|violation| violation.level == Level::Reject);
    v1::BundleOutcome {
        state: told.state,
        kind: told.kind.map_or(0, |kind| write_kind(kind).into()),
        outcome: Some(v1::RecordOutcome {
            position,
            record_id: told.record_id.clone(),
            version: told.version,
            outcome: outcome.into(),
            reason: reason.to_owned(),
            violations: broken.map(short).collect(),
        }),
        held_version: told.held.map_or(0, Version::as_u64),
    }
}

/// Field and rule; whoever reads it has the words for them.
fn short(violation: &Violation) -> v1::FieldViolation {
    v1::FieldViolation {
        field: violation.path.to_string(),
        rule: violation.rule.as_str().to_owned(),
        description: String::new(),
        level: v1::ViolationLevel::Reject.into(),
    }
}

/// A receipt that is whole and that the owner of the certificate in its header has signed.
pub struct ReceiptLetter<'a> {
    /// What it says in clear.
    pub header: v1::BundleReceiptHeader,
    /// The bundle that it is for.
    pub bundle: Uuid,
    chain: Vec<CertificateDer<'static>>,
    content: &'a [u8],
}

impl<'a> ReceiptLetter<'a> {
    /// Reads a receipt without opening it.
    pub fn read(bytes: &'a [u8]) -> Result<Self, BundleFileError> {
        let (header, chain, content) = read_signed(
            LetterKind::Receipt,
            bytes,
            |header: &v1::BundleReceiptHeader| header.chain.clone(),
        )?;
        check_content(&header.content_digest, content)?;
        Ok(Self {
            bundle: read_id(&header.bundle_id)?,
            header,
            chain,
            content,
        })
    }

    /// The hub that wrote it, if a handshake with this host would be believed now.
    pub fn believe(
        &self,
        authorities: &Authorities,
        host: &str,
        now: Timestamp,
    ) -> Result<NodeName, BundleFileError> {
        let identity = believe(authorities, &self.chain, TrustedAs::Server(host), now)?;
        writer(identity, &self.header.hub)
    }

    /// Records that it answers, as it says.
    pub const fn records(&self) -> u64 {
        let header = &self.header;
        header
            .taken
            .saturating_add(header.quarantined)
            .saturating_add(header.rejected)
    }

    /// Opens it with the key that the bundle asked for.
    pub fn open(&self, key: &HpkePrivate) -> Result<Vec<v1::BundleOutcome>, BundleFileError> {
        let purpose = purpose("receipt", self.bundle, &self.header.node, &self.header.hub);
        let packed = key.open(&purpose, &self.header.encapsulated_key, self.content)?;
        let records = self.records().min(BUNDLE_RECORDS_MAX);
        let outcomes: Vec<v1::BundleOutcome> =
            unpack(&packed, RECEIPT_UNPACKED_BYTES_MAX, records)?;
        if u64::try_from(outcomes.len()) == Ok(self.records()) {
            Ok(outcomes)
        } else {
            Err(BundleFileError::Content)
        }
    }
}
