//! Statements that follow one record.

pub(in crate::store) const READ_TRACED_VERSIONS: &str = "
    SELECT s.version, s.seq, s.received_at, s.tombstone,
           CASE WHEN s.seq <= c.position THEN 1 ELSE 0 END
    FROM submission s
    JOIN log_cursor c ON c.lane = s.lane
    WHERE s.node_id = $1
      AND s.kind = $2
      AND s.record_id = $3
    ORDER BY s.version DESC
    LIMIT $4";
/// Where a record stands in its node's feed: once, or twice with a version in quarantine.
pub(in crate::store) const FIND_FEED_NUMBERS: &str = "
    SELECT feed_seq
    FROM source_record
    WHERE node_id = $1
      AND kind = $2
      AND record_id = $3
    UNION ALL
    SELECT feed_seq
    FROM quarantine
    WHERE node_id = $1
      AND kind = $2
      AND record_id = $3
      AND feed_seq > 0";
/// When a golden record became what it is; nothing for its first version.
pub(in crate::store) const FIND_GOLDEN_SINCE: &str = "
    SELECT replaced_at
    FROM golden_history
    WHERE golden_id = $1
      AND version = $2 - 1";
/// Numbers of batches and changes of a lane rise together, so that the first one found is the one.
pub(in crate::store) const FIND_COVERING_BATCH: &str = "
    SELECT number, first_change, last_change, sealed_at, receipted_at, receipt
    FROM forward_batch
    WHERE lane = $1
      AND replaced_by = 0
      AND first_change <= $2
      AND last_change >= $2
    ORDER BY number DESC
    LIMIT 1";

pub(in crate::store) const PLAIN: &[(&str, &str)] = named![
    READ_TRACED_VERSIONS,
    FIND_FEED_NUMBERS,
    FIND_GOLDEN_SINCE,
    FIND_COVERING_BATCH,
];
