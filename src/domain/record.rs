//! Records: their keys, kinds and versions, and what a valid one holds.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use super::clock::Timestamp;
use super::date::PartialDate;
use super::node::NodeId;
use super::personal_number::PersonalNumber;
use super::unit::UnitReference;

/// What a record is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordKind {
    /// A child.
    Child,
    /// A report that something happened to a child.
    CaseReport,
}

impl RecordKind {
    /// The number that the store keeps.
    pub const fn code(self) -> i16 {
        match self {
            Self::Child => 1,
            Self::CaseReport => 2,
        }
    }

    /// The kind of a number from the store.
    pub const fn from_code(code: i16) -> Option<Self> {
        match code {
            1 => Some(Self::Child),
            2 => Some(Self::CaseReport),
            _ => None,
        }
    }

    /// The lane it travels in.
    pub const fn lane(self) -> Lane {
        match self {
            Self::Child => Lane::Routine,
            Self::CaseReport => Lane::Urgent,
        }
    }
}

/// A way through the hub. An urgent record never waits behind routine ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// Children.
    Routine,
    /// Case reports.
    Urgent,
}

impl Lane {
    /// Both lanes.
    pub const ALL: [Self; 2] = [Self::Routine, Self::Urgent];

    /// The number that the store keeps.
    pub const fn code(self) -> i16 {
        match self {
            Self::Routine => 1,
            Self::Urgent => 2,
        }
    }
}

/// Name of a record within its node: a UUID that the node made and never uses again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId(Uuid);

impl RecordId {
    /// From its UUID.
    pub const fn new(id: Uuid) -> Self {
        Self(id)
    }

    /// Its UUID.
    pub const fn as_uuid(self) -> Uuid {
        self.0
    }
}

impl FromStr for RecordId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::try_parse(text).map(Self)
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(formatter)
    }
}

/// A record of a node, in all its versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordKey {
    /// The node.
    pub node: NodeId,
    /// The kind. A child and a report may have the same id.
    pub kind: RecordKind,
    /// The name within the node.
    pub record_id: RecordId,
}

/// Version of a record, 1 to 2^63 - 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(i64);

impl Version {
    /// The first version.
    pub const FIRST: Self = Self(1);

    /// From a number of the contract.
    pub fn from_u64(number: u64) -> Option<Self> {
        i64::try_from(number).ok().and_then(Self::from_i64)
    }

    /// From a number of the store.
    pub const fn from_i64(number: i64) -> Option<Self> {
        if number >= 1 {
            Some(Self(number))
        } else {
            None
        }
    }

    /// As the store has it.
    pub const fn as_i64(self) -> i64 {
        self.0
    }

    /// As the contract has it.
    pub const fn as_u64(self) -> u64 {
        self.0.unsigned_abs()
    }

    /// The next version; the last one stays the last.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// BLAKE3 hash of a record's canonical content.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ContentHash([u8; 32]);

impl ContentHash {
    /// Hashes a content.
    pub fn of(content: &[u8]) -> Self {
        Self(*blake3::hash(content).as_bytes())
    }

    /// Hashes a withdrawal.
    pub fn of_tombstone(reason: TombstoneReason) -> Self {
        Self::of(&[b"tombstone ".as_slice(), &reason.code().to_be_bytes()].concat())
    }

    /// From the 32 bytes that the store keeps.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ContentHash")
    }
}

/// Why a record is withdrawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TombstoneReason {
    /// Entered in error.
    Error,
    /// Repeats another record of the same node.
    Duplicate,
    /// The child moved and another node keeps the record.
    Moved,
    /// No longer a child.
    Turned16,
    /// The golden record was merged into another.
    Merged,
    /// All source records of the golden record were withdrawn.
    Withdrawn,
    /// Erased by order.
    Erased,
}

impl TombstoneReason {
    /// The number that the store keeps; never 0, which stands for content.
    pub const fn code(self) -> i16 {
        match self {
            Self::Error => 1,
            Self::Duplicate => 2,
            Self::Moved => 3,
            Self::Turned16 => 4,
            Self::Merged => 5,
            Self::Withdrawn => 6,
            Self::Erased => 7,
        }
    }

    /// The reason of a number from the store.
    pub const fn from_code(code: i16) -> Option<Self> {
        match code {
            1 => Some(Self::Error),
            2 => Some(Self::Duplicate),
            3 => Some(Self::Moved),
            4 => Some(Self::Turned16),
            5 => Some(Self::Merged),
            6 => Some(Self::Withdrawn),
            7 => Some(Self::Erased),
            _ => None,
        }
    }
}

/// Sex of a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sex {
    /// Male.
    Male,
    /// Female.
    Female,
    /// Not determined.
    Undetermined,
    /// Not known.
    Unknown,
}

/// Whether the commune looks after the child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordStatus {
    /// It does.
    Active,
    /// Moved out.
    Moved,
    /// Turned 16.
    Turned16,
    /// Died.
    Died,
    /// Merged into another record.
    Duplicate,
    /// Missing.
    Missing,
}

/// A valid child record: what linkage and survivorship look at. The whole record travels as the bytes
/// that its source sent.
#[derive(Clone)]
pub struct ChildRecord {
    /// The commune that keeps it.
    pub commune: UnitReference,
    /// Full name in NFC.
    pub full_name: String,
    /// Not yet named: registered as "Trai" or "Gái".
    pub is_unnamed: bool,
    /// Date of birth.
    pub birth_date: PartialDate,
    /// Sex.
    pub sex: Sex,
    /// The number, if there is a valid one.
    pub personal_number: Option<PersonalNumber>,
    /// Whether the commune looks after the child.
    pub status: RecordStatus,
}

impl fmt::Debug for ChildRecord {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ChildRecord(redacted)")
    }
}

/// A valid case report.
#[derive(Clone)]
pub struct CaseReport {
    /// The commune that received it.
    pub commune: UnitReference,
    /// When it was received.
    pub received_at: Timestamp,
}

impl fmt::Debug for CaseReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("CaseReport(redacted)")
    }
}

/// A valid record.
#[derive(Clone, Debug)]
pub enum Record {
    /// A child.
    Child(Box<ChildRecord>),
    /// A case report.
    CaseReport(Box<CaseReport>),
}

impl Record {
    /// The unit that must be in the node's territory.
    pub fn unit(&self) -> UnitReference {
        match self {
            Self::Child(child) => child.commune,
            Self::CaseReport(report) => report.commune,
        }
    }

    /// The child, if it is one.
    pub fn as_child(&self) -> Option<&ChildRecord> {
        match self {
            Self::Child(child) => Some(child),
            Self::CaseReport(_) => None,
        }
    }
}
