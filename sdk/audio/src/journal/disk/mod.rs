//! The file system, behind a trait, so that tests can make it fail.

mod memory;
mod os;
mod traits;

pub use memory::MemoryDisk;
pub use os::OsDisk;
pub use traits::{Disk, DiskFile, DiskLock, FileSystem};
