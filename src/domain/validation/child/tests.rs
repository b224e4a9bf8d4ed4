//! One row for each rule of a child record.

use time::macros::date;

use super::*;
use crate::domain::draft::{
    CarerDraft, CodeDraft, DateDraft, EpisodeDraft, HouseholdDraft, InsuranceDraft, PrecisionDraft,
    UnitDraft,
};
use crate::domain::validation::Level;

fn child() -> ChildDraft {
    ChildDraft {
        commune: Some(unit("30742")),
        status: 1,
        full_name: "Danh Thị Mẫu".into(),
        birth_date: Some(DateDraft::day(2018, 4, 2)),
        sex: 2,
        ethnicity: Some(code("1979", "05")),
        personal_number: "091318123456".into(),
        ..ChildDraft::default()
    }
}

fn unit(code: &str) -> UnitDraft {
    UnitDraft {
        scheme: "GSO_PRE2025".into(),
        code: code.into(),
    }
}

fn code(list_version: &str, code: &str) -> CodeDraft {
    CodeDraft {
        list_version: list_version.into(),
        code: code.into(),
    }
}

fn episode(group: &str) -> EpisodeDraft {
    EpisodeDraft {
        group: Some(code("2016", group)),
        from: Some(DateDraft::day(2025, 1, 1)),
        restricted: true,
        ..EpisodeDraft::default()
    }
}

fn carer() -> CarerDraft {
    CarerDraft {
        relation_code: "02".into(),
        name: "Thị Thử".into(),
        ..CarerDraft::default()
    }
}

fn found(change: impl FnOnce(&mut ChildDraft)) -> Vec<(String, Rule, Level)> {
    let mut draft = child();
    change(&mut draft);
    let validated = validate_child(&draft, date!(2026 - 11 - 23));
    let rejected = validated
        .violations
        .iter()
        .any(|violation| violation.level == Level::Reject);
    assert_eq!(validated.record.is_none(), rejected);
    let found = validated.violations.into_iter();
    found
        .map(|violation| (violation.path.to_string(), violation.rule, violation.level))
        .collect()
}

#[track_caller]
fn rejects(path: &str, rule: Rule, change: impl FnOnce(&mut ChildDraft)) {
    assert_eq!(found(change), [(path.to_owned(), rule, Level::Reject)]);
}

#[track_caller]
fn warns(path: &str, rule: Rule, change: impl FnOnce(&mut ChildDraft)) {
    assert_eq!(found(change), [(path.to_owned(), rule, Level::Warn)]);
}

#[test]
fn a_good_record_has_no_violations() {
    assert_eq!(found(|_| ()), []);
}

#[test]
fn all_violations_are_found_at_once() {
    let violations = found(|draft| *draft = ChildDraft::default());

    let paths: Vec<&str> = violations
        .iter()
        .filter(|(_, _, level)| *level == Level::Reject)
        .map(|(path, _, _)| path.as_str())
        .collect();
    let expected = [
        "child.commune",
        "child.full_name",
        "child.birth_date",
        "child.sex",
        "child.status",
        "child.ethnicity",
    ];
    assert_eq!(paths, expected);
}

#[test]
fn units_are_checked_in_their_scheme() {
    rejects("child.commune", Rule::UnknownUnit, |draft| {
        draft.commune = Some(unit("00000"));
    });
    rejects("child.commune", Rule::NotACommune, |draft| {
        draft.commune = Some(unit("91"));
    });
}

#[test]
fn names_are_letters() {
    rejects("child.full_name", Rule::NameCharacters, |draft| {
        draft.full_name = "Danh 2 Mẫu".into();
    });
    rejects("child.full_name", Rule::TooLong, |draft| {
        draft.full_name = "ễ ".repeat(60);
    });
    rejects("child.full_name", Rule::TooShort, |draft| {
        draft.full_name = "Ý".into();
    });
    warns("child.full_name", Rule::NameSingleWord, |draft| {
        draft.full_name = "Mẫu".into();
    });
    warns("child.full_name", Rule::Unnamed, |draft| {
        draft.full_name = "Gái".into();
    });
    assert_eq!(found(|draft| draft.full_name = "H'Mẫu Niê-Thử".into()), []);
}

#[test]
fn dates_are_of_the_calendar_and_not_in_the_future() {
    let path = "child.birth_date";
    rejects(path, Rule::DateInvalid, |draft| {
        draft.birth_date = Some(DateDraft::day(2018, 2, 30));
    });
    rejects(path, Rule::DateInFuture, |draft| {
        draft.personal_number = "091326123456".into();
        draft.birth_date = Some(DateDraft::day(2026, 11, 24));
    });
    warns(path, Rule::NotAChild, |draft| {
        draft.personal_number = "091310123456".into();
        draft.birth_date = Some(DateDraft::day(2010, 11, 23));
    });
}

#[test]
fn a_year_alone_is_a_date_of_birth() {
    let year = DateDraft {
        year: 2018,
        month: 0,
        day: 0,
        precision: PrecisionDraft::Year,
    };

    assert_eq!(found(|draft| draft.birth_date = Some(year)), []);
}

#[test]
fn codes_come_from_their_lists() {
    rejects("child.sex", Rule::UnknownCode, |draft| draft.sex = 9);
    rejects("child.status", Rule::UnknownCode, |draft| draft.status = 9);
    rejects("child.ethnicity", Rule::UnknownCode, |draft| {
        draft.ethnicity = Some(code("1979", "99"));
    });
    rejects("child.ethnicity", Rule::UnknownListVersion, |draft| {
        draft.ethnicity = Some(code("2050", "01"));
    });
    rejects(
        "child.carers[0].relation_code",
        Rule::UnknownCode,
        |draft| {
            draft.carers = vec![CarerDraft {
                relation_code: "98".into(),
                ..carer()
            }];
        },
    );
}

#[test]
fn a_number_that_is_none_is_refused_and_one_that_disagrees_is_odd() {
    let path = "child.personal_number";
    let set =
        |number: &'static str| move |draft: &mut ChildDraft| draft.personal_number = number.into();
    rejects(path, Rule::NumberInvalid, set("12345"));
    rejects(path, Rule::NumberRepairable, set("91318123456"));
    warns(path, Rule::NumberMissing, set(""));
    warns(path, Rule::NumberProvince, set("999318123456"));
    warns(path, Rule::NumberSex, set("091218123456"));
    warns(path, Rule::NumberBirthYear, set("091317123456"));
}

#[test]
fn a_status_that_ends_care_needs_its_date() {
    rejects("child.status_since", Rule::StatusDate, |draft| {
        draft.status = 2;
    });
}

#[test]
fn insurance_for_small_children_begins_before_six() {
    warns("child.insurance.group_code", Rule::InsuranceAge, |draft| {
        draft.insurance = Some(InsuranceDraft {
            number: "TE1910012345678".into(),
            valid_from: Some(DateDraft::day(2025, 4, 2)),
            group_code: "TE".into(),
            ..InsuranceDraft::default()
        });
    });
}

#[test]
fn telephone_numbers_are_only_warned_about() {
    let path = "child.carers[0].phone";
    let set = |phone: &'static str| {
        move |draft: &mut ChildDraft| {
            draft.carers = vec![CarerDraft {
                phone: phone.into(),
                ..carer()
            }];
        }
    };
    warns(path, Rule::Phone, set("12"));
    warns(path, Rule::PhonePrefix2018, set("01234567890"));
    assert_eq!(found(set("+84 912 345 678")), []);
}

#[test]
fn circumstances_agree_with_the_rest_of_the_record() {
    let path = "child.episodes[0]";
    let set = |episode: EpisodeDraft| move |draft: &mut ChildDraft| draft.episodes = vec![episode];
    warns(
        &format!("{path}.group"),
        Rule::CircumstanceIncomplete,
        set(episode("04")),
    );
    rejects(
        &format!("{path}.group"),
        Rule::UnknownCode,
        set(episode("15")),
    );
    rejects(
        &format!("{path}.detail_code"),
        Rule::CircumstanceDetail,
        |draft| {
            draft.episodes = vec![EpisodeDraft {
                detail_code: "01.2".into(),
                ..episode("02")
            }];
        },
    );
    warns(
        &format!("{path}.restricted"),
        Rule::CircumstanceRestricted,
        |draft| {
            draft.episodes = vec![EpisodeDraft {
                restricted: false,
                ..episode("11")
            }];
        },
    );
    rejects(&format!("{path}.to"), Rule::DateOrder, |draft| {
        draft.episodes = vec![EpisodeDraft {
            to: Some(DateDraft::day(2024, 1, 1)),
            ..episode("02")
        }];
    });
}

#[test]
fn the_poverty_list_is_yearly() {
    warns("child.household.poverty_year", Rule::Required, |draft| {
        draft.household = Some(HouseholdDraft {
            number: "12".into(),
            head_name: "Danh Thử".into(),
            poverty_code: "1".into(),
            ..HouseholdDraft::default()
        });
    });
}

#[test]
fn no_finding_repeats_what_a_field_holds() {
    let mut draft = child();
    draft.full_name = "Bí Mật 12".into();
    let validated = validate_child(&draft, date!(2026 - 11 - 23));

    let shown = format!("{validated:?} {draft:?}");
    assert!(!shown.contains("Bí Mật"));
}
