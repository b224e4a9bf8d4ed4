-- Jobs that the hub does by itself. armed_at: due times after it count. paused_at: 0 while it is not paused.
-- The row is held while a tick is won, so that one tick of a job runs at a time.
CREATE TABLE job (
    name      TEXT NOT NULL PRIMARY KEY,
    armed_at  BIGINT NOT NULL,
    paused_at BIGINT NOT NULL,
    paused_by TEXT NOT NULL
);

-- Due times of jobs, and what became of them. kind: 1 by the schedule, 2 asked for. state: 1 waiting,
-- 2 running, 3 succeeded, 4 failed, 5 skipped. token: rises with every runner; what a runner writes counts only
-- under the token that stands here. deadline: a running tick past it may be taken over.
CREATE TABLE tick (
    job        TEXT NOT NULL,
    due_at     BIGINT NOT NULL,
    kind       SMALLINT NOT NULL,
    state      SMALLINT NOT NULL,
    asked_by   TEXT NOT NULL,
    runner     TEXT NOT NULL,
    token      BIGINT NOT NULL,
    deadline   BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    ended_at   BIGINT NOT NULL,
    counts     TEXT NOT NULL,
    error      TEXT NOT NULL,
    PRIMARY KEY (job, due_at)
);
CREATE INDEX tick_open ON tick (job, due_at) WHERE state < 3;

-- How far a lane may be sent where it follows a schedule: changes up to this number.
ALTER TABLE forward_cursor ADD COLUMN open_to BIGINT NOT NULL DEFAULT 0;
