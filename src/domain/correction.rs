//! What an official is asked to correct, and why.

use super::record::Version;
use super::standing::{HubState, HubWord, Standing};
use super::unit::UnitReference;

/// Paths of a child's own number and of the reason why there is none.
const NUMBER_PATHS: [&str; 2] = ["child.personal_number", "child.personal_number_absence"];
/// Paths of the commune of a record.
const COMMUNE_PATHS: [&str; 2] = ["child.commune", "case_report.commune"];

/// Why a record is on the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CorrectionReason {
    /// The personal number is missing without a reason, or cannot be this child's.
    Number,
    /// The child is registered more than once: elsewhere, or twice here.
    Duplicate,
    /// The records of the same child contradict each other.
    Conflict,
    /// The commune does not exist any more, or never did.
    Unit,
    /// Another rule is broken, or the hub refused the record.
    Rule,
}

impl CorrectionReason {
    /// All of them, in the order of the list.
    pub const ALL: [Self; 5] = [
        Self::Number,
        Self::Duplicate,
        Self::Conflict,
        Self::Unit,
        Self::Rule,
    ];

    /// The reason as a stable word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Duplicate => "duplicate",
            Self::Conflict => "conflict",
            Self::Unit => "unit",
            Self::Rule => "rule",
        }
    }

    /// The reason of a stable word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.word() == word)
    }

    /// The number that the store adds up.
    pub const fn bit(self) -> i16 {
        match self {
            Self::Number => 1,
            Self::Duplicate => 2,
            Self::Conflict => 4,
            Self::Unit => 8,
            Self::Rule => 16,
        }
    }

    /// What a broken rule, kept as `path RULE`, is a matter of.
    pub fn of_line(line: &str) -> Self {
        let path = line.split(' ').next().unwrap_or_default();
        if NUMBER_PATHS.contains(&path) {
            Self::Number
        } else if COMMUNE_PATHS.contains(&path) && !line.ends_with(" REQUIRED") {
            Self::Unit
        } else {
            Self::Rule
        }
    }
}

/// The reasons of one record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CorrectionReasons(i16);

impl CorrectionReasons {
    /// From the sum that the store keeps.
    pub const fn from_bits(bits: i16) -> Self {
        Self(bits)
    }

    /// The sum that the store keeps.
    pub const fn bits(self) -> i16 {
        self.0
    }

    /// Whether this is one of them.
    pub const fn has(self, reason: CorrectionReason) -> bool {
        self.0 & reason.bit() != 0
    }

    fn add(&mut self, reason: CorrectionReason) {
        self.0 |= reason.bit();
    }
}

/// What is known of the newest version of a record.
#[derive(Clone, Copy, Debug)]
pub struct Correctable<'a> {
    /// The newest version.
    pub version: Version,
    /// Where it is.
    pub standing: Standing,
    /// The rules that it breaks, as `path RULE`, one a line: by the hub's word where it has spoken.
    pub broken: &'a str,
    /// What is odd in it, in the same way.
    pub warnings: &'a str,
    /// Its commune, where known; it need not exist.
    pub unit: Option<UnitReference>,
    /// What the hub's feed says.
    pub hub: Option<&'a HubWord>,
}

impl Correctable<'_> {
    /// Why the record is on the list. What the hub said of an older version says nothing of this one: a
    /// record that was corrected leaves the list at once, and comes back if the hub finds it still wrong.
    pub fn reasons(&self) -> CorrectionReasons {
        let mut reasons = CorrectionReasons::default();
        let awaits = matches!(self.standing, Standing::ToCorrect | Standing::KeptToCorrect);
        if awaits {
            for line in self.broken.lines() {
                reasons.add(CorrectionReason::of_line(line));
            }
            if self.broken.is_empty() {
                reasons.add(CorrectionReason::Rule);
            }
        }
        for line in self.warnings.lines() {
            if CorrectionReason::of_line(line) == CorrectionReason::Number {
                reasons.add(CorrectionReason::Number);
            }
        }
        let told = self.hub.filter(|hub| hub.version >= self.version);
        // What the hub keeps under the successor already needs nobody to write it.
        let is_moved = told.is_some_and(|hub| hub.successor_unit.is_some());
        if self.unit.is_some_and(|unit| !unit.is_of_today()) && !is_moved {
            reasons.add(CorrectionReason::Unit);
        }
        if let Some(hub) = told.filter(|hub| hub.state == HubState::Live && !awaits) {
            if hub.is_registered_twice() {
                reasons.add(CorrectionReason::Duplicate);
            }
            if !hub.fields_in_conflict().is_empty() {
                reasons.add(CorrectionReason::Conflict);
            }
        }
        reasons
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::standing::Above;

    fn version(number: u64) -> Version {
        Version::from_u64(number).expect("a version")
    }

    fn linked(number: u64) -> HubWord {
        HubWord {
            version: version(number),
            state: HubState::Live,
            since: None,
            position: 1,
            change: 1,
            linked: 2,
            linked_units: Vec::new(),
            conflicts: vec!["birth_date".to_owned()],
            successor_unit: None,
            above: Above::NotYet,
            moved_to: None,
            tiers: Vec::new(),
        }
    }

    fn good() -> Correctable<'static> {
        Correctable {
            version: version(2),
            standing: Standing::AtHub,
            broken: "",
            warnings: "",
            unit: "GSO_2025:30886".parse().ok(),
            hub: None,
        }
    }

    fn words(correctable: &Correctable<'_>) -> Vec<&'static str> {
        let reasons = correctable.reasons();
        let listed = CorrectionReason::ALL.into_iter();
        listed
            .filter(|reason| reasons.has(*reason))
            .map(CorrectionReason::word)
            .collect()
    }

    #[test]
    fn a_commune_that_is_gone_is_asked_for_only_until_the_hub_has_moved_the_record() {
        let moved = |number| HubWord {
            linked: 1,
            conflicts: Vec::new(),
            successor_unit: "GSO_2025:30886".parse().ok(),
            ..linked(number)
        };
        let (newest, older) = (moved(2), moved(1));
        let gone = Correctable {
            unit: "GSO_PRE2025:30901".parse().ok(),
            ..good()
        };
        let told = |hub| Correctable {
            hub: Some(hub),
            ..gone
        };

        assert_eq!(words(&gone), ["unit"]);
        assert!(words(&told(&newest)).is_empty());
        assert_eq!(words(&told(&older)), ["unit"], "said of an older version");
    }

    #[test]
    fn a_good_record_is_not_on_the_list() {
        assert!(words(&good()).is_empty());
    }

    #[test]
    fn a_number_is_asked_for_also_where_the_record_was_taken() {
        let missing = Correctable {
            warnings: "child.full_name NAME_SINGLE_WORD\nchild.personal_number NUMBER_MISSING",
            ..good()
        };
        let impossible = Correctable {
            standing: Standing::ToCorrect,
            broken: "child.personal_number NUMBER_INVALID",
            ..good()
        };

        assert_eq!(words(&missing), ["number"]);
        assert_eq!(words(&impossible), ["number"]);
    }

    #[test]
    fn what_the_hub_says_of_an_older_version_is_not_asked_again() {
        let (older, newest) = (linked(1), linked(2));
        let of = |hub| Correctable {
            hub: Some(hub),
            ..good()
        };

        assert!(words(&of(&older)).is_empty());
        assert_eq!(words(&of(&newest)), ["duplicate", "conflict"]);
    }

    #[test]
    fn a_commune_of_an_older_list_is_gone_and_one_that_never_was_is_a_matter_of_the_unit() {
        let gone = Correctable {
            unit: "GSO_PRE2025:30742".parse().ok(),
            ..good()
        };
        let unknown = Correctable {
            standing: Standing::KeptToCorrect,
            broken: "child.commune UNKNOWN_UNIT",
            ..good()
        };

        assert_eq!(words(&gone), ["unit"]);
        assert_eq!(words(&unknown), ["unit"]);
    }

    #[test]
    fn what_the_hub_refused_without_a_rule_is_on_the_list() {
        let refused = Correctable {
            standing: Standing::ToCorrect,
            ..good()
        };

        assert_eq!(words(&refused), ["rule"]);
    }

    #[test]
    fn words_and_numbers_come_back_as_they_went() {
        for reason in CorrectionReason::ALL {
            assert_eq!(CorrectionReason::from_word(reason.word()), Some(reason));
            assert!(CorrectionReasons::from_bits(reason.bit()).has(reason));
        }
    }
}
