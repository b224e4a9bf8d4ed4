//! What linkage looks at in a record, as its source wrote it.

use std::borrow::Cow;

use crate::domain::date::{PartialDate, Precision};
use crate::domain::draft::{CarerDraft, ChildDraft};
use crate::domain::node::NodeId;
use crate::domain::record::{RecordId, RecordKey, Sex};
use crate::domain::unit::UnitReference;

/// A live record of a child, as text. Nothing here has to be valid: what cannot be understood counts
/// as missing, and missing is never a contradiction.
#[derive(Clone, Default, PartialEq)]
#[expect(missing_docs, reason = "the fields are the contract's")]
pub struct Details<'a> {
    pub full_name: Cow<'a, str>,
    pub other_name: Cow<'a, str>,
    pub sex: Option<Sex>,
    pub birth_date: Option<PartialDate>,
    pub personal_number: Cow<'a, str>,
    pub mother_name: Cow<'a, str>,
    pub father_name: Cow<'a, str>,
    /// Telephone of a parent, the mother's before the father's, or of another carer.
    pub phone: Cow<'a, str>,
    pub commune: Option<UnitReference>,
    pub village: Cow<'a, str>,
    pub household_number: Cow<'a, str>,
    /// Code of the list of 1979, or empty.
    pub ethnicity: Cow<'a, str>,
    /// Which child of the mother, 0 where unknown.
    pub birth_order: u32,
    pub birth_certificate: Cow<'a, str>,
    pub insurance_number: Cow<'a, str>,
}

impl std::fmt::Debug for Details<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Details(redacted)")
    }
}

impl<'a> Details<'a> {
    /// What linkage looks at in a record of the contract.
    pub fn of(draft: &'a ChildDraft) -> Self {
        let parent = |relation: &str| {
            let mut carers = draft.carers.iter();
            carers.find(|carer| carer.relation_code == relation)
        };
        let (father, mother) = (parent(FATHER), parent(MOTHER));
        let name = |carer: Option<&'a CarerDraft>| text(carer.map(|carer| &carer.name));
        let phones = [mother, father].into_iter().flatten().chain(&draft.carers);
        let phone = phones.map(|carer| &carer.phone).find(|p| !p.is_empty());
        let registration = draft.birth_registration.as_ref();
        let household = draft.household.as_ref();
        let insurance = draft.insurance.as_ref();
        let ethnicity = draft.ethnicity.as_ref();
        Self {
            full_name: text(Some(&draft.full_name)),
            other_name: text(Some(&draft.other_name)),
            sex: read_sex(draft.sex),
            birth_date: read_date(draft),
            personal_number: text(Some(&draft.personal_number)),
            mother_name: name(mother),
            father_name: name(father),
            phone: text(phone),
            commune: draft.commune.as_ref().and_then(|unit| {
                let (scheme, code) = (unit.scheme.parse().ok()?, unit.code.parse().ok()?);
                Some(UnitReference { scheme, code })
            }),
            village: text(Some(&draft.village)),
            household_number: text(household.map(|home| &home.number)),
            ethnicity: ethnicity.map_or_else(Cow::default, |code| {
                ethnicity_of_1979(&code.list_version, &code.code)
            }),
            birth_order: draft.birth_order,
            birth_certificate: text(registration.map(|entry| &entry.number)),
            insurance_number: text(insurance.map(|card| &card.number)),
        }
    }
}

fn text(value: Option<&String>) -> Cow<'_, str> {
    value.map(Cow::from).unwrap_or_default()
}

/// Codes of the list `relation_to_child`.
const FATHER: &str = "01";
const MOTHER: &str = "02";

fn read_sex(number: i32) -> Option<Sex> {
    match number {
        1 => Some(Sex::Male),
        2 => Some(Sex::Female),
        _ => None,
    }
}

fn read_date(draft: &ChildDraft) -> Option<PartialDate> {
    use crate::domain::draft::PrecisionDraft;
    let date = draft.birth_date?;
    let precision = match date.precision {
        PrecisionDraft::Day => Precision::Day,
        PrecisionDraft::Month => Precision::Month,
        PrecisionDraft::Year => Precision::Year,
        PrecisionDraft::Estimated => Precision::Estimated,
        PrecisionDraft::Unknown => return None,
    };
    let year = i32::try_from(date.year).ok()?;
    let (month, day) = (date.month.try_into().ok()?, date.day.try_into().ok()?);
    PartialDate::new(year, month, day, precision)
}

/// The code of 1979 for a code of either list; two people of one ethnicity must not differ because
/// their communes use different lists.
fn ethnicity_of_1979<'a>(list_version: &str, code: &'a str) -> Cow<'a, str> {
    if list_version != "census2009" {
        return code.into();
    }
    let rows = include_str!("../../reference/codes/ethnicity_census2009_partial.csv");
    let mut rows = rows.lines().skip(1);
    // The source, between the two codes, is quoted text with commas in it.
    rows.find_map(|row| {
        let (census, _) = row.split_once(',')?;
        let (_, of_1979) = row.rsplit_once(',')?;
        (census == code).then(|| of_1979.into())
    })
    .unwrap_or_default()
}

/// The key of a record that has none of its own, such as a row of a file.
pub fn row_key(node: i64, row: u64) -> RecordKey {
    RecordKey {
        node: NodeId::new(node),
        kind: crate::domain::record::RecordKind::Child,
        record_id: RecordId::new(uuid::Uuid::from_u128(u128::from(row))),
    }
}
