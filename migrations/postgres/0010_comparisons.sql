-- Comparisons of what two hubs hold. node_id: the downstream node, or 0 for the upstream. repair: 0 nothing,
-- 1 send again, 2 withdraw what is extra besides. state: 1 asked, 2 running, 3 ended, 4 failed. ended_at is 0
-- before the end. remaining: differences after the repair, -1 where nobody looked. failure: a stable word.
CREATE TABLE comparison (
    comparison_id UUID NOT NULL PRIMARY KEY,
    node_id       BIGINT NOT NULL,
    repair        SMALLINT NOT NULL,
    asked_by      TEXT NOT NULL,
    asked_at      BIGINT NOT NULL,
    state         SMALLINT NOT NULL,
    ended_at      BIGINT NOT NULL,
    matched       BIGINT NOT NULL,
    different     BIGINT NOT NULL,
    missing       BIGINT NOT NULL,
    extra         BIGINT NOT NULL,
    refused       BIGINT NOT NULL,
    moving        BIGINT NOT NULL,
    repaired      BIGINT NOT NULL,
    remaining     BIGINT NOT NULL,
    rounds        BIGINT NOT NULL,
    traffic_bytes BIGINT NOT NULL,
    failure       TEXT NOT NULL
);
CREATE INDEX comparison_by_time ON comparison (asked_at, comparison_id);
CREATE INDEX comparison_by_node ON comparison (node_id, asked_at);

-- Some of the records on which the two ends did not agree. finding: 1 different, 2 missing, 3 extra, 4 refused,
-- 5 moving. lower_version, upper_version: 0 where that end has no such record.
CREATE TABLE comparison_difference (
    comparison_id UUID NOT NULL,
    kind          SMALLINT NOT NULL,
    record_id     UUID NOT NULL,
    finding       SMALLINT NOT NULL,
    lower_version BIGINT NOT NULL,
    upper_version BIGINT NOT NULL,
    PRIMARY KEY (comparison_id, kind, record_id)
);

-- Golden records that the reconciler is to give a version above another one, so that they are sent again. A
-- record that there is none of becomes a withdrawn one.
CREATE TABLE resend (
    golden_id     UUID NOT NULL PRIMARY KEY,
    kind          SMALLINT NOT NULL,
    above_version BIGINT NOT NULL
);
