//! The LC3 codec of Bluetooth LE Audio.
//!
//! Speech and music at 8, 16, 24, 32, 44.1 and 48 kHz, in frames of 7.5 or 10 ms and of 20 to 400 bytes, which
//! make the bit rate. A lost or damaged frame is concealed, and said to be.
//!
//! ```
//! use glasslink_lc3::{Decoded, Decoder, Encoder, FrameDuration};
//!
//! let mut encoder = Encoder::new(16_000, FrameDuration::Ms10)?;
//! let mut decoder = Decoder::new(16_000, FrameDuration::Ms10)?;
//! let pcm: Vec<i16> = (0..160).map(|i| if i % 32 < 16 { 8000 } else { -8000 }).collect();
//! let mut heard = vec![0; decoder.frame_samples()];
//!
//! let mut frame = [0; 40]; // 32 kbit/s
//! encoder.encode(&pcm, &mut frame)?;
//! assert_eq!(decoder.decode(Some(&frame), &mut heard)?, Decoded::Ok);
//! // The next frame never came.
//! assert_eq!(decoder.decode(None, &mut heard)?, Decoded::Concealed);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Both are `Send` and `Clone`, own their state, work without `std`, and allocate nothing from frame to frame.

#![cfg_attr(not(test), no_std)]
#![warn(missing_docs)]
// The letters of the specification's formulas, and its constants to all their digits.
#![allow(clippy::many_single_char_names, clippy::excessive_precision)]

#[cfg(feature = "alloc")]
extern crate alloc;
// Unit tests share what the tests outside use, which knows this crate by its name.
#[cfg(test)]
extern crate self as glasslink_lc3;
#[cfg(test)]
#[path = "../tests/support/mod.rs"]
mod support;

mod attack;
mod bandwidth;
mod bitstream;
mod concealment;
mod decoder;
mod encoder;
mod format;
mod lanes;
mod math;
mod mdct;
mod pcm;
mod postfilter;
mod shaping;
mod spectrum;
mod tables;
mod tns;

#[cfg(feature = "alloc")]
pub use decoder::Decoder;
pub use decoder::{DecodeError, Decoded, DecoderIn};
pub use encoder::{EncodeError, Encoder};
pub use format::{ConfigError, FrameDuration, MAX_FRAME_BYTES, MIN_FRAME_BYTES, frame_bytes};
pub use pcm::{Channel, Sample};

/// Its example is tested like those above.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
