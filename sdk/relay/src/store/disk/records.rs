//! The records of a session's log. Payloads other than frames are JSON; unknown fields are ignored.

use glasslink_protocol::{Epoch, GapCause};
use serde::{Deserialize, Serialize};

/// What a session's log is, among all logs.
pub(super) const CONTENT: [u8; 4] = *b"GLRS";

/// Frames of a stream (the lane), as in an audio message.
pub(crate) const FRAMES: u8 = 1;
/// A transcript event, by its number.
pub(super) const EVENT: u8 = 2;
/// Frames of a stream that do not exist, or that are damaged.
pub(super) const GAP: u8 = 64;
pub(super) const CLOCK: u8 = 65;
/// What the session is.
pub(super) const SESSION: u8 = 128;
/// A stream's start.
pub(super) const STREAM: u8 = 129;
/// No transcript of the frames before `from` is wanted any more.
pub(super) const TRANSCRIBED: u8 = 130;
/// The stream ends before frame `from`.
pub(super) const END: u8 = 131;
/// Who holds the session.
pub(super) const HOLDER: u8 = 132;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SessionPayload {
    pub(super) identity: String,
    pub(super) epoch: Epoch,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct HolderPayload {
    pub(super) holder: u64,
    pub(super) attach: u64,
    /// Whether they let speech leave the relay's machine.
    #[serde(default)]
    pub(super) remote_speech: bool,
}

/// A gap may be longer than a record's count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct GapPayload {
    pub(super) to: u64,
    pub(super) cause: GapCause,
}
