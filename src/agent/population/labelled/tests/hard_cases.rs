//! Every hard case occurs in a small file.

use super::*;

/// What two rows of a child may show, with its name.
type Case<'a> = (&'a str, &'a dyn Fn(&Row, &Row) -> bool);

#[test]
fn every_hard_case_between_entries_of_a_child_occurs() {
    let rows = standard();
    let children = children(&rows);
    let pairs = pairs(&children);
    let digits_apart = |one: &str, other: &str| {
        let differing = one.chars().zip(other.chars()).filter(|(a, b)| a != b);
        (one.len() == other.len()).then(|| differing.count())
    };
    let swapped = |date: &str| {
        let parts: Vec<&str> = date.split('-').collect();
        (parts.len() == 3).then(|| format!("{}-{}-{}", parts[0], parts[2], parts[1]))
    };
    let is_unnamed = |row: &Row| {
        let name = row["full_name"].to_lowercase();
        name == "trai" || name == "gái" || name.starts_with("bé ")
    };
    let cases: [Case<'_>; 12] = [
        ("day and month swapped", &|a, b| {
            a["birth_date"] != b["birth_date"]
                && swapped(&a["birth_date"]).as_ref() == Some(&b["birth_date"])
        }),
        ("year only", &|a, b| {
            a["birth_date"].len() == 4 && b["birth_date"].len() == 10
        }),
        ("month only", &|a, b| {
            a["birth_date"].len() == 7 && b["birth_date"].len() == 10
        }),
        ("1 January", &|a, b| {
            a["birth_date"].ends_with("01-01") && !b["birth_date"].ends_with("01-01")
        }),
        ("zero lost", &|a, b| {
            a["pin"].len() == 11 && b["pin"] == format!("0{}", a["pin"])
        }),
        ("digit wrong", &|a, b| {
            digits_apart(&a["pin"], &b["pin"]) == Some(1)
        }),
        ("number missing", &|a, b| {
            a["pin"].is_empty() && !b["pin"].is_empty()
        }),
        ("other commune", &|a, b| a["unit_code"] != b["unit_code"]),
        ("same commune", &|a, b| a["unit_code"] == b["unit_code"]),
        ("unnamed", &|a, b| is_unnamed(a) && !is_unnamed(b)),
        ("old ethnic code", &|a, b| {
            a["ethnicity"] == "04" && b["ethnicity"] == "06"
        }),
        ("father missing", &|a, b| {
            a["father_name"].is_empty() && !b["father_name"].is_empty()
        }),
    ];
    for (name, holds) in cases {
        let found = pairs.iter().any(|(a, b)| holds(a, b) || holds(b, a));

        assert!(found, "{name}");
    }
}

#[test]
fn entries_lie_in_other_provinces_and_name_communes_that_are_no_more() {
    let rows = standard();
    let scheme = options().territory.scheme();
    let province: UnitReference = "GSO_PRE2025:91".parse().expect("a unit");
    let unit = |row: &Row| UnitReference {
        scheme,
        code: row["unit_code"].parse().expect("a code"),
    };

    assert!(
        rows.iter()
            .map(unit)
            .any(|unit| unit.find().is_some() && !unit.is_within(&province))
    );
    let nation = LabelledOptions {
        territory: Territory::Country(AdminScheme::Gso2025),
        children: 2_000,
        ..options()
    };
    let nation = self::rows(&nation, &ErrorMix::standard());
    let gone = nation.iter().filter(|row| {
        let code = row["unit_code"].parse().expect("a code");
        let of = |scheme| UnitReference { scheme, code }.find();
        of(AdminScheme::Gso2025).is_none() && of(AdminScheme::GsoPre2025).is_some()
    });
    assert!(gone.count() > 5);
}

#[test]
fn unrelated_children_share_name_and_birth_date_also_in_one_commune() {
    let rows = standard();
    let mut found: HashMap<(&str, &str), Vec<&Row>> = HashMap::new();
    for row in &rows {
        let key = (row["full_name"].as_str(), row["birth_date"].as_str());
        found.entry(key).or_default().push(row);
    }
    let family =
        |row: &Row| row["entity_id"].parse::<u64>().expect("a number") / CHILDREN_OF_A_FAMILY_MAX;
    let unrelated = found
        .values()
        .filter(|rows| rows.iter().any(|row| family(row) != family(rows[0])));
    let in_one_commune = |rows: &&Vec<&Row>| {
        rows.iter()
            .any(|row| family(row) != family(rows[0]) && row["unit_code"] == rows[0]["unit_code"])
    };

    assert!(unrelated.clone().count() > 10);
    assert!(unrelated.clone().filter(in_one_commune).count() > 3);
}

/// The clan stands last and is the mother's: "H'Nga Niê", never "H'Nga Y".
#[test]
fn a_child_of_the_e_de_has_its_mothers_clan() {
    let highland = LabelledOptions {
        territory: Territory::Province("GSO_PRE2025:66".parse().expect("a unit")),
        ..options()
    };
    let mix = ErrorMix::standard();
    let mut chance = StdRng::seed_from_u64(4);
    let places = Places::draw(&highland, &mix, &mut chance);
    let mut families = Families::new(highland.today, &mix, &places);
    let mut seen = 0;
    for _ in 0..2_000 {
        let family = families.next_family(&mut chance).expect("a family");
        if family.people != peoples::People::Ede {
            continue;
        }
        for child in &family.children {
            seen += 1;
            let (name, mark) = (child.name.text(), if child.is_female { "H'" } else { "Y " });
            assert!(name.starts_with(mark), "{name}");
            assert!(
                name.ends_with(&format!(" {}", family.mother.family)),
                "{name}"
            );
        }
    }
    assert!(seen > 100);
}
