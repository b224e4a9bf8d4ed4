INSERT INTO hub_counter (name, value) VALUES ('decision', 0), ('decision_done', 0), ('alias', 0);

-- What was said about pairs of source records of children, smaller key first; never changed. The newest
-- row of a pair is in force. verdict: 0 undone, 1 same, 2 different, 3 later. cause: 1 steward,
-- 2 downstream node.
CREATE TABLE linkage_decision (
    decision_seq INTEGER NOT NULL PRIMARY KEY,
    node_a       INTEGER NOT NULL,
    record_a     BLOB    NOT NULL,
    node_b       INTEGER NOT NULL,
    record_b     BLOB    NOT NULL,
    verdict      INTEGER NOT NULL,
    cause        INTEGER NOT NULL,
    decided_by   TEXT    NOT NULL,
    decided_at   INTEGER NOT NULL
) STRICT;
CREATE INDEX linkage_decision_by_pair ON linkage_decision (node_a, record_a, node_b, record_b, decision_seq);
CREATE INDEX linkage_decision_by_other ON linkage_decision (node_b, record_b);

-- Pairs too alike to ignore and too different to link.
CREATE TABLE review (
    node_a     INTEGER NOT NULL,
    record_a   BLOB    NOT NULL,
    node_b     INTEGER NOT NULL,
    record_b   BLOB    NOT NULL,
    centibits  INTEGER NOT NULL,
    opened_at  INTEGER NOT NULL,
    PRIMARY KEY (node_a, record_a, node_b, record_b)
) STRICT;
CREATE INDEX review_by_score ON review (centibits DESC, node_a, record_a, node_b, record_b);
CREATE INDEX review_by_age ON review (opened_at, node_a, record_a, node_b, record_b);

-- What became of golden records: nothing is deleted by a merge. kind: 1 merged into, 2 split off as.
-- cause: 1 evidence, 2 decision.
CREATE TABLE golden_alias (
    alias_seq   INTEGER NOT NULL PRIMARY KEY,
    from_golden BLOB    NOT NULL,
    to_golden   BLOB    NOT NULL,
    kind        INTEGER NOT NULL,
    cause       INTEGER NOT NULL,
    happened_at INTEGER NOT NULL
) STRICT;
CREATE INDEX golden_alias_by_from ON golden_alias (from_golden);
CREATE INDEX golden_alias_by_to ON golden_alias (to_golden);

-- Golden records as they were before each change; contents stay sealed as they were.
CREATE TABLE golden_history (
    golden_id    BLOB    NOT NULL,
    version      INTEGER NOT NULL,
    state        INTEGER NOT NULL,
    merged_into  BLOB,
    content_hash BLOB    NOT NULL,
    content      BLOB    NOT NULL,
    provenance   TEXT    NOT NULL,
    conflicts    TEXT    NOT NULL,
    replaced_at  INTEGER NOT NULL,
    PRIMARY KEY (golden_id, version)
) STRICT;

-- Fields on which source records contradict each other: [[field number, [[node, "record id", version]]]].
ALTER TABLE golden_record ADD COLUMN conflicts TEXT NOT NULL DEFAULT '[]';
CREATE INDEX golden_record_in_conflict ON golden_record (golden_id) WHERE conflicts <> '[]';

-- The golden record that a source record was in before its present one; alias: 0 none, 1 merged, 2 split.
ALTER TABLE source_record ADD COLUMN previous_golden BLOB;
ALTER TABLE source_record ADD COLUMN alias INTEGER NOT NULL DEFAULT 0;
