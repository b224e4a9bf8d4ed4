INSERT INTO hub_counter (name, value) VALUES ('model', 0);

-- Models that operators put in use; never changed. The highest number is in use; without a row, or where
-- the newest row has source 2, the one of the hub's configuration is. source: 1 the text of this row,
-- 2 back to the configuration, whose text is kept here for the record. digest: BLAKE3 of the text.
CREATE TABLE linkage_model (
    model_seq  INTEGER NOT NULL PRIMARY KEY,
    source     INTEGER NOT NULL,
    model_text TEXT    NOT NULL,
    digest     BLOB    NOT NULL,
    used_by    TEXT    NOT NULL,
    used_at    INTEGER NOT NULL
) STRICT;

-- How far the reconciler is with linking under the model in use: the one row, written by the leader.
-- linked_model: what its index links by. building_model: what it builds an index for, 0 for none;
-- build_records, read_records, compared_records: how far. unsettled_records: wait to be linked again.
CREATE TABLE relink_progress (
    place             INTEGER NOT NULL PRIMARY KEY,
    linked_model      INTEGER NOT NULL,
    building_model    INTEGER NOT NULL,
    build_records     INTEGER NOT NULL,
    read_records      INTEGER NOT NULL,
    compared_records  INTEGER NOT NULL,
    unsettled_records INTEGER NOT NULL
) STRICT;
INSERT INTO relink_progress (place, linked_model, building_model, build_records, read_records,
                             compared_records, unsettled_records)
VALUES (1, 0, 0, 0, 0, 0, 0);
