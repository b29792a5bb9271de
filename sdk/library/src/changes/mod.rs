//! What people do to a recording, kept beside its journal and never in it.
//!
//! `changes.jsonl` in the recording's folder is append-only: a head line, then one change a line. Nothing is ever taken
//! back but by another line that says so, so that each state there was can be had again, the original words among them.

mod file;
mod kinds;
mod state;

pub use file::ChangesError;
pub use kinds::{Change, ChangeRecord, NoteId};
pub use state::HistoryEntry;

pub(crate) use file::{ChangesFile, size_on_disk};
pub(crate) use state::{Changes, WordsKey};
