//! Statements of jobs, their ticks, and the gate of lanes that follow a schedule.

use super::Pair;

/// A job that was armed at a time that has not come yet was armed under a wrong clock.
pub(in crate::store) const ARM_JOB: &str = "
    INSERT INTO job (name, armed_at, paused_at, paused_by)
    VALUES ($1, $2, 0, '')
    ON CONFLICT (name) DO UPDATE
    SET armed_at = excluded.armed_at
    WHERE job.armed_at > excluded.armed_at";
pub(in crate::store) const READ_JOB: &str = "
    SELECT armed_at, paused_at, paused_by
    FROM job
    WHERE name = $1";
/// PostgreSQL holds the row until the end of the transaction: whoever wins a tick does so alone.
pub(in crate::store) const LOCK_JOB: Pair = Pair {
    sqlite: READ_JOB,
    postgres: "
    SELECT armed_at, paused_at, paused_by
    FROM job
    WHERE name = $1
    FOR UPDATE",
};
pub(in crate::store) const PAUSE_JOB: &str = "
    UPDATE job
    SET paused_at = $2, paused_by = $3
    WHERE name = $1
      AND paused_at = 0";
/// What was due in the pause is not made up for.
pub(in crate::store) const RESUME_JOB: &str = "
    UPDATE job
    SET paused_at = 0, paused_by = '', armed_at = $2
    WHERE name = $1
      AND paused_at > 0";

/// The newest due time of the schedule that anybody has begun or left out; what lies ahead of the clock was
/// begun under a wrong one and does not count.
pub(in crate::store) const READ_NEWEST_DUE: &str = "
    SELECT MAX(due_at)
    FROM tick
    WHERE job = $1
      AND kind = 1
      AND due_at <= $2";
pub(in crate::store) const READ_OPEN_TICKS: &str = "
    SELECT job, due_at, kind, state, asked_by, runner, token, deadline, started_at, ended_at, counts, error
    FROM tick
    WHERE job = $1
      AND state < 3
    ORDER BY due_at";
pub(in crate::store) const LIST_TICKS: &str = "
    SELECT job, due_at, kind, state, asked_by, runner, token, deadline, started_at, ended_at, counts, error
    FROM tick
    WHERE job = $1
      AND due_at < $2
    ORDER BY due_at DESC
    LIMIT $3";
pub(in crate::store) const INSERT_TICK: &str = "
    INSERT INTO tick
        (job, due_at, kind, state, asked_by, runner, token, deadline, started_at, ended_at, counts, error)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, '', '')
    ON CONFLICT (job, due_at) DO NOTHING";
/// A tick that waits, or whose runner has let its deadline pass.
pub(in crate::store) const TAKE_TICK: &str = "
    UPDATE tick
    SET state = 2, runner = $3, token = token + 1, deadline = $5, started_at = $4
    WHERE job = $1
      AND due_at = $2
      AND (state = 1 OR state = 2 AND deadline <= $4)
    RETURNING token";
pub(in crate::store) const EXTEND_TICK: &str = "
    UPDATE tick
    SET deadline = $4
    WHERE job = $1
      AND due_at = $2
      AND token = $3
      AND state = 2";
/// PostgreSQL holds the row, so that nobody takes the tick over before this transaction has ended.
pub(in crate::store) const CHECK_TICK: Pair = Pair {
    sqlite: "SELECT token FROM tick WHERE job = $1 AND due_at = $2 AND state = 2",
    postgres: "SELECT token FROM tick WHERE job = $1 AND due_at = $2 AND state = 2 FOR UPDATE",
};
pub(in crate::store) const END_TICK: &str = "
    UPDATE tick
    SET state = $4, ended_at = $5, counts = $6, error = $7
    WHERE job = $1
      AND due_at = $2
      AND token = $3
      AND state = 2";

/// Old ticks that have ended, but never the newest of the schedule: it says what was handled.
pub(in crate::store) const PURGE_TICKS: &str = "
    DELETE FROM tick
    WHERE (job, due_at) IN (
        SELECT t.job, t.due_at
        FROM tick t
        WHERE t.job = $1
          AND t.state > 2
          AND t.due_at < $2
          AND t.due_at < (SELECT MAX(n.due_at) FROM tick n WHERE n.job = $1 AND n.kind = 1)
        ORDER BY t.due_at
        LIMIT $3)";
pub(in crate::store) const READ_FORWARD_GATE: &str =
    "SELECT open_to FROM forward_cursor WHERE lane = $1";
/// A gate is only opened further.
pub(in crate::store) const OPEN_FORWARD_GATE: &str = "
    UPDATE forward_cursor
    SET open_to = $2
    WHERE lane = $1
      AND open_to < $2";
pub(in crate::store) const COUNT_CHANGES_BETWEEN: &str = "
    SELECT COUNT(*)
    FROM golden_record
    WHERE lane = $1
      AND change_seq > $2
      AND change_seq <= $3";

pub(in crate::store) const PLAIN: &[(&str, &str)] = named![
    ARM_JOB,
    READ_JOB,
    PAUSE_JOB,
    RESUME_JOB,
    READ_NEWEST_DUE,
    READ_OPEN_TICKS,
    LIST_TICKS,
    INSERT_TICK,
    TAKE_TICK,
    EXTEND_TICK,
    END_TICK,
    PURGE_TICKS,
    READ_FORWARD_GATE,
    OPEN_FORWARD_GATE,
    COUNT_CHANGES_BETWEEN,
];
pub(in crate::store) const PAIRS: &[(&str, Pair)] = named![LOCK_JOB, CHECK_TICK];
