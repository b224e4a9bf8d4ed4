use std::collections::BTreeMap;

use super::*;
use crate::domain::unit::AdminScheme;
use crate::domain::unit_act::Example;

fn unit(text: &str) -> UnitReference {
    text.parse().expect("a unit")
}

fn act(id: &str, changes: &str) -> UnitAct {
    let text = format!(
        "id = \"{id}\"\ntitle = \"An act\"\neffective_from = 2025-07-01\nchanges = [{changes}]"
    );
    UnitAct::parse(&text).expect("an act")
}

fn reform() -> UnitsInUse {
    UnitsInUse::new(&[Example::Reform2025.act()]).expect("no conflict")
}

fn of_today(units: &UnitsInUse, text: &str) -> Today {
    units.today(unit(text), "", &BTreeMap::new())
}

#[test]
fn each_of_the_10035_old_communes_has_one_place_or_waits_for_one() {
    let units = reform();
    let communes = AdminScheme::GsoPre2025.communes();
    assert_eq!(communes.len(), 10_035);

    let (mut moved, mut waiting) = (0, 0);
    for commune in communes {
        let old = UnitReference {
            scheme: AdminScheme::GsoPre2025,
            code: commune.code,
        };
        let today = units.today(old, "", &BTreeMap::new());
        if today.waits {
            waiting += 1;
            assert_eq!(today.unit, old);
            assert!(units.ends(&old).len() > 1);
        } else {
            moved += 1;
            assert_eq!(today.unit.scheme, AdminScheme::Gso2025);
            assert!(today.unit.find().is_some(), "{old} went to {}", today.unit);
        }
    }

    assert_eq!((moved, waiting), (9_564, 471));
}

#[test]
fn every_new_commune_has_predecessors_and_every_old_node_may_write_for_its_own() {
    let units = reform();

    for old in AdminScheme::GsoPre2025.units() {
        let territory = Territory::new(vec![old]);
        for end in units.ends_within(&old) {
            assert!(
                units.allows(&territory, &end),
                "{old} may not write for {end}"
            );
        }
    }
}

#[test]
fn a_node_of_the_province_may_write_for_its_communes_of_both_lists_and_for_no_others() {
    let units = reform();
    let territory = Territory::new(vec![unit("GSO_PRE2025:91")]);

    assert!(units.allows(&territory, &unit("GSO_PRE2025:30742")));
    assert!(units.allows(&territory, &unit("GSO_2025:30886")));
    assert!(!units.allows(&territory, &unit("GSO_2025:00004")));
    assert!(!UnitsInUse::default().allows(&territory, &unit("GSO_2025:30886")));
}

#[test]
fn a_node_of_one_commune_may_write_for_the_new_one_and_for_none_beside_it() {
    let units = reform();
    let territory = Territory::new(vec![unit("GSO_PRE2025:30901")]);

    assert!(units.allows(&territory, &unit("GSO_2025:30886")));
    assert!(!units.allows(&territory, &unit("GSO_2025:30742")));
    assert!(!units.allows(&territory, &unit("GSO_PRE2025:30742")));
}

#[test]
fn a_district_that_is_gone_keeps_what_its_communes_became_and_gets_no_more() {
    let units = reform();
    let district = unit("GSO_PRE2025:905");
    let territory = Territory::new(vec![district]);

    assert!(units.allows(&territory, &unit("GSO_2025:30886")));
    assert!(!units.allows(&territory, &unit("GSO_2025:30742")));
    assert_eq!(units.seat(district), unit("GSO_2025:91"));
    assert!(
        units
            .ends_within(&district)
            .contains(&unit("GSO_2025:30886"))
    );
}

#[test]
fn acts_follow_one_another_in_any_order() {
    let acts = Example::ALL.map(Example::act);
    let straight = UnitsInUse::new(&acts).expect("no conflict");
    let reversed = UnitsInUse::new(acts.iter().rev()).expect("no conflict");
    let old = AdminScheme::Gso2017
        .communes()
        .into_iter()
        .map(|unit| UnitReference {
            scheme: AdminScheme::Gso2017,
            code: unit.code,
        });
    let old = old.into_iter().find(|old| {
        let ends = straight.ends(old);
        ends.len() == 1 && ends.iter().all(|end| end.scheme == AdminScheme::Gso2026)
    });
    let old = old.expect("a commune that all three acts changed");

    let today = straight.today(old, "", &BTreeMap::new());

    assert_eq!(today, reversed.today(old, "", &BTreeMap::new()));
    assert_eq!(today.act.expect("moved").as_str(), "changes-2026");
    // What came later under the code between the acts goes the same way.
    let between = UnitReference {
        scheme: AdminScheme::Gso2025,
        ..today.unit
    };
    assert_eq!(
        straight.today(between, "", &BTreeMap::new()).unit,
        today.unit
    );
}

#[test]
fn a_record_of_a_split_unit_follows_whoever_placed_it_then_its_village() {
    let split = act(
        "split",
        "{ from = \"GSO_PRE2025:30334\", relation = \"split\", \
           to = [\"GSO_2025:30316\", \"GSO_2025:30307\"], \
           villages = { \"GSO_2025:30307\" = [\"Khóm  Đông\"] } }",
    );
    let units = UnitsInUse::new(&[split]).expect("no conflict");
    let old = unit("GSO_PRE2025:30334");
    let placed = BTreeMap::from([(old, unit("GSO_2025:30316"))]);
    let elsewhere = BTreeMap::from([(old, unit("GSO_2025:00004"))]);

    assert!(units.today(old, "Khóm Tây", &BTreeMap::new()).waits);
    let by_village = units.today(old, "khóm đông", &BTreeMap::new());
    assert_eq!(by_village.unit, unit("GSO_2025:30307"));
    assert_eq!(
        units.today(old, "khóm đông", &placed).unit,
        unit("GSO_2025:30316")
    );
    assert!(units.today(old, "", &elsewhere).waits);
}

#[test]
fn a_unit_ends_once_and_never_follows_itself() {
    let change = |from: &str, to: &str| {
        format!("{{ from = \"{from}\", relation = \"merged\", to = [\"{to}\"] }}")
    };
    let one = act("one", &change("GSO_2025:30742", "GSO_2025:30886"));
    let again = act("again", &change("GSO_2025:30742", "GSO_2025:30760"));
    let back = act("back", &change("GSO_2025:30886", "GSO_2025:30742"));

    assert!(matches!(
        UnitsInUse::new([&one, &again]),
        Err(ActConflict::ChangedTwice { .. })
    ));
    assert!(matches!(
        UnitsInUse::new([&one, &back]),
        Err(ActConflict::Circle(_))
    ));
}

#[test]
fn a_unit_that_no_act_names_stays_as_it_is() {
    let today = of_today(&reform(), "GSO_2025:30742");

    assert_eq!((today.unit, today.act), (unit("GSO_2025:30742"), None));
    assert!(!today.waits);
}
