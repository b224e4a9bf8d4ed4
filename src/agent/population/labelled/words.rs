//! The words that names are made of, from the reference data.
//!
//! The samples are of people of different age and are not mixed: the students born about 1996 serve for
//! parents; two-word names of today and a list of all two-word names serve for children.

use std::sync::LazyLock;

use crate::agent::population::names::Weighted;

/// Words for one sex.
pub(super) struct WordsOfSex {
    /// Middle names of people born about 1996, or of a list of girls' names.
    pub(super) middle: Weighted,
    /// Given names of people born about 1996.
    pub(super) given: Weighted,
    /// Given names of two words, often given today.
    pub(super) recent: Weighted,
    /// Given names of two words, all that are known, each as often.
    pub(super) compound: Weighted,
}

/// All words.
pub(super) struct Words {
    /// Family names of the North: Hoàng and Vũ rather than Huỳnh and Võ.
    pub(super) family_north: Weighted,
    /// Family names of the South.
    pub(super) family_south: Weighted,
    pub(super) male: WordsOfSex,
    pub(super) female: WordsOfSex,
}

impl Words {
    pub(super) const fn of_sex(&self, is_female: bool) -> &WordsOfSex {
        if is_female { &self.female } else { &self.male }
    }

    pub(super) const fn family(&self, is_southern: bool) -> &Weighted {
        if is_southern {
            &self.family_south
        } else {
            &self.family_north
        }
    }
}

pub(super) static WORDS: LazyLock<Words> = LazyLock::new(|| Words {
    family_north: families(|name| match name {
        "Nguyễn" => 1.25,
        "Hoàng" | "Vũ" => 1.5,
        "Huỳnh" | "Võ" => 0.1,
        _ => 1.0,
    }),
    family_south: families(|name| match name {
        "Hoàng" | "Vũ" => 0.4,
        "Huỳnh" | "Võ" => 1.3,
        _ => 1.0,
    }),
    male: words_of_sex("male"),
    female: words_of_sex("female"),
});

/// One sample with all names, bent towards a part of the country; the national sample of 2005 has only
/// fourteen names and says how far to bend it.
fn families(bend: impl Fn(&str) -> f64) -> Weighted {
    let text = include_str!("../../../../reference/names/family.csv");
    Weighted::read(text, |cells| {
        let [name, share, "UIT2016", ..] = cells else {
            return None;
        };
        Some(share.parse::<f64>().ok()? * bend(name))
    })
}

fn words_of_sex(sex: &'static str) -> WordsOfSex {
    let column = |text, column: usize| {
        Weighted::read(text, move |cells| {
            let share = cells.get(column)?.parse().ok()?;
            (cells.get(1) == Some(&sex)).then_some(share)
        })
    };
    WordsOfSex {
        middle: column(include_str!("../../../../reference/names/middle.csv"), 3),
        given: column(include_str!("../../../../reference/names/given.csv"), 2),
        recent: column(
            include_str!("../../../../reference/names/given_recent.csv"),
            2,
        ),
        compound: Weighted::read(
            include_str!("../../../../reference/names/given_compound.csv"),
            move |cells| (cells.get(1) == Some(&sex)).then_some(1.0),
        ),
    }
}
