//! Acts that ship with the program, made from the reference data.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use time::Date;
use time::macros::date;

use super::{ActId, Fate, Parts, UnitAct};
use crate::domain::unit::{AdminScheme, UnitCode, UnitReference};

/// An act that ships with the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Example {
    /// What the codes of March 2017 stood for when the reform came.
    Codes2017,
    /// The reform of 1 July 2025: 10,035 communes became 3,321, provinces were merged, districts vanished.
    Reform2025,
    /// Units that were raised in rank and renamed on 30 April 2026.
    Changes2026,
}

impl Example {
    /// All of them, the oldest first.
    pub const ALL: [Self; 3] = [Self::Codes2017, Self::Reform2025, Self::Changes2026];

    /// Id of the act.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Codes2017 => "codes-2017",
            Self::Reform2025 => "reform-2025",
            Self::Changes2026 => "changes-2026",
        }
    }

    /// The act.
    pub fn act(self) -> UnitAct {
        let (title, effective_from, changes): (_, Date, _) = match self {
            Self::Codes2017 => (
                "Mã xã tháng 3 năm 2017 theo danh mục trước ngày 01/07/2025",
                date!(2025 - 01 - 01),
                codes_2017(),
            ),
            Self::Reform2025 => (
                "Sắp xếp đơn vị hành chính năm 2025, bỏ cấp huyện",
                date!(2025 - 07 - 01),
                reform_2025(),
            ),
            Self::Changes2026 => (
                "Nghị quyết 30/2026/QH16 và 237/NQ-UBTVQH16",
                date!(2026 - 04 - 30),
                changes_2026(),
            ),
        };
        UnitAct {
            id: ActId(self.word().to_owned()),
            title: title.to_owned(),
            effective_from,
            changes,
        }
    }
}

fn reform_2025() -> BTreeMap<UnitReference, Fate> {
    let before = AdminScheme::GsoPre2025;
    let after = |code: &UnitCode| UnitReference {
        scheme: AdminScheme::Gso2025,
        code: *code,
    };
    let all: Vec<UnitReference> = before.units().collect();
    let mut shares: HashMap<UnitCode, usize> = HashMap::new();
    for code in all.iter().flat_map(UnitReference::successors) {
        *shares.entry(*code).or_default() += 1;
    }
    let fate = |unit: &UnitReference| match unit.successors() {
        [] => Some(Fate::Abolished(
            taken_over_by(unit).map(|code| after(&code)),
        )),
        [only] if shares.get(only) == Some(&1) => Some(Fate::Renamed(after(only))),
        [only] => Some(Fate::Merged(after(only))),
        several => Some(Fate::Split(Parts {
            into: several.iter().map(after).collect::<BTreeSet<_>>(),
            villages: BTreeMap::new(),
        })),
    };
    let changes = all.iter().filter_map(|unit| Some((*unit, fate(unit)?)));
    changes.collect()
}

/// Communes that were merged in the years between are told from those that only went on.
fn codes_2017() -> BTreeMap<UnitReference, Fate> {
    let pairs = AdminScheme::Gso2017.units();
    let pairs = pairs.filter_map(|unit| Some((unit, unit.before_the_reform()?)));
    let pairs: Vec<(UnitReference, UnitReference)> = pairs.collect();
    let mut shares: HashMap<UnitReference, usize> = HashMap::new();
    for (_, later) in &pairs {
        *shares.entry(*later).or_default() += 1;
    }
    let fate = |later: UnitReference| match shares.get(&later) {
        Some(1) => Fate::Renamed(later),
        Some(_) | None => Fate::Merged(later),
    };
    let pairs = pairs.iter();
    pairs.map(|(unit, later)| (*unit, fate(*later))).collect()
}

/// The province of today in which an abolished district was.
fn taken_over_by(district: &UnitReference) -> Option<UnitCode> {
    let code = district.find()?.parent?;
    let province = UnitReference { code, ..*district };
    province.successors().first().copied()
}

/// Only names and ranks changed; the codes are in the list of 2026 as they were.
fn changes_2026() -> BTreeMap<UnitReference, Fate> {
    let rows = include_str!("../../../reference/admin_unit_changes_2026.csv").lines();
    let codes = rows
        .skip(1)
        .filter_map(|row| row.split(',').next()?.parse().ok());
    let change = |code: UnitCode| {
        let unit = |scheme| UnitReference { scheme, code };
        let fate = Fate::Renamed(unit(AdminScheme::Gso2026));
        (unit(AdminScheme::Gso2025), fate)
    };
    codes.map(change).collect()
}
