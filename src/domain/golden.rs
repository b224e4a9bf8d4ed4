//! Names of golden records and of the submissions they are made from.

use uuid::Uuid;

use super::record::{RecordKey, Version};

/// Identity of a golden record; upstream it is the record id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GoldenId(Uuid);

impl GoldenId {
    /// From its UUID.
    pub const fn new(id: Uuid) -> Self {
        Self(id)
    }

    /// Its UUID.
    pub const fn as_uuid(self) -> Uuid {
        self.0
    }
}

/// One version of one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubmissionKey {
    /// The record.
    pub record: RecordKey,
    /// Its version.
    pub version: Version,
}
