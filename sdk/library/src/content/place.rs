use std::collections::BTreeMap;
use std::time::Duration;

use glasslink_audio::journal::RecordedStream;
use glasslink_protocol::{ClockMark, StreamId};

/// A stream, and where on the recording's timeline its frame 0 lies.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    pub(crate) stream: RecordedStream,
    pub(crate) from: Duration,
}

impl Placed {
    pub(crate) fn duration(&self) -> Duration {
        self.stream.info.format.stream_time(self.stream.next)
    }

    pub(crate) fn end(&self) -> Duration {
        self.from + self.duration()
    }
}

/// Puts streams on one timeline: one that continues another lies behind it, others lie by their first clock marks, or
/// at the start without one. The timeline starts with the earliest.
pub(crate) fn place(streams: Vec<RecordedStream>, marks: &[ClockMark]) -> Vec<Placed> {
    let known: BTreeMap<StreamId, &RecordedStream> =
        streams.iter().map(|stream| (stream.stream, stream)).collect();
    let earlier = |stream: &RecordedStream| {
        stream.info.continues.filter(|earlier| *earlier < stream.stream && known.contains_key(earlier))
    };
    let start_us = |stream: &RecordedStream| {
        let of_stream = marks.iter().filter(|mark| mark.stream == stream.stream);
        let mark = of_stream.min_by_key(|mark| mark.index)?;
        let before = i64::try_from(stream.info.format.stream_time(mark.index).as_micros()).ok()?;
        i64::try_from(mark.monotonic_us).ok()?.checked_sub(before)
    };
    let roots = streams.iter().filter(|stream| earlier(stream).is_none());
    let origin = roots.filter_map(start_us).min().unwrap_or(0);
    let place = |stream: &RecordedStream| {
        let (mut at, mut stream) = (Duration::ZERO, stream);
        // Stream numbers only go down on the way, so it ends.
        while let Some(before) = earlier(stream) {
            let before = known[&before];
            at += before.info.format.stream_time(before.next);
            stream = before;
        }
        let after_origin = start_us(stream).map_or(0, |start| start.saturating_sub(origin));
        at + Duration::from_micros(u64::try_from(after_origin).unwrap_or(0))
    };
    let places: Vec<Duration> = streams.iter().map(place).collect();
    streams.into_iter().zip(places).map(|(stream, from)| Placed { stream, from }).collect()
}

#[cfg(test)]
mod tests {
    use glasslink_audio::journal::StreamInfo;
    use glasslink_protocol::{FrameIndex, StreamFormat};

    use super::*;

    fn stream(id: u32, continues: Option<u32>, frames: u64) -> RecordedStream {
        let format = StreamFormat::lc3(16_000, 20).unwrap();
        let info = StreamInfo { format, continues: continues.map(StreamId), label: String::new() };
        let next = FrameIndex(frames);
        let (kept, transcribed) = (next, next);
        RecordedStream { stream: StreamId(id), info, next, kept, transcribed, end: Some(next) }
    }

    fn mark(id: u32, index: u64, ms: u64) -> ClockMark {
        let (stream, index) = (StreamId(id), FrameIndex(index));
        ClockMark { stream, index, monotonic_us: ms * 1000, utc_ms: 0, utc_offset_min: 0 }
    }

    #[test]
    fn streams_lie_by_their_marks_and_behind_what_they_continue() {
        let streams = vec![stream(1, None, 500), stream(2, None, 100), stream(3, Some(1), 50)];
        let marks = [mark(1, 0, 10_000), mark(2, 100, 13_000), mark(2, 200, 99_000), mark(3, 0, 77_000)];
        let placed = place(streams, &marks);
        let ms: Vec<u128> = placed.iter().map(|placed| placed.from.as_millis()).collect();
        assert_eq!(ms, [0, 2_000, 5_000]);
    }

    #[test]
    fn streams_that_continue_each_other_in_a_circle_end_somewhere() {
        let placed = place(vec![stream(1, Some(2), 10), stream(2, Some(1), 10), stream(3, Some(9), 10)], &[]);
        assert!(placed.iter().all(|placed| placed.from <= Duration::from_millis(100)));
    }
}
