//! The mixes that have a name.

use super::{DateShares, ErrorMix, MissingShares, NameShares, NumberShares};

impl ErrorMix {
    /// What a careful province may look like after some years.
    pub fn standard() -> Self {
        Self::default()
    }

    /// Old software, few numbers, poor telephone lists, many hands.
    pub fn harsh() -> Self {
        let mut mix = Self::default();
        mix.families.twins = 0.0150;
        mix.families.phone_shared = 0.08;
        mix.families.namesakes = 0.004;
        mix.numbers = NumberShares {
            given: 0.72,
            left_out: 0.15,
            zero_lost: 0.06,
            digit_wrong: 0.02,
            digits_swapped: 0.01,
            of_a_sibling: 0.004,
            ..NumberShares::default()
        };
        mix.dates = DateShares {
            year_only: 0.03,
            month_only: 0.010,
            first_of_january: 0.02,
            day_and_month_swapped: 0.02,
            digit_wrong: 0.015,
            day_off: 0.010,
            year_off: 0.012,
        };
        mix.names = NameShares {
            tone_lost: 0.02,
            typing: 0.03,
            regional: 0.025,
            middle_left_out: 0.02,
            no_marks: 0.10,
            capitals: 0.12,
            decomposed: 0.05,
            keystrokes: 0.008,
            legacy: 0.02,
            ..NameShares::default()
        };
        mix.moves.family_leaves_province = 0.30;
        mix.moves.once_more = 0.18;
        mix.missing = MissingShares {
            mother: 0.08,
            father: 0.12,
            phone: 0.45,
            village: 0.15,
            household: 0.40,
            certificate: 0.60,
            insurance: 0.55,
            ..MissingShares::default()
        };
        mix
    }

    /// A register that fills in what it is asked for and checks most of it.
    pub fn clean() -> Self {
        let mut mix = Self::default();
        mix.families.twins = 0.0120;
        mix.numbers = NumberShares {
            given: 0.85,
            left_out: 0.05,
            zero_lost: 0.01,
            digit_wrong: 0.004,
            digits_swapped: 0.002,
            spaced: 0.01,
            of_a_sibling: 0.001,
            other_digit_wrong: 0.005,
            phone_restyled: 0.03,
        };
        mix.dates = DateShares {
            year_only: 0.003,
            month_only: 0.002,
            first_of_january: 0.003,
            day_and_month_swapped: 0.004,
            digit_wrong: 0.003,
            day_off: 0.004,
            year_off: 0.003,
        };
        mix.names = NameShares {
            tone_lost: 0.005,
            typing: 0.006,
            regional: 0.005,
            i_or_y: 0.004,
            middle_left_out: 0.006,
            middle_abbreviated: 0.003,
            family_abbreviated: 0.001,
            swapped: 0.001,
            nickname: 0.001,
            no_marks: 0.01,
            capitals: 0.03,
            decomposed: 0.01,
            keystrokes: 0.001,
            legacy: 0.001,
            spaces: 0.004,
            ..NameShares::default()
        };
        mix.missing = MissingShares {
            mother: 0.02,
            father: 0.03,
            phone: 0.20,
            village: 0.04,
            household: 0.12,
            certificate: 0.30,
            insurance: 0.25,
            ..MissingShares::default()
        };
        mix
    }

    /// The mix of this name, if one has it.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "standard" => Some(Self::standard()),
            "harsh" => Some(Self::harsh()),
            "clean" => Some(Self::clean()),
            _ => None,
        }
    }
}
