use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::Rng;

/// Delays between attempts: none before the first retry, then full jitter under an exponential envelope.
#[derive(Debug)]
pub(crate) struct Backoff {
    base: Duration,
    cap: Duration,
    envelope: ExponentialBackoff,
    retries: u32,
}

impl Backoff {
    pub(crate) fn new(base: Duration, cap: Duration) -> Self {
        Self { base, cap, envelope: envelope(base, cap), retries: 0 }
    }

    /// The delay before the next attempt.
    pub(crate) fn next(&mut self, random: &mut Pcg64Mcg) -> Duration {
        self.retries = self.retries.saturating_add(1);
        if self.retries == 1 {
            return Duration::ZERO;
        }
        let longest = self.envelope.next().unwrap_or(self.cap);
        jitter(longest, random)
    }

    /// Retries since the link was last healthy.
    pub(crate) fn retries(&self) -> u32 {
        self.retries
    }

    pub(crate) fn reset(&mut self) {
        *self = Self::new(self.base, self.cap);
    }
}

/// Uniform in `0..=longest`.
pub(crate) fn jitter(longest: Duration, random: &mut Pcg64Mcg) -> Duration {
    let micros = u64::try_from(longest.as_micros()).unwrap_or(u64::MAX - 1);
    Duration::from_micros(random.next_u64() % (micros + 1))
}

/// backon's own jitter adds up to the whole delay again and passes the cap, so it stays off.
fn envelope(base: Duration, cap: Duration) -> ExponentialBackoff {
    ExponentialBuilder::new()
        .with_min_delay(base)
        .with_max_delay(cap)
        .with_factor(2.0)
        .without_max_times()
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    // SPEC P6.1 P6.2
    #[test]
    fn the_first_retry_is_immediate_and_later_ones_stay_under_the_cap() {
        let mut random = Pcg64Mcg::new(7);
        let mut backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(15));
        assert_eq!(backoff.next(&mut random), Duration::ZERO);
        let delays: Vec<_> = (0..1_000).map(|_| backoff.next(&mut random)).collect();
        assert!(delays[0] <= Duration::from_millis(250));
        assert!(delays[1] <= Duration::from_millis(500));
        assert!(delays.iter().all(|delay| *delay <= Duration::from_secs(15)));
        let late = &delays[10..];
        let mean = late.iter().sum::<Duration>() / late.len() as u32;
        assert!(
            (6_500..8_500).contains(&mean.as_millis()),
            "full jitter has its mean at half the cap: {mean:?}"
        );
    }

    #[test]
    fn a_reset_starts_over() {
        let mut random = Pcg64Mcg::new(7);
        let mut backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(15));
        for _ in 0..20 {
            backoff.next(&mut random);
        }
        backoff.reset();
        assert_eq!((backoff.retries(), backoff.next(&mut random)), (0, Duration::ZERO));
    }
}
