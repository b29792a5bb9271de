//! The audio of a recording: as samples, as frames, and as files.

mod cursor;
mod export;
mod flac;
mod import;
mod recorded;
mod source;
mod track;
mod wav;

pub use export::{AudioFormat, ExportError, ExportedAudio, UnknownAudioFormat};
pub use import::{ImportError, ImportOptions, Imported};
pub use recorded::RecordedAudio;
pub use source::RecordedSource;
