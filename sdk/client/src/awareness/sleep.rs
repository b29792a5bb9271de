use std::time::{Duration, Instant, SystemTime};

/// Shorter naps cost no connection, and clocks are set by as much.
const SHORTEST: Duration = Duration::from_secs(5);

/// Whether the monotonic clock goes on while the device sleeps: Windows' does, Linux' and macOS' do not.
const MONOTONIC_GOES_ON: bool = cfg!(windows);

/// Knows by the clocks that the device has slept: the wall's went on, and the monotonic one did not. A clock that is set
/// forward looks the same, and costs one ping.
#[derive(Debug)]
pub(crate) struct Clocks {
    monotonic: Instant,
    wall: SystemTime,
}

impl Clocks {
    pub(crate) fn now() -> Self {
        Self { monotonic: Instant::now(), wall: SystemTime::now() }
    }

    /// How long the device has slept since the last look, if it has. `late`: how long a timer was due.
    pub(crate) fn slept(&mut self, late: Duration) -> Option<Duration> {
        self.slept_until(Self::now(), late, MONOTONIC_GOES_ON)
    }

    fn slept_until(&mut self, now: Self, late: Duration, monotonic_goes_on: bool) -> Option<Duration> {
        let before = std::mem::replace(self, now);
        let passed = self.monotonic.saturating_duration_since(before.monotonic);
        let real = self.wall.duration_since(before.wall).unwrap_or_default();
        let slept = if monotonic_goes_on { late } else { real.saturating_sub(passed) };
        (slept >= SHORTEST).then_some(slept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_that_slept_is_known_by_its_clocks() {
        let second = Duration::from_secs(1);
        let begin = Clocks::now();
        let at = |monotonic: u32, wall: u32| Clocks {
            monotonic: begin.monotonic + second * monotonic,
            wall: begin.wall + second * wall,
        };
        let mut clocks = at(0, 0);
        assert_eq!(clocks.slept_until(at(60, 60), Duration::ZERO, false), None, "it was idle");
        assert_eq!(clocks.slept_until(at(61, 65), Duration::ZERO, false), None, "the clock was set a little");
        assert_eq!(clocks.slept_until(at(62, 126), Duration::ZERO, false), Some(second * 60));
        assert_eq!(clocks.slept_until(at(63, 20), Duration::ZERO, false), None, "the clock was set back");
        assert_eq!(clocks.slept_until(at(63, 20), second * 30, false), None, "a busy machine is late");
        assert_eq!(clocks.slept_until(at(90, 47), second * 27, true), Some(second * 27));
        assert_eq!(clocks.slept_until(at(95, 52), second, true), None);
    }
}
