use std::ops::Range;
use std::time::Duration;

use glasslink_protocol::{SessionId, StreamId};
use rusqlite::{Connection, params};

use super::database::{Index, IndexError};
use super::query::fts;
use super::rows::parse;
use crate::summary::Summary;

/// What was found: `hits` are those from the first that was asked for on, of `total`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchResults {
    pub hits: Vec<Hit>,
    pub total: usize,
}

/// A place that has what was looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Which of all hits it is, from 1.
    pub number: usize,
    pub recording: SessionId,
    pub title: String,
    pub kind: HitKind,
    /// The source, of what was said and marked.
    pub stream: Option<StreamId>,
    /// From the start of the recording.
    pub at: Duration,
    /// From the start of its stream.
    pub stream_at: Option<Duration>,
    pub text: String,
    /// Bytes of `text` that match.
    pub matches: Vec<Range<usize>>,
}

/// What a hit is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HitKind {
    Speech,
    Note,
    Marker,
    Title,
}

/// Round what matches; in no text that people write or say.
const OPEN: char = '\u{e000}';
const CLOSE: char = '\u{e001}';

const FROM: &str = "FROM words
    JOIN passages ON passages.id = words.rowid
    JOIN recordings ON recordings.id = passages.recording
    WHERE words MATCH ?1 AND recordings.trashed_ms IS NULL AND (?2 IS NULL OR recordings.id = ?2)";

impl Index {
    /// Hits `from..from + most`, the last begun recording first, in it by time.
    pub(crate) fn search(
        &self,
        typed: &str,
        within: Option<SessionId>,
        from: usize,
        most: usize,
    ) -> Result<SearchResults, IndexError> {
        let Some(query) = fts(typed) else { return Ok(SearchResults::default()) };
        let within = within.map(|id| id.to_string());
        self.with(|connection| {
            let total: i64 = connection
                .prepare_cached(&format!("SELECT count(*) {FROM}"))?
                .query_row(params![query, within], |row| row.get(0))?;
            let hits = hits(connection, &query, within.as_deref(), from, most)?;
            Ok(SearchResults { hits, total: usize::try_from(total).unwrap_or(0) })
        })
    }
}

fn hits(
    connection: &Connection,
    query: &str,
    within: Option<&str>,
    from: usize,
    most: usize,
) -> rusqlite::Result<Vec<Hit>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT recordings.summary, passages.kind, passages.stream, passages.from_ms,
             highlight(words, 0, '{OPEN}', '{CLOSE}') {FROM}
         ORDER BY recordings.begun_ms DESC, recordings.id, passages.from_ms, passages.id LIMIT ?3 OFFSET ?4"
    ))?;
    let bound = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    let rows = statement.query_map(params![query, within, bound(most), bound(from)], |row| {
        let at: i64 = row.get(3)?;
        Ok((
            row.get::<_, String>(0)?,
            row.get::<_, i64>(1)?,
            row.get::<_, Option<u32>>(2)?,
            Duration::from_millis(u64::try_from(at).unwrap_or(0)),
            row.get::<_, String>(4)?,
        ))
    })?;
    let mut hits = Vec::new();
    let mut summary: Option<(String, Summary)> = None;
    for (place, row) in rows.enumerate() {
        let (text, kind, stream, at, marked) = row?;
        if summary.as_ref().is_none_or(|(known, _)| *known != text) {
            summary = parse(&text).map(|parsed| (text, parsed));
        }
        let (Some((_, summary)), Some(kind)) = (&summary, HitKind::of(kind)) else { continue };
        let stream = stream.map(StreamId);
        let source = summary.sources.iter().find(|source| Some(source.stream) == stream);
        let (text, matches) = unmarked(&marked);
        hits.push(Hit {
            number: from + place + 1,
            recording: summary.id,
            title: summary.title.clone(),
            kind,
            stream,
            at,
            stream_at: source.map(|source| at.saturating_sub(source.from)),
            text,
            matches,
        });
    }
    Ok(hits)
}

impl HitKind {
    /// What is no hit, in the same column.
    pub(super) const GAP: i64 = 4;

    pub(super) fn number(self) -> i64 {
        match self {
            Self::Speech => 0,
            Self::Note => 1,
            Self::Marker => 2,
            Self::Title => 3,
        }
    }

    fn of(number: i64) -> Option<Self> {
        [Self::Speech, Self::Note, Self::Marker, Self::Title].into_iter().find(|kind| kind.number() == number)
    }
}

/// The text without the marks round what matches, and where those were.
fn unmarked(marked: &str) -> (String, Vec<Range<usize>>) {
    let (mut text, mut matches, mut start) = (String::with_capacity(marked.len()), Vec::new(), 0);
    for letter in marked.chars() {
        match letter {
            OPEN => start = text.len(),
            CLOSE => matches.push(start..text.len()),
            letter => text.push(letter),
        }
    }
    (text, matches)
}
