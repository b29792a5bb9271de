use std::time::Duration;

/// Puts counted packets in order and counts the missing ones, across the counter's wrap-around.
///
/// A packet that arrives ahead of its turn is held until the next one, so that a swapped pair is not a loss.
#[derive(Debug)]
pub(crate) struct Continuity<T> {
    modulus: u64,
    /// How long the audio of one packet lasts.
    packet: Duration,
    /// How far behind its turn a packet may come and still be an old one, rather than a counter that started again.
    late: u64,
    last: Option<(u64, Duration)>,
    held: Option<(u64, T, Duration)>,
}

/// One arm's packets swapped by a Bluetooth stack.
const LATE: u64 = 4;
/// How much more audio than time may seem to have passed before the counter must have started again. Firmware
/// queues are shorter than a second.
const SLACK: Duration = Duration::from_secs(2);

impl<T> Continuity<T> {
    /// The counter runs from 0 to `modulus - 1`.
    pub(crate) fn new(modulus: u64, packet: Duration) -> Self {
        Self { modulus, packet, late: LATE, last: None, held: None }
    }

    /// Packets up to `late` behind their turn are old ones, as where two arms send the same.
    pub(crate) fn with_late(mut self, late: u64) -> Self {
        self.late = late;
        self
    }

    /// The counter starts anew: what comes next is not measured against what was.
    pub(crate) fn restart(&mut self) {
        self.last = None;
        self.held = None;
    }

    /// Takes a packet; `out` gets packets in order, each with the number of packets missing before it.
    pub(crate) fn arrived(&mut self, counter: u64, packet: T, now: Duration, out: &mut Vec<(u64, T)>) {
        let Some((last, last_at)) = self.last else {
            return self.pass(0, counter, packet, now, out);
        };
        let ahead = self.distance(last + 1, counter);
        if ahead == 0 {
            self.pass(0, counter, packet, now, out);
            return self.flush(out);
        }
        if self.modulus - ahead <= self.late {
            return;
        }
        match self.held.take() {
            None => self.held = Some((counter, packet, now)),
            Some(held) if held.0 == counter => self.held = Some(held),
            Some(held) if self.distance(counter, held.0) <= LATE => {
                let missing = self.missing(ahead, now.saturating_sub(last_at));
                self.pass(missing, counter, packet, now, out);
                self.held = Some(held);
                self.flush(out);
            }
            Some(held) => {
                self.held = Some(held);
                self.flush(out);
                self.arrived(counter, packet, now, out);
            }
        }
    }

    /// Nothing more comes: hands on what was held.
    pub(crate) fn flush(&mut self, out: &mut Vec<(u64, T)>) {
        let (Some((counter, packet, at)), Some((last, last_at))) = (self.held.take(), self.last) else {
            return;
        };
        let missing = self.missing(self.distance(last + 1, counter), at.saturating_sub(last_at));
        self.pass(missing, counter, packet, at, out);
    }

    fn pass(&mut self, missing: u64, counter: u64, packet: T, now: Duration, out: &mut Vec<(u64, T)>) {
        self.last = Some((counter, now));
        out.push((missing, packet));
    }

    fn distance(&self, from: u64, to: u64) -> u64 {
        (to + self.modulus - from % self.modulus) % self.modulus
    }

    /// The gap that the clock makes likely among those the counter allows.
    fn missing(&self, ahead: u64, elapsed: Duration) -> u64 {
        let passed = u64::try_from(elapsed.as_micros() / self.packet.as_micros().max(1)).unwrap_or(u64::MAX);
        let wraps = (passed.saturating_sub(ahead) + self.modulus / 2) / self.modulus;
        let missing = ahead + wraps * self.modulus;
        let audio = self.packet.saturating_mul(u32::try_from(missing).unwrap_or(u32::MAX));
        if audio > elapsed + SLACK { 0 } else { missing }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PACKET: Duration = Duration::from_millis(100);

    fn run(modulus: u64, arrivals: &[(u64, u64)]) -> Vec<(u64, u64)> {
        let mut continuity = Continuity::new(modulus, PACKET);
        let mut out = Vec::new();
        for &(counter, tick) in arrivals {
            continuity.arrived(counter, counter, PACKET * u32::try_from(tick).unwrap(), &mut out);
        }
        continuity.flush(&mut out);
        out
    }

    #[test]
    fn losses_are_counted_across_the_wrap() {
        assert_eq!(run(256, &[(254, 0), (255, 1), (2, 4), (3, 5)]), [(0, 254), (0, 255), (2, 2), (0, 3)]);
    }

    #[test]
    fn a_swapped_pair_is_no_loss() {
        assert_eq!(run(256, &[(0, 0), (2, 1), (1, 2), (3, 3)]), [(0, 0), (0, 1), (0, 2), (0, 3)]);
    }

    #[test]
    fn duplicates_and_late_packets_are_dropped() {
        assert_eq!(run(256, &[(5, 0), (5, 0), (6, 1), (5, 1), (7, 2)]), [(0, 5), (0, 6), (0, 7)]);
    }

    #[test]
    fn a_gap_longer_than_the_counter_is_told_by_the_clock() {
        assert_eq!(run(256, &[(0, 0), (11, 267), (12, 268)])[1], (266, 11));
    }

    #[test]
    fn a_counter_that_starts_again_is_no_loss() {
        assert_eq!(run(256, &[(100, 0), (101, 1), (0, 2), (1, 3)]), [(0, 100), (0, 101), (0, 0), (0, 1)]);
    }

    proptest! {
        #[test]
        fn what_is_dropped_is_what_is_counted(kept in prop::collection::vec(any::<bool>(), 1..2000)) {
            let mut arrivals: Vec<_> = kept.iter().zip(0..).filter(|(kept, _)| **kept).map(|(_, n)| (n % 256, n)).collect();
            // Loss before the first and after the last packet cannot be seen.
            arrivals.insert(0, (255, 0));
            let arrivals: Vec<_> = arrivals.iter().enumerate()
                .map(|(at, &(counter, tick))| (counter, if at == 0 { 0 } else { tick + 1 })).collect();
            let last = arrivals.last().unwrap().1;
            let out = run(256, &arrivals);
            prop_assert_eq!(out.iter().map(|(lost, _)| lost).sum::<u64>(), last + 1 - arrivals.len() as u64);
            prop_assert_eq!(out.len(), arrivals.len());
        }
    }
}
