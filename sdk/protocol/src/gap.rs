use serde::{Deserialize, Serialize};

use crate::{FrameIndex, StreamFormat, StreamId};

/// Frames `from..to` of a stream that have no audio, or no transcript, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    pub stream: StreamId,
    pub from: FrameIndex,
    /// The first frame after the gap.
    pub to: FrameIndex,
    /// Milliseconds the gap lasts, rounded.
    pub ms: u64,
    pub cause: GapCause,
}

/// Why frames are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GapCause {
    /// Captured by the device and lost on its radio link.
    Radio,
    /// Dropped from the client's full buffer, the oldest first.
    Overflow,
    /// The relay refused the frames three times.
    Rejected,
    /// The source stood still: paused, unplugged or suspended. Nothing was captured, so nothing was lost.
    Absent,
    /// The journal could not be written, or its records were damaged.
    Disk,
    /// The relay had kept the audio and lost it before it was transcribed. A gap in the transcript only.
    RelayLostHistory,
    /// The relay let the audio go before any speech engine could take it. A gap in the transcript only.
    NotTranscribed,
    /// A cause this version does not know.
    #[serde(other)]
    Unknown,
}

impl Gap {
    pub fn new(
        stream: StreamId,
        from: FrameIndex,
        to: FrameIndex,
        cause: GapCause,
        format: &StreamFormat,
    ) -> Self {
        let lasting = format.duration(to.since(from));
        let ms = (lasting.as_nanos() + 500_000) / 1_000_000;
        Self { stream, from, to, ms: u64::try_from(ms).unwrap_or(u64::MAX), cause }
    }

    pub fn frames(&self) -> u64 {
        self.to.since(self.from)
    }
}

impl GapCause {
    /// Whether the frames count as `lost` in the ledger (`captured = acknowledged + buffered + lost`).
    pub fn is_loss(self) -> bool {
        match self {
            Self::Radio | Self::Overflow | Self::Rejected | Self::Disk | Self::Unknown => true,
            Self::Absent | Self::RelayLostHistory | Self::NotTranscribed => false,
        }
    }

    /// A few words for a person.
    pub fn words(self) -> &'static str {
        match self {
            Self::Radio => "lost on the radio link to the device",
            Self::Overflow => "dropped: offline for longer than the buffer holds",
            Self::Rejected => "refused by the relay",
            Self::Absent => "no audio source",
            Self::Disk => "could not be written to or read from the disk",
            Self::RelayLostHistory => "lost by the relay before it was transcribed",
            Self::NotTranscribed => "kept by the relay, but no speech engine took it in time",
            Self::Unknown => "cause not known",
        }
    }
}
