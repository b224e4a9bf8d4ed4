//! The code lists of the reference data, compiled in.

use std::collections::HashSet;
use std::sync::LazyLock;

/// A list of codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CodeList {
    /// Ethnicity, list of 1979.
    Ethnicity1979,
    /// Ethnicity, census list, as far as it was seen.
    EthnicityCensus2009,
    /// Entry in the civil register.
    BirthRegistration,
    /// Relation of a carer to the child.
    RelationToChild,
    /// Relation to the head of the household.
    RelationToHouseholdHead,
    /// Poor and near-poor households.
    HouseholdPoverty,
    /// Priority areas.
    PriorityArea,
    /// Levels of education.
    EducationLevel,
    /// Attending, left, not yet.
    SchoolStatus,
    /// Subject groups of health insurance.
    InsuranceGroup,
    /// Groups of special circumstances, Law of 2016.
    Circumstance2016,
    /// Details of those groups, Decree 56/2017.
    Circumstance2016Detail,
    /// Groups of special circumstances, Law of 2004.
    Circumstance2004,
    /// Risks.
    AtRisk,
    /// Types of disability.
    DisabilityType,
    /// Degrees of disability.
    DisabilityDegree,
    /// Support programmes.
    SupportProgramme,
    /// Types of injury.
    InjuryType,
    /// Places of injury.
    InjuryPlace,
    /// Channels of a report.
    ReportSource,
    /// Forms of abuse.
    AbuseForm,
    /// Settings of abuse.
    AbuseSetting,
    /// Provinces of registration in a personal number.
    NumberProvince,
}

impl CodeList {
    /// Whether the list has the code.
    pub fn has(self, code: &str) -> bool {
        LISTS
            .iter()
            .any(|(list, codes)| *list == self && codes.contains(code))
    }
}

macro_rules! lists {
    ($($list:ident => $file:literal),* $(,)?) => {
        [$((CodeList::$list, include_str!(concat!("../../reference/codes/", $file, ".csv")))),*]
    };
}

static LISTS: LazyLock<Vec<(CodeList, HashSet<&'static str>)>> = LazyLock::new(|| {
    lists! {
        Ethnicity1979 => "ethnicity_1979",
        EthnicityCensus2009 => "ethnicity_census2009_partial",
        BirthRegistration => "birth_registration",
        RelationToChild => "relation_to_child",
        RelationToHouseholdHead => "relation_to_household_head",
        HouseholdPoverty => "household_poverty",
        PriorityArea => "priority_area",
        EducationLevel => "education_level",
        SchoolStatus => "school_status",
        InsuranceGroup => "bhyt_subject_group",
        Circumstance2016 => "special_circumstance_2016",
        Circumstance2016Detail => "special_circumstance_2016_detail",
        Circumstance2004 => "special_circumstance_2004",
        AtRisk => "at_risk",
        DisabilityType => "disability_type",
        DisabilityDegree => "disability_degree",
        SupportProgramme => "support_programme",
        InjuryType => "injury_type",
        InjuryPlace => "injury_place",
        ReportSource => "report_source",
        AbuseForm => "abuse_form",
        AbuseSetting => "abuse_setting",
        NumberProvince => "pin_birth_province",
    }
    .into_iter()
    .map(|(list, text)| (list, codes(text)))
    .collect()
});

/// The first column; no code has a comma or a quote.
fn codes(text: &'static str) -> HashSet<&'static str> {
    text.lines()
        .skip(1)
        .filter_map(|line| line.split(',').next())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_has_codes_and_not_its_header() {
        for (list, codes) in LISTS.iter() {
            assert!(!codes.is_empty() && !codes.contains("code"), "{list:?}");
        }
    }

    #[test]
    fn codes_of_one_list_are_not_those_of_another() {
        assert!(CodeList::Circumstance2016.has("14"));
        assert!(!CodeList::Circumstance2004.has("14"));
    }
}
