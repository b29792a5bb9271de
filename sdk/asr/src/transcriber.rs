//! From a segment's audio to its text: what every engine that decodes whole segments shares.

mod guard;
mod settle;

pub(crate) use guard::{Doubt, repeats};
pub(crate) use settle::{Context, settle};

use crate::engine::EngineError;

/// Turns audio into tokens, and tokens into text. One a worker thread.
pub(crate) trait Transcriber {
    /// What is said in `audio` (16 kHz mono), given that the tokens of `said` are its beginning.
    /// `None` when `stop` says so before the end.
    fn transcribe(
        &mut self,
        audio: &[i16],
        said: &[u32],
        stop: &dyn Fn() -> bool,
    ) -> Result<Option<Hypothesis>, EngineError>;

    fn text(&self, tokens: &[u32]) -> String;
}

/// What an engine heard.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Hypothesis {
    /// The new tokens, without what was said before them.
    pub(crate) tokens: Vec<u32>,
    /// Why it should not be believed.
    pub(crate) doubt: Option<Doubt>,
}
