//! The Glasslink client for Kotlin, Swift and Python: `glasslink` and `glasslink-glasses` behind `UniFFI`.
//!
//! This is a bridge, not an API: the packages beside it (`bindings/kotlin`, `bindings/swift`, `bindings/python`) are what
//! people use. It has no logic, policy or default of its own; what is `None` here is the core's default. Its files are
//! named as their twins there.
//!
//! - Nothing here blocks the caller's thread: what waits is async, and listeners are called on threads of ours.
//! - Whoever holds a [`TaskHandle`] holds a task; it ends with the handle.
//! - An error has a `code` that stays, and says what to do (`remedy`). A panic is an error of the language
//!   (`InternalException` and the like), and a line in the log.
//! - Enums that may grow have `Unknown { code }`: what a later version adds arrives as that until callers ask for more.
//!   Fields that are added have defaults.

mod attach;
mod builder;
mod credentials;
mod error;
mod events;
#[cfg(feature = "glasses")]
mod glasses;
mod journal;
mod link;
mod log;
mod pairing;
mod platform;
mod runtime;
mod state;
mod stream;
mod task_handle;
mod transcript;

pub use attach::{AttachedSource, FileOptions};
pub use builder::{LinkOptions, LinkTransport};
pub use credentials::{AccessToken, TokenError, TokenProvider};
pub use error::{AudioError, ConnectError, PairError, WaitError};
pub use events::{EventListener, LinkEvent, ListenerError, Subscription};
#[cfg(feature = "glasses")]
pub use glasses::*;
#[cfg(feature = "encryption")]
pub use journal::new_journal_key;
pub use journal::{JournalStatus, Recovered, recover};
pub use link::Link;
pub use log::{LogLevel, LogRecord, LogSink, set_log_sink};
pub use pairing::{Pairing, pair_with_code, pair_with_qr};
pub use runtime::{shutdown, version};
pub use state::{Cause, CauseKind, EngineState, EngineStatus, LinkState, LinkStats};
pub use stream::{AudioFormat, AudioStream, StreamOptions, WhenFull};
pub use task_handle::TaskHandle;
pub use transcript::{Final, Gap, GapCause, Partial, TranscriptEntry, TranscriptFormat, Word};

uniffi::setup_scaffolding!("glasslink");
