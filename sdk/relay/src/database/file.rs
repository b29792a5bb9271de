use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::migrations::MIGRATIONS;
use crate::clock::unix_micros;

/// Where a database is. In memory without a path.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) path: Option<PathBuf>,
    /// Where damaged ones go.
    pub(super) damaged: Option<PathBuf>,
}

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
pub(super) enum OpenError {
    #[error(transparent)]
    Database(#[from] rusqlite::Error),
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("relay.db has version {0}, and this relay knows up to {known}", known = MIGRATIONS.len())]
    Newer(usize),
}

/// A database that is open for writing, and the file that it is.
pub(super) struct Open {
    pub(super) connection: Connection,
    file: Option<File>,
    /// Nothing was in it before.
    pub(super) is_new: bool,
}

/// Backups and a person's `sqlite3` hold the database for a moment.
const BUSY: Duration = Duration::from_millis(500);

pub(super) fn open(place: &Place) -> Result<Open, OpenError> {
    let (mut connection, file) = match &place.path {
        Some(path) => {
            let file = create_private(path)?;
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            (Connection::open_with_flags(path, flags)?, Some(file))
        }
        None => (Connection::open_in_memory()?, None),
    };
    connection.busy_timeout(BUSY)?;
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    // What a power cut takes is brought up to date from the files.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "secure_delete", true)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "cache_size", -2048)?;
    connection.set_prepared_statement_cache_capacity(32);
    let version = version(&connection)?;
    if version > MIGRATIONS.len() {
        return Err(OpenError::Newer(version));
    }
    if version < MIGRATIONS.len() {
        migrate(&mut connection)?;
    }
    Ok(Open { connection, file, is_new: version == 0 })
}

/// A connection that only reads.
pub(super) fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "query_only", true)?;
    connection.pragma_update(None, "cache_size", -1024)?;
    Ok(connection)
}

fn version(connection: &Connection) -> rusqlite::Result<usize> {
    connection
        .query_row("PRAGMA user_version", [], |row| row.get::<_, u32>(0))
        .map(|version| version as usize)
}

fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    for migration in MIGRATIONS.iter().skip(version(&transaction)?) {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "user_version", MIGRATIONS.len() as u32)?;
    transaction.commit()
}

impl Open {
    /// Whether `path` still leads to this database: nobody deleted or replaced it.
    pub(super) fn is_at(&self, path: &Path) -> bool {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            let id = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
            let ours = self.file.as_ref().and_then(|file| file.metadata().ok()).map(id);
            let there = fs::metadata(path).ok().map(id);
            ours.is_some() && ours == there
        }
        #[cfg(not(unix))]
        {
            // A file that is open cannot be deleted here.
            self.file.is_some() && path.exists()
        }
    }
}

/// Moves a damaged database where nobody goes on with it.
pub(super) fn set_aside(place: &Place) -> io::Result<()> {
    let (Some(path), Some(damaged)) = (&place.path, &place.damaged) else { return Ok(()) };
    let aside = damaged.join(format!("{}-relay.db", unix_micros()));
    for suffix in ["-wal", "-shm", ""] {
        match fs::rename(with_suffix(path, suffix), with_suffix(&aside, suffix)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// What is left beside a database that somebody deleted belongs to no other.
pub(super) fn remove_leftovers(place: &Place) {
    if let Some(path) = &place.path
        && !path.exists()
    {
        for suffix in ["-wal", "-shm"] {
            let _ = fs::remove_file(with_suffix(path, suffix));
        }
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// `SQLite` makes files that others may read; the words in this one are private.
fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// The file is no database, or not a whole one.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

/// What a damaged database answers.
pub(super) fn damage() -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT), None)
}

/// Whether a database can be read from end to end.
pub(super) fn is_sound(path: &Path) -> bool {
    let check = |connection: Connection| {
        connection.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0))
    };
    open_reader(path).and_then(check).is_ok_and(|said| said == "ok")
}

/// It is not what was asked for that is wrong, and it may work later.
pub(super) fn is_trouble(error: &rusqlite::Error) -> bool {
    use ErrorCode::{
        CannotOpen, DatabaseBusy, DatabaseLocked, DiskFull, FileLockingProtocolFailed, OutOfMemory,
        PermissionDenied, ReadOnly, SystemIoFailure,
    };
    is_damage(error)
        || matches!(
            error.sqlite_error_code(),
            Some(
                CannotOpen
                    | DatabaseBusy
                    | DatabaseLocked
                    | DiskFull
                    | FileLockingProtocolFailed
                    | OutOfMemory
                    | PermissionDenied
                    | ReadOnly
                    | SystemIoFailure
            )
        )
}

/// What is wrong, and what to do about it, for a person.
pub(super) fn in_words(error: &OpenError) -> (String, &'static str) {
    use ErrorCode::{CannotOpen, DatabaseBusy, DatabaseLocked, DiskFull, PermissionDenied, ReadOnly};
    let remedy = match error {
        OpenError::Newer(_) => {
            "update this relay, or move relay.db away: it is made again from the sessions' files"
        }
        OpenError::Io(_) => "look at the permissions of the data folder, and at the disk",
        OpenError::Database(error) => match error.sqlite_error_code() {
            Some(DiskFull) => "make room on the disk of the data folder",
            Some(DatabaseBusy | DatabaseLocked) => "end the program that has relay.db open",
            Some(CannotOpen | PermissionDenied | ReadOnly) => {
                "look at the permissions of relay.db and its folder"
            }
            _ => "look at the disk of the data folder",
        },
    };
    let reason = match error {
        OpenError::Database(error) => match error.sqlite_error_code() {
            Some(DiskFull) => "the disk is full".to_owned(),
            Some(DatabaseBusy | DatabaseLocked) => "another program holds it".to_owned(),
            _ => error.to_string(),
        },
        other => other.to_string(),
    };
    (reason, remedy)
}
