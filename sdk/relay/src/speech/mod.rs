//! From a stream's frames to its text.

mod decoder;
mod monitor;
mod timeline;
mod transcription;

pub(crate) use decoder::StreamDecoder;
pub(crate) use monitor::{EngineStatus, Speech};
pub(crate) use timeline::Timeline;
pub(crate) use transcription::{Fed, Heard, Said, Transcription, is_concealed};
