//! Comparing what two hubs hold: entries that are equal when records are, and what a difference means.

use uuid::Uuid;

use super::record::{ContentHash, RecordId, RecordKind, Version};

/// Bytes of an entry: the record's id, then half a hash of what is said of it.
pub const ENTRY_BYTES: usize = 32;

/// The kinds in the order in which they are compared.
pub const COMPARED_KINDS: [RecordKind; 2] = [RecordKind::CaseReport, RecordKind::Child];

/// One record in a comparison: equal at both ends exactly when version and content are. It begins with the
/// id of the record, so that versions of one record stand side by side in the order of entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Entry([u8; ENTRY_BYTES]);

impl Entry {
    /// The entry of a version of a record.
    pub fn new(record: RecordId, state: RecordState) -> Self {
        let mut said = blake3::Hasher::new();
        said.update(&state.version.as_i64().to_be_bytes());
        said.update(state.hash.as_bytes());
        let mut entry = [0; ENTRY_BYTES];
        let (id, half) = entry.split_at_mut(16);
        id.copy_from_slice(record.as_uuid().as_bytes());
        said.finalize_xof().fill(half);
        Self(entry)
    }

    /// From the bytes of the wire.
    pub const fn from_bytes(bytes: [u8; ENTRY_BYTES]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; ENTRY_BYTES] {
        &self.0
    }

    /// The record.
    pub fn record(&self) -> RecordId {
        let id = self.0.first_chunk().copied().unwrap_or_default();
        RecordId::new(Uuid::from_bytes(id))
    }
}

/// What one end holds of a record: of a withdrawn one the hash is that of its tombstone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordState {
    /// Its version.
    pub version: Version,
    /// Hash of its content or its tombstone.
    pub hash: ContentHash,
}

/// What the lower end knows of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LowerRecord {
    /// The record.
    pub record: RecordId,
    /// What it holds; `None` if it has no such record.
    pub held: Option<RecordState>,
    /// Whether the upper end has acknowledged this version.
    pub is_receipted: bool,
    /// Whether the upper end refused this version for breaking a rule.
    pub is_refused: bool,
}

/// What the upper end knows of a record of the lower end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpperRecord {
    /// The record.
    pub record: RecordId,
    /// What it holds and has reconciled; `None` if there is no such record.
    pub held: Option<RecordState>,
    /// Whether it has taken in a version that it has not reconciled yet.
    pub is_unsettled: bool,
    /// Newest version in quarantine, if there is one.
    pub quarantined: Option<Version>,
}

/// What a difference between the two ends is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Finding {
    /// Both hold the record, with another version or another content.
    Different,
    /// The lower end holds it, and the upper end does not.
    Missing,
    /// The upper end holds it, and the lower end does not.
    Extra,
    /// The upper end refuses it, or keeps it in quarantine: somebody has to correct it.
    Refused,
    /// It was changing all the while: the next comparison will tell.
    Moving,
}

impl Finding {
    /// Every finding.
    pub const ALL: [Self; 5] = [
        Self::Different,
        Self::Missing,
        Self::Extra,
        Self::Refused,
        Self::Moving,
    ];

    /// The number that the store keeps.
    pub const fn code(self) -> i16 {
        match self {
            Self::Different => 1,
            Self::Missing => 2,
            Self::Extra => 3,
            Self::Refused => 4,
            Self::Moving => 5,
        }
    }

    /// The finding of a number from the store.
    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|finding| finding.code() == code)
    }

    /// Whether somebody has to know of it: what only moves is none, and what is refused is told elsewhere.
    pub const fn is_alarm(self) -> bool {
        match self {
            Self::Different | Self::Missing | Self::Extra => true,
            Self::Refused | Self::Moving => false,
        }
    }
}

/// A record on which the two ends do not agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Its kind.
    pub kind: RecordKind,
    /// The record.
    pub record: RecordId,
    /// What the difference is.
    pub finding: Finding,
    /// The lower end's version, if it has the record.
    pub lower: Option<Version>,
    /// The upper end's version, if it has the record.
    pub upper: Option<Version>,
}

/// What is done about the differences that a comparison finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repair {
    /// Nothing: they are shown.
    Nothing,
    /// The lower end sends what is different or missing again.
    SendAgain,
    /// Besides, it withdraws what only the upper end holds.
    WithdrawExtra,
}

impl Repair {
    /// The number that the store keeps.
    pub const fn code(self) -> i16 {
        match self {
            Self::Nothing => 0,
            Self::SendAgain => 1,
            Self::WithdrawExtra => 2,
        }
    }

    /// The repair of a number from the store.
    pub const fn from_code(code: i16) -> Option<Self> {
        match code {
            0 => Some(Self::Nothing),
            1 => Some(Self::SendAgain),
            2 => Some(Self::WithdrawExtra),
            _ => None,
        }
    }

    /// Whether it does something about a finding.
    pub const fn mends(self, finding: Finding) -> bool {
        match (self, finding) {
            (Self::SendAgain | Self::WithdrawExtra, Finding::Different | Finding::Missing)
            | (Self::WithdrawExtra, Finding::Extra) => true,
            (Self::Nothing, _)
            | (Self::SendAgain, Finding::Extra)
            | (_, Finding::Refused | Finding::Moving) => false,
        }
    }
}

/// How far a comparison is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ComparisonState {
    /// Somebody asked for it, and the lower end has not begun.
    Asked,
    /// It is under way.
    Running,
    /// It has a result.
    Ended,
    /// It could not be made.
    Failed,
}

impl ComparisonState {
    /// The number that the store keeps.
    pub const fn code(self) -> i16 {
        match self {
            Self::Asked => 1,
            Self::Running => 2,
            Self::Ended => 3,
            Self::Failed => 4,
        }
    }

    /// The state of a number from the store.
    pub const fn from_code(code: i16) -> Option<Self> {
        match code {
            1 => Some(Self::Asked),
            2 => Some(Self::Running),
            3 => Some(Self::Ended),
            4 => Some(Self::Failed),
            _ => None,
        }
    }
}

/// What a comparison came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ComparisonReport {
    /// Records by what was found.
    pub counts: ComparisonCounts,
    /// Some of the differences; [`ComparisonReport::counts`] counts all.
    pub differences: Vec<Difference>,
    /// Records that were sent again or withdrawn.
    pub repaired: i64,
    /// Differences that another comparison found after the repair; `None` without one.
    pub remaining: Option<i64>,
    /// Messages of reconciliation that went up, each with its answer.
    pub rounds: i64,
    /// Bytes of all messages in both directions.
    pub traffic_bytes: i64,
}

/// What a comparison came to, in records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ComparisonCounts {
    /// The same at both ends.
    pub matched: i64,
    /// See [`Finding::Different`].
    pub different: i64,
    /// See [`Finding::Missing`].
    pub missing: i64,
    /// See [`Finding::Extra`].
    pub extra: i64,
    /// See [`Finding::Refused`].
    pub refused: i64,
    /// See [`Finding::Moving`].
    pub moving: i64,
}

impl ComparisonCounts {
    /// Counts one more record with this finding.
    pub const fn add(&mut self, finding: Finding) {
        match finding {
            Finding::Different => self.different += 1,
            Finding::Missing => self.missing += 1,
            Finding::Extra => self.extra += 1,
            Finding::Refused => self.refused += 1,
            Finding::Moving => self.moving += 1,
        }
    }

    /// Records that one end has to send again, or that should not be there.
    pub const fn alarms(&self) -> i64 {
        self.different + self.missing + self.extra
    }
}

/// Says what a difference is by a second look at the record: first at the lower end, then at the upper,
/// then at the lower again. `None` means that both ends agree by now.
///
/// Nothing that is on its way counts. What the lower end had receipted at its first look was in the upper
/// end's log at the second; what the upper end can have got since then shows in the third.
pub fn judge(before: &LowerRecord, upper: &UpperRecord, after: &LowerRecord) -> Option<Finding> {
    if before != after || upper.is_unsettled {
        return Some(Finding::Moving);
    }
    let Some(lower) = before.held else {
        return upper.held.map(|_| Finding::Extra);
    };
    if !before.is_receipted {
        return Some(Finding::Moving);
    }
    if upper.held == Some(lower) {
        return None;
    }
    let in_quarantine = upper.quarantined.is_some_and(|held| held >= lower.version);
    if before.is_refused || in_quarantine {
        return Some(Finding::Refused);
    }
    Some(match upper.held {
        Some(_) => Finding::Different,
        None => Finding::Missing,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(version: i64, content: &[u8]) -> RecordState {
        RecordState {
            version: Version::from_i64(version).expect("a version"),
            hash: ContentHash::of(content),
        }
    }

    fn lower(held: Option<RecordState>) -> LowerRecord {
        LowerRecord {
            record: RecordId::new(Uuid::from_u128(1)),
            held,
            is_receipted: true,
            is_refused: false,
        }
    }

    fn upper(held: Option<RecordState>) -> UpperRecord {
        UpperRecord {
            record: RecordId::new(Uuid::from_u128(1)),
            held,
            is_unsettled: false,
            quarantined: None,
        }
    }

    fn judged(below: Option<RecordState>, above: Option<RecordState>) -> Option<Finding> {
        judge(&lower(below), &upper(above), &lower(below))
    }

    #[test]
    fn what_both_hold_decides_what_a_difference_is() {
        let (one, two) = (Some(state(1, b"a")), Some(state(2, b"a")));
        let other = Some(state(1, b"b"));

        assert_eq!(judged(one, one), None);
        assert_eq!(judged(None, None), None);
        assert_eq!(judged(one, other), Some(Finding::Different));
        assert_eq!(judged(one, two), Some(Finding::Different));
        assert_eq!(judged(one, None), Some(Finding::Missing));
        assert_eq!(judged(None, one), Some(Finding::Extra));
    }

    #[test]
    fn what_is_on_its_way_is_no_alarm() {
        let (one, two) = (Some(state(1, b"a")), Some(state(2, b"b")));
        let sent = LowerRecord {
            is_receipted: false,
            ..lower(two)
        };
        let waiting = UpperRecord {
            is_unsettled: true,
            ..upper(one)
        };

        assert_eq!(judge(&sent, &upper(one), &sent), Some(Finding::Moving));
        assert_eq!(
            judge(&lower(two), &waiting, &lower(two)),
            Some(Finding::Moving)
        );
        assert_eq!(
            judge(&lower(one), &upper(two), &lower(two)),
            Some(Finding::Moving)
        );
        assert_eq!(
            judge(&lower(None), &upper(two), &lower(two)),
            Some(Finding::Moving)
        );
    }

    #[test]
    fn what_is_refused_is_not_missing() {
        let one = Some(state(1, b"a"));
        let refused = LowerRecord {
            is_refused: true,
            ..lower(one)
        };
        let held_back = UpperRecord {
            quarantined: Some(Version::FIRST),
            ..upper(None)
        };

        assert_eq!(
            judge(&refused, &upper(None), &refused),
            Some(Finding::Refused)
        );
        assert_eq!(
            judge(&lower(one), &held_back, &lower(one)),
            Some(Finding::Refused)
        );
    }

    #[test]
    fn entries_are_equal_when_version_and_content_are() {
        let record = RecordId::new(Uuid::from_u128(7));
        let entry = Entry::new(record, state(1, b"a"));

        assert_eq!(entry, Entry::new(record, state(1, b"a")));
        assert_ne!(entry, Entry::new(record, state(2, b"a")));
        assert_ne!(entry, Entry::new(record, state(1, b"b")));
        assert_eq!(entry.record(), record);
    }
}
