//! Every SQL statement of the program, by noun.
//!
//! A plain constant runs on both engines; a [`Pair`] holds the two texts of the few that differ; a
//! [`Bulk`] is a statement over many rows.

/// Names the statements of a list.
macro_rules! named {
    ($($name:ident),* $(,)?) => { &[$((stringify!($name), $name)),*] };
}

pub(super) mod agent;
pub(super) mod bundles;
pub(super) mod comparisons;
pub(super) mod custody;
pub(super) mod forward;
pub(super) mod forward_policy;
pub(super) mod jobs;
pub(super) mod linkage;
pub(super) mod relink;
pub(super) mod tier_words;
pub(super) mod units;
pub(super) mod uploads;

use super::bulk::Bulk;

/// The two texts of a statement that cannot be the same on both engines.
#[derive(Clone, Copy)]
pub(super) struct Pair {
    pub(super) sqlite: &'static str,
    pub(super) postgres: &'static str,
}

const KEY: [(&str, &str); 3] = [
    ("node_id", "BIGINT"),
    ("kind", "SMALLINT"),
    ("record_id", "UUID"),
];

// Engine

pub(super) const SHOW_FSYNC: &str = "SHOW fsync";
pub(super) const SHOW_SYNCHRONOUS_COMMIT: &str = "SHOW synchronous_commit";
/// Tables of which more than a third is new or changed since PostgreSQL last looked at them; small changes do
/// not count. The names are quoted where they must be.
pub(super) const FIND_CHANGED_TABLES: &str = "
    SELECT FORMAT('%I.%I', schemaname, relname)
    FROM pg_stat_user_tables
    WHERE schemaname = CURRENT_SCHEMA()
      AND n_mod_since_analyze > 1000 + n_live_tup / 3";

/// SQLite only: a copy of the database as of one moment, without what is free in it.
pub(super) const COPY_DATABASE: &str = "VACUUM INTO $1";
/// SQLite only.
pub(super) const CHECK_DATABASE: &str = "PRAGMA quick_check";

// Counters

/// PostgreSQL holds the row until the end of the transaction, so that numbers come in commit order;
/// SQLite has one writer at a time anyway.
pub(super) const LOCK_COUNTER: Pair = Pair {
    sqlite: "SELECT value FROM hub_counter WHERE name = $1",
    postgres: "SELECT value FROM hub_counter WHERE name = $1 FOR UPDATE",
};
pub(super) const READ_COUNTER: &str = "SELECT value FROM hub_counter WHERE name = $1";
pub(super) const SET_COUNTER: &str = "UPDATE hub_counter SET value = $2 WHERE name = $1";
pub(super) const ADD_TO_COUNTER: &str = "UPDATE hub_counter SET value = value + $2 WHERE name = $1";

// Leases

pub(super) const TAKE_LEASE: &str = "
    UPDATE lease
    SET token = CASE WHEN owner = $2 THEN token ELSE token + 1 END,
        owner = $2,
        deadline = $4
    WHERE name = $1
      AND (owner = $2 OR deadline <= $3)
    RETURNING token";
/// PostgreSQL holds the row, so that nobody takes the lease over before this transaction has ended.
pub(super) const CHECK_FENCE: Pair = Pair {
    sqlite: "SELECT token FROM lease WHERE name = $1",
    postgres: "SELECT token FROM lease WHERE name = $1 FOR SHARE",
};
pub(super) const RELEASE_LEASE: &str = "
    UPDATE lease
    SET deadline = 0
    WHERE name = $1
      AND owner = $2";
pub(super) const READ_LEASE: &str = "SELECT owner, deadline, token FROM lease WHERE name = $1";

// Nodes

pub(super) const INSERT_NODE: &str = "
    INSERT INTO node (node_id, name, unit, registered_at)
    VALUES ($1, $2, $3, $4)";
pub(super) const INSERT_TERRITORY: &str = "
    INSERT INTO node_territory (node_id, unit)
    VALUES ($1, $2)";
pub(super) const INSERT_TALLY: &str = "
    INSERT INTO node_tally (node_id, received, accepted, unchanged, rejected, last_contact_at)
    VALUES ($1, 0, 0, 0, 0, 0)";
pub(super) const FIND_NODE: &str = "SELECT node_id, unit FROM node WHERE name = $1";
pub(super) const READ_TERRITORY: &str = "
    SELECT unit
    FROM node_territory
    WHERE node_id = $1
    ORDER BY unit";
pub(super) const ADD_TALLIES: Bulk = Bulk {
    columns: &[
        ("node_id", "BIGINT"),
        ("received", "BIGINT"),
        ("accepted", "BIGINT"),
        ("unchanged", "BIGINT"),
        ("rejected", "BIGINT"),
        ("contact_at", "BIGINT"),
    ],
    body: "
    UPDATE node_tally
    SET received = node_tally.received + k.received,
        accepted = node_tally.accepted + k.accepted,
        unchanged = node_tally.unchanged + k.unchanged,
        rejected = node_tally.rejected + k.rejected,
        last_contact_at = k.contact_at
    FROM k
    WHERE node_tally.node_id = k.node_id",
};

// Submissions

pub(super) const FIND_HELD_VERSIONS: Bulk = Bulk {
    columns: &[KEY[0], KEY[1], KEY[2], ("version", "BIGINT")],
    body: "
    SELECT s.node_id, s.kind, s.record_id, s.version, s.content_hash, s.relations
    FROM k
    JOIN submission s
      ON s.node_id = k.node_id
     AND s.kind = k.kind
     AND s.record_id = k.record_id
     AND s.version >= k.version",
};
pub(super) const APPEND_SUBMISSIONS: Bulk = Bulk {
    columns: &[
        KEY[0],
        KEY[1],
        KEY[2],
        ("version", "BIGINT"),
        ("seq", "BIGINT"),
        ("lane", "SMALLINT"),
        ("received_at", "BIGINT"),
        ("tombstone", "SMALLINT"),
        ("content_hash", "BYTEA"),
        ("content", "BYTEA"),
        ("sent", "BYTEA"),
        ("relations", "TEXT"),
    ],
    body: "
    INSERT INTO submission
        (node_id, kind, record_id, version, seq, lane, received_at, tombstone, content_hash, content, sent,
         relations)
    SELECT node_id, kind, record_id, version, seq, lane, received_at, tombstone, content_hash, content, sent,
           relations
    FROM k",
};
pub(super) const READ_LOG: &str = "
    SELECT seq, node_id, kind, record_id, version, tombstone, content_hash, content, relations
    FROM submission
    WHERE lane = $1
      AND seq > $2
    ORDER BY seq
    LIMIT $3";
pub(super) const READ_LOG_CURSOR: &str = "SELECT position FROM log_cursor WHERE lane = $1";
pub(super) const MOVE_LOG_CURSOR: &str = "
    UPDATE log_cursor
    SET position = $3
    WHERE lane = $1
      AND position = $2";

// Quarantine

/// What is sent again and breaks the same rules has been told already.
pub(super) const PUT_QUARANTINED: Bulk = Bulk {
    columns: &[
        KEY[0],
        KEY[1],
        KEY[2],
        ("version", "BIGINT"),
        ("received_at", "BIGINT"),
        ("reason", "TEXT"),
        ("rules", "TEXT"),
        ("content", "BYTEA"),
    ],
    body: "
    INSERT INTO quarantine
        (node_id, kind, record_id, version, received_at, feed_seq, reason, rules, content)
    SELECT node_id, kind, record_id, version, received_at, 0, reason, rules, content
    FROM k
    WHERE 1 = 1
    ON CONFLICT (node_id, kind, record_id) DO UPDATE
    SET version = excluded.version,
        received_at = excluded.received_at,
        feed_seq = CASE
            WHEN quarantine.version = excluded.version
             AND quarantine.reason = excluded.reason
             AND quarantine.rules = excluded.rules THEN quarantine.feed_seq
            ELSE 0
        END,
        reason = excluded.reason,
        rules = excluded.rules,
        content = excluded.content
    WHERE quarantine.version <= excluded.version",
};
pub(super) const READ_UNTOLD_QUARANTINE: &str = "
    SELECT node_id, kind, record_id
    FROM quarantine
    WHERE feed_seq = 0
    ORDER BY node_id, kind, record_id
    LIMIT $1";
pub(super) const TELL_QUARANTINED: Bulk = Bulk {
    columns: &[KEY[0], KEY[1], KEY[2], ("feed_seq", "BIGINT")],
    body: "
    UPDATE quarantine
    SET feed_seq = k.feed_seq
    FROM k
    WHERE quarantine.node_id = k.node_id
      AND quarantine.kind = k.kind
      AND quarantine.record_id = k.record_id",
};
pub(super) const CLEAR_QUARANTINED: Bulk = Bulk {
    columns: &[KEY[0], KEY[1], KEY[2], ("version", "BIGINT")],
    body: "
    DELETE FROM quarantine
    WHERE EXISTS (
        SELECT 1
        FROM k
        WHERE k.node_id = quarantine.node_id
          AND k.kind = quarantine.kind
          AND k.record_id = quarantine.record_id
          AND k.version >= quarantine.version)",
};
pub(super) const IS_QUARANTINE_EMPTY: &str = "
    SELECT COUNT(*)
    FROM (SELECT 1 AS one FROM quarantine LIMIT 1) AS some_row";
pub(super) const READ_QUARANTINED: &str = "
    SELECT version, reason, rules
    FROM quarantine
    WHERE node_id = $1
      AND kind = $2
      AND record_id = $3";

// Source records

pub(super) const FIND_SOURCE_RECORDS: Bulk = Bulk {
    columns: &KEY,
    body: "
    SELECT s.node_id, s.kind, s.record_id, s.version, s.state, s.golden_id, s.content_hash, s.relations
    FROM k
    JOIN source_record s
      ON s.node_id = k.node_id
     AND s.kind = k.kind
     AND s.record_id = k.record_id",
};
pub(super) const PUT_SOURCE_RECORDS: Bulk = Bulk {
    columns: &[
        KEY[0],
        KEY[1],
        KEY[2],
        ("version", "BIGINT"),
        ("state", "SMALLINT"),
        ("golden_id", "UUID"),
        ("feed_seq", "BIGINT"),
        ("content_hash", "BYTEA"),
        ("alias", "SMALLINT"),
        ("relations", "TEXT"),
        ("successor", "UUID"),
    ],
    body: "
    INSERT INTO source_record
        (node_id, kind, record_id, version, state, golden_id, feed_seq, content_hash, alias, relations,
         successor)
    SELECT node_id, kind, record_id, version, state, golden_id, feed_seq, content_hash, alias, relations,
           successor
    FROM k
    WHERE 1 = 1
    ON CONFLICT (node_id, kind, record_id) DO UPDATE
    SET version = excluded.version,
        state = excluded.state,
        previous_golden = CASE
            WHEN source_record.golden_id <> excluded.golden_id THEN source_record.golden_id
            ELSE source_record.previous_golden
        END,
        alias = CASE
            WHEN source_record.golden_id <> excluded.golden_id THEN excluded.alias
            ELSE source_record.alias
        END,
        golden_id = excluded.golden_id,
        feed_seq = excluded.feed_seq,
        content_hash = excluded.content_hash,
        relations = excluded.relations,
        successor = excluded.successor",
};
/// Golden records of withdrawn records in whose place these stand.
pub(super) const FIND_PREDECESSORS: Bulk = Bulk {
    columns: &KEY,
    body: "
    SELECT s.node_id, s.kind, s.successor, s.golden_id
    FROM k
    JOIN source_record s
      ON s.node_id = k.node_id
     AND s.kind = k.kind
     AND s.successor = k.record_id
    WHERE s.successor IS NOT NULL
      AND s.state = 2",
};
pub(super) const RETELL_SOURCE_RECORDS: Bulk = Bulk {
    columns: &[KEY[0], KEY[1], KEY[2], ("feed_seq", "BIGINT")],
    body: "
    UPDATE source_record
    SET feed_seq = k.feed_seq
    FROM k
    WHERE source_record.node_id = k.node_id
      AND source_record.kind = k.kind
      AND source_record.record_id = k.record_id",
};
pub(super) const MOVE_SOURCE_RECORDS: Bulk = Bulk {
    columns: &[
        KEY[0],
        KEY[1],
        KEY[2],
        ("golden_id", "UUID"),
        ("feed_seq", "BIGINT"),
        ("alias", "SMALLINT"),
    ],
    body: "
    UPDATE source_record
    SET previous_golden = source_record.golden_id,
        alias = k.alias,
        golden_id = k.golden_id,
        feed_seq = k.feed_seq
    FROM k
    WHERE source_record.node_id = k.node_id
      AND source_record.kind = k.kind
      AND source_record.record_id = k.record_id",
};
pub(super) const READ_MEMBERS: Bulk = Bulk {
    columns: &[("golden_id", "UUID")],
    body: "
    SELECT s.golden_id, s.node_id, s.kind, s.record_id, s.version, u.content, s.relations,
           CAST(NULL AS UUID), CAST(0 AS BIGINT)
    FROM k
    JOIN source_record s
      ON s.golden_id = k.golden_id
     AND s.state = 1
    JOIN submission u
      ON u.node_id = s.node_id
     AND u.kind = s.kind
     AND u.record_id = s.record_id
     AND u.version = s.version",
};
/// A page of all live children, for rebuilding the linkage index.
pub(super) const SCAN_LIVE_CHILDREN: &str = "
    SELECT s.golden_id, s.node_id, s.kind, s.record_id, s.version, u.content, s.relations,
           s.previous_golden,
           COALESCE((
               SELECT MAX(a.alias_seq)
               FROM golden_alias a
               WHERE a.from_golden = s.previous_golden
                 AND a.to_golden = s.golden_id), 0)
    FROM source_record s
    JOIN submission u
      ON u.node_id = s.node_id
     AND u.kind = s.kind
     AND u.record_id = s.record_id
     AND u.version = s.version
    WHERE s.state = 1
      AND s.kind = 1
      AND (s.node_id, s.kind, s.record_id) > ($1, 1, $2)
    ORDER BY s.node_id, s.kind, s.record_id
    LIMIT $3";
/// Each half is cut to the page before they meet, and links are counted for the page alone.
pub(super) const READ_FEED: &str = "
    SELECT event.feed_seq, event.kind, event.record_id, event.version, event.state, event.golden_id,
           event.previous_golden, event.alias,
           (SELECT COUNT(*)
            FROM source_record m
            WHERE m.golden_id = event.golden_id
              AND m.state = 1) AS linked,
           event.reason, event.rules,
           COALESCE((SELECT s.received_at
                     FROM submission s
                     WHERE s.node_id = $1
                       AND s.kind = event.kind
                       AND s.record_id = event.record_id
                       AND s.version = event.version), event.received_at) AS received_at,
           (SELECT g.change_seq
            FROM golden_record g
            WHERE g.golden_id = event.golden_id) AS golden_change,
           (SELECT r.reason
            FROM forward_refusal r
            WHERE r.golden_id = event.golden_id) AS refusal,
           COALESCE((SELECT g.conflicts
                     FROM golden_record g
                     WHERE g.golden_id = event.golden_id), '[]') AS conflicts,
           (SELECT g.version
            FROM golden_record g
            WHERE g.golden_id = event.golden_id) AS golden_version
    FROM (
        SELECT feed_seq, kind, record_id, version, state, golden_id, previous_golden, alias, reason, rules,
               received_at
        FROM (
            SELECT feed_seq, kind, record_id, version, state, golden_id, previous_golden, alias,
                   '' AS reason, '' AS rules, CAST(0 AS BIGINT) AS received_at
            FROM source_record
            WHERE node_id = $1
              AND feed_seq > $2
            ORDER BY feed_seq
            LIMIT $3
        ) AS reconciled
        UNION ALL
        SELECT feed_seq, kind, record_id, version, state, golden_id, previous_golden, alias, reason, rules,
               received_at
        FROM (
            SELECT feed_seq, kind, record_id, version, CAST(0 AS SMALLINT) AS state,
                   CAST(NULL AS UUID) AS golden_id, CAST(NULL AS UUID) AS previous_golden,
                   CAST(0 AS SMALLINT) AS alias, reason, rules, received_at
            FROM quarantine
            WHERE node_id = $1
              AND feed_seq > $2
            ORDER BY feed_seq
            LIMIT $3
        ) AS quarantined
        ORDER BY 1
        LIMIT $3
    ) AS event
    ORDER BY event.feed_seq";
/// Units of the nodes, other than the one that asks, that hold live records of golden records.
pub(super) const FIND_LINKED_UNITS: Bulk = Bulk {
    columns: &[("golden_id", "UUID"), ("node_id", "BIGINT")],
    body: "
    SELECT DISTINCT m.golden_id, n.unit
    FROM k
    JOIN source_record m
      ON m.golden_id = k.golden_id
     AND m.state = 1
     AND m.node_id <> k.node_id
    JOIN node n
      ON n.node_id = m.node_id",
};

// Golden records

pub(super) const FIND_GOLDEN_RECORDS: Bulk = Bulk {
    columns: &[("golden_id", "UUID")],
    body: "
    SELECT g.golden_id, g.version, g.state, g.merged_into, g.content_hash, g.provenance, g.conflicts,
           g.different_from, g.unit_move
    FROM k
    JOIN golden_record g
      ON g.golden_id = k.golden_id",
};
pub(super) const PUT_GOLDEN_RECORDS: Bulk = Bulk {
    columns: &[
        ("golden_id", "UUID"),
        ("kind", "SMALLINT"),
        ("lane", "SMALLINT"),
        ("version", "BIGINT"),
        ("change_seq", "BIGINT"),
        ("state", "SMALLINT"),
        ("merged_into", "UUID"),
        ("content_hash", "BYTEA"),
        ("content", "BYTEA"),
        ("provenance", "TEXT"),
        ("conflicts", "TEXT"),
        ("different_from", "TEXT"),
        ("unit_move", "TEXT"),
        ("forwarded_hash", "BYTEA"),
    ],
    body: "
    INSERT INTO golden_record
        (golden_id, kind, lane, version, change_seq, state, merged_into, content_hash, content,
         provenance, conflicts, different_from, unit_move, forwarded_hash)
    SELECT golden_id, kind, lane, version, change_seq, state, merged_into, content_hash, content,
           provenance, conflicts, different_from, unit_move, forwarded_hash
    FROM k
    WHERE 1 = 1
    ON CONFLICT (golden_id) DO UPDATE
    SET version = excluded.version,
        change_seq = excluded.change_seq,
        state = excluded.state,
        merged_into = excluded.merged_into,
        content_hash = excluded.content_hash,
        content = excluded.content,
        provenance = excluded.provenance,
        conflicts = excluded.conflicts,
        different_from = excluded.different_from,
        unit_move = excluded.unit_move,
        forwarded_hash = excluded.forwarded_hash",
};
pub(super) const READ_GOLDEN_CHANGES: &str = "
    SELECT change_seq, golden_id, kind, version, state, merged_into, content_hash, forwarded_hash, content,
           different_from
    FROM golden_record
    WHERE lane = $1
      AND change_seq > $2
      AND change_seq <= $3
    ORDER BY change_seq
    LIMIT $4";
pub(super) const READ_PROVENANCE: &str = "
    SELECT provenance
    FROM golden_record
    WHERE golden_id = $1";
/// A page of the live golden records in the order of their identity, with the hash of what goes upstream.
pub(super) const SCAN_GOLDEN_HASHES: &str = "
    SELECT golden_id,
           CASE WHEN LENGTH(forwarded_hash) = 0 THEN content_hash ELSE forwarded_hash END
    FROM golden_record
    WHERE state = 1
      AND golden_id > $1
    ORDER BY golden_id
    LIMIT $2";
/// A page of the live source records of one node and kind in the order of their identity.
pub(super) const SCAN_SOURCE_HASHES: &str = "
    SELECT record_id, content_hash
    FROM source_record
    WHERE node_id = $1
      AND state = 1
      AND kind = $2
      AND record_id > $3
    ORDER BY record_id
    LIMIT $4";

// Sealing

pub(super) const READ_KEY_PROOF: &str = "SELECT proof FROM key_proof";
pub(super) const INSERT_KEY_PROOF: &str = "
    INSERT INTO key_proof (place, proof)
    VALUES (1, $1)
    ON CONFLICT (place) DO NOTHING";

// Status

pub(super) const COUNT_WAITING: &str = "
    SELECT COUNT(*)
    FROM submission
    WHERE lane = $1
      AND seq > $2";
pub(super) const COUNT_WAITING_CHANGES: &str = "
    SELECT COUNT(*)
    FROM golden_record
    WHERE lane = $1
      AND change_seq > $2";
pub(super) const COUNT_QUARANTINED: &str = "SELECT COUNT(*) FROM quarantine";
pub(super) const COUNT_REFUSED: &str = "SELECT COUNT(*) FROM forward_refusal";
pub(super) const LIST_NODES: &str = "
    SELECT n.node_id, n.name, n.unit, t.last_contact_at, t.received, t.accepted, t.unchanged,
           t.rejected,
           (SELECT COUNT(*) FROM quarantine q WHERE q.node_id = n.node_id),
           (SELECT COUNT(*)
            FROM submission s
            JOIN log_cursor c ON c.lane = s.lane
            WHERE s.node_id = n.node_id
              AND s.seq > c.position),
           (SELECT COUNT(*)
            FROM source_record r
            WHERE r.node_id = n.node_id
              AND r.kind = 1
              AND r.state = 1)
    FROM node n
    JOIN node_tally t ON t.node_id = n.node_id
    WHERE n.name > $1
    ORDER BY n.name
    LIMIT $2";
pub(super) const COUNT_ACCEPTED: &str = "SELECT COUNT(*) FROM submission WHERE node_id = $1";

/// Name and text of every statement as the given engine sees it.
pub(super) fn every_statement(postgres: bool) -> Vec<(&'static str, String)> {
    let plain = PLAIN.iter().map(|(name, text)| (*name, (*text).to_owned()));
    let pairs = PAIRS
        .iter()
        .chain(uploads::PAIRS)
        .chain(jobs::PAIRS)
        .map(|(name, pair)| {
            (
                *name,
                (if postgres { pair.postgres } else { pair.sqlite }).to_owned(),
            )
        });
    let linked = linkage::PLAIN
        .iter()
        .chain(relink::PLAIN)
        .chain(units::PLAIN)
        .chain(uploads::PLAIN)
        .chain(bundles::PLAIN)
        .chain(comparisons::PLAIN)
        .chain(custody::PLAIN)
        .chain(forward::PLAIN)
        .chain(forward_policy::PLAIN)
        .chain(jobs::PLAIN);
    let plain = plain.chain(linked.map(|(name, text)| (*name, (*text).to_owned())));
    let bulk = BULK
        .iter()
        .chain(linkage::BULK)
        .chain(relink::BULK)
        .chain(comparisons::BULK)
        .chain(tier_words::BULK)
        .chain(units::BULK)
        .chain(uploads::BULK)
        .chain(forward::BULK);
    let bulk = bulk.map(|(name, bulk)| {
        (
            *name,
            if postgres {
                bulk.postgres_text()
            } else {
                bulk.sqlite_text(2)
            },
        )
    });
    let settings = [
        ("SHOW_FSYNC", SHOW_FSYNC),
        ("SHOW_SYNCHRONOUS_COMMIT", SHOW_SYNCHRONOUS_COMMIT),
        ("FIND_CHANGED_TABLES", FIND_CHANGED_TABLES),
    ];
    let settings = settings.into_iter().filter(|_| postgres);
    let copies = [
        ("COPY_DATABASE", COPY_DATABASE),
        ("CHECK_DATABASE", CHECK_DATABASE),
    ];
    let settings = settings.chain(copies.into_iter().filter(|_| !postgres));
    plain
        .chain(pairs)
        .chain(bulk)
        .chain(settings.map(|(name, text)| (name, text.to_owned())))
        .collect()
}

const PLAIN: &[(&str, &str)] = named![
    READ_COUNTER,
    SET_COUNTER,
    ADD_TO_COUNTER,
    TAKE_LEASE,
    RELEASE_LEASE,
    READ_LEASE,
    INSERT_NODE,
    INSERT_TERRITORY,
    INSERT_TALLY,
    FIND_NODE,
    READ_TERRITORY,
    READ_LOG,
    READ_LOG_CURSOR,
    MOVE_LOG_CURSOR,
    READ_UNTOLD_QUARANTINE,
    IS_QUARANTINE_EMPTY,
    READ_QUARANTINED,
    SCAN_LIVE_CHILDREN,
    READ_FEED,
    READ_GOLDEN_CHANGES,
    READ_PROVENANCE,
    SCAN_GOLDEN_HASHES,
    SCAN_SOURCE_HASHES,
    READ_KEY_PROOF,
    INSERT_KEY_PROOF,
    COUNT_WAITING,
    COUNT_WAITING_CHANGES,
    COUNT_QUARANTINED,
    COUNT_REFUSED,
    LIST_NODES,
    COUNT_ACCEPTED,
];
const PAIRS: &[(&str, Pair)] = named![LOCK_COUNTER, CHECK_FENCE];
const BULK: &[(&str, Bulk)] = named![
    ADD_TALLIES,
    FIND_HELD_VERSIONS,
    APPEND_SUBMISSIONS,
    PUT_QUARANTINED,
    TELL_QUARANTINED,
    CLEAR_QUARANTINED,
    FIND_SOURCE_RECORDS,
    FIND_PREDECESSORS,
    PUT_SOURCE_RECORDS,
    RETELL_SOURCE_RECORDS,
    MOVE_SOURCE_RECORDS,
    READ_MEMBERS,
    FIND_LINKED_UNITS,
    FIND_GOLDEN_RECORDS,
    PUT_GOLDEN_RECORDS,
];
