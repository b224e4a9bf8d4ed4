INSERT INTO hub_counter (name, value) VALUES ('model', 0);

-- Models that operators put in use; never changed. The highest number is in use; without a row, or where
-- the newest row has source 2, the one of the hub's configuration is. source: 1 the text of this row,
-- 2 back to the configuration, whose text is kept here for the record. digest: BLAKE3 of the text.
CREATE TABLE linkage_model (
    model_seq  BIGINT NOT NULL PRIMARY KEY,
    source     SMALLINT NOT NULL,
    model_text TEXT    NOT NULL,
    digest     BYTEA   NOT NULL,
    used_by    TEXT    NOT NULL,
    used_at    BIGINT NOT NULL
);

-- How far the reconciler is with linking under the model in use: the one row, written by the leader.
-- linked_model: what its index links by. building_model: what it builds an index for, 0 for none;
-- build_records, read_records, compared_records: how far. unsettled_records: wait to be linked again.
CREATE TABLE relink_progress (
    place             BIGINT NOT NULL PRIMARY KEY,
    linked_model      BIGINT NOT NULL,
    building_model    BIGINT NOT NULL,
    build_records     BIGINT NOT NULL,
    read_records      BIGINT NOT NULL,
    compared_records  BIGINT NOT NULL,
    unsettled_records BIGINT NOT NULL
);
INSERT INTO relink_progress (place, linked_model, building_model, build_records, read_records,
                             compared_records, unsettled_records)
VALUES (1, 0, 0, 0, 0, 0, 0);
