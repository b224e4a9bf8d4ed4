//! The rules of a child record.
//!
//! Law on Children 102/2016/QH13; Decree 56/2017/ND-CP; Circular 07/2016/TT-BCA; the ministry's
//! data-cleaning process of 2022, which checks name, date of birth, sex, ethnicity, carer and number.

mod circumstances;
mod parts;

use super::findings::Findings;
use super::{Rule, Validated};
use crate::domain::code_list::CodeList;
use crate::domain::date::PartialDate;
use crate::domain::draft::ChildDraft;
use crate::domain::personal_number::{PersonalNumber, repair};
use crate::domain::record::{ChildRecord, RecordStatus, Sex};
use crate::domain::unit::UnitReference;

/// Names that mean "not yet named" in So A0: boy, girl.
const UNNAMED: [&str; 4] = ["Trai", "Gái", "TRAI", "GÁI"];

/// Checks a child record as of a day in Vietnam and finds everything at once.
pub fn validate_child(draft: &ChildDraft, today: time::Date) -> Validated<ChildRecord> {
    let mut findings = Findings::new(today);
    let commune = commune(&mut findings, draft);
    let is_unnamed = full_name(&mut findings, &draft.full_name);
    let birth_date = birth_date(&mut findings, draft);
    let sex = sex(&mut findings, draft.sex);
    let status = status(&mut findings, draft);
    let personal_number = personal_number(&mut findings, draft, sex, birth_date);
    envelope(&mut findings, draft);
    ethnicity(&mut findings, draft);
    parts::check(&mut findings, draft, birth_date);
    circumstances::check(&mut findings, draft);
    let record = match (commune, birth_date, sex, status) {
        (Some(commune), Some(birth_date), Some(sex), Some(status)) if !findings.rejected => {
            Some(ChildRecord {
                commune,
                full_name: draft.full_name.clone(),
                is_unnamed,
                birth_date,
                sex,
                personal_number,
                status,
            })
        }
        _ => None,
    };
    Validated {
        record,
        unit: commune,
        violations: findings.violations,
    }
}

fn commune(findings: &mut Findings, draft: &ChildDraft) -> Option<UnitReference> {
    let path = "child.commune";
    if draft.commune.is_none() {
        findings.reject(path, Rule::Required);
    }
    let unit = findings.unit(path, draft.commune.as_ref())?;
    if draft
        .commune
        .as_ref()
        .is_some_and(|unit| unit.code.len() != 5)
    {
        findings.reject(path, Rule::NotACommune);
    }
    Some(unit)
}

/// Says whether the child is not yet named.
fn full_name(findings: &mut Findings, name: &str) -> bool {
    let path = "child.full_name";
    if name.trim().is_empty() {
        findings.reject(path, Rule::Required);
        return false;
    }
    findings.name(path, name);
    if UNNAMED.contains(&name.trim()) {
        findings.warn(path, Rule::Unnamed);
        return true;
    }
    if name.trim().chars().nth(1).is_none() {
        findings.reject(path, Rule::TooShort);
    } else if name.split_whitespace().nth(1).is_none() {
        findings.warn(path, Rule::NameSingleWord);
    }
    false
}

fn birth_date(findings: &mut Findings, draft: &ChildDraft) -> Option<PartialDate> {
    let path = "child.birth_date";
    if draft.birth_date.is_none() {
        findings.reject(path, Rule::Required);
    }
    let date = findings.past_date(path, draft.birth_date)?;
    // A child is under 16 (article 1 of the Law), counted when the data were collected.
    let collected = findings.past_date("child.collected_on", draft.collected_on);
    let reference = collected.map_or(findings.today, PartialDate::first_day);
    if findings.today != time::Date::MAX && date.years_until(reference) >= 16 {
        findings.warn(path, Rule::NotAChild);
    }
    Some(date)
}

fn sex(findings: &mut Findings, number: i32) -> Option<Sex> {
    let sex = match number {
        1 => Some(Sex::Male),
        2 => Some(Sex::Female),
        3 => Some(Sex::Undetermined),
        4 => Some(Sex::Unknown),
        _ => None,
    };
    if sex.is_none() {
        let rule = if number == 0 {
            Rule::Required
        } else {
            Rule::UnknownCode
        };
        findings.reject("child.sex", rule);
    }
    sex
}

fn status(findings: &mut Findings, draft: &ChildDraft) -> Option<RecordStatus> {
    let path = "child.status";
    let status = match draft.status {
        1 => RecordStatus::Active,
        2 => RecordStatus::Moved,
        3 => RecordStatus::Turned16,
        4 => RecordStatus::Died,
        5 => RecordStatus::Duplicate,
        6 => RecordStatus::Missing,
        number => {
            let rule = if number == 0 {
                Rule::Required
            } else {
                Rule::UnknownCode
            };
            findings.reject(path, rule);
            return None;
        }
    };
    let since = findings.past_date("child.status_since", draft.status_since);
    let needs_date = matches!(
        status,
        RecordStatus::Moved | RecordStatus::Turned16 | RecordStatus::Died
    );
    if needs_date && since.is_none() {
        findings.reject("child.status_since", Rule::StatusDate);
    }
    Some(status)
}

/// The number, if it can be used for linking. A number that disagrees with the record is kept: it may
/// be the record that is wrong, and the police can give a new number (hence warnings only).
fn personal_number(
    findings: &mut Findings,
    draft: &ChildDraft,
    sex: Option<Sex>,
    birth_date: Option<PartialDate>,
) -> Option<PersonalNumber> {
    let path = "child.personal_number";
    let allowed = ["no_birth_registration", "pending", "foreign"];
    findings.word(
        "child.personal_number_absence",
        &draft.personal_number_absence,
        &allowed,
    );
    if draft.personal_number.is_empty() {
        if draft.personal_number_absence.is_empty() {
            findings.warn(path, Rule::NumberMissing);
        }
        return None;
    }
    let Some(number) = PersonalNumber::parse(&draft.personal_number) else {
        let rule = match repair(&draft.personal_number) {
            Some(_) => Rule::NumberRepairable,
            None => Rule::NumberInvalid,
        };
        findings.reject(path, rule);
        return None;
    };
    // A pseudonym says nothing that could contradict the record.
    if number.is_pseudonym() {
        return Some(number);
    }
    if draft
        .personal_number
        .get(..3)
        .is_none_or(|province| !CodeList::NumberProvince.has(province))
    {
        findings.warn(path, Rule::NumberProvince);
    }
    if !number.is_of_this_century() {
        findings.warn(path, Rule::NumberCentury);
    }
    if matches!(sex, Some(Sex::Male | Sex::Female)) && sex != Some(number.sex()) {
        findings.warn(path, Rule::NumberSex);
    }
    if birth_date.is_some_and(|date| date.year() % 100 != number.birth_year() % 100) {
        findings.warn(path, Rule::NumberBirthYear);
    }
    Some(number)
}

fn envelope(findings: &mut Findings, draft: &ChildDraft) {
    findings.length("child.village", &draft.village, 100);
    for (path, text) in [
        ("child.source_system", &draft.source_system),
        ("child.changed_by", &draft.changed_by),
        ("child.collected_by", &draft.collected_by),
    ] {
        findings.length(path, text, 100);
    }
    findings.past_date("child.verified_on", draft.verified_on);
}

fn ethnicity(findings: &mut Findings, draft: &ChildDraft) {
    let path = "child.ethnicity";
    let Some(ethnicity) = &draft.ethnicity else {
        findings.reject(path, Rule::Required);
        return;
    };
    let list = match ethnicity.list_version.as_str() {
        "1979" => CodeList::Ethnicity1979,
        "census2009" => CodeList::EthnicityCensus2009,
        _ => {
            findings.reject(path, Rule::UnknownListVersion);
            return;
        }
    };
    // Code 55 means "foreigner" in one program and a people in another: hence a word of our own.
    if ethnicity.code != "FOREIGN" && (ethnicity.code.is_empty() || !list.has(&ethnicity.code)) {
        findings.reject(path, Rule::UnknownCode);
    }
}

/// How complete a record is, for survivorship.
#[cfg(test)]
mod tests;
