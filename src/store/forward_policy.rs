//! Under which policy golden records are formed for the upstream, and looking at them again under another.

use sqlx::{query, query_as};
use uuid::Uuid;

use super::golden_records::{read_forwarded, read_unit_move};
use super::relations::read_golden_ids;
use super::submissions::{expect_rows, read_hash, read_version};
use super::{GoldenChange, GoldenState, StoreError, Transaction, on_conn, sql};
use crate::domain::golden::GoldenId;
use crate::domain::record::{Lane, RecordKind};
use sql::forward_policy as texts;

/// The policy of a lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForwardPolicyState {
    /// Digest of the policy; `None` until there was one.
    pub digest: Option<[u8; 32]>,
    /// The last record that was looked at under it.
    pub looked_at: GoldenId,
    /// Whether all records have been.
    pub is_done: bool,
}

type StateTuple = (Vec<u8>, Uuid, i16);
type LiveTuple = (
    Uuid,
    i16,
    i64,
    Vec<u8>,
    Vec<u8>,
    Vec<u8>,
    String,
    String,
    String,
    String,
);

impl Transaction {
    /// Under which policy the records of a lane are formed.
    pub async fn forward_policy(&mut self, lane: Lane) -> Result<ForwardPolicyState, StoreError> {
        let (digest, looked_at, is_done): StateTuple = on_conn!(self, |conn| {
            query_as(texts::READ_FORWARD_POLICY)
                .bind(lane.code())
                .fetch_one(conn)
                .await?
        });
        Ok(ForwardPolicyState {
            digest: digest.try_into().ok(),
            looked_at: GoldenId::new(looked_at),
            is_done: is_done != 0,
        })
    }

    /// Notes another policy: all records of the lane are to be looked at.
    pub async fn begin_forward_policy(
        &mut self,
        lane: Lane,
        digest: [u8; 32],
    ) -> Result<(), StoreError> {
        let begun = on_conn!(self, |conn| {
            query(texts::BEGIN_FORWARD_POLICY)
                .bind(lane.code())
                .bind(digest.to_vec())
                .bind(Uuid::nil())
                .execute(conn)
                .await?
                .rows_affected()
        });
        expect_rows("BEGIN_FORWARD_POLICY", 1, begun)
    }

    /// Notes how far a lane has been looked at.
    pub async fn move_forward_policy(
        &mut self,
        lane: Lane,
        from: GoldenId,
        to: GoldenId,
        is_done: bool,
    ) -> Result<(), StoreError> {
        let moved = on_conn!(self, |conn| {
            query(texts::MOVE_FORWARD_POLICY)
                .bind(lane.code())
                .bind(from.as_uuid())
                .bind(to.as_uuid())
                .bind(i16::from(is_done))
                .execute(conn)
                .await?
                .rows_affected()
        });
        expect_rows("MOVE_FORWARD_POLICY", 1, moved)
    }

    /// A page of the live golden records of a lane after one, whole.
    pub async fn scan_live_golden_records(
        &mut self,
        lane: Lane,
        after: GoldenId,
        limit: i64,
    ) -> Result<Vec<GoldenChange>, StoreError> {
        let rows: Vec<LiveTuple> = on_conn!(self, |conn| {
            query_as(texts::SCAN_LIVE_GOLDEN_RECORDS)
                .bind(lane.code())
                .bind(after.as_uuid())
                .bind(limit)
                .fetch_all(conn)
                .await?
        });
        rows.into_iter().map(read_live).collect()
    }
}

fn read_live(row: LiveTuple) -> Result<GoldenChange, StoreError> {
    let (id, kind, version, hash, forwarded, content, provenance, conflicts, different, moved) =
        row;
    let kind = RecordKind::from_code(kind).ok_or(StoreError::Corrupt {
        table: "golden_record",
        column: "kind",
    })?;
    let hash = read_hash("golden_record", &hash)?;
    Ok(GoldenChange {
        change: 0,
        golden_id: GoldenId::new(id),
        kind,
        version: read_version("golden_record", version)?,
        state: GoldenState::Live,
        hash,
        forwarded_hash: read_forwarded(hash, &forwarded)?,
        content,
        provenance,
        conflicts,
        different_from: read_golden_ids(&different)?,
        unit_move: read_unit_move(&moved)?,
    })
}
