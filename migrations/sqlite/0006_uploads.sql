-- What a node announced; never changed. kind: 1 delta, 2 snapshot. record_kind: 0 for a delta. packing:
-- 0 plain, 1 zstd, 2 gzip. log_position: head of the log when it was opened. number: order of opening.
CREATE TABLE upload (
    node_id          INTEGER NOT NULL,
    upload_id        BLOB NOT NULL,
    number           INTEGER NOT NULL,
    kind             INTEGER NOT NULL,
    record_kind      INTEGER NOT NULL,
    withdraw_missing INTEGER NOT NULL,
    unit             TEXT NOT NULL,
    period           TEXT NOT NULL,
    records          INTEGER NOT NULL,
    bytes            INTEGER NOT NULL,
    digest           BLOB NOT NULL,
    packing          INTEGER NOT NULL,
    report_only      INTEGER NOT NULL,
    all_or_nothing   INTEGER NOT NULL,
    log_position     INTEGER NOT NULL,
    opened_at        INTEGER NOT NULL,
    PRIMARY KEY (node_id, upload_id)
) STRICT;
CREATE UNIQUE INDEX upload_by_number ON upload (number);

-- How far an upload is. state: 1 receiving, 2 committing, 3 committed, 4 validated, 5 refused, 6 expired.
-- idle_sweeps: how often the hub has looked since something last happened. compared_to: how far a
-- snapshot has been compared with what is held.
CREATE TABLE upload_progress (
    node_id     INTEGER NOT NULL,
    upload_id   BLOB NOT NULL,
    state       INTEGER NOT NULL,
    received    INTEGER NOT NULL,
    chunks      INTEGER NOT NULL,
    idle_sweeps INTEGER NOT NULL,
    done        INTEGER NOT NULL,
    compared_to BLOB NOT NULL,
    created     INTEGER NOT NULL,
    changed     INTEGER NOT NULL,
    renewed     INTEGER NOT NULL,
    unchanged   INTEGER NOT NULL,
    superseded  INTEGER NOT NULL,
    quarantined INTEGER NOT NULL,
    rejected    INTEGER NOT NULL,
    missing     INTEGER NOT NULL,
    withdrawn   INTEGER NOT NULL,
    failure     TEXT NOT NULL,
    finished_at INTEGER NOT NULL,
    PRIMARY KEY (node_id, upload_id)
) STRICT;
CREATE INDEX upload_progress_by_state ON upload_progress (state, idle_sweeps);
CREATE INDEX upload_progress_with_bytes ON upload_progress (state) WHERE chunks > 0;

-- The bytes of an upload until its records are taken in; sealed.
CREATE TABLE upload_chunk (
    node_id   INTEGER NOT NULL,
    upload_id BLOB NOT NULL,
    start     INTEGER NOT NULL,
    content   BLOB NOT NULL,
    PRIMARY KEY (node_id, upload_id, start)
) STRICT;

-- What there is to say about the records of an upload. place: position in the upload; after the last one
-- come those that a snapshot does not list. violations: `level path RULE`, one a line.
CREATE TABLE upload_entry (
    node_id    INTEGER NOT NULL,
    upload_id  BLOB NOT NULL,
    place      INTEGER NOT NULL,
    record_id  BLOB,
    version    INTEGER NOT NULL,
    fate       INTEGER NOT NULL,
    reason     TEXT NOT NULL,
    violations TEXT NOT NULL,
    PRIMARY KEY (node_id, upload_id, place)
) STRICT;

INSERT INTO hub_counter (name, value) VALUES ('upload', 0);
INSERT INTO lease (name, owner, deadline, token) VALUES ('uploads', '', 0, 0);
