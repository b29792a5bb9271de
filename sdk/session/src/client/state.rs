use std::time::Duration;

use glasslink_protocol::Cause;

use crate::client::AudioCounts;

/// What the link is. Discrete: never the same twice in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// Nobody asked for a connection yet.
    Idle,
    /// A connection is being opened. `attempt` counts from 1 since the link was last healthy.
    Connecting { attempt: u32 },
    /// The connection is open and the relay has not said yet where it stands.
    Resuming { attempt: u32 },
    /// The relay answered and what is captured flows.
    Live,
    /// The next attempt starts in `retry_in`.
    Waiting { attempt: u32, retry_in: Duration, cause: Cause },
    /// No attempt is made until somebody does what the remedy says.
    Refused { cause: Cause, remedy: &'static str },
    /// The program closed the link.
    Closed,
}

/// Figures of the link at one moment. Sampled; they never make a state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkStats {
    /// Frames, all streams together: `captured = acknowledged + buffered + lost`.
    pub captured: u64,
    pub acknowledged: u64,
    pub buffered: u64,
    pub lost: u64,
    /// Frames of time without a source.
    pub absent: u64,
    /// Bytes of frames in memory.
    pub buffered_bytes: usize,
    /// Stream time of the buffered frames of the fullest stream.
    pub buffered_time: Duration,
    pub rtt: Option<Duration>,
    /// Connections that were live and were lost.
    pub reconnects: u64,
    /// Audio messages and their bytes, resends included.
    pub sent_messages: u64,
    pub sent_bytes: u64,
    /// How sources stopped, and what came of it.
    pub audio: AudioCounts,
}

impl LinkStats {
    /// Whether the ledger balances (P1).
    pub fn balances(&self) -> bool {
        self.captured == self.acknowledged + self.buffered + self.lost
    }
}

impl LinkState {
    pub fn is_live(&self) -> bool {
        matches!(self, Self::Live)
    }

    /// Stable name, for programs and logs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Connecting { .. } => "connecting",
            Self::Resuming { .. } => "resuming",
            Self::Live => "live",
            Self::Waiting { .. } => "waiting",
            Self::Refused { .. } => "refused",
            Self::Closed => "closed",
        }
    }
}
