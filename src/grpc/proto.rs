//! The generated contract.

/// `record.proto`, every type decoded.
#[expect(clippy::pedantic, reason = "generated")]
pub mod record {
    include!(concat!(env!("OUT_DIR"), "/record/childsync.v1.rs"));
}

/// The services and their messages, with the records inside left as they were sent.
#[expect(
    clippy::pedantic,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::as_conversions,
    clippy::clone_on_ref_ptr,
    unused_qualifications,
    reason = "generated"
)]
pub mod v1 {
    include!(concat!(env!("OUT_DIR"), "/childsync.v1.rs"));
}

impl std::fmt::Debug for v1::RecordChange {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("RecordChange")
            .field("version", &self.version)
            .field("content", &self.content)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for v1::record_change::Content {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Child(_) => "Child(redacted)",
            Self::CaseReport(_) => "CaseReport(redacted)",
            Self::Tombstone(_) => "Tombstone",
        })
    }
}

impl std::fmt::Debug for v1::SendChunksRequest {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("SendChunksRequest")
            .field("upload_id", &self.upload_id)
            .field("offset", &self.offset)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for v1::ImportBundleRequest {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("ImportBundleRequest(redacted)")
    }
}

impl std::fmt::Debug for v1::ExplainPairResponse {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = formatter.debug_struct("ExplainPairResponse");
        shown.field("bits", &self.bits).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for v1::GoldenVersion {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = formatter.debug_struct("GoldenVersion");
        shown
            .field("version", &self.version)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// The descriptors of the whole contract, for reflection and for reading records without decoding.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
