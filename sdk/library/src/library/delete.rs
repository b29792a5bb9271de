use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::Arc;

use glasslink_protocol::SessionId;

use super::api::{Library, now_ms};
use crate::changes::{Change, Changes};
use crate::error::LibraryError;
use crate::retention::Retention;

/// In the folder of a recording that is being deleted for good: who finds it goes on with that.
const DELETING: &str = "deleting";

impl Library {
    /// Puts a recording into the trash, which [`undelete`](Self::undelete) takes it out of again.
    pub fn delete(&self, id: SessionId) -> Result<(), LibraryError> {
        if let Err(error @ LibraryError::InUse(_)) = self.open_recording(id) {
            return Err(error);
        }
        let absent = |changes: &Changes| changes.trashed_ms().is_none();
        self.change(id, |changes| absent(changes).then_some(Change::Trashed)).map(drop)
    }

    /// Takes a recording out of the trash. Says whether it was there.
    pub fn undelete(&self, id: SessionId) -> Result<bool, LibraryError> {
        let there = |changes: &Changes| changes.trashed_ms().is_some();
        Ok(self.change(id, |changes| there(changes).then_some(Change::Restored))?.is_some())
    }

    /// Deletes a recording, in the trash or not: audio, transcript, notes and what the index has of it. There is no way
    /// back.
    pub fn delete_for_good(&self, id: SessionId) -> Result<(), LibraryError> {
        let recording = match self.open_recording(id) {
            // Somebody here has it open.
            Ok(recording) => Some(Arc::try_unwrap(recording).map_err(|_| LibraryError::InUse(id))?),
            Err(LibraryError::Unreadable { .. }) => None,
            Err(error) => return Err(error),
        };
        let dir = self.dir(id);
        let marked = File::create(dir.join(DELETING)).and_then(|file| file.sync_all());
        marked.map_err(LibraryError::io(&dir))?;
        // Locked until the files are gone.
        let emptied = empty(&dir);
        drop(recording);
        emptied.map_err(LibraryError::io(&dir))?;
        self.finish_deleting(id)
    }

    /// Deletes what is older than the rules say: recordings go into the trash, and from there for good. `now_ms`:
    /// milliseconds since the Unix epoch. Says how many went which way.
    pub fn apply_retention(&self, rules: &Retention, now_ms: i64) -> Result<(usize, usize), LibraryError> {
        let due = rules.due(&self.recordings()?, now_ms);
        for id in &due {
            self.delete(*id)?;
        }
        let mut gone = 0;
        for summary in self.trash()? {
            if rules.is_due_for_good(&summary, now_ms) {
                match self.delete_for_good(summary.id) {
                    Ok(()) => gone += 1,
                    // It is played just now; the next time.
                    Err(LibraryError::InUse(_)) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok((due.len(), gone))
    }

    /// The same with the library's own rules and the present time.
    pub fn tidy(&self) -> Result<(usize, usize), LibraryError> {
        self.apply_retention(&self.retention()?, now_ms())
    }

    /// Goes on with a deletion, to its end.
    pub(super) fn finish_deleting(&self, id: SessionId) -> Result<(), LibraryError> {
        let dir = self.dir(id);
        empty(&dir).and_then(|()| remove(&dir)).map_err(LibraryError::io(&dir))?;
        self.index.forget(id)?;
        self.index.scrub()?;
        Ok(())
    }
}

pub(super) fn is_being_deleted(dir: &Path) -> bool {
    dir.join(DELETING).exists()
}

/// Deletes everything in the folder but what says that it is to be deleted.
fn empty(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_name() == DELETING || entry.file_name() == "lock" {
            continue;
        }
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn remove(dir: &Path) -> io::Result<()> {
    for name in ["lock", DELETING] {
        match fs::remove_file(dir.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    fs::remove_dir(dir)
}
