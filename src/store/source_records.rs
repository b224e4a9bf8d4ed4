//! Source records: the newest reconciled submission of each record, and the feed over them.

use sqlx::query_as;
use uuid::Uuid;

use super::bulk::Column;
use super::golden_history::AliasKind;
use super::nodes::read_unit;
use super::relations::{read_relations, write_relations};
use super::submissions::{expect_rows, key_columns, read_hash, read_key, read_version};
use super::{StoreError, Transaction, on_conn, sql};
use crate::domain::clock::Timestamp;
use crate::domain::golden::GoldenId;
use crate::domain::node::NodeId;
use crate::domain::record::{ContentHash, RecordId, RecordKey, RecordKind, Version};
use crate::domain::relations::Relations;
use crate::domain::tier_word::TierWord;
use crate::domain::unit::UnitReference;
use crate::domain::units_in_use::UnitMove;

/// Whether a source record counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceState {
    /// It counts.
    Live,
    /// A tombstone withdrew it.
    Withdrawn,
}

impl SourceState {
    fn code(self) -> i16 {
        match self {
            Self::Live => 1,
            Self::Withdrawn => 2,
        }
    }

    fn read(code: i16) -> Result<Self, StoreError> {
        match code {
            1 => Ok(Self::Live),
            2 => Ok(Self::Withdrawn),
            _ => Err(StoreError::Corrupt {
                table: "source_record",
                column: "state",
            }),
        }
    }
}

/// A source record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceRow {
    /// The record.
    pub key: RecordKey,
    /// Its newest reconciled version.
    pub version: Version,
    /// Whether it counts.
    pub state: SourceState,
    /// The golden record it belongs to, or belonged to before it was withdrawn.
    pub golden_id: GoldenId,
    /// Hash of its content.
    pub hash: ContentHash,
    /// What happened to the golden record that it was in before, when that is news.
    pub alias: Option<AliasKind>,
    /// What it says of other records of its node.
    pub relations: Relations,
}

/// A source record in another golden record than before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MovedRow {
    /// The record.
    pub key: RecordKey,
    /// Where it is now.
    pub golden_id: GoldenId,
    /// What happened to the golden record that it was in.
    pub alias: AliasKind,
}

/// A live source record of a golden record, with its sealed content.
#[derive(Clone, Debug)]
pub struct Member {
    /// The golden record.
    pub golden_id: GoldenId,
    /// The source record.
    pub key: RecordKey,
    /// Its version.
    pub version: Version,
    /// The sealed content of that version.
    pub content: Vec<u8>,
    /// What it says of other records of its node.
    pub relations: Relations,
    /// The golden record that it was in before its present one, with the number of the alias that brought
    /// it here. Read by [`Transaction::scan_live_children`] and [`Transaction::find_members`] only.
    pub former: Option<(GoldenId, i64)>,
}

/// The newest state of one record, for its node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedRow {
    /// Position in the feed.
    pub feed: i64,
    /// Kind of the record.
    pub kind: RecordKind,
    /// The record.
    pub record_id: RecordId,
    /// The version this is about.
    pub version: Version,
    /// What became of it: `None` means quarantine.
    pub state: Option<SourceState>,
    /// The golden record, unless in quarantine.
    pub golden_id: Option<GoldenId>,
    /// The golden record that it was in before, and what happened, if it ever was in another one.
    pub previous: Option<(GoldenId, AliasKind)>,
    /// Live source records of that golden record.
    pub linked: i64,
    /// Why it is in quarantine.
    pub reason: String,
    /// The broken rules as `path RULE`, one a line.
    pub rules: String,
    /// When this version was taken in.
    pub received_at: Timestamp,
    /// Newest change of the golden record; 0 where there is none.
    pub golden_change: i64,
    /// The upstream's reason, if it refuses the golden record.
    pub refusal: Option<String>,
    /// What the sources of the golden record disagree on, as it stands with the golden record.
    pub conflicts: String,
    /// Version of the golden record, where there is one.
    pub golden_version: Option<Version>,
    /// Units of the other nodes that hold live records of the golden record. Filled by
    /// [`Transaction::find_linked_units`] only.
    pub linked_units: Vec<UnitReference>,
    /// What the tiers above say of the golden record, the nearest first. Filled by
    /// [`Transaction::find_tier_words`] only.
    pub tiers: Vec<TierWord>,
    /// The commune where the child is registered by the golden record, if it is another one than this record's.
    /// Filled by [`Transaction::find_sealed_contents`] only.
    pub moved_to: Option<UnitReference>,
    /// Which act moved the golden record into another unit; `None` where none did. Filled by
    /// [`Transaction::find_unit_moves`] only.
    pub unit_move: Option<UnitMove>,
}

type SourceTuple = (i64, i16, Uuid, i64, i16, Uuid, Vec<u8>, String);
pub(super) type MemberTuple = (
    Uuid,
    i64,
    i16,
    Uuid,
    i64,
    Vec<u8>,
    String,
    Option<Uuid>,
    i64,
);
type FeedTuple = (
    i64,
    i16,
    Uuid,
    i64,
    i16,
    Option<Uuid>,
    Option<Uuid>,
    i16,
    i64,
    String,
    String,
    i64,
    Option<i64>,
    Option<String>,
    String,
    Option<i64>,
);

impl Transaction {
    /// The source records of these keys, in no order; absent ones are left out.
    pub async fn find_source_records(
        &mut self,
        keys: &[RecordKey],
    ) -> Result<Vec<SourceRow>, StoreError> {
        let columns = key_columns(keys.iter().copied());
        let rows: Vec<SourceTuple> = self.fetch_bulk(&sql::FIND_SOURCE_RECORDS, columns).await?;
        rows.into_iter()
            .map(
                |(node, kind, record_id, version, state, golden_id, hash, relations)| {
                    Ok(SourceRow {
                        key: read_key("source_record", node, kind, record_id)?,
                        version: read_version("source_record", version)?,
                        state: SourceState::read(state)?,
                        golden_id: GoldenId::new(golden_id),
                        hash: read_hash("source_record", &hash)?,
                        alias: None,
                        relations: read_relations("source_record", &relations)?,
                    })
                },
            )
            .collect()
    }

    /// Of these records, those in whose favour others were withdrawn, each with the golden record that
    /// such a one was in.
    pub async fn find_predecessors(
        &mut self,
        keys: &[RecordKey],
    ) -> Result<Vec<(RecordKey, GoldenId)>, StoreError> {
        let columns = key_columns(keys.iter().copied());
        let rows: Vec<(i64, i16, Uuid, Uuid)> =
            self.fetch_bulk(&sql::FIND_PREDECESSORS, columns).await?;
        rows.into_iter()
            .map(|(node, kind, record_id, golden_id)| {
                let key = read_key("source_record", node, kind, record_id)?;
                Ok((key, GoldenId::new(golden_id)))
            })
            .collect()
    }

    /// Inserts or replaces source records, each with its number in the feed. One that is in another golden
    /// record than before notes its `alias`.
    pub async fn put_source_records(
        &mut self,
        rows: &[(SourceRow, i64)],
    ) -> Result<(), StoreError> {
        let mut columns = key_columns(rows.iter().map(|(row, _)| row.key));
        columns.push(Column::Long(
            rows.iter().map(|(row, _)| row.version.as_i64()).collect(),
        ));
        columns.push(Column::Short(
            rows.iter().map(|(row, _)| row.state.code()).collect(),
        ));
        columns.push(Column::Uuid(
            rows.iter()
                .map(|(row, _)| row.golden_id.as_uuid())
                .collect(),
        ));
        columns.push(Column::Long(rows.iter().map(|(_, feed)| *feed).collect()));
        let hashes = rows
            .iter()
            .map(|(row, _)| row.hash.as_bytes().to_vec())
            .collect();
        columns.push(Column::Bytes(hashes));
        let aliases = rows
            .iter()
            .map(|(row, _)| row.alias.map_or(0, AliasKind::code));
        columns.push(Column::Short(aliases.collect()));
        let relations = rows.iter().map(|(row, _)| &row.relations);
        columns.push(Column::Text(
            relations.clone().map(write_relations).collect(),
        ));
        let successors = relations.map(|relations| relations.successor().map(RecordId::as_uuid));
        columns.push(Column::UuidOrNull(successors.collect()));
        let changed = self.execute_bulk(&sql::PUT_SOURCE_RECORDS, columns).await?;
        expect_rows("PUT_SOURCE_RECORDS", rows.len(), changed)
    }

    /// Gives records whose golden record gained or lost a member a new number in the feed.
    pub async fn retell_source_records(
        &mut self,
        told: &[(RecordKey, i64)],
    ) -> Result<(), StoreError> {
        let mut columns = key_columns(told.iter().map(|(key, _)| *key));
        columns.push(Column::Long(told.iter().map(|(_, feed)| *feed).collect()));
        let changed = self
            .execute_bulk(&sql::RETELL_SOURCE_RECORDS, columns)
            .await?;
        expect_rows("RETELL_SOURCE_RECORDS", told.len(), changed)
    }

    /// Puts records into other golden records, each with a new number in the feed.
    pub async fn move_source_records(
        &mut self,
        moved: &[(MovedRow, i64)],
    ) -> Result<(), StoreError> {
        let mut columns = key_columns(moved.iter().map(|(row, _)| row.key));
        let golden = moved.iter().map(|(row, _)| row.golden_id.as_uuid());
        columns.push(Column::Uuid(golden.collect()));
        columns.push(Column::Long(moved.iter().map(|(_, feed)| *feed).collect()));
        let aliases = moved.iter().map(|(row, _)| row.alias.code());
        columns.push(Column::Short(aliases.collect()));
        let changed = self
            .execute_bulk(&sql::MOVE_SOURCE_RECORDS, columns)
            .await?;
        expect_rows("MOVE_SOURCE_RECORDS", moved.len(), changed)
    }

    /// All live source records of these golden records, with their sealed contents.
    pub async fn read_members(&mut self, golden: &[GoldenId]) -> Result<Vec<Member>, StoreError> {
        let columns = vec![Column::Uuid(golden.iter().map(|id| id.as_uuid()).collect())];
        let rows = self.fetch_bulk(&sql::READ_MEMBERS, columns).await?;
        rows.into_iter().map(read_member).collect()
    }

    /// A page of all live children after a key, in the order of node and record.
    pub async fn scan_live_children(
        &mut self,
        after: Option<RecordKey>,
        limit: i64,
    ) -> Result<Vec<Member>, StoreError> {
        let (node, record_id) = after.map_or((0, Uuid::nil()), |key| {
            (key.node.get(), key.record_id.as_uuid())
        });
        let rows: Vec<MemberTuple> = on_conn!(self, |conn| {
            query_as(sql::SCAN_LIVE_CHILDREN)
                .bind(node)
                .bind(record_id)
                .bind(limit)
                .fetch_all(conn)
                .await?
        });
        rows.into_iter().map(read_member).collect()
    }

    /// The node's feed after a position, at most `limit` rows.
    pub async fn read_feed(
        &mut self,
        node: NodeId,
        after: i64,
        limit: i64,
    ) -> Result<Vec<FeedRow>, StoreError> {
        let rows: Vec<FeedTuple> = on_conn!(self, |conn| {
            query_as(sql::READ_FEED)
                .bind(node.get())
                .bind(after)
                .bind(limit)
                .fetch_all(conn)
                .await?
        });
        rows.into_iter().map(read_feed_row).collect()
    }

    /// Says of golden records which other nodes' units hold live records of them, in no order.
    pub async fn find_linked_units(
        &mut self,
        node: NodeId,
        golden: &[GoldenId],
    ) -> Result<Vec<(GoldenId, UnitReference)>, StoreError> {
        let columns = vec![
            Column::Uuid(golden.iter().map(|id| id.as_uuid()).collect()),
            Column::Long(vec![node.get(); golden.len()]),
        ];
        let rows: Vec<(Uuid, String)> = self.fetch_bulk(&sql::FIND_LINKED_UNITS, columns).await?;
        rows.into_iter()
            .map(|(id, unit)| Ok((GoldenId::new(id), read_unit(&unit)?)))
            .collect()
    }
}

pub(super) fn read_member(row: MemberTuple) -> Result<Member, StoreError> {
    let (golden_id, node, kind, record_id, version, content, relations, former, alias) = row;
    Ok(Member {
        relations: read_relations("source_record", &relations)?,
        former: former.map(|former| (GoldenId::new(former), alias)),
        golden_id: GoldenId::new(golden_id),
        key: read_key("source_record", node, kind, record_id)?,
        version: read_version("source_record", version)?,
        content,
    })
}

fn read_feed_row(row: FeedTuple) -> Result<FeedRow, StoreError> {
    let (
        feed,
        kind,
        record_id,
        version,
        state,
        golden_id,
        previous,
        alias,
        linked,
        reason,
        rules,
        received_at,
        change,
        refusal,
        conflicts,
        golden_version,
    ) = row;
    let kind = RecordKind::from_code(kind).ok_or(StoreError::Corrupt {
        table: "source_record",
        column: "kind",
    })?;
    Ok(FeedRow {
        feed,
        kind,
        record_id: RecordId::new(record_id),
        version: read_version("source_record", version)?,
        state: if state == 0 {
            None
        } else {
            Some(SourceState::read(state)?)
        },
        golden_id: golden_id.map(GoldenId::new),
        previous: previous.map(GoldenId::new).zip(AliasKind::from_code(alias)),
        linked,
        reason,
        rules,
        received_at: Timestamp::from_micros(received_at),
        golden_change: change.unwrap_or_default(),
        refusal,
        conflicts,
        golden_version: golden_version
            .map(|version| read_version("golden_record", version))
            .transpose()?,
        linked_units: Vec::new(),
        tiers: Vec::new(),
        moved_to: None,
        unit_move: None,
    })
}
