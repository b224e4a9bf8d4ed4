//! Names by the frequencies of the reference data.

use std::sync::LazyLock;

use rand::RngExt;
use rand::rngs::StdRng;

/// Words with the sums of their shares up to and with each.
pub(super) struct Weighted(Vec<(f64, &'static str)>);

impl Weighted {
    /// The words of a file whose lines begin with the word, as far as they have a share.
    pub(super) fn read(text: &'static str, keep: impl Fn(&[&'static str]) -> Option<f64>) -> Self {
        let mut sum = 0.0;
        let words = text.lines().skip(1).filter_map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            sum += keep(&cells)?;
            cells.first().map(|word| (sum, *word))
        });
        Self(words.collect())
    }

    /// Every word.
    pub(super) fn words(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|(_, word)| *word)
    }

    /// A word by its share; empty if there are none.
    pub(super) fn draw(&self, chance: &mut StdRng) -> &'static str {
        let Some((total, last)) = self.0.last() else {
            return "";
        };
        let point = chance.random_range(0.0..*total);
        let place = self.0.partition_point(|(sum, _)| *sum <= point);
        self.0.get(place).map_or(last, |(_, word)| word)
    }
}

struct Names {
    family: Weighted,
    middle: [Weighted; 2],
    given: [Weighted; 2],
}

static NAMES: LazyLock<Names> = LazyLock::new(|| {
    let family = include_str!("../../../reference/names/family.csv");
    let middle = include_str!("../../../reference/names/middle.csv");
    let given = include_str!("../../../reference/names/given.csv");
    let share = |cells: &[&str], place: usize| cells.get(place)?.parse().ok();
    let of_sex = |text, sex: &'static str, place| {
        Weighted::read(text, move |cells| {
            (cells.get(1) == Some(&sex))
                .then(|| share(cells, place))
                .flatten()
        })
    };
    Names {
        family: Weighted::read(family, |cells| {
            (cells.get(2) == Some(&"UIT2016"))
                .then(|| share(cells, 1))
                .flatten()
        }),
        middle: [of_sex(middle, "male", 3), of_sex(middle, "female", 3)],
        given: [of_sex(given, "male", 2), of_sex(given, "female", 2)],
    }
});

/// Kinh or Khmer: in Kiên Giang one person in eight is Khmer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum People {
    Kinh,
    Khmer,
}

/// A family name.
pub(super) fn family_name(people: People, chance: &mut StdRng) -> &'static str {
    match people {
        People::Kinh => NAMES.family.draw(chance),
        People::Khmer => "Danh",
    }
}

/// A person's full name. A Khmer woman often has Thị where others have a family name.
pub(super) fn full_name(
    family: &str,
    is_girl: bool,
    people: People,
    chance: &mut StdRng,
) -> String {
    let [male, female] = &NAMES.given;
    let given = if is_girl { female } else { male }.draw(chance);
    if people == People::Khmer {
        return match (is_girl, chance.random_bool(0.6)) {
            (true, true) => format!("Thị {given}"),
            (true, false) => format!("{family} Thị {given}"),
            (false, _) => format!("{family} {given}"),
        };
    }
    let [male, female] = &NAMES.middle;
    let middles = if is_girl { female } else { male };
    // Words of a name, children born about 2007 to 2011: girls mostly four, boys mostly three.
    let four = if is_girl { 0.65 } else { 0.26 };
    let first = middles.draw(chance);
    if chance.random_bool(four) {
        let second = middles.draw(chance);
        if second != first {
            return format!("{family} {first} {second} {given}");
        }
    }
    format!("{family} {first} {given}")
}
