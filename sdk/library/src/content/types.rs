use std::time::Duration;

use glasslink_protocol::{GapCause, StreamId};
use glasslink_transcript::{Entry, Speech, TimedWord};
use serde::{Deserialize, Serialize};

use crate::changes::NoteId;

/// A source of a recording: a stream, and where on the recording's timeline it lies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceInfo {
    pub stream: StreamId,
    /// What a person calls it; empty where nobody said.
    pub label: String,
    /// Who speaks in it, if somebody said.
    pub speaker: Option<String>,
    /// From the start of the recording to its first frame.
    pub from: Duration,
    pub duration: Duration,
}

/// What lies at a place of a recording, in order of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Passage {
    Speech(Utterance),
    Gap(Missing),
    /// A place that was marked while it was recorded.
    Marker(Mark),
    Note(Note),
}

/// What somebody said without a longer pause. Times are from the start of the recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Utterance {
    pub stream: StreamId,
    pub from: Duration,
    pub to: Duration,
    /// From the start of its stream: what edits name it by.
    pub stream_from: Duration,
    pub stream_to: Duration,
    /// As it is now.
    pub text: String,
    /// As the engine heard it, where a person changed the text.
    pub original: Option<String>,
    pub speaker: Option<String>,
    /// With their times; empty where they are not known, as for a changed text.
    pub words: Vec<TimedWord>,
}

/// A stretch of a stream without audio or without a transcript. Times are from the start of the recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missing {
    pub stream: StreamId,
    pub from: Duration,
    pub to: Duration,
    pub cause: GapCause,
}

/// A marked place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    pub stream: StreamId,
    pub at: Duration,
    pub label: String,
}

/// What somebody wrote about the recording, or about a place in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    pub id: NoteId,
    pub at: Option<Duration>,
    pub text: String,
}

impl Passage {
    /// From the start of the recording; 0 of a note about all of it.
    pub fn start(&self) -> Duration {
        match self {
            Self::Speech(said) => said.from,
            Self::Gap(gap) => gap.from,
            Self::Marker(mark) => mark.at,
            Self::Note(note) => note.at.unwrap_or_default(),
        }
    }

    /// As an entry of a transcript; a speaker's name goes before the words. `None` for markers and notes.
    pub fn entry(&self) -> Option<Entry> {
        match self {
            Self::Speech(said) => Some(Entry::Speech(said.speech())),
            Self::Gap(gap) => Some(Entry::Gap(glasslink_transcript::Missing {
                from: gap.from,
                to: gap.to,
                cause: gap.cause,
            })),
            Self::Marker(_) | Self::Note(_) => None,
        }
    }
}

impl Utterance {
    fn speech(&self) -> Speech {
        let text = match &self.speaker {
            Some(name) => format!("{name}: {}", self.text),
            None => self.text.clone(),
        };
        Speech { from: self.from, to: self.to, text, words: self.words.clone() }
    }
}
