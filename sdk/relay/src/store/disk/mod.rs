//! Sessions in files: they survive the process.

mod data_dir;
mod records;
mod restore;
mod session_log;
mod store;
mod stream;

pub(crate) use data_dir::DataDir;
pub use data_dir::DataError;
pub(crate) use restore::Restored;
pub(crate) use store::DiskStore;
