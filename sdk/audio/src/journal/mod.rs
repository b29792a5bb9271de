//! Recordings on disk: what was heard survives the process.
//!
//! A [`JournalStore`] is a folder of recordings. A [`Journal`] writes one, and nothing it was given is lost when the
//! program is killed. The next start finds every [`Recording`] there is.

pub mod disk;
pub mod log;
mod recorder;
mod recording;

pub use recorder::{FrameSink, PcmTee, Recorder};
pub use recording::{
    DiskCause, Found, Journal, JournalError, JournalState, JournalStore, Marker, Piece, RecordedEvent,
    RecordedRun, RecordedStream, Recording, RecordingError, SessionInfo, Stored, StreamInfo, WriteError,
};
