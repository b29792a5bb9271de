use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::thread;

use crate::identity::audit::{AuditEvent, AuditNote};
use crate::identity::database::{KeysError, now_ms};
use crate::identity::{Keys, PeerId, limits};

/// Hands to the clerk what is to be written, and never waits for it.
#[derive(Clone)]
pub(crate) struct Audit {
    notes: SyncSender<Note>,
    /// Notes there was no room for.
    missed: Arc<AtomicU64>,
}

pub(crate) enum Note {
    Event(AuditNote),
    /// An app was here.
    Seen(PeerId),
}

/// Writes what it is handed, and looks for changes that other processes made, until nobody has an [`Audit`] any more.
///
/// A thread: the database is a file, and the link waits for no disk.
struct Clerk {
    keys: Keys,
    notes: Receiver<Note>,
    missed: Arc<AtomicU64>,
    /// Whether other processes have the database, too.
    is_shared: bool,
    data_version: i64,
}

/// Notes that are written at once.
const BATCH: usize = 256;

impl Audit {
    pub(crate) fn start(keys: Keys, is_shared: bool) -> io::Result<Self> {
        let (notes, inbox) = mpsc::sync_channel(limits::AUDIT_QUEUE);
        let missed = Arc::<AtomicU64>::default();
        let mut clerk = Clerk { keys, notes: inbox, missed: Arc::clone(&missed), is_shared, data_version: 0 };
        thread::Builder::new().name("identity".into()).spawn(move || clerk.run())?;
        Ok(Self { notes, missed })
    }

    pub(crate) fn note(&self, note: AuditNote) {
        self.hand(Note::Event(note));
    }

    pub(crate) fn seen(&self, app: PeerId) {
        self.hand(Note::Seen(app));
    }

    fn hand(&self, note: Note) {
        if let Err(TrySendError::Full(_)) = self.notes.try_send(note) {
            self.missed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Clerk {
    fn run(&mut self) {
        loop {
            let first = if self.is_shared {
                self.notes.recv_timeout(limits::WATCH)
            } else {
                self.notes.recv().map_err(|_| RecvTimeoutError::Disconnected)
            };
            let done = match first {
                Ok(first) => self.write(first),
                Err(RecvTimeoutError::Timeout) => Ok(()),
                Err(RecvTimeoutError::Disconnected) => return,
            };
            if let Err(error) = done.and_then(|()| self.look()) {
                tracing::error!(%error, "identity.db");
            }
        }
    }

    fn write(&self, first: Note) -> Result<(), KeysError> {
        let more = self.notes.try_iter().take(BATCH - 1);
        let mut notes: Vec<Note> = std::iter::once(first).chain(more).collect();
        let missed = self.missed.swap(0, Ordering::Relaxed);
        if missed > 0 {
            notes.push(Note::Event(AuditNote::new(AuditEvent::Overflow).saying(format!("{missed} events"))));
        }
        self.keys.database.change(|transaction| {
            for note in &notes {
                match note {
                    Note::Event(note) => note.write(transaction)?,
                    Note::Seen(app) => {
                        transaction
                            .prepare_cached(
                                "UPDATE apps SET seen_ms = ?2 WHERE id = ?1 AND coalesce(seen_ms, 0) < ?2 - 60000",
                            )?
                            .execute((app.0 as i64, now_ms()))?;
                    }
                }
            }
            Ok(())
        })
    }

    /// Goes by what another process changed.
    fn look(&mut self) -> Result<(), KeysError> {
        if !self.is_shared {
            return Ok(());
        }
        let read = |connection: &rusqlite::Connection| {
            Ok(connection.pragma_query_value(None, "data_version", |row| row.get::<_, i64>(0))?)
        };
        let data_version = self.keys.database.read(read)?;
        if data_version != self.data_version {
            self.keys.refresh()?;
            self.data_version = data_version;
        }
        Ok(())
    }
}
