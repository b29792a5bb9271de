/// What brings the index from each version to the next. Never edited once released: a change is another one behind.
///
/// `secure-delete`, and `PRAGMA secure_delete` with it: nothing of what was deleted stays in the file.
pub(super) const MIGRATIONS: [&str; 1] = ["
CREATE TABLE recordings (
    id TEXT PRIMARY KEY,
    stamp TEXT NOT NULL,
    state TEXT NOT NULL,
    begun_ms INTEGER,
    trashed_ms INTEGER,
    summary TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE passages (
    id INTEGER PRIMARY KEY,
    recording TEXT NOT NULL,
    kind INTEGER NOT NULL,
    stream INTEGER,
    from_ms INTEGER NOT NULL,
    text TEXT NOT NULL,
    detail TEXT NOT NULL
) STRICT;
CREATE INDEX passages_of_recordings ON passages (recording, from_ms, id);

CREATE VIRTUAL TABLE words USING fts5 (
    text, content = 'passages', content_rowid = 'id', tokenize = 'unicode61 remove_diacritics 2'
);
INSERT INTO words (words, rank) VALUES ('secure-delete', 1);
CREATE TRIGGER passage_added AFTER INSERT ON passages WHEN new.text <> '' BEGIN
    INSERT INTO words (rowid, text) VALUES (new.id, new.text);
END;
CREATE TRIGGER passage_deleted AFTER DELETE ON passages WHEN old.text <> '' BEGIN
    INSERT INTO words (words, rowid, text) VALUES ('delete', old.id, old.text);
END;
"];
