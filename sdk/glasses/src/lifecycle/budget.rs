use std::time::Duration;

use tokio::time::Instant;

/// Waits between attempts to reach an arm: 1, 2, 4 … 30 s. Back at 1 s only after the link was healthy.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    attempt: u32,
}

/// A link that lasted this long was healthy.
pub(super) const HEALTHY: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_secs(30);

impl Backoff {
    pub(super) fn next(&mut self) -> (u32, Duration) {
        let wait = Duration::from_secs(1 << self.attempt.min(5)).min(LONGEST);
        self.attempt += 1;
        (self.attempt, wait)
    }

    pub(super) fn reset(&mut self) {
        self.attempt = 0;
    }
}

/// How often something may be healed, and how long it is then left alone.
#[derive(Debug)]
pub(super) struct Budget {
    limit: u32,
    cool_down: Duration,
    spent: u32,
    last: Option<Instant>,
}

impl Budget {
    pub(super) const fn new(limit: u32, cool_down: Duration) -> Self {
        Self { limit, cool_down, spent: 0, last: None }
    }

    /// When the next recovery may start; `None` when the budget is used up.
    pub(super) fn next(&self, now: Instant) -> Option<Instant> {
        (self.spent < self.limit).then(|| self.last.map_or(now, |last| now.max(last + self.cool_down)))
    }

    pub(super) fn spend(&mut self, now: Instant) {
        self.spent += 1;
        self.last = Some(now);
    }

    /// It worked for long enough to be called healed.
    pub(super) fn refill(&mut self) {
        self.spent = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_30_seconds() {
        let mut backoff = Backoff::default();
        let waits: Vec<u64> = (0..7).map(|_| backoff.next().1.as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30]);
        backoff.reset();
        assert_eq!(backoff.next(), (1, Duration::from_secs(1)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_budget_ends() {
        let mut budget = Budget::new(2, Duration::from_secs(30));
        let start = Instant::now();
        assert_eq!(budget.next(start), Some(start));
        budget.spend(start);
        assert_eq!(budget.next(start), Some(start + Duration::from_secs(30)));
        budget.spend(start);
        assert_eq!(budget.next(start + Duration::from_secs(999)), None);
        budget.refill();
        assert!(budget.next(start).is_some());
    }
}
