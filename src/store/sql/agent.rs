//! The statements of an agent's database, which is always SQLite.

use crate::store::bulk::Bulk;

pub(in crate::store) const READ_AGENT: &str = "
    SELECT last_state, queued, feed_cursor, feed_read
    FROM agent";
pub(in crate::store) const SET_LAST_STATE: &str = "UPDATE agent SET last_state = $1, queued = $2";
pub(in crate::store) const SET_FEED_CURSOR: &str = "UPDATE agent SET feed_cursor = $1";
pub(in crate::store) const SET_FEED_READ: &str = "UPDATE agent SET feed_read = 1";
pub(in crate::store) const USED_BYTES: &str = "
    SELECT (c.page_count - f.freelist_count) * s.page_size
    FROM pragma_page_count c, pragma_freelist_count f, pragma_page_size s";

pub(in crate::store) const READ_QUEUE: &str = "
    SELECT kind, record_id, state, version, sealed_version, tombstone, relations, content
    FROM queue
    WHERE lane = $1
    ORDER BY lane, position
    LIMIT $2";
/// Whether a lane has a record behind so many others.
pub(in crate::store) const QUEUE_REACHES: &str = "
    SELECT EXISTS (
        SELECT 1
        FROM queue
        WHERE lane = $1
        ORDER BY lane, position
        LIMIT 1 OFFSET $2)";
pub(in crate::store) const READ_QUEUE_AFTER: &str = "
    SELECT position, kind, record_id, state, version, sealed_version, tombstone, relations, content
    FROM queue
    WHERE lane = $1
      AND position > $2
    ORDER BY lane, position
    LIMIT $3";
pub(in crate::store) const OLDEST_QUEUED: &str = "
    SELECT r.kept_at
    FROM queue q
    JOIN record r ON r.kind = q.kind AND r.record_id = q.record_id
    WHERE q.lane = $1
    ORDER BY q.lane, q.position
    LIMIT 1";
pub(in crate::store) const COUNT_QUEUED: &str = "SELECT COUNT(*) FROM queue WHERE lane = $1";
pub(in crate::store) const COUNT_STANDINGS: &str = "
    SELECT standing, COUNT(*)
    FROM record
    GROUP BY standing";
pub(in crate::store) const LIST_RECORDS: &str = "
    SELECT *
    FROM record
    WHERE standing = $1
      AND (kind, record_id) > ($2, $3)
    ORDER BY standing, kind, record_id
    LIMIT $4";
/// What is to be corrected for one of some reasons, of one unit or of any. The index answers for the
/// records that are passed over.
pub(in crate::store) const LIST_CORRECTIONS: &str = "
    SELECT *
    FROM record
    WHERE to_correct <> 0
      AND to_correct & $1 <> 0
      AND ($2 = '' OR unit = $2)
      AND (kind, record_id) > ($3, $4)
    ORDER BY kind, record_id
    LIMIT $5";
pub(in crate::store) const COUNT_CORRECTIONS: &str = "
    SELECT to_correct, unit, COUNT(*)
    FROM record
    WHERE to_correct <> 0
      AND ($1 = '' OR unit = $1)
    GROUP BY to_correct, unit";
/// Where the feed is to be read again: records that the node above the hub may hold by now.
pub(in crate::store) const FIND_AWAITING_ABOVE: &str = "
    SELECT MIN(feed_position), MAX(feed_position)
    FROM record
    WHERE kind = $1
      AND above_state = 0
      AND golden_change > 0
      AND golden_change <= $2";

pub(in crate::store) const READ_BULK: &str = "
    SELECT upload_id, unit, records, content
    FROM bulk";
pub(in crate::store) const INSERT_BULK: &str = "
    INSERT INTO bulk (id, upload_id, unit, records, content)
    VALUES (1, $1, $2, $3, $4)";
pub(in crate::store) const DELETE_BULK: &str = "DELETE FROM bulk";
pub(in crate::store) const READ_BULK_RECORDS: &str = "
    SELECT position, kind, record_id, state, version
    FROM bulk_record
    ORDER BY position
    LIMIT $1";
pub(in crate::store) const DELETE_BULK_RECORDS: &str = "
    DELETE FROM bulk_record
    WHERE position < $1";

pub(in crate::store) const READ_HUB_CARD: &str = "SELECT card FROM hub_card";
pub(in crate::store) const PUT_HUB_CARD: &str = "
    INSERT INTO hub_card (id, card)
    VALUES (1, $1)
    ON CONFLICT (id) DO UPDATE
    SET card = excluded.card";
pub(in crate::store) const INSERT_AGENT_BUNDLE: &str = "
    INSERT INTO bundle (bundle_id, made_at, hub, records, digest, reply_key, receipted_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7)";
pub(in crate::store) const FIND_AGENT_BUNDLE: &str = "
    SELECT bundle_id, made_at, hub, records, digest, reply_key, receipted_at
    FROM bundle
    WHERE bundle_id = $1";
/// Ids of version 7 are in the order of their making.
pub(in crate::store) const LIST_AGENT_BUNDLES: &str = "
    SELECT bundle_id, made_at, hub, records, digest, reply_key, receipted_at
    FROM bundle
    ORDER BY bundle_id DESC
    LIMIT $1";
/// The key has done its work: nobody opens the receipt again.
pub(in crate::store) const RECEIPT_AGENT_BUNDLE: &str = "
    UPDATE bundle
    SET receipted_at = $2, reply_key = x''
    WHERE bundle_id = $1";
pub(in crate::store) const PRUNE_AGENT_BUNDLES: &str = "
    DELETE FROM bundle
    WHERE bundle_id NOT IN (SELECT bundle_id FROM bundle ORDER BY bundle_id DESC LIMIT $1)";

const KEY: [(&str, &str); 2] = [("kind", "SMALLINT"), ("record_id", "UUID")];

pub(in crate::store) const FIND_RECORDS: Bulk = Bulk {
    columns: &KEY,
    body: "
    SELECT r.*
    FROM k
    JOIN record r ON r.kind = k.kind AND r.record_id = k.record_id",
};
pub(in crate::store) const FIND_QUEUED: Bulk = Bulk {
    columns: &KEY,
    body: "
    SELECT q.kind, q.record_id, q.state, q.numbered_here
    FROM k
    JOIN queue q ON q.kind = k.kind AND q.record_id = k.record_id",
};
pub(in crate::store) const PUT_RECORDS: Bulk = Bulk {
    columns: &[
        KEY[0],
        KEY[1],
        ("version", "BIGINT"),
        ("content_hash", "BYTEA"),
        ("relations", "TEXT"),
        ("kept_at", "BIGINT"),
        ("rules", "TEXT"),
        ("standing", "SMALLINT"),
        ("answered_version", "BIGINT"),
        ("outcome", "SMALLINT"),
        ("reason", "TEXT"),
        ("hub_rules", "TEXT"),
        ("hub_version", "BIGINT"),
        ("hub_state", "SMALLINT"),
        ("hub_since", "BIGINT"),
        ("feed_position", "BIGINT"),
        ("golden_change", "BIGINT"),
        ("linked", "BIGINT"),
        ("above_state", "SMALLINT"),
        ("above_since", "BIGINT"),
        ("above_reason", "TEXT"),
        ("warnings", "TEXT"),
        ("unit", "TEXT"),
        ("label", "BYTEA"),
        ("linked_units", "TEXT"),
        ("conflicts", "TEXT"),
        ("to_correct", "SMALLINT"),
        ("successor_unit", "TEXT"),
        ("tiers", "TEXT"),
        ("moved_to", "TEXT"),
    ],
    body: "
    INSERT INTO record (kind, record_id, version, content_hash, relations, kept_at, rules, standing,
                        answered_version, outcome, reason, hub_rules, hub_version, hub_state,
                        hub_since, feed_position, golden_change, linked, above_state, above_since,
                        above_reason, warnings, unit, label, linked_units, conflicts, to_correct,
                        successor_unit, tiers, moved_to)
    SELECT * FROM k WHERE TRUE
    ON CONFLICT (kind, record_id) DO UPDATE
    SET version = excluded.version, content_hash = excluded.content_hash,
        relations = excluded.relations, kept_at = excluded.kept_at, rules = excluded.rules,
        standing = excluded.standing, answered_version = excluded.answered_version,
        outcome = excluded.outcome, reason = excluded.reason, hub_rules = excluded.hub_rules,
        hub_version = excluded.hub_version, hub_state = excluded.hub_state,
        hub_since = excluded.hub_since, feed_position = excluded.feed_position,
        golden_change = excluded.golden_change, linked = excluded.linked,
        above_state = excluded.above_state, above_since = excluded.above_since,
        above_reason = excluded.above_reason, warnings = excluded.warnings, unit = excluded.unit,
        label = excluded.label, linked_units = excluded.linked_units, conflicts = excluded.conflicts,
        to_correct = excluded.to_correct, successor_unit = excluded.successor_unit,
        tiers = excluded.tiers, moved_to = excluded.moved_to",
};
/// A newer state takes the place of an older one in the order of sending.
pub(in crate::store) const PUT_QUEUED: Bulk = Bulk {
    columns: &[
        KEY[0],
        KEY[1],
        ("lane", "SMALLINT"),
        ("state", "BIGINT"),
        ("version", "BIGINT"),
        ("sealed_version", "BIGINT"),
        ("numbered_here", "SMALLINT"),
        ("tombstone", "SMALLINT"),
        ("relations", "TEXT"),
        ("content", "BYTEA"),
    ],
    body: "
    INSERT INTO queue (kind, record_id, lane, position, state, version, sealed_version, numbered_here,
                       tombstone, relations, content)
    SELECT kind, record_id, lane, state, state, version, sealed_version, numbered_here, tombstone,
           relations, content
    FROM k WHERE TRUE
    ON CONFLICT (kind, record_id) DO UPDATE
    SET state = excluded.state, version = excluded.version, sealed_version = excluded.sealed_version,
        numbered_here = excluded.numbered_here, tombstone = excluded.tombstone,
        relations = excluded.relations, content = excluded.content",
};
/// A state that a newer one has replaced meanwhile is not there any more, and the newer one stays.
pub(in crate::store) const DELETE_QUEUED: Bulk = Bulk {
    columns: &[KEY[0], KEY[1], ("state", "BIGINT")],
    body: "
    DELETE FROM queue
    WHERE (kind, record_id, state) IN (SELECT kind, record_id, state FROM k)",
};
pub(in crate::store) const INSERT_BULK_RECORDS: Bulk = Bulk {
    columns: &[
        KEY[0],
        KEY[1],
        ("position", "BIGINT"),
        ("state", "BIGINT"),
        ("version", "BIGINT"),
    ],
    body: "
    INSERT INTO bulk_record (kind, record_id, position, state, version)
    SELECT kind, record_id, position, state, version
    FROM k",
};
/// The hub held versions of records that were numbered here before the feed was read.
pub(in crate::store) const RENUMBER_QUEUED: Bulk = Bulk {
    columns: &[KEY[0], KEY[1], ("version", "BIGINT")],
    body: "
    UPDATE queue
    SET version = k.version
    FROM k
    WHERE queue.kind = k.kind
      AND queue.record_id = k.record_id",
};

/// Name and text of every statement.
pub(in crate::store) fn every_agent_statement() -> Vec<(&'static str, String)> {
    let plain = PLAIN.iter().map(|(name, text)| (*name, (*text).to_owned()));
    let bulk = BULK.iter().map(|(name, bulk)| (*name, bulk.sqlite_text(2)));
    plain.chain(bulk).collect()
}

const PLAIN: &[(&str, &str)] = named![
    READ_AGENT,
    SET_LAST_STATE,
    SET_FEED_CURSOR,
    SET_FEED_READ,
    USED_BYTES,
    READ_QUEUE,
    QUEUE_REACHES,
    READ_QUEUE_AFTER,
    OLDEST_QUEUED,
    COUNT_QUEUED,
    COUNT_STANDINGS,
    LIST_RECORDS,
    LIST_CORRECTIONS,
    COUNT_CORRECTIONS,
    FIND_AWAITING_ABOVE,
    READ_HUB_CARD,
    PUT_HUB_CARD,
    INSERT_AGENT_BUNDLE,
    FIND_AGENT_BUNDLE,
    LIST_AGENT_BUNDLES,
    RECEIPT_AGENT_BUNDLE,
    PRUNE_AGENT_BUNDLES,
    READ_BULK,
    INSERT_BULK,
    DELETE_BULK,
    READ_BULK_RECORDS,
    DELETE_BULK_RECORDS,
];
const BULK: &[(&str, Bulk)] = named![
    FIND_RECORDS,
    FIND_QUEUED,
    PUT_RECORDS,
    PUT_QUEUED,
    DELETE_QUEUED,
    INSERT_BULK_RECORDS,
    RENUMBER_QUEUED,
];
