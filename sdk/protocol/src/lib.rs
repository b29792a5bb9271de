//! What crosses the wire between a Glasslink client and a relay: the shared types.

mod format;
mod gap;
mod ids;
mod transcript;

pub use format::{Codec, FormatError, StreamFormat};
pub use gap::{Gap, GapCause};
pub use ids::{ClockMark, Epoch, EventNumber, FrameIndex, SessionId, SessionIdError, StreamId};
pub use transcript::{Final, Partial, TranscriptEvent, Word};
