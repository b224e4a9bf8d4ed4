//! Which record a row is, from one export of a program to the next.

use uuid::Uuid;

use super::{Found, RowDraft};
use crate::agent::file::column::Column;
use crate::agent::file::finding::Finding;

/// Names record ids that are no UUIDs: version 5 under this namespace, of unit and text.
pub const RECORD_NAMESPACE: Uuid = Uuid::from_u128(0x6f0d_7ec1_93b2_4d86_9a55_2c1e_7f30_b8d4);

impl RowDraft<'_> {
    /// The record's UUID: the text of its column if it is one, otherwise made from commune and text; or made
    /// from commune and key columns.
    pub(in crate::agent::file) fn uuid(&self) -> Result<Uuid, Found> {
        let commune = self
            .child
            .commune
            .as_ref()
            .map_or("", |unit| unit.code.as_str());
        if self.context.key.is_empty() {
            if self.record_id.is_empty() {
                return Err((Some(Column::RecordId), Finding::RecordIdEmpty));
            }
            let made = || {
                Uuid::new_v5(
                    &RECORD_NAMESPACE,
                    format!("{commune}\n{}", self.record_id).as_bytes(),
                )
            };
            return Ok(Uuid::try_parse(&self.record_id).unwrap_or_else(|_| made()));
        }
        let mut name = format!("{commune}\nkey");
        for column in &self.context.key {
            let text = self
                .key_text(*column)
                .ok_or((Some(*column), Finding::KeyEmpty))?;
            name.push_str(&["\n", column.name(), "=", &text].concat());
        }
        Ok(Uuid::new_v5(&RECORD_NAMESPACE, name.as_bytes()))
    }

    /// What a key column says, however it is written.
    fn key_text(&self, column: Column) -> Option<String> {
        if matches!(
            column,
            Column::BirthDate | Column::MaleBirthDate | Column::FemaleBirthDate
        ) {
            let date = self.child.birth_date?;
            return Some(format!("{}-{}-{}", date.year, date.month, date.day));
        }
        if column == Column::Pin {
            return Some(self.child.personal_number.clone()).filter(|number| !number.is_empty());
        }
        let text = self
            .key
            .iter()
            .find(|(known, _)| *known == column)
            .map(|(_, text)| text.clone());
        text.filter(|text| !text.is_empty())
    }
}
