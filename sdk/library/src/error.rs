use std::io;
use std::path::PathBuf;

use glasslink_audio::journal::{JournalError, RecordingError};
use glasslink_protocol::SessionId;

use crate::changes::ChangesError;
use crate::index::IndexError;

/// Why the library did not do something. Nothing is half done.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    /// There is none of that id; it may have been deleted for good.
    #[error("there is no recording {0}")]
    Unknown(SessionId),
    /// A program is recording it, or has it open; end that first.
    #[error("recording {0} is in use: end what is recording or playing it first")]
    InUse(SessionId),
    /// It cannot be read; the problem says why. It is left as it is.
    #[error("recording {id} cannot be read: {problem}")]
    Unreadable { id: SessionId, problem: String },
    /// The recordings folder cannot be read or written; the cause says why.
    #[error("{} cannot be read or written: {cause}", path.display())]
    Io { path: PathBuf, cause: io::Error },
    /// The system has no random numbers, of which a recording's id is made.
    #[error("the system gives no random numbers")]
    NoRandomness,
    /// The recordings cannot be found, or one not be begun.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A recording cannot be read.
    #[error(transparent)]
    Recording(#[from] RecordingError),
    /// What people did to a recording cannot be read or added to.
    #[error(transparent)]
    Changes(#[from] ChangesError),
    /// The index cannot be used.
    #[error(transparent)]
    Index(#[from] IndexError),
}

impl LibraryError {
    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        |cause| Self::Io { path, cause }
    }
}
