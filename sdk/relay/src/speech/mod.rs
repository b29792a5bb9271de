//! From a stream's frames to its text.

mod breaker;
mod decoder;
mod engines;
mod monitor;
mod status;
mod timeline;
mod transcription;

pub(crate) use decoder::StreamDecoder;
pub(crate) use engines::{EngineView, Speech, Wants};
pub(crate) use status::EngineStatus;
pub(crate) use timeline::Timeline;
pub(crate) use transcription::{Fed, Heard, Said, Transcription, is_concealed};
