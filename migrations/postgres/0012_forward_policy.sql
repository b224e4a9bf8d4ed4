-- The hash of what goes upstream of a golden record; empty where all of its content does.
ALTER TABLE golden_record ADD COLUMN forwarded_hash BYTEA NOT NULL DEFAULT '';

-- Under which policy the records of each lane are formed. While is_done is 0 they are looked at again, in the
-- order of their identity: looked_at is the last. The digest is empty until a hub with an upstream first ran.
CREATE TABLE forward_policy (
    lane      SMALLINT NOT NULL PRIMARY KEY,
    digest    BYTEA NOT NULL,
    looked_at UUID NOT NULL,
    is_done   SMALLINT NOT NULL
);
INSERT INTO forward_policy (lane, digest, looked_at, is_done)
VALUES (1, '', '00000000-0000-0000-0000-000000000000', 1), (2, '', '00000000-0000-0000-0000-000000000000', 1);
