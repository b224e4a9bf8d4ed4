//! The rules of a case report: Decree 56/2017/ND-CP, form 01 and article 26.

use super::findings::Findings;
use super::{Rule, Validated};
use crate::domain::clock::Timestamp;
use crate::domain::code_list::CodeList;
use crate::domain::draft::CaseReportDraft;
use crate::domain::record::{CaseReport, RecordId};

/// Time to emergency action, in microseconds: 12 hours.
const EMERGENCY_MICROS_MAX: i64 = 12 * 3_600 * 1_000_000;

/// Checks a case report as of a day in Vietnam and finds everything at once.
pub fn validate_case_report(draft: &CaseReportDraft, today: time::Date) -> Validated<CaseReport> {
    let mut findings = Findings::new(today);
    if draft.commune.is_none() {
        findings.reject("case_report.commune", Rule::Required);
    }
    let commune = findings.unit("case_report.commune", draft.commune.as_ref());
    if draft.received_at.is_none() {
        findings.reject("case_report.received_at", Rule::Required);
    }
    kind_and_codes(&mut findings, draft);
    child(&mut findings, draft);
    texts(&mut findings, draft);
    times(&mut findings, draft);
    let record = match (commune, draft.received_at) {
        (Some(commune), Some(received_at)) if !findings.rejected => Some(CaseReport {
            commune,
            received_at,
        }),
        _ => None,
    };
    Validated {
        record,
        unit: commune,
        violations: findings.violations,
    }
}

fn kind_and_codes(findings: &mut Findings, draft: &CaseReportDraft) {
    if draft.case_kind.is_empty() {
        findings.reject("case_report.case_kind", Rule::Required);
    }
    let kinds = ["abused", "at_risk", "special_circumstance"];
    findings.word("case_report.case_kind", &draft.case_kind, &kinds);
    findings.code(
        "case_report.source_code",
        &draft.source_code,
        CodeList::ReportSource,
    );
    for code in &draft.abuse_form_codes {
        findings.code("case_report.abuse_form_codes", code, CodeList::AbuseForm);
    }
    let setting = &draft.abuse_setting_code;
    findings.code(
        "case_report.abuse_setting_code",
        setting,
        CodeList::AbuseSetting,
    );
    let relation = &draft.suspect_relation_code;
    findings.code(
        "case_report.suspect_relation_code",
        relation,
        CodeList::RelationToChild,
    );
}

fn child(findings: &mut Findings, draft: &CaseReportDraft) {
    findings.name("case_report.child_name", &draft.child_name);
    findings.past_date("case_report.child_birth_date", draft.child_birth_date);
    if !(0..=4).contains(&draft.child_sex) {
        findings.reject("case_report.child_sex", Rule::UnknownCode);
    }
    let id = &draft.child_record_id;
    if !id.is_empty() && id.parse::<RecordId>().is_err() {
        findings.reject("case_report.child_record_id", Rule::UnknownCode);
    }
    findings.past_date("case_report.happened_on", draft.happened_on);
    if let Some(informant) = &draft.informant {
        let named = [&informant.name, &informant.phone, &informant.address];
        if !informant.agreed && named.iter().any(|text| !text.is_empty()) {
            findings.reject("case_report.informant", Rule::InformantNotAgreed);
        }
    }
}

fn texts(findings: &mut Findings, draft: &CaseReportDraft) {
    findings.length("case_report.place", &draft.place, 200);
    for (path, text) in [
        ("case_report.father", &draft.father),
        ("case_report.mother", &draft.mother),
        ("case_report.current_carer", &draft.current_carer),
    ] {
        findings.length(path, text, 200);
    }
    for (path, text) in [
        ("case_report.condition", &draft.condition),
        ("case_report.likely_harm", &draft.likely_harm),
        ("case_report.family_situation", &draft.family_situation),
        ("case_report.actions_so_far", &draft.actions_so_far),
        ("case_report.outcome", &draft.outcome),
    ] {
        findings.length(path, text, 2000);
    }
}

fn times(findings: &mut Findings, draft: &CaseReportDraft) {
    let Some(received) = draft.received_at else {
        return;
    };
    if received.date() > findings.today {
        findings.reject("case_report.received_at", Rule::DateInFuture);
    }
    let steps: [(&str, Option<Timestamp>); 4] = [
        ("case_report.assessed_at", draft.assessed_at),
        ("case_report.emergency_action_at", draft.emergency_action_at),
        ("case_report.plan_approved_at", draft.plan_approved_at),
        ("case_report.closed_at", draft.closed_at),
    ];
    for (path, at) in steps {
        if at.is_some_and(|at| at < received) {
            findings.reject(path, Rule::DateOrder);
        }
    }
    let late = |at: Timestamp| at.as_micros() - received.as_micros() > EMERGENCY_MICROS_MAX;
    if draft.emergency_action_at.is_some_and(late) {
        findings.warn("case_report.emergency_action_at", Rule::EmergencyLate);
    }
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;
    use crate::domain::draft::{InformantDraft, UnitDraft};

    fn report() -> CaseReportDraft {
        CaseReportDraft {
            commune: Some(UnitDraft {
                scheme: "GSO_PRE2025".into(),
                code: "30742".into(),
            }),
            received_at: Some(Timestamp::from_micros(1_760_000_000_000_000)),
            case_kind: "abused".into(),
            source_code: "1".into(),
            ..CaseReportDraft::default()
        }
    }

    fn rules(draft: &CaseReportDraft) -> Vec<(String, Rule)> {
        let found = validate_case_report(draft, date!(2026 - 11 - 23)).violations;
        found
            .into_iter()
            .map(|violation| (violation.path.to_string(), violation.rule))
            .collect()
    }

    #[test]
    fn a_report_with_what_form_01_asks_for_is_valid() {
        assert_eq!(rules(&report()), []);
    }

    #[test]
    fn an_informant_is_named_only_if_they_agreed() {
        let informant = InformantDraft {
            name: "Trần Thử".into(),
            ..InformantDraft::default()
        };
        let draft = CaseReportDraft {
            informant: Some(informant),
            ..report()
        };

        let expected = ("case_report.informant".to_owned(), Rule::InformantNotAgreed);
        assert_eq!(rules(&draft), [expected]);
    }

    #[test]
    fn emergency_action_after_twelve_hours_is_only_odd() {
        let late = Timestamp::from_micros(1_760_000_000_000_000 + EMERGENCY_MICROS_MAX + 1);
        let draft = CaseReportDraft {
            emergency_action_at: Some(late),
            ..report()
        };

        let validated = validate_case_report(&draft, date!(2026 - 11 - 23));

        assert!(validated.record.is_some());
        assert_eq!(validated.violations.len(), 1);
    }
}
