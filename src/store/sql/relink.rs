//! Statements of the models in use and of linking again under another one.

use crate::store::bulk::Bulk;

pub(in crate::store) const INSERT_MODEL: &str = "
    INSERT INTO linkage_model (model_seq, source, model_text, digest, used_by, used_at)
    VALUES ($1, $2, $3, $4, $5, $6)";
pub(in crate::store) const FIND_MODEL: &str = "
    SELECT model_seq, source, model_text, digest, used_by, used_at
    FROM linkage_model
    WHERE model_seq = $1";
/// The newest first, without their texts.
pub(in crate::store) const LIST_MODELS: &str = "
    SELECT model_seq, source, '' AS model_text, digest, used_by, used_at
    FROM linkage_model
    WHERE model_seq < $1
    ORDER BY model_seq DESC
    LIMIT $2";
pub(in crate::store) const READ_RELINK_PROGRESS: &str = "
    SELECT linked_model, building_model, build_records, read_records, compared_records, unsettled_records
    FROM relink_progress
    WHERE place = 1";
pub(in crate::store) const SET_RELINK_PROGRESS: &str = "
    UPDATE relink_progress
    SET linked_model = $1,
        building_model = $2,
        build_records = $3,
        read_records = $4,
        compared_records = $5,
        unsettled_records = $6
    WHERE place = 1";
/// Those of some children that are live, as a page of all of them has them.
pub(in crate::store) const FIND_MEMBERS: Bulk = Bulk {
    columns: &[("node_id", "BIGINT"), ("record_id", "UUID")],
    body: "
    SELECT s.golden_id, s.node_id, s.kind, s.record_id, s.version, u.content, s.relations,
           s.previous_golden,
           COALESCE((
               SELECT MAX(a.alias_seq)
               FROM golden_alias a
               WHERE a.from_golden = s.previous_golden
                 AND a.to_golden = s.golden_id), 0)
    FROM k
    JOIN source_record s
      ON s.node_id = k.node_id
     AND s.kind = 1
     AND s.record_id = k.record_id
     AND s.state = 1
    JOIN submission u
      ON u.node_id = s.node_id
     AND u.kind = s.kind
     AND u.record_id = s.record_id
     AND u.version = s.version",
};

pub(in crate::store) const PLAIN: &[(&str, &str)] = named![
    INSERT_MODEL,
    FIND_MODEL,
    LIST_MODELS,
    READ_RELINK_PROGRESS,
    SET_RELINK_PROGRESS,
];
pub(in crate::store) const BULK: &[(&str, Bulk)] = named![FIND_MEMBERS];
