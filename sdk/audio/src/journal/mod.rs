//! Recordings on disk: what was heard survives the process.
//!
//! A [`JournalStore`] is a folder of recordings. A [`Journal`] writes one, and nothing it was given is lost when the
//! program is killed. The next start finds every [`Recording`] there is. A [`Recorder`] is the usual writer: it takes a
//! [`Source`](crate::Source), and writes each frame before anybody else gets it.
//!
//! ```
//! use std::time::Instant;
//! use glasslink_audio::journal::{Found, JournalStore, Recorder, SessionInfo, StreamInfo};
//! use glasslink_audio::{Lc3Source, Pace, SampleSource, Source};
//! use glasslink_protocol::{SessionId, StreamId};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::TempDir::new()?;
//! let store = JournalStore::open(folder.path().join("recordings"))?;
//! let session = SessionInfo { session: SessionId(42), continues: None, program: "example 1.0".into() };
//! let journal = store.create(&session, Instant::now())?;
//!
//! let second = SampleSource::new(vec![0; 16_000], 16_000, Pace::UNPACED)?;
//! let source = Lc3Source::new(second, 20)?;
//! let stream = StreamInfo { format: source.format(), continues: None, label: "Silence".into() };
//! let recorder = Recorder::new(source, journal.clone(), StreamId(1), &stream, 0)?;
//! // Nobody takes the frames here; a link would.
//! let (end, result) = recorder.run(&mut ()).await;
//! result?;
//! drop(journal);
//!
//! for found in store.recordings()? {
//!     let Found::Recording(recording) = found else { continue };
//!     assert_eq!(recording.streams()?[0].end, Some(end));
//!     assert!(recording.gaps(StreamId(1))?.is_empty());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! With the feature `encryption` a store seals what it writes (`JournalStore::sealed_with`), with a key of the system's
//! keyring or of any other `KeyStore`.
//!
//! [`log`] is the layer of records below, for other stores; [`disk`] is the file system, which tests make fail.

pub mod disk;
#[cfg(feature = "encryption")]
mod keys;
pub mod log;
mod pause;
mod recorder;
mod recording;

#[cfg(feature = "keyring")]
pub use keys::SystemKeyring;
#[cfg(feature = "encryption")]
pub use keys::{KeyStore, KeyStoreError};
pub use recorder::{FrameSink, PcmTee, Recorder, RecorderControl};
pub use recording::{
    DiskCause, Found, FullQuality, Journal, JournalError, JournalState, JournalStore, Marker, Piece,
    RecordedEvent, RecordedRun, RecordedStream, Recording, RecordingError, SessionInfo, Stored, StreamInfo,
    WriteError,
};
