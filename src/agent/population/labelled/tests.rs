//! Promises of the labelled population.

mod hard_cases;

use std::collections::{HashMap, HashSet};

use time::macros::date;

use super::name_errors::{Misspelling, Writing};
use super::*;

type Row = HashMap<String, String>;

fn options() -> LabelledOptions {
    LabelledOptions {
        children: 20_000,
        communes: None,
        territory: Territory::Province("GSO_PRE2025:91".parse().expect("a unit")),
        seed: 1,
        registered_again: 0.10,
        today: date!(2026 - 06 - 30),
    }
}

fn file(options: &LabelledOptions, mix: &ErrorMix) -> Vec<u8> {
    let mut file = Vec::new();
    LabelledPopulation::generate(options, mix)
        .write(&mut file, |_| ())
        .expect("written");
    file
}

fn rows(options: &LabelledOptions, mix: &ErrorMix) -> Vec<Row> {
    let file = file(options, mix);
    let mut reader = csv::Reader::from_reader(file.as_slice());
    reader
        .deserialize()
        .collect::<Result<_, _>>()
        .expect("well-formed")
}

fn standard() -> Vec<Row> {
    rows(&options(), &ErrorMix::standard())
}

/// Rows of one child each.
fn children(rows: &[Row]) -> HashMap<u64, Vec<&Row>> {
    let mut children: HashMap<u64, Vec<&Row>> = HashMap::new();
    for row in rows {
        let entity = row["entity_id"].parse().expect("a number");
        children.entry(entity).or_default().push(row);
    }
    children
}

/// Pairs of rows of one child.
fn pairs<'a>(children: &HashMap<u64, Vec<&'a Row>>) -> Vec<(&'a Row, &'a Row)> {
    let of_child = |rows: &Vec<&'a Row>| {
        let rows = rows.clone();
        (1..rows.len()).flat_map(move |second| {
            let rows = rows.clone();
            (0..second).map(move |first| (rows[first], rows[second]))
        })
    };
    children.values().flat_map(of_child).collect()
}

fn drawn_families(count: usize) -> Vec<families::Family> {
    let mut chance = StdRng::seed_from_u64(3);
    let mix = ErrorMix::standard();
    let places = Places::draw(&options(), &mix, &mut chance);
    let mut families = Families::new(options().today, &mix, &places);
    (0..count)
        .map(|_| families.next_family(&mut chance).expect("a family"))
        .collect()
}

#[test]
fn the_same_options_give_the_same_file_and_another_seed_another() {
    let small = LabelledOptions {
        children: 500,
        ..options()
    };
    let other = LabelledOptions {
        seed: 2,
        ..small.clone()
    };
    let mix = ErrorMix::standard();

    assert!(file(&small, &mix) == file(&small, &mix));
    assert!(file(&small, &mix) != file(&other, &mix));
}

#[test]
fn every_row_is_well_formed() {
    let rows = standard();
    let ids: HashSet<&str> = rows.iter().map(|row| row["record_id"].as_str()).collect();

    assert_eq!(ids.len(), rows.len());
    for row in &rows {
        assert_eq!(row.len(), COLUMNS.len());
        assert!(!row["full_name"].trim().is_empty());
        assert!(["0", "1", "2"].contains(&row["sex"].as_str()));
        assert!(
            [4, 7, 10].contains(&row["birth_date"].len()),
            "{}",
            row["birth_date"]
        );
        assert!(row["birth_date"].as_str() <= "2026-06-30");
        assert!(
            row["unit_code"]
                .parse::<crate::domain::unit::UnitCode>()
                .is_ok()
        );
    }
}

#[test]
fn a_tenth_is_entered_again_and_not_side_by_side() {
    let rows = standard();
    let children = children(&rows);
    let mut counts = [0_usize; 5];
    for rows in children.values() {
        counts[rows.len()] += 1;
    }
    let beside = rows
        .windows(2)
        .filter(|pair| pair[0]["entity_id"] == pair[1]["entity_id"])
        .count();

    assert_eq!(children.len(), 20_000);
    assert!((1_800..2_200).contains(&(20_000 - counts[1])), "{counts:?}");
    assert!(counts[2] > 5 * counts[3] && counts[3] > counts[4] && counts[4] > 0);
    assert!(beside < 5, "{beside}");
}

/// A wrong label would put different children together, or one child apart.
#[test]
fn rows_of_a_child_are_of_that_child_and_numbers_are_of_one_child() {
    let rows = standard();
    let children = children(&rows);
    let pairs = pairs(&children);
    let alike = pairs.iter().filter(|(one, other)| {
        one["birth_date"][..4] == other["birth_date"][..4] && one["sex"] == other["sex"]
    });
    let mut owners: HashMap<&str, HashSet<&str>> = HashMap::new();
    for row in rows.iter().filter(|row| row["pin"].len() == 12) {
        owners
            .entry(&row["pin"])
            .or_default()
            .insert(&row["entity_id"]);
    }
    let shared: Vec<_> = owners
        .values()
        .filter(|children| children.len() > 1)
        .collect();

    assert!(alike.count() * 100 > pairs.len() * 95);
    // Only a sibling's number is typed by mistake; one wrong digit seldom hits another child's.
    assert!(
        !shared.is_empty() && shared.len() * 200 < owners.len(),
        "{}",
        shared.len()
    );
}

#[test]
fn as_much_is_left_out_as_the_mix_says() {
    let rows = standard();
    let missing = ErrorMix::standard().missing;
    for (column, share) in [
        ("phone", missing.phone),
        ("village", missing.village),
        ("household_no", missing.household),
        ("ethnicity", missing.ethnicity),
        ("birth_order", missing.birth_order),
        ("birth_certificate", missing.certificate),
        ("insurance_number", missing.insurance),
        ("mother_name", missing.mother),
        ("father_name", 0.12),
    ] {
        let count = rows.iter().filter(|row| row[column].is_empty()).count();
        let found = f64::from(u32::try_from(count).expect("few")) / 22_200.0;

        assert!(
            (found - share).abs() < 0.02 + share * 0.1,
            "{column}: {found} for {share}"
        );
    }
}

#[test]
fn twins_are_as_many_as_the_mix_says_and_alike() {
    let families = drawn_families(20_000);
    let mut births = 0;
    let mut twins = Vec::new();
    for family in &families {
        births += 1;
        for pair in family.children.windows(2) {
            if (pair[1].born - pair[0].born).whole_days() < 2 {
                twins.push((&pair[0], &pair[1]));
            } else {
                births += 1;
            }
        }
    }
    let one_letter = twins.iter().filter(|(one, other)| {
        one.name.middle == other.name.middle
            && twin_names::is_near(&one.name.given, &other.name.given, 0)
    });

    let share = twins.len() * 10_000 / births;
    assert!((120..150).contains(&share), "{share} of 10,000 births");
    assert!(one_letter.count() * 7 > twins.len());
    assert!(
        twins
            .iter()
            .all(|(one, other)| one.name != other.name || one.is_female != other.is_female)
    );
}

#[test]
fn siblings_are_born_ten_months_apart_and_have_other_fathers() {
    let families = drawn_families(5_000);
    let close = families
        .iter()
        .flat_map(|family| family.children.windows(2))
        .filter(|pair| (280..350).contains(&(pair[1].born - pair[0].born).whole_days()));

    assert!(close.count() > 50);
    assert!(families.iter().any(|family| {
        let mut fathers = family.children.iter().map(|child| child.father);
        fathers.any(|father| father == 1)
    }));
}

#[test]
fn peoples_have_names_of_their_own() {
    let rows = standard();
    let khmer = rows.iter().filter(|row| row["ethnicity"] == "05").count();

    assert!((2_200..2_900).contains(&khmer), "{khmer}");
    for start in ["Danh ", "Thị ", "H'", "Y ", "A ", "Sùng ", "Siu ", "Thạch "] {
        let found = rows.iter().any(|row| row["full_name"].starts_with(start));

        assert!(found, "{start}");
    }
}

#[test]
fn every_error_of_names_occurs() {
    let mut chance = StdRng::seed_from_u64(1);
    let shares = ErrorMix::standard().names;
    let misspellings: HashSet<_> = (0..20_000)
        .filter_map(|_| Misspelling::draw(&shares, 1.0, &mut chance))
        .collect();
    let writings: HashSet<_> = (0..20_000)
        .map(|_| Writing::draw(&shares, 1.0, &mut chance))
        .collect();

    assert_eq!(misspellings.len(), 10);
    assert_eq!(writings.len(), 13);
}

/// Each misspelling changes a name that can have it.
#[test]
fn every_misspelling_changes_a_name() {
    let mut chance = StdRng::seed_from_u64(1);
    for misspelling in [
        Misspelling::ToneLost,
        Misspelling::Typing,
        Misspelling::Regional,
        Misspelling::IOrY,
        Misspelling::TonePlacement,
        Misspelling::MiddleLeftOut,
        Misspelling::MiddleAbbreviated,
        Misspelling::FamilyAbbreviated,
        Misspelling::Swapped,
        Misspelling::Nickname,
    ] {
        let changed = (0..20)
            .filter(|_| misspelling.apply("Trần Thị Hòa Mỹ", &mut chance) != "Trần Thị Hòa Mỹ")
            .count();

        assert!(changed > 10, "{misspelling:?}: {changed}");
    }
}

#[test]
fn the_mixes_differ_as_their_names_say() {
    let options = LabelledOptions {
        children: 3_000,
        ..options()
    };
    let without_number = |mix| {
        let rows = rows(&options, &mix);
        rows.iter().filter(|row| row["pin"].is_empty()).count()
    };

    let standard = without_number(ErrorMix::standard());
    assert!(without_number(ErrorMix::clean()) < standard);
    assert!(without_number(ErrorMix::harsh()) > standard);
}
