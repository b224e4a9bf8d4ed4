//! Names of golden records and of the submissions they are made from.

use uuid::Uuid;

use super::clock::Timestamp;
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

    /// When it was named, to the millisecond; `None` unless its UUID is of version 7.
    pub fn named_at(self) -> Option<Timestamp> {
        let (seconds, nanoseconds) = self.0.get_timestamp()?.to_unix();
        let micros = i64::try_from(seconds).ok()?.checked_mul(1_000_000)?;
        Some(Timestamp::from_micros(
            micros.checked_add(i64::from(nanoseconds / 1_000))?,
        ))
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
