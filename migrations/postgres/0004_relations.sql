-- What a submission says of other records of its node: '', 'successor UUID', or
-- 'different_from UUID UUID...'.
ALTER TABLE submission ADD COLUMN relations TEXT NOT NULL DEFAULT '';

-- The same of the newest version: source_record.relations, and the successor of a withdrawn record apart,
-- so that it is found from the other end.
ALTER TABLE source_record ADD COLUMN relations TEXT NOT NULL DEFAULT '';
ALTER TABLE source_record ADD COLUMN successor UUID;
CREATE INDEX source_record_by_successor ON source_record (node_id, kind, successor) WHERE successor IS NOT NULL;

-- UUIDs of golden records that are other children than this one, whatever the evidence.
ALTER TABLE golden_record ADD COLUMN different_from TEXT NOT NULL DEFAULT '';
