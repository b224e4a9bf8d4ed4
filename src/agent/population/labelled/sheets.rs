//! What a family tells an office about itself, as the office writes it down once for all its children.

use rand::RngExt;
use rand::rngs::StdRng;

use super::families::{Family, Home};
use super::mix::ErrorMix;
use super::name_errors::Misspelling;
use super::naming::Name;
use super::numbers;
use super::places::Place;

/// Who lives with the mother.
#[derive(Clone)]
pub(super) enum Partner {
    /// The children's father, if they have one.
    Father,
    /// Nobody.
    Nobody,
    /// Another man.
    Other(Name),
}

/// The family as an office has it: texts with their faults, empty where left out.
#[derive(Clone)]
pub(super) struct Sheet {
    pub(super) mother: String,
    /// One for each father of the family's children.
    pub(super) fathers: Vec<String>,
    pub(super) phone: String,
    pub(super) village: String,
    pub(super) household: String,
}

impl Sheet {
    /// Writes the sheet down.
    pub(super) fn draw(
        family: &Family,
        (home, partner): (&Home, &Partner),
        place: &Place,
        mix: &ErrorMix,
        chance: &mut StdRng,
    ) -> Self {
        let missing = &mix.missing;
        let quality = place.quality;
        // Grandparents know less of the parents' papers, and sign for the mother now and then.
        let distance = if family.grandmother.is_some() {
            2.0
        } else {
            1.0
        };
        let lost = |share: f64, chance: &mut StdRng| happens(share * quality, chance);
        let stands_in = family
            .grandmother
            .as_ref()
            .filter(|_| chance.random_bool(0.25));
        let mother = if lost(missing.mother * distance, chance) {
            String::new()
        } else {
            misspelt(stands_in.unwrap_or(&family.mother), mix, quality, chance)
        };
        let fathers = family.fathers.iter().map(|father| {
            let present = match partner {
                Partner::Father => father.as_ref(),
                Partner::Nobody => None,
                Partner::Other(other) => Some(other),
            };
            present
                .filter(|_| !lost(missing.father * distance, chance))
                .map_or_else(String::new, |name| misspelt(name, mix, quality, chance))
        });
        let fathers = fathers.collect();
        let phone = if lost(missing.phone, chance) {
            String::new()
        } else {
            numbers::phone_written(&home.phone, &mix.numbers, quality, chance)
        };
        let household = if lost(missing.household, chance) {
            String::new()
        } else if lost(mix.numbers.other_digit_wrong, chance) {
            numbers::digit_wrong(&home.household, chance)
        } else {
            home.household.clone()
        };
        Self {
            mother,
            fathers,
            phone,
            village: if lost(missing.village, chance) {
                String::new()
            } else {
                let restyled = lost(missing.village_restyled, chance);
                village(
                    home.village,
                    place.has_southern_villages(),
                    restyled,
                    chance,
                )
            },
            household,
        }
    }
}

/// Whether something of this share happens; shares that quality raised above one are one.
pub(super) fn happens(share: f64, chance: &mut StdRng) -> bool {
    chance.random_bool(share.clamp(0.0, 1.0))
}

/// A name with the errors of spelling it happens to get.
pub(super) fn misspelt(name: &Name, mix: &ErrorMix, quality: f64, chance: &mut StdRng) -> String {
    let text = name.text();
    match Misspelling::draw(&mix.names, quality, chance) {
        // Grown-ups are not written down by a nickname.
        None | Some(Misspelling::Nickname) => text,
        Some(misspelling) => misspelling.apply(&text, chance),
    }
}

/// Villages of the South are numbered, those of the North have names.
fn village(number: u32, is_southern: bool, restyled: bool, chance: &mut StdRng) -> String {
    const NAMES: [&str; 13] = [
        "Đông",
        "Đoài",
        "Trung",
        "Hòa Bình",
        "Tân Lập",
        "Phú Thọ",
        "Bình Minh",
        "Đồng Tâm",
        "Thượng",
        "Hạ",
        "An Phú",
        "Nà Pán",
        "Bản Mới",
    ];
    let name = usize::try_from(number)
        .ok()
        .and_then(|number| NAMES.get(number))
        .copied()
        .unwrap_or("Trung");
    let style = if restyled {
        chance.random_range(1..4)
    } else {
        0
    };
    match (is_southern, style) {
        (true, 0) => format!("Ấp {number}"),
        (true, 1) => format!("ấp {number:02}"),
        (true, 2) => format!("Tổ {}, ấp {number}", chance.random_range(1..20)),
        (true, _) => number.to_string(),
        (false, 0) => format!("Thôn {name}"),
        (false, 1) => format!("thôn {}", name.to_lowercase()),
        (false, 2) => format!("T. {name}"),
        (false, _) => name.to_owned(),
    }
}
