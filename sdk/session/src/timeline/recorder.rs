use std::collections::VecDeque;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use glasslink_protocol::{Epoch, Gap};

use super::file::text;
use super::{Happening, LinkTimeline, TimelineEntry, Transport};
use crate::{Event, LinkState, Timestamp};

/// Entries kept: a day of a link that breaks every five minutes.
const MAX_ENTRIES: usize = 4_096;

/// Bytes of JSON kept: small enough to go with an email.
const MAX_BYTES: usize = 256 << 10;

/// Gaps of one stream and one cause that are told as one entry: a radio loses frames ten times a second.
const GAPS_TOGETHER: Duration = Duration::from_secs(10);

/// Entries among which the one is searched that a gap belongs to.
const LOOK_BACK: usize = 8;

/// A round trip is told again when it differs by a quarter and this, ...
const RTT_STEP: Duration = Duration::from_millis(20);

/// ... and no sooner than this.
const RTT_INTERVAL: Duration = Duration::from_secs(5);

/// Nudges closer together than this are one.
const NUDGES_TOGETHER: Duration = Duration::from_secs(1);

/// Keeps a [`LinkTimeline`] while a link lives. Bounded; the oldest goes first, and is counted.
#[derive(Debug)]
pub struct LinkRecorder {
    started_utc_ms: i64,
    client: &'static str,
    entries: VecDeque<(TimelineEntry, usize)>,
    bytes: usize,
    omitted: u64,
    attempt: u32,
    live: bool,
    /// Since when the link has not been live.
    down_since: Timestamp,
    rtt: Option<(Timestamp, Duration)>,
    nudged: Option<Timestamp>,
    epoch: Option<Epoch>,
}

impl LinkRecorder {
    /// For a link that began at `started`, [`Timestamp::ZERO`]. `client` is the library's name and version.
    pub fn new(client: &'static str, started: SystemTime) -> Self {
        let since_1970 = started.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            started_utc_ms: i64::try_from(since_1970.as_millis()).unwrap_or_default(),
            client,
            entries: VecDeque::new(),
            bytes: 0,
            omitted: 0,
            attempt: 0,
            live: false,
            down_since: Timestamp::ZERO,
            rtt: None,
            nudged: None,
            epoch: None,
        }
    }

    /// What was kept.
    pub fn timeline(&self) -> LinkTimeline {
        let entries = self.entries.iter().map(|(entry, _)| *entry).collect();
        LinkTimeline::new(self.started_utc_ms, self.client, self.omitted, entries)
    }

    /// A connection is tried.
    pub fn attempt(&mut self, now: Timestamp, transport: Transport) {
        self.add(now, Happening::Attempt { attempt: self.attempt, transport });
    }

    /// `silent`: how long nothing had come from the relay.
    pub fn event(&mut self, now: Timestamp, silent: Duration, event: &Event) {
        match event {
            Event::State(state) => self.state(now, silent, *state),
            Event::Epoch(epoch) if self.epoch.replace(*epoch).is_some_and(|last| last != *epoch) => {
                self.add(now, Happening::NewEpoch);
            }
            Event::Gap(gap) => self.gap(now, gap),
            Event::Continued { stream, by, .. } => {
                self.add(now, Happening::Continued { stream: *stream, by: *by });
            }
            Event::AudioStalled { stream, rearm } => {
                self.add(now, Happening::AudioStalled { stream: *stream, rearm: *rearm });
            }
            Event::AudioRecovered { stream, .. } => {
                self.add(now, Happening::AudioRecovered { stream: *stream });
            }
            Event::AudioLost { stream } => self.add(now, Happening::AudioLost { stream: *stream }),
            _ => {}
        }
    }

    /// The network came up.
    pub fn network_up(&mut self, now: Timestamp) {
        if self.nudged.is_none_or(|last| now.since(last) >= NUDGES_TOGETHER) {
            self.nudged = Some(now);
            self.add(now, Happening::NetworkUp);
        }
    }

    /// The device has slept.
    pub fn woke(&mut self, now: Timestamp, asleep: Duration) {
        self.add(now, Happening::Asleep { asleep_ms: ms(asleep) });
    }

    /// What the round trip is now.
    pub fn round_trip(&mut self, now: Timestamp, rtt: Duration) {
        let is_news = self.rtt.is_none_or(|(told_at, told)| {
            now.since(told_at) >= RTT_INTERVAL && told.abs_diff(rtt) > RTT_STEP.max(told / 4)
        });
        if is_news {
            self.rtt = Some((now, rtt));
            self.add(now, Happening::RoundTrip { rtt_ms: ms(rtt) });
        }
    }

    fn state(&mut self, now: Timestamp, silent: Duration, state: LinkState) {
        let was_live = std::mem::replace(&mut self.live, state.is_live());
        if was_live {
            self.down_since = now;
        }
        match state {
            LinkState::Idle => {}
            LinkState::Connecting { attempt } => self.attempt = attempt,
            LinkState::Resuming { .. } => self.add(now, Happening::Opened),
            LinkState::Live => self.add(now, Happening::Live { outage_ms: ms(now.since(self.down_since)) }),
            LinkState::Waiting { retry_in, cause, .. } => {
                let retry_in_ms = ms(retry_in);
                self.add(
                    now,
                    if was_live {
                        Happening::Lost { cause, silent_ms: ms(silent), retry_in_ms }
                    } else {
                        Happening::Failed { cause, retry_in_ms }
                    },
                );
            }
            LinkState::Refused { cause, .. } => self.add(now, Happening::Refused { cause }),
            LinkState::Closed => self.add(now, Happening::Closed),
        }
    }

    fn gap(&mut self, now: Timestamp, gap: &Gap) {
        let at = ms(now.since_origin());
        let same = self.entries.iter_mut().rev().take(LOOK_BACK).find_map(|(entry, bytes)| {
            let together = at.saturating_sub(entry.ms) < ms(GAPS_TOGETHER);
            match &mut entry.what {
                Happening::Gap { stream, cause, frames, lasting_ms, gaps }
                    if together && (*stream, *cause) == (gap.stream, gap.cause) =>
                {
                    *frames += gap.frames();
                    *lasting_ms += gap.ms;
                    *gaps = gaps.saturating_add(1);
                    Some((entry, bytes))
                }
                _ => None,
            }
        });
        if let Some((entry, bytes)) = same {
            let grown = text(entry).len();
            self.bytes = self.bytes + grown - *bytes;
            *bytes = grown;
            self.bound();
        } else {
            let Gap { stream, cause, ms: lasting_ms, .. } = *gap;
            self.add(now, Happening::Gap { stream, cause, frames: gap.frames(), lasting_ms, gaps: 1 });
        }
    }

    fn add(&mut self, now: Timestamp, what: Happening) {
        let entry = TimelineEntry { ms: ms(now.since_origin()), what };
        let bytes = text(&entry).len();
        self.bytes += bytes;
        self.entries.push_back((entry, bytes));
        self.bound();
    }

    fn bound(&mut self) {
        while self.entries.len() > MAX_ENTRIES || self.bytes > MAX_BYTES {
            let Some((_, bytes)) = self.entries.pop_front() else { return };
            self.bytes -= bytes;
            self.omitted += 1;
        }
    }
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use glasslink_protocol::{Cause, FrameIndex, GapCause, StreamFormat, StreamId};

    use super::*;

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_origin(Duration::from_millis(ms))
    }

    fn recorder() -> LinkRecorder {
        LinkRecorder::new("glasslink 0.1.0", UNIX_EPOCH + Duration::from_secs(7))
    }

    fn state(recorder: &mut LinkRecorder, ms: u64, state: LinkState) {
        recorder.event(at(ms), Duration::from_millis(30), &Event::State(state));
    }

    fn gap(stream: u32, from: u64, cause: GapCause) -> Event {
        let format = StreamFormat::lc3(16_000, 20).unwrap();
        Event::Gap(Gap::new(StreamId(stream), FrameIndex(from), FrameIndex(from + 2), cause, &format))
    }

    fn happenings(recorder: &LinkRecorder) -> Vec<(u64, Happening)> {
        recorder.timeline().entries.iter().map(|entry| (entry.ms, entry.what)).collect()
    }

    #[test]
    fn an_outage_is_told_from_its_cause_to_its_length() {
        let mut recorder = recorder();
        let cause = Cause::Reset;
        state(&mut recorder, 0, LinkState::Connecting { attempt: 1 });
        recorder.attempt(at(0), Transport::WebSocket);
        state(&mut recorder, 10, LinkState::Resuming { attempt: 1 });
        state(&mut recorder, 12, LinkState::Live);
        state(&mut recorder, 5_012, LinkState::Waiting { attempt: 2, retry_in: Duration::ZERO, cause });
        state(&mut recorder, 5_012, LinkState::Connecting { attempt: 2 });
        recorder.attempt(at(5_012), Transport::WebSocket);
        let retry_in = Duration::from_millis(200);
        state(&mut recorder, 5_020, LinkState::Waiting { attempt: 3, retry_in, cause: Cause::Dns });
        state(&mut recorder, 5_220, LinkState::Connecting { attempt: 3 });
        recorder.attempt(at(5_220), Transport::Http);
        state(&mut recorder, 5_240, LinkState::Live);
        state(&mut recorder, 6_000, LinkState::Closed);
        assert_eq!(
            happenings(&recorder),
            [
                (0, Happening::Attempt { attempt: 1, transport: Transport::WebSocket }),
                (10, Happening::Opened),
                (12, Happening::Live { outage_ms: 12 }),
                (5_012, Happening::Lost { cause, silent_ms: 30, retry_in_ms: 0 }),
                (5_012, Happening::Attempt { attempt: 2, transport: Transport::WebSocket }),
                (5_020, Happening::Failed { cause: Cause::Dns, retry_in_ms: 200 }),
                (5_220, Happening::Attempt { attempt: 3, transport: Transport::Http }),
                (5_240, Happening::Live { outage_ms: 228 }),
                (6_000, Happening::Closed),
            ]
        );
        assert_eq!(recorder.timeline().started_utc_ms, 7_000);
    }

    #[test]
    fn what_comes_often_is_told_seldom() {
        let mut recorder = recorder();
        for n in 0..1_000 {
            recorder.event(at(n * 20), Duration::ZERO, &gap(1, n * 4, GapCause::Radio));
            recorder.round_trip(at(n * 20), Duration::from_millis(40 + n % 10));
            recorder.network_up(at(n));
        }
        let told = happenings(&recorder);
        assert_eq!(told.len(), 4, "{told:?}");
        let (cause, stream) = (GapCause::Radio, StreamId(1));
        let ten_seconds = Happening::Gap { stream, cause, frames: 1_000, lasting_ms: 10_000, gaps: 500 };
        assert_eq!((told[0], told[3]), ((0, ten_seconds), (10_000, ten_seconds)));
        recorder.round_trip(at(20_000), Duration::from_millis(100));
        assert_eq!(happenings(&recorder).last(), Some(&(20_000, Happening::RoundTrip { rtt_ms: 100 })));
    }

    // SPEC P14.1
    #[test]
    fn it_is_bounded_in_entries_and_bytes_and_says_what_went() {
        let mut recorder = recorder();
        let mut added = 0;
        for n in 0..20_000 {
            recorder.woke(at(n), Duration::from_millis(n));
            added += 1;
        }
        assert_eq!(recorder.entries.len(), MAX_ENTRIES);
        assert_eq!(recorder.timeline().omitted, added - MAX_ENTRIES as u64);
        assert_eq!(recorder.timeline().entries[0].ms, added - MAX_ENTRIES as u64);
        let (stream, cause) = (StreamId(u32::MAX), GapCause::RelayLostHistory);
        let long = Happening::Gap { stream, cause, frames: u64::MAX, lasting_ms: u64::MAX, gaps: u32::MAX };
        for _ in 0..MAX_ENTRIES {
            recorder.add(at(u64::MAX / 2), long);
            added += 1;
        }
        let timeline = recorder.timeline();
        assert!(timeline.entries.len() < MAX_ENTRIES);
        assert_eq!(timeline.omitted + timeline.entries.len() as u64, added);
        // A comma and a line's end an entry, and the head.
        let json = timeline.to_json();
        assert!(json.len() <= MAX_BYTES + 2 * MAX_ENTRIES + 200, "{}", json.len());
        let counted: usize = recorder.entries.iter().map(|(entry, _)| text(entry).len()).sum();
        assert_eq!(recorder.bytes, counted);
    }

    #[test]
    fn an_epoch_that_follows_another_is_news() {
        let mut recorder = recorder();
        for epoch in [1, 1, 2, 2] {
            recorder.event(at(epoch), Duration::ZERO, &Event::Epoch(Epoch(epoch)));
        }
        assert_eq!(happenings(&recorder), [(2, Happening::NewEpoch)]);
    }
}
