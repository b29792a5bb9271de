//! Frames, sources, resampling and levels.
//!
//! A [`Source`] yields the codec frames of one stream: from a file ([`FileSource`]) or from memory ([`SampleSource`]).
//!
//! ```
//! use glasslink_audio::{Captured, Pace, SampleSource, SourceExt};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut source = SampleSource::new(vec![0; 16_000], 16_000, Pace::times(100.0)?)?;
//! let (mut frame, mut frames) = (Vec::new(), 0);
//! while let Some(captured) = source.next(&mut frame).await? {
//!     match captured {
//!         Captured::Frame { .. } => frames += 1,
//!         Captured::Gap { frames, cause } => println!("{frames} frames: {}", cause.words()),
//!     }
//! }
//! assert_eq!(frames, 100);
//! # Ok(())
//! # }
//! ```

mod file;
mod level;
mod resample;
mod source;

pub use file::{AudioFile, FileError};
pub use level::{Level, LevelMeter};
pub use resample::{ResampleError, Resampler};
pub use source::{
    Captured, FileSource, InvalidSpeed, NextFrame, Pace, SampleSource, Source, SourceError, SourceExt,
};
