-- Instants are microseconds since 1970 UTC. Contents are sealed: no personal data in plain text.

-- Numbers that a hub hands out in commit order: each is raised under its row lock.
CREATE TABLE hub_counter (
    name  TEXT   NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT;
INSERT INTO hub_counter (name, value) VALUES ('log', 0), ('change', 0), ('feed', 0), ('node', 0), ('batch', 0);

-- Who leads what; the fencing token rises with every change of owner.
CREATE TABLE lease (
    name     TEXT   NOT NULL PRIMARY KEY,
    owner    TEXT   NOT NULL,
    deadline INTEGER NOT NULL,
    token    INTEGER NOT NULL
) STRICT;
INSERT INTO lease (name, owner, deadline, token) VALUES ('reconciler', '', 0, 0), ('forwarder', '', 0, 0);

CREATE TABLE node (
    node_id       INTEGER NOT NULL PRIMARY KEY,
    name          TEXT   NOT NULL UNIQUE,
    unit          TEXT   NOT NULL,
    registered_at INTEGER NOT NULL
) STRICT;

CREATE TABLE node_territory (
    node_id INTEGER NOT NULL REFERENCES node (node_id),
    unit    TEXT   NOT NULL,
    PRIMARY KEY (node_id, unit)
) STRICT;

CREATE TABLE node_tally (
    node_id         INTEGER NOT NULL PRIMARY KEY REFERENCES node (node_id),
    received        INTEGER NOT NULL,
    accepted        INTEGER NOT NULL,
    unchanged       INTEGER NOT NULL,
    rejected        INTEGER NOT NULL,
    last_contact_at INTEGER NOT NULL
) STRICT;

-- The submission log. kind: 1 child, 2 case report. lane: 1 routine, 2 urgent.
-- tombstone: 0 for content, otherwise the reason's number. sent: what the source sent, where it differs.
CREATE TABLE submission (
    node_id      INTEGER NOT NULL,
    kind         INTEGER NOT NULL,
    record_id    BLOB     NOT NULL,
    version      INTEGER NOT NULL,
    seq          INTEGER NOT NULL,
    lane         INTEGER NOT NULL,
    received_at  INTEGER NOT NULL,
    tombstone    INTEGER NOT NULL,
    content_hash BLOB    NOT NULL,
    content      BLOB    NOT NULL,
    sent         BLOB,
    PRIMARY KEY (node_id, kind, record_id, version)
) STRICT;
CREATE INDEX submission_by_lane ON submission (lane, seq);

-- Submissions that break a rule, newest one of each record. feed_seq is 0 until the feed tells of it.
CREATE TABLE quarantine (
    node_id     INTEGER NOT NULL,
    kind        INTEGER NOT NULL,
    record_id   BLOB     NOT NULL,
    version     INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    feed_seq    INTEGER NOT NULL,
    reason      TEXT     NOT NULL,
    rules       TEXT     NOT NULL,
    content     BLOB    NOT NULL,
    PRIMARY KEY (node_id, kind, record_id)
) STRICT;
CREATE INDEX quarantine_by_feed ON quarantine (node_id, feed_seq);
CREATE INDEX quarantine_untold ON quarantine (feed_seq) WHERE feed_seq = 0;

-- The newest reconciled submission of each record. state: 1 live, 2 withdrawn.
CREATE TABLE source_record (
    node_id      INTEGER NOT NULL,
    kind         INTEGER NOT NULL,
    record_id    BLOB     NOT NULL,
    version      INTEGER NOT NULL,
    state        INTEGER NOT NULL,
    golden_id    BLOB     NOT NULL,
    feed_seq     INTEGER NOT NULL,
    content_hash BLOB    NOT NULL,
    PRIMARY KEY (node_id, kind, record_id)
) STRICT;
CREATE INDEX source_record_by_golden ON source_record (golden_id);
CREATE INDEX source_record_by_feed ON source_record (node_id, feed_seq);

-- state: 1 live, 2 withdrawn, 3 merged into another golden record.
CREATE TABLE golden_record (
    golden_id    BLOB     NOT NULL PRIMARY KEY,
    kind         INTEGER NOT NULL,
    lane         INTEGER NOT NULL,
    version      INTEGER NOT NULL,
    change_seq   INTEGER NOT NULL,
    state        INTEGER NOT NULL,
    merged_into  BLOB,
    content_hash BLOB    NOT NULL,
    content      BLOB    NOT NULL,
    provenance   TEXT     NOT NULL
) STRICT;
CREATE INDEX golden_record_by_change ON golden_record (lane, change_seq);

-- How far the reconciler has read each lane of the log.
CREATE TABLE log_cursor (
    lane     INTEGER NOT NULL PRIMARY KEY,
    position INTEGER NOT NULL
) STRICT;
INSERT INTO log_cursor (lane, position) VALUES (1, 0), (2, 0);

-- How far the upstream has receipted each lane of the golden-record changes.
CREATE TABLE forward_cursor (
    lane     INTEGER NOT NULL PRIMARY KEY,
    position INTEGER NOT NULL
) STRICT;
INSERT INTO forward_cursor (lane, position) VALUES (1, 0), (2, 0);

-- receipted_at is 0 until the upstream has acknowledged every record of the batch.
CREATE TABLE forward_batch (
    number       INTEGER NOT NULL PRIMARY KEY,
    lane         INTEGER NOT NULL,
    first_change INTEGER NOT NULL,
    last_change  INTEGER NOT NULL,
    records      INTEGER NOT NULL,
    digest       BLOB    NOT NULL,
    sealed_at    INTEGER NOT NULL,
    receipted_at INTEGER NOT NULL,
    accepted     INTEGER NOT NULL,
    unchanged    INTEGER NOT NULL,
    refused      INTEGER NOT NULL
) STRICT;
CREATE INDEX forward_batch_open ON forward_batch (lane) WHERE receipted_at = 0;

-- Golden records that the upstream refuses; a newer version that is taken removes the row.
CREATE TABLE forward_refusal (
    golden_id  BLOB   NOT NULL PRIMARY KEY,
    version    INTEGER NOT NULL,
    reason     TEXT   NOT NULL,
    refused_at INTEGER NOT NULL
) STRICT;

CREATE TABLE forwarder_health (
    name            TEXT   NOT NULL PRIMARY KEY,
    last_error      TEXT   NOT NULL,
    failed_attempts INTEGER NOT NULL
) STRICT;
INSERT INTO forwarder_health (name, last_error, failed_attempts) VALUES ('forwarder', '', 0);
