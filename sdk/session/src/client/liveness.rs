use std::collections::VecDeque;
use std::time::Duration;

use glasslink_protocol::{FrameIndex, StreamId};

use crate::Timestamp;
use crate::defaults::{STALL_MAX, STALL_MIN};

/// Messages under way whose time is known: 8 s of one stream have 160. Of more, the oldest are not measured.
const MEASURED: usize = 256;

/// A clock this much behind its timer means that we were starved or suspended, not that the relay was silent:
/// what it sent may still wait unread.
const LATE: Duration = Duration::from_millis(500);

/// Whether the other side still answers. Only what was received counts, and all of it does.
#[derive(Debug)]
pub(crate) struct Liveness {
    ping_interval: Duration,
    last_traffic: Timestamp,
    /// When the relay last heard from us: of audio and pings, which is what it hears most.
    said_at: Timestamp,
    /// Since when an answer is due.
    waiting_since: Option<Timestamp>,
    /// Since when frames are under way without `received` moving.
    stuck_since: Option<Timestamp>,
    /// The ping that is under way, and when it was sent if its answer may be measured.
    ping: Option<(u64, Option<Timestamp>)>,
    next_ping: u64,
    rtt: Option<Duration>,
    /// Whether `rtt` is no more than the time to the welcome, which a busy relay takes long for.
    rtt_is_guessed: bool,
    /// What is under way, up to which frame, and when it was sent.
    sent: VecDeque<(StreamId, FrameIndex, Timestamp)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Alive,
    /// Send a ping with this id.
    Ping(u64),
    Dead,
}

impl Liveness {
    pub(crate) fn new(ping_interval: Duration) -> Self {
        Self {
            ping_interval,
            last_traffic: Timestamp::ZERO,
            said_at: Timestamp::ZERO,
            waiting_since: None,
            stuck_since: None,
            ping: None,
            next_ping: 1,
            rtt: None,
            rtt_is_guessed: true,
            sent: VecDeque::new(),
        }
    }

    /// A new connection is up; what was measured of the path stays.
    pub(crate) fn restart(&mut self, now: Timestamp, handshake: Duration) {
        *self = Self {
            last_traffic: now,
            said_at: now,
            next_ping: self.next_ping,
            rtt: self.rtt.or(Some(handshake)),
            rtt_is_guessed: self.rtt_is_guessed,
            ..Self::new(self.ping_interval)
        };
    }

    pub(crate) fn rtt(&self) -> Option<Duration> {
        self.rtt
    }

    pub(crate) fn last_traffic(&self) -> Timestamp {
        self.last_traffic
    }

    pub(crate) fn set_ping_interval(&mut self, interval: Duration) {
        self.ping_interval = interval;
    }

    /// Frames before `to` went out.
    pub(crate) fn sent_audio(&mut self, now: Timestamp, stream: StreamId, to: FrameIndex) {
        self.waiting_since.get_or_insert(now);
        self.stuck_since.get_or_insert(now);
        self.said_at = now;
        if self.sent.len() == MEASURED {
            self.sent.pop_front();
        }
        self.sent.push_back((stream, to, now));
    }

    /// Frames before `next` arrived. The last message of them is the one whose arrival was answered; those before it
    /// waited for that.
    pub(crate) fn received(&mut self, now: Timestamp, stream: StreamId, next: FrameIndex, in_flight: bool) {
        self.note_lateness(now);
        let mut last = None;
        self.sent.retain(|(of, to, sent_at)| {
            let arrived = *of == stream && *to <= next;
            if arrived {
                last = Some(*sent_at);
            }
            !arrived
        });
        if let Some(sent_at) = last {
            self.sample(now.since(sent_at));
        }
        self.stuck_since = in_flight.then_some(now);
    }

    pub(crate) fn traffic(&mut self, now: Timestamp, in_flight: bool) {
        self.note_lateness(now);
        self.last_traffic = now;
        self.waiting_since = (in_flight || self.ping.is_some()).then_some(now);
    }

    pub(crate) fn pong(&mut self, now: Timestamp, id: u64, in_flight: bool) {
        self.note_lateness(now);
        if let Some((_, Some(sent_at))) = self.ping.take_if(|(awaited, _)| *awaited == id) {
            self.sample(now.since(sent_at));
        }
        self.traffic(now, in_flight);
    }

    /// Asks at once instead of when the link has been idle.
    pub(crate) fn ping_now(&mut self, now: Timestamp) -> u64 {
        let id = self.next_ping;
        self.next_ping += 1;
        self.ping = Some((id, Some(now)));
        self.said_at = now;
        self.waiting_since.get_or_insert(now);
        id
    }

    pub(crate) fn deadline(&self) -> Timestamp {
        let silent = match self.waiting_since {
            Some(since) => since + self.stall_after(),
            None => self.last_traffic.min(self.said_at) + self.ping_interval,
        };
        match self.stuck_since {
            Some(since) => silent.min(since + STALL_MAX),
            None => silent,
        }
    }

    pub(crate) fn check(&mut self, now: Timestamp) -> Verdict {
        let deadline = self.deadline();
        if now < deadline {
            return Verdict::Alive;
        }
        if self.waiting_since.is_none() && self.stuck_since.is_none_or(|since| now < since + STALL_MAX) {
            return Verdict::Ping(self.ping_now(now));
        }
        if self.note_lateness(now) {
            self.waiting_since = self.waiting_since.map(|_| now);
            self.stuck_since = self.stuck_since.map(|_| now);
            return Verdict::Alive;
        }
        Verdict::Dead
    }

    fn stall_after(&self) -> Duration {
        (self.rtt.unwrap_or(STALL_MIN) * 3).clamp(STALL_MIN, STALL_MAX)
    }

    /// Whether we were starved. The answers under way waited for us then, and say nothing of the path.
    fn note_lateness(&mut self, now: Timestamp) -> bool {
        let is_late = now.since(self.deadline()) > LATE;
        if is_late {
            self.sent.clear();
            self.ping = self.ping.map(|(id, _)| (id, None));
        }
        is_late
    }

    fn sample(&mut self, rtt: Duration) {
        let known = self.rtt.filter(|_| !std::mem::take(&mut self.rtt_is_guessed));
        self.rtt = Some(known.map_or(rtt, |smoothed| (smoothed * 7 + rtt) / 8));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: StreamId = StreamId(1);

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_origin(Duration::from_millis(ms))
    }

    fn live() -> Liveness {
        let mut liveness = Liveness::new(Duration::from_secs(5));
        liveness.restart(at(0), Duration::from_millis(40));
        liveness
    }

    // SPEC P7.1
    #[test]
    fn a_dead_link_is_noticed_within_two_seconds_while_streaming() {
        let mut liveness = live();
        liveness.sent_audio(at(100), STREAM, FrameIndex(5));
        assert_eq!(liveness.check(at(1_599)), Verdict::Alive);
        assert_eq!(liveness.check(at(1_600)), Verdict::Dead);
    }

    // SPEC P7.2
    #[test]
    fn a_dead_link_is_noticed_within_ten_seconds_while_idle() {
        let mut liveness = live();
        assert_eq!(liveness.check(at(4_999)), Verdict::Alive);
        assert_eq!(liveness.check(at(5_000)), Verdict::Ping(1));
        assert_eq!(liveness.check(at(6_500)), Verdict::Dead);
    }

    // SPEC P7.3
    #[test]
    fn any_traffic_counts_as_life() {
        let mut liveness = live();
        liveness.sent_audio(at(100), STREAM, FrameIndex(5));
        liveness.traffic(at(1_500), true);
        assert_eq!(liveness.check(at(2_999)), Verdict::Alive);
        assert_eq!(liveness.check(at(3_000)), Verdict::Dead);
    }

    // SPEC P7.6
    #[test]
    fn a_relay_that_talks_but_takes_no_audio_is_not_alive_for_ever() {
        let mut liveness = live();
        liveness.sent_audio(at(0), STREAM, FrameIndex(5));
        for ms in (0..5_000).step_by(500) {
            liveness.traffic(at(ms), true);
            assert_eq!(liveness.check(at(ms)), Verdict::Alive);
        }
        assert_eq!(liveness.check(at(5_000)), Verdict::Dead);
    }

    // SPEC P7.4
    #[test]
    fn a_starved_client_reads_before_it_judges() {
        let mut liveness = live();
        liveness.sent_audio(at(100), STREAM, FrameIndex(5));
        assert_eq!(liveness.check(at(40_000)), Verdict::Alive);
        assert_eq!(liveness.check(at(41_500)), Verdict::Dead);
    }

    #[test]
    fn an_answer_that_waited_for_a_starved_client_says_nothing_of_the_path() {
        let mut liveness = live();
        liveness.sent_audio(at(100), STREAM, FrameIndex(5));
        liveness.received(at(140), STREAM, FrameIndex(5), false);
        liveness.traffic(at(140), false);
        liveness.sent_audio(at(200), STREAM, FrameIndex(6));
        liveness.traffic(at(20_000), true);
        liveness.received(at(20_000), STREAM, FrameIndex(6), false);
        let ping = liveness.ping_now(at(21_000));
        liveness.pong(at(41_000), ping, false);
        assert_eq!(liveness.rtt(), Some(Duration::from_millis(40)));
    }

    #[test]
    fn messages_that_are_answered_together_do_not_lengthen_the_round_trip() {
        let mut liveness = Liveness::new(Duration::from_secs(5));
        liveness.restart(at(0), Duration::from_secs(3));
        for message in 0..4 {
            liveness.sent_audio(at(message * 50), STREAM, FrameIndex(message * 5 + 5));
            liveness.sent_audio(at(message * 50), StreamId(2), FrameIndex(message * 5 + 5));
        }
        liveness.received(at(190), STREAM, FrameIndex(20), true);
        assert_eq!(liveness.rtt(), Some(Duration::from_millis(40)));
        liveness.received(at(190), StreamId(2), FrameIndex(20), false);
        assert_eq!(liveness.rtt(), Some(Duration::from_millis(40)));
    }

    #[test]
    fn a_slow_welcome_is_forgotten_with_the_first_round_trip_that_is_measured() {
        let mut liveness = Liveness::new(Duration::from_secs(5));
        liveness.restart(at(0), Duration::from_secs(3));
        assert_eq!(liveness.rtt(), Some(Duration::from_secs(3)));
        liveness.sent_audio(at(0), STREAM, FrameIndex(1));
        liveness.received(at(40), STREAM, FrameIndex(1), false);
        assert_eq!(liveness.rtt(), Some(Duration::from_millis(40)));
    }

    #[test]
    fn slow_links_get_three_round_trips_and_at_most_five_seconds() {
        let mut liveness = live();
        for ms in (0..100_000).step_by(1_000) {
            liveness.sent_audio(at(ms), STREAM, FrameIndex(ms));
            liveness.received(at(ms + 900), STREAM, FrameIndex(ms), false);
            liveness.traffic(at(ms + 900), false);
        }
        assert!(liveness.rtt().unwrap() > Duration::from_millis(850));
        liveness.sent_audio(at(200_000), STREAM, FrameIndex(200_000));
        assert_eq!(liveness.check(at(202_500)), Verdict::Alive);
        assert_eq!(liveness.check(at(202_900)), Verdict::Dead);
    }
}
