use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why an audio file was not read, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Not there, or not allowed: the cause says which.
    #[error("{} cannot be opened ({cause}): check the name and its permissions", path.display())]
    Open { path: PathBuf, cause: io::Error },
    /// No bytes, or a header and no audio: record or copy it again.
    #[error("{} has no audio in it: record or copy it again", path.display())]
    Empty { path: PathBuf },
    /// Another kind of file, or a damaged beginning.
    #[error("{} is not a WAV, FLAC, MP3 or Ogg Vorbis file ({problem}): convert it to one, with ffmpeg for example", path.display())]
    NotAudio { path: PathBuf, problem: String },
    /// The disk or network drive failed. What could be read, up to `at`, was.
    #[error("{} could not be read beyond {:.1} s ({cause}): check the disk it is on", path.display(), at.as_secs_f64())]
    Read { path: PathBuf, at: Duration, cause: io::Error },
    /// The file ends before its header says. What there is, up to `at`, was read.
    #[error("{} ends early, after {:.1} s: copy or download it again", path.display(), at.as_secs_f64())]
    Truncated { path: PathBuf, at: Duration },
    /// Parts could not be decoded; silence of the same length stands for them, the first at `at`.
    #[error("{} is damaged from {:.1} s on, and {:.1} s of it are silence: copy or download it again", path.display(), at.as_secs_f64(), missing.as_secs_f64())]
    Damaged { path: PathBuf, at: Duration, missing: Duration },
}
