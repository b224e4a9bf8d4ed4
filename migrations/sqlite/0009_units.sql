-- Acts that operators gave: what became of units, from a day on; never changed. effective_from: YYYY-MM-DD in
-- Vietnam. digest: hash of act_text, which is the same for the same act whatever its file looked like.
CREATE TABLE unit_act (
    act_seq        INTEGER NOT NULL PRIMARY KEY,
    act_id         TEXT NOT NULL UNIQUE,
    title          TEXT NOT NULL,
    effective_from TEXT NOT NULL,
    changes        INTEGER NOT NULL,
    digest         BLOB NOT NULL,
    act_text       TEXT NOT NULL,
    received_at    INTEGER NOT NULL,
    received_by    TEXT NOT NULL
) STRICT;
-- Acts that hold, in the order in which the leader began with them; never changed.
CREATE TABLE unit_act_begun (
    begun_seq INTEGER NOT NULL PRIMARY KEY,
    act_seq   INTEGER NOT NULL UNIQUE REFERENCES unit_act (act_seq),
    begun_at  INTEGER NOT NULL
) STRICT;
-- One row: how far golden records were looked at under the first begun_seq acts. finished_at is 0 until all were.
CREATE TABLE unit_progress (
    place        INTEGER NOT NULL PRIMARY KEY,
    begun_seq    INTEGER NOT NULL,
    after_golden BLOB NOT NULL,
    looked_at    INTEGER NOT NULL,
    changed      INTEGER NOT NULL,
    finished_at  INTEGER NOT NULL
) STRICT;
INSERT INTO unit_progress (place, begun_seq, after_golden, looked_at, changed, finished_at)
VALUES (1, 0, X'00000000000000000000000000000000', 0, 0, 0);
-- What operators said of records of units that were split, in order; never changed.
CREATE TABLE record_placement (
    placement_seq INTEGER NOT NULL,
    node_id       INTEGER NOT NULL,
    kind          INTEGER NOT NULL,
    record_id     BLOB NOT NULL,
    from_unit     TEXT NOT NULL,
    to_unit       TEXT NOT NULL,
    placed_at     INTEGER NOT NULL,
    placed_by     TEXT NOT NULL,
    PRIMARY KEY (node_id, kind, record_id, placement_seq)
) STRICT;
CREATE INDEX record_placement_by_number ON record_placement (placement_seq);
-- Golden records of units that were split, of which nobody has said yet into which part they belong.
CREATE TABLE placement_task (
    golden_id BLOB NOT NULL PRIMARY KEY,
    kind      INTEGER NOT NULL,
    unit      TEXT NOT NULL,
    opened_at INTEGER NOT NULL
) STRICT;
CREATE INDEX placement_task_by_unit ON placement_task (unit, golden_id);
-- Which act moved the record, from which unit and to which: "act from to"; empty where none did.
ALTER TABLE golden_record ADD COLUMN unit_move TEXT NOT NULL DEFAULT '';
ALTER TABLE golden_history ADD COLUMN unit_move TEXT NOT NULL DEFAULT '';
INSERT INTO hub_counter (name, value)
VALUES ('unit_act', 0), ('unit_act_begun', 0), ('placement', 0), ('placement_done', 0);
