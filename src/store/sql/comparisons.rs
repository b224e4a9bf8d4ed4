//! Statements of comparisons and of what they have sent again.

use crate::store::bulk::Bulk;

/// The records of a hub as its upstream should have them.
pub(in crate::store) const SCAN_GOLDEN_ENTRIES: &str = "
    SELECT golden_id, version, state,
           CASE WHEN LENGTH(forwarded_hash) = 0 THEN content_hash ELSE forwarded_hash END
    FROM golden_record
    WHERE lane = $1
    LIMIT $2";
/// The records of a node as they are reconciled.
pub(in crate::store) const SCAN_SOURCE_ENTRIES: &str = "
    SELECT record_id, version, content_hash
    FROM source_record
    WHERE node_id = $1
      AND kind = $2
    LIMIT $3";
pub(in crate::store) const READ_CHANGE_HEAD: &str = "
    SELECT COALESCE(MAX(change_seq), 0)
    FROM golden_record
    WHERE lane = $1";
pub(in crate::store) const READ_LOG_HEAD: &str = "
    SELECT COALESCE(MAX(seq), 0)
    FROM submission
    WHERE lane = $1";
pub(in crate::store) const LOOK_AT_GOLDEN_RECORDS: Bulk = Bulk {
    columns: &[("golden_id", "UUID")],
    body: "
    SELECT k.golden_id, g.version, g.state,
           CASE WHEN LENGTH(g.forwarded_hash) = 0 THEN g.content_hash ELSE g.forwarded_hash END,
           g.change_seq, r.version, r.reason
    FROM k
    LEFT JOIN golden_record g
      ON g.golden_id = k.golden_id
    LEFT JOIN forward_refusal r
      ON r.golden_id = k.golden_id",
};
/// The newest number of the log tells whether the reconciler has seen all of a record.
pub(in crate::store) const LOOK_AT_SOURCE_RECORDS: Bulk = Bulk {
    columns: &[
        ("node_id", "BIGINT"),
        ("kind", "SMALLINT"),
        ("record_id", "UUID"),
    ],
    body: "
    SELECT k.record_id, s.version, s.content_hash, q.version,
           (SELECT MAX(u.seq)
            FROM submission u
            WHERE u.node_id = k.node_id
              AND u.kind = k.kind
              AND u.record_id = k.record_id)
    FROM k
    LEFT JOIN source_record s
      ON s.node_id = k.node_id
     AND s.kind = k.kind
     AND s.record_id = k.record_id
    LEFT JOIN quarantine q
      ON q.node_id = k.node_id
     AND q.kind = k.kind
     AND q.record_id = k.record_id",
};

/// What failed is asked for again; what is under way or has ended stays as it is.
pub(in crate::store) const ASK_COMPARISON: &str = "
    INSERT INTO comparison
        (comparison_id, node_id, repair, asked_by, asked_at, state, ended_at, matched, different, missing,
         extra, refused, moving, repaired, remaining, rounds, traffic_bytes, failure)
    VALUES ($1, $2, $3, $4, $5, 1, 0, 0, 0, 0, 0, 0, 0, 0, -1, 0, 0, '')
    ON CONFLICT (comparison_id) DO UPDATE
    SET state = 1, ended_at = 0, failure = ''
    WHERE comparison.state = 4
      AND comparison.node_id = excluded.node_id";
pub(in crate::store) const BEGIN_COMPARISON: &str = "
    UPDATE comparison
    SET state = 2
    WHERE comparison_id = $1
      AND state = 1";
pub(in crate::store) const END_COMPARISON: &str = "
    UPDATE comparison
    SET state = $3, ended_at = $4, matched = $5, different = $6, missing = $7, extra = $8, refused = $9,
        moving = $10, repaired = $11, remaining = $12, rounds = $13, traffic_bytes = $14, failure = $15
    WHERE comparison_id = $1
      AND node_id = $2
      AND state <> 3";
pub(in crate::store) const PUT_DIFFERENCES: Bulk = Bulk {
    columns: &[
        ("comparison_id", "UUID"),
        ("kind", "SMALLINT"),
        ("record_id", "UUID"),
        ("finding", "SMALLINT"),
        ("lower_version", "BIGINT"),
        ("upper_version", "BIGINT"),
    ],
    body: "
    INSERT INTO comparison_difference
        (comparison_id, kind, record_id, finding, lower_version, upper_version)
    SELECT comparison_id, kind, record_id, finding, lower_version, upper_version
    FROM k
    WHERE 1 = 1
    ON CONFLICT (comparison_id, kind, record_id) DO NOTHING",
};
/// Comparisons before a place, the newest first.
pub(in crate::store) const LIST_COMPARISONS: &str = "
    SELECT c.comparison_id, c.node_id, COALESCE(n.name, ''), c.repair, c.asked_by, c.asked_at, c.state, c.ended_at,
           c.matched, c.different, c.missing, c.extra, c.refused, c.moving, c.repaired, c.remaining,
           c.rounds, c.traffic_bytes, c.failure
    FROM comparison c
    LEFT JOIN node n ON n.node_id = c.node_id
    WHERE (c.asked_at, c.comparison_id) < ($1, $2)
    ORDER BY c.asked_at DESC, c.comparison_id DESC
    LIMIT $3";
pub(in crate::store) const FIND_COMPARISON: &str = "
    SELECT c.comparison_id, c.node_id, COALESCE(n.name, ''), c.repair, c.asked_by, c.asked_at, c.state, c.ended_at,
           c.matched, c.different, c.missing, c.extra, c.refused, c.moving, c.repaired, c.remaining,
           c.rounds, c.traffic_bytes, c.failure
    FROM comparison c
    LEFT JOIN node n ON n.node_id = c.node_id
    WHERE c.comparison_id = $1";
/// The newest comparison of each pair of ends that has a result.
pub(in crate::store) const LIST_NEWEST_COMPARISONS: &str = "
    SELECT c.comparison_id, c.node_id, COALESCE(n.name, ''), c.repair, c.asked_by, c.asked_at, c.state, c.ended_at,
           c.matched, c.different, c.missing, c.extra, c.refused, c.moving, c.repaired, c.remaining,
           c.rounds, c.traffic_bytes, c.failure
    FROM comparison c
    LEFT JOIN node n ON n.node_id = c.node_id
    WHERE c.ended_at > 0
      AND NOT EXISTS (
          SELECT 1
          FROM comparison later
          WHERE later.node_id = c.node_id
            AND later.ended_at > 0
            AND (later.ended_at, later.comparison_id) > (c.ended_at, c.comparison_id))
    ORDER BY c.node_id
    LIMIT $1";
/// Comparisons with a node, or with the upstream, that somebody has to make.
pub(in crate::store) const LIST_OPEN_COMPARISONS: &str = "
    SELECT comparison_id, repair
    FROM comparison
    WHERE node_id = $1
      AND state <= 2
    ORDER BY asked_at, comparison_id
    LIMIT $2";
pub(in crate::store) const LIST_DIFFERENCES: &str = "
    SELECT kind, record_id, finding, lower_version, upper_version
    FROM comparison_difference
    WHERE comparison_id = $1
      AND (kind, record_id) > ($2, $3)
    ORDER BY kind, record_id
    LIMIT $4";
/// Differences of what [`FORGET_COMPARISONS`] removes.
pub(in crate::store) const FORGET_DIFFERENCES: &str = "
    DELETE FROM comparison_difference
    WHERE comparison_id IN (
        SELECT comparison_id
        FROM comparison
        WHERE node_id = $1
          AND state >= 3
          AND asked_at < (
              SELECT MIN(newest.asked_at)
              FROM (
                  SELECT asked_at
                  FROM comparison
                  WHERE node_id = $1
                  ORDER BY asked_at DESC
                  LIMIT $2
              ) AS newest))";
/// Older comparisons with a node than the newest so many, unless they are still to be made.
pub(in crate::store) const FORGET_COMPARISONS: &str = "
    DELETE FROM comparison
    WHERE node_id = $1
      AND state >= 3
      AND asked_at < (
          SELECT MIN(newest.asked_at)
          FROM (
              SELECT asked_at
              FROM comparison
              WHERE node_id = $1
              ORDER BY asked_at DESC
              LIMIT $2
          ) AS newest)";

pub(in crate::store) const PUT_RESENDS: Bulk = Bulk {
    columns: &[
        ("golden_id", "UUID"),
        ("kind", "SMALLINT"),
        ("above_version", "BIGINT"),
    ],
    body: "
    INSERT INTO resend (golden_id, kind, above_version)
    SELECT golden_id, kind, above_version
    FROM k
    WHERE 1 = 1
    ON CONFLICT (golden_id) DO UPDATE
    SET above_version = excluded.above_version",
};
pub(in crate::store) const READ_RESENDS: &str = "
    SELECT golden_id, kind, above_version
    FROM resend
    ORDER BY golden_id
    LIMIT $1";
pub(in crate::store) const DELETE_RESENDS: Bulk = Bulk {
    columns: &[("golden_id", "UUID"), ("above_version", "BIGINT")],
    body: "
    DELETE FROM resend
    WHERE EXISTS (
        SELECT 1
        FROM k
        WHERE k.golden_id = resend.golden_id
          AND k.above_version = resend.above_version)",
};
pub(in crate::store) const COUNT_RESENDS: &str = "SELECT COUNT(*) FROM resend";
pub(in crate::store) const FIND_GOLDEN_CONTENTS: Bulk = Bulk {
    columns: &[("golden_id", "UUID")],
    body: "
    SELECT g.golden_id, g.version, g.content
    FROM k
    JOIN golden_record g
      ON g.golden_id = k.golden_id",
};
/// The content is the same, sealed for the new version.
pub(in crate::store) const RENEW_GOLDEN_RECORDS: Bulk = Bulk {
    columns: &[
        ("golden_id", "UUID"),
        ("version", "BIGINT"),
        ("change_seq", "BIGINT"),
        ("content", "BYTEA"),
    ],
    body: "
    UPDATE golden_record
    SET version = k.version,
        change_seq = k.change_seq,
        content = k.content
    FROM k
    WHERE golden_record.golden_id = k.golden_id",
};

pub(in crate::store) const PLAIN: &[(&str, &str)] = named![
    SCAN_GOLDEN_ENTRIES,
    SCAN_SOURCE_ENTRIES,
    READ_CHANGE_HEAD,
    READ_LOG_HEAD,
    ASK_COMPARISON,
    BEGIN_COMPARISON,
    END_COMPARISON,
    LIST_COMPARISONS,
    FIND_COMPARISON,
    LIST_NEWEST_COMPARISONS,
    LIST_OPEN_COMPARISONS,
    LIST_DIFFERENCES,
    FORGET_COMPARISONS,
    FORGET_DIFFERENCES,
    READ_RESENDS,
    COUNT_RESENDS,
];
pub(in crate::store) const BULK: &[(&str, Bulk)] = named![
    LOOK_AT_GOLDEN_RECORDS,
    LOOK_AT_SOURCE_RECORDS,
    PUT_DIFFERENCES,
    PUT_RESENDS,
    DELETE_RESENDS,
    FIND_GOLDEN_CONTENTS,
    RENEW_GOLDEN_RECORDS,
];
