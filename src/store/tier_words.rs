//! What the tiers above say of golden records, and where children are registered.

use std::collections::HashMap;
use std::str::FromStr;

use uuid::Uuid;

use super::bulk::Column;
use super::sql::tier_words as sql;
use super::submissions::{key_columns, read_key, read_version};
use super::{StoreError, Transaction};
use crate::domain::clock::Timestamp;
use crate::domain::golden::GoldenId;
use crate::domain::record::{RecordId, RecordKey, Version};
use crate::domain::tier_word::{GoldenNews, TierState, TierWord};
use crate::domain::unit::UnitReference;

/// What a source record and its golden record say, sealed both.
#[derive(Clone, Debug)]
pub struct SealedContents {
    /// The source record.
    pub record_id: RecordId,
    /// Its version and sealed content.
    pub source: (Version, Vec<u8>),
    /// Its golden record.
    pub golden_id: GoldenId,
    /// The version of the golden record and its sealed content.
    pub golden: (Version, Vec<u8>),
}

type WordTuple = (
    Uuid,
    i16,
    String,
    String,
    i64,
    i16,
    i16,
    i64,
    Option<Uuid>,
    Option<Uuid>,
    i16,
    i64,
    String,
    String,
    String,
    String,
);
type ContentsTuple = (Uuid, i64, Vec<u8>, Uuid, i64, Vec<u8>);

impl Transaction {
    /// What the tiers above say of golden records, the nearest tier first.
    pub async fn find_tier_words(
        &mut self,
        golden: &[GoldenId],
    ) -> Result<HashMap<GoldenId, Vec<TierWord>>, StoreError> {
        let mut rows: Vec<WordTuple> = self
            .fetch_bulk(&sql::FIND_TIER_WORDS, golden_column(golden))
            .await?;
        rows.sort_unstable_by_key(|row| (row.0, row.1));
        let mut words: HashMap<GoldenId, Vec<TierWord>> = HashMap::new();
        for row in rows {
            let (golden_id, word) = read_word(row)?;
            words.entry(golden_id).or_default().push(word);
        }
        Ok(words)
    }

    /// Puts what is heard of golden records in the place of what was held of them.
    pub async fn put_tier_words(
        &mut self,
        words: &[(GoldenId, Vec<TierWord>)],
    ) -> Result<(), StoreError> {
        let golden: Vec<GoldenId> = words.iter().map(|(golden_id, _)| *golden_id).collect();
        self.execute_bulk(&sql::DELETE_TIER_WORDS, golden_column(&golden))
            .await?;
        let columns = word_columns(words);
        self.execute_bulk(&sql::INSERT_TIER_WORDS, columns).await?;
        Ok(())
    }

    /// Gives every source record of these golden records a new number in the feed, and says how many there
    /// were. The caller sees to it that the counter `feed` is locked and set.
    pub async fn retell_golden_records(
        &mut self,
        golden: &[GoldenId],
        feed: i64,
    ) -> Result<i64, StoreError> {
        let rows: Vec<(i64, i16, Uuid)> = self
            .fetch_bulk(&sql::FIND_SOURCES_OF, golden_column(golden))
            .await?;
        let mut keys: Vec<RecordKey> = rows
            .into_iter()
            .map(|(node, kind, record_id)| read_key("source_record", node, kind, record_id))
            .collect::<Result<_, _>>()?;
        keys.sort_unstable();
        keys.dedup();
        let told: Vec<_> = keys.into_iter().zip(feed + 1..).collect();
        self.retell_source_records(&told).await?;
        Ok(told.last().map_or(feed, |(_, number)| *number))
    }

    /// What live source records and their golden records say, in no order.
    pub async fn find_sealed_contents(
        &mut self,
        keys: &[RecordKey],
    ) -> Result<Vec<SealedContents>, StoreError> {
        let columns = key_columns(keys.iter().copied());
        let rows: Vec<ContentsTuple> = self.fetch_bulk(&sql::FIND_SEALED_CONTENTS, columns).await?;
        rows.into_iter()
            .map(
                |(record_id, version, source, golden_id, golden_version, golden)| {
                    Ok(SealedContents {
                        record_id: RecordId::new(record_id),
                        source: (read_version("source_record", version)?, source),
                        golden_id: GoldenId::new(golden_id),
                        golden: (read_version("golden_record", golden_version)?, golden),
                    })
                },
            )
            .collect()
    }
}

fn golden_column(golden: &[GoldenId]) -> Vec<Column> {
    vec![Column::Uuid(golden.iter().map(|id| id.as_uuid()).collect())]
}

/// A row for each word.
fn word_columns(words: &[(GoldenId, Vec<TierWord>)]) -> Vec<Column> {
    let rows: Vec<(Uuid, i16, &TierWord)> = words
        .iter()
        .flat_map(|(golden_id, words)| {
            let tiers = (1_i16..).zip(words);
            tiers.map(|(tier, word)| (golden_id.as_uuid(), tier, word))
        })
        .collect();
    let text = |written: fn(&TierWord) -> String| {
        Column::Text(rows.iter().map(|(_, _, word)| written(word)).collect())
    };
    let long = |number: fn(&TierWord) -> i64| {
        Column::Long(rows.iter().map(|(_, _, word)| number(word)).collect())
    };
    let short = |number: fn(&TierWord) -> i16| {
        Column::Short(rows.iter().map(|(_, _, word)| number(word)).collect())
    };
    let golden = |id: fn(&TierWord) -> Option<Uuid>| {
        Column::UuidOrNull(rows.iter().map(|(_, _, word)| id(word)).collect())
    };
    vec![
        Column::Uuid(rows.iter().map(|(golden_id, _, _)| *golden_id).collect()),
        Column::Short(rows.iter().map(|(_, tier, _)| *tier).collect()),
        text(|word| {
            word.hub
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default()
        }),
        text(|word| write_unit(word.unit)),
        long(|word| word.version.as_i64()),
        short(|word| word.state.code()),
        short(|word| i16::from(word.is_newest)),
        long(|word| word.since.unwrap_or_default().as_micros()),
        golden(|word| word.golden_id.map(GoldenId::as_uuid)),
        golden(|word| word.former.map(|(former, _)| former.as_uuid())),
        short(|word| word.former.map_or(0, |(_, news)| news.code())),
        long(|word| word.linked.into()),
        text(|word| {
            let units: Vec<_> = word.linked_units.iter().map(ToString::to_string).collect();
            units.join(" ")
        }),
        text(|word| word.conflicts.join(" ")),
        text(|word| format!("{}\n{}", word.reason, word.rules)),
        text(|word| write_unit(word.moved_to)),
    ]
}

fn write_unit(unit: Option<UnitReference>) -> String {
    unit.map(|unit| unit.to_string()).unwrap_or_default()
}

fn read_word(row: WordTuple) -> Result<(GoldenId, TierWord), StoreError> {
    let (
        golden_id,
        _,
        hub,
        unit,
        version,
        state,
        is_newest,
        since,
        golden_there,
        former,
        news,
        linked,
        linked_units,
        conflicts,
        reason,
        moved_to,
    ) = row;
    let corrupt = |column| StoreError::Corrupt {
        table: "tier_word",
        column,
    };
    let (reason, rules) = reason.split_once('\n').unwrap_or((&reason, ""));
    let word = TierWord {
        hub: hub.parse().ok(),
        unit: unit.parse().ok(),
        version: read_version("tier_word", version)?,
        state: TierState::from_code(state).ok_or_else(|| corrupt("state"))?,
        is_newest: is_newest != 0,
        since: (since != 0).then_some(Timestamp::from_micros(since)),
        golden_id: golden_there.map(GoldenId::new),
        former: former.map(GoldenId::new).zip(GoldenNews::from_code(news)),
        linked: u32::try_from(linked).map_err(|_| corrupt("linked"))?,
        linked_units: read_words(&linked_units),
        conflicts: read_words(&conflicts),
        reason: reason.to_owned(),
        rules: rules.to_owned(),
        moved_to: moved_to.parse().ok(),
    };
    Ok((GoldenId::new(golden_id), word))
}

/// Words apart by spaces.
fn read_words<T: FromStr>(text: &str) -> Vec<T> {
    let words = text.split_ascii_whitespace();
    words.filter_map(|word| word.parse().ok()).collect()
}
