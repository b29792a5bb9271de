use glasslink_protocol::{FrameIndex, StreamId};
use serde::{Deserialize, Serialize};

/// A note of a recording: the number of the change that made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NoteId(pub u64);

/// One thing somebody did. Times are stream time or, of notes, time in the recording; milliseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Change {
    Title {
        title: String,
    },
    Note {
        at_ms: Option<u64>,
        text: String,
    },
    /// Another text for a note; `None` removes it.
    NoteText {
        note: NoteId,
        text: Option<String>,
    },
    /// Other words for what `stream` has from `from_ms` to `to_ms`, where the engine heard `was`.
    Words {
        stream: StreamId,
        from_ms: u64,
        to_ms: u64,
        was: String,
        text: String,
    },
    /// Who speaks: in all of a source, or in what begins at `from_ms`. `None` takes the name away.
    Speaker {
        stream: StreamId,
        from_ms: Option<u64>,
        name: Option<String>,
    },
    /// Frames `from..to` were transcribed again; the file beside the changes has what was heard.
    Transcribed {
        stream: StreamId,
        from: FrameIndex,
        to: FrameIndex,
        engine: String,
        file: String,
    },
    /// Where an imported recording comes from, and when that was recorded as far as is known.
    Imported {
        file: String,
        begun_ms: Option<i64>,
    },
    /// Whether retention rules leave it alone.
    Protected {
        protected: bool,
    },
    Trashed,
    Restored,
    /// Change `of` does not count any more. Undoing this one makes it count again.
    Undo {
        of: u64,
    },
    /// Made by a newer version. It is kept, and does nothing here.
    #[serde(other)]
    Unknown,
}

/// A change, when it was made, and its number in the recording, from 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeRecord {
    pub number: u64,
    /// Milliseconds since the Unix epoch.
    pub made_ms: i64,
    #[serde(flatten)]
    pub change: Change,
}

impl Change {
    /// Whether [`Library::undo`](crate::Library::undo) takes it back. Deleting has its own way back.
    pub(crate) fn is_undoable(&self) -> bool {
        !matches!(
            self,
            Self::Trashed | Self::Restored | Self::Imported { .. } | Self::Undo { .. } | Self::Unknown
        )
    }
}
