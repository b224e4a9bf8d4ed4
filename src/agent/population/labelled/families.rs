//! What is true: families with their children, parents and homes.

mod births;

use std::collections::HashMap;

use rand::RngExt;
use rand::rngs::StdRng;
use time::Date;

use super::mix::ErrorMix;
use super::naming::{Name, Naming};
use super::numbers::{self, PersonalNumbers};
use super::peoples::People;
use super::places::{Place, Places};

/// Days of sixteen years, rounded down: everybody younger is a child.
const CHILDHOOD_DAYS: i64 = 5_843;
/// Entity ids of one family are its number times this, and the child's place in it.
pub const CHILDREN_OF_A_FAMILY_MAX: u64 = 16;
/// Children that an unrelated child may be made a namesake of.
const REMEMBERED_CHILDREN: usize = 200;

/// A child.
pub(super) struct Child {
    pub(super) entity: u64,
    pub(super) name: Name,
    pub(super) is_female: bool,
    pub(super) born: Date,
    pub(super) number: Option<String>,
    /// Which of the family's fathers.
    pub(super) father: usize,
    pub(super) order: u32,
    /// The day on which the birth was registered.
    registered: Date,
    /// Entry in the register of births: number and year.
    pub(super) certificate: String,
    /// Number at the social insurance, ten digits.
    pub(super) insured: String,
}

/// Where a family lives for a time.
#[derive(Clone)]
pub(super) struct Home {
    pub(super) place: usize,
    pub(super) village: u32,
    pub(super) household: String,
    pub(super) phone: String,
}

/// A family.
pub(super) struct Family {
    pub(super) people: People,
    pub(super) is_southern: bool,
    pub(super) mother: Name,
    /// A father for the first children, and another for later ones; `None` where there is none.
    pub(super) fathers: Vec<Option<Name>>,
    /// The grandmother whom the children live with.
    pub(super) grandmother: Option<Name>,
    pub(super) home: Home,
    pub(super) children: Vec<Child>,
}

/// The family that was drawn last in a commune.
struct Neighbour {
    home: Home,
    father_family: String,
    child: (Name, bool, Date),
}

/// Draws families.
pub(super) struct Families<'a> {
    today: Date,
    mix: &'a ErrorMix,
    places: &'a Places,
    numbers: PersonalNumbers,
    /// Entries in the registers of births by commune and year.
    registered: HashMap<(usize, i32), u32>,
    drawn: u64,
    neighbours: HashMap<usize, Neighbour>,
    remembered: Vec<(Name, bool, Date)>,
}

impl<'a> Families<'a> {
    pub(super) fn new(today: Date, mix: &'a ErrorMix, places: &'a Places) -> Self {
        Self {
            today,
            mix,
            places,
            numbers: PersonalNumbers::default(),
            registered: HashMap::new(),
            drawn: 0,
            neighbours: HashMap::new(),
            remembered: Vec::new(),
        }
    }

    /// The next family; none if there are no communes.
    pub(super) fn next_family(&mut self, chance: &mut StdRng) -> Option<Family> {
        let places = self.places;
        let index = places.home(chance);
        let place = places.get(index)?;
        self.drawn += 1;
        let mut family = self.draw_parents(place, index, chance);
        self.bear_children(&mut family, place, chance);
        self.make_namesake(&mut family, chance);
        if let Some(child) = family.children.first() {
            let child = (child.name.clone(), child.is_female, child.born);
            if self.remembered.len() < REMEMBERED_CHILDREN {
                self.remembered.push(child.clone());
            } else if let Some(old) = self
                .remembered
                .get_mut(chance.random_range(0..REMEMBERED_CHILDREN))
            {
                *old = child.clone();
            }
            let father = family.fathers.iter().flatten().next();
            let father_family = father.unwrap_or(&family.mother).family.clone();
            self.neighbours.insert(
                index,
                Neighbour {
                    home: family.home.clone(),
                    father_family,
                    child,
                },
            );
        }
        Some(family)
    }

    fn draw_parents(&self, place: &Place, index: usize, chance: &mut StdRng) -> Family {
        let shares = &self.mix.families;
        let naming = Naming {
            people: People::draw(&place.province, chance),
            is_female: false,
            is_southern: place.has_southern_names(),
        };
        let woman = Naming {
            is_female: true,
            ..naming
        };
        let mut home = new_home(index, place, chance);
        let mut father_family = naming.family_name(&place.province, chance).to_owned();
        if let Some(neighbour) = self.neighbours.get(&index) {
            if chance.random_bool(shares.one_roof) {
                home = neighbour.home.clone();
                father_family.clone_from(&neighbour.father_family);
            } else if chance.random_bool(shares.phone_shared) {
                home.phone.clone_from(&neighbour.home.phone);
            }
        }
        let mother_family = naming.family_name(&place.province, chance);
        let mut fathers = vec![
            (!chance.random_bool(shares.without_father))
                .then(|| naming.parent(&father_family, chance)),
        ];
        if chance.random_bool(shares.other_father) {
            let family = naming.family_name(&place.province, chance);
            fathers.push(Some(naming.parent(family, chance)));
        }
        Family {
            people: naming.people,
            is_southern: naming.is_southern,
            mother: woman.parent(mother_family, chance),
            fathers,
            grandmother: chance
                .random_bool(shares.with_grandparents)
                .then(|| woman.parent(mother_family, chance)),
            home,
            children: Vec::new(),
        }
    }
}

/// A home in a commune.
pub(super) fn new_home(index: usize, place: &Place, chance: &mut StdRng) -> Home {
    Home {
        place: index,
        village: chance.random_range(1..=place.villages),
        household: chance.random_range(1_u32..3_000).to_string(),
        phone: numbers::phone(chance),
    }
}
