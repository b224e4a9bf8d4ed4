//! Where each record is.

use std::str::FromStr;

use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row, query_as};
use uuid::Uuid;

use super::corrections::unit_text;
use super::tiers::{read_tiers, write_tiers};
use super::{AgentTransaction, OwnKey, key_columns, read_key};
use crate::domain::clock::Timestamp;
use crate::domain::correction::Correctable;
use crate::domain::record::{ContentHash, RecordId, RecordKind, Version};
use crate::domain::relations::Relations;
use crate::domain::standing::{Above, HubAnswer, HubState, HubWord, Standing};
use crate::domain::unit::UnitReference;
use crate::store::bulk::Column;
use crate::store::relations::{read_relations, write_relations};
use crate::store::submissions::read_version;
use crate::store::{StoreError, on_conn, sql};

/// A record with its newest version and what the hub says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentRecord {
    /// The record.
    pub key: OwnKey,
    /// Its newest version.
    pub version: Version,
    /// Hash of the canonical content; `None` where only the hub has told of the record.
    pub hash: Option<ContentHash>,
    /// What it says of other records.
    pub relations: Relations,
    /// The commune that it names, where known; it need not exist.
    pub unit: Option<UnitReference>,
    /// What tells an official which child is meant, sealed; empty where that is not known.
    pub label: Vec<u8>,
    /// When it was kept, by this machine's clock.
    pub kept_at: Timestamp,
    /// The rules that it breaks as far as the agent can tell, as `path RULE`, one a line.
    pub rules: String,
    /// What is odd in it as far as the agent can tell, in the same way.
    pub warnings: String,
    /// Where the newest version is.
    pub standing: Standing,
    /// What the hub answered to the newest version that it was sent.
    pub answered: Option<Answered>,
    /// What the hub's feed says.
    pub hub: Option<HubWord>,
}

/// The hub's answer to one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The version.
    pub version: Version,
    /// The answer.
    pub answer: HubAnswer,
    /// Why, as a stable word; empty when there is nothing to explain.
    pub reason: String,
    /// The broken rules as `path RULE`, one a line.
    pub rules: String,
}

impl AgentTransaction {
    /// The records of these keys, in no order; absent ones are left out.
    pub async fn find_records(&mut self, keys: &[OwnKey]) -> Result<Vec<AgentRecord>, StoreError> {
        let rows: Vec<RecordRow> = self
            .inner
            .fetch_bulk(&sql::agent::FIND_RECORDS, key_columns(keys))
            .await?;
        rows.into_iter().map(RecordRow::read).collect()
    }

    /// Writes records as they are now; no key may come twice.
    pub async fn put_records(&mut self, records: &[AgentRecord]) -> Result<(), StoreError> {
        self.inner
            .execute_bulk(&sql::agent::PUT_RECORDS, columns(records))
            .await?;
        Ok(())
    }

    /// Records of a standing in the order of their keys, after a key.
    pub async fn list_records(
        &mut self,
        standing: Standing,
        after: Option<OwnKey>,
        limit: i64,
    ) -> Result<Vec<AgentRecord>, StoreError> {
        let (kind, id) = after.map_or((0, Uuid::nil()), |(kind, id)| (kind.code(), id.as_uuid()));
        let rows: Vec<RecordRow> = on_conn!(self.inner, |conn| {
            query_as(sql::agent::LIST_RECORDS)
                .bind(standing.code())
                .bind(kind)
                .bind(id)
                .bind(limit)
                .fetch_all(conn)
                .await?
        });
        rows.into_iter().map(RecordRow::read).collect()
    }

    /// How many records there are of each standing.
    pub async fn count_standings(&mut self) -> Result<Vec<(Standing, i64)>, StoreError> {
        let rows: Vec<(i16, i64)> = on_conn!(self.inner, |conn| {
            query_as(sql::agent::COUNT_STANDINGS)
                .fetch_all(conn)
                .await?
        });
        rows.into_iter()
            .map(|(code, count)| Ok((read_standing(code)?, count)))
            .collect()
    }

    /// First and last feed position of records of a kind that the node above the hub may hold by now.
    pub async fn find_awaiting_above(
        &mut self,
        kind: RecordKind,
        change: i64,
    ) -> Result<Option<(i64, i64)>, StoreError> {
        let (first, last): (Option<i64>, Option<i64>) = on_conn!(self.inner, |conn| {
            query_as(sql::agent::FIND_AWAITING_ABOVE)
                .bind(kind.code())
                .bind(change)
                .fetch_one(conn)
                .await?
        });
        Ok(first.zip(last))
    }
}

/// A row as it stands in the table.
pub(super) struct RecordRow {
    kind: i16,
    record_id: Uuid,
    version: i64,
    content_hash: Vec<u8>,
    relations: String,
    kept_at: i64,
    rules: String,
    standing: i16,
    answered_version: i64,
    outcome: i16,
    reason: String,
    hub_rules: String,
    hub_version: i64,
    hub_state: i16,
    hub_since: i64,
    feed_position: i64,
    golden_change: i64,
    linked: i64,
    above_state: i16,
    above_since: i64,
    above_reason: String,
    warnings: String,
    unit: String,
    label: Vec<u8>,
    linked_units: String,
    conflicts: String,
    successor_unit: String,
    tiers: String,
    moved_to: String,
}

/// Reads a row by the names of its columns; a tuple cannot be that long.
macro_rules! read_by_name {
    ($($row:ty),*) => {$(
        impl FromRow<'_, $row> for RecordRow {
            fn from_row(row: &$row) -> Result<Self, sqlx::Error> {
                Ok(Self {
                    kind: row.try_get("kind")?,
                    record_id: row.try_get("record_id")?,
                    version: row.try_get("version")?,
                    content_hash: row.try_get("content_hash")?,
                    relations: row.try_get("relations")?,
                    kept_at: row.try_get("kept_at")?,
                    rules: row.try_get("rules")?,
                    standing: row.try_get("standing")?,
                    answered_version: row.try_get("answered_version")?,
                    outcome: row.try_get("outcome")?,
                    reason: row.try_get("reason")?,
                    hub_rules: row.try_get("hub_rules")?,
                    hub_version: row.try_get("hub_version")?,
                    hub_state: row.try_get("hub_state")?,
                    hub_since: row.try_get("hub_since")?,
                    feed_position: row.try_get("feed_position")?,
                    golden_change: row.try_get("golden_change")?,
                    linked: row.try_get("linked")?,
                    above_state: row.try_get("above_state")?,
                    above_since: row.try_get("above_since")?,
                    above_reason: row.try_get("above_reason")?,
                    warnings: row.try_get("warnings")?,
                    unit: row.try_get("unit")?,
                    label: row.try_get("label")?,
                    linked_units: row.try_get("linked_units")?,
                    conflicts: row.try_get("conflicts")?,
                    successor_unit: row.try_get("successor_unit")?,
                    tiers: row.try_get("tiers")?,
                    moved_to: row.try_get("moved_to")?,
                })
            }
        }
    )*};
}
read_by_name!(SqliteRow, PgRow);

impl RecordRow {
    pub(super) fn read(self) -> Result<AgentRecord, StoreError> {
        Ok(AgentRecord {
            key: read_key("record", self.kind, self.record_id)?,
            version: read_version("record", self.version)?,
            hash: ContentHash::from_slice(&self.content_hash),
            relations: read_relations("record", &self.relations)?,
            kept_at: Timestamp::from_micros(self.kept_at),
            standing: read_standing(self.standing)?,
            answered: self.answered(),
            hub: self.hub(),
            rules: self.rules,
            warnings: self.warnings,
            unit: self.unit.parse().ok(),
            label: self.label,
        })
    }

    fn answered(&self) -> Option<Answered> {
        Some(Answered {
            version: Version::from_i64(self.answered_version)?,
            answer: HubAnswer::from_code(self.outcome)?,
            reason: self.reason.clone(),
            rules: self.hub_rules.clone(),
        })
    }

    fn hub(&self) -> Option<HubWord> {
        Some(HubWord {
            version: Version::from_i64(self.hub_version)?,
            state: HubState::from_code(self.hub_state)?,
            since: read_since(self.hub_since),
            position: self.feed_position,
            change: self.golden_change,
            linked: u32::try_from(self.linked).unwrap_or_default(),
            linked_units: read_words(&self.linked_units),
            conflicts: read_words(&self.conflicts),
            successor_unit: self.successor_unit.parse().ok(),
            moved_to: self.moved_to.parse().ok(),
            tiers: read_tiers(&self.tiers),
            above: match self.above_state {
                1 => Above::Held(read_since(self.above_since)),
                2 => Above::Refused(self.above_reason.clone()),
                _ => Above::NotYet,
            },
        })
    }
}

/// Words apart by spaces.
fn read_words<T: FromStr>(text: &str) -> Vec<T> {
    let words = text.split(' ').filter(|word| !word.is_empty());
    words.filter_map(|word| word.parse().ok()).collect()
}

fn read_since(micros: i64) -> Option<Timestamp> {
    (micros != 0).then_some(Timestamp::from_micros(micros))
}

fn read_standing(code: i16) -> Result<Standing, StoreError> {
    Standing::from_code(code).ok_or(StoreError::Corrupt {
        table: "record",
        column: "standing",
    })
}

fn columns(records: &[AgentRecord]) -> Vec<Column> {
    let keys: Vec<OwnKey> = records.iter().map(|row| row.key).collect();
    let mut columns = key_columns(&keys);
    let short = |of: &dyn Fn(&AgentRecord) -> i16| Column::Short(records.iter().map(of).collect());
    let long = |of: &dyn Fn(&AgentRecord) -> i64| Column::Long(records.iter().map(of).collect());
    let text = |of: &dyn Fn(&AgentRecord) -> String| Column::Text(records.iter().map(of).collect());
    let hash = |row: &AgentRecord| row.hash.map(|hash| hash.as_bytes().to_vec());
    let answered = |of: fn(&Answered) -> i64| {
        Column::Long(
            records
                .iter()
                .map(|row| row.answered.as_ref().map_or(0, of))
                .collect(),
        )
    };
    let hub = |of: fn(&HubWord) -> i64| {
        Column::Long(
            records
                .iter()
                .map(|row| row.hub.as_ref().map_or(0, of))
                .collect(),
        )
    };
    columns.extend([
        long(&|row| row.version.as_i64()),
        Column::Bytes(
            records
                .iter()
                .map(|row| hash(row).unwrap_or_default())
                .collect(),
        ),
        text(&|row| write_relations(&row.relations)),
        long(&|row| row.kept_at.as_micros()),
        text(&|row| row.rules.clone()),
        short(&|row| row.standing.code()),
        answered(|answered| answered.version.as_i64()),
        answered(|answered| answered.answer.code().into()),
        text(&|row| {
            row.answered
                .as_ref()
                .map_or_else(String::new, |it| it.reason.clone())
        }),
        text(&|row| {
            row.answered
                .as_ref()
                .map_or_else(String::new, |it| it.rules.clone())
        }),
        hub(|hub| hub.version.as_i64()),
        hub(|hub| hub.state.code().into()),
        hub(|hub| hub.since.map_or(0, Timestamp::as_micros)),
        hub(|hub| hub.position),
        hub(|hub| hub.change),
        hub(|hub| hub.linked.into()),
        hub(|hub| above_code(&hub.above)),
        hub(|hub| above_since(&hub.above)),
        text(&|row| {
            row.hub
                .as_ref()
                .map_or_else(String::new, |hub| above_reason(&hub.above))
        }),
    ]);
    columns.extend(correction_columns(records));
    columns
}

/// What the list of corrections rests on, and who is on it: worked out here, so that no writer can forget.
fn correction_columns(records: &[AgentRecord]) -> [Column; 9] {
    let text = |of: &dyn Fn(&AgentRecord) -> String| Column::Text(records.iter().map(of).collect());
    let told =
        |of: fn(&HubWord) -> String| text(&|row| row.hub.as_ref().map(of).unwrap_or_default());
    let reasons = |row: &AgentRecord| row.correctable().reasons().bits();
    [
        text(&|row| row.warnings.clone()),
        text(&|row| unit_text(row.unit)),
        Column::Bytes(records.iter().map(|row| row.label.clone()).collect()),
        told(|hub| {
            let units = hub.linked_units.iter().map(UnitReference::to_string);
            units.collect::<Vec<_>>().join(" ")
        }),
        told(|hub| hub.conflicts.join(" ")),
        Column::Short(records.iter().map(reasons).collect()),
        told(|hub| unit_text(hub.successor_unit)),
        Column::Text(
            records
                .iter()
                .map(|row| row.hub.as_ref().map_or(&[][..], |hub| &hub.tiers))
                .map(write_tiers)
                .collect(),
        ),
        told(|hub| unit_text(hub.moved_to)),
    ]
}

fn above_code(above: &Above) -> i64 {
    match above {
        Above::NotYet => 0,
        Above::Held(_) => 1,
        Above::Refused(_) => 2,
    }
}

fn above_since(above: &Above) -> i64 {
    match above {
        Above::Held(Some(since)) => since.as_micros(),
        Above::NotYet | Above::Held(None) | Above::Refused(_) => 0,
    }
}

fn above_reason(above: &Above) -> String {
    match above {
        Above::Refused(reason) => reason.clone(),
        Above::NotYet | Above::Held(_) => String::new(),
    }
}

impl AgentRecord {
    /// A record that only the hub has told of.
    pub fn told(key: (RecordKind, RecordId), version: Version) -> Self {
        Self {
            key,
            version,
            hash: None,
            relations: Relations::None,
            unit: None,
            label: Vec::new(),
            kept_at: Timestamp::default(),
            rules: String::new(),
            warnings: String::new(),
            standing: Standing::AtHub,
            answered: None,
            hub: None,
        }
    }

    /// The rules that the newest version breaks: by the hub's word where it has answered, as `path RULE`, one
    /// a line.
    pub fn broken_rules(&self) -> &str {
        let answered = self.answered.as_ref();
        let of_hub = answered.filter(|answered| answered.version == self.version);
        of_hub.map_or(&self.rules, |answered| &answered.rules)
    }

    /// What decides whether it is to be corrected.
    pub fn correctable(&self) -> Correctable<'_> {
        Correctable {
            version: self.version,
            standing: self.standing,
            broken: self.broken_rules(),
            warnings: &self.warnings,
            unit: self.unit,
            hub: self.hub.as_ref(),
        }
    }
}
