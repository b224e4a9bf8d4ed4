//! How often what happens: every number that the labelled population is drawn by.
//!
//! All of them are shares from 0 to 1. A mix is read from TOML and written as TOML; what a file leaves
//! out is as in the standard mix. No share was measured in a register of children, because no such
//! measurement is published: they are guesses from the faults that are known to occur, and the three
//! mixes differ so that what holds on one of them by accident does not hold on the others.

mod named;

use serde::{Deserialize, Serialize};

/// The mix is unusable.
#[derive(Debug, thiserror::Error)]
pub enum MixInvalid {
    /// It is not TOML, or has keys that are not known.
    #[error(transparent)]
    Unreadable(#[from] toml::de::Error),
    /// A number is no share.
    #[error("{0}: a share is a number from 0 to 1")]
    NoShare(String),
}

/// Declares groups of shares: each with its documentation and its value in the standard mix.
macro_rules! shares {
    ($($(#[$doc:meta])* $group:ident { $($(#[$field_doc:meta])* $field:ident = $value:literal,)* })*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
            #[serde(default, deny_unknown_fields)]
            pub struct $group { $($(#[$field_doc])* pub $field: f64),* }

            impl Default for $group {
                fn default() -> Self {
                    Self { $($field: $value),* }
                }
            }
        )*
    };
}

shares! {
    /// Families.
    FamilyShares {
        /// Births that are births of twins.
        twins = 0.0135,
        /// Twins of one sex.
        twins_of_one_sex = 0.70,
        /// Twins of one sex whose names were made alike.
        twins_named_alike = 0.75,
        /// Births that follow the one before within ten or eleven months.
        ten_months_apart = 0.04,
        /// Families without a father.
        without_father = 0.06,
        /// Families whose children live with their grandparents.
        with_grandparents = 0.06,
        /// Families whose later children have another father.
        other_father = 0.04,
        /// Children who have a middle name from the child before them.
        middle_shared = 0.45,
        /// Families that give the telephone of relatives or neighbours in their commune.
        phone_shared = 0.04,
        /// Families that share house, village and the father's family name with another family.
        one_roof = 0.04,
        /// Children made to have name, sex and birth date of an unrelated child, half of them in one
        /// commune, besides those who have them by chance.
        namesakes = 0.002,
    }

    /// Personal numbers.
    NumberShares {
        /// Children who have one.
        given = 0.80,
        /// Entries that leave out the number of a child who has one.
        left_out = 0.10,
        /// Entries whose number lost its leading zeros.
        zero_lost = 0.03,
        /// Entries with one wrong digit in the number.
        digit_wrong = 0.012,
        /// Entries with two neighbouring digits of the number swapped.
        digits_swapped = 0.006,
        /// Entries with spaces or dots in the number.
        spaced = 0.03,
        /// Entries of a child with siblings that have a sibling's number.
        of_a_sibling = 0.002,
        /// Entries with one wrong digit in telephone, certificate or card; drawn for each.
        other_digit_wrong = 0.012,
        /// Entries whose telephone is written in another way: spaces, +84, no leading zero.
        phone_restyled = 0.08,
    }

    /// Birth dates. An entry has at most one of these.
    DateShares {
        /// Only the year is known.
        year_only = 0.012,
        /// Only year and month are known.
        month_only = 0.006,
        /// Not known and written as 1 January.
        first_of_january = 0.010,
        /// Day and month swapped, where that is a date.
        day_and_month_swapped = 0.012,
        /// One wrong digit.
        digit_wrong = 0.008,
        /// One day early or late.
        day_off = 0.008,
        /// One year early or late.
        year_off = 0.008,
    }

    /// Names. An entry of a name has at most one error of spelling, and at most one way of writing;
    /// both occur together.
    NameShares {
        /// Spelling: the tone of one word is lost or another.
        tone_lost = 0.012,
        /// Spelling: a neighbouring key, a letter missing, doubled or swapped with the next.
        typing = 0.015,
        /// Spelling as it sounds in the region: s/x, tr/ch, d/gi/v, n/ng, hỏi/ngã.
        regional = 0.012,
        /// Spelling: i for y or y for i at the end.
        i_or_y = 0.008,
        /// Spelling: hoà for hòa.
        tone_placement = 0.020,
        /// A middle name left out.
        middle_left_out = 0.015,
        /// A middle name abbreviated.
        middle_abbreviated = 0.008,
        /// The family name abbreviated: Ng.
        family_abbreviated = 0.004,
        /// The given name written first.
        swapped = 0.004,
        /// A nickname for the given name.
        nickname = 0.003,
        /// Writing: no marks at all.
        no_marks = 0.035,
        /// Writing: capitals.
        capitals = 0.060,
        /// Writing: letters and marks apart (NFD).
        decomposed = 0.030,
        /// Writing: keystrokes of telex or VNI typing left.
        keystrokes = 0.004,
        /// Writing: text for the fonts TCVN3, VNI and VISCII, and UTF-8 read as Windows-1252.
        legacy = 0.006,
        /// Writing: spaces doubled, or around the name.
        spaces = 0.012,
        /// Writing: another letter that looks like Đ, or another apostrophe.
        look_alike = 0.010,
        /// Entries written in the way of the commune's software, which is drawn once for each commune by
        /// the shares above; whoever types decides over the others, by the same shares.
        of_the_commune = 0.5,
        /// Children entered once, within a month of birth, who have no name: "Trai", "Bé gái".
        unnamed = 0.04,
        /// The same of children entered again, because a child without a name is entered again.
        unnamed_at_first = 0.12,
        /// Births entered within a month.
        entered_newborn = 0.35,
    }

    /// Second and further registrations.
    MoveShares {
        /// Of the children registered again: those whose whole family moved and was entered again.
        whole_family = 0.50,
        /// Families that stay in their commune when they move.
        family_in_commune = 0.15,
        /// Families that leave the province when they move.
        family_leaves_province = 0.20,
        /// Single children entered again in the commune where they are.
        child_in_commune = 0.50,
        /// Single children entered again in another province.
        child_leaves_province = 0.12,
        /// Children registered twice who are registered a third time, and so on.
        once_more = 0.12,
        /// Families with another telephone after a move, or years later.
        phone_changed = 0.40,
        /// Families that moved whose parents parted: the father is missing or another.
        parted = 0.08,
        /// Entries in a commune that took over others which name one of those.
        obsolete_unit = 0.02,
        /// Entries in a commune that code ethnicity by the census instead of the list of 1979.
        census_ethnicity = 0.15,
        /// Entries of siblings that are copied from one sheet of the family, faults and all.
        one_sheet = 0.80,
    }

    /// What entries leave out, on average; a commune's quality makes it 0.4 to 1.6 times as much.
    MissingShares {
        /// Sex.
        sex = 0.004,
        /// Sex not left out but wrong.
        sex_wrong = 0.004,
        /// Name of the mother.
        mother = 0.05,
        /// Name of the father, besides fathers that are not there.
        father = 0.06,
        /// Telephone.
        phone = 0.35,
        /// Village.
        village = 0.10,
        /// Number of the household.
        household = 0.25,
        /// Ethnicity.
        ethnicity = 0.08,
        /// Birth order.
        birth_order = 0.30,
        /// Birth certificate.
        certificate = 0.50,
        /// Health insurance.
        insurance = 0.40,
        /// Village not left out but written in another way.
        village_restyled = 0.12,
    }
}

/// All shares.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ErrorMix {
    /// Families.
    pub families: FamilyShares,
    /// Personal numbers.
    pub numbers: NumberShares,
    /// Birth dates.
    pub dates: DateShares,
    /// Names.
    pub names: NameShares,
    /// Further registrations.
    pub moves: MoveShares,
    /// What is left out.
    pub missing: MissingShares,
}

impl ErrorMix {
    /// Reads a mix; what is left out is as in the standard mix.
    pub fn from_toml(text: &str) -> Result<Self, MixInvalid> {
        // The shares are looked at as written, because there the path to each is known.
        let written: toml::Table = toml::from_str(text)?;
        for (group, shares) in &written {
            for (name, share) in shares.as_table().into_iter().flatten() {
                // What is no number at all is refused with the place of it when the mix is read.
                let number = share.clone().try_into::<f64>().unwrap_or_default();
                if !(0.0..=1.0).contains(&number) {
                    return Err(MixInvalid::NoShare(format!("{group}.{name}")));
                }
            }
        }
        Ok(toml::from_str(text)?)
    }

    /// Writes the mix, such that reading gives it back.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        toml::to_string_pretty(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mix_that_was_written_is_read_back() {
        for mix in [ErrorMix::standard(), ErrorMix::harsh(), ErrorMix::clean()] {
            let text = mix.to_toml().expect("TOML");

            assert_eq!(ErrorMix::from_toml(&text).expect("a mix"), mix);
        }
    }

    #[test]
    fn what_a_file_leaves_out_is_standard() {
        let mix = ErrorMix::from_toml("[families]\ntwins = 0.5\n").expect("a mix");

        assert_eq!(mix.families.twins.to_bits(), 0.5_f64.to_bits());
        assert_eq!(mix.names, NameShares::default());
    }

    #[test]
    fn a_share_above_one_and_an_unknown_key_are_refused_by_name() {
        let above = ErrorMix::from_toml("[names]\ntyping = 2\n").expect_err("no share");
        let unknown = ErrorMix::from_toml("[names]\ntypping = 0.1\n").expect_err("no such share");

        assert!(above.to_string().contains("names.typing"), "{above}");
        assert!(unknown.to_string().contains("typping"), "{unknown}");
    }
}
