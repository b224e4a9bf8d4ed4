-- The card of the hub, which says to which key bundles are sealed; one row.
CREATE TABLE hub_card (
    id   INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    card BLOB    NOT NULL
) STRICT;

-- Bundles that were written, the newest some hundred. digest: hash of the whole file. reply_key: what opens the
-- receipt, sealed. receipted_at: when the receipt was taken, by this machine's clock; 0 before.
CREATE TABLE bundle (
    bundle_id    BLOB    NOT NULL PRIMARY KEY,
    made_at      INTEGER NOT NULL,
    hub          TEXT    NOT NULL,
    records      INTEGER NOT NULL,
    digest       BLOB    NOT NULL,
    reply_key    BLOB    NOT NULL,
    receipted_at INTEGER NOT NULL
) STRICT;
