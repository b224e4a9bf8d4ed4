//! A labelled population: made-up children of a province's real communes, some registered twice.
//!
//! Names follow the frequencies of the reference data; everything else is drawn. The same seed gives
//! the same population. No record is a real person's.

mod errors;
mod families;
pub mod labelled;
mod names;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use time::Date;
use uuid::Uuid;

use crate::domain::draft::{ChildDraft, UnitDraft};
use crate::domain::unit::{UnitCode, UnitReference};
use families::Families;

/// What to make.
#[derive(Clone, Copy, Debug)]
pub struct PopulationOptions {
    /// Different children.
    pub children: u32,
    /// Communes they live in; at most those that the province has.
    pub communes: u32,
    /// The province.
    pub province: UnitReference,
    /// Decides everything that is drawn.
    pub seed: u64,
    /// Share of the children that are registered a second time, 0 to 1.
    pub registered_twice: f64,
    /// The day on which all of them are under 16.
    pub today: Date,
}

/// A record of the population.
#[derive(Clone)]
pub struct LabelledRecord {
    /// Name of the commune's node.
    pub node: String,
    /// Name of the record.
    pub record_id: Uuid,
    /// The real child: records with the same number are the same child.
    pub entity_id: u64,
    /// What it says.
    pub draft: ChildDraft,
}

/// A population and what is true about it.
pub struct Population {
    /// The communes with the names of their nodes, in the order of their codes.
    pub communes: Vec<(String, UnitReference)>,
    /// All records, commune by commune as far as they were not registered elsewhere.
    pub records: Vec<LabelledRecord>,
    /// Different children.
    pub children: u64,
    /// Second registrations that can be found by personal number, sex and birth year.
    pub findable_duplicates: u64,
}

impl Population {
    /// Makes a population; empty if the province has no communes.
    pub fn generate(options: &PopulationOptions) -> Self {
        let mut chance = StdRng::seed_from_u64(options.seed);
        let communes = pick_communes(options);
        let mut population = Self {
            communes: communes
                .iter()
                .map(|unit| (node_name(unit.code), *unit))
                .collect(),
            records: Vec::new(),
            children: 0,
            findable_duplicates: 0,
        };
        let mut families = Families::new(options.today);
        let mut numbers = 0;
        'filling: loop {
            for home in &communes {
                for draft in families.next_family(home, &mut numbers, &mut chance) {
                    if population.children == u64::from(options.children) {
                        break 'filling;
                    }
                    population.register(draft, home, &communes, options, &mut chance);
                }
            }
            if communes.is_empty() {
                break;
            }
        }
        population
    }

    fn register(
        &mut self,
        draft: ChildDraft,
        home: &UnitReference,
        communes: &[UnitReference],
        options: &PopulationOptions,
        chance: &mut StdRng,
    ) {
        let entity_id = self.children;
        self.children += 1;
        let again = chance.random_bool(options.registered_twice.clamp(0.0, 1.0));
        if again {
            // Most second registrations are of families that moved; some are the same commune's.
            let elsewhere = chance.random_bool(0.7);
            let place = chance.random_range(0..communes.len());
            let unit = communes.get(place).filter(|_| elsewhere).unwrap_or(home);
            let second = errors::register_again(&draft, unit_draft(unit), chance);
            if errors::is_findable(&draft, &second) {
                self.findable_duplicates += 1;
            }
            self.push(unit, entity_id, second, chance);
        }
        self.push(home, entity_id, draft, chance);
    }

    fn push(
        &mut self,
        unit: &UnitReference,
        entity_id: u64,
        draft: ChildDraft,
        chance: &mut StdRng,
    ) {
        self.records.push(LabelledRecord {
            node: node_name(unit.code),
            record_id: uuid::Builder::from_random_bytes(chance.random()).into_uuid(),
            entity_id,
            draft,
        });
    }
}

/// Communes spread over the whole province, in the order of their codes.
fn pick_communes(options: &PopulationOptions) -> Vec<UnitReference> {
    let all = options.province.communes();
    let wanted = usize::try_from(options.communes)
        .unwrap_or(usize::MAX)
        .clamp(1, all.len().max(1));
    (0..wanted)
        .filter_map(|index| all.get(index * all.len() / wanted))
        .map(|unit| UnitReference {
            scheme: options.province.scheme,
            code: unit.code,
        })
        .collect()
}

/// Name of a commune's node.
pub fn node_name(code: UnitCode) -> String {
    format!("commune-{code}")
}

fn unit_draft(unit: &UnitReference) -> UnitDraft {
    UnitDraft {
        scheme: unit.scheme.as_str().to_owned(),
        code: unit.code.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use time::macros::date;

    use super::*;
    use crate::domain::validation::validate_child;

    fn options() -> PopulationOptions {
        PopulationOptions {
            children: 2_000,
            communes: 20,
            province: "GSO_PRE2025:91".parse().expect("a unit"),
            seed: 1,
            registered_twice: 0.10,
            today: date!(2026 - 11 - 23),
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_population() {
        let (one, again) = (
            Population::generate(&options()),
            Population::generate(&options()),
        );

        let same = one
            .records
            .iter()
            .zip(&again.records)
            .all(|(one, again)| one.record_id == again.record_id && one.draft == again.draft);
        assert!(same && one.records.len() == again.records.len());
    }

    #[test]
    fn every_record_is_valid() {
        for record in Population::generate(&options()).records {
            let validated = validate_child(&record.draft, options().today);
            assert!(validated.record.is_some(), "{:?}", validated.violations);
        }
    }

    #[test]
    fn a_tenth_is_registered_twice_and_no_two_children_share_a_number() {
        let population = Population::generate(&options());
        let mut owners: HashMap<String, u64> = HashMap::new();
        for record in &population.records {
            let number = record.draft.personal_number.clone();
            if !number.is_empty() {
                let owner = *owners.entry(number).or_insert(record.entity_id);
                assert_eq!(owner, record.entity_id);
            }
        }

        assert_eq!(population.children, 2_000);
        assert!(
            (2_140..2_260).contains(&population.records.len()),
            "{}",
            population.records.len()
        );
        let nodes: HashSet<_> = population
            .records
            .iter()
            .map(|record| &record.node)
            .collect();
        assert_eq!(nodes.len(), 20);
        assert!(population.findable_duplicates > 100);
    }

    #[test]
    fn another_seed_gives_another_population() {
        let other = Population::generate(&PopulationOptions {
            seed: 2,
            ..options()
        });

        assert!(Population::generate(&options()).records[0].draft != other.records[0].draft);
    }
}
