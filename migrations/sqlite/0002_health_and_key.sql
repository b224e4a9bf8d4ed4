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
