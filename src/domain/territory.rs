//! What a node may write.

use super::unit::{AdminScheme, UnitCode, UnitReference};

/// The units whose records a node may write, units inside them included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Territory(Vec<UnitReference>);

impl Territory {
    /// A territory of these units, in any order.
    pub fn new(mut units: Vec<UnitReference>) -> Self {
        units.sort_unstable();
        units.dedup();
        Self(units)
    }

    /// The units.
    pub fn units(&self) -> &[UnitReference] {
        &self.0
    }

    /// Whether a record of this unit may be written.
    ///
    /// A unit of the list before July 2025 also belongs to the territory of every unit of 2025 that
    /// took it over, so that records made under an old code still reach their commune's hub.
    pub fn allows(&self, unit: &UnitReference) -> bool {
        self.0.iter().any(|outer| unit.is_within(outer))
            || unit.successors().iter().any(|code| {
                let successor = UnitReference {
                    scheme: AdminScheme::Gso2025,
                    code: *code,
                };
                self.0.iter().any(|outer| successor.is_within(outer))
            })
    }
}

impl Territory {
    /// Whether all of a unit lies in the territory: of one of the list before July 2025 that was split, every
    /// part.
    pub fn holds(&self, unit: &UnitReference) -> bool {
        let is_within = |unit: &UnitReference| self.0.iter().any(|outer| unit.is_within(outer));
        let parts = unit.successors();
        let is_part_within = |code: &UnitCode| {
            is_within(&UnitReference {
                scheme: AdminScheme::Gso2025,
                code: *code,
            })
        };
        is_within(unit) || (!parts.is_empty() && parts.iter().all(is_part_within))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(text: &str) -> UnitReference {
        text.parse().expect("a unit reference")
    }

    #[test]
    fn a_province_may_write_for_its_communes_and_no_others() {
        let territory = Territory::new(vec![unit("GSO_PRE2025:91")]);

        assert!(territory.allows(&unit("GSO_PRE2025:30742")));
        assert!(!territory.allows(&unit("GSO_PRE2025:30280")));
    }

    #[test]
    fn a_part_of_a_split_commune_does_not_hold_all_of_it() {
        let part = Territory::new(vec![unit("GSO_2025:30316")]);
        let both = Territory::new(vec![unit("GSO_2025:30316"), unit("GSO_2025:30325")]);

        assert!(part.allows(&unit("GSO_PRE2025:30334")));
        assert!(!part.holds(&unit("GSO_PRE2025:30334")));
        assert!(both.holds(&unit("GSO_PRE2025:30334")));
    }

    #[test]
    fn a_unit_of_2025_may_write_for_the_old_units_that_it_took_over() {
        let territory = Territory::new(vec![unit("GSO_2025:91")]);

        assert!(territory.allows(&unit("GSO_PRE2025:30742")));
    }
}
