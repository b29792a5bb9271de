use std::time::Duration;

use glasslink_protocol::{Epoch, GapCause};
use glasslink_session::{AudioCounts, Event, LinkState, LinkStats, Timestamp, Transport};
use metrics::{counter, gauge, histogram};

/// Tells the program's recorder, if it has one, what the link does: METRICS.md. Per event and per sample, never per
/// frame; a link adds to what other links of the process have told.
#[derive(Debug, Default)]
pub(crate) struct Telemetry {
    told: LinkStats,
    live: bool,
    was_live: bool,
    /// Since when the link has not been live.
    down_since: Timestamp,
    epoch: Option<Epoch>,
}

/// Why an attempt was made at once.
#[derive(Clone, Copy, Debug)]
pub(crate) enum NudgedBy {
    Program,
    System,
    Wake,
}

impl Telemetry {
    pub(crate) fn attempt(transport: Transport) {
        let transport = match transport {
            Transport::WebSocket => "websocket",
            Transport::Http => "http",
        };
        counter!("glasslink_attempts_total", "transport" => transport).increment(1);
    }

    pub(crate) fn nudged(by: NudgedBy) {
        let by = match by {
            NudgedBy::Program => "program",
            NudgedBy::System => "system",
            NudgedBy::Wake => "wake",
        };
        counter!("glasslink_nudges_total", "by" => by).increment(1);
    }

    /// Events came faster than a consumer took them.
    pub(crate) fn missed(events: u64) {
        counter!("glasslink_events_missed_total").increment(events);
    }

    /// A recording of an earlier process is gone on with.
    pub(crate) fn recovered() {
        counter!("glasslink_recordings_resumed_total").increment(1);
    }

    /// `silent`: how long nothing had come from the relay.
    pub(crate) fn event(&mut self, now: Timestamp, silent: Duration, event: &Event) {
        match event {
            Event::State(state) => self.state(now, silent, *state),
            Event::Gap(gap) => {
                let cause = gap_cause(gap.cause);
                counter!("glasslink_gaps_total", "cause" => cause).increment(1);
                counter!("glasslink_gap_frames_total", "cause" => cause).increment(gap.frames());
            }
            Event::Epoch(epoch) if self.epoch.replace(*epoch).is_some_and(|last| last != *epoch) => {
                counter!("glasslink_epochs_lost_total").increment(1);
            }
            Event::Continued { .. } => counter!("glasslink_long_outages_total").increment(1),
            _ => {}
        }
    }

    /// The figures as they are now.
    pub(crate) fn sample(&mut self, stats: &LinkStats) {
        let told = std::mem::replace(&mut self.told, *stats);
        let more =
            |name: &'static str, now: u64, before: u64| counter!(name).increment(now - before.min(now));
        more("glasslink_frames_captured_total", stats.captured, told.captured);
        more("glasslink_frames_acknowledged_total", stats.acknowledged, told.acknowledged);
        more("glasslink_frames_lost_total", stats.lost, told.lost);
        more("glasslink_frames_absent_total", stats.absent, told.absent);
        more("glasslink_audio_messages_sent_total", stats.sent_messages, told.sent_messages);
        more("glasslink_audio_bytes_sent_total", stats.sent_bytes, told.sent_bytes);
        let (AudioCounts { stalls, rearms, recoveries, given_up }, before) = (stats.audio, told.audio);
        more("glasslink_audio_stalls_total", stalls, before.stalls);
        more("glasslink_audio_rearms_total", rearms, before.rearms);
        more("glasslink_audio_recoveries_total", recoveries, before.recoveries);
        more("glasslink_audio_given_up_total", given_up, before.given_up);
        gauge!("glasslink_frames_buffered").increment(stats.buffered as f64 - told.buffered as f64);
        gauge!("glasslink_buffered_bytes")
            .increment(stats.buffered_bytes as f64 - told.buffered_bytes as f64);
        if let Some(rtt) = stats.rtt.filter(|_| self.live) {
            histogram!("glasslink_round_trip_seconds").record(rtt);
        }
    }

    /// The link has ended: what it held is nobody's any more.
    pub(crate) fn end(&mut self, stats: &LinkStats) {
        self.sample(stats);
        gauge!("glasslink_frames_buffered").decrement(stats.buffered as f64);
        gauge!("glasslink_buffered_bytes").decrement(stats.buffered_bytes as f64);
        if std::mem::take(&mut self.live) {
            gauge!("glasslink_links_live").decrement(1.0);
        }
    }

    fn state(&mut self, now: Timestamp, silent: Duration, state: LinkState) {
        counter!("glasslink_states_total", "state" => state.name()).increment(1);
        let was_live = std::mem::replace(&mut self.live, state.is_live());
        if was_live != self.live {
            gauge!("glasslink_links_live").increment(if self.live { 1.0 } else { -1.0 });
        }
        if was_live {
            self.down_since = now;
        }
        match state {
            LinkState::Live if std::mem::replace(&mut self.was_live, true) => {
                histogram!("glasslink_outage_seconds").record(now.since(self.down_since));
            }
            LinkState::Live => {
                histogram!("glasslink_first_live_seconds").record(now.since(self.down_since));
            }
            LinkState::Waiting { retry_in, cause, .. } => {
                histogram!("glasslink_retry_delay_seconds").record(retry_in);
                if was_live {
                    counter!("glasslink_connections_lost_total", "cause" => cause.code()).increment(1);
                    histogram!("glasslink_silence_before_loss_seconds").record(silent);
                } else {
                    counter!("glasslink_attempts_failed_total", "cause" => cause.code()).increment(1);
                }
            }
            LinkState::Refused { cause, .. } => {
                counter!("glasslink_refusals_total", "cause" => cause.code()).increment(1);
            }
            _ => {}
        }
    }
}

/// The cause as it crosses the wire.
fn gap_cause(cause: GapCause) -> &'static str {
    match cause {
        GapCause::Radio => "radio",
        GapCause::Overflow => "overflow",
        GapCause::Rejected => "rejected",
        GapCause::Absent => "absent",
        GapCause::Disk => "disk",
        GapCause::RelayLostHistory => "relay_lost_history",
        GapCause::NotTranscribed => "not_transcribed",
        GapCause::Unknown => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use glasslink_protocol::{Cause, FrameIndex, Gap, StreamFormat, StreamId};
    use metrics_util::MetricKind;
    use metrics_util::debugging::{DebugValue, DebuggingRecorder};

    use super::*;

    /// Name, kind and labels.
    type Figure = (String, &'static str, BTreeSet<String>);

    /// What METRICS.md lists.
    fn table() -> BTreeSet<Figure> {
        let rows = include_str!("../METRICS.md").lines().filter(|line| line.starts_with("| `glasslink_"));
        let figure = |row: &str| {
            let cells: Vec<_> = row.split('|').map(|cell| cell.trim().replace('`', "")).collect();
            let kind = ["counter", "gauge", "histogram"].into_iter().find(|kind| cells[2] == *kind);
            let labels = cells[4].split(", ").filter(|label| !label.is_empty()).map(str::to_owned).collect();
            let promise = &cells[5];
            assert!(promise.split(' ').all(|promise| promise.starts_with('P')), "{row}");
            (cells[1].clone(), kind.unwrap_or_else(|| panic!("{row}")), labels)
        };
        rows.map(figure).collect()
    }

    /// What `tell` tells a recorder: each figure, and its value over all labels.
    fn told(tell: impl FnOnce()) -> BTreeMap<Figure, i64> {
        let recorder = DebuggingRecorder::new();
        let snapshotter = recorder.snapshotter();
        metrics::with_local_recorder(&recorder, tell);
        let mut told = BTreeMap::new();
        for (key, _, _, value) in snapshotter.snapshot().into_vec() {
            let kind = match key.kind() {
                MetricKind::Counter => "counter",
                MetricKind::Gauge => "gauge",
                MetricKind::Histogram => "histogram",
            };
            let labels = key.key().labels().map(|label| label.key().to_owned()).collect();
            let value = match value {
                DebugValue::Counter(count) => count as i64,
                DebugValue::Gauge(value) => value.into_inner() as i64,
                DebugValue::Histogram(values) => values.len() as i64,
            };
            *told.entry((key.key().name().to_owned(), kind, labels)).or_default() += value;
        }
        told
    }

    fn stats() -> LinkStats {
        LinkStats {
            captured: 30,
            acknowledged: 10,
            buffered: 15,
            lost: 5,
            absent: 4,
            buffered_bytes: 300,
            rtt: Some(Duration::from_millis(40)),
            sent_messages: 3,
            sent_bytes: 700,
            audio: AudioCounts { stalls: 1, rearms: 2, recoveries: 1, given_up: 1 },
            ..LinkStats::default()
        }
    }

    /// Everything that can be told, once or more.
    fn everything() {
        let mut telemetry = Telemetry::default();
        let at = |ms| Timestamp::from_origin(Duration::from_millis(ms));
        let silent = Duration::from_millis(1_500);
        Telemetry::attempt(Transport::WebSocket);
        Telemetry::attempt(Transport::Http);
        for by in [NudgedBy::Program, NudgedBy::System, NudgedBy::Wake] {
            Telemetry::nudged(by);
        }
        Telemetry::missed(2);
        Telemetry::recovered();
        let waiting = |cause| LinkState::Waiting { attempt: 2, retry_in: Duration::from_millis(250), cause };
        for state in [
            LinkState::Connecting { attempt: 1 },
            waiting(Cause::ConnectionRefused),
            LinkState::Live,
            waiting(Cause::Stalled),
            LinkState::Live,
            LinkState::Refused { cause: Cause::Unauthorized, remedy: "" },
            LinkState::Live,
        ] {
            telemetry.event(at(10), silent, &Event::State(state));
        }
        let format = StreamFormat::lc3(16_000, 20).unwrap();
        let (stream, from, to) = (StreamId(1), FrameIndex(0), FrameIndex(5));
        let gap = Gap::new(stream, from, to, GapCause::Overflow, &format);
        for event in [
            Event::Gap(gap),
            Event::Epoch(Epoch(1)),
            Event::Epoch(Epoch(2)),
            Event::Continued { stream, at: to, by: StreamId(2) },
        ] {
            telemetry.event(at(20), silent, &event);
        }
        telemetry.sample(&stats());
        telemetry.sample(&stats());
        telemetry.end(&stats());
    }

    #[test]
    fn the_table_lists_what_is_told_and_nothing_else() {
        let told = told(everything);
        let names: BTreeSet<Figure> = told.keys().cloned().collect();
        assert_eq!(names, table());
        let value = |name: &str| told.iter().find(|((told, ..), _)| told == name).unwrap().1;
        assert_eq!(*value("glasslink_frames_captured_total"), 30, "two samples, one ledger");
        assert_eq!(*value("glasslink_gap_frames_total"), 5);
        assert_eq!(*value("glasslink_outage_seconds"), 2);
        for gauge in ["glasslink_frames_buffered", "glasslink_buffered_bytes", "glasslink_links_live"] {
            assert_eq!(*value(gauge), 0, "{gauge} of a link that ended");
        }
    }

    // SPEC P1.1
    #[test]
    fn a_link_that_runs_tells_its_ledger_and_nothing_that_is_not_in_the_table() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let told = told(|| {
            runtime.block_on(async {
                let relay = glasslink_relay::Relay::builder().start().await.unwrap();
                let (link, _) = crate::Link::builder(relay.url()).connect().unwrap();
                let stream = link.open(StreamFormat::pcm(16_000).unwrap(), crate::StreamOptions::default());
                let stream = stream.unwrap();
                for _ in 0..50 {
                    stream.push(&[0; 320]).unwrap();
                }
                stream.end();
                // Kept is enough: this relay has no speech engine.
                let _ = link.finish().await;
                link.close().await;
                relay.shutdown().await;
            });
        });
        let value = |name: &str| told.iter().find(|((told, ..), _)| told == name).map(|(_, value)| *value);
        assert_eq!(value("glasslink_frames_captured_total"), Some(50));
        assert_eq!(value("glasslink_frames_acknowledged_total"), Some(50));
        assert_eq!(value("glasslink_frames_buffered"), Some(0));
        assert_eq!(value("glasslink_links_live"), Some(0));
        // The relay of this process tells its own.
        let names = told.into_keys().filter(|(name, ..)| !name.starts_with("glasslink_relay_"));
        let names: BTreeSet<Figure> = names.collect();
        let listed = table();
        assert!(names.is_subset(&listed), "{:?}", names.difference(&listed));
    }
}
