//! What crosses the wire between a Glasslink client and a relay: the shared types, the control messages, the
//! binary audio messages, the close codes and the errors. `SPEC.md` beside this crate is the normative text.
//!
//! ```
//! use glasslink_protocol::{AudioMessage, FrameIndex, StreamFormat, StreamId};
//!
//! let format = StreamFormat::lc3(16_000, 20)?;
//! let two_frames = [0x55u8; 40];
//! let mut wire = Vec::new();
//! AudioMessage { stream: StreamId(1), first: FrameIndex(7), count: 2, body: &two_frames }.encode(&mut wire);
//!
//! let message = AudioMessage::decode(&wire)?;
//! let frames: Vec<&[u8]> = message.frames(&format)?.collect();
//! assert_eq!(frames, [&two_frames[..20], &two_frames[20..]]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod app;
mod audio_message;
mod close;
mod device;
mod display;
mod error;
mod format;
mod gap;
mod http;
mod ids;
mod message;
#[cfg(feature = "pairing")]
pub mod pairing;
mod rearm;
mod transcript;

pub use app::{
    APP_HEADER_BYTES, APP_KEY_SUBPROTOCOL, APP_PCM_RATE, AppAudio, AppAudioError, AppEvent, AppMessage,
    ClosedReason, MAX_LISTED_SESSIONS, SubscriptionId, Wanted,
};
pub use audio_message::{
    AudioMessage, AudioMessageError, Frames, HEADER_BYTES, MAX_AUDIO_BYTES, MAX_FRAMES_PER_MESSAGE,
};
pub use close::CloseCode;
pub use device::{Capabilities, DeviceEvent, DisplaySize, Press, Touch};
pub use display::{AppState, AppStatus, Display, Layout, MAX_BITMAP_BYTES, View};
pub use error::{Category, Cause, ErrorReport, Retry, Severity};
pub use format::{Codec, FormatError, StreamFormat};
pub use gap::{Gap, GapCause};
pub use http::{
    HTTP_CONNECTION, HTTP_DOWN, HTTP_MEDIA_TYPE, HTTP_NUMBER, HTTP_RENEW, HTTP_SESSION, HTTP_UP,
    HttpConnectionId, HttpConnectionIdError, HttpPart, HttpPartError, HttpParts, MAX_HTTP_BODY_BYTES,
};
pub use ids::{
    ClockMark, Epoch, EventNumber, FrameIndex, FrameIndexError, SessionId, SessionIdError, StreamId,
};
pub use message::{
    ClientMessage, Durability, EngineState, MAX_TEXT_BYTES, MessageError, RelayMessage, ResumedStream,
    SUBPROTOCOL, SpeechTo, StreamStart, StreamSums,
};
pub use rearm::{AUDIO_STALL, MAX_REARMS, REARM_INTERVAL};
pub use transcript::{Final, Partial, TranscriptEvent, Word};
