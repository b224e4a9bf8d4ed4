-- Each lane of the forwarder has its own health.
DROP TABLE forwarder_health;
CREATE TABLE forwarder_health (
    lane            INTEGER NOT NULL PRIMARY KEY,
    last_error      TEXT NOT NULL,
    failed_attempts INTEGER NOT NULL
) STRICT;
INSERT INTO forwarder_health (lane, last_error, failed_attempts) VALUES (1, '', 0), (2, '', 0);

-- A known text under the sealing key: a hub with another key is refused at its start.
CREATE TABLE key_proof (
    place INTEGER NOT NULL PRIMARY KEY,
    proof BLOB NOT NULL
) STRICT;

-- What status shows, kept by the reconciler with its effect: counting the tables would read them whole.
INSERT INTO hub_counter (name, value)
SELECT 'live_children', COUNT(*) FROM source_record WHERE kind = 1 AND state = 1;
INSERT INTO hub_counter (name, value)
SELECT 'golden_children', COUNT(*) FROM golden_record WHERE kind = 1 AND state = 1;
INSERT INTO hub_counter (name, value)
SELECT 'case_reports', COUNT(*) FROM golden_record WHERE kind = 2 AND state = 1;
