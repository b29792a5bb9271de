use std::time::{Duration, SystemTime};

use glasslink_session::{Event, LinkRecorder, LinkStats, LinkTimeline, Timestamp, Transport};

use crate::telemetry::{NudgedBy, Telemetry};

/// What happens on a link, for those who ask afterwards: its timeline, and the program's dashboard.
#[derive(Debug)]
pub(crate) struct Notes {
    recorder: LinkRecorder,
    telemetry: Telemetry,
}

impl Notes {
    pub(crate) fn new() -> Self {
        let client = concat!("glasslink ", env!("CARGO_PKG_VERSION"));
        Self { recorder: LinkRecorder::new(client, SystemTime::now()), telemetry: Telemetry::default() }
    }

    pub(crate) fn timeline(&self) -> LinkTimeline {
        self.recorder.timeline()
    }

    pub(crate) fn attempt(&mut self, now: Timestamp, transport: Transport) {
        self.recorder.attempt(now, transport);
        Telemetry::attempt(transport);
    }

    /// `silent`: how long nothing had come from the relay.
    pub(crate) fn event(&mut self, now: Timestamp, silent: Duration, event: &Event) {
        self.recorder.event(now, silent, event);
        self.telemetry.event(now, silent, event);
    }

    pub(crate) fn sample(&mut self, now: Timestamp, stats: &LinkStats) {
        if let Some(rtt) = stats.rtt {
            self.recorder.round_trip(now, rtt);
        }
        self.telemetry.sample(stats);
    }

    pub(crate) fn network_up(&mut self, now: Timestamp, by: NudgedBy) {
        self.recorder.network_up(now);
        Telemetry::nudged(by);
    }

    pub(crate) fn woke(&mut self, now: Timestamp, asleep: Duration) {
        self.recorder.woke(now, asleep);
        Telemetry::nudged(NudgedBy::Wake);
    }

    pub(crate) fn end(&mut self, stats: &LinkStats) {
        self.telemetry.end(stats);
    }
}
