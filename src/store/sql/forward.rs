//! Statements of forward batches: those that this hub sends, and those that it receipts.

use super::{Bulk, KEY};

pub(in crate::store) const READ_FORWARD_CURSOR: &str =
    "SELECT position FROM forward_cursor WHERE lane = $1";
pub(in crate::store) const MOVE_FORWARD_CURSOR: &str = "
    UPDATE forward_cursor
    SET position = $3
    WHERE lane = $1
      AND position = $2";
pub(in crate::store) const FIND_OPEN_BATCH: &str = "
    SELECT number, batch_id, first_change, last_change, records, digest, manifest, sealed_at
    FROM forward_batch
    WHERE lane = $1
      AND receipted_at = 0
      AND replaced_by = 0
    ORDER BY number
    LIMIT 1";
pub(in crate::store) const INSERT_BATCH: &str = "
    INSERT INTO forward_batch
        (number, batch_id, lane, first_change, last_change, records, digest, manifest, sealed_at, receipted_at,
         accepted, unchanged, refused)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, 0, 0, 0)";
pub(in crate::store) const REPLACE_BATCH: &str = "
    UPDATE forward_batch
    SET replaced_by = $2
    WHERE number = $1
      AND receipted_at = 0
      AND replaced_by = 0";
pub(in crate::store) const RECEIPT_BATCH: &str = "
    UPDATE forward_batch
    SET receipted_at = $2, accepted = $3, unchanged = $4, refused = $5, receipt = $6
    WHERE number = $1
      AND receipted_at = 0
      AND replaced_by = 0";
/// Batches below a number, the newest first.
pub(in crate::store) const LIST_BATCHES: &str = "
    SELECT number, batch_id, lane, first_change, last_change, records, sealed_at, receipted_at, accepted,
           unchanged, refused, replaced_by
    FROM forward_batch
    WHERE number < $1
    ORDER BY number DESC
    LIMIT $2";
pub(in crate::store) const FIND_BATCH: &str = "
    SELECT number, batch_id, lane, first_change, last_change, records, sealed_at, receipted_at, accepted,
           unchanged, refused, replaced_by
    FROM forward_batch
    WHERE number = $1";
pub(in crate::store) const READ_BATCH_LETTERS: &str = "
    SELECT manifest, receipt
    FROM forward_batch
    WHERE number = $1";
pub(in crate::store) const READ_LAST_RECEIPT: &str = "
    SELECT number, receipted_at
    FROM forward_batch
    WHERE receipted_at > 0
    ORDER BY number DESC
    LIMIT 1";
pub(in crate::store) const PUT_REFUSALS: Bulk = Bulk {
    columns: &[
        ("golden_id", "UUID"),
        ("version", "BIGINT"),
        ("reason", "TEXT"),
        ("refused_at", "BIGINT"),
    ],
    body: "
    INSERT INTO forward_refusal (golden_id, version, reason, refused_at)
    SELECT golden_id, version, reason, refused_at
    FROM k
    WHERE 1 = 1
    ON CONFLICT (golden_id) DO UPDATE
    SET version = excluded.version,
        reason = excluded.reason,
        refused_at = excluded.refused_at",
};
pub(in crate::store) const CLEAR_REFUSALS: Bulk = Bulk {
    columns: &[("golden_id", "UUID")],
    body: "DELETE FROM forward_refusal WHERE golden_id IN (SELECT golden_id FROM k)",
};
pub(in crate::store) const SET_FORWARDER_HEALTH: &str = "
    UPDATE forwarder_health
    SET last_error = $2, failed_attempts = $3
    WHERE lane = $1";
pub(in crate::store) const READ_FORWARDER_HEALTH: &str = "
    SELECT last_error, failed_attempts
    FROM forwarder_health
    ORDER BY failed_attempts DESC
    LIMIT 1";

// Batches of hubs below

/// What the log has under exactly these versions.
pub(in crate::store) const FIND_SUBMITTED: Bulk = Bulk {
    columns: &[KEY[0], KEY[1], KEY[2], ("version", "BIGINT")],
    body: "
    SELECT s.record_id, s.version, s.content_hash, s.sent
    FROM k
    JOIN submission s
      ON s.node_id = k.node_id
     AND s.kind = k.kind
     AND s.record_id = k.record_id
     AND s.version = k.version",
};
pub(in crate::store) const FIND_RECEIVED_BATCH: &str = "
    SELECT digest, receipt
    FROM received_batch
    WHERE node_id = $1
      AND batch_id = $2";
pub(in crate::store) const INSERT_RECEIVED_BATCH: &str = "
    INSERT INTO received_batch
        (node_id, batch_id, number, lane, records, held, digest, manifest, receipt, received_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
    ON CONFLICT (node_id, batch_id) DO NOTHING";
/// Batches of every node before a place, the newest first.
pub(in crate::store) const LIST_RECEIVED_BATCHES: &str = "
    SELECT b.number, b.batch_id, n.name, b.lane, b.records, b.held, b.received_at
    FROM received_batch b
    JOIN node n ON n.node_id = b.node_id
    WHERE (b.received_at, b.batch_id) < ($1, $2)
    ORDER BY b.received_at DESC, b.batch_id DESC
    LIMIT $3";
/// The newest batch of a node under a number: a node that was set back to a backup gives numbers again.
pub(in crate::store) const FIND_RECEIVED_BY_NUMBER: &str = "
    SELECT b.number, b.batch_id, n.name, b.lane, b.records, b.held, b.received_at
    FROM received_batch b
    JOIN node n ON n.node_id = b.node_id
    WHERE n.name = $1
      AND b.number = $2
    ORDER BY b.received_at DESC
    LIMIT 1";
pub(in crate::store) const READ_RECEIVED_LETTERS: &str = "
    SELECT manifest, receipt
    FROM received_batch
    WHERE batch_id = $1
      AND node_id = (SELECT node_id FROM node WHERE name = $2)";

pub(in crate::store) const PLAIN: &[(&str, &str)] = named![
    READ_FORWARD_CURSOR,
    MOVE_FORWARD_CURSOR,
    FIND_OPEN_BATCH,
    INSERT_BATCH,
    REPLACE_BATCH,
    RECEIPT_BATCH,
    LIST_BATCHES,
    FIND_BATCH,
    READ_BATCH_LETTERS,
    READ_LAST_RECEIPT,
    SET_FORWARDER_HEALTH,
    READ_FORWARDER_HEALTH,
    FIND_RECEIVED_BATCH,
    INSERT_RECEIVED_BATCH,
    LIST_RECEIVED_BATCHES,
    FIND_RECEIVED_BY_NUMBER,
    READ_RECEIVED_LETTERS,
];
pub(in crate::store) const BULK: &[(&str, Bulk)] =
    named![PUT_REFUSALS, CLEAR_REFUSALS, FIND_SUBMITTED];
