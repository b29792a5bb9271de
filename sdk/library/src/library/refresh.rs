use std::collections::BTreeMap;
use std::fs;

use glasslink_audio::journal::Recording;
use glasslink_protocol::SessionId;

use super::api::Library;
use super::delete::is_being_deleted;
use super::stamp::{bytes, first_written_ms, stamp};
use crate::changes::Changes;
use crate::content::{Content, Passage};
use crate::error::LibraryError;
use crate::index::Row;
use crate::summary::{RecordingState, Summary};

/// What was found in the recordings folder since it was last looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refreshed {
    /// Recordings that are new, or have more than before.
    pub changed: usize,
    /// Recordings whose folder is gone.
    pub gone: usize,
}

/// Words of the first thing that was said, for a title.
const TITLE_WORDS: usize = 8;

impl Library {
    /// Finds what other programs recorded, changed or deleted. Reads only what changed, however old it is.
    pub fn refresh(&self) -> Result<Refreshed, LibraryError> {
        let mut known: BTreeMap<SessionId, String> = self.index.stamps()?.into_iter().collect();
        let mut refreshed = Refreshed::default();
        for entry in fs::read_dir(&self.root).map_err(LibraryError::io(&self.root))? {
            let name = entry.map_err(LibraryError::io(&self.root))?.file_name();
            let Some(id) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
            if is_being_deleted(&self.dir(id)) {
                self.finish_deleting(id)?;
                continue;
            }
            // A folder that goes at this moment is found gone the next time.
            let Ok(now) = stamp(&self.dir(id)) else { continue };
            if known.remove(&id).is_none_or(|before| before != now) && self.index_again(id)? {
                refreshed.changed += 1;
            }
        }
        for id in known.into_keys() {
            self.index.forget(id)?;
            refreshed.gone += 1;
        }
        Ok(refreshed)
    }

    /// Reads a recording and puts what it has into the index. Says whether there is one.
    pub(crate) fn index_again(&self, id: SessionId) -> Result<bool, LibraryError> {
        let dir = self.dir(id);
        let changes = self.changes(id).read();
        match self.open_recording(id) {
            Ok(recording) => {
                let row = match changes {
                    Ok(changes) => self.read(&recording, &changes),
                    // Its words and audio are there all the same.
                    Err(error) => {
                        self.read(&recording, &Changes::default()).map(|(mut summary, passages)| {
                            summary.problems.push(error.to_string());
                            (summary, passages)
                        })
                    }
                };
                let (summary, passages) = match row {
                    Ok(row) => row,
                    Err(error) => (self.without_content(id, &error, &Changes::default()), Vec::new()),
                };
                // A segment may have been cut by the look at it, so the stamp comes after.
                let stamp = stamp(&dir).unwrap_or_default();
                self.index.put(&Row { stamp, summary }, Some(&passages))?;
            }
            Err(LibraryError::Unknown(_)) => return Ok(false),
            Err(error) => {
                let summary = self.without_content(id, &error, &changes.unwrap_or_default());
                // No stamp: it is looked at again the next time.
                let passages: Option<&[Passage]> =
                    if summary.state == RecordingState::Unreadable { Some(&[]) } else { None };
                self.index.put(&Row { stamp: String::new(), summary }, passages)?;
            }
        }
        Ok(true)
    }

    fn read(
        &self,
        recording: &Recording,
        changes: &Changes,
    ) -> Result<(Summary, Vec<Passage>), LibraryError> {
        let id = recording.session();
        let content = Content::read(recording, changes)?;
        let state = if content.ended { RecordingState::Ended } else { RecordingState::Interrupted };
        let title = changes.title().map(str::to_owned).or_else(|| file_title(changes));
        let summary = Summary {
            id,
            titled: title.is_some(),
            title: title.unwrap_or_else(|| first_words(&content.passages)),
            state,
            begun_ms: content.begun_ms,
            utc_offset_min: content.utc_offset_min,
            duration: content.duration,
            untranscribed: content.untranscribed(),
            lost: content.lost(),
            sources: content.sources,
            bytes: bytes(&self.dir(id)),
            protected: changes.is_protected(),
            trashed_ms: changes.trashed_ms(),
            program: content.program,
            problems: content.problems,
        };
        Ok((summary, content.passages))
    }

    /// Of a recording that cannot be opened now: what was known before, and what people did since.
    fn without_content(&self, id: SessionId, error: &LibraryError, changes: &Changes) -> Summary {
        let known = self.index.row(id).ok().flatten().map(|row| row.summary);
        let mut summary = known.unwrap_or_else(|| Summary {
            id,
            title: String::new(),
            titled: false,
            state: RecordingState::InUse,
            begun_ms: first_written_ms(&self.dir(id)),
            utc_offset_min: 0,
            duration: std::time::Duration::ZERO,
            sources: Vec::new(),
            untranscribed: std::time::Duration::ZERO,
            lost: std::time::Duration::ZERO,
            bytes: 0,
            protected: false,
            trashed_ms: None,
            program: String::new(),
            problems: Vec::new(),
        });
        summary.bytes = bytes(&self.dir(id));
        if let Some(title) = changes.title() {
            (summary.title, summary.titled) = (title.to_owned(), true);
        }
        (summary.protected, summary.trashed_ms) = (changes.is_protected(), changes.trashed_ms());
        (summary.state, summary.problems) = match error {
            LibraryError::InUse(_) => (RecordingState::InUse, Vec::new()),
            error => (RecordingState::Unreadable, vec![error.to_string()]),
        };
        summary
    }
}

fn file_title(changes: &Changes) -> Option<String> {
    let (file, _) = changes.imported()?;
    Some(std::path::Path::new(file).file_stem()?.to_string_lossy().into_owned())
}

fn first_words(passages: &[Passage]) -> String {
    let said = passages.iter().find_map(|passage| match passage {
        Passage::Speech(said) => Some(said.text.as_str()),
        _ => None,
    });
    let mut words = said.unwrap_or_default().split_whitespace();
    let mut title = words.by_ref().take(TITLE_WORDS).collect::<Vec<_>>().join(" ");
    if words.next().is_some() {
        title.push('…');
    }
    title
}
