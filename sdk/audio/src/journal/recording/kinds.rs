//! Kinds of records, and their payloads. Payloads other than frames are JSON; unknown fields are ignored.

use glasslink_protocol::{
    Epoch, EventNumber, FrameIndex, GapCause, SessionId, StreamFormat, StreamId, TranscriptEvent,
};
use serde::{Deserialize, Serialize};

/// The log of the frames, and the one of the full-quality audio beside them.
pub(super) const FRAMES_CONTENT: [u8; 4] = *b"RECD";
pub(super) const PCM_CONTENT: [u8; 4] = *b"RPCM";

/// Frames of a stream (the lane), each preceded by its length in 16 bits where their sizes vary.
pub(super) const FRAMES: u8 = 1;
/// 16-bit samples of a stream; the range counts samples.
pub(super) const PCM: u8 = 2;
/// Frames that do not exist.
pub(super) const GAP: u8 = 64;
pub(super) const CLOCK: u8 = 65;
pub(super) const MARKER: u8 = 66;
/// A transcript event; `from` is its number.
pub(super) const EVENT: u8 = 67;
pub(super) const SESSION: u8 = 128;
pub(super) const STREAM: u8 = 129;
/// The relay keeps every frame before `from`.
pub(super) const KEPT: u8 = 130;
/// The stream ends before frame `from`.
pub(super) const END: u8 = 131;
/// Everything is uploaded, and the transcript is whole.
pub(super) const FINISHED: u8 = 132;

/// The finals of the frames before `from` are known.
pub(super) const TRANSCRIBED: u8 = 133;

/// What a recording belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionInfo {
    pub session: SessionId,
    /// The session this one goes on from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continues: Option<SessionId>,
    /// Name and version of the program that records.
    #[serde(default)]
    pub program: String,
}

/// What a stream of a recording is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamInfo {
    pub format: StreamFormat,
    /// The stream this one goes on from. It starts where that one ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continues: Option<StreamId>,
    /// What a person calls the source.
    #[serde(default)]
    pub label: String,
}

/// A place in a recording that somebody marked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marker {
    pub stream: StreamId,
    pub at: FrameIndex,
    pub label: String,
}

#[derive(Serialize, Deserialize)]
pub(super) struct GapPayload {
    pub(super) cause: GapCause,
}

#[derive(Serialize, Deserialize)]
pub(super) struct ClockPayload {
    pub(super) monotonic_us: u64,
    pub(super) utc_ms: i64,
    pub(super) utc_offset_min: i32,
}

#[derive(Serialize, Deserialize)]
pub(super) struct MarkerPayload {
    pub(super) label: String,
}

#[derive(Serialize, Deserialize)]
pub(super) struct EventPayload {
    pub(super) epoch: Epoch,
    pub(super) number: EventNumber,
    pub(super) event: TranscriptEvent,
}

#[derive(Serialize, Deserialize)]
pub(super) struct PcmPayload {
    pub(super) sample_rate: u32,
}
