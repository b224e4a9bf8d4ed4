//! Children of a family: when they are born, and what they are called.

use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use time::{Date, Duration};

use super::{CHILDHOOD_DAYS, CHILDREN_OF_A_FAMILY_MAX, Child, Families, Family};
use crate::agent::population::labelled::naming::{Name, Naming};
use crate::agent::population::labelled::peoples::People;
use crate::agent::population::labelled::places::{Place, Places};
use crate::agent::population::labelled::twin_names;

impl Families<'_> {
    pub(super) fn bear_children(
        &mut self,
        family: &mut Family,
        place: &Place,
        chance: &mut StdRng,
    ) {
        let shares = &self.mix.families;
        let births = match chance.random_range(0..100) {
            0..30 => 1,
            30..75 => 2,
            75..92 => 3,
            92..98 => 4,
            _ => 5,
        };
        let first_of_other = chance.random_range(1..=births);
        let mut age = chance.random_range(0..CHILDHOOD_DAYS);
        if births > 1 {
            // A family with several children is likely to have been one for longer.
            age = age.max(chance.random_range(0..CHILDHOOD_DAYS));
        }
        for birth in 0..births {
            let born = self.today - Duration::days(age);
            let father = usize::from(birth >= first_of_other).min(family.fathers.len() - 1);
            let is_female = chance.random_bool(0.47);
            self.bear(family, (born, father, is_female, false), place, chance);
            if chance.random_bool(shares.twins) {
                let one_sex = chance.random_bool(shares.twins_of_one_sex);
                // A few are born on both sides of midnight.
                let later = Duration::days(i64::from(chance.random_bool(0.03)));
                let born = (born + later).min(self.today);
                let twin = (born, father, is_female == one_sex, true);
                self.bear(family, twin, place, chance);
            }
            age -= if chance.random_bool(shares.ten_months_apart) {
                chance.random_range(290..345)
            } else {
                chance.random_range(480..2_300)
            };
            if age < 0 {
                break;
            }
        }
    }

    fn bear(
        &mut self,
        family: &mut Family,
        (born, father, is_female, is_twin): (Date, usize, bool, bool),
        place: &Place,
        chance: &mut StdRng,
    ) {
        let naming = Naming {
            people: family.people,
            is_female,
            is_southern: family.is_southern,
        };
        let older = family.children.last();
        let name = self.name(family, naming, (father, is_twin), place, chance);
        let order = older.map_or(1, |older| older.order + 1);
        let number = self.numbers.next(&place.province, is_female, born);
        let has_number = chance.random_bool(self.mix.numbers.given);
        // Twins are registered on one day, one after the other.
        let twin = family.children.last().filter(|_| is_twin);
        let registered = twin.map_or_else(
            || (born + Duration::days(chance.random_range(0..90))).min(self.today),
            |twin| twin.registered,
        );
        let certificate = self.certificate(family.home.place, registered.year(), chance);
        family.children.push(Child {
            entity: self.drawn * CHILDREN_OF_A_FAMILY_MAX + u64::from(order),
            name,
            is_female,
            born,
            number: has_number.then_some(number),
            father,
            order,
            registered,
            certificate,
            insured: format!(
                "{}{:08}",
                place.province,
                chance.random_range(0..100_000_000)
            ),
        });
    }

    /// The next entry in a commune's register of births, which has those of others between.
    fn certificate(&mut self, place: usize, year: i32, chance: &mut StdRng) -> String {
        let first = chance.random_range(0..150);
        let count = self.registered.entry((place, year)).or_insert(first);
        *count += 1;
        format!("{count}/{year}")
    }

    fn name(
        &self,
        family: &Family,
        naming: Naming,
        (father, is_twin): (usize, bool),
        place: &Place,
        chance: &mut StdRng,
    ) -> Name {
        let shares = &self.mix.families;
        let older = family.children.last();
        let same_sex = older.filter(|older| older.is_female == naming.is_female);
        if let Some(twin) = same_sex.filter(|_| is_twin && family.people.has_names_of_the_lists())
            && chance.random_bool(shares.twins_named_alike)
        {
            return twin_names::alike(&twin.name, naming, chance);
        }
        let parent = family.fathers.get(father).and_then(Option::as_ref);
        let mut family_name = parent.map_or(family.mother.family.as_str(), |father| &father.family);
        // Ê Đê and Gia Rai are of the mother's clan.
        if matches!(family.people, People::Ede | People::Giarai) {
            family_name = &family.mother.family;
        }
        // The family name of a Khmer child need not be the father's, and cannot be a mother's Thị or Néang.
        if family.people == People::Khmer && (parent.is_none() || chance.random_bool(0.15)) {
            family_name = naming.family_name(&place.province, chance);
        }
        let mut name = naming.child(family_name, &family.mother.family, chance);
        if let Some(older) = older
            && chance.random_bool(shares.middle_shared)
        {
            twin_names::with_shared_middle(&mut name, &older.name);
        }
        // Parents do not give one name twice.
        if family.children.iter().any(|child| child.name == name) {
            name = naming.child(family_name, &family.mother.family, chance);
        }
        name
    }

    /// Gives one child the name, sex and birth date of an unrelated one.
    pub(super) fn make_namesake(&mut self, family: &mut Family, chance: &mut StdRng) {
        let only = family.children.len() == 1;
        // Families with one child are a third of all and have a fifth of the children: they bear the
        // share of the others.
        if !only || !chance.random_bool((self.mix.families.namesakes * 5.0).clamp(0.0, 1.0)) {
            return;
        }
        let place = family.home.place;
        let neighbour = self.neighbours.get(&place);
        let known = neighbour
            .filter(|_| chance.random_bool(0.5))
            .map(|neighbour| &neighbour.child)
            .or_else(|| self.remembered.choose(chance))
            .cloned();
        if let (Some((name, is_female, born)), Some(child)) = (known, family.children.first_mut()) {
            let province = family_province(self.places, place);
            let number = self.numbers.next(province, is_female, born);
            child.number = child.number.take().map(|_| number);
            child.certificate = self.certificate(place, born.year(), chance);
            (child.name, child.is_female, child.born) = (name, is_female, born);
        }
    }
}

fn family_province(places: &Places, index: usize) -> &str {
    places
        .get(index)
        .map_or("01", |place| place.province.as_str())
}
