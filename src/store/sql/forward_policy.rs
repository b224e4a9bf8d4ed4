//! Statements of the policy under which records go upstream.

pub(in crate::store) const READ_FORWARD_POLICY: &str = "
    SELECT digest, looked_at, is_done
    FROM forward_policy
    WHERE lane = $1";
pub(in crate::store) const BEGIN_FORWARD_POLICY: &str = "
    UPDATE forward_policy
    SET digest = $2, looked_at = $3, is_done = 0
    WHERE lane = $1";
pub(in crate::store) const MOVE_FORWARD_POLICY: &str = "
    UPDATE forward_policy
    SET looked_at = $3, is_done = $4
    WHERE lane = $1
      AND looked_at = $2
      AND is_done = 0";
/// A page of the live golden records of a lane, whole, in the order of their identity.
pub(in crate::store) const SCAN_LIVE_GOLDEN_RECORDS: &str = "
    SELECT golden_id, kind, version, content_hash, forwarded_hash, content, provenance, conflicts,
           different_from, unit_move
    FROM golden_record
    WHERE lane = $1
      AND state = 1
      AND golden_id > $2
    ORDER BY golden_id
    LIMIT $3";

pub(in crate::store) const PLAIN: &[(&str, &str)] = named![
    READ_FORWARD_POLICY,
    BEGIN_FORWARD_POLICY,
    MOVE_FORWARD_POLICY,
    SCAN_LIVE_GOLDEN_RECORDS,
];
