//! Where frames come from.

mod file;

mod pace;
mod samples;
mod source_trait;

pub use file::FileSource;

pub use pace::{InvalidSpeed, Pace};
pub use samples::SampleSource;
pub use source_trait::{Captured, NextFrame, Source, SourceError, SourceExt};

pub(crate) use pace::Pacer;
