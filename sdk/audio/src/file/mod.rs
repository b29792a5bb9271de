//! Audio files: WAV, FLAC, MP3 and Ogg Vorbis.

mod error;
mod reader;
mod wav;

pub use error::FileError;
pub use reader::AudioFile;
