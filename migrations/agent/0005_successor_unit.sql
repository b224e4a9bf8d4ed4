-- The unit that the hub keeps the record under by an act that changed units, SCHEME:CODE; empty where it is the
-- record's own.
ALTER TABLE record ADD COLUMN successor_unit TEXT NOT NULL DEFAULT '';
