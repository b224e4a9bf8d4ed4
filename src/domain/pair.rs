//! Pairs of source records, and what is said of them.

use super::record::RecordKey;

/// Two source records, the smaller key first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pair {
    one: RecordKey,
    other: RecordKey,
}

impl Pair {
    /// A pair in its one order.
    pub fn new(one: RecordKey, other: RecordKey) -> Self {
        Self {
            one: one.min(other),
            other: one.max(other),
        }
    }

    /// The smaller key.
    pub const fn one(self) -> RecordKey {
        self.one
    }

    /// The larger key.
    pub const fn other(self) -> RecordKey {
        self.other
    }
}

/// What a steward says of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Both are the same child.
    Same,
    /// They are different children.
    Different,
    /// Nobody can say yet.
    Later,
}

impl Verdict {
    /// The number that the store keeps; never 0, which stands for an undone verdict.
    pub const fn code(self) -> i16 {
        match self {
            Self::Same => 1,
            Self::Different => 2,
            Self::Later => 3,
        }
    }

    /// The verdict of a number from the store.
    pub const fn from_code(code: i16) -> Option<Self> {
        match code {
            1 => Some(Self::Same),
            2 => Some(Self::Different),
            3 => Some(Self::Later),
            _ => None,
        }
    }
}
