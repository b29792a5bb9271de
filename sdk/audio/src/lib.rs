//! Frames, sources, resampling, levels, and recordings on disk.
//!
//! A [`Source`] yields the codec frames of one stream: from a file ([`FileSource`]), from memory ([`SampleSource`]) or,
//! with the feature `microphone`, from a `microphone::Microphone`,
//! from either at another rate ([`Resampled`]) or encoded as LC3 ([`Lc3Source`]). A [`FrameDecoder`] turns frames back into samples.
//! An [`Unpacker`] reads audio as programs of other people send it. The [`journal`] keeps what was heard, whatever becomes
//! of the process.
//!
//! ```
//! use glasslink_audio::{Captured, Decoded, FrameDecoder, Lc3Source, Pace, SampleSource, Source, SourceExt};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let silence = SampleSource::new(vec![0; 16_000], 16_000, Pace::times(100.0)?)?;
//! let mut source = Lc3Source::new(silence, 20)?;
//! let mut decoder = FrameDecoder::new(source.format())?;
//!
//! let (mut frame, mut samples) = (Vec::new(), Vec::new());
//! while let Some(captured) = source.next(&mut frame).await? {
//!     match captured {
//!         Captured::Frame { .. } => assert_eq!(decoder.decode(Some(&frame), &mut samples), Decoded::Ok),
//!         Captured::Gap { frames, cause } => println!("{frames} frames: {}", cause.words()),
//!     }
//! }
//! assert_eq!(samples.len(), 16_000);
//! # Ok(())
//! # }
//! ```

mod clock;
mod decode;
mod file;
pub mod journal;
mod level;
#[cfg(feature = "microphone")]
pub mod microphone;
#[cfg(feature = "opus")]
mod opus;
mod resample;
mod source;
mod unpack;

pub use clock::clock_mark;
pub use decode::{Decoded, DecoderError, FrameDecoder};
pub use file::{AudioFile, FileError, FlacWriter, MAX_WAV_SAMPLES, write_wav_head};
pub use level::{Level, LevelMeter};
pub use resample::{ResampleError, Resampler};
pub use source::{
    Captured, FileSource, InvalidSpeed, Lc3Source, Lc3SourceError, NextFrame, Pace, PushedError,
    PushedSource, Pusher, Resampled, ResampledError, SPEECH_RATE, SampleSource, Source, SourceError,
    SourceExt, SpeechError, speech,
};
pub use unpack::{NotAudio, Packing, Unpacked, Unpacker, opus_packet_samples};
