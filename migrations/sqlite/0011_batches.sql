-- The evidence of forward batches. batch_id and manifest are those that the hub signed when it sealed the batch,
-- receipt is what its upstream signed; empty where there is none. replaced_by: the number of the batch that
-- covers the same changes since a record of this one had changed before it was receipted; 0 if there is none.
ALTER TABLE forward_batch ADD COLUMN batch_id BLOB NOT NULL DEFAULT x'00000000000000000000000000000000';
ALTER TABLE forward_batch ADD COLUMN manifest BLOB NOT NULL DEFAULT x'';
ALTER TABLE forward_batch ADD COLUMN receipt BLOB NOT NULL DEFAULT x'';
ALTER TABLE forward_batch ADD COLUMN replaced_by INTEGER NOT NULL DEFAULT 0;
DROP INDEX forward_batch_open;
CREATE INDEX forward_batch_open ON forward_batch (lane) WHERE receipted_at = 0 AND replaced_by = 0;

-- Forward batches of hubs below, as this hub has receipted them; never changed. digest: hash of the manifest.
CREATE TABLE received_batch (
    node_id     INTEGER NOT NULL,
    batch_id    BLOB NOT NULL,
    number      INTEGER NOT NULL,
    lane        INTEGER NOT NULL,
    records     INTEGER NOT NULL,
    held        INTEGER NOT NULL,
    digest      BLOB NOT NULL,
    manifest    BLOB NOT NULL,
    receipt     BLOB NOT NULL,
    received_at INTEGER NOT NULL,
    PRIMARY KEY (node_id, batch_id)
) STRICT;
CREATE INDEX received_batch_by_number ON received_batch (node_id, number);
CREATE INDEX received_batch_by_time ON received_batch (received_at, batch_id);
