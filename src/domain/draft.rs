//! A record as its source has it: text and numbers, not yet believed.
//!
//! The fields mirror the contract one to one; `record.proto` says what each means.

use super::clock::Timestamp;

/// Numbers that may not be a date.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the contract's")]
pub struct DateDraft {
    pub year: u32,
    pub month: u32,
    pub day: u32,
    pub precision: PrecisionDraft,
}

impl DateDraft {
    /// A full date.
    pub fn day(year: u32, month: u32, day: u32) -> Self {
        Self {
            year,
            month,
            day,
            precision: PrecisionDraft::Day,
        }
    }
}

/// A precision, or none that is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the values are the contract's")]
pub enum PrecisionDraft {
    #[default]
    Unknown,
    Day,
    Month,
    Year,
    Estimated,
}

/// A unit that may not exist.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the contract's")]
pub struct UnitDraft {
    pub scheme: String,
    pub code: String,
}

/// Declares parts of a draft: structures whose fields are all public, without their values in `Debug`.
macro_rules! drafts {
    ($($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty),* $(,)? })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Default, PartialEq)]
        #[expect(missing_docs, reason = "the fields are the contract's")]
        pub struct $name { $(pub $field: $type),* }

        impl std::fmt::Debug for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(concat!(stringify!($name), "(redacted)"))
            }
        }
    )*};
}

impl std::fmt::Debug for DateDraft {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("DateDraft(redacted)")
    }
}

drafts! {
    /// A code and the version of its list.
    CodeDraft { list_version: String, code: String }
    /// A place.
    PlaceDraft { unit: Option<UnitDraft>, text: String }
    /// An address.
    AddressDraft { commune: Option<UnitDraft>, village: String, text: String }
    /// Parts of a name.
    NamePartsDraft { family: String, middle: String, given: String }
    /// An entry in the civil register.
    BirthRegistrationDraft {
        status_code: String, number: String, registered_on: Option<DateDraft>, place: Option<PlaceDraft>,
    }
    /// A health insurance card.
    InsuranceDraft {
        number: String, valid_from: Option<DateDraft>, valid_to: Option<DateDraft>, group_code: String,
    }
    /// Schooling.
    SchoolingDraft { level_code: String, status_code: String, school: String, class_name: String }
    /// A death.
    DeathDraft { died_on: Option<DateDraft>, cause: String }
    /// A disability.
    DisabilityDraft {
        type_codes: Vec<String>, degree_code: String, certificate_number: String,
        certified_on: Option<DateDraft>,
    }
    /// Support.
    SupportDraft {
        programme_code: String, amount_dong: u64, from: Option<DateDraft>, to: Option<DateDraft>,
        decision_number: String,
    }
    /// An injury.
    InjuryDraft {
        happened_on: Option<DateDraft>, type_code: String, place_code: String, result: String,
    }
    /// A household.
    HouseholdDraft {
        number: String, head_name: String, head_personal_number: String, relation_code: String,
        poverty_code: String, poverty_year: u32, priority_area_codes: Vec<String>,
    }
    /// A carer.
    CarerDraft {
        relation_code: String, name: String, birth_year: u32, personal_number: String,
        occupation: String, phone: String, state: String, is_current_carer: bool,
    }
    /// Alternative care.
    AlternativeCareDraft { care_type: String, from: Option<DateDraft>, to: Option<DateDraft> }
    /// A time in special circumstances.
    EpisodeDraft {
        group: Option<CodeDraft>, detail_code: String, from: Option<DateDraft>, to: Option<DateDraft>,
        closed_reason: String, evidence_kind: String, evidence_number: String,
        evidence_date: Option<DateDraft>, restricted: bool,
    }
    /// A child record. `sex`, `status` and `residence_state` are the contract's numbers.
    ChildDraft {
        source_system: String, commune: Option<UnitDraft>, village: String,
        changed_at: Option<Timestamp>, changed_by: String, collected_on: Option<DateDraft>,
        collected_by: String, verified_by_police: bool, verified_on: Option<DateDraft>, status: i32,
        status_since: Option<DateDraft>, full_name: String, name_parts: Option<NamePartsDraft>,
        other_name: String, birth_date: Option<DateDraft>, sex: i32, ethnicity: Option<CodeDraft>,
        nationality: String, personal_number: String, personal_number_absence: String,
        birth_registration: Option<BirthRegistrationDraft>, birth_place: Option<PlaceDraft>,
        origin: Option<PlaceDraft>, permanent_address: Option<AddressDraft>,
        temporary_address: Option<AddressDraft>, current_address: Option<AddressDraft>,
        insurance: Option<InsuranceDraft>, schooling: Option<SchoolingDraft>, birth_order: u32,
        birth_weight_grams: u32, residence_state: i32, death: Option<DeathDraft>,
        household: Option<HouseholdDraft>, carers: Vec<CarerDraft>,
        alternative_care: Vec<AlternativeCareDraft>, episodes: Vec<EpisodeDraft>,
        at_risk_codes: Vec<String>, disabilities: Vec<DisabilityDraft>, supports: Vec<SupportDraft>,
        injuries: Vec<InjuryDraft>,
    }
    /// A person who reports.
    InformantDraft { agreed: bool, name: String, phone: String, address: String }
    /// A case report. `child_sex` is the contract's number.
    CaseReportDraft {
        commune: Option<UnitDraft>, received_at: Option<Timestamp>, source_code: String,
        case_kind: String, child_record_id: String, child_name: String,
        child_birth_date: Option<DateDraft>, child_sex: i32, happened_on: Option<DateDraft>,
        place: String, condition: String, likely_harm: String, father: String, mother: String,
        family_situation: String, current_carer: String, actions_so_far: String,
        informant: Option<InformantDraft>, assessed_at: Option<Timestamp>,
        emergency_action_at: Option<Timestamp>, plan_approved_at: Option<Timestamp>,
        closed_at: Option<Timestamp>, abuse_form_codes: Vec<String>, abuse_setting_code: String,
        suspect_relation_code: String, outcome: String,
    }
}

impl ChildDraft {
    /// Whether the child lives where the record was made: looked after by the commune, not away, not
    /// moved.
    pub fn is_present(&self) -> bool {
        self.status == ACTIVE && !matches!(self.residence_state, AWAY | MOVED)
    }

    /// How many of the fields that may be empty are filled.
    pub fn filled_fields(&self) -> u32 {
        let filled = [
            !self.village.is_empty(),
            !self.other_name.is_empty(),
            !self.personal_number.is_empty(),
            !self.nationality.is_empty(),
            self.collected_on.is_some(),
            self.birth_registration.is_some(),
            self.birth_place.is_some(),
            self.origin.is_some(),
            self.permanent_address.is_some(),
            self.temporary_address.is_some(),
            self.current_address.is_some(),
            self.insurance.is_some(),
            self.schooling.is_some(),
            self.birth_order > 0,
            self.birth_weight_grams > 0,
            self.death.is_some(),
            self.household.is_some(),
        ];
        let parts = self.carers.len() + self.episodes.len();
        let fields = filled.into_iter().filter(|is_filled| *is_filled).count();
        u32::try_from(fields + parts).unwrap_or(u32::MAX)
    }
}

/// Numbers of the contract.
const ACTIVE: i32 = 1;
const AWAY: i32 = 2;
const MOVED: i32 = 3;
