//! What an official is asked to correct: lists and counts.

use sqlx::query_as;
use uuid::Uuid;

use super::records::{AgentRecord, RecordRow};
use super::{AgentTransaction, OwnKey};
use crate::domain::correction::{CorrectionReason, CorrectionReasons};
use crate::domain::unit::UnitReference;
use crate::store::{StoreError, on_conn, sql};

/// How many records are to be corrected for exactly these reasons in one unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CorrectionCount {
    /// The reasons.
    pub reasons: CorrectionReasons,
    /// The unit, where known.
    pub unit: Option<UnitReference>,
    /// How many.
    pub records: i64,
}

impl AgentTransaction {
    /// Records that are to be corrected for a reason, of one unit or of any, in the order of their keys, after
    /// a key.
    pub async fn list_corrections(
        &mut self,
        reason: CorrectionReason,
        unit: Option<UnitReference>,
        after: Option<OwnKey>,
        limit: i64,
    ) -> Result<Vec<AgentRecord>, StoreError> {
        let (kind, id) = after.map_or((0, Uuid::nil()), |(kind, id)| (kind.code(), id.as_uuid()));
        let rows: Vec<RecordRow> = on_conn!(self.inner, |conn| {
            query_as(sql::agent::LIST_CORRECTIONS)
                .bind(reason.bit())
                .bind(unit_text(unit))
                .bind(kind)
                .bind(id)
                .bind(limit)
                .fetch_all(conn)
                .await?
        });
        rows.into_iter().map(RecordRow::read).collect()
    }

    /// How many records are to be corrected, by their reasons and their unit.
    pub async fn count_corrections(
        &mut self,
        unit: Option<UnitReference>,
    ) -> Result<Vec<CorrectionCount>, StoreError> {
        let rows: Vec<(i16, String, i64)> = on_conn!(self.inner, |conn| {
            query_as(sql::agent::COUNT_CORRECTIONS)
                .bind(unit_text(unit))
                .fetch_all(conn)
                .await?
        });
        let count = |(bits, unit, records): (i16, String, i64)| CorrectionCount {
            reasons: CorrectionReasons::from_bits(bits),
            unit: unit.parse().ok(),
            records,
        };
        Ok(rows.into_iter().map(count).collect())
    }
}

/// A unit as the table has it; empty for none.
pub(super) fn unit_text(unit: Option<UnitReference>) -> String {
    unit.map(|unit| unit.to_string()).unwrap_or_default()
}
