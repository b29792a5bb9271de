use std::time::Duration;

use glasslink_protocol::{SessionId, StreamId};

use super::api::{Library, now_ms};
use crate::changes::{Change, ChangeRecord, Changes, NoteId};
use crate::content::Utterance;
use crate::error::LibraryError;

/// Everything here is kept beside the journal, one change after the other, and can be undone.
impl Library {
    /// An empty title takes it away again.
    pub fn set_title(&self, id: SessionId, title: &str) -> Result<(), LibraryError> {
        let title = title.trim().to_owned();
        self.change(id, |_| Some(Change::Title { title })).map(drop)
    }

    /// A note about a place, or about all of it.
    pub fn add_note(&self, id: SessionId, at: Option<Duration>, text: &str) -> Result<NoteId, LibraryError> {
        let note = Change::Note { at_ms: at.map(ms), text: text.to_owned() };
        let record = self.change(id, |_| Some(note))?;
        Ok(NoteId(record.map_or(0, |record| record.number)))
    }

    /// Another text for a note; `None` removes it. Says whether there is such a note.
    pub fn change_note(&self, id: SessionId, note: NoteId, text: Option<&str>) -> Result<bool, LibraryError> {
        let text = text.map(str::to_owned);
        let is_there = |changes: &Changes| changes.notes().iter().any(|known| known.id == note);
        let changed =
            self.change(id, |changes| is_there(changes).then_some(Change::NoteText { note, text }))?;
        Ok(changed.is_some())
    }

    /// Other words for an utterance. What the engine heard stays, in [`Utterance::original`].
    pub fn change_words(&self, id: SessionId, said: &Utterance, text: &str) -> Result<(), LibraryError> {
        let was = said.original.as_ref().unwrap_or(&said.text).clone();
        let change = Change::Words {
            stream: said.stream,
            from_ms: ms(said.stream_from),
            to_ms: ms(said.stream_to),
            was,
            text: text.trim().to_owned(),
        };
        self.change(id, |_| Some(change)).map(drop)
    }

    /// Who speaks in all of a source; `None` takes the name away.
    pub fn name_speaker(
        &self,
        id: SessionId,
        stream: StreamId,
        name: Option<&str>,
    ) -> Result<(), LibraryError> {
        let change = Change::Speaker { stream, from_ms: None, name: name.map(str::to_owned) };
        self.change(id, |_| Some(change)).map(drop)
    }

    /// Who says one utterance, whoever speaks in its source otherwise.
    pub fn name_speaker_of(
        &self,
        id: SessionId,
        said: &Utterance,
        name: Option<&str>,
    ) -> Result<(), LibraryError> {
        let from_ms = Some(ms(said.stream_from));
        let change = Change::Speaker { stream: said.stream, from_ms, name: name.map(str::to_owned) };
        self.change(id, |_| Some(change)).map(drop)
    }

    /// Whether retention rules leave it alone.
    pub fn protect(&self, id: SessionId, protected: bool) -> Result<(), LibraryError> {
        let differs = |changes: &Changes| changes.is_protected() != protected;
        self.change(id, |changes| differs(changes).then_some(Change::Protected { protected })).map(drop)
    }

    /// Takes back the last change that was not taken back yet; a deletion is not one. Says what it was.
    pub fn undo(&self, id: SessionId) -> Result<Option<Change>, LibraryError> {
        let mut what = None;
        self.change(id, |changes| {
            let of = changes.last_undoable()?;
            what = changes.numbered(of).cloned();
            Some(Change::Undo { of })
        })?;
        Ok(what)
    }

    /// Does again what was undone last, unless something else was done since. Says what it is.
    pub fn redo(&self, id: SessionId) -> Result<Option<Change>, LibraryError> {
        let mut what = None;
        self.change(id, |changes| {
            let undoing = changes.last_undo()?;
            if let Some(Change::Undo { of }) = changes.numbered(undoing) {
                what = changes.numbered(*of).cloned();
            }
            Some(Change::Undo { of: undoing })
        })?;
        Ok(what)
    }

    pub(crate) fn change(
        &self,
        id: SessionId,
        decide: impl FnOnce(&Changes) -> Option<Change>,
    ) -> Result<Option<ChangeRecord>, LibraryError> {
        if !self.dir(id).is_dir() {
            return Err(LibraryError::Unknown(id));
        }
        let made = self.changes(id).append(now_ms(), decide)?;
        if made.is_some() {
            self.index_again(id)?;
        }
        Ok(made)
    }
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
