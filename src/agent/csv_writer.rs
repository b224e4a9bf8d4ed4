//! Writing child records as CSV, with the columns that are read.

use std::io::Write;

use csv::Writer;
use uuid::Uuid;

use super::file::column::Column;
use crate::domain::draft::{ChildDraft, DateDraft, HouseholdDraft, PrecisionDraft, UnitDraft};

/// How a column's cell is made of a draft.
type WriteCell = fn(&ChildDraft) -> String;

/// Columns that are written after `record_id` and `version`.
const WRITTEN: [(Column, WriteCell); 14] = [
    (Column::Scheme, |draft| {
        unit(draft, |unit| unit.scheme.clone())
    }),
    (Column::UnitCode, |draft| {
        unit(draft, |unit| unit.code.clone())
    }),
    (Column::FullName, |draft| draft.full_name.clone()),
    // The contract's number for "not known" is 4, the list's code 0.
    (Column::Sex, |draft| (draft.sex % 4).to_string()),
    (Column::BirthDate, |draft| {
        draft.birth_date.map(date_text).unwrap_or_default()
    }),
    (Column::Pin, |draft| draft.personal_number.clone()),
    (Column::Ethnicity, |draft| {
        let code = draft
            .ethnicity
            .as_ref()
            .map(|ethnicity| ethnicity.code.clone());
        code.unwrap_or_default()
    }),
    (Column::MotherName, |draft| carer_name(draft, "02")),
    (Column::FatherName, |draft| carer_name(draft, "01")),
    (Column::Phone, |draft| {
        let phones = draft.carers.iter().map(|carer| &carer.phone);
        phones
            .into_iter()
            .find(|phone| !phone.is_empty())
            .cloned()
            .unwrap_or_default()
    }),
    (Column::Village, |draft| draft.village.clone()),
    (Column::HouseholdNumber, |draft| {
        household(draft, |home| home.number.clone())
    }),
    (Column::Poverty, |draft| {
        household(draft, |home| home.poverty_code.clone())
    }),
    (Column::PovertyYear, |draft| {
        let year = |home: &HouseholdDraft| Some(home.poverty_year).filter(|year| *year > 0);
        household(draft, |home| {
            year(home).map(|year| year.to_string()).unwrap_or_default()
        })
    }),
];

/// A file being written.
pub struct CsvWriter<W: Write>(Writer<W>);

impl<W: Write> CsvWriter<W> {
    /// Writes the header line.
    pub fn new(target: W) -> Result<Self, csv::Error> {
        let mut writer = Writer::from_writer(target);
        let names = [Column::RecordId, Column::Version].into_iter();
        let names = names.chain(WRITTEN.map(|(column, _)| column));
        writer.write_record(names.map(Column::name))?;
        Ok(Self(writer))
    }

    /// Writes one record.
    pub fn write(&mut self, id: Uuid, version: u64, draft: &ChildDraft) -> Result<(), csv::Error> {
        let names = [id.to_string(), version.to_string()].into_iter();
        self.0
            .write_record(names.chain(WRITTEN.map(|(_, cell)| cell(draft))))
    }

    /// Writes out what is buffered.
    pub fn finish(mut self) -> Result<(), csv::Error> {
        Ok(self.0.flush()?)
    }
}

fn unit(draft: &ChildDraft, text: impl Fn(&UnitDraft) -> String) -> String {
    draft.commune.as_ref().map(text).unwrap_or_default()
}

fn household(draft: &ChildDraft, text: impl Fn(&HouseholdDraft) -> String) -> String {
    draft.household.as_ref().map(text).unwrap_or_default()
}

fn carer_name(draft: &ChildDraft, relation: &str) -> String {
    let carer = draft
        .carers
        .iter()
        .find(|carer| carer.relation_code == relation);
    carer.map(|carer| carer.name.clone()).unwrap_or_default()
}

fn date_text(date: DateDraft) -> String {
    match date.precision {
        PrecisionDraft::Unknown => String::new(),
        PrecisionDraft::Day => format!("{:04}-{:02}-{:02}", date.year, date.month, date.day),
        PrecisionDraft::Month => format!("{:02}/{:04}", date.month, date.year),
        PrecisionDraft::Year | PrecisionDraft::Estimated => format!("{:04}", date.year),
    }
}
