//! Reading records without knowing how they are encoded.

use std::borrow::Cow;

use bytes::Bytes;

use crate::domain::draft::ChildDraft;
use crate::domain::record::{Record, RecordKind};
use crate::domain::unit::UnitReference;
use crate::domain::validation::Validated;
use crate::linkage::survivorship::{Field, Rules};
use crate::sync::ingest::IncomingChange;

/// The bytes are not a record of the kind that was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the content cannot be read: {0}")]
pub struct Unreadable(pub &'static str);

/// Where a record says that it belongs. The village is part of what identifies a child, and so never shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RecordPlace {
    /// The unit; `None` where it names none that its list has.
    pub unit: Option<UnitReference>,
    /// The village as it stands in the record; empty where it names none.
    pub village: String,
}

/// How the contents of submissions are read. Implemented by the room that knows the contract.
pub trait RecordCodec: Send + Sync {
    /// Splits an encoded change, as uploads hold them, without believing what it says.
    fn read_change(&self, encoded: Bytes) -> Result<IncomingChange, Unreadable>;

    /// The one form in which a record is hashed, stored and sent on: text normalised, fields in the
    /// order of their numbers, nothing lost that this program does not know. Idempotent.
    fn canonicalise<'a>(
        &self,
        kind: RecordKind,
        content: &'a [u8],
    ) -> Result<Cow<'a, [u8]>, Unreadable>;

    /// Reads canonical content and finds everything that breaks a rule as of `today`.
    fn validate(
        &self,
        kind: RecordKind,
        content: &[u8],
        today: time::Date,
    ) -> Result<Validated<Record>, Unreadable>;

    /// Reads a child record without asking for rules.
    fn read_child(&self, content: &[u8]) -> Result<ChildDraft, Unreadable>;

    /// Where a record says that it belongs.
    fn place(&self, kind: RecordKind, content: &[u8]) -> Result<RecordPlace, Unreadable>;

    /// Canonical content with another unit in the place of its own; all other fields stay as they are.
    fn with_unit(
        &self,
        kind: RecordKind,
        content: &Bytes,
        unit: UnitReference,
    ) -> Result<Bytes, Unreadable>;

    /// Splits canonical content into its fields.
    fn fields(&self, content: &Bytes) -> Result<Vec<Field>, Unreadable>;

    /// How source records are consolidated.
    fn survivorship(&self, kind: RecordKind) -> &'static Rules;
}
