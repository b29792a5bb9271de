use glasslink_protocol::{Cause, GapCause};
use glasslink_session::{RelayEvent, RelayStreamSums};
use metrics::{counter, gauge};

/// Tells the program's recorder, if it has one, what a session does: METRICS.md. Per event; what is counted in frames
/// when a connection ends, and at the session's end.
#[derive(Debug)]
pub(crate) struct Telemetry {
    told: Frames,
}

#[derive(Clone, Copy, Debug, Default)]
struct Frames {
    received: u64,
    duplicates: u64,
}

impl Telemetry {
    /// A session begins, with what it knows already.
    pub(crate) fn begin(sums: impl Iterator<Item = RelayStreamSums>) -> Self {
        gauge!("glasslink_relay_sessions").increment(1.0);
        Self { told: Frames::of(sums) }
    }

    pub(crate) fn refused(cause: Cause) {
        counter!("glasslink_relay_refused_total", "cause" => cause.code()).increment(1);
    }

    /// A decoder could make nothing of a frame.
    pub(crate) fn bad_frame() {
        counter!("glasslink_relay_bad_frames_total").increment(1);
    }

    /// A connection took nothing and was dropped.
    pub(crate) fn stuck() {
        counter!("glasslink_relay_stuck_connections_total").increment(1);
    }

    pub(crate) fn event(event: &RelayEvent) {
        match event {
            RelayEvent::Attached => counter!("glasslink_relay_attached_total").increment(1),
            RelayEvent::Detached => counter!("glasslink_relay_detached_total").increment(1),
            RelayEvent::Gap(gap) => {
                let cause = gap_cause(gap.cause);
                counter!("glasslink_relay_gap_frames_total", "cause" => cause).increment(gap.frames());
            }
            RelayEvent::AudioStalled { given_up, .. } => {
                let given_up = if *given_up { "yes" } else { "no" };
                counter!("glasslink_relay_audio_stalls_total", "given_up" => given_up).increment(1);
            }
            RelayEvent::LedgerMismatch(_) => {
                counter!("glasslink_relay_ledger_mismatches_total").increment(1);
            }
            _ => {}
        }
    }

    pub(crate) fn frames(&mut self, sums: impl Iterator<Item = RelayStreamSums>) {
        let now = Frames::of(sums);
        let told = std::mem::replace(&mut self.told, now);
        let more = |now: u64, told: u64| now.saturating_sub(told);
        counter!("glasslink_relay_frames_received_total").increment(more(now.received, told.received));
        counter!("glasslink_relay_frames_duplicate_total").increment(more(now.duplicates, told.duplicates));
    }

    /// `over`: nobody will come back to it.
    pub(crate) fn end(mut self, sums: impl Iterator<Item = RelayStreamSums>, over: bool) {
        self.frames(sums);
        gauge!("glasslink_relay_sessions").decrement(1.0);
        if over {
            counter!("glasslink_relay_sessions_over_total").increment(1);
        }
    }
}

impl Frames {
    fn of(sums: impl Iterator<Item = RelayStreamSums>) -> Self {
        sums.fold(Self::default(), |all, sums| Self {
            received: all.received + sums.frames,
            duplicates: all.duplicates + sums.duplicates,
        })
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

    use glasslink_protocol::{FrameIndex, Gap, StreamFormat, StreamId, StreamSums};
    use metrics_util::debugging::{DebugValue, DebuggingRecorder};

    use super::*;

    /// Name, kind and labels.
    type Figure = (String, String, BTreeSet<String>);

    /// What METRICS.md lists.
    fn table() -> BTreeSet<Figure> {
        let rows = include_str!("../../METRICS.md").lines().filter(|line| line.starts_with("| `glasslink_"));
        let figure = |row: &str| {
            let cells: Vec<_> = row.split('|').map(|cell| cell.trim().replace('`', "")).collect();
            assert!(cells[5].split(' ').all(|promise| promise.starts_with('P')), "{row}");
            let labels = cells[4].split(", ").filter(|label| !label.is_empty()).map(str::to_owned).collect();
            (cells[1].clone(), cells[2].clone(), labels)
        };
        rows.map(figure).collect()
    }

    #[test]
    fn the_table_lists_what_is_told_and_nothing_else() {
        let recorder = DebuggingRecorder::new();
        let snapshotter = recorder.snapshotter();
        let (stream, from, to) = (StreamId(1), FrameIndex(0), FrameIndex(5));
        let format = StreamFormat::lc3(16_000, 20).unwrap();
        let stream_sums =
            StreamSums { stream, captured: 9, acknowledged: 1, buffered: 0, lost: 0, absent: 0 };
        let sums = |frames| {
            let sums = RelayStreamSums { stream, from, frames, duplicates: 2, ..RelayStreamSums::default() };
            [sums].into_iter()
        };
        metrics::with_local_recorder(&recorder, || {
            let mut telemetry = Telemetry::begin([].into_iter());
            for event in [
                RelayEvent::Attached,
                RelayEvent::Detached,
                RelayEvent::Gap(Gap::new(stream, from, to, GapCause::Overflow, &format)),
                RelayEvent::AudioStalled { stream, rearms: 1, given_up: false },
                RelayEvent::LedgerMismatch(stream_sums),
            ] {
                Telemetry::event(&event);
            }
            Telemetry::refused(Cause::Superseded);
            Telemetry::stuck();
            Telemetry::bad_frame();
            telemetry.frames(sums(7));
            telemetry.end(sums(9), true);
        });
        let mut told = BTreeMap::new();
        for (key, _, _, value) in snapshotter.snapshot().into_vec() {
            let (kind, value) = match value {
                DebugValue::Counter(count) => ("counter", count as i64),
                DebugValue::Gauge(value) => ("gauge", value.into_inner() as i64),
                DebugValue::Histogram(values) => ("histogram", values.len() as i64),
            };
            let labels = key.key().labels().map(|label| label.key().to_owned()).collect();
            told.insert((key.key().name().to_owned(), kind.to_owned(), labels), value);
        }
        let (told_here, table) = (told.keys().cloned().collect::<BTreeSet<Figure>>(), table());
        assert!(told_here.is_subset(&table), "{:#?}", told_here.difference(&table));
        let value = |name: &str| told.iter().find(|((told, ..), _)| told == name).map(|(_, value)| *value);
        assert_eq!(value("glasslink_relay_frames_received_total"), Some(9));
        assert_eq!(value("glasslink_relay_frames_duplicate_total"), Some(2));
        assert_eq!(value("glasslink_relay_sessions"), Some(0));
    }
}
