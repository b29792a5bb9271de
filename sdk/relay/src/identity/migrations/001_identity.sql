-- Times are milliseconds since the Unix epoch. Ids are 64 random bits.

-- One row. `revision` counts changes that decide who is let in: the running relay reads all again when it moved.
CREATE TABLE state (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    revision INTEGER NOT NULL,
    -- What the relay that runs last is reached at, and its certificate's SHA-256.
    url TEXT,
    certificate BLOB
) STRICT;
INSERT INTO state (one, revision) VALUES (1, 1);

-- What tokens are signed with: the newest, and the one before it until its tokens are over.
CREATE TABLE signing_keys (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    secret BLOB NOT NULL,
    made_ms INTEGER NOT NULL,
    until_ms INTEGER
) STRICT;

CREATE TABLE devices (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    client TEXT NOT NULL,
    key_hash BLOB NOT NULL,
    paired_ms INTEGER NOT NULL,
    seen_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    revoked_ms INTEGER
) STRICT;

CREATE TABLE apps (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    sees_all INTEGER NOT NULL,
    made_ms INTEGER NOT NULL,
    seen_ms INTEGER,
    revoked_ms INTEGER
) STRICT;
CREATE UNIQUE INDEX apps_by_name ON apps (name) WHERE revoked_ms IS NULL;

CREATE TABLE app_keys (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    app INTEGER NOT NULL REFERENCES apps (id),
    key_hash BLOB NOT NULL,
    made_ms INTEGER NOT NULL,
    until_ms INTEGER
) STRICT;

-- `secret`: the SHA-256 of a QR code's; a typed code itself, which the exchange needs, until the offer is over.
CREATE TABLE offers (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL CHECK (kind IN ('qr', 'code')),
    secret BLOB,
    made_ms INTEGER NOT NULL,
    until_ms INTEGER NOT NULL,
    tries_left INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'paired', 'exhausted', 'withdrawn', 'over')),
    device INTEGER REFERENCES devices (id)
) STRICT;

-- SHA-256 of the tokens that the relay was started with, and of those that a lockdown made worthless for ever.
CREATE TABLE start_tokens (
    hash BLOB PRIMARY KEY,
    burnt_ms INTEGER
) STRICT;

CREATE TABLE audit (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms INTEGER NOT NULL,
    last_ms INTEGER NOT NULL,
    times INTEGER NOT NULL,
    event TEXT NOT NULL,
    -- Whether strangers can cause it: such rows never push out the others.
    strangers INTEGER NOT NULL,
    identity TEXT,
    address TEXT,
    detail TEXT
) STRICT;

CREATE TRIGGER device_added AFTER INSERT ON devices BEGIN UPDATE state SET revision = revision + 1; END;
CREATE TRIGGER device_revoked AFTER UPDATE OF revoked_ms ON devices BEGIN UPDATE state SET revision = revision + 1; END;
CREATE TRIGGER app_added AFTER INSERT ON apps BEGIN UPDATE state SET revision = revision + 1; END;
CREATE TRIGGER app_changed AFTER UPDATE OF revoked_ms, sees_all ON apps BEGIN UPDATE state SET revision = revision + 1; END;
CREATE TRIGGER app_key_added AFTER INSERT ON app_keys BEGIN UPDATE state SET revision = revision + 1; END;
CREATE TRIGGER app_key_changed AFTER UPDATE ON app_keys BEGIN UPDATE state SET revision = revision + 1; END;
CREATE TRIGGER app_key_removed AFTER DELETE ON app_keys BEGIN UPDATE state SET revision = revision + 1; END;
CREATE TRIGGER signing_key_added AFTER INSERT ON signing_keys BEGIN UPDATE state SET revision = revision + 1; END;
CREATE TRIGGER signing_key_removed AFTER DELETE ON signing_keys BEGIN UPDATE state SET revision = revision + 1; END;
CREATE TRIGGER start_token_burnt AFTER UPDATE ON start_tokens BEGIN UPDATE state SET revision = revision + 1; END;
CREATE INDEX audit_to_merge ON audit (event, address, last_ms);
CREATE INDEX audit_by_class ON audit (strangers, number);
