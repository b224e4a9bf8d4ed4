//! Statements of the words of tiers above, and of where children are registered.

use super::{Bulk, KEY};

const GOLDEN: (&str, &str) = ("golden_id", "UUID");

pub(in crate::store) const FIND_TIER_WORDS: Bulk = Bulk {
    columns: &[GOLDEN],
    body: "
    SELECT w.golden_id, w.tier, w.hub, w.unit, w.version, w.state, w.is_newest, w.since, w.golden_there,
           w.former, w.news, w.linked, w.linked_units, w.conflicts, w.reason, w.moved_to
    FROM k
    JOIN tier_word w
      ON w.golden_id = k.golden_id",
};
pub(in crate::store) const DELETE_TIER_WORDS: Bulk = Bulk {
    columns: &[GOLDEN],
    body: "DELETE FROM tier_word WHERE golden_id IN (SELECT golden_id FROM k)",
};
pub(in crate::store) const INSERT_TIER_WORDS: Bulk = Bulk {
    columns: &[
        GOLDEN,
        ("tier", "SMALLINT"),
        ("hub", "TEXT"),
        ("unit", "TEXT"),
        ("version", "BIGINT"),
        ("state", "SMALLINT"),
        ("is_newest", "SMALLINT"),
        ("since", "BIGINT"),
        ("golden_there", "UUID"),
        ("former", "UUID"),
        ("news", "SMALLINT"),
        ("linked", "BIGINT"),
        ("linked_units", "TEXT"),
        ("conflicts", "TEXT"),
        ("reason", "TEXT"),
        ("moved_to", "TEXT"),
    ],
    body: "
    INSERT INTO tier_word
        (golden_id, tier, hub, unit, version, state, is_newest, since, golden_there, former, news, linked,
         linked_units, conflicts, reason, moved_to)
    SELECT golden_id, tier, hub, unit, version, state, is_newest, since, golden_there, former, news, linked,
           linked_units, conflicts, reason, moved_to
    FROM k",
};
/// Every source record that is or was last in these golden records, withdrawn ones included.
pub(in crate::store) const FIND_SOURCES_OF: Bulk = Bulk {
    columns: &[GOLDEN],
    body: "
    SELECT s.node_id, s.kind, s.record_id
    FROM k
    JOIN source_record s
      ON s.golden_id = k.golden_id",
};
/// What a live source record says, and what its golden record says.
pub(in crate::store) const FIND_SEALED_CONTENTS: Bulk = Bulk {
    columns: &KEY,
    body: "
    SELECT s.record_id, s.version, u.content, g.golden_id, g.version, g.content
    FROM k
    JOIN source_record s
      ON s.node_id = k.node_id
     AND s.kind = k.kind
     AND s.record_id = k.record_id
     AND s.state = 1
    JOIN submission u
      ON u.node_id = s.node_id
     AND u.kind = s.kind
     AND u.record_id = s.record_id
     AND u.version = s.version
    JOIN golden_record g
      ON g.golden_id = s.golden_id
     AND g.state = 1",
};

pub(in crate::store) const BULK: &[(&str, Bulk)] = named![
    FIND_TIER_WORDS,
    DELETE_TIER_WORDS,
    INSERT_TIER_WORDS,
    FIND_SOURCES_OF,
    FIND_SEALED_CONTENTS,
];
