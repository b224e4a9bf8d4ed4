//! What the node that keeps a record says of how it relates to its other records.

use std::collections::BTreeSet;

use super::record::{RecordId, RecordKey};

/// Records that one record can be said to be different from, at most.
pub const DIFFERENT_FROM_MAX: usize = 256;

/// What a submission says of other records of its node. It is the node's word: a node that linked or
/// separated records itself tells its upstream so, and the upstream need not find it out again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Relations {
    /// Nothing is said.
    #[default]
    None,
    /// The record is withdrawn, and this one stands in its place.
    Successor(RecordId),
    /// The record is another child than these, whatever the evidence.
    DifferentFrom(BTreeSet<RecordId>),
}

impl Relations {
    /// Relations of a live record.
    pub fn different_from(records: BTreeSet<RecordId>) -> Self {
        if records.is_empty() {
            Self::None
        } else {
            Self::DifferentFrom(records)
        }
    }

    /// Relations of a withdrawn record.
    pub fn succeeded_by(record: Option<RecordId>) -> Self {
        record.map_or(Self::None, Self::Successor)
    }

    /// The record that stands in the place of a withdrawn one.
    pub const fn successor(&self) -> Option<RecordId> {
        match self {
            Self::Successor(record) => Some(*record),
            Self::None | Self::DifferentFrom(_) => None,
        }
    }

    /// The records that a live one is said to be different from, given its own key.
    pub fn others(&self, own: RecordKey) -> BTreeSet<RecordKey> {
        let records = match self {
            Self::DifferentFrom(records) => Some(records),
            Self::None | Self::Successor(_) => None,
        };
        let records = records.into_iter().flatten();
        records
            .map(|record_id| RecordKey {
                record_id: *record_id,
                ..own
            })
            .collect()
    }
}
