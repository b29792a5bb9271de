use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use glasslink_protocol::{ClockMark, FrameIndex, StreamId};

/// Ties frame `index` of `stream`, whose first sample was captured at `captured_at`, to the clocks.
/// `utc_offset_min`: minutes from UTC to local time.
///
/// All marks of a process have one origin of monotonic time, so that its streams can be aligned by them.
pub fn clock_mark(
    stream: StreamId,
    index: FrameIndex,
    captured_at: Instant,
    utc_offset_min: i32,
) -> ClockMark {
    let ago = now().saturating_duration_since(captured_at);
    let utc = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().saturating_sub(ago);
    ClockMark {
        stream,
        index,
        monotonic_us: u64::try_from(captured_at.saturating_duration_since(origin()).as_micros())
            .unwrap_or(u64::MAX),
        utc_ms: i64::try_from(utc.as_millis()).unwrap_or(i64::MAX),
        utc_offset_min,
    }
}

/// On tokio's clock, which tests may pause.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// A day before the first mark, so that it lies before every capture.
fn origin() -> Instant {
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    *ORIGIN.get_or_init(|| {
        let now = now();
        now.checked_sub(Duration::from_hours(24)).unwrap_or(now)
    })
}
