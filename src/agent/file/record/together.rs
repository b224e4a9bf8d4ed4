//! Fields that several columns make up together.

use super::{FATHER, MOTHER, OTHER_CARER, Parts, RowDraft, carer, household};
use crate::agent::file::cell::Cell;
use crate::agent::file::column::Column;
use crate::agent::file::dates::{self, DateContext, DateOrder};
use crate::agent::file::finding::Finding;
use crate::domain::draft::CarerDraft;

impl RowDraft<'_> {
    /// Puts together what several columns say.
    pub(in crate::agent::file) fn finish(&mut self) {
        self.finish_unit();
        self.finish_name();
        self.finish_birth_date();
        self.finish_sex();
        self.finish_household();
        self.finish_carers();
    }

    /// A name stands above the commune of rows that name none.
    fn finish_unit(&mut self) {
        let Parts {
            unit_name,
            district_name,
            ..
        } = &self.parts;
        let unit = self.child.commune.get_or_insert_default();
        if let (false, Some(communes)) = (unit_name.is_empty(), &self.context.communes) {
            match communes.find(unit_name, district_name) {
                Ok(code) => unit.code = code,
                Err(finding) => {
                    self.found.push((Some(Column::UnitName), finding));
                    return;
                }
            }
        }
        if unit.code.is_empty() {
            self.found
                .push((Some(Column::UnitCode), Finding::UnitMissing));
        }
    }

    fn finish_name(&mut self) {
        let Parts {
            family_name,
            given_name,
            ..
        } = &self.parts;
        if self.child.full_name.is_empty() {
            let name = format!("{family_name} {given_name}");
            name.trim().clone_into(&mut self.child.full_name);
        }
    }

    fn finish_birth_date(&mut self) {
        let parts = &self.parts.birth;
        if self.child.birth_date.is_some() || parts.year.is_empty() {
            return;
        }
        let zero = |text: &str| {
            if text.is_empty() {
                "0".to_owned()
            } else {
                text.to_owned()
            }
        };
        let text = format!("{}/{}/{}", zero(&parts.day), zero(&parts.month), parts.year);
        let context = DateContext {
            order: DateOrder::DayFirst,
            ..self.context.dates
        };
        match dates::read(&Cell::Text(text), context) {
            Ok((date, note)) => {
                self.child.birth_date = Some(date);
                self.found
                    .extend(note.map(|note| (Some(Column::BirthYear), note)));
            }
            Err(finding) => self.found.push((Some(Column::BirthYear), finding)),
        }
    }

    fn finish_sex(&mut self) {
        let sexes = &mut self.parts.sexes;
        sexes.dedup();
        match sexes.as_slice() {
            [] => {}
            [sex] => self.child.sex = *sex,
            [_, _, ..] => self
                .found
                .push((Some(Column::Sex), Finding::MarksContradict)),
        }
    }

    fn finish_household(&mut self) {
        let Some(code) = self.parts.poverty.first() else {
            return;
        };
        let household = household(&mut self.child);
        let contradicts = !household.poverty_code.is_empty() && household.poverty_code != *code;
        if contradicts || self.parts.poverty.len() > 1 {
            self.found
                .push((Some(Column::Poor), Finding::MarksContradict));
        } else {
            (*code).clone_into(&mut household.poverty_code);
        }
    }

    /// The family's telephone goes to the first carer who is named, the mother before the father.
    fn finish_carers(&mut self) {
        let Parts {
            phone,
            carer_relation,
            ..
        } = &self.parts;
        let carers = &mut self.child.carers;
        if !carer_relation.is_empty()
            && let Some(other) = carers
                .iter_mut()
                .find(|carer| carer.relation_code == OTHER_CARER)
        {
            other.relation_code.clone_from(carer_relation);
        }
        if phone.is_empty() {
            return;
        }
        if carers.is_empty() {
            carer(&mut self.child, OTHER_CARER, |_| {});
        }
        let order = |carer: &&mut CarerDraft| {
            (carer.relation_code != MOTHER, carer.relation_code != FATHER)
        };
        if let Some(first) = self.child.carers.iter_mut().min_by_key(order) {
            first.phone.clone_from(phone);
        }
    }
}
