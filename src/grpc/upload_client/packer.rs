//! Packing changes into the bytes of an upload.

use std::io::{self, Write};

use bytes::Bytes;
use prost::Message;
use uuid::Uuid;

use super::length;
use crate::domain::unit::UnitReference;
use crate::domain::upload::{Effect, Faults, Missing, Packing, Period, UploadKind};
use crate::grpc::convert::{write_kind, write_unit};
use crate::grpc::proto::v1;

/// Level of Zstandard: the fastest one that packs names well.
const ZSTD_LEVEL: i32 = 3;

/// Packs changes into the bytes of an upload.
pub struct UploadPacker {
    bytes: Packer,
    packing: Packing,
    records: u64,
    unpacked: u64,
    frame: Vec<u8>,
}

enum Packer {
    Plain(Vec<u8>),
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
    Gzip(flate2::write::GzEncoder<Vec<u8>>),
}

impl UploadPacker {
    /// A packer without changes.
    pub fn new(packing: Packing) -> io::Result<Self> {
        let bytes = match packing {
            Packing::Plain => Packer::Plain(Vec::new()),
            Packing::Zstd => {
                Packer::Zstd(zstd::stream::write::Encoder::new(Vec::new(), ZSTD_LEVEL)?)
            }
            Packing::Gzip => {
                let level = flate2::Compression::default();
                Packer::Gzip(flate2::write::GzEncoder::new(Vec::new(), level))
            }
        };
        Ok(Self {
            bytes,
            packing,
            records: 0,
            unpacked: 0,
            frame: Vec::new(),
        })
    }

    /// Adds a change.
    pub fn add(&mut self, change: &v1::RecordChange) -> io::Result<()> {
        self.frame.clear();
        change
            .encode_length_delimited(&mut self.frame)
            .map_err(io::Error::other)?;
        self.records += 1;
        self.unpacked += length(&self.frame);
        match &mut self.bytes {
            Packer::Plain(bytes) => bytes.write_all(&self.frame),
            Packer::Zstd(bytes) => bytes.write_all(&self.frame),
            Packer::Gzip(bytes) => bytes.write_all(&self.frame),
        }
    }

    /// Changes so far.
    pub const fn records(&self) -> u64 {
        self.records
    }

    /// Bytes so far, before packing.
    pub const fn unpacked(&self) -> u64 {
        self.unpacked
    }

    /// Ends the upload and says what it is for. Its id is drawn from everything that it is, so that the
    /// same content under the same terms is the same upload, also when another run sends it.
    pub fn finish(self, terms: &UploadTerms) -> io::Result<OutgoingUpload> {
        let bytes = match self.bytes {
            Packer::Plain(bytes) => bytes,
            Packer::Zstd(bytes) => bytes.finish()?,
            Packer::Gzip(bytes) => bytes.finish()?,
        };
        let content = bytes.into();
        Ok(OutgoingUpload::of(
            content,
            self.packing,
            self.records,
            terms,
        ))
    }
}

impl OutgoingUpload {
    /// An upload of bytes that were packed before, with so many changes in them.
    pub fn of(content: Bytes, packing: Packing, records: u64, terms: &UploadTerms) -> Self {
        let (kind, record_kind, withdraw_missing) = match terms.kind {
            UploadKind::Delta => (v1::UploadKind::Delta, 0, false),
            UploadKind::Snapshot { of, missing } => (
                v1::UploadKind::Snapshot,
                write_kind(of).into(),
                missing == Missing::Withdraw,
            ),
        };
        let packing = match packing {
            Packing::Plain => v1::UploadPacking::Unspecified,
            Packing::Zstd => v1::UploadPacking::Zstd,
            Packing::Gzip => v1::UploadPacking::Gzip,
        };
        let mut manifest = v1::UploadManifest {
            upload_id: String::new(),
            kind: kind.into(),
            record_kind,
            unit: Some(write_unit(terms.unit)),
            period: terms.period.as_str().to_owned(),
            records,
            bytes: length(&content),
            digest: blake3::hash(&content).as_bytes().to_vec(),
            packing: packing.into(),
            withdraw_missing,
            validate_only: terms.effect == Effect::ReportOnly,
            all_or_nothing: terms.faults == Faults::RefuseAll,
        };
        manifest.upload_id = terms
            .upload
            .unwrap_or_else(|| drawn_id(&manifest))
            .to_string();
        Self { manifest, content }
    }
}

fn drawn_id(manifest: &v1::UploadManifest) -> Uuid {
    let hash = blake3::hash(&manifest.encode_to_vec());
    let mut id = [0; 16];
    for (place, byte) in id.iter_mut().zip(hash.as_bytes()) {
        *place = *byte;
    }
    uuid::Builder::from_custom_bytes(id).into_uuid()
}

/// What an upload is for.
#[derive(Clone, Debug)]
pub struct UploadTerms {
    /// Its id; drawn from its content unless given.
    pub upload: Option<Uuid>,
    /// What it states.
    pub kind: UploadKind,
    /// The unit that it is about.
    pub unit: UnitReference,
    /// The time that it is about.
    pub period: Period,
    /// What faulty records mean.
    pub faults: Faults,
    /// Whether it has an effect.
    pub effect: Effect,
}

/// An upload that is ready to be sent.
#[derive(Clone)]
pub struct OutgoingUpload {
    /// What it is.
    pub manifest: v1::UploadManifest,
    /// Its bytes.
    pub content: Bytes,
}
