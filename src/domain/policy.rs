//! What of a record goes upstream, as a hub's configuration says it.

use std::collections::{BTreeMap, BTreeSet};

use super::circumstance::CircumstanceGroup;

/// What becomes of a field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fate {
    /// It goes upstream as it is.
    #[default]
    Send,
    /// It does not go upstream.
    Withhold,
    /// A keyed pseudonym goes in its place: the same for the same value.
    Pseudonymise,
}

impl Fate {
    /// The fate as configurations and programs name it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::Withhold => "withhold",
            Self::Pseudonymise => "pseudonymise",
        }
    }
}

/// The policy of a hub. What it does not name goes upstream, restricted groups excepted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Fields that stay here: a path such as `child.carers.phone`, or a name such as `phone` for every field of
    /// that name.
    pub withhold: BTreeSet<String>,
    /// Fields of which a pseudonym goes upstream, named alike.
    pub pseudonymise: BTreeSet<String>,
    /// Groups of circumstances of which the configuration says whether they go upstream.
    pub circumstances: BTreeMap<CircumstanceGroup, bool>,
    /// Whether fields that this program does not know stay here.
    pub withhold_unknown: bool,
}

impl Policy {
    /// What becomes of a group: restricted ones stay unless the configuration says otherwise.
    pub fn group(&self, group: CircumstanceGroup) -> Fate {
        let sends = self.circumstances.get(&group).copied();
        if sends.unwrap_or(!group.is_restricted()) {
            Fate::Send
        } else {
            Fate::Withhold
        }
    }

    /// The groups that stay here.
    pub fn withheld_groups(&self) -> impl Iterator<Item = CircumstanceGroup> + '_ {
        let all = CircumstanceGroup::ALL.iter().copied();
        all.filter(|group| self.group(*group) == Fate::Withhold)
    }

    /// Whether a time in special circumstances stays here. A code that can mean several groups stays when one
    /// of them does; one that is not known stays while any group does. What its node marked as restricted goes
    /// only where the configuration sends its groups by name.
    pub fn withholds_episode(&self, list_version: &str, code: &str, is_marked: bool) -> bool {
        let groups = CircumstanceGroup::of_code(list_version, code);
        if groups.is_empty() {
            return is_marked || self.withheld_groups().next().is_some();
        }
        groups.into_iter().any(|group| {
            let is_named = self.circumstances.contains_key(&group);
            self.group(group) == Fate::Withhold || (is_marked && !is_named)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn restricted_groups_stay_unless_they_are_sent_by_name() {
        let usual = Policy::default();
        assert!(usual.withholds_episode("2016", "05", false));
        assert!(!usual.withholds_episode("2016", "04", false));

        let sending = Policy {
            circumstances: BTreeMap::from([(CircumstanceGroup::Hiv, true)]),
            ..Policy::default()
        };
        assert!(!sending.withholds_episode("2016", "05", true));
        assert!(sending.withholds_episode("2016", "06", false));
    }

    #[test]
    fn what_a_node_marked_and_what_is_not_known_stays() {
        let usual = Policy::default();

        assert!(usual.withholds_episode("2016", "04", true));
        assert!(usual.withholds_episode("2031", "04", false));
        // 2004: working far from home, which can be exploitation.
        assert!(usual.withholds_episode("2004", "06", false));
    }
}
