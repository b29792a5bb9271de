use std::time::Duration;

use glasslink_protocol::SessionId;
use serde::{Deserialize, Serialize};

use crate::content::SourceInfo;

/// What a list of recordings shows of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    pub id: SessionId,
    /// What a person called it, else the file it was imported from, else its first words; may be empty.
    pub title: String,
    /// The title is no first words: a person gave it, or a file.
    pub titled: bool,
    pub state: RecordingState,
    /// Milliseconds since the Unix epoch.
    pub begun_ms: Option<i64>,
    /// Minutes from UTC to the local time where it was recorded.
    pub utc_offset_min: i32,
    pub duration: Duration,
    pub sources: Vec<SourceInfo>,
    /// Time that has audio and no transcript, of all sources.
    pub untranscribed: Duration,
    /// Time whose audio was lost, of all sources.
    pub lost: Duration,
    /// On the disk.
    pub bytes: u64,
    /// Retention rules leave it alone.
    pub protected: bool,
    /// When it was put into the trash, milliseconds since the Unix epoch.
    pub trashed_ms: Option<i64>,
    /// Name and version of the program that recorded it.
    pub program: String,
    /// What could not be read of it, for a person.
    pub problems: Vec<String>,
}

/// What a recording is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordingState {
    /// A program is recording it or holds it.
    InUse,
    /// It was ended as it should be.
    Ended,
    /// Its program died before it could end it. What it recorded is there.
    Interrupted,
    /// It cannot be read; the problems say why.
    Unreadable,
}

impl RecordingState {
    pub fn name(self) -> &'static str {
        match self {
            Self::InUse => "in_use",
            Self::Ended => "ended",
            Self::Interrupted => "interrupted",
            Self::Unreadable => "unreadable",
        }
    }
}
