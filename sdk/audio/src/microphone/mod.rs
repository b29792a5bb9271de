//! Microphones, and what the computer plays.
//!
//! A [`Microphone`] is a [`Source`](crate::Source): record it, or attach it to a link.
//!
//! ```no_run
//! use glasslink_audio::microphone::{DeviceChoice, Microphone, input_devices};
//! use glasslink_audio::{Lc3Source, Source};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! for device in input_devices().await? {
//!     println!("{}: {}", device.id, device.name);
//! }
//! let microphone = Microphone::open(DeviceChoice::default(), 16_000).await?;
//! let control = microphone.control();
//! println!("{}", control.state().words());
//! let source = Lc3Source::new(microphone, 20)?;
//! # Ok(())
//! # }
//! ```
//!
//! Nothing here waits for a device on the caller's thread: a thread of its own opens it, within 5 s. What the sound
//! system calls writes to a ring without locks and allocates nothing. A device that fails, goes away, stops or gives
//! nothing but zeros is a [`MicrophoneState`] with words and a remedy; what is chosen is taken up again when it is back,
//! and after 1 s the default device takes its place. Tries are bounded: three, 30 s apart.
//!
//! Other sound systems, and tests, implement [`InputHost`].

mod budget;
mod capture;
mod clock;
mod defaults;
mod device;
mod framer;
mod host;
mod list;
mod platform;
mod port;
mod source;
mod state;
mod supervisor;
#[cfg(test)]
mod tests;

pub use capture::{CaptureSink, ErrorSink};
pub use device::{DeviceChoice, DeviceId, InputDevice, InputKind};
pub use host::{DeviceCause, HostError, InputHost, NativeFormat, OpenDevice};
pub use list::input_devices;
pub use source::{Microphone, MicrophoneControl};
pub use state::{MicrophoneState, MicrophoneStats, OpenMicrophoneError};
