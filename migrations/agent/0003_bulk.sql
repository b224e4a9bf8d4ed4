-- The upload that is on its way, one row, until its report is noted: after a power cut the very same bytes
-- go on where the hub has them durably. content: the packed changes, sealed. unit: what the manifest says.
CREATE TABLE bulk (
    id        INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    upload_id BLOB    NOT NULL,
    unit      TEXT    NOT NULL,
    records   INTEGER NOT NULL,
    content   BLOB    NOT NULL
) STRICT;

-- Which states of which records it holds, in its order. A row goes when the hub's word about it is noted.
CREATE TABLE bulk_record (
    position  INTEGER NOT NULL PRIMARY KEY,
    kind      INTEGER NOT NULL,
    record_id BLOB    NOT NULL,
    state     INTEGER NOT NULL,
    version   INTEGER NOT NULL
) STRICT;
