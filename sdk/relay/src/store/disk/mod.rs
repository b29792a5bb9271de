//! Sessions in files: they survive the process.

mod contents;
mod data_dir;
mod records;
mod restore;
mod session_log;
mod store;
mod stream;

pub(crate) use contents::{contents, look};
pub(crate) use data_dir::DataDir;
pub use data_dir::DataError;
pub(crate) use records::FRAMES;
pub(crate) use restore::Restored;
pub(crate) use store::DiskStore;
