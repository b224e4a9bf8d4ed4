-- What a node announced; never changed. kind: 1 delta, 2 snapshot. record_kind: 0 for a delta. packing:
-- 0 plain, 1 zstd, 2 gzip. log_position: head of the log when it was opened. number: order of opening.
CREATE TABLE upload (
    node_id          BIGINT NOT NULL,
    upload_id        UUID NOT NULL,
    number           BIGINT NOT NULL,
    kind             SMALLINT NOT NULL,
    record_kind      SMALLINT NOT NULL,
    withdraw_missing SMALLINT NOT NULL,
    unit             TEXT NOT NULL,
    period           TEXT NOT NULL,
    records          BIGINT NOT NULL,
    bytes            BIGINT NOT NULL,
    digest           BYTEA NOT NULL,
    packing          SMALLINT NOT NULL,
    report_only      SMALLINT NOT NULL,
    all_or_nothing   SMALLINT NOT NULL,
    log_position     BIGINT NOT NULL,
    opened_at        BIGINT NOT NULL,
    PRIMARY KEY (node_id, upload_id)
);
CREATE UNIQUE INDEX upload_by_number ON upload (number);

-- How far an upload is. state: 1 receiving, 2 committing, 3 committed, 4 validated, 5 refused, 6 expired.
-- idle_sweeps: how often the hub has looked since something last happened. compared_to: how far a
-- snapshot has been compared with what is held.
CREATE TABLE upload_progress (
    node_id     BIGINT NOT NULL,
    upload_id   UUID NOT NULL,
    state       SMALLINT NOT NULL,
    received    BIGINT NOT NULL,
    chunks      BIGINT NOT NULL,
    idle_sweeps BIGINT NOT NULL,
    done        BIGINT NOT NULL,
    compared_to UUID NOT NULL,
    created     BIGINT NOT NULL,
    changed     BIGINT NOT NULL,
    renewed     BIGINT NOT NULL,
    unchanged   BIGINT NOT NULL,
    superseded  BIGINT NOT NULL,
    quarantined BIGINT NOT NULL,
    rejected    BIGINT NOT NULL,
    missing     BIGINT NOT NULL,
    withdrawn   BIGINT NOT NULL,
    failure     TEXT NOT NULL,
    finished_at BIGINT NOT NULL,
    PRIMARY KEY (node_id, upload_id)
);
CREATE INDEX upload_progress_by_state ON upload_progress (state, idle_sweeps);
CREATE INDEX upload_progress_with_bytes ON upload_progress (state) WHERE chunks > 0;

-- The bytes of an upload until its records are taken in; sealed.
CREATE TABLE upload_chunk (
    node_id   BIGINT NOT NULL,
    upload_id UUID NOT NULL,
    start     BIGINT NOT NULL,
    content   BYTEA NOT NULL,
    PRIMARY KEY (node_id, upload_id, start)
);

-- Sealed bytes do not become smaller.
ALTER TABLE upload_chunk ALTER COLUMN content SET STORAGE EXTERNAL;

-- What there is to say about the records of an upload. place: position in the upload; after the last one
-- come those that a snapshot does not list. violations: `level path RULE`, one a line.
CREATE TABLE upload_entry (
    node_id    BIGINT NOT NULL,
    upload_id  UUID NOT NULL,
    place      BIGINT NOT NULL,
    record_id  UUID,
    version    BIGINT NOT NULL,
    fate       SMALLINT NOT NULL,
    reason     TEXT NOT NULL,
    violations TEXT NOT NULL,
    PRIMARY KEY (node_id, upload_id, place)
);

INSERT INTO hub_counter (name, value) VALUES ('upload', 0);
INSERT INTO lease (name, owner, deadline, token) VALUES ('uploads', '', 0, 0);
