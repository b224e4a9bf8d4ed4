//! Who is entered when and where: first entries, families that move, single children entered again.

use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use time::{Date, Duration};

use super::entries::Entry;
use super::families::{Child, Families, Family, Home, new_home};
use super::mix::ErrorMix;
use super::naming::Naming;
use super::numbers;
use super::places::Places;
use super::rows::{Cells, LabelledRows};
use super::sheets::{Partner, Sheet};

/// Entries of one child at most.
const ENTRIES_MAX: usize = 4;

/// A time of a family at a home, with the sheet that the office there has of it.
struct Stay {
    home: Home,
    partner: Partner,
    sheet: Sheet,
}

/// An entry to be made: the day, and at which stay.
struct Visit {
    entered: Date,
    stay: usize,
}

/// Enters families.
pub(super) struct Registrations<'a> {
    pub(super) today: Date,
    pub(super) mix: &'a ErrorMix,
    pub(super) places: &'a Places,
    /// Share of the children that are entered more than once.
    pub(super) again: f64,
}

impl Registrations<'_> {
    /// Draws families until there are as many children as wanted, and enters them.
    pub(super) fn fill(
        &self,
        families: &mut Families<'_>,
        children: u64,
        rows: &mut LabelledRows,
        chance: &mut StdRng,
    ) {
        while rows.children() < children {
            let Some(family) = families.next_family(chance) else {
                return;
            };
            self.enter_family(&family, children, rows, chance);
        }
    }

    fn enter_family(
        &self,
        family: &Family,
        children: u64,
        rows: &mut LabelledRows,
        chance: &mut StdRng,
    ) {
        let moves = &self.mix.moves;
        let Some(first) = self.stay(family, family.home.clone(), Partner::Father, chance) else {
            return;
        };
        let mut stays = vec![first];
        let family_moves = chance.random_bool((self.again * moves.whole_family).clamp(0.0, 1.0));
        let moved_on = family_moves.then(|| self.moving_day(family, chance));
        if family_moves && let Some(second) = self.move_family(family, chance) {
            stays.push(second);
        }
        for child in &family.children {
            if rows.children() == children {
                return;
            }
            let visits = self.visits(family, child, moved_on, &mut stays, chance);
            let again = visits.len() > 1;
            let entries: Vec<Cells> = visits
                .iter()
                .enumerate()
                .filter_map(|(number, visit)| {
                    let stay = stays.get(visit.stay)?;
                    let entry = self.entry(family, child, stay, chance)?;
                    Some(entry.cells(visit.entered, (number == 0, again), chance))
                })
                .collect();
            rows.push_child(&entries);
        }
    }

    /// Mostly after the youngest child's birth, so that the whole family is entered again.
    fn moving_day(&self, family: &Family, chance: &mut StdRng) -> Date {
        let births = family.children.iter().map(|child| child.born);
        let born = if chance.random_bool(0.85) {
            births.max()
        } else {
            births.min()
        };
        day_between(born.unwrap_or(self.today), self.today, chance)
    }

    fn move_family(&self, family: &Family, chance: &mut StdRng) -> Option<Stay> {
        let moves = &self.mix.moves;
        let from = family.home.place;
        let to = if chance.random_bool(moves.family_in_commune) {
            from
        } else {
            let leaves = chance.random_bool(moves.family_leaves_province);
            self.places.elsewhere(from, leaves, chance)
        };
        let mut home = new_home(to, self.places.get(to)?, chance);
        if !chance.random_bool(moves.phone_changed) {
            home.phone.clone_from(&family.home.phone);
        }
        let partner = if chance.random_bool(moves.parted) {
            self.next_partner(family, chance)
        } else {
            Partner::Father
        };
        self.stay(family, home, partner, chance)
    }

    fn next_partner(&self, family: &Family, chance: &mut StdRng) -> Partner {
        if chance.random_bool(0.6) {
            return Partner::Nobody;
        }
        let naming = Naming {
            people: family.people,
            is_female: false,
            is_southern: family.is_southern,
        };
        let place = self.places.get(family.home.place);
        let province = place.map_or("01", |place| place.province.as_str());
        let family_name = naming.family_name(province, chance);
        Partner::Other(naming.parent(family_name, chance))
    }

    fn stay(
        &self,
        family: &Family,
        home: Home,
        partner: Partner,
        chance: &mut StdRng,
    ) -> Option<Stay> {
        let place = self.places.get(home.place)?;
        let sheet = Sheet::draw(family, (&home, &partner), place, self.mix, chance);
        Some(Stay {
            home,
            partner,
            sheet,
        })
    }

    /// Where and when a child is entered, in order of time.
    fn visits(
        &self,
        family: &Family,
        child: &Child,
        moved_on: Option<Date>,
        stays: &mut Vec<Stay>,
        chance: &mut StdRng,
    ) -> Vec<Visit> {
        let (first_home, known_until) = match moved_on {
            // Born after the move, a child is entered at the new home only.
            Some(moved) if child.born >= moved => (1, self.today),
            Some(moved) => (0, moved),
            None => (0, self.today),
        };
        let entered = self.first_day(child.born, known_until, chance);
        let mut visits = vec![Visit {
            entered,
            stay: first_home.min(stays.len() - 1),
        }];
        if first_home == 0
            && let Some(moved) = moved_on
        {
            visits.push(Visit {
                entered: day_between(moved, self.today, chance),
                stay: stays.len().min(2) - 1,
            });
        }
        // Chosen such that with the families that move it is the share wanted of all children.
        let moving = self.again * self.mix.moves.whole_family;
        let alone = ((self.again - moving) / (1.0 - moving)).clamp(0.0, 1.0);
        let mut more = chance.random_bool(alone);
        while more && visits.len() < ENTRIES_MAX {
            if let Some(stay) = self.stay_of_child(family, &visits, stays, chance) {
                let last = visits.last().map_or(entered, |visit| visit.entered);
                visits.push(Visit {
                    entered: day_between(last, self.today, chance),
                    stay,
                });
            }
            more = chance.random_bool(self.mix.moves.once_more);
        }
        visits
    }

    fn first_day(&self, born: Date, until: Date, chance: &mut StdRng) -> Date {
        if chance.random_bool(self.mix.names.entered_newborn) {
            return (born + Duration::days(chance.random_range(0..30))).min(until.max(born));
        }
        day_between(born, until, chance)
    }

    /// Where one child is entered again: where the family is, or with relatives elsewhere.
    fn stay_of_child(
        &self,
        family: &Family,
        visits: &[Visit],
        stays: &mut Vec<Stay>,
        chance: &mut StdRng,
    ) -> Option<usize> {
        let moves = &self.mix.moves;
        let here = visits.last()?.stay;
        let (old, partner) = stays
            .get(here)
            .map(|stay| (stay.home.clone(), stay.partner.clone()))?;
        let home = if chance.random_bool(moves.child_in_commune) {
            if chance.random_bool(0.3) {
                return Some(here);
            }
            // Years later a family may have another telephone.
            let mut home = old;
            if chance.random_bool(moves.phone_changed * 0.5) {
                home.phone = numbers::phone(chance);
            }
            home
        } else {
            let leaves = chance.random_bool(moves.child_leaves_province);
            let to = self.places.elsewhere(old.place, leaves, chance);
            let mut home = new_home(to, self.places.get(to)?, chance);
            if !chance.random_bool(moves.phone_changed) {
                home.phone = old.phone;
            }
            home
        };
        let stay = self.stay(family, home, partner, chance)?;
        stays.push(stay);
        Some(stays.len() - 1)
    }

    /// The entry of a child at a stay, from the family's sheet there or written down anew.
    fn entry<'a>(
        &'a self,
        family: &'a Family,
        child: &'a Child,
        stay: &Stay,
        chance: &mut StdRng,
    ) -> Option<Entry<'a>> {
        let place = self.places.get(stay.home.place)?;
        let sheet = if chance.random_bool(self.mix.moves.one_sheet) {
            stay.sheet.clone()
        } else {
            Sheet::draw(family, (&stay.home, &stay.partner), place, self.mix, chance)
        };
        let mut others: Vec<&Child> = family
            .children
            .iter()
            .filter(|other| other.entity != child.entity)
            .collect();
        others.shuffle(chance);
        Some(Entry {
            child,
            people: family.people,
            mother: &family.mother,
            sibling: others.iter().find_map(|other| other.number.as_deref()),
            place,
            sheet,
            mix: self.mix,
        })
    }
}

fn day_between(from: Date, until: Date, chance: &mut StdRng) -> Date {
    let days = (until - from).whole_days().max(0);
    from + Duration::days(chance.random_range(0..=days))
}
