-- What an official is asked to correct. warnings: what the agent found odd, as rules has what is wrong.
-- unit: SCHEME:CODE of the record's commune, empty where it is not known. label: name and birth date,
-- sealed, so that the list can say which child is meant; empty for what is withdrawn or only told of.
-- linked_units and conflicts: what the hub's feed says, words apart by spaces. to_correct: the reasons to
-- be on the list, added up: 1 number, 2 duplicate, 4 conflict, 8 unit, 16 another rule.
ALTER TABLE record ADD COLUMN warnings TEXT NOT NULL DEFAULT '';
ALTER TABLE record ADD COLUMN unit TEXT NOT NULL DEFAULT '';
ALTER TABLE record ADD COLUMN label BLOB NOT NULL DEFAULT x'';
ALTER TABLE record ADD COLUMN linked_units TEXT NOT NULL DEFAULT '';
ALTER TABLE record ADD COLUMN conflicts TEXT NOT NULL DEFAULT '';
ALTER TABLE record ADD COLUMN to_correct INTEGER NOT NULL DEFAULT 0;
CREATE INDEX record_to_correct ON record (kind, record_id, to_correct, unit) WHERE to_correct <> 0;

-- Of records that were here before, the feed says anew what they are; until then, what is known to be wrong
-- is listed as such.
UPDATE record SET to_correct = 16 WHERE standing IN (2, 3);
UPDATE agent SET feed_cursor = 0;
