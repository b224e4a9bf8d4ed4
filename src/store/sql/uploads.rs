//! Statements of uploads: manifests, progress, chunks, reports, and what a snapshot is compared with.

use crate::store::bulk::Bulk;
use crate::store::sql::{KEY, Pair};

/// The columns of a manifest. A macro, because a constant cannot be put together from constants.
macro_rules! manifest_columns {
    () => {
        "u.node_id, u.upload_id, u.number, u.kind, u.record_kind, u.withdraw_missing, u.unit, u.period,
           u.records, u.bytes, u.digest, u.packing, u.report_only, u.all_or_nothing, u.log_position,
           u.opened_at"
    };
}

// Manifests

pub(in crate::store) const INSERT_UPLOAD: &str = "
    INSERT INTO upload
        (node_id, upload_id, number, kind, record_kind, withdraw_missing, unit, period, records, bytes,
         digest, packing, report_only, all_or_nothing, log_position, opened_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";
pub(in crate::store) const FIND_UPLOAD: &str = concat!(
    "
    SELECT ",
    manifest_columns!(),
    "
    FROM upload u
    WHERE u.node_id = $1
      AND u.upload_id = $2"
);
/// Uploads of every node, or of one, before a number.
pub(in crate::store) const LIST_UPLOADS: &str = concat!(
    "
    SELECT ",
    manifest_columns!(),
    "
    FROM upload u
    WHERE u.number < $1
      AND ($2 = 0 OR u.node_id = $2)
    ORDER BY u.number DESC
    LIMIT $3"
);
/// Uploads in a state, those that were opened first before the others.
pub(in crate::store) const LIST_UPLOADS_IN_STATE: &str = concat!(
    "
    SELECT ",
    manifest_columns!(),
    "
    FROM upload_progress p
    JOIN upload u
      ON u.node_id = p.node_id
     AND u.upload_id = p.upload_id
    WHERE p.state = $1
    ORDER BY u.number
    LIMIT $2"
);
pub(in crate::store) const COUNT_OPEN_UPLOADS: &str = "
    SELECT COUNT(*)
    FROM upload_progress
    WHERE node_id = $1
      AND state IN (1, 2)";
/// Bytes of all uploads whose bytes are awaited, or there and not removed yet.
pub(in crate::store) const SUM_ANNOUNCED_BYTES: &str = "
    SELECT CAST(COALESCE(SUM(u.bytes), 0) AS BIGINT)
    FROM upload_progress p
    JOIN upload u
      ON u.node_id = p.node_id
     AND u.upload_id = p.upload_id
    WHERE p.state IN (1, 2)
       OR p.chunks > 0";
pub(in crate::store) const NAME_OF_NODE: &str = "SELECT name FROM node WHERE node_id = $1";

// Progress

pub(in crate::store) const INSERT_UPLOAD_PROGRESS: &str = "
    INSERT INTO upload_progress
        (node_id, upload_id, state, received, chunks, idle_sweeps, done, compared_to, created, changed,
         renewed, unchanged, superseded, quarantined, rejected, missing, withdrawn, failure, finished_at)
    VALUES ($1, $2, 1, 0, 0, 0, 0, $3, 0, 0, 0, 0, 0, 0, 0, 0, 0, '', 0)";
/// How far an upload is.
pub(in crate::store) const READ_UPLOAD_PROGRESS: &str = "
    SELECT state, received, done, compared_to, created, changed, renewed, unchanged, superseded,
           quarantined, rejected, missing, withdrawn, failure, finished_at
    FROM upload_progress
    WHERE node_id = $1
      AND upload_id = $2";
/// PostgreSQL holds the row until the end of the transaction; SQLite has one writer at a time anyway.
pub(in crate::store) const LOCK_UPLOAD: Pair = Pair {
    sqlite: "
    SELECT state, received, chunks
    FROM upload_progress
    WHERE node_id = $1
      AND upload_id = $2",
    postgres: "
    SELECT state, received, chunks
    FROM upload_progress
    WHERE node_id = $1
      AND upload_id = $2
    FOR UPDATE",
};
pub(in crate::store) const SET_UPLOAD_STATE: &str = "
    UPDATE upload_progress
    SET state = $4, failure = $5, finished_at = $6, idle_sweeps = 0
    WHERE node_id = $1
      AND upload_id = $2
      AND state = $3";
pub(in crate::store) const TOUCH_UPLOAD: &str = "
    UPDATE upload_progress
    SET idle_sweeps = 0
    WHERE node_id = $1
      AND upload_id = $2";
/// Every byte must come again.
pub(in crate::store) const FORGET_UPLOAD_BYTES: &str = "
    UPDATE upload_progress
    SET state = 1, received = 0, chunks = 0, failure = $3, idle_sweeps = 0
    WHERE node_id = $1
      AND upload_id = $2
      AND state = 2";
/// The second number of `done` is the one before: two that take the same records in cannot both.
pub(in crate::store) const ADVANCE_UPLOAD: &str = "
    UPDATE upload_progress
    SET done = $4, compared_to = $5, created = $6, changed = $7, renewed = $8, unchanged = $9,
        superseded = $10, quarantined = $11, rejected = $12, missing = $13, withdrawn = $14
    WHERE node_id = $1
      AND upload_id = $2
      AND state = 2
      AND done = $3";

// Chunks

pub(in crate::store) const INSERT_CHUNK: &str = "
    INSERT INTO upload_chunk (node_id, upload_id, start, content)
    VALUES ($1, $2, $3, $4)";
pub(in crate::store) const ADVANCE_RECEIVED: &str = "
    UPDATE upload_progress
    SET received = $3, chunks = chunks + 1, idle_sweeps = 0
    WHERE node_id = $1
      AND upload_id = $2
      AND state = 1";
pub(in crate::store) const READ_CHUNKS: &str = "
    SELECT start, content
    FROM upload_chunk
    WHERE node_id = $1
      AND upload_id = $2
      AND start >= $3
    ORDER BY start
    LIMIT $4";
pub(in crate::store) const DELETE_CHUNKS: &str = "
    DELETE FROM upload_chunk
    WHERE node_id = $1
      AND upload_id = $2
      AND start IN (
        SELECT start
        FROM upload_chunk
        WHERE node_id = $1
          AND upload_id = $2
        ORDER BY start
        LIMIT $3)";

// Reports

pub(in crate::store) const INSERT_UPLOAD_ENTRIES: Bulk = Bulk {
    columns: &[
        ("node_id", "BIGINT"),
        ("upload_id", "UUID"),
        ("place", "BIGINT"),
        ("record_id", "UUID"),
        ("version", "BIGINT"),
        ("fate", "SMALLINT"),
        ("reason", "TEXT"),
        ("violations", "TEXT"),
    ],
    body: "
    INSERT INTO upload_entry
        (node_id, upload_id, place, record_id, version, fate, reason, violations)
    SELECT node_id, upload_id, place, record_id, version, fate, reason, violations
    FROM k",
};
pub(in crate::store) const READ_UPLOAD_ENTRIES: &str = "
    SELECT place, record_id, version, fate, reason, violations
    FROM upload_entry
    WHERE node_id = $1
      AND upload_id = $2
      AND place > $3
    ORDER BY place
    LIMIT $4";
pub(in crate::store) const DELETE_UPLOAD_ENTRIES: &str = "
    DELETE FROM upload_entry
    WHERE node_id = $1
      AND upload_id = $2
      AND place IN (
        SELECT place
        FROM upload_entry
        WHERE node_id = $1
          AND upload_id = $2
        ORDER BY place
        LIMIT $3)";

// Sweeping

/// What is being taken in is never idle.
pub(in crate::store) const SWEEP_UPLOADS: &str = "
    UPDATE upload_progress
    SET idle_sweeps = idle_sweeps + 1
    WHERE state IN (1, 3, 4, 5)";
pub(in crate::store) const EXPIRE_UPLOADS: &str = "
    UPDATE upload_progress
    SET state = 6
    WHERE (state = 1 AND idle_sweeps >= $1)
       OR (state IN (3, 4, 5) AND idle_sweeps >= $2)";
/// Uploads that have ended and whose bytes are still there.
pub(in crate::store) const FIND_SPENT_CHUNKS: &str = "
    SELECT node_id, upload_id
    FROM upload_progress
    WHERE state IN (3, 4, 5, 6)
      AND chunks > 0
    LIMIT 1";
pub(in crate::store) const CHUNKS_ARE_GONE: &str = "
    UPDATE upload_progress
    SET chunks = 0
    WHERE node_id = $1
      AND upload_id = $2
      AND state IN (3, 4, 5, 6)";
pub(in crate::store) const FIND_EXPIRED_UPLOAD: &str = "
    SELECT node_id, upload_id
    FROM upload_progress
    WHERE state = 6
    LIMIT 1";
pub(in crate::store) const DELETE_UPLOAD: &str = "
    DELETE FROM upload
    WHERE node_id = $1
      AND upload_id = $2";
pub(in crate::store) const DELETE_UPLOAD_PROGRESS: &str = "
    DELETE FROM upload_progress
    WHERE node_id = $1
      AND upload_id = $2
      AND state = 6";

// What is held

/// The newest version of each record.
pub(in crate::store) const FIND_NEWEST_VERSIONS: Bulk = Bulk {
    columns: &[KEY[0], KEY[1], KEY[2], ("version", "BIGINT")],
    body: "
    SELECT s.node_id, s.kind, s.record_id, s.version, s.content_hash, s.relations
    FROM k
    JOIN submission s
      ON s.node_id = k.node_id
     AND s.kind = k.kind
     AND s.record_id = k.record_id
     AND s.version = (
        SELECT MAX(m.version)
        FROM submission m
        WHERE m.node_id = k.node_id
          AND m.kind = k.kind
          AND m.record_id = k.record_id)",
};
/// What a node's records have got in both lanes in a part of the log.
pub(in crate::store) const READ_APPENDED: &str = "
    SELECT s.node_id, s.kind, s.record_id, s.version, s.content_hash, s.relations
    FROM submission s
    WHERE s.lane IN (1, 2)
      AND s.seq > $1
      AND s.seq <= $2
      AND s.node_id = $3";
/// Beside the versions from the one that was asked for on, the newest one before it: it tells new from
/// changed.
pub(in crate::store) const FIND_HELD_AND_PRIOR_VERSIONS: Bulk = Bulk {
    columns: &[KEY[0], KEY[1], KEY[2], ("version", "BIGINT")],
    body: "
    SELECT s.node_id, s.kind, s.record_id, s.version, s.content_hash, s.relations
    FROM k
    JOIN submission s
      ON s.node_id = k.node_id
     AND s.kind = k.kind
     AND s.record_id = k.record_id
     AND s.version >= COALESCE(
        (SELECT MAX(m.version)
         FROM submission m
         WHERE m.node_id = k.node_id
           AND m.kind = k.kind
           AND m.record_id = k.record_id
           AND m.version < k.version),
        k.version)",
};
/// A page of the newest versions of a node's records, as of a position of the log: a record that was
/// heard of since then is left out.
pub(in crate::store) const SCAN_NEWEST_SUBMISSIONS: &str = "
    SELECT s.record_id, s.version, s.tombstone, s.seq
    FROM submission s
    WHERE s.node_id = $1
      AND s.kind = $2
      AND s.record_id > $3
      AND NOT EXISTS (
        SELECT 1
        FROM submission n
        WHERE n.node_id = s.node_id
          AND n.kind = s.kind
          AND n.record_id = s.record_id
          AND n.version > s.version)
    ORDER BY s.record_id
    LIMIT $4";
pub(in crate::store) const READ_SUBMISSION_CONTENTS: Bulk = Bulk {
    columns: &[KEY[0], KEY[1], KEY[2], ("version", "BIGINT")],
    body: "
    SELECT s.node_id, s.kind, s.record_id, s.version, s.content
    FROM k
    JOIN submission s
      ON s.node_id = k.node_id
     AND s.kind = k.kind
     AND s.record_id = k.record_id
     AND s.version = k.version",
};

pub(in crate::store) const PLAIN: &[(&str, &str)] = named![
    INSERT_UPLOAD,
    FIND_UPLOAD,
    LIST_UPLOADS,
    LIST_UPLOADS_IN_STATE,
    COUNT_OPEN_UPLOADS,
    SUM_ANNOUNCED_BYTES,
    NAME_OF_NODE,
    INSERT_UPLOAD_PROGRESS,
    READ_UPLOAD_PROGRESS,
    SET_UPLOAD_STATE,
    TOUCH_UPLOAD,
    FORGET_UPLOAD_BYTES,
    ADVANCE_UPLOAD,
    INSERT_CHUNK,
    ADVANCE_RECEIVED,
    READ_CHUNKS,
    DELETE_CHUNKS,
    READ_UPLOAD_ENTRIES,
    DELETE_UPLOAD_ENTRIES,
    SWEEP_UPLOADS,
    EXPIRE_UPLOADS,
    FIND_SPENT_CHUNKS,
    CHUNKS_ARE_GONE,
    FIND_EXPIRED_UPLOAD,
    DELETE_UPLOAD,
    DELETE_UPLOAD_PROGRESS,
    SCAN_NEWEST_SUBMISSIONS,
    READ_APPENDED,
];
pub(in crate::store) const PAIRS: &[(&str, Pair)] = named![LOCK_UPLOAD];
pub(in crate::store) const BULK: &[(&str, Bulk)] = named![
    INSERT_UPLOAD_ENTRIES,
    FIND_NEWEST_VERSIONS,
    FIND_HELD_AND_PRIOR_VERSIONS,
    READ_SUBMISSION_CONTENTS,
];
