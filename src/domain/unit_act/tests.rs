use super::*;

fn parse(changes: &str) -> Result<UnitAct, ActInvalid> {
    UnitAct::parse(&format!(
        "id = \"an-act\"\ntitle = \"An act\"\neffective_from = 2026-04-30\nchanges = [{changes}]"
    ))
}

fn change(relation: &str, to: &str) -> String {
    format!("{{ from = \"GSO_PRE2025:30334\", relation = \"{relation}\", to = [{to}] }}")
}

const ONE: &str = "\"GSO_2025:30316\"";
const TWO: &str = "\"GSO_2025:30316\", \"GSO_2025:30307\"";

#[test]
fn the_acts_that_ship_are_read_back_as_they_are_written() {
    for example in Example::ALL {
        let act = example.act();

        assert_eq!(UnitAct::parse(&act.text()), Ok(act));
    }
}

#[test]
fn the_reform_of_2025_names_every_unit_before_it() {
    let act = Example::Reform2025.act();

    assert_eq!(act.changes().len(), 10_794);
    let counts = ["renamed", "merged", "split", "abolished"].map(|word| act.count(word));
    assert_eq!(counts.iter().sum::<usize>(), 10_794);
    // Of 170 communes of 2017 it is not known which one they became.
    assert_eq!(Example::Codes2017.act().changes().len(), 11_162 - 170);
    assert_eq!(Example::Changes2026.act().count("renamed"), 11);
}

#[test]
fn the_same_act_in_another_order_is_the_same_text() {
    let other =
        "{ from = \"GSO_PRE2025:30742\", relation = \"merged\", to = [\"GSO_2025:30742\"] }";
    let split = change("split", TWO);

    let one = parse(&format!("{other}, {split}")).expect("an act");
    let two = parse(&format!("{split},\n{other},")).expect("an act");

    assert_eq!(one.text(), two.text());
}

#[test]
fn each_fate_needs_its_number_of_successors() {
    for (relation, to, is_good) in [
        ("renamed", ONE, true),
        ("renamed", "", false),
        ("merged", TWO, false),
        ("split", ONE, false),
        ("split", TWO, true),
        ("abolished", "", true),
        ("abolished", ONE, true),
        ("abolished", TWO, false),
        ("sold", ONE, false),
        ("renamed", "\"GSO_PRE2025:30334\"", false),
        ("renamed", "\"GSO_2025:99999\"", false),
        ("renamed", "\"30316\"", false),
    ] {
        let read = parse(&change(relation, to));
        assert_eq!(read.is_ok(), is_good, "{relation} {to}: {read:?}");
    }
}

#[test]
fn villages_belong_to_parts_and_each_to_one() {
    let villages = |text: &str| {
        parse(&format!(
            "{{ from = \"GSO_PRE2025:30334\", relation = \"split\", to = [{TWO}], villages = {{ {text} }} }}"
        ))
    };

    let read = villages("\"GSO_2025:30316\" = [\"Khóm 1\"]").expect("an act");
    assert_eq!(UnitAct::parse(&read.text()), Ok(read));
    for wrong in [
        "\"GSO_2025:00004\" = [\"Khóm 1\"]",
        "\"GSO_2025:30316\" = [\"Khóm 1\", \"KHÓM 1\"]",
    ] {
        assert!(matches!(villages(wrong), Err(ActInvalid::Villages(_))));
    }
}

#[test]
fn an_act_without_changes_or_with_one_twice_is_none() {
    let twice = format!("{}, {}", change("renamed", ONE), change("split", TWO));

    assert_eq!(parse(""), Err(ActInvalid::Changes(0)));
    assert!(matches!(parse(&twice), Err(ActInvalid::Repeated(_))));
}
