//! Statements of acts that change units, and of records that wait for a place after a split.

use super::KEY;
use crate::store::bulk::Bulk;

pub(in crate::store) const INSERT_UNIT_ACT: &str = "
    INSERT INTO unit_act
        (act_seq, act_id, title, effective_from, changes, digest, act_text, received_at, received_by)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
pub(in crate::store) const FIND_UNIT_ACT_DIGEST: &str = "
    SELECT digest
    FROM unit_act
    WHERE act_id = $1";
/// Every act that is known.
pub(in crate::store) const READ_UNIT_ACT_TEXTS: &str = "
    SELECT act_text
    FROM unit_act
    ORDER BY act_seq";
/// Every act that holds, in the order in which they began.
pub(in crate::store) const READ_BEGUN_UNIT_ACTS: &str = "
    SELECT a.act_text
    FROM unit_act_begun b
    JOIN unit_act a ON a.act_seq = b.act_seq
    ORDER BY b.begun_seq";
/// Acts whose day has come and that have not begun, the oldest first.
pub(in crate::store) const FIND_DUE_UNIT_ACTS: &str = "
    SELECT a.act_seq, a.act_id
    FROM unit_act a
    WHERE a.effective_from <= $1
      AND NOT EXISTS (SELECT 1 FROM unit_act_begun b WHERE b.act_seq = a.act_seq)
    ORDER BY a.effective_from, a.act_seq";
pub(in crate::store) const INSERT_BEGUN_UNIT_ACT: &str = "
    INSERT INTO unit_act_begun (begun_seq, act_seq, begun_at)
    VALUES ($1, $2, $3)";
/// Acts before a number, the newest first, without their texts.
pub(in crate::store) const LIST_UNIT_ACTS: &str = "
    SELECT a.act_seq, a.act_id, a.title, a.effective_from, a.changes, a.received_at, a.received_by,
           COALESCE(b.begun_seq, 0), COALESCE(b.begun_at, 0)
    FROM unit_act a
    LEFT JOIN unit_act_begun b ON b.act_seq = a.act_seq
    WHERE a.act_seq < $1
    ORDER BY a.act_seq DESC
    LIMIT $2";
pub(in crate::store) const READ_UNIT_PROGRESS: &str = "
    SELECT begun_seq, after_golden, looked_at, changed, finished_at
    FROM unit_progress
    WHERE place = 1";
pub(in crate::store) const SET_UNIT_PROGRESS: &str = "
    UPDATE unit_progress
    SET begun_seq = $1,
        after_golden = $2,
        looked_at = $3,
        changed = $4,
        finished_at = $5
    WHERE place = 1";
/// A page of the live golden records of both kinds in the order of their identity.
pub(in crate::store) const SCAN_LIVE_GOLDEN: &str = "
    SELECT golden_id, kind
    FROM golden_record
    WHERE state = 1
      AND golden_id > $1
    ORDER BY golden_id
    LIMIT $2";
/// What was said of records, in order: the last word of a unit counts.
pub(in crate::store) const FIND_PLACEMENTS: Bulk = Bulk {
    columns: &KEY,
    body: "
    SELECT p.node_id, p.kind, p.record_id, p.placement_seq, p.from_unit, p.to_unit
    FROM k
    JOIN record_placement p
      ON p.node_id = k.node_id
     AND p.kind = k.kind
     AND p.record_id = k.record_id
    ORDER BY p.placement_seq",
};
/// The golden records in which records that were placed are live, with the numbers of what was said.
pub(in crate::store) const READ_PLACED: &str = "
    SELECT p.placement_seq, s.golden_id, s.kind, s.state
    FROM record_placement p
    JOIN source_record s
      ON s.node_id = p.node_id
     AND s.kind = p.kind
     AND s.record_id = p.record_id
    WHERE p.placement_seq > $1
    ORDER BY p.placement_seq
    LIMIT $2";
pub(in crate::store) const INSERT_PLACEMENTS: Bulk = Bulk {
    columns: &[
        ("placement_seq", "BIGINT"),
        ("golden_id", "UUID"),
        ("from_unit", "TEXT"),
        ("to_unit", "TEXT"),
        ("placed_at", "BIGINT"),
        ("placed_by", "TEXT"),
    ],
    body: "
    INSERT INTO record_placement
        (placement_seq, node_id, kind, record_id, from_unit, to_unit, placed_at, placed_by)
    SELECT k.placement_seq, s.node_id, s.kind, s.record_id, k.from_unit, k.to_unit, k.placed_at, k.placed_by
    FROM k
    JOIN source_record s
      ON s.golden_id = k.golden_id
     AND s.state = 1",
};
pub(in crate::store) const PUT_PLACEMENT_TASKS: Bulk = Bulk {
    columns: &[
        ("golden_id", "UUID"),
        ("kind", "SMALLINT"),
        ("unit", "TEXT"),
        ("opened_at", "BIGINT"),
    ],
    body: "
    INSERT INTO placement_task (golden_id, kind, unit, opened_at)
    SELECT golden_id, kind, unit, opened_at
    FROM k
    WHERE 1 = 1
    ON CONFLICT (golden_id) DO UPDATE
    SET opened_at = CASE
            WHEN placement_task.unit = excluded.unit THEN placement_task.opened_at
            ELSE excluded.opened_at
        END,
        unit = excluded.unit",
};
pub(in crate::store) const CLEAR_PLACEMENT_TASKS: Bulk = Bulk {
    columns: &[("golden_id", "UUID")],
    body: "DELETE FROM placement_task WHERE golden_id IN (SELECT golden_id FROM k)",
};
pub(in crate::store) const FIND_PLACEMENT_TASKS: Bulk = Bulk {
    columns: &[("golden_id", "UUID")],
    body: "
    SELECT t.golden_id, t.kind, t.unit, t.opened_at
    FROM k
    JOIN placement_task t
      ON t.golden_id = k.golden_id",
};
/// Tasks after a place, in the order of unit and golden record.
pub(in crate::store) const LIST_PLACEMENT_TASKS: &str = "
    SELECT golden_id, kind, unit, opened_at
    FROM placement_task
    WHERE (unit, golden_id) > ($1, $2)
    ORDER BY unit, golden_id
    LIMIT $3";
pub(in crate::store) const COUNT_PLACEMENT_TASKS: &str = "SELECT COUNT(*) FROM placement_task";
pub(in crate::store) const FIND_UNIT_MOVES: Bulk = Bulk {
    columns: &[("golden_id", "UUID")],
    body: "
    SELECT g.golden_id, g.unit_move
    FROM k
    JOIN golden_record g
      ON g.golden_id = k.golden_id
    WHERE g.unit_move <> ''",
};
/// Golden records that the upstream refuses because they are not of the territory that it knows, and that do
/// not wait to be sent already.
pub(in crate::store) const FIND_OUTSIDERS: &str = "
    SELECT r.golden_id
    FROM forward_refusal r
    JOIN golden_record g ON g.golden_id = r.golden_id
    JOIN forward_cursor f ON f.lane = g.lane
    WHERE r.reason = 'OUTSIDE_TERRITORY'
      AND g.change_seq <= f.position
    ORDER BY g.change_seq
    LIMIT $1";
pub(in crate::store) const OFFER_AGAIN: Bulk = Bulk {
    columns: &[("golden_id", "UUID"), ("change_seq", "BIGINT")],
    body: "
    UPDATE golden_record
    SET change_seq = k.change_seq
    FROM k
    WHERE golden_record.golden_id = k.golden_id",
};
/// Names and units of nodes after a name, with their territories, one row for each unit of a territory.
pub(in crate::store) const LIST_TERRITORIES: &str = "
    SELECT n.name, n.unit, t.unit
    FROM (
        SELECT node_id, name, unit
        FROM node
        WHERE name > $1
        ORDER BY name
        LIMIT $2
    ) AS n
    JOIN node_territory t ON t.node_id = n.node_id
    ORDER BY n.name, t.unit";

pub(in crate::store) const PLAIN: &[(&str, &str)] = named![
    INSERT_UNIT_ACT,
    FIND_UNIT_ACT_DIGEST,
    READ_UNIT_ACT_TEXTS,
    READ_BEGUN_UNIT_ACTS,
    FIND_DUE_UNIT_ACTS,
    INSERT_BEGUN_UNIT_ACT,
    LIST_UNIT_ACTS,
    READ_UNIT_PROGRESS,
    SET_UNIT_PROGRESS,
    SCAN_LIVE_GOLDEN,
    READ_PLACED,
    LIST_PLACEMENT_TASKS,
    COUNT_PLACEMENT_TASKS,
    LIST_TERRITORIES,
    FIND_OUTSIDERS,
];
pub(in crate::store) const BULK: &[(&str, Bulk)] = named![
    FIND_PLACEMENTS,
    INSERT_PLACEMENTS,
    PUT_PLACEMENT_TASKS,
    CLEAR_PLACEMENT_TASKS,
    FIND_PLACEMENT_TASKS,
    OFFER_AGAIN,
    FIND_UNIT_MOVES,
];
