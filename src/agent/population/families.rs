//! Families: children who share parents, household, telephone and commune, twins among them.

use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use time::{Date, Duration};

use super::names::{People, family_name, full_name};
use super::unit_draft;
use crate::domain::draft::{
    CarerDraft, ChildDraft, CodeDraft, DateDraft, DisabilityDraft, EpisodeDraft, HouseholdDraft,
};
use crate::domain::unit::UnitReference;

/// Days of sixteen years, rounded down: everybody younger is a child.
const CHILDHOOD_DAYS: i64 = 5_843;
/// Share of children that have a personal number.
const NUMBERED: f64 = 0.85;
/// Share of families whose next child is the last one's twin.
const TWINS: f64 = 0.015;

pub(super) struct Families {
    today: Date,
    households: u32,
}

/// What the children of a family share.
struct Family<'a> {
    home: &'a UnitReference,
    people: People,
    father: CarerDraft,
    mother: CarerDraft,
    village: String,
    household: HouseholdDraft,
    shared_name: &'static str,
}

impl Families {
    pub(super) fn new(today: Date) -> Self {
        Self {
            today,
            households: 0,
        }
    }

    /// One to four children of one family. `numbers` counts the personal numbers that were given, so
    /// that none is given twice.
    pub(super) fn next_family(
        &mut self,
        home: &UnitReference,
        numbers: &mut u32,
        chance: &mut StdRng,
    ) -> Vec<ChildDraft> {
        self.households += 1;
        let family = self.draw_family(home, chance);
        let wanted: u32 = match chance.random_range(0..100) {
            0..35 => 1,
            35..80 => 2,
            80..95 => 3,
            _ => 4,
        };
        let mut age_days = chance.random_range(0..CHILDHOOD_DAYS);
        let mut children = Vec::new();
        for order in 1..=wanted {
            let born = self.today - Duration::days(age_days);
            children.push(draw_child(&family, born, order, numbers, chance));
            if !chance.random_bool(TWINS) {
                age_days -= chance.random_range(310..1_800);
            }
            if age_days < 0 {
                break;
            }
        }
        children
    }

    fn draw_family<'a>(&self, home: &'a UnitReference, chance: &mut StdRng) -> Family<'a> {
        let people = if chance.random_bool(0.125) {
            People::Khmer
        } else {
            People::Kinh
        };
        let family_name_of_father = family_name(people, chance);
        let family_name_of_mother = family_name(people, chance);
        let mut parent = |relation: &str, family: &str, is_woman: bool| CarerDraft {
            relation_code: relation.to_owned(),
            name: full_name(family, is_woman, people, chance),
            ..CarerDraft::default()
        };
        let father = parent("01", family_name_of_father, false);
        let mut mother = parent("02", family_name_of_mother, true);
        let prefix = [3, 5, 7, 8, 9].choose(chance).copied().unwrap_or(9);
        mother.phone = format!("0{prefix}{:08}", chance.random_range(0..100_000_000));
        let poor = chance.random_range(0..100);
        let poverty_code = match poor {
            0..6 => "1",
            6..12 => "2",
            _ => "4",
        };
        Family {
            home,
            people,
            village: format!("Ấp {}", chance.random_range(1..13)),
            household: HouseholdDraft {
                number: self.households.to_string(),
                head_name: father.name.clone(),
                relation_code: "02".to_owned(),
                poverty_code: poverty_code.to_owned(),
                poverty_year: u32::try_from(self.today.year()).unwrap_or_default(),
                ..HouseholdDraft::default()
            },
            father,
            mother,
            shared_name: family_name_of_father,
        }
    }
}

fn draw_child(
    family: &Family<'_>,
    born: Date,
    order: u32,
    numbers: &mut u32,
    chance: &mut StdRng,
) -> ChildDraft {
    let is_girl = chance.random_bool(0.47);
    let ethnicity = match family.people {
        People::Kinh => "01",
        People::Khmer => "05",
    };
    let mut draft = ChildDraft {
        source_system: "commune software".to_owned(),
        commune: Some(unit_draft(family.home)),
        village: family.village.clone(),
        status: 1,
        full_name: full_name(family.shared_name, is_girl, family.people, chance),
        birth_date: Some(date_draft(born)),
        sex: if is_girl { 2 } else { 1 },
        ethnicity: Some(CodeDraft {
            list_version: "1979".to_owned(),
            code: ethnicity.to_owned(),
        }),
        birth_order: order,
        residence_state: 1,
        household: Some(family.household.clone()),
        carers: vec![family.father.clone(), family.mother.clone()],
        ..ChildDraft::default()
    };
    if chance.random_bool(NUMBERED) {
        draft.personal_number = personal_number(born, is_girl, numbers);
    } else {
        "pending".clone_into(&mut draft.personal_number_absence);
    }
    if chance.random_bool(0.02) {
        add_disability(&mut draft, born);
    }
    draft
}

/// Province 091, the digit for century and sex, the year, and six digits that no other child of the
/// population has.
fn personal_number(born: Date, is_girl: bool, numbers: &mut u32) -> String {
    // A step that has no factor in common with a million visits every number before one comes again.
    *numbers = (*numbers + 387_421) % 1_000_000;
    let sex = if is_girl { 3 } else { 2 };
    format!("091{sex}{:02}{numbers:06}", born.year() % 100)
}

fn add_disability(draft: &mut ChildDraft, born: Date) {
    draft.episodes.push(EpisodeDraft {
        group: Some(CodeDraft {
            list_version: "2016".to_owned(),
            code: "04".to_owned(),
        }),
        from: Some(date_draft(born)),
        ..EpisodeDraft::default()
    });
    draft.disabilities.push(DisabilityDraft {
        type_codes: vec!["1".to_owned()],
        degree_code: "2".to_owned(),
        ..DisabilityDraft::default()
    });
}

fn date_draft(date: Date) -> DateDraft {
    let year = u32::try_from(date.year()).unwrap_or_default();
    DateDraft::day(
        year,
        u32::from(u8::from(date.month())),
        u32::from(date.day()),
    )
}
