//! What a node may write.

use super::unit::{AdminScheme, UnitReference};

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
    fn a_unit_of_2025_may_write_for_the_old_units_that_it_took_over() {
        let territory = Territory::new(vec![unit("GSO_2025:91")]);

        assert!(territory.allows(&unit("GSO_PRE2025:30742")));
    }
}
