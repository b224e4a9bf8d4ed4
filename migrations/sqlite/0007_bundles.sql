-- Bundles that were carried here by hand and taken in; never changed. digest: hash of the whole file. receipt:
-- as it was given, sealed to the node that made the bundle. imported_by: the operator who brought it.
CREATE TABLE bundle (
    node_id     INTEGER NOT NULL,
    bundle_id   BLOB NOT NULL,
    digest      BLOB NOT NULL,
    records     INTEGER NOT NULL,
    receipt     BLOB NOT NULL,
    imported_at INTEGER NOT NULL,
    imported_by TEXT NOT NULL,
    PRIMARY KEY (node_id, bundle_id)
) STRICT;
CREATE INDEX bundle_by_time ON bundle (imported_at, bundle_id);
