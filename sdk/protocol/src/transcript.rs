use serde::{Deserialize, Serialize};

use crate::{FrameIndex, Gap, StreamId};

/// Text that may still change. A later revision replaces it whole; it is never stored or replayed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partial {
    pub stream: StreamId,
    /// The first frame of the utterance. The final that settles it starts here or later.
    pub from: FrameIndex,
    /// Counts up from 1 for the same `from`.
    pub revision: u32,
    pub text: String,
}

/// Text that never changes again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Final {
    pub stream: StreamId,
    /// The first voiced frame.
    pub from: FrameIndex,
    /// The first frame after the last voiced one.
    pub to: FrameIndex,
    pub text: String,
    /// In spoken order; their texts, joined by spaces, are `text`.
    #[serde(default)]
    pub words: Vec<Word>,
}

/// One word and the frames it was spoken in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Word {
    pub text: String,
    pub from: FrameIndex,
    pub to: FrameIndex,
    /// The engine gave no times: the word's were spread over the voiced time of its final.
    #[serde(default)]
    pub estimated: bool,
}

/// What is numbered, stored and replayed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum TranscriptEvent {
    Final(Final),
    Gap(Gap),
}

impl TranscriptEvent {
    pub fn stream(&self) -> StreamId {
        match self {
            Self::Final(settled) => settled.stream,
            Self::Gap(gap) => gap.stream,
        }
    }
}
