//! What the records of a recording mean.

mod full_quality;
mod kinds;
mod reader;
mod state;
mod store;
mod writer;

pub use full_quality::FullQuality;
pub use kinds::{Marker, SessionInfo, StreamInfo};
pub use reader::{Piece, RecordedEvent, RecordedRun, RecordedStream, Recording, RecordingError};
pub use state::{DiskCause, JournalState, Stored};
pub use store::{Found, JournalError, JournalStore};
pub use writer::{Journal, WriteError};
