use std::time::Duration;

use tokio::time::Instant;

/// Between two messages of a session.
pub(crate) const INTERVAL: Duration = Duration::from_millis(50);

/// Between two windows, so that one server's last messages are not counted as the other's time.
const PAUSE: Duration = Duration::from_millis(500);

/// Relay and echo take turns, so that what else the machine does meets both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Relay,
    Echo,
}

/// When which message is due.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) start: Instant,
    pub(crate) rounds: u32,
    /// Messages of a session in each window.
    pub(crate) messages: u32,
    pub(crate) sessions: u32,
}

impl Plan {
    /// At least `seconds` of each side, from `start` on.
    pub(crate) fn new(start: Instant, sessions: u32, seconds: u32) -> Self {
        let rounds = seconds.div_ceil(5).clamp(1, 12);
        let window = seconds.div_ceil(rounds);
        let messages = window * 1_000 / INTERVAL.as_millis() as u32;
        Self { start, rounds, messages, sessions }
    }

    fn window(&self) -> Duration {
        INTERVAL * self.messages
    }

    /// Begin and end of a window, the pauses round it included by half.
    pub(crate) fn bounds(&self, side: Side, round: u32) -> (Instant, Instant) {
        let turn = round * 2 + u32::from(side == Side::Echo);
        let from = self.start + (self.window() + PAUSE) * turn - PAUSE / 2;
        (from, from + self.window() + PAUSE)
    }

    /// When message `number` of a session is due, counted over all rounds. Sessions are spread over the interval.
    pub(crate) fn due(&self, side: Side, session: u32, number: u64) -> Instant {
        let (round, message) = (number / u64::from(self.messages), number % u64::from(self.messages));
        let (from, _) = self.bounds(side, round as u32);
        from + PAUSE / 2 + INTERVAL * message as u32 + INTERVAL * session / self.sessions
    }

    /// Messages of a session in all.
    pub(crate) fn total(&self) -> u64 {
        u64::from(self.rounds) * u64::from(self.messages)
    }

    pub(crate) fn end(&self) -> Instant {
        self.bounds(Side::Echo, self.rounds - 1).1
    }
}
