//! Statements of decisions, reviews, aliases and the history of golden records.

use crate::store::bulk::Bulk;

const PAIR: [(&str, &str); 4] = [
    ("node_a", "BIGINT"),
    ("record_a", "UUID"),
    ("node_b", "BIGINT"),
    ("record_b", "UUID"),
];

// Decisions

pub(in crate::store) const APPEND_DECISIONS: Bulk = Bulk {
    columns: &[
        PAIR[0],
        PAIR[1],
        PAIR[2],
        PAIR[3],
        ("decision_seq", "BIGINT"),
        ("verdict", "SMALLINT"),
        ("cause", "SMALLINT"),
        ("decided_by", "TEXT"),
        ("decided_at", "BIGINT"),
    ],
    body: "
    INSERT INTO linkage_decision
        (decision_seq, node_a, record_a, node_b, record_b, verdict, cause, decided_by, decided_at)
    SELECT decision_seq, node_a, record_a, node_b, record_b, verdict, cause, decided_by, decided_at
    FROM k",
};
pub(in crate::store) const READ_DECISIONS: &str = "
    SELECT decision_seq, node_a, record_a, node_b, record_b, verdict, cause, decided_by, decided_at
    FROM linkage_decision
    WHERE decision_seq > $1
    ORDER BY decision_seq
    LIMIT $2";
/// The newest decision on a pair.
pub(in crate::store) const FIND_DECISION: &str = "
    SELECT decision_seq, node_a, record_a, node_b, record_b, verdict, cause, decided_by, decided_at
    FROM linkage_decision
    WHERE node_a = $1
      AND record_a = $2
      AND node_b = $3
      AND record_b = $4
    ORDER BY decision_seq DESC
    LIMIT 1";
/// The newest decisions first.
pub(in crate::store) const LIST_DECISIONS: &str = "
    SELECT decision_seq, node_a, record_a, node_b, record_b, verdict, cause, decided_by, decided_at
    FROM linkage_decision
    WHERE decision_seq < $1
    ORDER BY decision_seq DESC
    LIMIT $2";

// Reviews

pub(in crate::store) const PUT_REVIEWS: Bulk = Bulk {
    columns: &[
        PAIR[0],
        PAIR[1],
        PAIR[2],
        PAIR[3],
        ("centibits", "BIGINT"),
        ("opened_at", "BIGINT"),
    ],
    body: "
    INSERT INTO review (node_a, record_a, node_b, record_b, centibits, opened_at)
    SELECT node_a, record_a, node_b, record_b, centibits, opened_at
    FROM k
    WHERE 1 = 1
    ON CONFLICT (node_a, record_a, node_b, record_b) DO UPDATE
    SET centibits = excluded.centibits",
};
pub(in crate::store) const DELETE_REVIEWS: Bulk = Bulk {
    columns: &PAIR,
    body: "
    DELETE FROM review
    WHERE (node_a, record_a, node_b, record_b) IN (SELECT node_a, record_a, node_b, record_b FROM k)",
};
pub(in crate::store) const SCAN_REVIEWS: &str = "
    SELECT node_a, record_a, node_b, record_b, centibits, opened_at
    FROM review
    WHERE (node_a, record_a, node_b, record_b) > ($1, $2, $3, $4)
    ORDER BY node_a, record_a, node_b, record_b
    LIMIT $5";
/// The likeliest first. The unit filters by what the nodes of the pair belong to; '' is all.
pub(in crate::store) const LIST_REVIEWS_BY_SCORE: &str = "
    SELECT r.node_a, r.record_a, r.node_b, r.record_b, r.centibits, r.opened_at
    FROM review r
    JOIN node a ON a.node_id = r.node_a
    JOIN node b ON b.node_id = r.node_b
    WHERE $1 = '' OR a.unit = $1 OR b.unit = $1
    ORDER BY r.centibits DESC, r.node_a, r.record_a, r.node_b, r.record_b
    LIMIT $2
    OFFSET $3";
/// Those that wait longest first.
pub(in crate::store) const LIST_REVIEWS_BY_AGE: &str = "
    SELECT r.node_a, r.record_a, r.node_b, r.record_b, r.centibits, r.opened_at
    FROM review r
    JOIN node a ON a.node_id = r.node_a
    JOIN node b ON b.node_id = r.node_b
    WHERE $1 = '' OR a.unit = $1 OR b.unit = $1
    ORDER BY r.opened_at, r.node_a, r.record_a, r.node_b, r.record_b
    LIMIT $2
    OFFSET $3";
pub(in crate::store) const COUNT_REVIEWS: &str = "SELECT COUNT(*) FROM review";

// Aliases and history

pub(in crate::store) const APPEND_ALIASES: Bulk = Bulk {
    columns: &[
        ("alias_seq", "BIGINT"),
        ("from_golden", "UUID"),
        ("to_golden", "UUID"),
        ("kind", "SMALLINT"),
        ("cause", "SMALLINT"),
        ("happened_at", "BIGINT"),
    ],
    body: "
    INSERT INTO golden_alias (alias_seq, from_golden, to_golden, kind, cause, happened_at)
    SELECT alias_seq, from_golden, to_golden, kind, cause, happened_at
    FROM k",
};
pub(in crate::store) const READ_ALIASES: &str = "
    SELECT from_golden, to_golden, kind, cause, happened_at
    FROM golden_alias
    WHERE from_golden = $1
       OR to_golden = $1
    ORDER BY alias_seq";
/// Golden records that are about to be replaced, as they are.
pub(in crate::store) const KEEP_HISTORY: Bulk = Bulk {
    columns: &[("golden_id", "UUID"), ("replaced_at", "BIGINT")],
    body: "
    INSERT INTO golden_history
        (golden_id, version, state, merged_into, content_hash, content, provenance, conflicts, unit_move,
         replaced_at)
    SELECT g.golden_id, g.version, g.state, g.merged_into, g.content_hash, g.content, g.provenance,
           g.conflicts, g.unit_move, k.replaced_at
    FROM k
    JOIN golden_record g
      ON g.golden_id = k.golden_id",
};
pub(in crate::store) const READ_GOLDEN_RECORD: &str = "
    SELECT version, state, merged_into, content, provenance, conflicts, unit_move, CAST(0 AS BIGINT)
    FROM golden_record
    WHERE golden_id = $1";
pub(in crate::store) const READ_HISTORY: &str = "
    SELECT version, state, merged_into, content, provenance, conflicts, unit_move, replaced_at
    FROM golden_history
    WHERE golden_id = $1
    ORDER BY version DESC";
pub(in crate::store) const LIST_CONFLICTS: &str = "
    SELECT golden_id, conflicts
    FROM golden_record
    WHERE conflicts <> '[]'
      AND golden_id > $1
    ORDER BY golden_id
    LIMIT $2";
/// The newest live version of a child with its sealed content.
pub(in crate::store) const FIND_MEMBER: &str = "
    SELECT s.golden_id, s.node_id, s.kind, s.record_id, s.version, u.content, s.relations,
           CAST(NULL AS UUID), CAST(0 AS BIGINT)
    FROM source_record s
    JOIN submission u
      ON u.node_id = s.node_id
     AND u.kind = s.kind
     AND u.record_id = s.record_id
     AND u.version = s.version
    WHERE s.node_id = $1
      AND s.kind = 1
      AND s.record_id = $2
      AND s.state = 1";
pub(in crate::store) const FIND_NODE_NAME: &str = "SELECT name FROM node WHERE node_id = $1";

pub(in crate::store) const PLAIN: &[(&str, &str)] = named![
    READ_DECISIONS,
    FIND_DECISION,
    LIST_DECISIONS,
    SCAN_REVIEWS,
    LIST_REVIEWS_BY_SCORE,
    LIST_REVIEWS_BY_AGE,
    COUNT_REVIEWS,
    READ_ALIASES,
    READ_GOLDEN_RECORD,
    READ_HISTORY,
    LIST_CONFLICTS,
    FIND_MEMBER,
    FIND_NODE_NAME,
];
pub(in crate::store) const BULK: &[(&str, Bulk)] = named![
    APPEND_DECISIONS,
    PUT_REVIEWS,
    DELETE_REVIEWS,
    APPEND_ALIASES,
    KEEP_HISTORY
];
