//! The list of what an official is to correct, grouped by reason.
//!
//! Everything comes from what the agent holds: its own findings, the hub's answers and the hub's feed. A record
//! leaves the list when a newer version of it is kept, and comes back if that is still wrong.

mod wording;

use super::label::{Label, open_label};
use super::overview::Overseen;
use crate::domain::correction::CorrectionReason;
use crate::domain::record::Version;
use crate::domain::standing::{HubWord, Standing};
use crate::domain::unit::UnitReference;
use crate::security::seal::SealError;
use crate::store::{OwnKey, StoreError};

/// Units that the summary names at most, those with the most records.
const UNITS_NAMED_MAX: usize = 20;

/// A record that is to be corrected for one reason.
#[derive(Clone, Debug)]
pub struct Correction {
    /// The record.
    pub key: OwnKey,
    /// Its newest version.
    pub version: Version,
    /// Where that is.
    pub standing: Standing,
    /// Why it is on the list.
    pub reason: CorrectionReason,
    /// Which child is meant, where known.
    pub label: Label,
    /// The commune that the record names, where known.
    pub unit: Option<UnitReference>,
    /// The units of today that took the commune over.
    pub successors: Vec<UnitReference>,
    /// Units of the other nodes that hold records of the child.
    pub linked_units: Vec<UnitReference>,
    /// What is wrong, field by field.
    pub troubles: Vec<Trouble>,
}

/// What is wrong with one field, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// Path of the field from the record down; empty for the record as a whole.
    pub field: String,
    /// What an official calls the field.
    pub label: String,
    /// What is wrong, in Vietnamese.
    pub problem_vi: String,
    /// What to do, in Vietnamese.
    pub advice_vi: String,
    /// What is wrong, in English.
    pub problem: String,
    /// What to do, in English.
    pub advice: String,
}

/// How many records are on the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorrectionCounts {
    /// By reason, in the order of the list. A record with two reasons counts twice.
    pub reasons: [(CorrectionReason, i64); 5],
    /// Of [`CorrectionReason::Unit`], by the commune that is gone, the most records first.
    pub units: Vec<(UnitReference, i64)>,
    /// Records on the list.
    pub records: i64,
}

/// The list cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum CorrectionsError {
    /// The database did not take part.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A label cannot be opened.
    #[error(transparent)]
    Sealing(#[from] SealError),
}

/// Which part of the list is wanted.
#[derive(Clone, Copy, Debug)]
pub struct CorrectionsAsked {
    /// The reason.
    pub reason: CorrectionReason,
    /// Records of this unit only.
    pub unit: Option<UnitReference>,
    /// The last record of the page before.
    pub after: Option<OwnKey>,
    /// Records at most.
    pub limit: i64,
}

/// How many records are to be corrected, of one unit or of all.
pub async fn count(
    overseen: &Overseen,
    unit: Option<UnitReference>,
) -> Result<CorrectionCounts, CorrectionsError> {
    let mut reading = overseen.store.read().await?;
    let found = reading.count_corrections(unit).await?;
    let of_reason = |reason: CorrectionReason| {
        let counted = found.iter().filter(|row| row.reasons.has(reason));
        (reason, counted.map(|row| row.records).sum())
    };
    let mut units: Vec<(UnitReference, i64)> = Vec::new();
    for row in &found {
        let gone = row.unit.filter(|unit| !unit.is_of_today());
        let Some(gone) = gone.filter(|_| row.reasons.has(CorrectionReason::Unit)) else {
            continue;
        };
        match units.iter_mut().find(|(unit, _)| *unit == gone) {
            Some((_, records)) => *records += row.records,
            None => units.push((gone, row.records)),
        }
    }
    units.sort_unstable_by_key(|(unit, records)| (-records, *unit));
    units.truncate(UNITS_NAMED_MAX);
    Ok(CorrectionCounts {
        reasons: CorrectionReason::ALL.map(of_reason),
        units,
        records: found.iter().map(|row| row.records).sum(),
    })
}

/// A page of the list, in the order of record ids.
pub async fn list(
    overseen: &Overseen,
    asked: CorrectionsAsked,
) -> Result<Vec<Correction>, CorrectionsError> {
    let mut reading = overseen.store.read().await?;
    let (unit, after) = (asked.unit, asked.after);
    let records = reading
        .list_corrections(asked.reason, unit, after, asked.limit)
        .await?;
    drop(reading);
    let mut corrections = Vec::with_capacity(records.len());
    for record in records {
        corrections.push(Correction {
            key: record.key,
            version: record.version,
            standing: record.standing,
            reason: asked.reason,
            label: open_label(&overseen.key, &record)?,
            unit: record.unit,
            successors: record.unit.map(successors).unwrap_or_default(),
            linked_units: record
                .hub
                .as_ref()
                .map(HubWord::units_elsewhere)
                .unwrap_or_default(),
            troubles: wording::troubles(&record, asked.reason, &overseen.territory),
        });
    }
    Ok(corrections)
}

/// The units of today that a commune is now; of a code that its list lacks, those of the code's namesakes.
/// None for a commune of today.
pub fn successors(unit: UnitReference) -> Vec<UnitReference> {
    use crate::domain::unit::AdminScheme;

    if unit.is_of_today() {
        return Vec::new();
    }
    let of_today = |unit: UnitReference| {
        let codes = unit.of_today().into_iter();
        codes.map(|code| UnitReference {
            scheme: AdminScheme::Gso2025,
            code,
        })
    };
    let mut found: Vec<UnitReference> = if unit.find().is_some() {
        of_today(unit).collect()
    } else {
        unit.namesakes().flat_map(of_today).collect()
    };
    found.sort_unstable();
    found.dedup();
    found
}

/// A unit as an official reads it: name, what is around it, and code.
pub fn unit_words(unit: UnitReference) -> String {
    match unit.full_name() {
        Some(name) => format!("{name} ({})", unit.code),
        None => unit.code.to_string(),
    }
}
