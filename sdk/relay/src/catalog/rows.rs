//! Rows of the catalogue's tables.

use glasslink_protocol::{Epoch, EventNumber, FrameIndex, SessionId};
use rusqlite::{Connection, Row, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::types::{
    Change, ChangeRow, EventRow, Found, Listed, SessionKey, SessionRow, SessionState, StreamRow,
};

/// Changes that are kept of a session: some hours of a bad link.
const CHANGES: u64 = 500;

pub(super) fn id(key: SessionKey) -> [u8; 16] {
    key.id.0.to_be_bytes()
}

pub(super) fn epoch(key: SessionKey) -> i64 {
    key.epoch.0 as i64
}

pub(super) fn apply(connection: &Connection, key: SessionKey, change: &Change) -> rusqlite::Result<()> {
    let (id, epoch) = (id(key), epoch(key));
    match change {
        Change::Session(row) => put_session(connection, key, row),
        Change::Opened(stream) => put_stream(connection, key, stream),
        Change::Marked(mark) => {
            let sql =
                "UPDATE streams SET mark = ?4 WHERE id = ?1 AND epoch = ?2 AND stream = ?3 AND mark IS NULL";
            run(connection, sql, params![id, epoch, mark.stream.0, json(mark)])
        }
        Change::Ended(stream, at) => {
            let sql = "UPDATE streams SET ended = ?4 WHERE id = ?1 AND epoch = ?2 AND stream = ?3";
            run(connection, sql, params![id, epoch, stream.0, at.0 as i64])
        }
        Change::Event(event) => put_event(connection, key, event),
        Change::Happened(ChangeRow { version, at_ms, what, detail }) => {
            let sql = "INSERT OR REPLACE INTO changes VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            run(connection, sql, params![id, epoch, *version as i64, *at_ms as i64, what, detail])?;
            let sql = "DELETE FROM changes WHERE id = ?1 AND epoch = ?2 AND version <= ?3";
            run(connection, sql, params![id, epoch, *version as i64 - CHANGES as i64])
        }
        Change::Gone => remove(connection, key),
    }
}

fn put_session(connection: &Connection, key: SessionKey, row: &SessionRow) -> rusqlite::Result<()> {
    let sql = "
        INSERT INTO sessions (id, epoch, owner, state, version, created_ms, seen_ms, over_ms, client, trace, folder)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
        ON CONFLICT DO UPDATE SET
            state = excluded.state,
            version = excluded.version,
            created_ms = min(created_ms, excluded.created_ms),
            seen_ms = excluded.seen_ms,
            over_ms = excluded.over_ms,
            client = iif(excluded.client = '', client, excluded.client),
            trace = iif(excluded.trace = '', trace, excluded.trace),
            folder = excluded.folder
        WHERE excluded.version >= version";
    let SessionRow { owner, state, version, created_ms, seen_ms, over_ms, client, trace, folder } = row;
    let (created, seen, over) = (*created_ms as i64, *seen_ms as i64, over_ms.map(|at| at as i64));
    let (id, epoch, version) = (id(key), epoch(key), *version as i64);
    let values = params![id, epoch, owner, state.word(), version, created, seen, over, client, trace, folder];
    run(connection, sql, values)
}

fn put_stream(connection: &Connection, key: SessionKey, row: &StreamRow) -> rusqlite::Result<()> {
    let sql = "
        INSERT INTO streams (id, epoch, stream, start, mark, ended) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
        ON CONFLICT DO UPDATE SET
            mark = coalesce(mark, excluded.mark), ended = coalesce(excluded.ended, ended)";
    let StreamRow { start, mark, ended } = row;
    let (mark, ended) = (mark.as_ref().map(json), ended.map(|at| at.0 as i64));
    run(connection, sql, params![id(key), epoch(key), start.stream.0, json(start), mark, ended])
}

fn put_event(connection: &Connection, key: SessionKey, row: &EventRow) -> rusqlite::Result<()> {
    let sql = "INSERT OR IGNORE INTO events (id, epoch, number, at_ms, event) VALUES (?1, ?2, ?3, ?4, ?5)";
    let values = params![id(key), epoch(key), row.number.0 as i64, row.at_ms as i64, json(&row.event)];
    run(connection, sql, values)
}

pub(super) fn restore(connection: &Connection, found: &Found, folder: Option<&str>) -> rusqlite::Result<()> {
    let key = found.key;
    if let Some(folder) = folder {
        // What the files do not tell stays as it was written while the session was alive.
        let over = folder.split('-').next().and_then(|micros| micros.parse::<u64>().ok()).map(|us| us / 1000);
        let sql = "
            INSERT INTO sessions (id, epoch, owner, state, version, created_ms, seen_ms, over_ms, client, trace, folder)
            VALUES (?1, ?2, ?3, 'over', 1, ?4, ?5, ?5, '', '', ?6)
            ON CONFLICT DO UPDATE SET
                state = 'over', version = version + 1, folder = excluded.folder,
                over_ms = coalesce(over_ms, excluded.over_ms)";
        let (created, over) = (found.created_ms as i64, over.map(|at| at as i64).unwrap_or_default());
        run(connection, sql, params![id(key), epoch(key), found.owner, created, over, folder])?;
    }
    found.streams.iter().try_for_each(|stream| put_stream(connection, key, stream))?;
    found.events.iter().try_for_each(|event| put_event(connection, key, event))
}

pub(super) fn remove(connection: &Connection, key: SessionKey) -> rusqlite::Result<()> {
    for table in ["events", "streams", "changes", "sessions"] {
        let sql = format!("DELETE FROM {table} WHERE id = ?1 AND epoch = ?2");
        run(connection, &sql, params![id(key), epoch(key)])?;
    }
    Ok(())
}

/// Removes the rows of sessions that are not there.
pub(super) fn sweep(connection: &Connection) -> rusqlite::Result<usize> {
    let mut swept = 0;
    for table in ["events", "streams", "changes"] {
        // Only keys are looked at, not every row.
        let sql = format!(
            "DELETE FROM {table} WHERE (id, epoch) IN (
                SELECT DISTINCT id, epoch FROM {table} EXCEPT SELECT id, epoch FROM sessions)"
        );
        swept += connection.prepare_cached(&sql)?.execute([])?;
    }
    Ok(swept)
}

pub(super) const SESSION: &str =
    "id, epoch, owner, state, version, created_ms, seen_ms, over_ms, client, trace, folder";

pub(super) fn session(row: &Row<'_>) -> rusqlite::Result<(SessionKey, SessionRow)> {
    let number = |index: usize| row.get::<_, i64>(index).map(|number| number as u64);
    let session = SessionRow {
        owner: row.get(2)?,
        state: state(row, 3)?,
        version: number(4)?,
        created_ms: number(5)?,
        seen_ms: number(6)?,
        over_ms: row.get::<_, Option<i64>>(7)?.map(|at| at as u64),
        client: row.get(8)?,
        trace: row.get(9)?,
        folder: row.get(10)?,
    };
    Ok((key(row)?, session))
}

fn key(row: &Row<'_>) -> rusqlite::Result<SessionKey> {
    let (id, epoch) = (row.get::<_, [u8; 16]>(0)?, row.get::<_, i64>(1)?);
    Ok(SessionKey { id: SessionId(u128::from_be_bytes(id)), epoch: Epoch(epoch as u64) })
}

fn state(row: &Row<'_>, index: usize) -> rusqlite::Result<SessionState> {
    row.get::<_, String>(index)?.parse().map_err(|_| rusqlite::Error::InvalidQuery)
}

pub(super) fn listed(row: &Row<'_>) -> rusqlite::Result<Listed> {
    Ok(Listed {
        key: key(row)?,
        state: state(row, 2)?,
        version: row.get::<_, i64>(3)? as u64,
        folder: row.get(4)?,
        last_event: row.get::<_, i64>(5)? as u64,
        streams: row.get::<_, i64>(6)? as u64,
    })
}

pub(super) fn stream(row: &Row<'_>) -> rusqlite::Result<StreamRow> {
    let mark = row.get::<_, Option<String>>(1)?;
    Ok(StreamRow {
        start: parsed(&row.get::<_, String>(0)?)?,
        mark: mark.as_deref().map(parsed).transpose()?,
        ended: row.get::<_, Option<i64>>(2)?.map(|at| FrameIndex(at as u64)),
    })
}

pub(super) fn event(row: &Row<'_>) -> rusqlite::Result<EventRow> {
    Ok(EventRow {
        number: EventNumber(row.get::<_, i64>(0)? as u64),
        at_ms: row.get::<_, i64>(1)? as u64,
        event: parsed(&row.get::<_, String>(2)?)?,
    })
}

pub(super) fn change(row: &Row<'_>) -> rusqlite::Result<ChangeRow> {
    Ok(ChangeRow {
        version: row.get::<_, i64>(0)? as u64,
        at_ms: row.get::<_, i64>(1)? as u64,
        what: row.get(2)?,
        detail: row.get(3)?,
    })
}

fn run(connection: &Connection, sql: &str, values: impl rusqlite::Params) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute(values).map(drop)
}

/// What is written here has string keys and finite numbers.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn parsed<T: DeserializeOwned>(json: &str) -> rusqlite::Result<T> {
    serde_json::from_str(json).map_err(|cause| {
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(cause))
    })
}
