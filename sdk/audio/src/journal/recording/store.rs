use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use glasslink_protocol::SessionId;

use super::kinds::{FRAMES_CONTENT, SessionInfo};
use super::state::{JournalState, Stored};
use super::{DiskCause, Journal, Recording};
use crate::journal::disk::{Disk, DiskLock, OsDisk};
use crate::journal::log::{Log, LogError, LogId, LogLimits, LogWriter, RecordingKey, Syncer};

/// The folder in which recordings are: one folder each, named by its session.
#[derive(Clone, Debug)]
pub struct JournalStore {
    context: Context,
    root: PathBuf,
}

/// What all recordings of a store share.
#[derive(Clone, Debug)]
pub(super) struct Context {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) syncer: Arc<Syncer>,
    pub(super) limits: LogLimits,
    /// What recordings are sealed with, if they are.
    pub(super) key: Option<RecordingKey>,
}

/// A recording that was found.
#[derive(Debug)]
pub enum Found {
    /// Ours to read and to go on with, as long as it is held.
    Recording(Recording),
    /// Another program, or this one, is writing it.
    InUse(SessionId),
    /// It cannot be read; the error says why. It is left as it is.
    Unreadable { session: SessionId, error: LogError },
}

/// Why a recording cannot be begun or gone on with, or none be listed.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The folder cannot be made, read or written: see the cause for what to do.
    #[error("recordings cannot be kept in {}: {message}; {}", path.display(), cause.remedy())]
    Disk { path: PathBuf, cause: DiskCause, message: String },
    /// A session has one recording, and one program that writes it.
    #[error("the recording of session {0} is being written by another program")]
    InUse(SessionId),
    /// Begin another session, or go on with this one.
    #[error("there is a recording of session {0} already")]
    Exists(SessionId),
    /// No thread could be started to make recordings durable.
    #[error("no thread could be started: {0}")]
    Thread(io::Error),
}

impl JournalStore {
    /// Recordings in `root`, which is made when the first one is.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, JournalError> {
        let syncer = Syncer::start().map_err(JournalError::Thread)?;
        Ok(Self::on(Arc::new(OsDisk), root, Arc::new(syncer), LogLimits::default()))
    }

    /// The same on any disk.
    pub fn on(disk: Arc<dyn Disk>, root: impl Into<PathBuf>, syncer: Arc<Syncer>, limits: LogLimits) -> Self {
        Self { context: Context { disk, syncer, limits, key: None }, root: root.into() }
    }

    /// Seals the recordings that are begun or gone on with, and reads those that `key` has sealed. Unsealed ones stay
    /// as they are, and can be read.
    #[cfg(feature = "encryption")]
    #[must_use]
    pub fn sealed_with(mut self, key: RecordingKey) -> Self {
        self.context.key = Some(key);
        self
    }

    /// Begins the recording of a session.
    pub fn create(&self, info: &SessionInfo, now: Instant) -> Result<Journal, JournalError> {
        let dir = self.root.join(info.session.to_string());
        let disk = &self.context.disk;
        disk.create_dir(&dir).map_err(|error| self.disk_error(&error))?;
        let lock = self.lock(info.session)?.ok_or(JournalError::InUse(info.session))?;
        let names = disk.list(&dir).map_err(|error| self.disk_error(&error))?;
        if names.iter().any(|name| name.to_string_lossy().ends_with(".glj")) {
            return Err(JournalError::Exists(info.session));
        }
        let id = LogId { content: FRAMES_CONTENT, id: info.session.0 };
        let writer = self.context.writer(dir.clone(), id);
        let journal = Journal::new(self.context.clone(), dir, writer, Arc::new(lock), false);
        match (journal.session(info, now), journal.state()) {
            (Ok(Stored::OnDisk), _) => Ok(journal),
            (_, JournalState::Failing { cause, message }) => {
                Err(JournalError::Disk { path: self.root.clone(), cause, message })
            }
            _ => Err(self.disk_error(&io::ErrorKind::Other.into())),
        }
    }

    /// Every recording there is, however old, in the order of their names. Torn ends are cut off.
    pub fn recordings(&self) -> Result<Vec<Found>, JournalError> {
        let mut names = match self.context.disk.list(&self.root) {
            Ok(names) => names,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(self.disk_error(&error)),
        };
        names.sort_unstable();
        let sessions = names.iter().filter_map(|name| name.to_str()?.parse().ok());
        Ok(sessions.filter_map(|session| self.find(session)).collect())
    }

    /// The recording of one session; `None` if there is none.
    pub fn find(&self, session: SessionId) -> Option<Found> {
        let dir = self.root.join(session.to_string());
        if !self.context.disk.list(&dir).is_ok_and(|names| !names.is_empty()) {
            return None;
        }
        let lock = match self.lock(session) {
            Ok(Some(lock)) => lock,
            Ok(None) => return Some(Found::InUse(session)),
            Err(JournalError::Disk { path, message, .. }) => {
                let error = LogError::Io { path, cause: io::Error::other(message) };
                return Some(Found::Unreadable { session, error });
            }
            Err(_) => return None,
        };
        let id = LogId { content: FRAMES_CONTENT, id: session.0 };
        match self.context.open(&dir, id, true) {
            Ok(log) => Some(Found::Recording(Recording::new(self.context.clone(), dir, log, Arc::new(lock)))),
            Err(LogError::Nothing { .. }) => None,
            Err(error) => Some(Found::Unreadable { session, error }),
        }
    }

    fn lock(&self, session: SessionId) -> Result<Option<DiskLock>, JournalError> {
        let path = self.root.join(session.to_string()).join("lock");
        self.context.disk.lock(&path).map_err(|error| self.disk_error(&error))
    }

    fn disk_error(&self, error: &io::Error) -> JournalError {
        JournalError::Disk { path: self.root.clone(), cause: error.into(), message: error.to_string() }
    }
}

impl Context {
    pub(super) fn open(&self, dir: &Path, id: LogId, repair: bool) -> Result<Log, LogError> {
        Log::open_with(Arc::clone(&self.disk), dir, Some(id), repair, self.key.clone())
    }

    pub(super) fn writer(&self, dir: PathBuf, id: LogId) -> LogWriter {
        let disk = Arc::clone(&self.disk);
        LogWriter::create_with(disk, dir, id, self.limits, &self.syncer, self.key.clone())
    }

    pub(super) fn writer_or_resumed(&self, dir: PathBuf, id: LogId) -> LogWriter {
        let resumed = self
            .open(&dir, id, true)
            .ok()
            .and_then(|log| LogWriter::resume(log, self.limits, &self.syncer).ok());
        resumed.unwrap_or_else(|| self.writer(dir, id))
    }
}
