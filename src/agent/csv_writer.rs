//! Writing child records as CSV, with the columns that are read.

use std::io::Write;

use csv::Writer;
use uuid::Uuid;

use super::csv_columns::Column;
use crate::domain::draft::{ChildDraft, DateDraft, PrecisionDraft};

/// Columns that are written.
const WRITTEN: [Column; 16] = [
    Column::RecordId,
    Column::Version,
    Column::Scheme,
    Column::UnitCode,
    Column::FullName,
    Column::Sex,
    Column::BirthDate,
    Column::Pin,
    Column::Ethnicity,
    Column::MotherName,
    Column::FatherName,
    Column::Phone,
    Column::Village,
    Column::HouseholdNumber,
    Column::Poverty,
    Column::PovertyYear,
];

/// A file being written.
pub struct CsvWriter<W: Write>(Writer<W>);

impl<W: Write> CsvWriter<W> {
    /// Writes the header line.
    pub fn new(target: W) -> Result<Self, csv::Error> {
        let mut writer = Writer::from_writer(target);
        writer.write_record(WRITTEN.map(Column::name))?;
        Ok(Self(writer))
    }

    /// Writes one record.
    pub fn write(&mut self, id: Uuid, version: u64, draft: &ChildDraft) -> Result<(), csv::Error> {
        let cell = |column| {
            if column == Column::RecordId {
                id.to_string()
            } else if column == Column::Version {
                version.to_string()
            } else {
                cell(column, draft)
            }
        };
        self.0.write_record(WRITTEN.map(cell))
    }

    /// Writes out what is buffered.
    pub fn finish(mut self) -> Result<(), csv::Error> {
        Ok(self.0.flush()?)
    }
}

fn cell(column: Column, draft: &ChildDraft) -> String {
    let unit = draft.commune.as_ref();
    let household = draft.household.as_ref();
    let carer = |relation: &str| {
        draft
            .carers
            .iter()
            .find(|carer| carer.relation_code == relation)
            .map(|carer| &carer.name)
    };
    match column {
        Column::Scheme => unit.map(|unit| unit.scheme.clone()).unwrap_or_default(),
        Column::UnitCode => unit.map(|unit| unit.code.clone()).unwrap_or_default(),
        Column::FullName => draft.full_name.clone(),
        // The contract's number for "not known" is 4, the list's code 0.
        Column::Sex => (draft.sex % 4).to_string(),
        Column::BirthDate => draft.birth_date.map(date_text).unwrap_or_default(),
        Column::StatusSince => draft.status_since.map(date_text).unwrap_or_default(),
        Column::CollectedOn => draft.collected_on.map(date_text).unwrap_or_default(),
        Column::Pin => draft.personal_number.clone(),
        Column::Ethnicity => draft
            .ethnicity
            .as_ref()
            .map(|ethnicity| ethnicity.code.clone())
            .unwrap_or_default(),
        Column::MotherName => carer("02").cloned().unwrap_or_default(),
        Column::FatherName => carer("01").cloned().unwrap_or_default(),
        Column::Phone => draft
            .carers
            .iter()
            .map(|carer| carer.phone.clone())
            .find(|phone| !phone.is_empty())
            .unwrap_or_default(),
        Column::Village => draft.village.clone(),
        Column::HouseholdNumber => household
            .map(|home| home.number.clone())
            .unwrap_or_default(),
        Column::Poverty => household
            .map(|home| home.poverty_code.clone())
            .unwrap_or_default(),
        Column::PovertyYear => household
            .filter(|home| home.poverty_year > 0)
            .map(|home| home.poverty_year.to_string())
            .unwrap_or_default(),
        Column::Status => draft.status.to_string(),
        Column::Nationality => draft.nationality.clone(),
        Column::InsuranceNumber => draft
            .insurance
            .as_ref()
            .map(|card| card.number.clone())
            .unwrap_or_default(),
        Column::RecordId | Column::Version | Column::EntityId => String::new(),
    }
}

fn date_text(date: DateDraft) -> String {
    match date.precision {
        PrecisionDraft::Unknown => String::new(),
        PrecisionDraft::Day => format!("{:04}-{:02}-{:02}", date.year, date.month, date.day),
        PrecisionDraft::Month => format!("{:02}/{:04}", date.month, date.year),
        PrecisionDraft::Year | PrecisionDraft::Estimated => format!("{:04}", date.year),
    }
}
