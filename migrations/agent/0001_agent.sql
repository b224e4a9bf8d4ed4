-- The database of an agent: one SQLite file on the commune's machine. Instants are microseconds since
-- 1970 UTC. Contents are sealed: no personal data in plain text.

-- One row. last_state: number of the newest state that was kept. queued: rows of queue. feed_cursor: how
-- far the hub's feed is read. feed_read: 1 once it was read to its end for the first time.
CREATE TABLE agent (
    id           INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    last_state   INTEGER NOT NULL,
    queued       INTEGER NOT NULL,
    feed_cursor  INTEGER NOT NULL,
    feed_read    INTEGER NOT NULL
) STRICT;
INSERT INTO agent (id, last_state, queued, feed_cursor, feed_read) VALUES (1, 0, 0, 0, 0);

-- The newest unsent state of each record. position: when the record came into the queue, kept when a newer
-- state takes its place. state: which state this is. sealed_version: the version that the content is
-- sealed for, where version was given later. lane: 1 routine, 2 urgent. tombstone: 0 for content,
-- otherwise the reason's number.
CREATE TABLE queue (
    kind           INTEGER NOT NULL,
    record_id      BLOB    NOT NULL,
    lane           INTEGER NOT NULL,
    position       INTEGER NOT NULL,
    state          INTEGER NOT NULL,
    version        INTEGER NOT NULL,
    sealed_version INTEGER NOT NULL,
    numbered_here  INTEGER NOT NULL,
    tombstone      INTEGER NOT NULL,
    relations      TEXT    NOT NULL,
    content        BLOB    NOT NULL,
    PRIMARY KEY (kind, record_id)
) STRICT;
CREATE INDEX queue_by_position ON queue (lane, position);

-- Every record, with its newest version and where that is. content_hash is empty where only the hub has
-- told of the record. rules: what the agent itself found. answered_version: the newest version that the
-- hub answered, 0 before; outcome, reason and hub_rules are that answer. hub_version to above_reason are
-- what the hub's feed says. hub_state: 0 nothing yet, 1 live, 2 withdrawn, 3 in quarantine. above_state:
-- 0 not yet, 1 held, 2 refused. *_since is the hub's clock, kept_at is this machine's.
CREATE TABLE record (
    kind             INTEGER NOT NULL,
    record_id        BLOB    NOT NULL,
    version          INTEGER NOT NULL,
    content_hash     BLOB    NOT NULL,
    relations        TEXT    NOT NULL,
    kept_at          INTEGER NOT NULL,
    rules            TEXT    NOT NULL,
    standing         INTEGER NOT NULL,
    answered_version INTEGER NOT NULL DEFAULT 0,
    outcome          INTEGER NOT NULL DEFAULT 0,
    reason           TEXT    NOT NULL DEFAULT '',
    hub_rules        TEXT    NOT NULL DEFAULT '',
    hub_version      INTEGER NOT NULL DEFAULT 0,
    hub_state        INTEGER NOT NULL DEFAULT 0,
    hub_since        INTEGER NOT NULL DEFAULT 0,
    feed_position    INTEGER NOT NULL DEFAULT 0,
    golden_change    INTEGER NOT NULL DEFAULT 0,
    linked           INTEGER NOT NULL DEFAULT 0,
    above_state      INTEGER NOT NULL DEFAULT 0,
    above_since      INTEGER NOT NULL DEFAULT 0,
    above_reason     TEXT    NOT NULL DEFAULT '',
    PRIMARY KEY (kind, record_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX record_by_standing ON record (standing, kind, record_id);
CREATE INDEX record_awaiting_above ON record (kind, golden_change) WHERE above_state = 0 AND golden_change > 0;

CREATE TABLE key_proof (
    place INTEGER NOT NULL PRIMARY KEY,
    proof BLOB    NOT NULL
) STRICT;
