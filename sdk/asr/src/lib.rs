//! Speech engines behind one trait.
//!
//! An [`Engine`] opens a [`Recognition`] for each stream. Push 16 kHz mono samples into it; partials and finals come
//! back as [`EngineEvent`]s, on threads of the engine's own. Nothing here blocks the caller.
//!
//! The embedded engine is [`Moonshine`]. Its model is not part of the crate: [`model::install`] fetches it once.
//! [`Deepgram`] and [`OpenAi`] send speech to a server that a [`Remote`] names.
//!
//! ```
//! use glasslink_asr::{Engine, EngineError, EngineEvent, Moonshine};
//!
//! let engine = Moonshine::default();
//! match engine.open(Box::new(|event| {
//!     if let EngineEvent::Final(said) = event {
//!         println!("{:>8} {}", said.from, said.text);
//!     }
//! })) {
//!     Ok(mut recognition) => {
//!         let taken = recognition.push(&[0; 16_000]);
//!         assert_eq!(taken, 16_000);
//!         recognition.finish();
//!     }
//!     // "speech engine not installed: run `glasslink-relay model install`"
//!     Err(error @ EngineError::NotInstalled { .. }) => println!("{error}"),
//!     Err(error) => println!("{error}"),
//! }
//! ```

mod engine;
mod engines;
mod lane;
pub mod model;
pub mod outgoing;
mod pool;
mod remote;
mod segmenter;
mod transcriber;
mod vad;
mod words;

pub use engine::{Engine, EngineError, EngineEvent, EventSink, FinalText, Recognition, WordTime};
pub use engine::{MAX_PENDING, SAMPLE_RATE};
pub use engines::{Deepgram, Moonshine, OpenAi};
pub use remote::{Remote, RemoteError};
