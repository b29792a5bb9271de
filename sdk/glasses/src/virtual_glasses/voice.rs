use std::time::Duration;

/// What the microphone of virtual glasses hears: 16 kHz samples from a moment on, silence before and after.
#[derive(Clone, Debug, Default)]
pub struct Voice {
    samples: Vec<i16>,
    start: Duration,
}

impl Voice {
    /// Hertz.
    pub const RATE: u32 = 16_000;

    /// `samples` at [`Voice::RATE`], spoken from `start` on.
    pub fn new(samples: Vec<i16>, start: Duration) -> Self {
        Self { samples, start }
    }

    /// When the last word is spoken.
    pub fn end(&self) -> Duration {
        self.start + Duration::from_micros(self.samples.len() as u64 * 1_000_000 / u64::from(Self::RATE))
    }

    /// `count` samples that end at `now`.
    pub fn until(&self, now: Duration, count: usize) -> Vec<i16> {
        let position = |at: Duration| (at.as_micros() * u128::from(Self::RATE) / 1_000_000) as i64;
        let end = position(now) - position(self.start);
        let from = end - count as i64;
        (from..end)
            .map(|at| usize::try_from(at).ok().and_then(|at| self.samples.get(at)).copied().unwrap_or(0))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_surrounds_what_is_said() {
        let voice = Voice::new(vec![1; 160], Duration::from_secs(1));
        assert_eq!(
            voice.until(Duration::from_millis(1005), 160).iter().filter(|&&sample| sample == 1).count(),
            80
        );
        assert_eq!(voice.until(Duration::from_secs(3), 160), vec![0; 160]);
        assert_eq!(voice.end(), Duration::from_millis(1010));
    }
}
