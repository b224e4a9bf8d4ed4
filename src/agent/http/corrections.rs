//! The list of corrections as JSON.

use serde_json::{Map, Value, json};

use super::answers::Problem;
use super::records::{invalid, page_parameters, parameter, token};
use super::routes::kind_word;
use crate::agent::corrections::{
    Correction, CorrectionCounts, CorrectionsAsked, CorrectionsError, Trouble, count, list,
};
use crate::agent::overview::Overseen;
use crate::agent::words;
use crate::domain::correction::CorrectionReason;
use crate::domain::unit::UnitReference;

impl From<CorrectionsError> for Problem {
    fn from(error: CorrectionsError) -> Self {
        match error {
            CorrectionsError::Store(cause) => cause.into(),
            CorrectionsError::Sealing(_) => {
                tracing::error!(error = %error, "A request failed");
                Self::Internal
            }
        }
    }
}

/// How many records are to be corrected, by reason.
pub(super) async fn counts(overseen: &Overseen, query: &str) -> Result<Value, Problem> {
    let counts = count(overseen, read_unit(query)?).await?;
    Ok(counts_json(&counts))
}

/// A page of the records to correct for one reason, with the counts of all.
pub(super) async fn page(
    overseen: &Overseen,
    reason: CorrectionReason,
    query: &str,
) -> Result<Value, Problem> {
    let asked = asked(reason, query)?;
    let counts = count(overseen, asked.unit).await?;
    let found = list(overseen, asked).await?;
    let next = next_after(&found, asked.limit);
    let found: Vec<Value> = found.iter().map(correction).collect();
    Ok(json!({
        "reason": reason.word(),
        "reason_vi": words::correction(reason),
        "counts": counts_json(&counts),
        "corrections": found,
        "next_after": next,
    }))
}

/// What a query asks for.
pub(super) fn asked(reason: CorrectionReason, query: &str) -> Result<CorrectionsAsked, Problem> {
    let (after, limit) = page_parameters(query)?;
    Ok(CorrectionsAsked {
        reason,
        unit: read_unit(query)?,
        after,
        limit,
    })
}

/// Where the next page begins; `None` on the last one.
pub(super) fn next_after(found: &[Correction], limit: i64) -> Option<String> {
    let is_last = i64::try_from(found.len()) != Ok(limit);
    let last = found.last().filter(|_| !is_last);
    last.map(|last| token(last.key))
}

/// The unit of a query; none where it is not asked for.
pub(super) fn read_unit(query: &str) -> Result<Option<UnitReference>, Problem> {
    let Some(text) = parameter(query, "unit") else {
        return Ok(None);
    };
    let unit = text.parse().map(Some);
    unit.map_err(|_| invalid("unit", "must be SCHEME:CODE, for example GSO_PRE2025:30742"))
}

fn counts_json(counts: &CorrectionCounts) -> Value {
    let reasons = counts.reasons.iter();
    let reasons = reasons.map(|(reason, records)| (reason.word().to_owned(), json!(records)));
    let units = counts.units.iter().map(|(unit, records)| {
        let successors = crate::agent::corrections::successors(*unit);
        json!({
            "unit": unit_json(*unit),
            "successors": successors.into_iter().map(unit_json).collect::<Vec<_>>(),
            "records": records,
        })
    });
    json!({
        "records": counts.records,
        "reasons": reasons.collect::<Map<_, _>>(),
        "units": units.collect::<Vec<_>>(),
    })
}

fn unit_json(unit: UnitReference) -> Value {
    json!({
        "scheme": unit.scheme.as_str(),
        "code": unit.code.to_string(),
        "name": unit.full_name(),
    })
}

fn correction(correction: &Correction) -> Value {
    let units = |units: &[UnitReference]| units.iter().map(|unit| unit_json(*unit)).collect();
    let (successors, linked): (Vec<Value>, Vec<Value>) = (
        units(&correction.successors),
        units(&correction.linked_units),
    );
    json!({
        "kind": kind_word(correction.key.0),
        "record_id": correction.key.1.to_string(),
        "version": correction.version.as_u64(),
        "standing": correction.standing.word(),
        "standing_vi": words::standing(correction.standing),
        "reason": correction.reason.word(),
        "reason_vi": words::correction(correction.reason),
        "name": correction.label.name,
        "birth_date": correction.label.birth_date,
        "unit": correction.unit.map(unit_json),
        "successors": successors,
        "linked_units": linked,
        "troubles": correction.troubles.iter().map(trouble).collect::<Vec<_>>(),
    })
}

fn trouble(trouble: &Trouble) -> Value {
    json!({
        "field": trouble.field,
        "field_vi": trouble.label,
        "problem": trouble.problem,
        "problem_vi": trouble.problem_vi,
        "advice": trouble.advice,
        "advice_vi": trouble.advice_vi,
    })
}
