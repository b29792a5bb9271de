//! What is in a recording: its sources on one timeline, what was said, what is missing.

mod place;
mod read;
mod spoken;
mod transcript_file;
mod types;

pub use types::{Mark, Missing, Note, Passage, SourceInfo, Utterance};

pub(crate) use place::{Placed, place};
pub(crate) use read::Content;
pub(crate) use transcript_file::{Heard, write as write_transcript};
