-- Instants are microseconds since 1970 UTC. Contents are sealed: no personal data in plain text.

-- Numbers that a hub hands out in commit order: each is raised under its row lock.
CREATE TABLE hub_counter (
    name  TEXT   NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO hub_counter (name, value) VALUES ('log', 0), ('change', 0), ('feed', 0), ('node', 0), ('batch', 0);

-- Who leads what; the fencing token rises with every change of owner.
CREATE TABLE lease (
    name     TEXT   NOT NULL PRIMARY KEY,
    owner    TEXT   NOT NULL,
    deadline BIGINT NOT NULL,
    token    BIGINT NOT NULL
);
INSERT INTO lease (name, owner, deadline, token) VALUES ('reconciler', '', 0, 0), ('forwarder', '', 0, 0);

CREATE TABLE node (
    node_id       BIGINT NOT NULL PRIMARY KEY,
    name          TEXT   NOT NULL UNIQUE,
    unit          TEXT   NOT NULL,
    registered_at BIGINT NOT NULL
);

CREATE TABLE node_territory (
    node_id BIGINT NOT NULL REFERENCES node (node_id),
    unit    TEXT   NOT NULL,
    PRIMARY KEY (node_id, unit)
);

CREATE TABLE node_tally (
    node_id         BIGINT NOT NULL PRIMARY KEY REFERENCES node (node_id),
    received        BIGINT NOT NULL,
    accepted        BIGINT NOT NULL,
    unchanged       BIGINT NOT NULL,
    rejected        BIGINT NOT NULL,
    last_contact_at BIGINT NOT NULL
);

-- The submission log. kind: 1 child, 2 case report. lane: 1 routine, 2 urgent.
-- tombstone: 0 for content, otherwise the reason's number. sent: what the source sent, where it differs.
CREATE TABLE submission (
    node_id      BIGINT   NOT NULL,
    kind         SMALLINT NOT NULL,
    record_id    UUID     NOT NULL,
    version      BIGINT   NOT NULL,
    seq          BIGINT   NOT NULL,
    lane         SMALLINT NOT NULL,
    received_at  BIGINT   NOT NULL,
    tombstone    SMALLINT NOT NULL,
    content_hash BYTEA    NOT NULL,
    content      BYTEA    NOT NULL,
    sent         BYTEA,
    PRIMARY KEY (node_id, kind, record_id, version)
);
CREATE INDEX submission_by_lane ON submission (lane, seq);

-- Submissions that break a rule, newest one of each record. feed_seq is 0 until the feed tells of it.
CREATE TABLE quarantine (
    node_id     BIGINT   NOT NULL,
    kind        SMALLINT NOT NULL,
    record_id   UUID     NOT NULL,
    version     BIGINT   NOT NULL,
    received_at BIGINT   NOT NULL,
    feed_seq    BIGINT   NOT NULL,
    reason      TEXT     NOT NULL,
    rules       TEXT     NOT NULL,
    content     BYTEA    NOT NULL,
    PRIMARY KEY (node_id, kind, record_id)
);
CREATE INDEX quarantine_by_feed ON quarantine (node_id, feed_seq);
CREATE INDEX quarantine_untold ON quarantine (feed_seq) WHERE feed_seq = 0;

-- The newest reconciled submission of each record. state: 1 live, 2 withdrawn.
CREATE TABLE source_record (
    node_id      BIGINT   NOT NULL,
    kind         SMALLINT NOT NULL,
    record_id    UUID     NOT NULL,
    version      BIGINT   NOT NULL,
    state        SMALLINT NOT NULL,
    golden_id    UUID     NOT NULL,
    feed_seq     BIGINT   NOT NULL,
    content_hash BYTEA    NOT NULL,
    PRIMARY KEY (node_id, kind, record_id)
);
CREATE INDEX source_record_by_golden ON source_record (golden_id);
CREATE INDEX source_record_by_feed ON source_record (node_id, feed_seq);

-- state: 1 live, 2 withdrawn, 3 merged into another golden record.
CREATE TABLE golden_record (
    golden_id    UUID     NOT NULL PRIMARY KEY,
    kind         SMALLINT NOT NULL,
    lane         SMALLINT NOT NULL,
    version      BIGINT   NOT NULL,
    change_seq   BIGINT   NOT NULL,
    state        SMALLINT NOT NULL,
    merged_into  UUID,
    content_hash BYTEA    NOT NULL,
    content      BYTEA    NOT NULL,
    provenance   TEXT     NOT NULL
);
CREATE INDEX golden_record_by_change ON golden_record (lane, change_seq);

-- How far the reconciler has read each lane of the log.
CREATE TABLE log_cursor (
    lane     SMALLINT NOT NULL PRIMARY KEY,
    position BIGINT   NOT NULL
);
INSERT INTO log_cursor (lane, position) VALUES (1, 0), (2, 0);

-- How far the upstream has receipted each lane of the golden-record changes.
CREATE TABLE forward_cursor (
    lane     SMALLINT NOT NULL PRIMARY KEY,
    position BIGINT   NOT NULL
);
INSERT INTO forward_cursor (lane, position) VALUES (1, 0), (2, 0);

-- receipted_at is 0 until the upstream has acknowledged every record of the batch.
CREATE TABLE forward_batch (
    number       BIGINT   NOT NULL PRIMARY KEY,
    lane         SMALLINT NOT NULL,
    first_change BIGINT   NOT NULL,
    last_change  BIGINT   NOT NULL,
    records      BIGINT   NOT NULL,
    digest       BYTEA    NOT NULL,
    sealed_at    BIGINT   NOT NULL,
    receipted_at BIGINT   NOT NULL,
    accepted     BIGINT   NOT NULL,
    unchanged    BIGINT   NOT NULL,
    refused      BIGINT   NOT NULL
);
CREATE INDEX forward_batch_open ON forward_batch (lane) WHERE receipted_at = 0;

-- Golden records that the upstream refuses; a newer version that is taken removes the row.
CREATE TABLE forward_refusal (
    golden_id  UUID   NOT NULL PRIMARY KEY,
    version    BIGINT NOT NULL,
    reason     TEXT   NOT NULL,
    refused_at BIGINT NOT NULL
);

CREATE TABLE forwarder_health (
    name            TEXT   NOT NULL PRIMARY KEY,
    last_error      TEXT   NOT NULL,
    failed_attempts BIGINT NOT NULL
);
INSERT INTO forwarder_health (name, last_error, failed_attempts) VALUES ('forwarder', '', 0);
