use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use crate::identity::limits;

/// Each is applied once, in this order, and never changed.
const MIGRATIONS: [&str; 2] =
    [include_str!("migrations/001_identity.sql"), include_str!("migrations/002_webhooks.sql")];

/// The file in a relay's data folder that says who is let in.
pub(crate) const FILE: &str = "identity.db";

/// Why pairings and keys cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The folder has no such file: no relay ever ran with it. Give the folder that the relay has (`--data`).
    #[error("{} has no identity.db: no relay ever ran with this folder; give the relay's own (--data)", folder.display())]
    NoRelay {
        /// The folder that was given.
        folder: PathBuf,
    },
    /// The file cannot be made or opened. Look at the permissions of its folder, and at the disk.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's word.
        error: io::Error,
    },
    /// The database failed: the disk is full, or the file is damaged. Nobody is let in by a damaged file; without it,
    /// devices pair again.
    #[error("identity.db cannot be used: {0}")]
    Database(#[from] rusqlite::Error),
    /// Made by a newer version of the relay. Update this one.
    #[error("identity.db has version {found}, and this program knows up to {known}: update it")]
    Newer {
        /// Version of the file.
        found: u32,
        /// The last one that this program knows.
        known: u32,
    },
    /// The system has no random numbers, without which there are no secrets.
    #[error("the system gives no random numbers")]
    NoRandomness,
    /// Nobody is known by this name or id. `glasslink-relay devices list` and `apps list` say who is.
    #[error("nobody is known as {0:?}")]
    Unknown(String),
    /// More than one has this name: give the id.
    #[error("more than one has the name {0:?}: give the id")]
    Ambiguous(String),
    /// Another app has this name already.
    #[error("there is an app {0:?} already: `glasslink-relay apps rotate` gives it a new key")]
    AppExists(String),
    /// A lockdown made the token that the relay is started with worthless. Make another one.
    #[error("the token was ended by a lockdown: give the relay another one")]
    Burnt,
    /// A name is empty.
    #[error("a name has 1 to 64 characters")]
    Name,
    /// An app cannot be called like this. Give a package name of letters, digits, dots, dashes and underscores, and the
    /// `http` or `https` address that the app listens at.
    #[error("an app cannot be called like this: {0}")]
    Webhook(&'static str),
    /// Another app has this package name already.
    #[error("there is an app with the package name {0:?} already")]
    PackageExists(String),
    /// There are so many already. Revoke some.
    #[error("there are {} already: revoke some first", limits::PEERS)]
    TooMany,
    /// The relay does not say where it is reached: none runs, or none ever did. Start it, or give an address.
    #[error("no relay runs with this folder: start it, or give the address that devices reach it at")]
    NoAddress,
    /// Pairing over an unencrypted network would give the device's key to whoever listens. Give the relay TLS
    /// (`--tls self`).
    #[error(
        "{0} is not encrypted: pairing would show the device's key to the network; start the relay with --tls self"
    )]
    NotEncrypted(String),
}

impl From<getrandom::Error> for KeysError {
    fn from(_: getrandom::Error) -> Self {
        Self::NoRandomness
    }
}

/// The database, shared by whoever runs in this process. Each use is short.
#[derive(Clone, Debug)]
pub(crate) struct Database(Arc<Mutex<Connection>>);

impl Database {
    /// The file in `folder`, which is made when `make` says so.
    pub(crate) fn open(folder: &Path, make: bool) -> Result<Self, KeysError> {
        let path = folder.join(FILE);
        if !make && !path.exists() {
            return Err(KeysError::NoRelay { folder: folder.to_owned() });
        }
        private(&path).map_err(|error| KeysError::Io { path: path.clone(), error })?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Self::ready(Connection::open_with_flags(&path, flags)?)
    }

    /// For as long as the process lives.
    pub(crate) fn in_memory() -> Result<Self, KeysError> {
        Self::ready(Connection::open_in_memory()?)
    }

    fn ready(mut connection: Connection) -> Result<Self, KeysError> {
        connection.busy_timeout(limits::BUSY)?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        // A revocation that was answered holds, whatever happens to the power.
        connection.pragma_update(None, "synchronous", "full")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        // Codes and hashes that are gone leave nothing in the file.
        connection.pragma_update(None, "secure_delete", true)?;
        connection.pragma_update(None, "trusted_schema", false)?;
        migrate(&mut connection)?;
        Ok(Self(Arc::new(Mutex::new(connection))))
    }

    /// Reads.
    pub(crate) fn read<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, KeysError>,
    ) -> Result<T, KeysError> {
        read(&self.lock())
    }

    /// Does `change` whole, or not at all.
    pub(crate) fn change<T>(
        &self,
        change: impl FnOnce(&Transaction<'_>) -> Result<T, KeysError>,
    ) -> Result<T, KeysError> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done = change(&transaction)?;
        transaction.commit()?;
        Ok(done)
    }

    /// Leaves nothing of what was overwritten, codes above all, in the log beside the file.
    pub(crate) fn scrub(&self) -> Result<(), KeysError> {
        // Where another process reads at this moment, its next change does it.
        Ok(self.lock().query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?)
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        // A transaction that panicked was rolled back.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn migrate(connection: &mut Connection) -> Result<(), KeysError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let (found, known): (u32, u32) =
        (transaction.pragma_query_value(None, "user_version", |row| row.get(0))?, MIGRATIONS.len() as u32);
    let Some(wanted) = MIGRATIONS.get(found as usize..) else {
        return Err(KeysError::Newer { found, known });
    };
    for migration in wanted {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "user_version", known)?;
    transaction.commit()?;
    Ok(())
}

/// Makes the file if need be, for its owner alone.
fn private(path: &Path) -> io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
        let file = options.mode(0o600).open(path)?;
        file.set_permissions(std::fs::Permissions::from_mode(0o600))
    }
    #[cfg(not(unix))]
    options.open(path).map(drop)
}

/// Milliseconds since the Unix epoch.
pub(crate) fn now_ms() -> i64 {
    let now = millis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default());
    #[cfg(test)]
    let now = now + clock::AHEAD.get();
    now
}

/// Time passes as a test says, on its own thread.
#[cfg(test)]
pub(crate) mod clock {
    use std::cell::Cell;
    use std::time::Duration;

    thread_local! {
        pub(super) static AHEAD: Cell<i64> = const { Cell::new(0) };
    }

    pub(crate) fn pass(time: Duration) {
        AHEAD.set(AHEAD.get() + super::millis(time));
    }
}

pub(crate) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn the_file_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), "").unwrap();
        let _database = Database::open(folder.path(), false).unwrap();
        for file in std::fs::read_dir(folder.path()).unwrap() {
            let file = file.unwrap();
            let mode = file.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{:?}", file.file_name());
        }
    }

    #[test]
    fn a_newer_file_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let newer = MIGRATIONS.len() as u32 + 1;
        let database = Database::open(folder.path(), true).unwrap();
        database.read(|connection| Ok(connection.pragma_update(None, "user_version", newer)?)).unwrap();
        drop(database);
        let refused = Database::open(folder.path(), true).unwrap_err();
        assert!(matches!(refused, KeysError::Newer { found, .. } if found == newer), "{refused}");
        let version = Connection::open(folder.path().join(FILE)).unwrap();
        assert_eq!(
            version.pragma_query_value(None, "user_version", |row| row.get::<_, u32>(0)).unwrap(),
            newer
        );
    }

    #[test]
    fn a_folder_that_no_relay_had_is_said_and_a_damaged_file_too() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(Database::open(folder.path(), false), Err(KeysError::NoRelay { .. })));
        std::fs::write(folder.path().join(FILE), "no database ".repeat(1_000)).unwrap();
        assert!(matches!(Database::open(folder.path(), true), Err(KeysError::Database(_))));
    }
}
