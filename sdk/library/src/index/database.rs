use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::schema::MIGRATIONS;

/// The index of a library.
#[derive(Debug)]
pub(crate) struct Index {
    path: PathBuf,
    connection: Mutex<Connection>,
}

/// Why the index cannot be used. The recordings are whole without it.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The database failed; where the file is damaged, delete it: it is made again.
    #[error("the index {} cannot be used: {cause}", path.display())]
    Database { path: PathBuf, cause: rusqlite::Error },
    /// A damaged or older index could not be replaced.
    #[error("the index {} cannot be made: {cause}", path.display())]
    Io { path: PathBuf, cause: io::Error },
    /// Made by a newer version of Glasslink; update, or delete it: it is made again.
    #[error("the index {} has version {version}, and this program knows up to {known}: update it", path.display(), known = MIGRATIONS.len())]
    Newer { path: PathBuf, version: usize },
}

/// Other programs of this person write for milliseconds; one that indexes hours of speech, for less than a second.
const BUSY: Duration = Duration::from_secs(10);

impl Index {
    /// Opens the index at `path`, makes it, or makes it again where it is damaged.
    pub(crate) fn open(path: &Path) -> Result<Self, IndexError> {
        match connect(path) {
            Err(IndexError::Database { cause, .. }) if is_damage(&cause) => {
                tracing::warn!(%cause, "the index is damaged and made again");
                remove(path).map_err(|cause| IndexError::Io { path: path.to_owned(), cause })?;
                connect(path)
            }
            result => result,
        }
        .map(|connection| Self { path: path.to_owned(), connection: Mutex::new(connection) })
    }

    /// Runs `work` on the database.
    pub(super) fn with<T>(
        &self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
    ) -> Result<T, IndexError> {
        work(&mut self.lock()).map_err(|cause| self.error(cause))
    }

    /// Whether the database is sound; what is wrong with it otherwise.
    pub(crate) fn check(&self) -> Result<Vec<String>, IndexError> {
        self.with(|connection| {
            let mut statement = connection.prepare("PRAGMA integrity_check(20)")?;
            let lines: Vec<String> =
                statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
            Ok(lines.into_iter().filter(|line| line != "ok").collect())
        })
    }

    /// Leaves nothing of what was deleted in the files of the database.
    pub(crate) fn scrub(&self) -> Result<(), IndexError> {
        self.with(|connection| {
            // What is deleted is overwritten in the database; the log beside it goes back to nothing.
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        })
    }

    fn error(&self, cause: rusqlite::Error) -> IndexError {
        IndexError::Database { path: self.path.clone(), cause }
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        // A transaction that panicked was rolled back.
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn connect(path: &Path) -> Result<Connection, IndexError> {
    let database = |cause| IndexError::Database { path: path.to_owned(), cause };
    create_private(path).map_err(|cause| IndexError::Io { path: path.to_owned(), cause })?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(database)?;
    let prepare = |connection: &Connection| {
        connection.busy_timeout(BUSY)?;
        // Readers and a writer do not wait for each other. What a power cut takes is made again.
        connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        connection.pragma_update(None, "secure_delete", true)?;
        connection.pragma_update(None, "cache_size", -4096)?;
        connection.query_row("PRAGMA user_version", [], |row| row.get::<_, u32>(0))
    };
    let version = prepare(&connection).map_err(database)? as usize;
    if version > MIGRATIONS.len() {
        return Err(IndexError::Newer { path: path.to_owned(), version });
    }
    if version < MIGRATIONS.len() {
        migrate(&mut connection).map_err(database)?;
    }
    Ok(connection)
}

fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    // Another program may have been quicker.
    let version: u32 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    for migration in MIGRATIONS.iter().skip(version as usize) {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "user_version", MIGRATIONS.len() as u32)?;
    transaction.commit()
}

/// `SQLite` makes files that others may read; the words in this one are private.
fn create_private(path: &Path) -> io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

fn remove(path: &Path) -> io::Result<()> {
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        match std::fs::remove_file(&name) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}
