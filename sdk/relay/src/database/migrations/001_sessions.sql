-- The catalogue of sessions. A session is one life (epoch) of an id; its files are the truth, and all of this can be
-- made from them again, but for `changes`.
CREATE TABLE sessions (
    id BLOB NOT NULL,
    epoch INTEGER NOT NULL,
    owner TEXT NOT NULL,
    -- attached, waiting, over
    state TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    seen_ms INTEGER NOT NULL,
    over_ms INTEGER,
    client TEXT NOT NULL,
    trace TEXT NOT NULL,
    -- Where its files are, once it is over.
    folder TEXT,
    PRIMARY KEY (id, epoch)
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_by_age ON sessions (created_ms, id, epoch);

CREATE TABLE streams (
    id BLOB NOT NULL,
    epoch INTEGER NOT NULL,
    stream INTEGER NOT NULL,
    -- As the client declared it, JSON.
    start TEXT NOT NULL,
    -- Its first clock mark, JSON.
    mark TEXT,
    -- The frame before which it ended.
    ended INTEGER,
    PRIMARY KEY (id, epoch, stream)
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
    id BLOB NOT NULL,
    epoch INTEGER NOT NULL,
    number INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    -- A final or a gap, JSON.
    event TEXT NOT NULL,
    PRIMARY KEY (id, epoch, number)
) STRICT, WITHOUT ROWID;

-- What happened to a session, the newest few hundred: never what was said in it.
CREATE TABLE changes (
    id BLOB NOT NULL,
    epoch INTEGER NOT NULL,
    version INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    what TEXT NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (id, epoch, version)
) STRICT, WITHOUT ROWID;
