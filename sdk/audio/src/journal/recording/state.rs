use std::io;

/// Where something went that was given to the journal.
#[must_use = "what is not on disk must be kept in memory"]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// With the operating system; durable within a second.
    OnDisk,
    /// Nowhere: the disk does not take it. [`JournalState`] says why.
    NotStored,
}

/// Whether the journal can be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JournalState {
    Writing,
    /// The disk does not take it; it is tried again every second, as long as there is something to write.
    Failing {
        cause: DiskCause,
        message: String,
    },
}

/// Why a disk does not take what is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskCause {
    Full,
    Denied,
    /// The folder was deleted, or its disk taken out.
    Gone,
    Failed,
}

impl DiskCause {
    /// What to tell a person.
    pub fn words(self) -> &'static str {
        match self {
            Self::Full => "the disk is full",
            Self::Denied => "the recordings folder may not be written to",
            Self::Gone => "the recordings folder is gone",
            Self::Failed => "the disk fails",
        }
    }

    /// What to do about it, for a person.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::Full => "free some space on the disk; the recording goes on in memory",
            Self::Denied => "allow writing to the recordings folder; the recording goes on in memory",
            Self::Gone => "put the recordings folder or its disk back; the recording goes on in memory",
            Self::Failed => "check the disk; the recording goes on in memory",
        }
    }
}

impl JournalState {
    /// What to tell a person.
    pub fn words(&self) -> &'static str {
        match self {
            Self::Writing => "what is recorded is on disk",
            Self::Failing { cause, .. } => cause.words(),
        }
    }

    /// What to do about it; `None` when all is well.
    pub fn remedy(&self) -> Option<&'static str> {
        match self {
            Self::Writing => None,
            Self::Failing { cause, .. } => Some(cause.remedy()),
        }
    }

    pub(super) fn failing(error: &io::Error) -> Self {
        Self::Failing { cause: error.into(), message: error.to_string() }
    }
}

impl From<&io::Error> for DiskCause {
    fn from(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::WriteZero => {
                Self::Full
            }
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Self::Denied,
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Self::Gone,
            _ => Self::Failed,
        }
    }
}
