use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use glasslink_audio::journal::disk::{Disk, DiskLock, OsDisk};
use glasslink_audio::journal::log::{LogId, LogLimits, LogWriter, Syncer};
use glasslink_protocol::{Epoch, SessionId};
use tracing::{error, info, warn};

use crate::clock::unix_micros;
use crate::identity::Identity;
use crate::store::disk::records::CONTENT;
use crate::store::disk::restore::restore;
use crate::store::disk::{DiskStore, Restored};

/// The folder of a relay's sessions, in use by this relay alone.
///
/// `sessions` has a folder for each that is alive, `archive` those that are over, `damaged` those that could not be
/// read.
pub(crate) struct DataDir {
    root: PathBuf,
    disk: Arc<dyn Disk>,
    syncer: Syncer,
    archive_keep: Duration,
    same_boot: bool,
    troubled: Arc<AtomicUsize>,
    _lock: DiskLock,
}

/// Why the relay's data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// Two relays cannot share a folder. Stop the other one, or give this one a folder of its own.
    #[error("{} is in use by another relay: stop it, or choose another folder", path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// The folder cannot be made, read or written. Look at its permissions, and at the disk.
    #[error("sessions cannot be kept in {}: {error}", path.display())]
    Io {
        /// The folder or file.
        path: PathBuf,
        /// The system's word.
        error: io::Error,
    },
}

impl DataDir {
    pub(crate) fn open(root: &Path, archive_keep: Duration) -> Result<Arc<Self>, DataError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |error| DataError::Io { path, error }
        };
        let disk: Arc<dyn Disk> = Arc::new(OsDisk);
        for folder in ["sessions", "archive", "damaged"] {
            let path = root.join(folder);
            disk.create_dir(&path).map_err(failed(&path))?;
        }
        let lock = disk.lock(&root.join("lock")).map_err(failed(root))?;
        let lock = lock.ok_or_else(|| DataError::InUse { path: root.to_owned() })?;
        let same_boot = note_boot(root).map_err(failed(root))?;
        let syncer = Syncer::start().map_err(failed(root))?;
        let (root, troubled) = (root.to_owned(), Arc::default());
        let data = Self { root, disk, syncer, archive_keep, same_boot, troubled, _lock: lock };
        data.forget_old();
        Ok(Arc::new(data))
    }

    /// The sessions that are alive. What cannot be read is moved away, and told in the log.
    pub(crate) fn sessions(self: &Arc<Self>) -> Result<Vec<Restored>, DataError> {
        let folder = self.root.join("sessions");
        let names = self.disk.list(&folder).map_err(|error| DataError::Io { path: folder.clone(), error })?;
        let mut sessions = Vec::new();
        for name in names {
            let path = folder.join(&name);
            let Some(session) = name.to_str().and_then(|name| name.parse::<SessionId>().ok()) else {
                warn!(path = %path.display(), "not a session");
                continue;
            };
            match restore(self, session, &path) {
                Ok(restored) => sessions.push(restored),
                Err(error) => {
                    error!(path = %path.display(), %error, "a session is lost to its client, and moved to `damaged`");
                    self.put_away(&path, "damaged");
                }
            }
        }
        Ok(sessions)
    }

    /// Begins a session's files.
    pub(crate) fn create(
        self: &Arc<Self>,
        session: SessionId,
        identity: &Identity,
        epoch: Epoch,
    ) -> DiskStore {
        let dir = self.root.join("sessions").join(session.to_string());
        let id = LogId { content: CONTENT, id: session.0 };
        let writer =
            LogWriter::create(Arc::clone(&self.disk), dir.clone(), id, LogLimits::default(), &self.syncer);
        DiskStore::create(Arc::clone(self), dir, writer, identity, epoch)
    }

    /// How many sessions wait for the disk.
    pub(crate) fn waiting_for_disk(&self) -> usize {
        self.troubled.load(Ordering::Relaxed)
    }

    pub(super) fn troubled(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.troubled)
    }

    pub(super) fn disk(&self) -> Arc<dyn Disk> {
        Arc::clone(&self.disk)
    }

    pub(super) fn syncer(&self) -> &Syncer {
        &self.syncer
    }

    /// Whether the machine was not restarted since the last relay wrote here.
    pub(super) fn is_same_boot(&self) -> bool {
        self.same_boot
    }

    /// A session is over: its files are kept for a while, where no relay goes on with them.
    pub(super) fn archive(&self, dir: &Path) {
        if self.archive_keep.is_zero() {
            if let Err(error) = fs::remove_dir_all(dir) {
                warn!(path = %dir.display(), %error, "a session's files cannot be removed");
            }
        } else {
            self.put_away(dir, "archive");
        }
        self.forget_old();
    }

    fn put_away(&self, dir: &Path, folder: &str) {
        let name = dir.file_name().unwrap_or_default().to_string_lossy();
        let to = self.root.join(folder).join(format!("{}-{name}", unix_micros()));
        match fs::rename(dir, &to) {
            Ok(()) => info!(path = %to.display(), "session put away"),
            // A session that never wrote anything has no files.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => error!(path = %dir.display(), %error, "a session's files cannot be moved"),
        }
    }

    /// Removes what was archived too long ago.
    fn forget_old(&self) {
        let folder = self.root.join("archive");
        let now = Duration::from_micros(unix_micros());
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let put_away = name.to_str().and_then(|name| name.split_once('-')?.0.parse().ok());
            let old =
                put_away.is_some_and(|at| now.saturating_sub(Duration::from_micros(at)) > self.archive_keep);
            if old && let Err(error) = fs::remove_dir_all(entry.path()) {
                warn!(path = %entry.path().display(), %error, "an archived session cannot be removed");
            }
        }
    }
}

/// Writes down which boot of the machine this is; says whether it is the one that was written down before.
fn note_boot(root: &Path) -> io::Result<bool> {
    let path = root.join("boot");
    let this = boot_id();
    let before = fs::read_to_string(&path).unwrap_or_default();
    if this.as_deref() == Some(&*before) {
        return Ok(true);
    }
    let next = root.join("boot.next");
    fs::write(&next, this.as_deref().unwrap_or_default())?;
    fs::rename(&next, &path)?;
    Ok(false)
}

/// A word that is another after every restart of the machine; `None` where the system has none.
fn boot_id() -> Option<String> {
    #[cfg(target_os = "linux")]
    return fs::read_to_string("/proc/sys/kernel/random/boot_id").ok().map(|id| id.trim().to_owned());
    #[cfg(not(target_os = "linux"))]
    None
}
