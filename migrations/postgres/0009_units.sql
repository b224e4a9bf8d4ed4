-- Acts that operators gave: what became of units, from a day on; never changed. effective_from: YYYY-MM-DD in
-- Vietnam. digest: hash of act_text, which is the same for the same act whatever its file looked like.
CREATE TABLE unit_act (
    act_seq        BIGINT NOT NULL PRIMARY KEY,
    act_id         TEXT NOT NULL UNIQUE,
    title          TEXT NOT NULL,
    effective_from TEXT NOT NULL,
    changes        BIGINT NOT NULL,
    digest         BYTEA NOT NULL,
    act_text       TEXT NOT NULL,
    received_at    BIGINT NOT NULL,
    received_by    TEXT NOT NULL
);
-- Acts that hold, in the order in which the leader began with them; never changed.
CREATE TABLE unit_act_begun (
    begun_seq BIGINT NOT NULL PRIMARY KEY,
    act_seq   BIGINT NOT NULL UNIQUE REFERENCES unit_act (act_seq),
    begun_at  BIGINT NOT NULL
);
-- One row: how far golden records were looked at under the first begun_seq acts. finished_at is 0 until all were.
CREATE TABLE unit_progress (
    place        SMALLINT NOT NULL PRIMARY KEY,
    begun_seq    BIGINT NOT NULL,
    after_golden UUID NOT NULL,
    looked_at    BIGINT NOT NULL,
    changed      BIGINT NOT NULL,
    finished_at  BIGINT NOT NULL
);
INSERT INTO unit_progress (place, begun_seq, after_golden, looked_at, changed, finished_at)
VALUES (1, 0, '00000000-0000-0000-0000-000000000000', 0, 0, 0);
-- What operators said of records of units that were split, in order; never changed.
CREATE TABLE record_placement (
    placement_seq BIGINT NOT NULL,
    node_id       BIGINT NOT NULL,
    kind          SMALLINT NOT NULL,
    record_id     UUID NOT NULL,
    from_unit     TEXT NOT NULL,
    to_unit       TEXT NOT NULL,
    placed_at     BIGINT NOT NULL,
    placed_by     TEXT NOT NULL,
    PRIMARY KEY (node_id, kind, record_id, placement_seq)
);
CREATE INDEX record_placement_by_number ON record_placement (placement_seq);
-- Golden records of units that were split, of which nobody has said yet into which part they belong.
CREATE TABLE placement_task (
    golden_id UUID NOT NULL PRIMARY KEY,
    kind      SMALLINT NOT NULL,
    unit      TEXT NOT NULL,
    opened_at BIGINT NOT NULL
);
CREATE INDEX placement_task_by_unit ON placement_task (unit, golden_id);
-- Which act moved the record, from which unit and to which: "act from to"; empty where none did.
ALTER TABLE golden_record ADD COLUMN unit_move TEXT NOT NULL DEFAULT '';
ALTER TABLE golden_history ADD COLUMN unit_move TEXT NOT NULL DEFAULT '';
INSERT INTO hub_counter (name, value)
VALUES ('unit_act', 0), ('unit_act_begun', 0), ('placement', 0), ('placement_done', 0);
