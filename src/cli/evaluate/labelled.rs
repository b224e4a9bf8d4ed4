//! Reading a file of records whose truth is known.

use std::io::Read;

use anyhow::Context;
use csv::{ByteRecord, Reader};
use hashbrown::HashMap;

use crate::domain::date::{PartialDate, Precision};
use crate::domain::record::Sex;
use crate::domain::unit::{AdminScheme, UnitReference};
use crate::linkage::details::Details;

/// A row: what linkage may look at, and what it must not.
pub(super) struct LabelledRow {
    cells: ByteRecord,
    /// The node that keeps the record; 0 where the file does not say.
    pub(super) node: i64,
    /// Number of the real child.
    pub(super) entity: u32,
}

/// Reads rows one after another.
pub(super) struct LabelledFile<R> {
    reader: Reader<R>,
    columns: Columns,
    entities: HashMap<Vec<u8>, u32>,
    nodes: HashMap<Vec<u8>, i64>,
    row: ByteRecord,
}

/// Where each column stands.
#[derive(Clone)]
pub(super) struct Columns {
    places: Vec<(Column, usize)>,
    entity: usize,
    scheme: AdminScheme,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Column {
    UnitCode,
    FullName,
    OtherName,
    Sex,
    BirthDate,
    PersonalNumber,
    MotherName,
    FatherName,
    Phone,
    Village,
    HouseholdNumber,
    Ethnicity,
    BirthOrder,
    BirthCertificate,
    InsuranceNumber,
    Node,
}

/// Names of columns that linkage looks at.
const COLUMNS: [(&str, Column); 21] = [
    ("unit_code", Column::UnitCode),
    ("commune_code", Column::UnitCode),
    ("full_name", Column::FullName),
    ("other_name", Column::OtherName),
    ("sex", Column::Sex),
    ("birth_date", Column::BirthDate),
    ("pin", Column::PersonalNumber),
    ("personal_number", Column::PersonalNumber),
    ("mother_name", Column::MotherName),
    ("father_name", Column::FatherName),
    ("phone", Column::Phone),
    ("village", Column::Village),
    ("household_no", Column::HouseholdNumber),
    ("household_number", Column::HouseholdNumber),
    ("ethnicity", Column::Ethnicity),
    ("birth_order", Column::BirthOrder),
    ("birth_certificate", Column::BirthCertificate),
    ("insurance_number", Column::InsuranceNumber),
    ("insurance", Column::InsuranceNumber),
    ("node", Column::Node),
    ("source_system", Column::Node),
];

impl<R: Read> LabelledFile<R> {
    /// Reads the header.
    pub(super) fn open(source: R, scheme: AdminScheme) -> anyhow::Result<Self> {
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(source);
        let header = reader.byte_headers()?.clone();
        let names: Vec<String> = header
            .iter()
            .map(|name| {
                let name = String::from_utf8_lossy(name);
                name.trim_start_matches('\u{feff}').trim().to_lowercase()
            })
            .collect();
        let entity = names.iter().position(|name| name == "entity_id");
        let entity = entity.context("the file has no column entity_id, which says the truth")?;
        let places = names.iter().enumerate().filter_map(|(place, name)| {
            let known = COLUMNS.iter().find(|(known, _)| known == name);
            known.map(|(_, column)| (*column, place))
        });
        let places: Vec<_> = places.collect();
        let named = places.iter().any(|(column, _)| *column == Column::FullName);
        anyhow::ensure!(named, "the file has no column full_name");
        Ok(Self {
            reader,
            columns: Columns {
                places,
                entity,
                scheme,
            },
            entities: HashMap::new(),
            nodes: HashMap::new(),
            row: ByteRecord::new(),
        })
    }

    /// The next row, or `None` at the end.
    pub(super) fn next_row(&mut self) -> anyhow::Result<Option<LabelledRow>> {
        if !self.reader.read_byte_record(&mut self.row)? {
            return Ok(None);
        }
        let cell = |place: usize| self.row.get(place).unwrap_or_default();
        let entity = number_of(&mut self.entities, cell(self.columns.entity));
        let mut columns = self.columns.places.iter();
        let node = columns.find(|(column, _)| *column == Column::Node);
        let node = node.map_or(0, |(_, place)| number_of(&mut self.nodes, cell(*place)));
        Ok(Some(LabelledRow {
            cells: self.row.clone(),
            node,
            entity,
        }))
    }

    /// Where each column stands.
    pub(super) fn columns(&self) -> Columns {
        self.columns.clone()
    }
}

impl Columns {
    /// What linkage may look at in a row.
    pub(super) fn details(&self, row: &LabelledRow) -> Details {
        let mut details = Details::default();
        for (column, place) in &self.places {
            let cell = row.cells.get(*place).unwrap_or_default();
            let text = String::from_utf8_lossy(cell);
            put(&mut details, *column, &text, self.scheme);
        }
        details
    }
}

/// The number of a text: 1 for the first, 2 for the next new one; 0 for none.
fn number_of<N: Copy + TryFrom<usize> + Default>(
    known: &mut HashMap<Vec<u8>, N>,
    text: &[u8],
) -> N {
    if text.is_empty() {
        return N::default();
    }
    if let Some(number) = known.get(text) {
        return *number;
    }
    let number = N::try_from(known.len() + 1).unwrap_or_default();
    known.insert(text.to_vec(), number);
    number
}

fn put(details: &mut Details, column: Column, cell: &str, scheme: AdminScheme) {
    let cell = cell.trim();
    if cell.is_empty() {
        return;
    }
    let text = cell.to_owned();
    match column {
        Column::UnitCode => details.commune = read_unit(cell, scheme),
        Column::FullName => details.full_name = text,
        Column::OtherName => details.other_name = text,
        Column::Sex => details.sex = read_sex(cell),
        Column::BirthDate => details.birth_date = read_date(cell),
        Column::PersonalNumber => details.personal_number = text,
        Column::MotherName => details.mother_name = text,
        Column::FatherName => details.father_name = text,
        Column::Phone => details.phone = text,
        Column::Village => details.village = text,
        Column::HouseholdNumber => details.household_number = text,
        Column::Ethnicity => details.ethnicity = text,
        Column::BirthOrder => details.birth_order = cell.parse().unwrap_or_default(),
        Column::BirthCertificate => details.birth_certificate = text,
        Column::InsuranceNumber => details.insurance_number = text,
        Column::Node => {}
    }
}

/// A code of the file's scheme, or `SCHEME:CODE`; zeros that a spreadsheet ate are put back.
fn read_unit(cell: &str, scheme: AdminScheme) -> Option<UnitReference> {
    if cell.contains(':') {
        return cell.parse().ok();
    }
    let code = format!("{cell:0>5}").parse().ok()?;
    Some(UnitReference { scheme, code })
}

/// The codes of the list `sex`, and words for them.
fn read_sex(cell: &str) -> Option<Sex> {
    match cell.to_lowercase().as_str() {
        "1" | "m" | "male" | "nam" | "trai" => Some(Sex::Male),
        "2" | "f" | "female" | "nữ" | "nu" | "gái" | "gai" => Some(Sex::Female),
        _ => None,
    }
}

/// Year, year and month, or a day, written in the order of ISO 8601 or of Vietnam.
fn read_date(cell: &str) -> Option<PartialDate> {
    let day = cell.split(['T', ' ']).next().unwrap_or(cell);
    let parts: Vec<&str> = day.split(['-', '/', '.']).collect();
    let number = |text: &str| text.parse::<u16>().ok();
    let (year, month, day) = match *parts.as_slice() {
        [compact] if compact.len() == 8 => (
            number(compact.get(..4)?)?,
            number(compact.get(4..6)?)?,
            number(compact.get(6..)?)?,
        ),
        [year] => (number(year)?, 0, 0),
        [year, month] if year.len() == 4 => (number(year)?, number(month)?, 0),
        [month, year] => (number(year)?, number(month)?, 0),
        [year, month, day] if year.len() == 4 => (number(year)?, number(month)?, number(day)?),
        [day, month, year] => (number(year)?, number(month)?, number(day)?),
        _ => return None,
    };
    let precision = match (month, day) {
        (0, _) => Precision::Year,
        (_, 0) => Precision::Month,
        _ => Precision::Day,
    };
    let (month, day) = (u8::try_from(month).ok()?, u8::try_from(day).ok()?);
    let day = if precision == Precision::Day { day } else { 0 };
    let read = PartialDate::new(year.into(), month, day, precision);
    // A day that the calendar does not have still tells the year.
    read.or_else(|| PartialDate::new(year.into(), 0, 0, Precision::Year))
}
