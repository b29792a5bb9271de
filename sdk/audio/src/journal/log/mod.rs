//! Numbered, checksummed records in append-only segment files: what a journal is made of, whatever it means.
//!
//! A log is a folder. A [`LogWriter`] appends [`Record`]s to it, a [`Log`] reads them, also while they are written.
//! A record has a kind, and covers the range `from..to` of a lane: frames of a stream, events of an epoch. What the
//! kinds and lanes mean is the owner's business; how their numbers are used is not:
//!
//! | kinds | are | found by |
//! |---|---|---|
//! | 1 to 63 | bulk, in order in their lane | their range ([`Log::bulk`]) |
//! | 64 to 127 | control | going through all of them ([`Log::control`]) |
//! | 128 to 191 | sticky: the last one of each kind and lane counts, and is repeated at the head of every segment | [`Log::sticky`] |
//!
//! `JOURNAL.md` beside the crate is the format.

mod format;
mod index;
mod reader;
mod scan;
mod seal;
mod segment;
mod sync;
mod writer;

pub use format::{LogId, MAX_PAYLOAD_BYTES, Record, SEALED_VERSION, StickyRecord, StickyRecords, VERSION};
pub use reader::{Damage, Log, LogError};
#[cfg(feature = "encryption")]
pub use seal::RecordingKey;
#[cfg(not(feature = "encryption"))]
pub(super) use seal::RecordingKey;
pub use sync::Syncer;
pub use writer::{AppendError, LogLimits, LogWriter};
