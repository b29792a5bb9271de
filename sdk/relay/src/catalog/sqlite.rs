use std::sync::Arc;

use async_trait::async_trait;
use glasslink_protocol::{EventNumber, SessionId};
use rusqlite::{Connection, Params, Row, params};
use tokio::sync::watch;

use super::rows;
use super::types::{
    Catalog, CatalogError, Change, ChangeRow, EventRow, Found, Listed, Page, SessionKey, SessionRow,
    StreamRow,
};
use crate::database::{Database, News};

/// The catalogue in `relay.db`.
pub(crate) struct SqliteCatalog {
    database: Arc<Database>,
}

impl SqliteCatalog {
    pub(crate) fn new(database: Arc<Database>) -> Self {
        Self { database }
    }
}

fn all<T>(
    connection: &Connection,
    sql: &str,
    values: impl Params,
    row: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    connection.prepare_cached(sql)?.query_map(values, row)?.collect()
}

#[async_trait]
impl Catalog for SqliteCatalog {
    fn record(&self, key: SessionKey, change: Change) {
        let bytes = size_of::<Change>()
            + match &change {
                // Twice the text: words have it again.
                Change::Event(event) => match &event.event {
                    glasslink_protocol::TranscriptEvent::Final(said) => {
                        2 * said.text.len() + said.words.len() * 48
                    }
                    glasslink_protocol::TranscriptEvent::Gap(_) => 0,
                },
                Change::Session(row) => row.owner.len() + row.client.len() + row.trace.len(),
                Change::Opened(stream) => stream.start.label.len(),
                Change::Happened(change) => change.what.len() + change.detail.len(),
                Change::Marked(_) | Change::Ended(..) | Change::Gone => 0,
            };
        self.database.write(bytes, move |connection| rows::apply(connection, key, &change));
    }

    async fn sessions(&self, wanted: Page) -> Result<Vec<(SessionKey, SessionRow)>, CatalogError> {
        let sql = format!(
            "SELECT {} FROM sessions
             WHERE (?1 IS NULL OR owner = ?1) AND (?2 IS NULL OR state = ?2)
                 AND (?3 IS NULL OR (created_ms, id, epoch) < (?3, ?4, ?5))
             ORDER BY created_ms DESC, id DESC, epoch DESC LIMIT ?6",
            rows::SESSION
        );
        let read = move |connection: &Connection| {
            let state = wanted.state.map(super::types::SessionState::word);
            let created = wanted.after.map(|(created, _)| created as i64);
            let after = wanted.after.map(|(_, key)| key);
            let (id, epoch) = (after.map(rows::id), after.map(rows::epoch));
            let values = params![wanted.owner, state, created, id, epoch, wanted.most as i64];
            all(connection, &sql, values, rows::session)
        };
        self.database.read(read).await
    }

    async fn lives(&self, id: SessionId) -> Result<Vec<(SessionKey, SessionRow)>, CatalogError> {
        let sql = format!("SELECT {} FROM sessions WHERE id = ?1 ORDER BY epoch DESC", rows::SESSION);
        self.database.read(move |connection| all(connection, &sql, [id.0.to_be_bytes()], rows::session)).await
    }

    async fn streams(&self, key: SessionKey) -> Result<Vec<StreamRow>, CatalogError> {
        let sql = "SELECT start, mark, ended FROM streams WHERE id = ?1 AND epoch = ?2 ORDER BY stream";
        let values = (rows::id(key), rows::epoch(key));
        self.database.read(move |connection| all(connection, sql, values, rows::stream)).await
    }

    async fn events(
        &self,
        key: SessionKey,
        after: EventNumber,
        most: usize,
    ) -> Result<Vec<EventRow>, CatalogError> {
        let sql = "SELECT number, at_ms, event FROM events
                   WHERE id = ?1 AND epoch = ?2 AND number > ?3 ORDER BY number LIMIT ?4";
        // Larger numbers than these are given to no event.
        let after = i64::try_from(after.0).unwrap_or(i64::MAX);
        let values = (rows::id(key), rows::epoch(key), after, most as i64);
        self.database.read(move |connection| all(connection, sql, values, rows::event)).await
    }

    async fn changes(&self, key: SessionKey, most: usize) -> Result<Vec<ChangeRow>, CatalogError> {
        let sql = "SELECT version, at_ms, what, detail FROM changes
                   WHERE id = ?1 AND epoch = ?2 ORDER BY version DESC LIMIT ?3";
        let values = (rows::id(key), rows::epoch(key), most as i64);
        let read = move |connection: &Connection| {
            let mut changes = all(connection, sql, values, rows::change)?;
            changes.reverse();
            Ok(changes)
        };
        self.database.read(read).await
    }

    async fn list(&self, after: Option<SessionKey>, most: usize) -> Result<Vec<Listed>, CatalogError> {
        let sql = "
            SELECT id, epoch, state, version, folder,
                (SELECT coalesce(max(number), 0) FROM events e WHERE e.id = s.id AND e.epoch = s.epoch),
                (SELECT count(*) FROM streams t WHERE t.id = s.id AND t.epoch = s.epoch)
            FROM sessions s WHERE ?1 IS NULL OR (id, epoch) > (?1, ?2) ORDER BY id, epoch LIMIT ?3";
        let values = (after.map(rows::id), after.map(rows::epoch), most as i64);
        // Behind everything that was recorded before.
        self.database.call(|_| Ok(())).await?;
        self.database.read(move |connection| all(connection, sql, values, rows::listed)).await
    }

    async fn restore(&self, found: Found, over: Option<String>) -> Result<(), CatalogError> {
        self.database.call(move |connection| rows::restore(connection, &found, over.as_deref())).await
    }

    async fn forget(&self, keys: Vec<SessionKey>) -> Result<(), CatalogError> {
        let remove =
            move |connection: &Connection| keys.iter().try_for_each(|key| rows::remove(connection, *key));
        self.database.call(remove).await?;
        self.database.scrub().await
    }

    async fn sweep(&self) -> Result<usize, CatalogError> {
        self.database.call(rows::sweep).await
    }

    fn news(&self) -> watch::Receiver<News> {
        self.database.news()
    }
}
