//! The relay's certificate: from files or self-made, looked at again when the files change.

mod certificate;
mod expiry;
mod files;
mod own;

pub(crate) use certificate::Certificate;
pub use files::TlsError;
pub(crate) use files::TlsFiles;
pub(crate) use own::own;
