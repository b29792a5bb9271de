-- Transcribing that is left to do when a session is over, or that somebody asked for.
CREATE TABLE jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL,
    epoch INTEGER NOT NULL,
    -- Whose session it is.
    owner TEXT NOT NULL,
    -- catch_up: what no engine got to; again: what somebody asked for
    kind TEXT NOT NULL,
    -- By its name; any without one.
    engine TEXT,
    -- Whether the owner lets speech leave the relay's machine.
    remote INTEGER NOT NULL,
    -- Stream time.
    from_ms INTEGER NOT NULL,
    to_ms INTEGER,
    -- waiting, leased, done, cancelled, poisoned
    state TEXT NOT NULL,
    -- Since it last got anywhere.
    attempts INTEGER NOT NULL,
    not_before_ms INTEGER NOT NULL,
    -- Which life of the relay has it, and until when it is to be heard of.
    holder INTEGER,
    lease_ms INTEGER,
    done_frames INTEGER NOT NULL,
    all_frames INTEGER NOT NULL,
    error TEXT,
    made_ms INTEGER NOT NULL,
    ended_ms INTEGER
) STRICT;
CREATE INDEX jobs_to_do ON jobs (state, not_before_ms);
CREATE INDEX jobs_of_session ON jobs (id, epoch);
-- A session is caught up with once.
CREATE UNIQUE INDEX jobs_catch_up ON jobs (id, epoch)
    WHERE kind = 'catch_up' AND state IN ('waiting', 'leased');

-- How far a job is with a stream.
CREATE TABLE job_streams (
    job INTEGER NOT NULL,
    stream INTEGER NOT NULL,
    settled INTEGER NOT NULL,
    PRIMARY KEY (job, stream)
) STRICT, WITHOUT ROWID;

-- What a job heard: finals, JSON.
CREATE TABLE job_finals (
    job INTEGER NOT NULL,
    stream INTEGER NOT NULL,
    at INTEGER NOT NULL,
    final TEXT NOT NULL,
    PRIMARY KEY (job, stream, at)
) STRICT, WITHOUT ROWID;

-- What is deleted of a session is deleted of its jobs.
CREATE TRIGGER jobs_of_deleted_sessions AFTER DELETE ON sessions BEGIN
    DELETE FROM jobs WHERE id = OLD.id AND epoch = OLD.epoch;
END;
CREATE TRIGGER parts_of_deleted_jobs AFTER DELETE ON jobs BEGIN
    DELETE FROM job_streams WHERE job = OLD.number;
    DELETE FROM job_finals WHERE job = OLD.number;
END;
