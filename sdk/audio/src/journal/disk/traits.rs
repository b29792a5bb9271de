use std::any::Any;
use std::ffi::OsString;
use std::fmt::Debug;
use std::io;
use std::path::Path;

/// What the journal needs of a file system.
pub trait Disk: Debug + Send + Sync {
    /// Makes a folder that only its owner may enter, with those above it. Nothing happens if it is there.
    fn create_dir(&self, dir: &Path) -> io::Result<()>;

    /// Names of the files and folders in `dir`.
    fn list(&self, dir: &Path) -> io::Result<Vec<OsString>>;

    /// Makes a file that only its owner may read, open for appending; an error if it is there.
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;

    /// Opens a file to read it, and with `repair` to cut it.
    fn open(&self, path: &Path, repair: bool) -> io::Result<Box<dyn DiskFile>>;

    fn remove_file(&self, path: &Path) -> io::Result<()>;

    /// Removes an empty folder.
    fn remove_dir(&self, dir: &Path) -> io::Result<()>;

    /// Makes the names in `dir` durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;

    /// Holds `path` against other processes until the lock is dropped; `None` if another holds it. The operating
    /// system lets go of it when a process dies, however it dies.
    fn lock(&self, path: &Path) -> io::Result<Option<DiskLock>>;

    /// The file system that `dir` is on, where it can be made durable as a whole and tells whether that worked.
    fn file_system(&self, dir: &Path) -> Option<Box<dyn FileSystem>>;
}

/// All files of a disk at once.
pub trait FileSystem: Debug + Send + Sync {
    /// Makes durable what was written to any of them, names included.
    fn sync(&self) -> io::Result<()>;
}

/// An open file. Used from several threads.
pub trait DiskFile: Debug + Send + Sync {
    /// Writes at the end; may write less, as `write` does.
    fn append(&self, bytes: &[u8]) -> io::Result<usize>;

    /// Reads at `offset`; 0 bytes are the end.
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize>;

    /// Length in bytes.
    fn size(&self) -> io::Result<u64>;

    fn truncate(&self, size: u64) -> io::Result<()>;

    /// Makes what was written durable.
    fn sync(&self) -> io::Result<()>;

    /// Whether `path` still leads to this file: it was not deleted, and nothing was mounted over it.
    fn is_at(&self, path: &Path) -> bool;
}

/// Held while it lives.
pub type DiskLock = Box<dyn Any + Send + Sync>;
