-- Comparisons of what two hubs hold. node_id: the downstream node, or 0 for the upstream. repair: 0 nothing,
-- 1 send again, 2 withdraw what is extra besides. state: 1 asked, 2 running, 3 ended, 4 failed. ended_at is 0
-- before the end. remaining: differences after the repair, -1 where nobody looked. failure: a stable word.
CREATE TABLE comparison (
    comparison_id BLOB NOT NULL PRIMARY KEY,
    node_id       INTEGER NOT NULL,
    repair        INTEGER NOT NULL,
    asked_by      TEXT NOT NULL,
    asked_at      INTEGER NOT NULL,
    state         INTEGER NOT NULL,
    ended_at      INTEGER NOT NULL,
    matched       INTEGER NOT NULL,
    different     INTEGER NOT NULL,
    missing       INTEGER NOT NULL,
    extra         INTEGER NOT NULL,
    refused       INTEGER NOT NULL,
    moving        INTEGER NOT NULL,
    repaired      INTEGER NOT NULL,
    remaining     INTEGER NOT NULL,
    rounds        INTEGER NOT NULL,
    traffic_bytes INTEGER NOT NULL,
    failure       TEXT NOT NULL
) STRICT;
CREATE INDEX comparison_by_time ON comparison (asked_at, comparison_id);
CREATE INDEX comparison_by_node ON comparison (node_id, asked_at);

-- Some of the records on which the two ends did not agree. finding: 1 different, 2 missing, 3 extra, 4 refused,
-- 5 moving. lower_version, upper_version: 0 where that end has no such record.
CREATE TABLE comparison_difference (
    comparison_id BLOB NOT NULL,
    kind          INTEGER NOT NULL,
    record_id     BLOB NOT NULL,
    finding       INTEGER NOT NULL,
    lower_version INTEGER NOT NULL,
    upper_version INTEGER NOT NULL,
    PRIMARY KEY (comparison_id, kind, record_id)
) STRICT;

-- Golden records that the reconciler is to give a version above another one, so that they are sent again. A
-- record that there is none of becomes a withdrawn one.
CREATE TABLE resend (
    golden_id     BLOB NOT NULL PRIMARY KEY,
    kind          INTEGER NOT NULL,
    above_version INTEGER NOT NULL
) STRICT;
