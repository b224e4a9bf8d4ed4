-- What the tiers above the hub say of a record, as JSON, the nearest tier first; and the commune where the child is
-- registered by the hub's golden record, SCHEME:CODE, empty where it is the record's own.
ALTER TABLE record ADD COLUMN tiers TEXT NOT NULL DEFAULT '[]';
ALTER TABLE record ADD COLUMN moved_to TEXT NOT NULL DEFAULT '';

-- The feed says anew what it said before there was a place for it.
UPDATE agent SET feed_cursor = 0;
