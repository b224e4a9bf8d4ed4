//! Groups of special circumstances (article 10 of the Law), and what else in a record tells of one.

use std::fmt;
use std::str::FromStr;

/// Declares the groups: name, word of the configuration, code of 2016, codes of 2004 that can mean it, risks
/// and support programmes that tell of it, its Vietnamese name.
macro_rules! groups {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $code:literal, $old:expr, $risks:expr, $programmes:expr,
        $vietnamese:literal;)*) => {
        /// A group of special circumstances.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum CircumstanceGroup { $($(#[$doc])* $name),* }

        impl CircumstanceGroup {
            /// Every group, in the order of the law.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The group as configurations name it.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word),* }
            }

            /// Its code in the list of 2016.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code),* }
            }

            /// Codes of the list of 2004 that can mean it.
            const fn old_codes(self) -> &'static [&'static str] {
                match self { $(Self::$name => &$old),* }
            }

            /// Codes of the list of risks that tell of it.
            pub const fn risks(self) -> &'static [&'static str] {
                match self { $(Self::$name => &$risks),* }
            }

            /// Codes of support programmes that tell of it.
            pub const fn programmes(self) -> &'static [&'static str] {
                match self { $(Self::$name => &$programmes),* }
            }

            /// Its name in Vietnamese.
            pub const fn vietnamese(self) -> &'static str {
                match self { $(Self::$name => $vietnamese),* }
            }
        }
    };
}

groups! {
    /// Orphan of both parents.
    Orphan = "orphan", "01", ["01"], ["R04"], ["P10"], "Mồ côi cả cha và mẹ";
    /// Abandoned.
    Abandoned = "abandoned", "02", ["01"], [], ["P10"], "Bị bỏ rơi";
    /// Without support.
    Unsupported = "unsupported", "03", ["01", "07"], ["R03"], ["P10"], "Không nơi nương tựa";
    /// With a disability.
    Disability = "disability", "04", ["02", "03"], [], ["P03"], "Khuyết tật";
    /// With HIV or AIDS.
    Hiv = "hiv", "05", ["04"], ["R11"], ["P02"], "Nhiễm HIV/AIDS";
    /// In conflict with the law.
    Offence = "offence", "06", ["10"], ["R05"], [], "Vi phạm pháp luật";
    /// Addicted to drugs.
    Drugs = "drugs", "07", ["09"], ["R06"], [], "Nghiện ma túy";
    /// Left school to earn a living.
    LeftSchool = "left_school", "08", ["06", "07"], ["R09"], [], "Bỏ học kiếm sống";
    /// Seriously harmed by violence.
    Violence = "violence", "09", [], ["R08", "R13"], ["P08"], "Bị tổn hại do bạo lực";
    /// Exploited.
    Exploitation = "exploitation", "10", ["05", "06"], ["R10"], ["P07", "P08"], "Bị bóc lột";
    /// Sexually abused.
    SexualAbuse = "sexual_abuse", "11", ["08"], ["R13"], ["P08"], "Bị xâm hại tình dục";
    /// Trafficked.
    Trafficking = "trafficking", "12", [], [], ["P08"], "Bị mua bán";
    /// With a fatal or long disease in a poor household.
    Disease = "disease", "13", [], [], ["P01"], "Mắc bệnh hiểm nghèo";
    /// Migrant or refugee without parents or carer.
    Migrant = "migrant", "14", ["07"], [], [], "Di cư, lánh nạn, tị nạn";
}

impl CircumstanceGroup {
    /// Whether its facts are private life by their nature: HIV, offences, drugs, violence, exploitation, sexual
    /// abuse, trafficking.
    pub const fn is_restricted(self) -> bool {
        match self {
            Self::Hiv
            | Self::Offence
            | Self::Drugs
            | Self::Violence
            | Self::Exploitation
            | Self::SexualAbuse
            | Self::Trafficking => true,
            Self::Orphan
            | Self::Abandoned
            | Self::Unsupported
            | Self::Disability
            | Self::LeftSchool
            | Self::Disease
            | Self::Migrant => false,
        }
    }

    /// The groups that a code of a list can mean; none for a code or a list that is not known.
    pub fn of_code(list_version: &str, code: &str) -> Vec<Self> {
        let all = Self::ALL.iter().copied();
        match list_version {
            "2016" => all.filter(|group| group.code() == code).collect(),
            "2004" => all
                .filter(|group| group.old_codes().contains(&code))
                .collect(),
            _ => Vec::new(),
        }
    }
}

impl fmt::Display for CircumstanceGroup {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.word())
    }
}

/// A word that names no group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is no group of circumstances: see `childsync policy show` for their names")]
pub struct UnknownGroup;

impl FromStr for CircumstanceGroup {
    type Err = UnknownGroup;

    fn from_str(text: &str) -> Result<Self, UnknownGroup> {
        let mut all = Self::ALL.iter().copied();
        all.find(|group| group.word() == text).ok_or(UnknownGroup)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::code_list::CodeList;

    #[test]
    fn every_code_stands_in_its_list_and_every_group_is_there() {
        for group in CircumstanceGroup::ALL {
            assert!(CodeList::Circumstance2016.has(group.code()), "{group}");
            let old = group.old_codes().iter();
            assert!(old.clone().all(|code| CodeList::Circumstance2004.has(code)));
            assert!(group.risks().iter().all(|code| CodeList::AtRisk.has(code)));
            let mut programmes = group.programmes().iter();
            assert!(programmes.all(|code| CodeList::SupportProgramme.has(code)));
            assert_eq!(group.word().parse(), Ok(*group));
        }
        assert_eq!(CircumstanceGroup::ALL.len(), 14);
    }

    #[test]
    fn every_group_of_2004_means_one_of_2016_at_least() {
        for code in 1..=10 {
            let code = format!("{code:02}");
            assert!(
                !CircumstanceGroup::of_code("2004", &code).is_empty(),
                "{code}"
            );
        }
    }

    #[test]
    fn what_the_reference_restricts_is_restricted() {
        let rows = include_str!("../../reference/codes/special_circumstance_2016.csv");
        for row in rows.lines().skip(1) {
            let code = row.split(',').next().expect("a code");
            let group = CircumstanceGroup::of_code("2016", code)[0];
            assert_eq!(group.is_restricted(), row.ends_with("true"), "{group}");
        }
    }
}
