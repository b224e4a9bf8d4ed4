//! Where a record tells of special circumstances that stay here.
//!
//! A group that is withheld takes with it the times that name it, the risks and the support that belong to it,
//! and, from a record that has such a time, every field whose words could tell of it: those in prose, and those
//! that this program does not know. A case report is prose about the very thing; of it goes upstream that it
//! is there, who it is about, and when what was done.

use prost::Message;

use crate::domain::circumstance::CircumstanceGroup;
use crate::domain::policy::{Fate, Policy};
use crate::domain::record::RecordKind;
use crate::grpc::proto::record::{CircumstanceEpisode, Support};
use crate::grpc::wire::{WireField, WireFields};
use crate::sync::codec::Unreadable;

/// Numbers of a child record's fields that hold circumstances.
const ALTERNATIVE_CARE: u32 = 52;
const EPISODES: u32 = 60;
const AT_RISK_CODES: u32 = 61;
const DISABILITIES: u32 = 62;
const SUPPORTS: u32 = 63;
/// Number of a case report's kind, the kind that tells of abuse, and the one that tells of nothing more than
/// the law's article 10.
const CASE_KIND: u32 = 4;
const ABUSED: &[u8] = b"abused";
const SPECIAL_CIRCUMSTANCE: &[u8] = b"special_circumstance";

/// Groups that a report of abuse can be about.
const ABUSE: [CircumstanceGroup; 4] = [
    CircumstanceGroup::Violence,
    CircumstanceGroup::Exploitation,
    CircumstanceGroup::SexualAbuse,
    CircumstanceGroup::Trafficking,
];
/// Groups that alternative care tells of.
const WITHOUT_PARENTS: [CircumstanceGroup; 3] = [
    CircumstanceGroup::Orphan,
    CircumstanceGroup::Abandoned,
    CircumstanceGroup::Unsupported,
];

/// Fields whose words can tell of any circumstance.
const TELLING: &[&str] = &[
    "child.schooling.status_code",
    "child.schooling.school",
    "child.schooling.class_name",
    "child.death.cause",
    "child.alternative_care",
    "child.episodes.closed_reason",
    "child.episodes.evidence_kind",
    "child.episodes.evidence_number",
    "child.episodes.evidence_date",
    "child.at_risk_codes",
    "child.supports",
    "child.injuries",
    "case_report.place",
    "case_report.condition",
    "case_report.likely_harm",
    "case_report.father",
    "case_report.mother",
    "case_report.family_situation",
    "case_report.current_carer",
    "case_report.actions_so_far",
    "case_report.abuse_form_codes",
    "case_report.abuse_setting_code",
    "case_report.suspect_relation_code",
    "case_report.outcome",
];

/// Whether the words of a field can tell of a circumstance.
pub fn tells(path: &str) -> bool {
    TELLING.contains(&path)
}

/// What a part of a record may not tell.
pub(super) struct Traces<'a> {
    policy: &'a Policy,
    /// The kind of record, at its top; `None` inside its parts.
    top: Option<RecordKind>,
    any_withheld: bool,
}

impl<'a> Traces<'a> {
    pub(super) fn of(
        policy: &'a Policy,
        kind: RecordKind,
        content: &[u8],
    ) -> Result<Self, Unreadable> {
        let mut traces = Self {
            policy,
            top: Some(kind),
            any_withheld: false,
        };
        traces.any_withheld = match kind {
            RecordKind::Child => {
                let mut any = false;
                for field in WireFields::new(content) {
                    let field = field?;
                    any |= field.number == EPISODES && traces.withholds_episode(&field)?;
                }
                any
            }
            RecordKind::CaseReport => policy
                .withheld_groups()
                .any(CircumstanceGroup::is_restricted),
        };
        Ok(traces)
    }

    /// The same for the parts of the record.
    pub(super) const fn inside(&self) -> Self {
        Self {
            policy: self.policy,
            top: None,
            any_withheld: self.any_withheld,
        }
    }

    /// Whether a circumstance of this record stays here.
    pub(super) const fn any_withheld(&self) -> bool {
        self.any_withheld
    }

    /// Whether a field tells of nothing but what stays here.
    pub(super) fn withholds(&self, field: &WireField<'_>) -> Result<bool, Unreadable> {
        if self.top != Some(RecordKind::Child) {
            return Ok(false);
        }
        let mut withheld = self.policy.withheld_groups();
        Ok(match field.number {
            EPISODES => self.withholds_episode(field)?,
            ALTERNATIVE_CARE => withheld.any(|group| WITHOUT_PARENTS.contains(&group)),
            DISABILITIES => withheld.any(|group| group == CircumstanceGroup::Disability),
            AT_RISK_CODES => {
                let code = field.delimited.unwrap_or_default();
                withheld.any(|group| group.risks().iter().any(|risk| risk.as_bytes() == code))
            }
            SUPPORTS => {
                let support: Support = decode(field)?;
                let programme = support.programme_code.as_str();
                withheld.any(|group| group.programmes().contains(&programme))
            }
            _ => false,
        })
    }

    /// What goes in the place of a field.
    pub(super) fn rewritten(&self, field: &WireField<'_>) -> Option<&'static [u8]> {
        let is_abuse = self.top == Some(RecordKind::CaseReport)
            && field.number == CASE_KIND
            && field.delimited == Some(ABUSED);
        let stays = |group: &CircumstanceGroup| self.policy.group(*group) == Fate::Withhold;
        (is_abuse && ABUSE.iter().any(stays)).then_some(SPECIAL_CIRCUMSTANCE)
    }

    fn withholds_episode(&self, field: &WireField<'_>) -> Result<bool, Unreadable> {
        let episode: CircumstanceEpisode = decode(field)?;
        let group = episode.group.unwrap_or_default();
        let is_marked = episode.restricted;
        Ok(self
            .policy
            .withholds_episode(&group.list_version, &group.code, is_marked))
    }
}

fn decode<M: Message + Default>(field: &WireField<'_>) -> Result<M, Unreadable> {
    let bytes = field.delimited.unwrap_or_default();
    M::decode(bytes).map_err(|_| Unreadable("a field is not of the type that the contract says"))
}
