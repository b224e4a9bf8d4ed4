-- The evidence of forward batches. batch_id and manifest are those that the hub signed when it sealed the batch,
-- receipt is what its upstream signed; empty where there is none. replaced_by: the number of the batch that
-- covers the same changes since a record of this one had changed before it was receipted; 0 if there is none.
ALTER TABLE forward_batch ADD COLUMN batch_id UUID NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000';
ALTER TABLE forward_batch ADD COLUMN manifest BYTEA NOT NULL DEFAULT '';
ALTER TABLE forward_batch ADD COLUMN receipt BYTEA NOT NULL DEFAULT '';
ALTER TABLE forward_batch ADD COLUMN replaced_by BIGINT NOT NULL DEFAULT 0;
DROP INDEX forward_batch_open;
CREATE INDEX forward_batch_open ON forward_batch (lane) WHERE receipted_at = 0 AND replaced_by = 0;

-- Forward batches of hubs below, as this hub has receipted them; never changed. digest: hash of the manifest.
CREATE TABLE received_batch (
    node_id     BIGINT NOT NULL,
    batch_id    UUID NOT NULL,
    number      BIGINT NOT NULL,
    lane        SMALLINT NOT NULL,
    records     BIGINT NOT NULL,
    held        BIGINT NOT NULL,
    digest      BYTEA NOT NULL,
    manifest    BYTEA NOT NULL,
    receipt     BYTEA NOT NULL,
    received_at BIGINT NOT NULL,
    PRIMARY KEY (node_id, batch_id)
);
CREATE INDEX received_batch_by_number ON received_batch (node_id, number);
CREATE INDEX received_batch_by_time ON received_batch (received_at, batch_id);
