use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::Path;

use super::{Disk, DiskFile, DiskLock, FileSystem};

/// The operating system's file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsDisk;

impl Disk for OsDisk {
    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(dir)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<OsString>> {
        fs::read_dir(dir)?.map(|entry| entry.map(|entry| entry.file_name())).collect()
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let file = private(OpenOptions::new().read(true).append(true).create_new(true)).open(path)?;
        Ok(Box::new(OsFile(file)))
    }

    fn open(&self, path: &Path, repair: bool) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(OsFile(OpenOptions::new().read(true).write(repair).open(path)?)))
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_dir(&self, dir: &Path) -> io::Result<()> {
        fs::remove_dir(dir)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        // Windows has names durable with their files, and opens no folders.
        if cfg!(unix) { File::open(dir)?.sync_all() } else { Ok(()) }
    }

    fn lock(&self, path: &Path) -> io::Result<Option<DiskLock>> {
        let file = private(OpenOptions::new().write(true).create(true).truncate(false)).open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Box::new(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn file_system(&self, dir: &Path) -> Option<Box<dyn FileSystem>> {
        #[cfg(target_os = "linux")]
        return OsFileSystem::of(dir).map(|system| Box::new(system) as Box<dyn FileSystem>);
        #[cfg(not(target_os = "linux"))]
        {
            let _ = dir;
            None
        }
    }
}

/// A folder of it: errors are told that came since it was opened.
#[cfg(target_os = "linux")]
#[derive(Debug)]
struct OsFileSystem(File);

#[cfg(target_os = "linux")]
impl OsFileSystem {
    fn of(dir: &Path) -> Option<Self> {
        // Linux tells since 5.8 whether `syncfs` wrote everything.
        let release = fs::read_to_string("/proc/sys/kernel/osrelease").ok()?;
        let mut numbers = release.split('.').map(|number| number.parse::<u32>().unwrap_or(0));
        let version = (numbers.next()?, numbers.next()?);
        if version < (5, 8) { None } else { File::open(dir).ok().map(Self) }
    }
}

#[cfg(target_os = "linux")]
impl FileSystem for OsFileSystem {
    fn sync(&self) -> io::Result<()> {
        Ok(rustix::fs::syncfs(&self.0)?)
    }
}

fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

#[derive(Debug)]
struct OsFile(File);

impl DiskFile for OsFile {
    fn append(&self, bytes: &[u8]) -> io::Result<usize> {
        (&self.0).write(bytes)
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        #[cfg(unix)]
        return std::os::unix::fs::FileExt::read_at(&self.0, into, offset);
        #[cfg(windows)]
        return std::os::windows::fs::FileExt::seek_read(&self.0, into, offset);
    }

    fn size(&self) -> io::Result<u64> {
        self.0.metadata().map(|metadata| metadata.len())
    }

    fn truncate(&self, size: u64) -> io::Result<()> {
        self.0.set_len(size)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn is_at(&self, path: &Path) -> bool {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            let identity = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
            let here = self.0.metadata().map(identity);
            let there = fs::metadata(path).map(identity);
            matches!((here, there), (Ok(here), Ok(there)) if here == there)
        }
        // An open file cannot be deleted there.
        #[cfg(not(unix))]
        path.exists()
    }
}
