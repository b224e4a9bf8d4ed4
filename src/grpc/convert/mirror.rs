//! Drafts and the contract's records mirror each other field by field; this file says so once.

use prost_types::Timestamp as WireTimestamp;

use super::{scheme, scheme_number};
use crate::domain::clock::Timestamp;
use crate::domain::draft::{
    AddressDraft, AlternativeCareDraft, BirthRegistrationDraft, CarerDraft, CaseReportDraft,
    ChildDraft, CodeDraft, DateDraft, DeathDraft, DisabilityDraft, EpisodeDraft, HouseholdDraft,
    InformantDraft, InjuryDraft, InsuranceDraft, NamePartsDraft, PlaceDraft, PrecisionDraft,
    SchoolingDraft, SupportDraft, UnitDraft,
};
use crate::domain::unit::AdminScheme;
use crate::grpc::proto::record::{
    Address, AlternativeCare, BirthRegistration, Carer, CaseReport, ChildRecord,
    CircumstanceEpisode, DatePrecision, Death, Disability, HealthInsurance, Household, Informant,
    Injury, ListedCode, NameParts, PartialDate, Place, Schooling, Support, UnitReference,
};

/// The same value on the other side.
pub(super) trait Mirror<T> {
    fn mirror(self) -> T;
}

macro_rules! same {
    ($($type:ty),*) => {$(
        impl Mirror<$type> for $type {
            fn mirror(self) -> $type {
                self
            }
        }
    )*};
}
same!(String, bool, u32, u64, i32);

impl<T: Mirror<U>, U> Mirror<Option<U>> for Option<T> {
    fn mirror(self) -> Option<U> {
        self.map(T::mirror)
    }
}

impl<T: Mirror<U>, U> Mirror<Vec<U>> for Vec<T> {
    fn mirror(self) -> Vec<U> {
        self.into_iter().map(T::mirror).collect()
    }
}

/// Two structures with the same fields.
macro_rules! mirrors {
    ($($one:ident <=> $other:ident { $($field:ident),* $(,)? })*) => {$(
        impl Mirror<$one> for $other {
            fn mirror(self) -> $one {
                $one { $($field: self.$field.mirror()),* }
            }
        }
        impl Mirror<$other> for $one {
            fn mirror(self) -> $other {
                $other { $($field: self.$field.mirror()),* }
            }
        }
    )*};
}

mirrors! {
    CodeDraft <=> ListedCode { list_version, code }
    PlaceDraft <=> Place { unit, text }
    AddressDraft <=> Address { commune, village, text }
    NamePartsDraft <=> NameParts { family, middle, given }
    BirthRegistrationDraft <=> BirthRegistration { status_code, number, registered_on, place }
    InsuranceDraft <=> HealthInsurance { number, valid_from, valid_to, group_code }
    SchoolingDraft <=> Schooling { level_code, status_code, school, class_name }
    DeathDraft <=> Death { died_on, cause }
    DisabilityDraft <=> Disability { type_codes, degree_code, certificate_number, certified_on }
    SupportDraft <=> Support { programme_code, amount_dong, from, to, decision_number }
    InjuryDraft <=> Injury { happened_on, type_code, place_code, result }
    HouseholdDraft <=> Household {
        number, head_name, head_personal_number, relation_code, poverty_code, poverty_year,
        priority_area_codes,
    }
    CarerDraft <=> Carer {
        relation_code, name, birth_year, personal_number, occupation, phone, state,
        is_current_carer,
    }
    AlternativeCareDraft <=> AlternativeCare { care_type, from, to }
    EpisodeDraft <=> CircumstanceEpisode {
        group, detail_code, from, to, closed_reason, evidence_kind, evidence_number, evidence_date,
        restricted,
    }
    ChildDraft <=> ChildRecord {
        source_system, commune, village, changed_at, changed_by, collected_on, collected_by,
        verified_by_police, verified_on, status, status_since, full_name, name_parts, other_name,
        birth_date, sex, ethnicity, nationality, personal_number, personal_number_absence,
        birth_registration, birth_place, origin, permanent_address, temporary_address,
        current_address, insurance, schooling, birth_order, birth_weight_grams, residence_state,
        death, household, carers, alternative_care, episodes, at_risk_codes, disabilities, supports,
        injuries,
    }
    InformantDraft <=> Informant { agreed, name, phone, address }
    CaseReportDraft <=> CaseReport {
        commune, received_at, source_code, case_kind, child_record_id, child_name,
        child_birth_date, child_sex, happened_on, place, condition, likely_harm, father, mother,
        family_situation, current_carer, actions_so_far, informant, assessed_at,
        emergency_action_at, plan_approved_at, closed_at, abuse_form_codes, abuse_setting_code,
        suspect_relation_code, outcome,
    }
}

impl Mirror<UnitDraft> for UnitReference {
    fn mirror(self) -> UnitDraft {
        let scheme = scheme(self.scheme).map_or("", AdminScheme::as_str);
        UnitDraft {
            scheme: scheme.to_owned(),
            code: self.code,
        }
    }
}

impl Mirror<UnitReference> for UnitDraft {
    fn mirror(self) -> UnitReference {
        let scheme = self.scheme.parse().map_or(0, scheme_number);
        UnitReference {
            scheme,
            code: self.code,
        }
    }
}

impl Mirror<DateDraft> for PartialDate {
    fn mirror(self) -> DateDraft {
        let precision = match self.precision() {
            DatePrecision::Unspecified => PrecisionDraft::Unknown,
            DatePrecision::Day => PrecisionDraft::Day,
            DatePrecision::Month => PrecisionDraft::Month,
            DatePrecision::Year => PrecisionDraft::Year,
            DatePrecision::Estimated => PrecisionDraft::Estimated,
        };
        DateDraft {
            year: self.year,
            month: self.month,
            day: self.day,
            precision,
        }
    }
}

impl Mirror<PartialDate> for DateDraft {
    fn mirror(self) -> PartialDate {
        let precision = match self.precision {
            PrecisionDraft::Unknown => DatePrecision::Unspecified,
            PrecisionDraft::Day => DatePrecision::Day,
            PrecisionDraft::Month => DatePrecision::Month,
            PrecisionDraft::Year => DatePrecision::Year,
            PrecisionDraft::Estimated => DatePrecision::Estimated,
        };
        let precision = precision.into();
        PartialDate {
            year: self.year,
            month: self.month,
            day: self.day,
            precision,
        }
    }
}

impl Mirror<Timestamp> for WireTimestamp {
    /// What does not fit an instant becomes the end of time, which no rule takes for a good date.
    fn mirror(self) -> Timestamp {
        let micros = self.seconds.saturating_mul(1_000_000);
        Timestamp::from_micros(micros.saturating_add(i64::from(self.nanos) / 1_000))
    }
}

impl Mirror<WireTimestamp> for Timestamp {
    fn mirror(self) -> WireTimestamp {
        let micros = self.as_micros();
        let nanos = i32::try_from(micros.rem_euclid(1_000_000) * 1_000).unwrap_or_default();
        WireTimestamp {
            seconds: micros.div_euclid(1_000_000),
            nanos,
        }
    }
}
