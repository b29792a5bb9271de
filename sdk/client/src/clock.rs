use std::time::Duration;

use glasslink_audio::clock_mark;
use glasslink_protocol::{ClockMark, FrameIndex, StreamId};
use glasslink_session::Timestamp;
use tokio::time::Instant;

/// The session's monotonic time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    origin: Instant,
}

/// A deadline beyond what the system's clock can say is no deadline for anyone alive.
const FAR: Duration = Duration::from_hours(24);

impl Clock {
    pub(crate) fn start() -> Self {
        Self { origin: Instant::now() }
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_origin(self.origin.elapsed())
    }

    pub(crate) fn instant(&self, at: Timestamp) -> Instant {
        self.origin.checked_add(at.since_origin()).unwrap_or_else(|| Instant::now() + FAR)
    }
}

/// Ties frame `index`, whose first sample was captured at `captured_at`, to the clocks.
pub(crate) fn mark(stream: StreamId, index: FrameIndex, captured_at: Instant) -> ClockMark {
    clock_mark(stream, index, captured_at.into_std(), utc_offset_min())
}

/// Minutes from UTC to the local time.
pub(crate) fn utc_offset_min() -> i32 {
    jiff::tz::TimeZone::system().to_offset(jiff::Timestamp::now()).seconds() / 60
}
