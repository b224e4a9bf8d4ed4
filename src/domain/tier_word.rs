//! What the tiers above a hub say of its golden records: words that travel down to the commune.

use super::clock::Timestamp;
use super::golden::GoldenId;
use super::node::NodeName;
use super::record::Version;
use super::unit::UnitReference;

/// Tiers above a hub whose words are kept; of a deeper tree the nearest ones are.
pub const TIERS_MAX: usize = 8;

/// What one tier says of a record of the node below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TierWord {
    /// Name of the hub that says it, where it has said its name.
    pub hub: Option<NodeName>,
    /// The unit that the hub serves.
    pub unit: Option<UnitReference>,
    /// The version of the record of the node below that is spoken of.
    pub version: Version,
    /// What became of the record there.
    pub state: TierState,
    /// Whether this is said of the record as the hub that passes it on has it now.
    pub is_newest: bool,
    /// When the tier took this version in, by its own clock.
    pub since: Option<Timestamp>,
    /// The golden record that it belongs to there.
    pub golden_id: Option<GoldenId>,
    /// The golden record that it was in before, and what happened to that one.
    pub former: Option<(GoldenId, GoldenNews)>,
    /// Source records of the golden record, of any node of that tier.
    pub linked: u32,
    /// Units of the other nodes of that tier that hold records of the same child.
    pub linked_units: Vec<UnitReference>,
    /// Names of the fields on which the records of the same child contradict each other.
    pub conflicts: Vec<String>,
    /// Why it is in quarantine or refused, as a stable word.
    pub reason: String,
    /// In quarantine: the broken rules as `path RULE`, one a line.
    pub rules: String,
    /// The commune where the child is registered by the golden record, if it is another one than the record's.
    pub moved_to: Option<UnitReference>,
}

impl TierWord {
    /// The word of a tier that refuses a version.
    pub fn refused(version: Version, reason: String) -> Self {
        Self {
            hub: None,
            unit: None,
            version,
            state: TierState::Refused,
            is_newest: true,
            since: None,
            golden_id: None,
            former: None,
            linked: 0,
            linked_units: Vec::new(),
            conflicts: Vec::new(),
            reason,
            rules: String::new(),
            moved_to: None,
        }
    }
}

/// What became of a record at a tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TierState {
    /// Alone in its golden record.
    Reconciled,
    /// In one golden record with others.
    Linked,
    /// Withdrawn.
    Withdrawn,
    /// In quarantine.
    Quarantined,
    /// Refused: the tier does not hold it.
    Refused,
}

impl TierState {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Reconciled,
        Self::Linked,
        Self::Withdrawn,
        Self::Quarantined,
        Self::Refused,
    ];

    /// The number that the store keeps.
    pub const fn code(self) -> i16 {
        match self {
            Self::Reconciled => 1,
            Self::Linked => 2,
            Self::Withdrawn => 3,
            Self::Quarantined => 4,
            Self::Refused => 5,
        }
    }

    /// The state of a number from the store.
    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.code() == code)
    }

    /// The state as a stable word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Reconciled => "reconciled",
            Self::Linked => "linked",
            Self::Withdrawn => "withdrawn",
            Self::Quarantined => "quarantined",
            Self::Refused => "refused",
        }
    }

    /// Whether the tier holds the record as one that counts.
    pub const fn is_held(self) -> bool {
        match self {
            Self::Reconciled | Self::Linked | Self::Withdrawn => true,
            Self::Quarantined | Self::Refused => false,
        }
    }
}

/// What happened to the golden record that a record was in before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GoldenNews {
    /// It was merged into the present one.
    Merged,
    /// The record was split off from it.
    Split,
}

impl GoldenNews {
    /// The number that the store keeps; 0 stands for none.
    pub const fn code(self) -> i16 {
        match self {
            Self::Merged => 1,
            Self::Split => 2,
        }
    }

    /// The news of a number from the store.
    pub const fn from_code(code: i16) -> Option<Self> {
        match code {
            1 => Some(Self::Merged),
            2 => Some(Self::Split),
            _ => None,
        }
    }
}

/// What a hub keeps of an event of its upstream: the upstream's own word first, then those that the
/// upstream passes on, the nearest tier first.
pub fn heard(own: TierWord, above: Vec<TierWord>) -> Vec<TierWord> {
    let mut words = vec![own];
    words.extend(above);
    words.truncate(TIERS_MAX);
    words
}

/// The words as a hub passes them on whose golden record has this version now. Of an older version
/// nothing above is the newest; nor is anything above a tier that has an older one.
pub fn passed_on(mut words: Vec<TierWord>, golden_version: Version) -> Vec<TierWord> {
    let mut is_newest = words
        .first()
        .is_some_and(|word| word.version == golden_version);
    for word in &mut words {
        is_newest &= word.is_newest;
        word.is_newest = is_newest;
    }
    words
}

/// Where a child is registered by its golden record, if that is another commune than its record's. A commune
/// of an older list is no other one than that which it is now, or is now part of.
pub fn moved_to(record: UnitReference, golden: UnitReference) -> Option<UnitReference> {
    let today = golden.of_today();
    let is_same = if record.scheme == golden.scheme {
        record.code == golden.code
    } else {
        record.of_today().iter().any(|unit| today.contains(unit))
    };
    (!is_same).then_some(golden)
}

/// Whether what is heard now takes the place of what is held. A record with a version in quarantine has two
/// places in a feed, its last good version and the broken one: the newer one counts.
pub fn replaces(heard: &[TierWord], held: &[TierWord]) -> bool {
    let version = |words: &[TierWord]| words.first().map(|word| word.version);
    version(heard) >= version(held) && heard != held
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(version: u64) -> TierWord {
        TierWord {
            hub: None,
            unit: None,
            version: Version::from_u64(version).expect("a version"),
            state: TierState::Reconciled,
            is_newest: true,
            since: None,
            golden_id: None,
            former: None,
            linked: 1,
            linked_units: Vec::new(),
            conflicts: Vec::new(),
            reason: String::new(),
            rules: String::new(),
            moved_to: None,
        }
    }

    fn newest(words: &[TierWord]) -> Vec<bool> {
        words.iter().map(|word| word.is_newest).collect()
    }

    #[test]
    fn of_a_deep_tree_the_nearest_tiers_are_kept() {
        let words = heard(word(7), vec![word(1); TIERS_MAX + 3]);

        assert_eq!(words.len(), TIERS_MAX);
        assert_eq!(words[0], word(7));
    }

    #[test]
    fn nothing_above_an_older_version_is_the_newest() {
        let version = |number| Version::from_u64(number).expect("a version");
        let older = TierWord {
            is_newest: false,
            ..word(3)
        };
        let words = vec![word(5), older, word(4)];

        assert_eq!(
            newest(&passed_on(words.clone(), version(5))),
            [true, false, false]
        );
        assert_eq!(newest(&passed_on(words, version(6))), [false; 3]);
    }

    #[test]
    fn an_older_version_takes_no_newer_ones_place() {
        assert!(replaces(&[word(2)], &[]));
        assert!(replaces(&[word(2)], &[word(1)]));
        assert!(replaces(&[word(2), word(1)], &[word(2)]));
        assert!(!replaces(&[word(2)], &[word(2)]));
        assert!(!replaces(&[word(1)], &[word(2)]));
    }

    #[test]
    fn a_new_code_for_the_same_commune_is_no_move() {
        let unit = |text: &str| -> UnitReference { text.parse().expect("a unit") };
        let old = unit("GSO_PRE2025:30742");
        let code = old.of_today()[0];
        let new = unit(&format!("GSO_2025:{code}"));

        assert_eq!(moved_to(old, old), None);
        assert_eq!(moved_to(old, new), None);
        let other = unit("GSO_PRE2025:00001");
        assert_eq!(moved_to(old, other), Some(other));
    }

    #[test]
    fn numbers_come_back_as_they_went() {
        for state in TierState::ALL {
            assert_eq!(TierState::from_code(state.code()), Some(state));
        }
        for news in [GoldenNews::Merged, GoldenNews::Split] {
            assert_eq!(GoldenNews::from_code(news.code()), Some(news));
        }
    }
}
