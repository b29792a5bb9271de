use std::time::{Duration, Instant};

use super::defaults::{CLOCK_WINDOW, DRIFT_AFTER, HOLE, MAX_SLEW};

/// When a device's samples were captured, on our clock.
///
/// What arrives is late by how busy the machine is, never early. So the least delay of a second is what the device's
/// clock says; it is followed slowly, and a delay that grows at once is audio that never came.
#[derive(Clone, Debug)]
pub(super) struct DeviceClock {
    rate: f64,
    origin: Instant,
    /// When sample 0 was captured, in seconds from `origin`.
    offset: f64,
    /// Least offset of the present window, and when the window ends.
    least: f64,
    window_end: Instant,
    windows: u32,
    /// Where drift is measured from: when, and the offset then.
    reference: Option<(Instant, f64)>,
    drift_ppm: Option<f64>,
}

impl DeviceClock {
    /// Begins with the first samples, `end` of them, which arrived at `arrived_at`.
    pub(super) fn start(rate: u32, end: u64, arrived_at: Instant) -> Self {
        let rate = f64::from(rate);
        let offset = -(end as f64 / rate);
        let window_end = arrived_at + CLOCK_WINDOW;
        Self {
            rate,
            origin: arrived_at,
            offset,
            least: offset,
            window_end,
            windows: 0,
            reference: None,
            drift_ppm: None,
        }
    }

    /// The samples before `end` arrived. Says how many seconds of audio are missing before them: [`jump`](Self::jump).
    pub(super) fn arrived(&mut self, end: u64, arrived_at: Instant) -> Option<f64> {
        let offset = seconds_between(self.origin, arrived_at) - end as f64 / self.rate;
        let mut hole = None;
        if arrived_at >= self.window_end {
            hole = self.close_window();
            self.window_end = arrived_at + CLOCK_WINDOW;
            self.windows += 1;
            self.least = offset;
        } else {
            self.least = self.least.min(offset);
        }
        if self.windows == 0 {
            self.offset = self.offset.min(offset);
        }
        hole
    }

    /// What comes was captured this many seconds later than thought.
    pub(super) fn jump(&mut self, seconds: f64) {
        self.offset += seconds;
        self.reference = None;
    }

    /// Whether the first second is over.
    pub(super) fn is_settled(&self) -> bool {
        self.windows > 0
    }

    /// When sample `position` was captured.
    pub(super) fn captured_at(&self, position: u64) -> Instant {
        after(self.origin, self.offset + position as f64 / self.rate)
    }

    /// How much faster the device's clock runs than ours, in millionths; `None` before it is known.
    pub(super) fn drift_ppm(&self) -> Option<f64> {
        self.drift_ppm
    }

    fn close_window(&mut self) -> Option<f64> {
        let off = self.least - self.offset;
        if self.windows > 0 && off.abs() > HOLE.as_secs_f64() {
            if off > 0.0 {
                return Some(off);
            }
            // More than its clock says: what was late has come.
            self.jump(off);
            return None;
        }
        let slew = MAX_SLEW.as_secs_f64();
        self.offset += off.clamp(-slew, slew);
        let (since, first) = *self.reference.get_or_insert((self.window_end, self.least));
        let lasting = seconds_between(since, self.window_end);
        if lasting >= DRIFT_AFTER.as_secs_f64() {
            self.drift_ppm = Some((first - self.least) / lasting * 1e6);
        }
        None
    }
}

pub(super) fn seconds_between(from: Instant, to: Instant) -> f64 {
    match to.checked_duration_since(from) {
        Some(lasting) => lasting.as_secs_f64(),
        None => -from.duration_since(to).as_secs_f64(),
    }
}

fn after(origin: Instant, seconds: f64) -> Instant {
    let lasting = Duration::try_from_secs_f64(seconds.abs()).unwrap_or_default();
    let moved = if seconds < 0.0 { origin.checked_sub(lasting) } else { origin.checked_add(lasting) };
    moved.unwrap_or(origin)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHUNK: u64 = 960;

    /// Feeds `seconds` of a device at 48 kHz whose clock is `ppm` fast, each chunk `late(n)` seconds late.
    fn feed(
        clock: &mut Option<DeviceClock>,
        start: Instant,
        chunks: std::ops::Range<u64>,
        ppm: f64,
        late: impl Fn(u64) -> f64,
    ) -> u32 {
        let mut holes = 0;
        for n in chunks {
            let end = (n + 1) * CHUNK;
            let at = end as f64 / (48_000.0 * (1.0 + ppm / 1e6)) + late(n);
            let arrived_at = start + Duration::from_secs_f64(at);
            match clock {
                None => *clock = Some(DeviceClock::start(48_000, end, arrived_at)),
                Some(clock) => {
                    if let Some(hole) = clock.arrived(end, arrived_at) {
                        clock.jump(hole);
                        holes += 1;
                    }
                }
            }
        }
        holes
    }

    #[test]
    fn a_busy_machine_makes_no_hole_and_moves_no_time() {
        let start = Instant::now();
        let mut clock = None;
        let busy = |n: u64| if n.is_multiple_of(7) { 0.002 } else { 0.002 + (n % 40) as f64 * 0.02 };
        assert_eq!(feed(&mut clock, start, 0..3_000, 0.0, busy), 0);
        let captured_at = clock.unwrap().captured_at(48_000);
        let expected = start + Duration::from_millis(1_002);
        let error = seconds_between(expected, captured_at).abs();
        assert!(error < 0.001, "{error}");
    }

    #[test]
    fn drift_is_measured_and_followed() {
        for ppm in [-100.0, 30.0, 250.0] {
            let start = Instant::now();
            let mut clock = None;
            let jitter = |n: u64| (n % 5) as f64 * 0.001;
            assert_eq!(feed(&mut clock, start, 0..50 * 600, ppm, jitter), 0);
            let clock = clock.unwrap();
            let measured = clock.drift_ppm().unwrap();
            assert!((measured - ppm).abs() < 3.0, "{measured} for {ppm}");
            let position = 48_000 * 600;
            let real = start + Duration::from_secs_f64(600.0 / (1.0 + ppm / 1e6));
            let error = seconds_between(real, clock.captured_at(position)).abs();
            assert!(error < 0.005, "{error} s off at {ppm} ppm");
        }
    }

    #[test]
    fn audio_that_never_came_is_a_hole_once() {
        let start = Instant::now();
        let mut clock = None;
        assert_eq!(feed(&mut clock, start, 0..250, 0.0, |_| 0.0), 0);
        assert_eq!(feed(&mut clock, start, 250..1_000, 0.0, |_| 0.3), 1);
        let captured_at = clock.unwrap().captured_at(48_000 * 20);
        assert!(seconds_between(start + Duration::from_millis(20_300), captured_at).abs() < 0.002);
    }
}
