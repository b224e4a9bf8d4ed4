//! Administrative units: provinces, districts and communes in every version of the official list.
//!
//! A unit is always (scheme, code): 7 province codes and 1,795 commune codes name another unit since
//! 1 July 2025.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

/// A version of the list of administrative units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AdminScheme {
    /// March 2017.
    Gso2017,
    /// In force until 30 June 2025.
    GsoPre2025,
    /// From 1 July 2025.
    Gso2025,
    /// From 30 April 2026: the codes of 2025, some units renamed.
    Gso2026,
}

impl AdminScheme {
    /// All schemes, the oldest first.
    pub const ALL: [Self; 4] = [
        Self::Gso2017,
        Self::GsoPre2025,
        Self::Gso2025,
        Self::Gso2026,
    ];

    /// The scheme as the contract and the files write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gso2017 => "GSO_2017",
            Self::GsoPre2025 => "GSO_PRE2025",
            Self::Gso2025 => "GSO_2025",
            Self::Gso2026 => "GSO_2026",
        }
    }
}

impl AdminScheme {
    /// All units of the list, in no order.
    pub fn units(self) -> impl Iterator<Item = UnitReference> {
        let codes = table(self).units.keys();
        codes.map(move |code| UnitReference {
            scheme: self,
            code: *code,
        })
    }

    /// All communes of the list, in the order of their codes.
    pub fn communes(self) -> Vec<&'static Unit> {
        let all = table(self).units.values();
        let mut communes: Vec<_> = all.filter(|unit| unit.code.digits == 5).collect();
        communes.sort_unstable_by_key(|unit| unit.code);
        communes
    }
}

/// The text is not a unit reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a unit is SCHEME:CODE, for example GSO_PRE2025:91, with a code of 2, 3 or 5 digits")]
pub struct UnitInvalid;

impl fmt::Display for AdminScheme {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for AdminScheme {
    type Err = UnitInvalid;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|scheme| scheme.as_str() == text)
            .ok_or(UnitInvalid)
    }
}

/// Code of a unit: 2 digits for a province, 3 for a district, 5 for a commune.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnitCode {
    digits: u8,
    number: u32,
}

impl FromStr for UnitCode {
    type Err = UnitInvalid;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = match text.len() {
            2 => 2,
            3 => 3,
            5 => 5,
            _ => return Err(UnitInvalid),
        };
        if !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(UnitInvalid);
        }
        Ok(Self {
            digits,
            number: text.parse().map_err(|_| UnitInvalid)?,
        })
    }
}

impl fmt::Display for UnitCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{:0width$}",
            self.number,
            width = usize::from(self.digits)
        )
    }
}

impl fmt::Debug for UnitCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// A unit by scheme and code; it may name a unit that the list does not have: see [`UnitReference::find`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnitReference {
    /// The list.
    pub scheme: AdminScheme,
    /// The code in it.
    pub code: UnitCode,
}

impl FromStr for UnitReference {
    type Err = UnitInvalid;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (scheme, code) = text.split_once(':').ok_or(UnitInvalid)?;
        Ok(Self {
            scheme: scheme.parse()?,
            code: code.parse()?,
        })
    }
}

impl fmt::Display for UnitReference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.scheme.as_str(), self.code)
    }
}

/// A unit of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Its code.
    pub code: UnitCode,
    /// Its name, for example "Xã Thạnh Lộc".
    pub name: &'static str,
    /// The unit that it is part of; none for a province.
    pub parent: Option<UnitCode>,
}

impl UnitReference {
    /// The unit, if the list has it.
    pub fn find(&self) -> Option<&'static Unit> {
        table(self.scheme).units.get(&self.code)
    }

    /// Whether this unit is the other or part of it, in the same scheme.
    pub fn is_within(&self, outer: &Self) -> bool {
        let mut code = self.code;
        // A commune, a district and a province: three steps are all there are.
        for _ in 0..3 {
            if self.scheme == outer.scheme && code == outer.code {
                return true;
            }
            match (Self {
                scheme: self.scheme,
                code,
            })
            .find()
            .and_then(|unit| unit.parent)
            {
                Some(parent) => code = parent,
                None => return false,
            }
        }
        false
    }

    /// The unit and those around it, the innermost first.
    pub fn and_around(&self) -> Vec<Self> {
        let mut units = vec![*self];
        let mut parent = self.find().and_then(|unit| unit.parent);
        while let Some(code) = parent {
            let around = Self { code, ..*self };
            units.push(around);
            parent = around.find().and_then(|unit| unit.parent);
        }
        units
    }

    /// The communes of this unit, in the order of their codes.
    pub fn communes(&self) -> Vec<&'static Unit> {
        let all = table(self.scheme).units.values();
        let mut communes: Vec<_> = all
            .filter(|unit| unit.code.digits == 5)
            .filter(|unit| {
                Self {
                    scheme: self.scheme,
                    code: unit.code,
                }
                .is_within(self)
            })
            .collect();
        communes.sort_unstable_by_key(|unit| unit.code);
        communes
    }

    /// The units of today that this one is now, or is now part of: itself for a unit of a list of today,
    /// several for a unit that was split, none for one whose successor is not known.
    pub fn of_today(&self) -> Vec<UnitCode> {
        match self.scheme {
            AdminScheme::Gso2025 | AdminScheme::Gso2026 => vec![self.code],
            AdminScheme::GsoPre2025 => self.successors().to_vec(),
            AdminScheme::Gso2017 => {
                let later = LATER_CODES.get(&self.code).copied().unwrap_or(self.code);
                let scheme = AdminScheme::GsoPre2025;
                Self {
                    scheme,
                    code: later,
                }
                .of_today()
            }
        }
    }

    /// Whether the unit is one of today: its list is in force, or it went on under its code and its name.
    pub fn is_of_today(&self) -> bool {
        match self.scheme {
            AdminScheme::Gso2025 | AdminScheme::Gso2026 => self.find().is_some(),
            AdminScheme::Gso2017 | AdminScheme::GsoPre2025 => {
                let now = Self {
                    scheme: AdminScheme::Gso2025,
                    code: self.code,
                };
                let name = |unit: &Self| unit.find().map(|unit| unit.name);
                self.of_today() == [self.code]
                    && name(self).is_some_and(|own| name(&now) == Some(own))
            }
        }
    }

    /// Name of the unit with those around it, for example "Xã Thạnh Lộc, Huyện Châu Thành, Tỉnh Kiên
    /// Giang"; `None` for a unit that its list does not have.
    pub fn full_name(&self) -> Option<String> {
        let mut name = self.find()?.name.to_owned();
        let mut parent = self.find()?.parent;
        while let Some(code) = parent {
            let around = Self { code, ..*self }.find()?;
            name.push_str(", ");
            name.push_str(around.name);
            parent = around.parent;
        }
        Some(name)
    }

    /// The units of other lists that have this code: what is meant where the list has no such unit.
    pub fn namesakes(&self) -> impl Iterator<Item = Self> + use<> {
        let (own, code) = (self.scheme, self.code);
        let others = AdminScheme::ALL
            .into_iter()
            .filter(move |scheme| *scheme != own);
        others
            .map(move |scheme| Self { scheme, code })
            .filter(|unit| unit.find().is_some())
    }

    /// The unit of the list before July 2025 that a commune of 2017 was then, or was part of then; `None` for a
    /// unit of another list.
    pub fn before_the_reform(&self) -> Option<Self> {
        match self.scheme {
            AdminScheme::Gso2017 => {
                let (scheme, code) = (AdminScheme::GsoPre2025, *LATER_CODES.get(&self.code)?);
                Some(Self { scheme, code })
            }
            AdminScheme::GsoPre2025 | AdminScheme::Gso2025 | AdminScheme::Gso2026 => None,
        }
    }

    /// The units of 2025 that took over this one; empty for a unit that has none or is not of the
    /// list before it.
    pub fn successors(&self) -> &'static [UnitCode] {
        match self.scheme {
            AdminScheme::GsoPre2025 => SUCCESSORS
                .get(&self.code)
                .map_or(&[], |successors| successors.as_slice()),
            AdminScheme::Gso2017 | AdminScheme::Gso2025 | AdminScheme::Gso2026 => &[],
        }
    }
}

struct Table {
    units: HashMap<UnitCode, Unit>,
}

static TABLES: LazyLock<[Table; 3]> = LazyLock::new(|| {
    [
        Table::read(include_str!("../../reference/admin_units_2017.csv")),
        Table::read(include_str!("../../reference/admin_units_pre2025.csv")),
        Table::read(include_str!("../../reference/admin_units_2025.csv")),
    ]
});

static SUCCESSORS: LazyLock<HashMap<UnitCode, Vec<UnitCode>>> = LazyLock::new(|| {
    let mut successors: HashMap<UnitCode, Vec<UnitCode>> = HashMap::new();
    for line in include_str!("../../reference/admin_unit_successors.csv")
        .lines()
        .skip(1)
    {
        let mut cells = line.split(',');
        let pair = (cells.next().map(str::parse), cells.next().map(str::parse));
        if let (Some(Ok(old)), Some(Ok(new))) = pair {
            successors.entry(old).or_default().push(new);
        }
    }
    successors
});

/// Codes of 2017 with the code that stood for the same unit, or the unit that took it in, in 2025.
static LATER_CODES: LazyLock<HashMap<UnitCode, UnitCode>> = LazyLock::new(|| {
    let rows = include_str!("../../reference/admin_unit_successors_2017.csv");
    let rows = rows.lines().skip(1).filter_map(|line| {
        let mut cells = line.split(',');
        Some((cells.next()?.parse().ok()?, cells.next()?.parse().ok()?))
    });
    rows.collect()
});

fn table(scheme: AdminScheme) -> &'static Table {
    let [of_2017, pre_2025, of_2025] = &*TABLES;
    match scheme {
        AdminScheme::Gso2017 => of_2017,
        AdminScheme::GsoPre2025 => pre_2025,
        // The reform of 2026 changed names and types, not codes.
        AdminScheme::Gso2025 | AdminScheme::Gso2026 => of_2025,
    }
}

impl Table {
    /// Reads `code,name,level,parent_code,unit_type`; no name in the lists has a comma or a quote.
    fn read(text: &'static str) -> Self {
        let units = text.lines().skip(1).filter_map(|line| {
            let mut cells = line.split(',');
            let code = cells.next()?.parse().ok()?;
            let name = cells.next()?;
            let parent = cells.nth(1)?.parse().ok();
            Some((code, Unit { code, name, parent }))
        });
        Self {
            units: units.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(text: &str) -> UnitReference {
        text.parse().expect("a unit reference")
    }

    #[test]
    fn every_row_of_the_lists_is_read() {
        let sizes = [
            AdminScheme::Gso2017,
            AdminScheme::GsoPre2025,
            AdminScheme::Gso2025,
        ]
        .map(|scheme| table(scheme).units.len());

        assert_eq!(sizes, [11_934, 10_794, 3_355]);
    }

    #[test]
    fn a_code_names_another_unit_in_another_scheme() {
        assert_eq!(
            unit("GSO_PRE2025:91").find().expect("listed").name,
            "Tỉnh Kiên Giang"
        );
        assert_eq!(
            unit("GSO_2025:91").find().expect("listed").name,
            "Tỉnh An Giang"
        );
    }

    #[test]
    fn kien_giang_had_143_communes() {
        assert_eq!(unit("GSO_PRE2025:91").communes().len(), 143);
    }

    #[test]
    fn a_commune_lies_in_its_province_and_in_no_other() {
        let commune = unit("GSO_PRE2025:30742");

        assert!(commune.is_within(&unit("GSO_PRE2025:91")));
        assert!(!commune.is_within(&unit("GSO_PRE2025:89")));
        assert!(!commune.is_within(&unit("GSO_2025:91")));
    }

    #[test]
    fn leading_zeros_are_kept() {
        assert_eq!(unit("GSO_2025:00004").to_string(), "GSO_2025:00004");
    }

    #[test]
    fn a_unit_of_any_list_is_found_among_those_of_today() {
        let codes = |text: &str| -> Vec<String> {
            let today = unit(text).of_today();
            today.iter().map(UnitCode::to_string).collect()
        };

        assert_eq!(codes("GSO_PRE2025:30901"), ["30886"]);
        assert_eq!(codes("GSO_2025:30886"), ["30886"]);
        // Vĩnh Thanh Vân went into 30742 before the reform of 2025.
        assert_eq!(codes("GSO_2017:30730"), codes("GSO_PRE2025:30742"));
        assert!(codes("GSO_PRE2025:30334").len() > 1);
    }

    #[test]
    fn a_unit_is_of_today_only_under_its_code_and_its_name() {
        assert!(unit("GSO_2025:30742").is_of_today());
        assert!(!unit("GSO_2025:99999").is_of_today());
        // The code went on, and is another ward now.
        assert!(!unit("GSO_PRE2025:30742").is_of_today());
        assert!(!unit("GSO_PRE2025:30901").is_of_today());
    }

    #[test]
    fn a_name_says_what_is_around_the_unit() {
        let name = unit("GSO_PRE2025:30742").full_name().expect("listed");

        assert!(name.starts_with("Phường Vĩnh Thanh Vân, "), "{name}");
        assert!(name.ends_with(", Tỉnh Kiên Giang"), "{name}");
        assert_eq!(unit("GSO_2025:99999").full_name(), None);
    }

    #[test]
    fn a_code_that_a_list_lacks_is_looked_for_in_the_others() {
        let meant: Vec<_> = unit("GSO_2025:30730").namesakes().collect();

        assert!(meant.contains(&unit("GSO_2017:30730")), "{meant:?}");
    }

    #[test]
    fn a_split_commune_has_several_successors() {
        assert!(unit("GSO_PRE2025:30334").successors().len() > 1);
    }
}
