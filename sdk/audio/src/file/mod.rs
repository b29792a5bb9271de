//! Audio files: WAV, FLAC, MP3 and Ogg Vorbis are read, FLAC and WAV written.

mod error;
mod flac;
mod reader;
mod wav;
mod wav_head;

pub use error::FileError;
pub use flac::FlacWriter;
pub use reader::AudioFile;
pub use wav_head::{MAX_WAV_SAMPLES, write_wav_head};
