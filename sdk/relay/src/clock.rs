use std::time::{SystemTime, UNIX_EPOCH};

use glasslink_session::Timestamp;
use tokio::time::Instant;

/// The relay's monotonic clock, as sessions are told it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    origin: Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { origin: Instant::now() }
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_origin(self.origin.elapsed())
    }

    pub(crate) fn instant(&self, at: Timestamp) -> Instant {
        self.origin + at.since_origin()
    }
}

/// Microseconds since the Unix epoch.
pub(crate) fn unix_micros() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// Now, as RFC 3339 writes it: `2026-11-23T20:15:00.125Z`.
pub(crate) fn timestamp() -> String {
    let millis = i64::try_from(unix_micros() / 1_000).unwrap_or(i64::MAX);
    let now = jiff::Timestamp::from_millisecond(millis).unwrap_or_default();
    format!("{now:.3}")
}
