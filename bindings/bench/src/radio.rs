use std::time::Duration;

use glasslink_session::Timestamp;

/// A mobile radio stays awake so long after the last byte.
const TAIL: Duration = Duration::from_secs(10);

/// When a phone's radio is awake: it wakes for a byte in either direction.
#[derive(Debug, Default)]
pub(crate) struct Radio {
    pub(crate) wake_ups: u32,
    pub(crate) awake: Duration,
    pub(crate) messages: u32,
    pub(crate) bytes: usize,
    asleep_at: Timestamp,
}

impl Radio {
    pub(crate) fn carries(&mut self, now: Timestamp, bytes: usize) {
        self.messages += 1;
        self.bytes += bytes;
        if now >= self.asleep_at {
            self.wake_ups += 1;
            self.awake += TAIL;
        } else {
            self.awake += (now + TAIL).since(self.asleep_at);
        }
        self.asleep_at = now + TAIL;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_come_while_it_is_awake_wake_nobody() {
        let mut radio = Radio::default();
        let at = |seconds| Timestamp::from_origin(Duration::from_secs(seconds));
        for seconds in [1, 2, 5, 40] {
            radio.carries(at(seconds), 10);
        }
        assert_eq!((radio.wake_ups, radio.messages, radio.bytes), (2, 4, 40));
        assert_eq!(radio.awake, Duration::from_secs(14 + 10));
    }
}
