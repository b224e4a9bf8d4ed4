//! Reading a file of records whose truth is known.

use std::borrow::Cow;
use std::io::Read;
use std::ops::Range;

use anyhow::Context;
use csv::{ByteRecord, Reader};
use hashbrown::HashMap;

use crate::domain::date::{PartialDate, Precision};
use crate::domain::record::Sex;
use crate::domain::unit::{AdminScheme, UnitReference};
use crate::linkage::details::Details;

/// Rows that were read one after another, in one piece of memory.
#[derive(Default)]
pub struct LabelledRows {
    text: Vec<u8>,
    /// Where each cell ends.
    ends: Vec<usize>,
    rows: Vec<Start>,
}

struct Start {
    /// Number of the row's first cell.
    cell: usize,
    node: i64,
    entity: u32,
}

/// A row: what linkage may look at, and what it must not.
pub struct LabelledRow<'a> {
    rows: &'a LabelledRows,
    cells: Range<usize>,
    /// The node that keeps the record; 0 where the file does not say.
    pub node: i64,
    /// Number of the real child.
    pub entity: u32,
}

impl LabelledRows {
    /// How many there are.
    pub const fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The row at a place.
    pub fn get(&self, place: usize) -> Option<LabelledRow<'_>> {
        let start = self.rows.get(place)?;
        let next = self.rows.get(place + 1);
        Some(LabelledRow {
            rows: self,
            cells: start.cell..next.map_or(self.ends.len(), |next| next.cell),
            node: start.node,
            entity: start.entity,
        })
    }

    /// All rows.
    pub fn iter(&self) -> impl Iterator<Item = LabelledRow<'_>> {
        (0..self.len()).filter_map(|place| self.get(place))
    }

    fn push(&mut self, row: &ByteRecord, node: i64, entity: u32) {
        let cell = self.ends.len();
        self.rows.push(Start { cell, node, entity });
        let before = self.text.len();
        self.text.extend_from_slice(row.as_slice());
        let ends = (0..row.len()).filter_map(|place| row.range(place));
        self.ends.extend(ends.map(|range| before + range.end));
    }
}

impl<'a> LabelledRow<'a> {
    fn cell(&self, place: usize) -> &'a [u8] {
        let (ends, cell) = (&self.rows.ends, self.cells.start + place);
        let found = self.cells.contains(&cell).then(|| {
            let start = cell.checked_sub(1).and_then(|before| ends.get(before));
            let end = ends.get(cell)?;
            self.rows.text.get(start.copied().unwrap_or(0)..*end)
        });
        found.flatten().unwrap_or_default()
    }
}

/// Reads rows one after another.
pub struct LabelledFile<R> {
    reader: Reader<R>,
    columns: Columns,
    entities: HashMap<Vec<u8>, u32>,
    nodes: HashMap<Vec<u8>, i64>,
    row: ByteRecord,
}

/// Where each column stands.
#[derive(Clone)]
pub struct Columns {
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
    pub fn open(source: R, scheme: AdminScheme) -> anyhow::Result<Self> {
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

    /// The next rows, at most so many; none at the end.
    pub fn next_rows(&mut self, at_most: usize) -> anyhow::Result<LabelledRows> {
        let mut rows = LabelledRows::default();
        while rows.len() < at_most && self.reader.read_byte_record(&mut self.row)? {
            let cell = |place: usize| self.row.get(place).unwrap_or_default();
            let entity = number_of(&mut self.entities, cell(self.columns.entity));
            let mut columns = self.columns.places.iter();
            let node = columns.find(|(column, _)| *column == Column::Node);
            let node = node.map_or(0, |(_, place)| number_of(&mut self.nodes, cell(*place)));
            rows.push(&self.row, node, entity);
        }
        Ok(rows)
    }

    /// Where each column stands.
    pub fn columns(&self) -> Columns {
        self.columns.clone()
    }
}

impl Columns {
    /// What linkage may look at in a row.
    pub fn details<'a>(&self, row: &LabelledRow<'a>) -> Details<'a> {
        let mut details = Details::default();
        for (column, place) in &self.places {
            put(&mut details, *column, row.cell(*place), self.scheme);
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

fn put<'a>(details: &mut Details<'a>, column: Column, cell: &'a [u8], scheme: AdminScheme) {
    let text = match std::str::from_utf8(cell) {
        Ok(cell) => Cow::Borrowed(cell.trim()),
        Err(_) => Cow::Owned(String::from_utf8_lossy(cell).trim().to_owned()),
    };
    if text.is_empty() {
        return;
    }
    let cell = text.as_ref();
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
    let code = match cell.len() {
        5.. => cell.parse().ok()?,
        _ => format!("{cell:0>5}").parse().ok()?,
    };
    Some(UnitReference { scheme, code })
}

/// The codes of the list `sex`, and words for them.
fn read_sex(cell: &str) -> Option<Sex> {
    let small: Cow<'_, str> = match cell {
        "1" | "2" => cell.into(),
        _ => cell.to_lowercase().into(),
    };
    match small.as_ref() {
        "1" | "m" | "male" | "nam" | "trai" => Some(Sex::Male),
        "2" | "f" | "female" | "nữ" | "nu" | "gái" | "gai" => Some(Sex::Female),
        _ => None,
    }
}

/// Year, year and month, or a day, written in the order of ISO 8601 or of Vietnam.
fn read_date(cell: &str) -> Option<PartialDate> {
    let day = cell.split(['T', ' ']).next().unwrap_or(cell);
    let mut split = day.split(['-', '/', '.']);
    let mut parts = [""; 4];
    let mut count = 0;
    for (place, part) in parts.iter_mut().zip(&mut split) {
        *place = part;
        count += 1;
    }
    let number = |text: &str| text.parse::<u16>().ok();
    let (year, month, day) = match *parts.get(..count)? {
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
