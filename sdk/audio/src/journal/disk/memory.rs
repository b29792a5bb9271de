use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Disk, DiskFile, DiskLock, FileSystem};

/// A disk in memory that can be made to fail, for tests.
#[derive(Clone, Debug, Default)]
pub struct MemoryDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<PathBuf, Arc<Mutex<Content>>>,
    dirs: BTreeSet<PathBuf>,
    locked: BTreeSet<PathBuf>,
    /// Bytes that all files together may have.
    capacity: Option<usize>,
    refuse: Option<io::ErrorKind>,
    refuse_sync: Option<io::ErrorKind>,
    /// Bytes an append takes at most at a time.
    short_writes: Option<usize>,
    whole_syncs: u64,
}

#[derive(Debug, Default)]
struct Content {
    bytes: Vec<u8>,
    durable: usize,
}

impl MemoryDisk {
    pub fn new() -> Self {
        Self::default()
    }

    /// Full at `bytes` from now on; `None`: never. The write that reaches it is cut short.
    pub fn set_capacity(&self, bytes: Option<usize>) {
        self.lock_state().capacity = bytes;
    }

    /// Creating and appending fail with this; `None`: they work again.
    pub fn refuse(&self, kind: Option<io::ErrorKind>) {
        self.lock_state().refuse = kind;
    }

    /// Making things durable fails with this, and loses what was not.
    pub fn refuse_sync(&self, kind: Option<io::ErrorKind>) {
        self.lock_state().refuse_sync = kind;
    }

    /// No append takes more than `bytes` at once.
    pub fn set_short_writes(&self, bytes: Option<usize>) {
        self.lock_state().short_writes = bytes;
    }

    /// A power cut: of what was not durable, each file keeps as many bytes as `keep` says, given how many there were.
    /// Locks are gone.
    pub fn power_cut(&self, mut keep: impl FnMut(usize) -> usize) {
        let mut state = self.lock_state();
        state.locked.clear();
        for content in state.files.values() {
            let mut content = lock(content);
            let unsure = content.bytes.len() - content.durable;
            let size = content.durable + keep(unsure).min(unsure);
            content.bytes.truncate(size);
            content.durable = size;
        }
    }

    /// The program was killed: the disk keeps everything, locks are gone.
    pub fn kill(&self) {
        self.lock_state().locked.clear();
    }

    /// Deletes a folder and all that is in it, under the hands of whoever writes there.
    pub fn delete(&self, dir: &Path) {
        let mut state = self.lock_state();
        state.files.retain(|path, _| !path.starts_with(dir));
        state.dirs.retain(|path| !path.starts_with(dir));
        state.locked.retain(|path| !path.starts_with(dir));
    }

    /// Changes the bytes of a file, as damage does.
    pub fn change(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        if let Some(content) = self.lock_state().files.get(path) {
            change(&mut lock(content).bytes);
        }
    }

    /// Bytes of a file that a power cut leaves.
    pub fn durable(&self, path: &Path) -> Option<usize> {
        self.lock_state().files.get(path).map(|content| lock(content).durable)
    }

    /// How often all files were made durable at one go.
    pub fn whole_syncs(&self) -> u64 {
        self.lock_state().whole_syncs
    }

    /// Every file and its size.
    pub fn files(&self) -> Vec<(PathBuf, usize)> {
        let state = self.lock_state();
        state.files.iter().map(|(path, content)| (path.clone(), lock(content).bytes.len())).collect()
    }

    fn lock_state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl Disk for MemoryDisk {
    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.lock_state();
        if let Some(kind) = state.refuse {
            return Err(kind.into());
        }
        state.dirs.extend(dir.ancestors().map(Path::to_owned));
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<OsString>> {
        let state = self.lock_state();
        if !state.dirs.contains(dir) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let paths = state.files.keys().chain(&state.dirs);
        Ok(paths
            .filter(|path| path.parent() == Some(dir))
            .filter_map(|path| path.file_name())
            .map(Into::into)
            .collect())
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.lock_state();
        if let Some(kind) = state.refuse {
            return Err(kind.into());
        }
        if !path.parent().is_some_and(|dir| state.dirs.contains(dir)) {
            return Err(io::ErrorKind::NotFound.into());
        }
        if state.files.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let content = Arc::<Mutex<Content>>::default();
        state.files.insert(path.to_owned(), Arc::clone(&content));
        Ok(Box::new(MemoryFile { disk: self.clone(), content }))
    }

    fn open(&self, path: &Path, _repair: bool) -> io::Result<Box<dyn DiskFile>> {
        let content = self.lock_state().files.get(path).cloned().ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(MemoryFile { disk: self.clone(), content }))
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.lock_state().files.remove(path).map(|_| ()).ok_or(io::ErrorKind::NotFound.into())
    }

    fn remove_dir(&self, dir: &Path) -> io::Result<()> {
        if !self.list(dir)?.is_empty() {
            return Err(io::ErrorKind::DirectoryNotEmpty.into());
        }
        self.lock_state().dirs.remove(dir);
        Ok(())
    }

    fn sync_dir(&self, _dir: &Path) -> io::Result<()> {
        Ok(())
    }

    fn lock(&self, path: &Path) -> io::Result<Option<DiskLock>> {
        let free = self.lock_state().locked.insert(path.to_owned());
        Ok(free.then(|| Box::new(MemoryLock { disk: self.clone(), path: path.to_owned() }) as DiskLock))
    }

    fn file_system(&self, _dir: &Path) -> Option<Box<dyn FileSystem>> {
        Some(Box::new(self.clone()))
    }
}

impl FileSystem for MemoryDisk {
    fn sync(&self) -> io::Result<()> {
        let mut state = self.lock_state();
        state.whole_syncs += 1;
        if let Some(kind) = state.refuse_sync {
            return Err(kind.into());
        }
        for content in state.files.values() {
            let mut content = lock(content);
            content.durable = content.bytes.len();
        }
        Ok(())
    }
}

#[derive(Debug)]
struct MemoryFile {
    disk: MemoryDisk,
    content: Arc<Mutex<Content>>,
}

impl DiskFile for MemoryFile {
    fn append(&self, bytes: &[u8]) -> io::Result<usize> {
        let state = self.disk.lock_state();
        if let Some(kind) = state.refuse {
            return Err(kind.into());
        }
        let used: usize = state.files.values().map(|content| lock(content).bytes.len()).sum();
        let room = state.capacity.map_or(usize::MAX, |capacity| capacity.saturating_sub(used));
        let taken = bytes.len().min(room).min(state.short_writes.unwrap_or(usize::MAX));
        if taken == 0 && !bytes.is_empty() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        lock(&self.content).bytes.extend(&bytes[..taken]);
        Ok(taken)
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let content = lock(&self.content);
        let rest =
            usize::try_from(offset).ok().and_then(|offset| content.bytes.get(offset..)).unwrap_or_default();
        let read = rest.len().min(into.len());
        into[..read].copy_from_slice(&rest[..read]);
        Ok(read)
    }

    fn size(&self) -> io::Result<u64> {
        Ok(lock(&self.content).bytes.len() as u64)
    }

    fn truncate(&self, size: u64) -> io::Result<()> {
        let mut content = lock(&self.content);
        content.bytes.truncate(size as usize);
        content.durable = content.durable.min(content.bytes.len());
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let refuse = self.disk.lock_state().refuse_sync;
        let mut content = lock(&self.content);
        if let Some(kind) = refuse {
            let durable = content.durable;
            content.bytes.truncate(durable);
            return Err(kind.into());
        }
        content.durable = content.bytes.len();
        Ok(())
    }

    fn is_at(&self, path: &Path) -> bool {
        self.disk.lock_state().files.get(path).is_some_and(|content| Arc::ptr_eq(content, &self.content))
    }
}

struct MemoryLock {
    disk: MemoryDisk,
    path: PathBuf,
}

impl Drop for MemoryLock {
    fn drop(&mut self) {
        self.disk.lock_state().locked.remove(&self.path);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
