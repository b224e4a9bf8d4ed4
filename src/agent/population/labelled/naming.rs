//! How people are named, by people, sex and age.

mod minorities;

use rand::RngExt;
use rand::rngs::StdRng;

use super::peoples::People;
use super::words::WORDS;

/// A name with its parts, because families and twins share parts of it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Name {
    /// The first word or words; empty for those who have no family name.
    pub(super) family: String,
    /// Everything between, with single spaces; may be empty.
    pub(super) middle: String,
    /// The last word or words; the first ones of those whose family name stands last.
    pub(super) given: String,
    /// Whether the family name stands last: the clan of an Ê Đê.
    pub(super) is_family_last: bool,
}

impl Name {
    fn new(family: &str, middle: &str, given: &str) -> Self {
        Self {
            family: family.to_owned(),
            middle: middle.to_owned(),
            given: given.to_owned(),
            is_family_last: false,
        }
    }

    /// The name as it is written.
    pub(super) fn text(&self) -> String {
        let mut parts = [&self.family, &self.middle, &self.given].map(String::as_str);
        if self.is_family_last {
            parts.reverse();
        }
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        parts.join(" ")
    }
}

/// Who is to be named.
#[derive(Clone, Copy)]
pub(super) struct Naming {
    pub(super) people: People,
    pub(super) is_female: bool,
    pub(super) is_southern: bool,
}

impl Naming {
    /// Somebody born in the seventies to nineties.
    pub(super) fn parent(self, family: &str, chance: &mut StdRng) -> Name {
        match self.people {
            People::Kinh | People::Hoa | People::Northern(_) => {
                self.parent_like_kinh(family, chance)
            }
            People::Khmer
            | People::Hmong
            | People::Ede
            | People::Giarai
            | People::Xodang
            | People::Cham => self.minority(family, chance),
        }
    }

    /// A child of today. `mother` is the mother's family name, which many children have in the middle.
    pub(super) fn child(self, family: &str, mother: &str, chance: &mut StdRng) -> Name {
        match self.people {
            People::Kinh | People::Hoa | People::Northern(_) => {
                self.child_like_kinh(family, mother, chance)
            }
            People::Khmer
            | People::Hmong
            | People::Ede
            | People::Giarai
            | People::Xodang
            | People::Cham => self.minority(family, chance),
        }
    }

    fn parent_like_kinh(self, family: &str, chance: &mut StdRng) -> Name {
        let words = WORDS.of_sex(self.is_female);
        let (marker, share, second) = if self.is_female {
            ("Thị", 0.75, 0.30)
        } else {
            ("Văn", 0.38, 0.08)
        };
        let mut middle = words.middle.draw(chance).to_owned();
        if chance.random_bool(share) {
            middle = if chance.random_bool(second) && middle != marker {
                format!("{marker} {middle}")
            } else {
                marker.to_owned()
            };
        }
        Name::new(family, &middle, words.given.draw(chance))
    }

    /// Words of a name as in a sample of children born about 2007 to 2011: boys mostly three, girls four.
    fn child_like_kinh(self, family: &str, mother: &str, chance: &mut StdRng) -> Name {
        let (two, four) = if self.is_female {
            (0.002, 0.646)
        } else {
            (0.009, 0.261)
        };
        let (middle, given) = self.pair(chance);
        if chance.random_bool(two) {
            return Name::new(family, "", &given);
        }
        if !chance.random_bool(four) {
            return Name::new(family, &middle, &given);
        }
        let words = WORDS.of_sex(self.is_female);
        let first = match (self.is_female, chance.random_range(0..100)) {
            (true, 0..26) => "Thị",
            (false, 0..5) => "Văn",
            (_, 26..50) if mother != family && !mother.contains(' ') => mother,
            _ => words.middle.draw(chance),
        };
        if first == middle || first.is_empty() {
            return Name::new(family, &middle, &given);
        }
        Name::new(family, &format!("{first} {middle}"), &given)
    }

    /// The last two words: a name of today, a rare one, or one in the way of the parents.
    pub(super) fn pair(self, chance: &mut StdRng) -> (String, String) {
        let words = WORDS.of_sex(self.is_female);
        let pair = match chance.random_range(0..100) {
            0..45 => words.recent.draw(chance),
            45..75 => words.compound.draw(chance),
            _ => {
                let (middle, given) = (words.middle.draw(chance), words.given.draw(chance));
                return (middle.to_owned(), given.to_owned());
            }
        };
        let (middle, given) = pair.split_once(' ').unwrap_or(("", pair));
        (middle.to_owned(), given.to_owned())
    }
}
