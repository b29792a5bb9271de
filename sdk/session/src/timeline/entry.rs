use std::time::Duration;

use glasslink_protocol::{Cause, GapCause, StreamId};
use serde::{Deserialize, Serialize};

/// What carries a link's messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    WebSocket,
    /// POST and long poll: where something in between lets no WebSocket through.
    Http,
}

/// Something that happened on a link, and when: milliseconds since the link began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimelineEntry {
    pub ms: u64,
    #[serde(flatten)]
    pub what: Happening,
}

/// What happened. Neither speech, nor secrets, nor addresses: numbers and causes only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Happening {
    /// A connection was tried. `attempt` counts from 1 since the link was last healthy.
    Attempt { attempt: u32, transport: Transport },
    /// It is open, and the relay was asked to resume.
    Opened,
    /// The relay answered; `outage_ms` after the link was lost, or began.
    Live { outage_ms: u64 },
    /// The attempt came to nothing.
    Failed { cause: Cause, retry_in_ms: u64 },
    /// A live link was lost; nothing had come from the relay for `silent_ms`.
    Lost { cause: Cause, silent_ms: u64, retry_in_ms: u64 },
    /// No attempt is made until somebody acts.
    Refused { cause: Cause },
    /// The relay knows no more what it kept: the session goes on in a new epoch.
    NewEpoch,
    /// The round trip is another than the last that was told.
    RoundTrip { rtt_ms: u64 },
    /// The program or the system said that the network came up.
    NetworkUp,
    /// The device slept this long, and woke.
    Asleep { asleep_ms: u64 },
    /// Frames that will never reach the relay, or that nobody captured: `gaps` of them within ten seconds.
    Gap { stream: StreamId, cause: GapCause, frames: u64, lasting_ms: u64, gaps: u32 },
    /// After a long outage `stream` goes on as `by`.
    Continued { stream: StreamId, by: StreamId },
    /// A live source gave nothing and is re-armed for the `rearm`th time.
    AudioStalled { stream: StreamId, rearm: u32 },
    /// It gives frames again.
    AudioRecovered { stream: StreamId },
    /// It does not, and is given up.
    AudioLost { stream: StreamId },
    /// The program closed the link.
    Closed,
}

impl TimelineEntry {
    /// Since the link began.
    pub fn at(&self) -> Duration {
        Duration::from_millis(self.ms)
    }
}
