use glasslink_protocol::SessionId;
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use serde::{Deserialize, Serialize};

use super::database::{Index, IndexError};
use super::search::HitKind;
use crate::content::Passage;
use crate::stored::{StoredPassage, from_stored, to_stored};
use crate::summary::Summary;

/// What the index has of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// What its files looked like.
    pub(crate) stamp: String,
    pub(crate) summary: Summary,
}

impl Index {
    /// The recordings it knows, with what their files looked like.
    pub(crate) fn stamps(&self) -> Result<Vec<(SessionId, String)>, IndexError> {
        self.with(|connection| {
            let mut statement = connection.prepare_cached("SELECT id, stamp FROM recordings")?;
            let rows = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?;
            let known = rows.collect::<rusqlite::Result<Vec<_>>>()?;
            Ok(known.into_iter().filter_map(|(id, stamp)| Some((id.parse().ok()?, stamp))).collect())
        })
    }

    /// Every recording, the last begun first.
    pub(crate) fn summaries(&self) -> Result<Vec<Summary>, IndexError> {
        self.with(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT summary FROM recordings ORDER BY begun_ms DESC, id")?;
            let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
            let texts = rows.collect::<rusqlite::Result<Vec<_>>>()?;
            Ok(texts.iter().filter_map(|text| parse(text)).collect())
        })
    }

    pub(crate) fn row(&self, id: SessionId) -> Result<Option<Row>, IndexError> {
        self.with(|connection| row(connection, id))
    }

    /// Replaces what it has of a recording. `passages`: `None` leaves those it has.
    pub(crate) fn put(&self, row: &Row, passages: Option<&[Passage]>) -> Result<(), IndexError> {
        self.with(|connection| {
            let transaction =
                connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
            put_row(&transaction, row)?;
            if let Some(passages) = passages {
                let id = row.summary.id.to_string();
                transaction.execute("DELETE FROM passages WHERE recording = ?1", [&id])?;
                put_passages(&transaction, &id, &row.summary, passages)?;
            }
            transaction.commit()
        })
    }

    pub(crate) fn forget(&self, id: SessionId) -> Result<(), IndexError> {
        let id = id.to_string();
        self.with(|connection| {
            let transaction =
                connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
            transaction.execute("DELETE FROM passages WHERE recording = ?1", [&id])?;
            transaction.execute("DELETE FROM recordings WHERE id = ?1", [&id])?;
            transaction.commit()
        })
    }

    /// What a recording has, ordered by time.
    pub(crate) fn passages(&self, id: SessionId) -> Result<Vec<Passage>, IndexError> {
        self.with(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT detail FROM passages WHERE recording = ?1 AND detail <> '' ORDER BY from_ms, id",
            )?;
            let rows = statement.query_map([id.to_string()], |row| row.get::<_, String>(0))?;
            let texts = rows.collect::<rusqlite::Result<Vec<_>>>()?;
            Ok(texts.iter().filter_map(|text| parse::<StoredPassage>(text)).map(from_stored).collect())
        })
    }
}

fn row(connection: &Connection, id: SessionId) -> rusqlite::Result<Option<Row>> {
    let mut statement = connection.prepare_cached("SELECT stamp, summary FROM recordings WHERE id = ?1")?;
    let found = statement.query_row([id.to_string()], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)));
    let found = found.optional()?;
    Ok(found.and_then(|(stamp, summary)| Some(Row { stamp, summary: parse(&summary)? })))
}

fn put_row(transaction: &Transaction<'_>, row: &Row) -> rusqlite::Result<()> {
    let Row { stamp, summary } = row;
    let mut statement = transaction.prepare_cached(
        "INSERT OR REPLACE INTO recordings (id, stamp, state, begun_ms, trashed_ms, summary)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    statement.execute(params![
        summary.id.to_string(),
        stamp,
        summary.state.name(),
        summary.begun_ms,
        summary.trashed_ms,
        json(summary)
    ])?;
    Ok(())
}

fn put_passages(
    transaction: &Transaction<'_>,
    id: &str,
    summary: &Summary,
    passages: &[Passage],
) -> rusqlite::Result<()> {
    let mut statement = transaction.prepare_cached(
        "INSERT INTO passages (recording, kind, stream, from_ms, text, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    let nowhere: Option<u32> = None;
    // A title made of the first words would be found beside them.
    let title = if summary.titled { summary.title.as_str() } else { "" };
    statement.execute(params![id, HitKind::Title.number(), nowhere, 0, title, ""])?;
    for passage in passages {
        let (kind, stream, text) = match passage {
            Passage::Speech(said) => (HitKind::Speech.number(), Some(said.stream.0), said.text.clone()),
            Passage::Gap(gap) => (HitKind::GAP, Some(gap.stream.0), String::new()),
            Passage::Marker(mark) => (HitKind::Marker.number(), Some(mark.stream.0), mark.label.clone()),
            Passage::Note(note) => (HitKind::Note.number(), None, note.text.clone()),
        };
        let from_ms = i64::try_from(passage.start().as_millis()).unwrap_or(i64::MAX);
        statement.execute(params![id, kind, stream, from_ms, text, json(&to_stored(passage))])?;
    }
    Ok(())
}

pub(super) fn parse<T: for<'a> Deserialize<'a>>(text: &str) -> Option<T> {
    serde_json::from_str(text).ok()
}

/// Our records are maps of numbers and texts, which JSON always has a form for.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
