use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::limits;

/// Whether an app is there, when it is looked for again, and whether starting it is what kills it.
#[derive(Debug, Default)]
pub(super) struct AppHealth {
    /// Since when nobody answers.
    down_since: Option<Instant>,
    looks: u32,
    look_at: Option<Instant>,
    looking: bool,
    deaths: VecDeque<Instant>,
    left_alone_until: Option<Instant>,
}

impl AppHealth {
    pub(super) fn is_down(&self) -> bool {
        self.down_since.is_some()
    }

    /// Whether sessions may be started now.
    pub(super) fn may_start(&self, now: Instant) -> bool {
        !self.is_down() && self.left_alone_until.is_none_or(|until| now >= until)
    }

    /// When something is to be done.
    pub(super) fn due(&self) -> Option<Instant> {
        self.look_at.into_iter().chain(self.left_alone_until).min()
    }

    /// Something was lost: whether the app is still there is worth a look.
    pub(super) fn doubt(&mut self, now: Instant) {
        if self.look_at.is_none() && !self.looking {
            self.look_at = Some(now);
        }
    }

    /// Whether to look now.
    pub(super) fn look(&mut self, now: Instant) -> bool {
        self.left_alone_until.take_if(|until| now >= *until);
        let due = self.look_at.take_if(|at| now >= *at).is_some();
        self.looking |= due;
        due
    }

    /// Nobody answers. `chance`: 0 to 1, for the next look. Whether that is news.
    pub(super) fn down(&mut self, now: Instant, chance: f64) -> bool {
        self.looking = false;
        let is_news = self.down_since.is_none();
        let since = *self.down_since.get_or_insert(now);
        if is_news {
            self.looks = 0;
            self.died(now);
        }
        let pause = if now - since >= limits::PROBE_BUDGET {
            limits::PROBE_PAUSE_LATE
        } else {
            backoff(limits::PROBE_PAUSE, limits::PROBE_PAUSE_MOST, self.looks)
        };
        self.looks = self.looks.saturating_add(1);
        // Half of it is certain: what comes back is not met by everybody at once.
        self.look_at = Some(now + pause.mul_f64(chance.mul_add(0.5, 0.5)));
        is_news
    }

    /// It answers, or called by itself. Whether that is news.
    pub(super) fn up(&mut self) -> bool {
        (self.looking, self.look_at) = (false, None);
        self.down_since.take().is_some()
    }

    fn died(&mut self, now: Instant) {
        self.deaths.push_back(now);
        while self.deaths.front().is_some_and(|death| now - *death > limits::DEATHS_WITHIN) {
            self.deaths.pop_front();
        }
        if self.deaths.len() >= limits::DEATHS {
            self.deaths.clear();
            self.left_alone_until = Some(now + limits::LEFT_ALONE);
        }
    }
}

/// `least` doubled `times` times, up to `most`.
pub(super) fn backoff(least: Duration, most: Duration, times: u32) -> Duration {
    least.saturating_mul(1 << times.min(16)).min(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_that_is_away_is_looked_for_often_enough_to_be_back_within_10_s_and_once_a_minute_later() {
        let (mut health, start) = (AppHealth::default(), Instant::now());
        let mut now = start;
        health.doubt(now);
        let mut longest = Duration::ZERO;
        let mut looks = 0;
        while now - start < limits::PROBE_BUDGET {
            assert!(health.look(now));
            health.down(now, 1.0);
            let next = health.due().unwrap();
            longest = longest.max(next - now);
            (now, looks) = (next, looks + 1);
        }
        assert_eq!(longest, limits::PROBE_PAUSE_MOST);
        assert!(looks < 200, "{looks}");
        assert!(health.look(now));
        health.down(now, 0.0);
        assert_eq!(health.due().unwrap() - now, limits::PROBE_PAUSE_LATE / 2);
        assert!(health.up() && !health.up() && health.due().is_none());
    }

    #[test]
    fn an_app_that_dies_again_and_again_is_left_alone_for_a_while() {
        let (mut health, mut now) = (AppHealth::default(), Instant::now());
        for death in 1..=limits::DEATHS {
            assert!(health.down(now, 0.5));
            health.up();
            assert_eq!(health.may_start(now), death < limits::DEATHS, "{death}");
            now += Duration::from_secs(20);
        }
        now += limits::LEFT_ALONE;
        health.look(now);
        assert!(health.may_start(now));
    }

    #[test]
    fn one_look_at_a_time() {
        let (mut health, now) = (AppHealth::default(), Instant::now());
        health.doubt(now);
        assert!(health.look(now));
        health.doubt(now);
        assert!(!health.look(now) && health.due().is_none());
        health.up();
        health.doubt(now);
        assert!(health.look(now));
    }
}
