use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use glasslink_audio::journal::{Found, Journal, JournalStore, Recording, SessionInfo};
use glasslink_protocol::SessionId;
use glasslink_transcript::Transcript;

use crate::audio::RecordedAudio;
use crate::changes::{ChangesFile, HistoryEntry};
use crate::content::Passage;
use crate::error::LibraryError;
use crate::index::{Index, SearchResults};
use crate::summary::Summary;

/// The recordings in a folder.
///
/// Calls read and write files: a user interface makes them off its own thread. Several programs may have the same
/// folder open.
#[derive(Debug)]
pub struct Library {
    pub(crate) root: PathBuf,
    pub(crate) store: JournalStore,
    pub(crate) index: Index,
    /// Recordings that are open here: a recording can be opened once on a machine.
    open: Mutex<BTreeMap<SessionId, Weak<Recording>>>,
}

impl Library {
    /// Name of the index in the recordings folder.
    const INDEX: &str = "index.sqlite";

    /// Opens the library in `root`, a folder of a [`JournalStore`]; it is made if it is not there. Looks what changed
    /// since it was last open: see [`refresh`](Self::refresh).
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, LibraryError> {
        let root = root.into();
        let mut folder = std::fs::DirBuilder::new();
        folder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
        folder.create(&root).map_err(LibraryError::io(&root))?;
        let store = JournalStore::open(&root)?;
        let index = Index::open(&root.join(Self::INDEX))?;
        let library = Self { root, store, index, open: Mutex::default() };
        library.refresh()?;
        Ok(library)
    }

    /// The folder it is in.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where recordings are made: give it to a link, or to a recorder.
    pub fn store(&self) -> &JournalStore {
        &self.store
    }

    /// Begins a recording, to be written. `program`: name and version of the one that does.
    pub fn begin(&self, program: &str) -> Result<Journal, LibraryError> {
        let session = SessionId(random()?);
        let info = SessionInfo { session, continues: None, program: program.to_owned() };
        Ok(self.store.create(&info, Instant::now())?)
    }

    /// Every recording that is not in the trash, the last begun first.
    pub fn recordings(&self) -> Result<Vec<Summary>, LibraryError> {
        let all = self.index.summaries()?;
        Ok(all.into_iter().filter(|summary| summary.trashed_ms.is_none()).collect())
    }

    /// Every recording in the trash, the last begun first.
    pub fn trash(&self) -> Result<Vec<Summary>, LibraryError> {
        let all = self.index.summaries()?;
        Ok(all.into_iter().filter(|summary| summary.trashed_ms.is_some()).collect())
    }

    /// One recording, in the trash or not.
    pub fn recording(&self, id: SessionId) -> Result<Summary, LibraryError> {
        Ok(self.index.row(id)?.ok_or(LibraryError::Unknown(id))?.summary)
    }

    /// What was said and what is missing, with markers and notes, ordered by time.
    pub fn passages(&self, id: SessionId) -> Result<Vec<Passage>, LibraryError> {
        self.recording(id)?;
        Ok(self.index.passages(id)?)
    }

    /// The same as a transcript, to be exported. Where speakers have names, those go before their words.
    pub fn transcript(&self, id: SessionId) -> Result<Transcript, LibraryError> {
        Ok(Transcript::new(self.passages(id)?.iter().filter_map(Passage::entry).collect()))
    }

    /// Hits `from..from + most` of what a person looks for in words, notes, markers and titles; the trash is left out.
    ///
    /// Every word must be in one utterance or note, in any order; words between quotation marks, one behind the other.
    /// The last word may be the beginning of one. Case and accents do not count.
    pub fn search(
        &self,
        typed: &str,
        within: Option<SessionId>,
        from: usize,
        most: usize,
    ) -> Result<SearchResults, LibraryError> {
        Ok(self.index.search(typed, within, from, most)?)
    }

    /// Everything that was done to a recording, and what of it was undone.
    pub fn history(&self, id: SessionId) -> Result<Vec<HistoryEntry>, LibraryError> {
        self.recording(id)?;
        Ok(self.changes(id).read()?.history())
    }

    /// The audio of a recording, to be played or written.
    pub fn audio(&self, id: SessionId) -> Result<RecordedAudio, LibraryError> {
        let recording = self.open_recording(id)?;
        let sources = self.index.row(id)?.map(|row| row.summary.sources).unwrap_or_default();
        Ok(RecordedAudio::open(&recording, &sources)?)
    }

    /// Ends the streams of a recording whose program died before it could. Says how long the recording is.
    pub fn end_interrupted(&self, id: SessionId) -> Result<Duration, LibraryError> {
        let recording = self.open_recording(id)?;
        let streams = recording.streams()?;
        let recording = Arc::try_unwrap(recording).map_err(|_| LibraryError::InUse(id))?;
        let journal = recording.resume()?;
        for stream in streams.iter().filter(|stream| stream.end.is_none()) {
            // The disk may not take it; then the recording stays interrupted, which is shown.
            let _ = journal.end(stream.stream, stream.next, Instant::now());
        }
        drop(journal);
        self.index_again(id)?;
        Ok(self.recording(id)?.duration)
    }

    /// What is wrong with the index, for a person; nothing if it is sound.
    pub fn check_index(&self) -> Result<Vec<String>, LibraryError> {
        Ok(self.index.check()?)
    }

    pub(crate) fn dir(&self, id: SessionId) -> PathBuf {
        self.root.join(id.to_string())
    }

    pub(crate) fn changes(&self, id: SessionId) -> ChangesFile {
        ChangesFile::of(&self.dir(id))
    }

    /// Opens a recording, or takes it where it is open here already. It is closed when the last holder lets go.
    pub(crate) fn open_recording(&self, id: SessionId) -> Result<Arc<Recording>, LibraryError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(recording) = open.get(&id).and_then(Weak::upgrade) {
            return Ok(recording);
        }
        open.retain(|_, recording| recording.strong_count() > 0);
        let recording = match self.store.find(id) {
            Some(Found::Recording(recording)) => Arc::new(recording),
            Some(Found::InUse(id)) => return Err(LibraryError::InUse(id)),
            Some(Found::Unreadable { session, error }) => {
                return Err(LibraryError::Unreadable { id: session, problem: error.to_string() });
            }
            None => return Err(LibraryError::Unknown(id)),
        };
        open.insert(id, Arc::downgrade(&recording));
        Ok(recording)
    }
}

/// Milliseconds since the Unix epoch.
pub(crate) fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}

fn random() -> Result<u128, LibraryError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|_| LibraryError::NoRandomness)?;
    Ok(u128::from_ne_bytes(bytes))
}
