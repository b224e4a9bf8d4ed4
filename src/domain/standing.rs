//! How far a record of a commune has come on its way to the nation.

use super::clock::Timestamp;
use super::record::Version;
use super::tier_word::{TierState, TierWord};
use super::unit::UnitReference;

/// Where the newest version of a record is, by the durable word of whoever holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// On the commune's machine only, waiting for a line.
    Kept,
    /// As before, and by what the agent knows a rule is broken. It is sent all the same: the hub decides.
    KeptToCorrect,
    /// The hub refused it or keeps it in quarantine: it waits for a correction.
    ToCorrect,
    /// The hub holds it.
    AtHub,
    /// The node above the hub holds it, or the hub is the top of the tree.
    AtTop,
}

impl Standing {
    /// All of them, in the order of the way.
    pub const ALL: [Self; 5] = [
        Self::Kept,
        Self::KeptToCorrect,
        Self::ToCorrect,
        Self::AtHub,
        Self::AtTop,
    ];

    /// The number that the store keeps.
    pub const fn code(self) -> i16 {
        match self {
            Self::Kept => 1,
            Self::KeptToCorrect => 2,
            Self::ToCorrect => 3,
            Self::AtHub => 4,
            Self::AtTop => 5,
        }
    }

    /// The standing of a number from the store.
    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|standing| standing.code() == code)
    }

    /// The standing as a stable word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::KeptToCorrect => "kept-to-correct",
            Self::ToCorrect => "to-correct",
            Self::AtHub => "at-hub",
            Self::AtTop => "at-top",
        }
    }

    /// The standing of a stable word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|standing| standing.word() == word)
    }
}

/// What the hub answered when it was sent a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HubAnswer {
    /// It holds this version, or a newer one.
    Taken,
    /// It keeps it in quarantine.
    Quarantined,
    /// It refused it.
    Refused,
}

impl HubAnswer {
    /// The number that the store keeps; 0 stands for no answer.
    pub const fn code(self) -> i16 {
        match self {
            Self::Taken => 1,
            Self::Quarantined => 2,
            Self::Refused => 3,
        }
    }

    /// The answer of a number from the store.
    pub const fn from_code(code: i16) -> Option<Self> {
        match code {
            1 => Some(Self::Taken),
            2 => Some(Self::Quarantined),
            3 => Some(Self::Refused),
            _ => None,
        }
    }
}

/// What the hub's feed says of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubWord {
    /// The version that it is about.
    pub version: Version,
    /// What became of it.
    pub state: HubState,
    /// When the hub took this version in, by the hub's clock.
    pub since: Option<Timestamp>,
    /// Position in the feed.
    pub position: i64,
    /// Number of the newest change of its golden record; 0 where it has none.
    pub change: i64,
    /// Source records of the golden record, of any node.
    pub linked: u32,
    /// Units of the other nodes that hold records of the same child.
    pub linked_units: Vec<UnitReference>,
    /// Names of the fields on which the records of the same child contradict each other.
    pub conflicts: Vec<String>,
    /// The unit that the hub keeps the record under by an act, where that is another one than it names.
    pub successor_unit: Option<UnitReference>,
    /// Whether the node above the hub holds it.
    pub above: Above,
    /// The commune where the child is registered by the hub's golden record, if it is another one.
    pub moved_to: Option<UnitReference>,
    /// What the tiers above the hub say of it, the nearest first.
    pub tiers: Vec<TierWord>,
}

impl HubWord {
    /// What the tiers above say of this version: a word on an older one says nothing of it.
    fn newest_words(&self) -> impl Iterator<Item = &TierWord> {
        self.tiers.iter().filter(|word| word.is_newest)
    }

    /// Whether the child is registered more than once by any tier.
    pub fn is_registered_twice(&self) -> bool {
        let mut words = self.newest_words();
        self.linked > 1 || words.any(|word| word.state == TierState::Linked)
    }

    /// Units that hold records of the same child by any tier, those of the hub first.
    pub fn units_elsewhere(&self) -> Vec<UnitReference> {
        let above = self.newest_words().flat_map(|word| &word.linked_units);
        let mut units = Vec::new();
        for unit in self.linked_units.iter().chain(above) {
            if !units.contains(unit) {
                units.push(*unit);
            }
        }
        units
    }

    /// Fields on which the records of the same child contradict each other by any tier.
    pub fn fields_in_conflict(&self) -> Vec<String> {
        let above = self.newest_words().flat_map(|word| &word.conflicts);
        let mut fields: Vec<String> = Vec::new();
        for field in self.conflicts.iter().chain(above) {
            if !fields.contains(field) {
                fields.push(field.clone());
            }
        }
        fields
    }

    /// The commune where the child is registered by now, by the highest tier that says so.
    pub fn registered_elsewhere(&self) -> Option<UnitReference> {
        let above = self.newest_words().filter_map(|word| word.moved_to);
        above.last().or(self.moved_to)
    }
}

/// What became of a record at the hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HubState {
    /// In use.
    Live,
    /// Withdrawn.
    Withdrawn,
    /// In quarantine.
    Quarantined,
}

impl HubState {
    /// The number that the store keeps; 0 stands for nothing heard.
    pub const fn code(self) -> i16 {
        match self {
            Self::Live => 1,
            Self::Withdrawn => 2,
            Self::Quarantined => 3,
        }
    }

    /// The state of a number from the store.
    pub const fn from_code(code: i16) -> Option<Self> {
        match code {
            1 => Some(Self::Live),
            2 => Some(Self::Withdrawn),
            3 => Some(Self::Quarantined),
            _ => None,
        }
    }
}

/// Whether the node above the hub holds a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Above {
    /// Not yet.
    NotYet,
    /// It does, at the latest since this time of the hub's clock.
    Held(Option<Timestamp>),
    /// It refuses it, with its reason.
    Refused(String),
}

/// What the agent knows of the newest version of a record.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// The newest version.
    pub version: Version,
    /// It waits to be sent.
    pub is_waiting: bool,
    /// The agent found that it breaks a rule.
    pub breaks_rules: bool,
    /// The newest version that the hub answered, and how.
    pub answered: Option<(Version, HubAnswer)>,
    /// What the hub's feed says.
    pub hub: Option<&'a HubWord>,
}

impl Known<'_> {
    /// Where the newest version is. Nothing is said of a hub that the hub did not say itself.
    pub fn standing(&self) -> Standing {
        if self.is_waiting {
            return if self.breaks_rules {
                Standing::KeptToCorrect
            } else {
                Standing::Kept
            };
        }
        let answer = self
            .answered
            .filter(|(version, _)| *version == self.version)
            .map(|(_, answer)| answer);
        // A hub that refused this version, as reused or as outside of the territory, may hold an older one.
        if answer == Some(HubAnswer::Refused) {
            return Standing::ToCorrect;
        }
        let told = self.hub.filter(|hub| hub.version >= self.version);
        match (told, answer) {
            (Some(hub), _) => match (hub.state, &hub.above) {
                (HubState::Quarantined, _) => Standing::ToCorrect,
                (HubState::Live | HubState::Withdrawn, Above::Held(_)) => Standing::AtTop,
                (HubState::Live | HubState::Withdrawn, Above::NotYet | Above::Refused(_)) => {
                    Standing::AtHub
                }
            },
            (None, Some(HubAnswer::Quarantined)) => Standing::ToCorrect,
            (None, Some(HubAnswer::Taken)) => Standing::AtHub,
            // Neither waiting nor answered cannot be; if it were, "kept" promises the least.
            (None, Some(HubAnswer::Refused) | None) => Standing::Kept,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(number: u64) -> Version {
        Version::from_u64(number).expect("a version")
    }

    fn word(number: u64, state: HubState, above: Above) -> HubWord {
        HubWord {
            version: version(number),
            state,
            since: None,
            position: 1,
            change: 1,
            linked: 1,
            linked_units: Vec::new(),
            conflicts: Vec::new(),
            successor_unit: None,
            above,
            moved_to: None,
            tiers: Vec::new(),
        }
    }

    fn known(hub: Option<&HubWord>) -> Known<'_> {
        Known {
            version: version(2),
            is_waiting: false,
            breaks_rules: false,
            answered: Some((version(2), HubAnswer::Taken)),
            hub,
        }
    }

    #[test]
    fn a_record_is_at_the_hub_only_by_the_hubs_word() {
        let nothing_heard = Known {
            answered: None,
            ..known(None)
        };

        assert_eq!(nothing_heard.standing(), Standing::Kept);
        assert_eq!(known(None).standing(), Standing::AtHub);
    }

    #[test]
    fn what_was_edited_since_is_kept_here_whatever_the_hub_holds_of_it() {
        let held = word(1, HubState::Live, Above::Held(None));
        let edited = Known {
            is_waiting: true,
            ..known(Some(&held))
        };

        assert_eq!(edited.standing(), Standing::Kept);
    }

    #[test]
    fn an_older_version_above_says_nothing_of_the_newest() {
        let older = word(1, HubState::Live, Above::Held(None));

        assert_eq!(known(Some(&older)).standing(), Standing::AtHub);
    }

    #[test]
    fn quarantine_and_refusal_wait_for_a_correction() {
        let quarantined = word(2, HubState::Quarantined, Above::NotYet);
        let held = word(1, HubState::Live, Above::Held(None));
        let refused = Known {
            answered: Some((version(2), HubAnswer::Refused)),
            ..known(Some(&held))
        };

        assert_eq!(known(Some(&quarantined)).standing(), Standing::ToCorrect);
        assert_eq!(refused.standing(), Standing::ToCorrect);
    }

    #[test]
    fn what_the_node_above_refuses_stays_at_the_hub() {
        let refused = word(2, HubState::Live, Above::Refused("RULE_BROKEN".to_owned()));
        let held = word(2, HubState::Live, Above::Held(None));

        assert_eq!(known(Some(&refused)).standing(), Standing::AtHub);
        assert_eq!(known(Some(&held)).standing(), Standing::AtTop);
    }

    #[test]
    fn numbers_and_words_come_back_as_they_went() {
        for standing in Standing::ALL {
            assert_eq!(Standing::from_code(standing.code()), Some(standing));
            assert_eq!(Standing::from_word(standing.word()), Some(standing));
        }
    }
}
