//! The rules of a child's parts: register, insurance, school, household, carers, services.

use crate::domain::code_list::CodeList;
use crate::domain::date::PartialDate;
use crate::domain::draft::{
    AddressDraft, CarerDraft, ChildDraft, HouseholdDraft, InsuranceDraft, PlaceDraft,
};
use crate::domain::personal_number::PersonalNumber;
use crate::domain::validation::Rule;
use crate::domain::validation::findings::Findings;

pub(super) fn check(findings: &mut Findings, draft: &ChildDraft, born: Option<PartialDate>) {
    if !draft.other_name.is_empty() {
        findings.name("child.other_name", &draft.other_name);
    }
    let is_country = |byte: u8| byte.is_ascii_uppercase();
    let nationality = &draft.nationality;
    if !nationality.is_empty() && (nationality.len() != 2 || !nationality.bytes().all(is_country)) {
        findings.reject("child.nationality", Rule::UnknownCode);
    }
    birth(findings, draft, born);
    addresses(findings, draft);
    if let Some(insurance) = &draft.insurance {
        check_insurance(findings, insurance, born);
    }
    schooling(findings, draft);
    if !(0..=3).contains(&draft.residence_state) {
        findings.reject("child.residence_state", Rule::UnknownCode);
    }
    if let Some(death) = &draft.death {
        findings.length("child.death.cause", &death.cause, 200);
        let died = findings.past_date("child.death.died_on", death.died_on);
        findings.order("child.death.died_on", born, died);
    }
    if let Some(household) = &draft.household {
        check_household(findings, household);
    }
    findings.count("child.carers", draft.carers.len(), 20);
    for (index, carer) in draft.carers.iter().enumerate() {
        check_carer(findings, index, carer, born);
    }
    services(findings, draft);
}

fn birth(findings: &mut Findings, draft: &ChildDraft, born: Option<PartialDate>) {
    if draft.birth_order > 20 {
        findings.warn("child.birth_order", Rule::Unusual);
    }
    if draft.birth_weight_grams > 0 && !(400..=7000).contains(&draft.birth_weight_grams) {
        findings.warn("child.birth_weight_grams", Rule::Unusual);
    }
    let Some(entry) = &draft.birth_registration else {
        return;
    };
    let path = "child.birth_registration";
    findings.code(
        &format!("{path}.status_code"),
        &entry.status_code,
        CodeList::BirthRegistration,
    );
    let registered = findings.past_date(&format!("{path}.registered_on"), entry.registered_on);
    findings.order(&format!("{path}.registered_on"), born, registered);
    place(findings, &format!("{path}.place"), entry.place.as_ref());
    if !entry.number.is_empty() && !is_register_number(&entry.number) {
        findings.warn(format!("{path}.number"), Rule::CertificateNumber);
    }
}

/// `number/year`, at most five digits before the stroke.
fn is_register_number(number: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    number.split_once('/').is_some_and(|(entry, year)| {
        digits(entry) && entry.len() <= 5 && digits(year) && year.len() == 4
    })
}

fn addresses(findings: &mut Findings, draft: &ChildDraft) {
    place(findings, "child.birth_place", draft.birth_place.as_ref());
    place(findings, "child.origin", draft.origin.as_ref());
    address(
        findings,
        "child.permanent_address",
        draft.permanent_address.as_ref(),
    );
    address(
        findings,
        "child.temporary_address",
        draft.temporary_address.as_ref(),
    );
    address(
        findings,
        "child.current_address",
        draft.current_address.as_ref(),
    );
}

fn place(findings: &mut Findings, path: &str, draft: Option<&PlaceDraft>) {
    if let Some(place) = draft {
        findings.unit(&format!("{path}.unit"), place.unit.as_ref());
        findings.length(&format!("{path}.text"), &place.text, 200);
    }
}

fn address(findings: &mut Findings, path: &str, draft: Option<&AddressDraft>) {
    if let Some(address) = draft {
        findings.unit(&format!("{path}.commune"), address.commune.as_ref());
        findings.length(&format!("{path}.village"), &address.village, 100);
        findings.length(&format!("{path}.text"), &address.text, 200);
    }
}

fn check_insurance(findings: &mut Findings, card: &InsuranceDraft, born: Option<PartialDate>) {
    let path = "child.insurance";
    findings.code(
        &format!("{path}.group_code"),
        &card.group_code,
        CodeList::InsuranceGroup,
    );
    let from = findings.date(&format!("{path}.valid_from"), card.valid_from);
    let to = findings.date(&format!("{path}.valid_to"), card.valid_to);
    findings.order(&format!("{path}.valid_to"), from, to);
    if !card.number.is_empty() && !is_insurance_number(&card.number) {
        findings.warn(format!("{path}.number"), Rule::InsuranceNumber);
    }
    // Free insurance is for children under 6 when it begins; it may end after the birthday.
    if card.group_code == "TE"
        && let (Some(born), Some(from)) = (born, from)
        && born.years_until(from.first_day()) >= 6
    {
        findings.warn(format!("{path}.group_code"), Rule::InsuranceAge);
    }
}

/// A card of 2 letters, a level from 1 to 5 and 12 digits; a social insurance number of 10 digits; or,
/// from 1 August 2025, the personal number.
fn is_insurance_number(number: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    match (number.len(), number.get(..2), number.get(2..)) {
        (10 | 12, _, _) => digits(number),
        (15, Some(group), Some(rest)) => {
            group.bytes().all(|byte| byte.is_ascii_uppercase())
                && digits(rest)
                && matches!(rest.as_bytes().first(), Some(b'1'..=b'5'))
        }
        _ => false,
    }
}

fn schooling(findings: &mut Findings, draft: &ChildDraft) {
    let Some(schooling) = &draft.schooling else {
        return;
    };
    findings.code(
        "child.schooling.level_code",
        &schooling.level_code,
        CodeList::EducationLevel,
    );
    findings.code(
        "child.schooling.status_code",
        &schooling.status_code,
        CodeList::SchoolStatus,
    );
    findings.length("child.schooling.school", &schooling.school, 200);
    findings.length("child.schooling.class_name", &schooling.class_name, 50);
}

fn check_household(findings: &mut Findings, household: &HouseholdDraft) {
    let path = "child.household";
    findings.length(&format!("{path}.number"), &household.number, 20);
    if household.number.is_empty() {
        findings.warn(format!("{path}.number"), Rule::Required);
    }
    findings.name(&format!("{path}.head_name"), &household.head_name);
    adult_number(
        findings,
        &format!("{path}.head_personal_number"),
        &household.head_personal_number,
    );
    let relations = CodeList::RelationToHouseholdHead;
    findings.code(
        &format!("{path}.relation_code"),
        &household.relation_code,
        relations,
    );
    findings.code(
        &format!("{path}.poverty_code"),
        &household.poverty_code,
        CodeList::HouseholdPoverty,
    );
    if !household.poverty_code.is_empty() && household.poverty_year == 0 {
        findings.warn(format!("{path}.poverty_year"), Rule::Required);
    }
    for code in &household.priority_area_codes {
        findings.code(
            &format!("{path}.priority_area_codes"),
            code,
            CodeList::PriorityArea,
        );
    }
}

/// A personal number of twelve digits or an adult's old card of nine.
fn adult_number(findings: &mut Findings, path: &str, number: &str) {
    let is_old_card = number.len() == 9 && number.bytes().all(|byte| byte.is_ascii_digit());
    if !number.is_empty() && !is_old_card && PersonalNumber::parse(number).is_none() {
        findings.warn(path, Rule::NumberInvalid);
    }
}

fn check_carer(
    findings: &mut Findings,
    index: usize,
    carer: &CarerDraft,
    born: Option<PartialDate>,
) {
    let path = |field: &str| format!("child.carers[{index}].{field}");
    if carer.relation_code.is_empty() {
        findings.reject(path("relation_code"), Rule::Required);
    } else if !CodeList::RelationToChild.has(&carer.relation_code) {
        findings.reject(path("relation_code"), Rule::UnknownCode);
    }
    findings.name(&path("name"), &carer.name);
    findings.length(&path("occupation"), &carer.occupation, 100);
    findings.word(
        &path("state"),
        &carer.state,
        &["alive", "dead", "missing", "prison", "away"],
    );
    findings.phone(&path("phone"), &carer.phone);
    adult_number(findings, &path("personal_number"), &carer.personal_number);
    let is_parent = matches!(carer.relation_code.as_str(), "01" | "02");
    if let (true, Some(born), Ok(year @ 1..)) = (is_parent, born, i32::try_from(carer.birth_year))
        && !(12..=60).contains(&(born.year() - year))
    {
        findings.warn(path("birth_year"), Rule::Unusual);
    }
}

fn services(findings: &mut Findings, draft: &ChildDraft) {
    findings.count("child.alternative_care", draft.alternative_care.len(), 50);
    for (index, care) in draft.alternative_care.iter().enumerate() {
        let path = format!("child.alternative_care[{index}]");
        let types = ["relative", "non_relative", "adopted", "facility"];
        findings.word(&format!("{path}.care_type"), &care.care_type, &types);
        let from = findings.past_date(&format!("{path}.from"), care.from);
        let to = findings.date(&format!("{path}.to"), care.to);
        findings.order(&format!("{path}.to"), from, to);
    }
    findings.count("child.disabilities", draft.disabilities.len(), 20);
    for (index, disability) in draft.disabilities.iter().enumerate() {
        let path = format!("child.disabilities[{index}]");
        for code in &disability.type_codes {
            findings.code(
                &format!("{path}.type_codes"),
                code,
                CodeList::DisabilityType,
            );
        }
        let degree = CodeList::DisabilityDegree;
        findings.code(
            &format!("{path}.degree_code"),
            &disability.degree_code,
            degree,
        );
        findings.past_date(&format!("{path}.certified_on"), disability.certified_on);
    }
    findings.count("child.supports", draft.supports.len(), 100);
    for (index, support) in draft.supports.iter().enumerate() {
        let path = format!("child.supports[{index}]");
        let programmes = CodeList::SupportProgramme;
        findings.code(
            &format!("{path}.programme_code"),
            &support.programme_code,
            programmes,
        );
        let from = findings.date(&format!("{path}.from"), support.from);
        let to = findings.date(&format!("{path}.to"), support.to);
        findings.order(&format!("{path}.to"), from, to);
    }
    findings.count("child.injuries", draft.injuries.len(), 100);
    for (index, injury) in draft.injuries.iter().enumerate() {
        let path = format!("child.injuries[{index}]");
        findings.past_date(&format!("{path}.happened_on"), injury.happened_on);
        findings.code(
            &format!("{path}.type_code"),
            &injury.type_code,
            CodeList::InjuryType,
        );
        findings.code(
            &format!("{path}.place_code"),
            &injury.place_code,
            CodeList::InjuryPlace,
        );
        let results = ["recovered", "disabled", "died"];
        findings.word(&format!("{path}.result"), &injury.result, &results);
    }
}
