//! The audio of a recording: as samples, as frames, and as files.

mod cursor;
mod export;
mod import;
mod recorded;
mod source;
mod track;

pub use export::{AudioFormat, ExportError, ExportedAudio, UnknownAudioFormat};
pub use import::{ImportError, ImportOptions, Imported};
pub use recorded::RecordedAudio;
pub use source::RecordedSource;
