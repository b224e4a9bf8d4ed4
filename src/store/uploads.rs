//! Uploads: what was announced and how far each is.

use sqlx::{query, query_as, query_scalar};
use uuid::Uuid;

use super::nodes::read_unit;
use super::submissions::expect_rows;
use super::{StoreError, Transaction, on_conn, sql};
use crate::domain::clock::Timestamp;
use crate::domain::node::NodeId;
use crate::domain::record::RecordKind;
use crate::domain::upload::{
    Effect, Faults, Manifest, Missing, Packing, Totals, UploadId, UploadKind, UploadState,
};

/// An upload of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UploadKey {
    /// The node.
    pub node: NodeId,
    /// Its name within the node.
    pub upload: UploadId,
}

/// An upload as it was announced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadRow {
    /// The node that sends it.
    pub node: NodeId,
    /// Its place in the order of opening, over all nodes.
    pub number: i64,
    /// What it is.
    pub manifest: Manifest,
    /// Head of the log when it was opened: what came later is news that a snapshot cannot know.
    pub log_position: i64,
    /// When it was opened.
    pub opened_at: Timestamp,
}

impl UploadRow {
    /// Its key.
    pub fn key(&self) -> UploadKey {
        UploadKey {
            node: self.node,
            upload: self.manifest.upload,
        }
    }
}

/// How far an upload is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadProgress {
    /// Its state.
    pub state: UploadState,
    /// Bytes that are durable.
    pub received: u64,
    /// Records that were dealt with.
    pub done: u64,
    /// How far a snapshot has been compared with what is held; nil before the beginning.
    pub compared_to: Uuid,
    /// What became of the records.
    pub totals: Totals,
    /// Why it was refused or must be sent again; empty otherwise.
    pub failure: String,
    /// When it ended, if it has.
    pub finished_at: Option<Timestamp>,
}

/// What receiving bytes needs to know of an upload, held until the transaction ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// Its state.
    pub state: UploadState,
    /// Bytes that are durable.
    pub bytes: u64,
    /// Chunks that they came in.
    pub chunks: u64,
}

/// An upload with how far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldUpload {
    /// As it was announced.
    pub row: UploadRow,
    /// How far it is.
    pub progress: UploadProgress,
}

type ManifestTuple = (
    i64,
    Uuid,
    i64,
    i16,
    i16,
    i16,
    String,
    String,
    i64,
    i64,
    Vec<u8>,
    i16,
    i16,
    i16,
    i64,
    i64,
);
/// The nine counts stand in the order of the totals.
type ProgressTuple = (
    i16,
    i64,
    i64,
    Uuid,
    i64,
    i64,
    i64,
    i64,
    i64,
    i64,
    i64,
    i64,
    i64,
    String,
    i64,
);

impl Transaction {
    /// Keeps what a node announced; the caller has locked the counter `upload` and looked.
    pub async fn insert_upload(&mut self, row: &UploadRow) -> Result<(), StoreError> {
        let manifest = &row.manifest;
        let (kind, record_kind, withdraw) = write_kind(manifest.kind);
        let (node, upload) = (row.node.get(), manifest.upload.as_uuid());
        on_conn!(self, |conn| {
            query(sql::uploads::INSERT_UPLOAD)
                .bind(node)
                .bind(upload)
                .bind(row.number)
                .bind(kind)
                .bind(record_kind)
                .bind(withdraw)
                .bind(manifest.unit.to_string())
                .bind(manifest.period.as_str().to_owned())
                .bind(signed(manifest.records))
                .bind(signed(manifest.bytes))
                .bind(manifest.digest.to_vec())
                .bind(manifest.packing.code())
                .bind(i16::from(manifest.effect == Effect::ReportOnly))
                .bind(i16::from(manifest.faults == Faults::RefuseAll))
                .bind(row.log_position)
                .bind(row.opened_at.as_micros())
                .execute(&mut *conn)
                .await?;
            query(sql::uploads::INSERT_UPLOAD_PROGRESS)
                .bind(node)
                .bind(upload)
                .bind(Uuid::nil())
                .execute(&mut *conn)
                .await?;
        });
        Ok(())
    }

    /// What a node announced under this name, or `None`.
    pub async fn find_upload(&mut self, key: UploadKey) -> Result<Option<UploadRow>, StoreError> {
        let row: Option<ManifestTuple> = on_conn!(self, |conn| {
            query_as(sql::uploads::FIND_UPLOAD)
                .bind(key.node.get())
                .bind(key.upload.as_uuid())
                .fetch_optional(conn)
                .await?
        });
        row.map(read_row).transpose()
    }

    /// Uploads before a number, the newest first, of one node or of all.
    pub async fn list_uploads(
        &mut self,
        before: i64,
        node: Option<NodeId>,
        limit: i64,
    ) -> Result<Vec<UploadRow>, StoreError> {
        let rows: Vec<ManifestTuple> = on_conn!(self, |conn| {
            query_as(sql::uploads::LIST_UPLOADS)
                .bind(before)
                .bind(node.map_or(0, NodeId::get))
                .bind(limit)
                .fetch_all(conn)
                .await?
        });
        rows.into_iter().map(read_row).collect()
    }

    /// Uploads in a state, those that were opened first before the others.
    pub async fn list_uploads_in_state(
        &mut self,
        state: UploadState,
        limit: i64,
    ) -> Result<Vec<UploadRow>, StoreError> {
        let rows: Vec<ManifestTuple> = on_conn!(self, |conn| {
            query_as(sql::uploads::LIST_UPLOADS_IN_STATE)
                .bind(state.code())
                .bind(limit)
                .fetch_all(conn)
                .await?
        });
        rows.into_iter().map(read_row).collect()
    }

    /// Uploads of a node that have not ended.
    pub async fn count_open_uploads(&mut self, node: NodeId) -> Result<i64, StoreError> {
        Ok(on_conn!(self, |conn| {
            query_scalar(sql::uploads::COUNT_OPEN_UPLOADS)
                .bind(node.get())
                .fetch_one(conn)
                .await?
        }))
    }

    /// Bytes that all uploads have announced which still need room for them.
    pub async fn sum_announced_bytes(&mut self) -> Result<u64, StoreError> {
        let bytes: i64 = on_conn!(self, |conn| {
            query_scalar(sql::uploads::SUM_ANNOUNCED_BYTES)
                .fetch_one(conn)
                .await?
        });
        Ok(bytes.unsigned_abs())
    }

    /// Name of a registered node.
    pub async fn name_of_node(&mut self, node: NodeId) -> Result<String, StoreError> {
        Ok(on_conn!(self, |conn| {
            query_scalar(sql::uploads::NAME_OF_NODE)
                .bind(node.get())
                .fetch_one(conn)
                .await?
        }))
    }

    /// How far an upload is, or `None` if there is none.
    pub async fn upload_progress(
        &mut self,
        key: UploadKey,
    ) -> Result<Option<UploadProgress>, StoreError> {
        let row: Option<ProgressTuple> = on_conn!(self, |conn| {
            query_as(sql::uploads::READ_UPLOAD_PROGRESS)
                .bind(key.node.get())
                .bind(key.upload.as_uuid())
                .fetch_optional(conn)
                .await?
        });
        row.map(read_progress).transpose()
    }

    /// What receiving needs to know, or `None`; nobody else changes it until this transaction ends.
    pub async fn lock_upload(&mut self, key: UploadKey) -> Result<Option<Received>, StoreError> {
        let text = self.text(sql::uploads::LOCK_UPLOAD);
        let row: Option<(i16, i64, i64)> = on_conn!(self, |conn| {
            query_as(text)
                .bind(key.node.get())
                .bind(key.upload.as_uuid())
                .fetch_optional(conn)
                .await?
        });
        row.map(|(state, received, chunks)| {
            Ok(Received {
                state: read_state(state)?,
                bytes: received.unsigned_abs(),
                chunks: chunks.unsigned_abs(),
            })
        })
        .transpose()
    }

    /// Moves an upload from one state to another; fails if somebody else has moved it.
    pub async fn set_upload_state(
        &mut self,
        key: UploadKey,
        (from, to): (UploadState, UploadState),
        failure: &str,
        finished_at: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        let failure = failure.to_owned();
        let changed = on_conn!(self, |conn| {
            query(sql::uploads::SET_UPLOAD_STATE)
                .bind(key.node.get())
                .bind(key.upload.as_uuid())
                .bind(from.code())
                .bind(to.code())
                .bind(failure)
                .bind(finished_at.map_or(0, Timestamp::as_micros))
                .execute(conn)
                .await?
                .rows_affected()
        });
        expect_rows("SET_UPLOAD_STATE", 1, changed)
    }

    /// Notes that somebody asked for an upload.
    pub async fn touch_upload(&mut self, key: UploadKey) -> Result<(), StoreError> {
        on_conn!(self, |conn| {
            query(sql::uploads::TOUCH_UPLOAD)
                .bind(key.node.get())
                .bind(key.upload.as_uuid())
                .execute(conn)
                .await?;
        });
        Ok(())
    }

    /// Notes what became of further records; fails if somebody else has dealt with them.
    pub async fn advance_upload(
        &mut self,
        key: UploadKey,
        done_before: u64,
        now: &UploadProgress,
    ) -> Result<(), StoreError> {
        let changed = on_conn!(self, |conn| {
            let mut query = query(sql::uploads::ADVANCE_UPLOAD)
                .bind(key.node.get())
                .bind(key.upload.as_uuid())
                .bind(signed(done_before))
                .bind(signed(now.done))
                .bind(now.compared_to);
            for count in now.totals.counts() {
                query = query.bind(signed(count));
            }
            query.execute(conn).await?.rows_affected()
        });
        expect_rows("ADVANCE_UPLOAD", 1, changed)
    }
}

/// A number of ours is far below the end of both.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn corrupt(column: &'static str) -> StoreError {
    StoreError::Corrupt {
        table: "upload",
        column,
    }
}

fn write_kind(kind: UploadKind) -> (i16, i16, i16) {
    match kind {
        UploadKind::Delta => (1, 0, 0),
        UploadKind::Snapshot { of, missing } => {
            let withdraw = i16::from(missing == Missing::Withdraw);
            (2, of.code(), withdraw)
        }
    }
}

fn read_kind(kind: i16, record_kind: i16, withdraw: i16) -> Option<UploadKind> {
    match kind {
        1 => Some(UploadKind::Delta),
        2 => Some(UploadKind::Snapshot {
            of: RecordKind::from_code(record_kind)?,
            missing: if withdraw == 1 {
                Missing::Withdraw
            } else {
                Missing::Report
            },
        }),
        _ => None,
    }
}

pub(super) fn read_state(state: i16) -> Result<UploadState, StoreError> {
    UploadState::from_code(state).ok_or(corrupt("state"))
}

fn read_row(row: ManifestTuple) -> Result<UploadRow, StoreError> {
    let (node, upload, number, kind, record_kind, withdraw, unit, period, records, bytes, ..) = row;
    let (.., digest, packing, report_only, all_or_nothing, log_position, opened_at) = row;
    let manifest = Manifest {
        upload: UploadId::new(upload),
        kind: read_kind(kind, record_kind, withdraw).ok_or(corrupt("kind"))?,
        unit: read_unit(&unit)?,
        period: period.parse().map_err(|_| corrupt("period"))?,
        records: records.unsigned_abs(),
        bytes: bytes.unsigned_abs(),
        digest: digest.try_into().map_err(|_| corrupt("digest"))?,
        packing: Packing::from_code(packing).ok_or(corrupt("packing"))?,
        effect: if report_only == 1 {
            Effect::ReportOnly
        } else {
            Effect::Take
        },
        faults: if all_or_nothing == 1 {
            Faults::RefuseAll
        } else {
            Faults::KeepGood
        },
    };
    Ok(UploadRow {
        node: NodeId::new(node),
        number,
        manifest,
        log_position,
        opened_at: Timestamp::from_micros(opened_at),
    })
}

fn read_progress(row: ProgressTuple) -> Result<UploadProgress, StoreError> {
    let (state, received, done, compared_to, created, changed, renewed, ..) = row;
    let (.., unchanged, superseded, quarantined, rejected, missing, withdrawn, _, _) = &row;
    let rest = [
        unchanged,
        superseded,
        quarantined,
        rejected,
        missing,
        withdrawn,
    ];
    let [
        unchanged,
        superseded,
        quarantined,
        rejected,
        missing,
        withdrawn,
    ] = rest.map(|of| *of);
    let totals = [
        created,
        changed,
        renewed,
        unchanged,
        superseded,
        quarantined,
        rejected,
        missing,
        withdrawn,
    ];
    let (.., failure, finished_at) = row;
    Ok(UploadProgress {
        state: read_state(state)?,
        received: received.unsigned_abs(),
        done: done.unsigned_abs(),
        compared_to,
        totals: Totals::new(totals.map(i64::unsigned_abs)),
        failure,
        finished_at: (finished_at > 0).then(|| Timestamp::from_micros(finished_at)),
    })
}
