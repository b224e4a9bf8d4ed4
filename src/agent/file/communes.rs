//! Communes by their names, in one unit.

use std::collections::HashMap;

use super::finding::Finding;
use super::text_key::marked;
use crate::domain::unit::{Unit, UnitReference};

/// Kinds of units and how they are shortened, as they are compared.
const KINDS: [(&str, &str); 8] = [
    ("thị trấn ", "tt"),
    ("phường ", "p"),
    ("xã ", "x"),
    ("đặc khu ", "đk"),
    ("thành phố ", "tp"),
    ("thị xã ", "tx"),
    ("huyện ", "h"),
    ("quận ", "q"),
];

/// The communes of a unit by name. A name without marks is none: Xã Trực Hùng is not Xã Trực Hưng.
pub(super) struct Communes {
    unit: UnitReference,
    by_name: HashMap<String, Vec<&'static Unit>>,
}

impl Communes {
    /// All communes of a unit, under their full names and the names alone.
    pub(super) fn of(unit: UnitReference) -> Self {
        let mut by_name: HashMap<String, Vec<&'static Unit>> = HashMap::new();
        for commune in unit.communes() {
            for name in names(commune.name) {
                by_name.entry(name).or_default().push(commune);
            }
        }
        Self { unit, by_name }
    }

    /// The code of the commune with this name, in this district if one is given.
    pub(super) fn find(&self, name: &str, district: &str) -> Result<String, Finding> {
        let key = written_out(&marked(name));
        let found = self.by_name.get(&key).map_or(&[][..], Vec::as_slice);
        let is_there = |commune: &&&Unit| district.is_empty() || self.is_in(commune, district);
        let mut found = found.iter().filter(is_there);
        match (found.next(), found.next()) {
            (Some(commune), None) => Ok(commune.code.to_string()),
            (Some(_), Some(_)) => Err(Finding::UnitNameAmbiguous),
            (None, _) => Err(Finding::UnitNameUnknown),
        }
    }

    fn is_in(&self, commune: &Unit, district: &str) -> bool {
        let scheme = self.unit.scheme;
        let parent = commune
            .parent
            .and_then(|code| UnitReference { scheme, code }.find());
        let wanted = written_out(&marked(district));
        parent.is_some_and(|parent| names(parent.name).contains(&wanted))
    }
}

/// A unit's full name and its name alone. A number alone is no name: "Phường 1" is not "1".
fn names(name: &str) -> Vec<String> {
    let full = marked(name);
    let alone = KINDS.iter().find_map(|(kind, _)| full.strip_prefix(kind));
    let alone = alone
        .filter(|alone| !alone.bytes().all(|byte| byte.is_ascii_digit()))
        .map(str::to_owned);
    [Some(full), alone].into_iter().flatten().collect()
}

/// "x thạnh lộc", "tt minh lương" and "p1" with the kind written out.
fn written_out(key: &str) -> String {
    for (kind, short) in KINDS {
        let Some(rest) = key.strip_prefix(short) else {
            continue;
        };
        let is_number = !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit());
        if let Some(name) = rest.strip_prefix(' ').or(is_number.then_some(rest)) {
            return format!("{kind}{name}");
        }
    }
    key.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn communes(unit: &str) -> Communes {
        Communes::of(unit.parse().expect("a unit"))
    }

    #[test]
    fn a_commune_is_found_by_its_name_where_there_is_one_of_it() {
        let kien_giang = communes("GSO_PRE2025:91");

        for name in [
            "Phường Vĩnh Thanh Vân",
            "P. Vĩnh Thanh Vân",
            "vĩnh thanh vân",
        ] {
            assert_eq!(kien_giang.find(name, "").as_deref(), Ok("30742"), "{name}");
        }
    }

    #[test]
    fn a_name_of_two_communes_needs_the_district() {
        let kien_giang = communes("GSO_PRE2025:91");

        assert_eq!(
            kien_giang.find("Xã Thạnh Lộc", ""),
            Err(Finding::UnitNameAmbiguous)
        );
        assert_eq!(
            kien_giang.find("Xã Thạnh Lộc", "Châu Thành").as_deref(),
            Ok("30901")
        );
        assert_eq!(
            kien_giang.find("X. Thạnh Lộc", "H. Giồng Riềng").as_deref(),
            Ok("30913")
        );
        assert_eq!(
            kien_giang.find("Xã Thạnh Lộc", "Kiên Hải"),
            Err(Finding::UnitNameUnknown)
        );
    }

    #[test]
    fn a_name_without_its_marks_is_not_guessed() {
        assert_eq!(
            communes("GSO_PRE2025:91").find("Xa Thanh Loc", "Châu Thành"),
            Err(Finding::UnitNameUnknown)
        );
    }
}
