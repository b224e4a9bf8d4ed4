//! A row as a record.

mod identity;
mod together;

use super::cell::Cell;
use super::codes;
use super::column::Column;
use super::communes::Communes;
use super::dates::{self, DateContext};
use super::finding::{Finding, Severity};
use super::mapping::Mapping;
use super::numbers;
use super::text_key::marked;
use crate::domain::draft::{
    BirthRegistrationDraft, CarerDraft, ChildDraft, CodeDraft, DateDraft, HouseholdDraft,
    SchoolingDraft, UnitDraft,
};
use crate::domain::unit::AdminScheme;

const FATHER: &str = "01";
const MOTHER: &str = "02";
/// A carer of whom nothing more is said.
const OTHER_CARER: &str = "99";

/// What is the same for all rows of a file.
pub(super) struct RowContext {
    pub(super) mapping: Mapping,
    pub(super) scheme: AdminScheme,
    /// Code of the commune of rows that name none.
    pub(super) commune: String,
    pub(super) communes: Option<Communes>,
    pub(super) dates: DateContext,
    /// Columns that name a record together; none where there are record ids.
    pub(super) key: Vec<Column>,
}

pub use identity::RECORD_NAMESPACE;

/// A finding, in a column where one is to blame.
pub type Found = (Option<Column>, Finding);

/// A row under construction.
pub(super) struct RowDraft<'a> {
    context: &'a RowContext,
    pub(super) child: ChildDraft,
    pub(super) record_id: String,
    pub(super) version: Option<u64>,
    pub(super) found: Vec<Found>,
    parts: Parts,
    key: Vec<(Column, String)>,
}

/// What several columns make up together.
#[derive(Default)]
struct Parts {
    unit_name: String,
    district_name: String,
    family_name: String,
    given_name: String,
    birth: BirthParts,
    sexes: Vec<i32>,
    poverty: Vec<&'static str>,
    phone: String,
    carer_relation: String,
}

/// Day, month and year of birth in columns of their own.
#[derive(Default)]
struct BirthParts {
    day: String,
    month: String,
    year: String,
}

impl<'a> RowDraft<'a> {
    pub(super) fn new(context: &'a RowContext) -> Self {
        let commune = UnitDraft {
            scheme: context.scheme.as_str().to_owned(),
            code: context.commune.clone(),
        };
        let child = ChildDraft {
            commune: Some(commune),
            status: 1,
            ..ChildDraft::default()
        };
        Self {
            context,
            child,
            record_id: String::new(),
            version: None,
            found: Vec::new(),
            parts: Parts::default(),
            key: Vec::new(),
        }
    }

    /// Takes in the cells of a column. Empty ones say nothing: what must be filled, the hub names.
    pub(super) fn take<'c>(&mut self, column: Column, cells: impl Iterator<Item = &'c Cell>) {
        let filled: Vec<&Cell> = cells.filter(|cell| !cell.is_empty()).collect();
        let Some(first) = filled.first() else { return };
        let texts: Result<Vec<_>, Finding> = filled.iter().map(|cell| cell.text()).collect();
        let taken = texts.and_then(|texts| {
            let text = texts.join(" ");
            let meant = self
                .context
                .mapping
                .meaning(column, &text)
                .map(str::to_owned);
            self.set(column, first, meant.unwrap_or(text))
        });
        match taken {
            Ok(note) => self.found.extend(note.map(|note| (Some(column), note))),
            Err(finding) => self.found.push((Some(column), finding)),
        }
    }

    /// Whether something keeps the row from being sent.
    pub(super) fn is_refused(&self) -> bool {
        self.found
            .iter()
            .any(|(_, finding)| finding.severity() == Severity::Refuses)
    }

    /// Sets the field of a column, or keeps its part of one.
    #[expect(clippy::too_many_lines, reason = "a table: an arm for each column")]
    fn set(
        &mut self,
        column: Column,
        cell: &Cell,
        text: String,
    ) -> Result<Option<Finding>, Finding> {
        self.keep_key(column, &text);
        let child = &mut self.child;
        match column {
            Column::Ordinal | Column::Remark | Column::EntityId => {}
            Column::RecordId => self.record_id = text,
            Column::Version => self.version = Some(numbers::whole(&text)?),
            Column::Scheme => child.commune.get_or_insert_default().scheme = text,
            Column::UnitCode => return Ok(self.set_unit_code(&text)),
            Column::UnitName => self.parts.unit_name = text,
            Column::DistrictName => self.parts.district_name = text,
            Column::FullName => return set_name(&mut child.full_name, &text),
            Column::FamilyName => return set_name(&mut self.parts.family_name, &text),
            Column::GivenName => return set_name(&mut self.parts.given_name, &text),
            Column::OtherName => return set_name(&mut child.other_name, &text),
            Column::Sex => return self.set_sex(&text),
            Column::Male | Column::Female | Column::Poor | Column::NearPoor => {
                self.set_mark(column, codes::read_mark(&text)?);
            }
            Column::BirthDate | Column::MaleBirthDate | Column::FemaleBirthDate => {
                return self.set_birth_date(column, cell);
            }
            Column::BirthDay => self.parts.birth.day = digits(&text)?,
            Column::BirthMonth => self.parts.birth.month = digits(&text)?,
            Column::BirthYear => self.parts.birth.year = digits(&text)?,
            Column::StatusSince => return self.set_date(cell, |child| &mut child.status_since),
            Column::CollectedOn => return self.set_date(cell, |child| &mut child.collected_on),
            Column::BirthRegisteredOn => {
                return self.set_date(cell, |child| &mut registration(child).registered_on);
            }
            Column::Pin => return Ok(self.set_personal_number(&text)),
            Column::PinAbsence => child.personal_number_absence = text,
            Column::Nationality => {
                child.nationality = codes::read(column, &text).map_or(text, |(code, _)| code);
            }
            Column::BirthCertificate => registration(child).number = text,
            Column::Ethnicity => return self.set_ethnicity(&text),
            Column::CarerRelation => {
                let (code, note) = codes::read(column, &text)?;
                self.parts.carer_relation = code;
                return Ok(note);
            }
            Column::Status => {
                let (code, note) = codes::read(column, &text)?;
                child.status = numbers::whole(&code)?;
                return Ok(note);
            }
            Column::BirthRegistration => {
                return set_code(column, &text, &mut registration(child).status_code);
            }
            Column::Poverty => return set_code(column, &text, &mut household(child).poverty_code),
            Column::HeadRelation => {
                return set_code(column, &text, &mut household(child).relation_code);
            }
            Column::EducationLevel => {
                return set_code(column, &text, &mut schooling(child).level_code);
            }
            Column::SchoolStatus => {
                return set_code(column, &text, &mut schooling(child).status_code);
            }
            Column::BirthPlace => child.birth_place.get_or_insert_default().text = text,
            Column::Origin => child.origin.get_or_insert_default().text = text,
            Column::MotherName => {
                return carer(child, MOTHER, |carer| set_name(&mut carer.name, &text));
            }
            Column::FatherName => {
                return carer(child, FATHER, |carer| set_name(&mut carer.name, &text));
            }
            Column::CarerName => {
                return carer(child, OTHER_CARER, |carer| set_name(&mut carer.name, &text));
            }
            Column::MotherBirthYear => {
                let year = year(cell, self.context.dates)?;
                carer(child, MOTHER, |carer| carer.birth_year = year);
            }
            Column::FatherBirthYear => {
                let year = year(cell, self.context.dates)?;
                carer(child, FATHER, |carer| carer.birth_year = year);
            }
            Column::Phone => {
                let (phone, note) = numbers::phone(&text);
                self.parts.phone = phone;
                return Ok(note);
            }
            Column::Village => child.village = text,
            Column::Address => child.current_address.get_or_insert_default().text = text,
            Column::PermanentAddress => child.permanent_address.get_or_insert_default().text = text,
            Column::HouseholdNumber => household(child).number = text,
            Column::HouseholdHead => return set_name(&mut household(child).head_name, &text),
            Column::PovertyYear => household(child).poverty_year = year(cell, self.context.dates)?,
            Column::InsuranceNumber => {
                child.insurance.get_or_insert_default().number = without_spaces(&text);
            }
            Column::School => schooling(child).school = text,
            Column::SchoolClass => schooling(child).class_name = text,
        }
        Ok(None)
    }

    fn keep_key(&mut self, column: Column, text: &str) {
        if self.context.key.contains(&column) {
            self.key.push((column, marked(text)));
        }
    }

    fn set_unit_code(&mut self, text: &str) -> Option<Finding> {
        let text = text.strip_suffix(".0").unwrap_or(text);
        let ate_zeros = text.len() < 5 && text.bytes().all(|byte| byte.is_ascii_digit());
        self.child.commune.get_or_insert_default().code = format!("{text:0>5}");
        ate_zeros.then_some(Finding::ZerosRestored)
    }

    fn set_sex(&mut self, text: &str) -> Result<Option<Finding>, Finding> {
        let (code, note) = codes::read(Column::Sex, text)?;
        let number = numbers::whole::<i32>(&code)?;
        // The list's code for "not known" is 0, the contract's number 4.
        self.parts.sexes.push(if number == 0 { 4 } else { number });
        Ok(note)
    }

    fn set_mark(&mut self, column: Column, is_marked: bool) {
        if !is_marked {
            return;
        }
        if matches!(column, Column::Male | Column::Female) {
            self.parts
                .sexes
                .push(if column == Column::Male { 1 } else { 2 });
        } else {
            self.parts
                .poverty
                .push(if column == Column::Poor { "1" } else { "2" });
        }
    }

    fn set_date(
        &mut self,
        cell: &Cell,
        field: impl FnOnce(&mut ChildDraft) -> &mut Option<DateDraft>,
    ) -> Result<Option<Finding>, Finding> {
        let (date, note) = dates::read(cell, self.context.dates)?;
        *field(&mut self.child) = Some(date);
        Ok(note)
    }

    /// The date may stand in a column of boys or of girls, which says the sex.
    fn set_birth_date(&mut self, column: Column, cell: &Cell) -> Result<Option<Finding>, Finding> {
        if self.child.birth_date.is_some() {
            return Err(Finding::MarksContradict);
        }
        let note = self.set_date(cell, |child| &mut child.birth_date)?;
        if column != Column::BirthDate {
            self.parts.sexes.push(if column == Column::MaleBirthDate {
                1
            } else {
                2
            });
        }
        Ok(note)
    }

    fn set_personal_number(&mut self, text: &str) -> Option<Finding> {
        let (number, note) = numbers::personal_number(text);
        self.child.personal_number = number;
        note
    }

    fn set_ethnicity(&mut self, text: &str) -> Result<Option<Finding>, Finding> {
        let list = self
            .context
            .mapping
            .ethnicity_list
            .as_deref()
            .unwrap_or("1979");
        // Words are those of the list of 1979: of another list the codes must be written.
        let (code, note) = if list == "1979" {
            codes::read(Column::Ethnicity, text)?
        } else {
            (format!("{text:0>2}"), None)
        };
        let list_version = list.to_owned();
        self.child.ethnicity = Some(CodeDraft { list_version, code });
        Ok(note)
    }
}

fn set_name(name: &mut String, text: &str) -> Result<Option<Finding>, Finding> {
    let (read, note) = numbers::name(text)?;
    *name = read;
    Ok(note)
}

fn set_code(column: Column, text: &str, field: &mut String) -> Result<Option<Finding>, Finding> {
    let (code, note) = codes::read(column, text)?;
    *field = code;
    Ok(note)
}

fn digits(text: &str) -> Result<String, Finding> {
    let whole = text.strip_suffix(".0").unwrap_or(text);
    let is_number = whole.bytes().all(|byte| byte.is_ascii_digit());
    is_number
        .then(|| whole.to_owned())
        .ok_or(Finding::NumberUnreadable)
}

/// The year of a cell that holds a year or a whole date.
fn year(cell: &Cell, dates: DateContext) -> Result<u32, Finding> {
    let (date, _) = dates::read(cell, dates).map_err(|_| Finding::NumberUnreadable)?;
    Ok(date.year)
}

fn without_spaces(text: &str) -> String {
    text.chars()
        .filter(|letter| !letter.is_whitespace() && *letter != '.')
        .collect()
}

fn household(child: &mut ChildDraft) -> &mut HouseholdDraft {
    child.household.get_or_insert_default()
}

fn schooling(child: &mut ChildDraft) -> &mut SchoolingDraft {
    child.schooling.get_or_insert_default()
}

fn registration(child: &mut ChildDraft) -> &mut BirthRegistrationDraft {
    child.birth_registration.get_or_insert_default()
}

/// Changes the carer with a relation, who is added where there is none yet.
fn carer<T>(
    child: &mut ChildDraft,
    relation: &str,
    change: impl FnOnce(&mut CarerDraft) -> T,
) -> T {
    let carers = &mut child.carers;
    if let Some(known) = carers
        .iter_mut()
        .find(|carer| carer.relation_code == relation)
    {
        return change(known);
    }
    let relation_code = relation.to_owned();
    let mut added = CarerDraft {
        relation_code,
        ..CarerDraft::default()
    };
    let changed = change(&mut added);
    carers.push(added);
    changed
}
