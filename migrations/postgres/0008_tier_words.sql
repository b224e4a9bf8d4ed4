-- What the hub above says of golden records, and what it passes on of the tiers above it: tier 1 is the hub
-- above. version: of the record of the tier below that is spoken of. state: 1 reconciled, 2 linked,
-- 3 withdrawn, 4 quarantined, 5 refused. is_newest: whether the tier that passed it on had this version. since:
-- by that tier's clock, 0 where it is not known. golden_there, former: golden records of that tier. news: 0 none,
-- 1 merged, 2 split. linked_units, conflicts: words apart by spaces. reason: a stable word, then the broken rules,
-- one a line. moved_to: SCHEME:CODE or empty.
CREATE TABLE tier_word (
    golden_id    UUID    NOT NULL,
    tier         SMALLINT NOT NULL,
    hub          TEXT    NOT NULL,
    unit         TEXT    NOT NULL,
    version      BIGINT NOT NULL,
    state        SMALLINT NOT NULL,
    is_newest    SMALLINT NOT NULL,
    since        BIGINT NOT NULL,
    golden_there UUID,
    former       UUID,
    news         SMALLINT NOT NULL,
    linked       BIGINT NOT NULL,
    linked_units TEXT    NOT NULL,
    conflicts    TEXT    NOT NULL,
    reason       TEXT    NOT NULL,
    moved_to     TEXT    NOT NULL,
    PRIMARY KEY (golden_id, tier)
);

-- How far the feed of the hub above is read, and who reads it.
INSERT INTO hub_counter (name, value) VALUES ('upstream_feed', 0);
INSERT INTO lease (name, owner, deadline, token) VALUES ('upstream_follower', '', 0, 0);
