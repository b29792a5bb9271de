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
use crate::store::disk::restore::{identify, restore};
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
        let syncer = Syncer::start_for_many(&*disk, root).map_err(failed(root))?;
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

    /// The files of a session that is over, to be gone on with, and the name of their folder.
    pub(crate) fn archived_session(
        self: &Arc<Self>,
        session: SessionId,
        epoch: Epoch,
    ) -> Option<(String, Restored)> {
        self.archives_of(session).into_iter().find_map(|path| {
            let (found, _) = identify(&self.disk, &path)?;
            if found != epoch {
                return None;
            }
            match restore(self, session, &path) {
                Ok(restored) => Some((path.file_name()?.to_str()?.to_owned(), restored)),
                Err(error) => {
                    warn!(path = %path.display(), %error, "an archived session cannot be read");
                    None
                }
            }
        })
    }

    /// The lives of a session that are over, and whose they were.
    pub(crate) fn archived_lives(&self, session: SessionId) -> Vec<(Epoch, String)> {
        self.archives_of(session).iter().filter_map(|path| identify(&self.disk, path)).collect()
    }

    fn archives_of(&self, session: SessionId) -> Vec<PathBuf> {
        let ours = self.archived().into_iter().filter(|(_, id)| *id == session);
        ours.map(|(name, _)| self.folder(session, Some(&name))).collect()
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

    pub(crate) fn root(&self) -> &Path {
        &self.root
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
    pub(super) fn archive(&self, dir: &Path) -> Option<String> {
        let archived = self.put_away(dir, "archive");
        if self.archive_keep.is_zero() {
            if let Some(name) = archived {
                self.erase("archive", &name);
            }
            return None;
        }
        archived
    }

    /// Its new name.
    fn put_away(&self, dir: &Path, folder: &str) -> Option<String> {
        let name = dir.file_name().unwrap_or_default().to_string_lossy();
        let at = unix_micros();
        let name = format!("{at}-{name}");
        let to = self.root.join(folder).join(&name);
        match fs::rename(dir, &to) {
            Ok(()) => {
                // The rest of its name is the session's, which may still be a credential.
                info!(folder, at, "session put away");
                return Some(name);
            }
            // A session that never wrote anything has no files.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => error!(path = %dir.display(), %error, "a session's files cannot be moved"),
        }
        None
    }

    /// Removes what was put away too long ago.
    pub(crate) fn forget_old(&self) {
        let now = Duration::from_micros(unix_micros());
        for folder in ["archive", "damaged"] {
            for name in self.names(folder) {
                let put_away = name.split_once('-').and_then(|(at, _)| at.parse().ok());
                let age = put_away.map(|at| now.saturating_sub(Duration::from_micros(at)));
                if age.is_some_and(|age| age >= self.archive_keep) {
                    self.erase(folder, &name);
                }
            }
        }
        // What a relay that died had begun to erase.
        for name in self.names("deleting") {
            let _ = fs::remove_dir_all(self.root.join("deleting").join(name));
        }
    }

    /// The sessions that are over: the name of the folder in `archive`, and whose it is.
    pub(crate) fn archived(&self) -> Vec<(String, SessionId)> {
        let names = self.names("archive").into_iter();
        names.filter_map(|name| name.split_once('-')?.1.parse().ok().map(|id| (name.clone(), id))).collect()
    }

    /// The sessions that have files as those have that are alive.
    pub(crate) fn alive(&self) -> Vec<SessionId> {
        self.names("sessions").iter().filter_map(|name| name.parse().ok()).collect()
    }

    /// Goes on with a session whose files are there, as at the start of a relay.
    pub(crate) fn revive(self: &Arc<Self>, session: SessionId) -> Option<Restored> {
        let path = self.root.join("sessions").join(session.to_string());
        if !path.exists() {
            return None;
        }
        match restore(self, session, &path) {
            Ok(restored) => Some(restored),
            Err(error) => {
                error!(path = %path.display(), %error, "a session is lost to its client, and moved to `damaged`");
                self.put_away(&path, "damaged");
                None
            }
        }
    }

    /// Where a session's files are: in `archive` under this name, or with those that are alive.
    pub(crate) fn folder(&self, session: SessionId, archived: Option<&str>) -> PathBuf {
        match archived {
            Some(name) => self.root.join("archive").join(name),
            None => self.root.join("sessions").join(session.to_string()),
        }
    }

    /// Nothing stays of a session that is over, nor of it or any database among what is damaged.
    pub(crate) fn erase_session(&self, session: SessionId, archived: &[String]) {
        for name in archived {
            self.erase("archive", name);
        }
        let (suffix, database) = (format!("-{session}"), "-relay.db");
        for name in self.names("damaged") {
            if name.ends_with(&suffix) || name.contains(database) {
                self.erase("damaged", &name);
            }
        }
    }

    /// Removes a file or folder for good: at once it is out of sight, and a relay that dies meanwhile is followed by one
    /// that goes on with it.
    fn erase(&self, folder: &str, name: &str) {
        let (path, deleting) = (self.root.join(folder).join(name), self.root.join("deleting"));
        let out_of_sight = deleting.join(format!("{}-{name}", unix_micros()));
        let erased =
            fs::create_dir_all(&deleting).and_then(|()| fs::rename(&path, &out_of_sight)).and_then(|()| {
                if out_of_sight.is_dir() {
                    fs::remove_dir_all(&out_of_sight)
                } else {
                    fs::remove_file(&out_of_sight)
                }
            });
        if let Err(error) = erased
            && error.kind() != io::ErrorKind::NotFound
        {
            warn!(path = %path.display(), %error, "cannot be removed");
        }
    }

    fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.root.join(folder)).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
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
