//! Who is the same child: the hard cases one by one.

mod populations;

use std::borrow::Cow;
use std::sync::Arc;

use childsync::domain::date::{PartialDate, Precision};
use childsync::domain::golden::GoldenId;
use childsync::domain::record::Sex;
use childsync::linkage::decisions::Decisions;
use childsync::linkage::details::{Details, row_key};
use childsync::linkage::features::Normalised;
use childsync::linkage::index::LinkageIndex;
use childsync::linkage::model::Model;
use uuid::Uuid;

/// What becomes of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Linked,
    Asked,
    Apart,
}

/// Links some records of different nodes; says what becomes of the first two.
fn link(records: &[Details<'_>]) -> Outcome {
    let model = Arc::new(Model::shipped().expect("the shipped model"));
    let mut index = LinkageIndex::new(model, Decisions::default());
    for (place, details) in (1_u32..).zip(records) {
        index.apply(
            row_key(place.into(), place.into()),
            Some(&Normalised::new(details)),
        );
    }
    let mut names = 0;
    index.settle(|| {
        names += 1;
        GoldenId::new(Uuid::from_u128(names))
    });
    let numbers: Vec<_> = index.numbers().collect();
    if index.golden(numbers[0]) == index.golden(numbers[1]) {
        return Outcome::Linked;
    }
    let (one, other) = (index.key(numbers[0]), index.key(numbers[1]));
    let mut reviews = index.open_reviews();
    if reviews.any(|review| review.pair.one() == one && review.pair.other() == other) {
        Outcome::Asked
    } else {
        Outcome::Apart
    }
}

fn day(year: i32, month: u8, day: u8) -> Option<PartialDate> {
    PartialDate::new(year, month, day, Precision::Day)
}

/// A made-up boy of Rạch Giá.
fn child() -> Details<'static> {
    Details {
        full_name: "Nguyễn Thử Gia Bảo".into(),
        sex: Some(Sex::Male),
        birth_date: day(2018, 4, 2),
        mother_name: "Trần Thị Kiểm Dụ".into(),
        father_name: "Nguyễn Văn Thử".into(),
        phone: "0912345678".into(),
        commune: "GSO_PRE2025:30742".parse().ok(),
        village: "Ấp 3".into(),
        household_number: "17".into(),
        ethnicity: "01".into(),
        ..Details::default()
    }
}

/// The same child in another commune of the province, where nobody knows the old home.
fn moved(child: Details<'_>) -> Details<'_> {
    Details {
        commune: "GSO_PRE2025:30901".parse().ok(),
        village: "Ấp 9".into(),
        household_number: "201".into(),
        phone: Cow::default(),
        ..child
    }
}

fn numbered<'a>(child: Details<'a>, number: &'a str) -> Details<'a> {
    Details {
        personal_number: number.into(),
        ..child
    }
}

fn named<'a>(child: Details<'a>, name: &'a str) -> Details<'a> {
    Details {
        full_name: name.into(),
        ..child
    }
}

#[test]
fn a_child_is_found_in_every_writing_of_its_name() {
    for name in [
        "NGUYỄN THỬ GIA BẢO",
        "Nguyen Thu Gia Bao",
        "Nguyeenx Thuwr Gia Bao3",
        "Nguyeãn Thöû Gia Baûo",
        "Ng. T. Gia Bảo",
        "Gia Bảo Nguyễn Thử",
        "Nguyễn Gia Bảo",
    ] {
        assert_eq!(
            link(&[child(), moved(named(child(), name))]),
            Outcome::Linked,
            "{name}"
        );
    }
}

#[test]
fn twins_are_two_children_however_alike_their_names() {
    for name in [
        "Nguyễn Thử Gia Bách",
        "Nguyễn Thử Gia Báo",
        "Nguyễn Thử Gia Hảo",
        "Nguyễn Thử Gia Khang",
    ] {
        assert_ne!(
            link(&[child(), named(child(), name)]),
            Outcome::Linked,
            "{name}"
        );
    }
    let with_numbers = [
        numbered(child(), "091218000001"),
        numbered(named(child(), "Nguyễn Thử Gia Bách"), "091218000002"),
    ];
    assert_ne!(link(&with_numbers), Outcome::Linked);
}

#[test]
fn siblings_ten_months_apart_are_two_children() {
    let sibling = Details {
        full_name: "Nguyễn Thử Gia Hân".into(),
        sex: Some(Sex::Female),
        birth_date: day(2019, 2, 5),
        birth_order: 2,
        ..child()
    };

    assert_eq!(link(&[child(), sibling]), Outcome::Apart);
}

#[test]
fn strangers_with_one_common_name_and_birth_date_are_two_children() {
    let one = named(child(), "Nguyễn Minh Anh");
    let stranger = Details {
        mother_name: "Lê Thị Thí".into(),
        father_name: "Nguyễn Hữu Nghiệm".into(),
        phone: "0987654321".into(),
        village: "Ấp 8".into(),
        household_number: "99".into(),
        ..one.clone()
    };

    assert_ne!(link(&[one, stranger]), Outcome::Linked);
}

#[test]
fn khmer_names_are_found_and_not_taken_for_rare_ones() {
    let khmer = |name: &'static str, mother: &'static str, commune: &str| Details {
        full_name: name.into(),
        sex: Some(Sex::Female),
        birth_date: day(2018, 4, 2),
        mother_name: mother.into(),
        commune: commune.parse().ok(),
        ethnicity: "05".into(),
        ..Details::default()
    };
    let (here, there) = ("GSO_PRE2025:30742", "GSO_PRE2025:30901");
    let one = khmer("Thị Sóc Kha", "Thị Chanh Thử", here);

    let again = khmer("THỊ SÓC KHA", "Thị Chanh Thử", there);
    assert_eq!(link(&[one.clone(), again]), Outcome::Linked);
    let namesake = Details {
        birth_date: day(2012, 9, 20),
        ..khmer("Thị Sóc Kha", "Danh Thị Dụ", there)
    };
    assert_eq!(link(&[one, namesake]), Outcome::Apart);
}

#[test]
fn an_unnamed_newborn_is_never_linked_to_one_of_two_twins() {
    let unnamed = named(child(), "Bé trai");
    let twin = named(child(), "Nguyễn Thử Gia Khang");

    assert_ne!(link(&[unnamed.clone(), child(), twin]), Outcome::Linked);
    assert_ne!(link(&[unnamed, child()]), Outcome::Apart);
}

#[test]
fn dates_with_the_usual_faults_do_not_hide_a_child() {
    let year_only = PartialDate::new(2018, 0, 0, Precision::Year);
    for (what, birth_date) in [
        ("only the year", year_only),
        ("first of January", day(2018, 1, 1)),
        ("day and month swapped", day(2018, 2, 4)),
        ("one digit wrong", day(2018, 4, 3)),
        ("another year", day(2017, 4, 2)),
    ] {
        let other = moved(Details {
            birth_date,
            ..child()
        });
        assert_eq!(link(&[child(), other]), Outcome::Linked, "{what}");
    }
}

#[test]
fn a_number_with_the_usual_faults_still_speaks_for_the_child() {
    let bare = |number: &'static str| {
        let mut one = numbered(moved(child()), number);
        (one.mother_name, one.father_name) = (Cow::default(), Cow::default());
        one
    };
    let right = bare("091218004711");
    for (what, number) in [
        ("lost zero", "91218004711"),
        ("spaces", "091 218 004 711"),
        ("one digit wrong", "091218004771"),
        ("two swapped", "091218007411"),
    ] {
        assert_eq!(
            link(&[right.clone(), bare(number)]),
            Outcome::Linked,
            "{what}"
        );
    }
    assert_ne!(
        link(&[right, bare("091218990022")]),
        Outcome::Linked,
        "another number"
    );
}

#[test]
fn a_child_is_found_through_moves_and_the_merging_of_communes() {
    let far = Details {
        commune: "GSO_PRE2025:26734".parse().ok(),
        ..moved(child())
    };
    assert_eq!(link(&[child(), far]), Outcome::Linked, "another province");
    // Both communes of before July 2025 went into 30886; the mother is not known any more.
    let old = Details {
        commune: "GSO_PRE2025:30901".parse().ok(),
        ..child()
    };
    let new = Details {
        commune: "GSO_2025:30886".parse().ok(),
        mother_name: Cow::default(),
        phone: Cow::default(),
        ..child()
    };
    assert_eq!(link(&[old, new]), Outcome::Linked, "a merged commune");
}

#[test]
fn a_nickname_is_not_taken_for_the_name_of_a_twin() {
    let at_home = moved(named(child(), "Nguyễn Thử Gia Tôm"));
    assert_eq!(link(&[child(), at_home]), Outcome::Linked);

    let called = Details {
        full_name: "Nguyễn Thử Gia Khang".into(),
        other_name: "Bảo".into(),
        ..moved(child())
    };
    assert_eq!(link(&[child(), called]), Outcome::Linked, "a second name");
}

#[test]
fn a_newborn_without_a_name_is_found_by_its_parents_unless_it_may_be_a_twin() {
    let newborn = Details {
        birth_order: 1,
        ..named(child(), "Bé trai")
    };
    let later = Details {
        birth_order: 1,
        ..moved(child())
    };
    assert_eq!(link(&[newborn.clone(), later]), Outcome::Linked);
    let other_newborn = Details {
        birth_order: 2,
        ..newborn.clone()
    };
    assert_ne!(link(&[newborn, other_newborn]), Outcome::Linked);
}

#[test]
fn numbers_with_one_wrong_digit_still_speak_for_the_child() {
    // Nothing else but the name is left, and the date is another.
    let bare = |phone: &'static str, insurance: &'static str| Details {
        full_name: "Nguyễn Thử Gia Bảo".into(),
        sex: Some(Sex::Male),
        birth_date: day(2018, 4, 2),
        phone: phone.into(),
        insurance_number: insurance.into(),
        ..Details::default()
    };
    for (what, one, other) in [
        ("telephone", bare("0912345678", ""), bare("0912345698", "")),
        (
            "insurance",
            bare("", "TE1919112345678"),
            bare("", "HS4919112345878"),
        ),
    ] {
        assert_eq!(link(&[one, other]), Outcome::Linked, "{what}");
    }
    let other = bare("0387654321", "TE1919187654321");
    assert_ne!(
        link(&[bare("0912345678", "TE1919112345678"), other]),
        Outcome::Linked,
        "other numbers"
    );
}

#[test]
fn a_telephone_from_before_2018_is_the_one_of_today() {
    let before = Details {
        mother_name: Cow::default(),
        phone: "01692345678".into(),
        ..child()
    };
    let today = Details {
        father_name: Cow::default(),
        phone: "0392345678".into(),
        village: Cow::default(),
        household_number: Cow::default(),
        ..before.clone()
    };
    assert_eq!(link(&[before, today]), Outcome::Linked);
}

#[test]
fn brothers_of_one_clan_are_two_children_and_one_boy_is_found() {
    let boy = |name: &'static str, birth_date| Details {
        full_name: name.into(),
        sex: Some(Sex::Male),
        birth_date,
        mother_name: "H'Thử Niê".into(),
        father_name: "Y Kiểm Mlô".into(),
        commune: "GSO_PRE2025:24133".parse().ok(),
        ethnicity: "12".into(),
        ..Details::default()
    };
    let one = boy("Y Bhok Niê", day(2018, 4, 2));
    let again = boy("Y BHOK NIE", day(2018, 2, 4));
    assert_eq!(link(&[one.clone(), again]), Outcome::Linked);
    for birth_date in [day(2018, 4, 2), day(2019, 2, 20)] {
        let brother = boy("Y Wan Niê", birth_date);
        assert_ne!(link(&[one.clone(), brother]), Outcome::Linked);
    }
}

#[test]
fn a_family_name_that_is_not_the_fathers_hides_no_child() {
    let one = Details {
        father_name: "Thạch Thử".into(),
        mother_name: "Thị Kiểm Dụ".into(),
        ethnicity: "05".into(),
        ..named(child(), "Danh Sóc Rinh")
    };
    let again = moved(Details {
        full_name: "Thạch Sóc Rinh".into(),
        ..one.clone()
    });

    assert_eq!(link(&[one, again]), Outcome::Linked);
}

#[test]
fn codes_of_both_ethnic_lists_are_one_people_and_a_wrong_one_parts_nobody() {
    use childsync::domain::draft::{ChildDraft, CodeDraft};
    let of_list = |list_version: &str, code: &str| {
        let draft = ChildDraft {
            ethnicity: Some(CodeDraft {
                list_version: list_version.into(),
                code: code.into(),
            }),
            ..ChildDraft::default()
        };
        Details::of(&draft).ethnicity.into_owned()
    };
    // Hoa: 04 in the list of 1979, 06 in the census.
    assert_eq!(of_list("1979", "04"), of_list("census2009", "06"));

    let read_by_the_wrong_list = Details {
        ethnicity: "06".into(),
        ..moved(child())
    };
    let hoa = Details {
        ethnicity: "04".into(),
        ..child()
    };
    assert_eq!(link(&[hoa, read_by_the_wrong_list]), Outcome::Linked);
}
