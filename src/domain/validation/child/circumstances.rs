//! The rules of special circumstances: article 10 of the Law, Decree 56 articles 3 to 16.

use crate::domain::circumstance::CircumstanceGroup;
use crate::domain::code_list::CodeList;
use crate::domain::draft::{ChildDraft, EpisodeDraft};
use crate::domain::validation::Rule;
use crate::domain::validation::findings::Findings;

pub(super) fn check(findings: &mut Findings, draft: &ChildDraft) {
    for code in &draft.at_risk_codes {
        findings.code("child.at_risk_codes", code, CodeList::AtRisk);
    }
    findings.count("child.episodes", draft.episodes.len(), 50);
    for (index, episode) in draft.episodes.iter().enumerate() {
        let path = format!("child.episodes[{index}]");
        check_episode(findings, &path, episode);
        if episode
            .group
            .as_ref()
            .is_some_and(|group| group.list_version == "2016")
        {
            check_against_record(findings, &path, episode, draft);
        }
    }
}

fn check_episode(findings: &mut Findings, path: &str, episode: &EpisodeDraft) {
    let from = findings.past_date(&format!("{path}.from"), episode.from);
    if episode.from.is_none() {
        findings.reject(format!("{path}.from"), Rule::Required);
    }
    let to = findings.date(&format!("{path}.to"), episode.to);
    findings.order(&format!("{path}.to"), from, to);
    findings.past_date(&format!("{path}.evidence_date"), episode.evidence_date);
    let Some(group) = &episode.group else {
        findings.reject(format!("{path}.group"), Rule::Required);
        return;
    };
    let list = match group.list_version.as_str() {
        "2016" => CodeList::Circumstance2016,
        "2004" => CodeList::Circumstance2004,
        _ => {
            findings.reject(format!("{path}.group"), Rule::UnknownListVersion);
            return;
        }
    };
    if !list.has(&group.code) {
        findings.reject(format!("{path}.group"), Rule::UnknownCode);
    }
    if !episode.detail_code.is_empty() {
        findings.code(
            &format!("{path}.detail_code"),
            &episode.detail_code,
            CodeList::Circumstance2016Detail,
        );
        if !episode.detail_code.starts_with(&group.code) {
            findings.reject(format!("{path}.detail_code"), Rule::CircumstanceDetail);
        }
    }
    let groups = CircumstanceGroup::of_code(&group.list_version, &group.code);
    if group.list_version == "2016"
        && groups.iter().any(|group| group.is_restricted())
        && !episode.restricted
    {
        findings.warn(format!("{path}.restricted"), Rule::CircumstanceRestricted);
    }
}

/// Cross rules, all warnings: the other part may simply not be known yet.
fn check_against_record(
    findings: &mut Findings,
    path: &str,
    episode: &EpisodeDraft,
    draft: &ChildDraft,
) {
    let Some(group) = &episode.group else { return };
    let dead = |code: &str| {
        draft
            .carers
            .iter()
            .any(|carer| carer.relation_code == code && carer.state == "dead")
    };
    let has_left_school = || {
        draft
            .schooling
            .as_ref()
            .is_some_and(|schooling| schooling.status_code == "2")
    };
    let is_poor = || {
        let poverty = draft
            .household
            .as_ref()
            .map(|household| household.poverty_code.as_str());
        matches!(poverty, Some("1" | "2"))
    };
    let is_complete = match group.code.as_str() {
        "01" => dead("01") && dead("02"),
        "04" => !draft.disabilities.is_empty(),
        "08" => has_left_school(),
        "13" => is_poor(),
        _ => true,
    };
    if !is_complete {
        findings.warn(format!("{path}.group"), Rule::CircumstanceIncomplete);
    }
}
