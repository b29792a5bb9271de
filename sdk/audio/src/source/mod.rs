//! Where frames come from.

mod file;
mod lc3;
mod pace;
mod pushed;
mod resampled;
mod samples;
mod source_trait;
mod speech;

pub use file::FileSource;
pub use lc3::{Lc3Source, Lc3SourceError};
pub use pace::{InvalidSpeed, Pace};
pub use pushed::{PushedError, PushedSource, Pusher};
pub use resampled::{Resampled, ResampledError};
pub use samples::SampleSource;
pub use source_trait::{Captured, NextFrame, Source, SourceError, SourceExt};
pub use speech::{SPEECH_RATE, SpeechError, speech};

pub(crate) use pace::Pacer;
