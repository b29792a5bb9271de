use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;
use glasslink_protocol::{
    ClockMark, Epoch, EventNumber, FrameIndex, SessionId, StreamId, StreamStart, TranscriptEvent,
};
use serde::Serialize;
use tokio::sync::watch;

use crate::clock::unix_micros;
use crate::database::{DatabaseError, News};

/// One life of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct SessionKey {
    pub(crate) id: SessionId,
    pub(crate) epoch: Epoch,
}

/// Where a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SessionState {
    /// It has a connection.
    Attached,
    /// Its client may come back.
    Waiting,
    Over,
}

/// A session as the catalogue has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SessionRow {
    /// As an identity is written down.
    pub(crate) owner: String,
    pub(crate) state: SessionState,
    /// Counts its changes.
    pub(crate) version: u64,
    /// Milliseconds since the Unix epoch, as all times here.
    pub(crate) created_ms: u64,
    /// When it last had a connection.
    pub(crate) seen_ms: u64,
    pub(crate) over_ms: Option<u64>,
    /// Name and version of its client.
    pub(crate) client: String,
    /// What its last connection is called in logs.
    pub(crate) trace: String,
    /// Where its files are, once it is over.
    pub(crate) folder: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StreamRow {
    pub(crate) start: StreamStart,
    /// The first there was.
    pub(crate) mark: Option<ClockMark>,
    /// The frame before which it ended.
    pub(crate) ended: Option<FrameIndex>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EventRow {
    pub(crate) number: EventNumber,
    pub(crate) at_ms: u64,
    pub(crate) event: TranscriptEvent,
}

/// Something that happened to a session: never what was said in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ChangeRow {
    pub(crate) version: u64,
    pub(crate) at_ms: u64,
    /// `attached`, `stream_opened`
    pub(crate) what: String,
    /// For a person.
    pub(crate) detail: String,
}

/// What a session's actor tells the catalogue.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    /// The session as it is now.
    Session(SessionRow),
    Opened(StreamRow),
    Marked(ClockMark),
    Ended(StreamId, FrameIndex),
    Event(EventRow),
    Happened(ChangeRow),
    /// It is over, and nothing is kept of it.
    Gone,
}

/// Which sessions are wanted: the newest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Page {
    /// Only this identity's.
    pub(crate) owner: Option<String>,
    pub(crate) state: Option<SessionState>,
    /// Those behind this one.
    pub(crate) after: Option<(u64, SessionKey)>,
    pub(crate) most: usize,
}

/// A session as its files tell it.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) key: SessionKey,
    pub(crate) owner: String,
    pub(crate) created_ms: u64,
    pub(crate) streams: Vec<StreamRow>,
    pub(crate) events: Vec<EventRow>,
}

/// What the reconciler compares.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    pub(crate) key: SessionKey,
    pub(crate) state: SessionState,
    pub(crate) version: u64,
    pub(crate) folder: Option<String>,
    pub(crate) last_event: u64,
    pub(crate) streams: u64,
}

pub(crate) type CatalogError = DatabaseError;

/// Where sessions are written down. Today `SQLite`; another store is another implementation.
#[async_trait]
pub(crate) trait Catalog: Send + Sync {
    /// Takes a change. Never blocks; what cannot be written now waits, bounded.
    fn record(&self, key: SessionKey, change: Change);

    async fn sessions(&self, wanted: Page) -> Result<Vec<(SessionKey, SessionRow)>, CatalogError>;

    /// The lives of a session, the newest first.
    async fn lives(&self, id: SessionId) -> Result<Vec<(SessionKey, SessionRow)>, CatalogError>;

    async fn streams(&self, key: SessionKey) -> Result<Vec<StreamRow>, CatalogError>;

    /// Behind `after`, in order.
    async fn events(
        &self,
        key: SessionKey,
        after: EventNumber,
        most: usize,
    ) -> Result<Vec<EventRow>, CatalogError>;

    /// The newest, in order.
    async fn changes(&self, key: SessionKey, most: usize) -> Result<Vec<ChangeRow>, CatalogError>;

    /// Everything, by key, once all that was recorded before is written.
    async fn list(&self, after: Option<SessionKey>, most: usize) -> Result<Vec<Listed>, CatalogError>;

    /// Adds what is missing of a session that was found in files. `over`: where those of one that is over are.
    async fn restore(&self, found: Found, over: Option<String>) -> Result<(), CatalogError>;

    /// Removes sessions, so that no word of them stays in any file.
    async fn forget(&self, keys: Vec<SessionKey>) -> Result<(), CatalogError>;

    /// Removes what belongs to no session; says how much that was.
    async fn sweep(&self) -> Result<usize, CatalogError>;

    /// Changes when sessions may be missing.
    fn news(&self) -> watch::Receiver<News>;
}

impl SessionState {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Attached => "attached",
            Self::Waiting => "waiting",
            Self::Over => "over",
        }
    }
}

/// There is no such state.
#[derive(Debug, thiserror::Error)]
#[error("a state is attached, waiting or over")]
pub(crate) struct UnknownState;

impl FromStr for SessionState {
    type Err = UnknownState;

    fn from_str(word: &str) -> Result<Self, UnknownState> {
        let states = [Self::Attached, Self::Waiting, Self::Over];
        states.into_iter().find(|state| state.word() == word).ok_or(UnknownState)
    }
}

impl fmt::Display for SessionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Milliseconds since the Unix epoch.
pub(crate) fn unix_ms() -> u64 {
    unix_micros() / 1000
}
