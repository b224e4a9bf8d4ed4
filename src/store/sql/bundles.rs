//! Statements of bundles that were taken in.

pub(in crate::store) const FIND_BUNDLE: &str = "
    SELECT digest, receipt
    FROM bundle
    WHERE node_id = $1
      AND bundle_id = $2";
pub(in crate::store) const INSERT_BUNDLE: &str = "
    INSERT INTO bundle
        (node_id, bundle_id, digest, records, receipt, imported_at, imported_by)
    VALUES ($1, $2, $3, $4, $5, $6, $7)";
/// Bundles of every node before a place, the newest first.
pub(in crate::store) const LIST_BUNDLES: &str = "
    SELECT b.bundle_id, n.name, b.records, b.imported_at, b.imported_by
    FROM bundle b
    JOIN node n ON n.node_id = b.node_id
    WHERE (b.imported_at, b.bundle_id) < ($1, $2)
    ORDER BY b.imported_at DESC, b.bundle_id DESC
    LIMIT $3";

pub(in crate::store) const PLAIN: &[(&str, &str)] =
    named![FIND_BUNDLE, INSERT_BUNDLE, LIST_BUNDLES];
