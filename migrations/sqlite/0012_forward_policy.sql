-- The hash of what goes upstream of a golden record; empty where all of its content does.
ALTER TABLE golden_record ADD COLUMN forwarded_hash BLOB NOT NULL DEFAULT x'';

-- Under which policy the records of each lane are formed. While is_done is 0 they are looked at again, in the
-- order of their identity: looked_at is the last. The digest is empty until a hub with an upstream first ran.
CREATE TABLE forward_policy (
    lane      INTEGER NOT NULL PRIMARY KEY,
    digest    BLOB NOT NULL,
    looked_at BLOB NOT NULL,
    is_done   INTEGER NOT NULL
) STRICT;
INSERT INTO forward_policy (lane, digest, looked_at, is_done)
VALUES (1, x'', x'00000000000000000000000000000000', 1), (2, x'', x'00000000000000000000000000000000', 1);
