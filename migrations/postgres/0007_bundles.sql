-- Bundles that were carried here by hand and taken in; never changed. digest: hash of the whole file. receipt:
-- as it was given, sealed to the node that made the bundle. imported_by: the operator who brought it.
CREATE TABLE bundle (
    node_id     BIGINT NOT NULL,
    bundle_id   UUID NOT NULL,
    digest      BYTEA NOT NULL,
    records     BIGINT NOT NULL,
    receipt     BYTEA NOT NULL,
    imported_at BIGINT NOT NULL,
    imported_by TEXT NOT NULL,
    PRIMARY KEY (node_id, bundle_id)
);
CREATE INDEX bundle_by_time ON bundle (imported_at, bundle_id);
