//! Audio files: WAV, FLAC, MP3 and Ogg Vorbis.

mod error;
mod reader;

pub use error::FileError;
pub use reader::AudioFile;
