use bytes::Bytes;
use glasslink_protocol::{AppAudio, AudioMessage, FrameIndex, Gap, StreamFormat, StreamId};

use super::told::{Opened, Told};
use crate::speech::{StreamDecoder, Timeline};

/// Samples of a frame of what apps get.
const FRAME: usize = 160;

/// Frames of a message to an app: 1 s, whatever backlog they come of.
const FRAMES: usize = 100;

/// A stream on its way from a client's frames to the frames of [`AppAudio::pcm_format`]. Frame *n* of those is the 10 ms
/// from *n* x 10 ms of stream time on.
pub(super) struct Decoding {
    stream: StreamId,
    format: StreamFormat,
    decoder: Option<StreamDecoder>,
    timeline: Timeline,
    /// The client's next frame.
    next: FrameIndex,
    /// Decoded, from the start of frame `at` on.
    samples: Vec<i16>,
    at: u64,
}

impl Decoding {
    /// What apps are told of the stream.
    pub(super) fn new(opened: &Opened) -> (Self, Opened) {
        let Opened { stream, format, from, .. } = *opened;
        let mut decoding = Self {
            stream,
            format,
            decoder: StreamDecoder::new(format).ok(),
            timeline: Timeline::new(&format, FrameIndex(0)),
            next: from,
            samples: Vec::new(),
            at: 0,
        };
        decoding.start_at(from);
        let from = FrameIndex(decoding.at);
        (decoding, Opened { from, format: AppAudio::pcm_format(), ..opened.clone() })
    }

    /// Frames came; samples go.
    pub(super) fn frames(&mut self, first: FrameIndex, count: u16, body: &[u8], told: &mut Vec<Told>) {
        let message = AudioMessage { stream: self.stream, first, count, body };
        let Some(decoder) = &mut self.decoder else { return };
        // The session checked that the body divides into frames.
        for frame in message.frames(&self.format).into_iter().flatten() {
            decoder.decode(Some(frame), &mut self.samples);
        }
        self.next = message.end();
        self.take_whole(told);
    }

    pub(super) fn gap(&mut self, gap: &Gap, told: &mut Vec<Told>) {
        self.hole(gap.to, told, |stream, from, to| {
            Told::Gap(Gap::new(stream, from, to, gap.cause, &AppAudio::pcm_format()))
        });
    }

    pub(super) fn missed(&mut self, to: FrameIndex, told: &mut Vec<Told>) {
        self.hole(to, told, |stream, from, to| Told::Missed { stream, from, to });
    }

    pub(super) fn ended(&mut self, at: FrameIndex, told: &mut Vec<Told>) {
        self.cut(at, told);
        told.push(Told::Ended { stream: self.stream, at: FrameIndex(self.at) });
    }

    /// The frame that is told next.
    pub(super) fn next(&self) -> FrameIndex {
        FrameIndex(self.at)
    }

    /// Whether the client had better send something else, since this was last asked.
    pub(super) fn take_undecodable(&mut self) -> bool {
        self.decoder.as_mut().is_some_and(StreamDecoder::take_undecodable)
    }

    /// No frames before `to` come. What is before is told, to a whole frame with silence; what is behind starts afresh.
    fn hole(
        &mut self,
        to: FrameIndex,
        told: &mut Vec<Told>,
        hole: impl FnOnce(StreamId, FrameIndex, FrameIndex) -> Told,
    ) {
        self.cut(self.next, told);
        let from = self.at;
        if (self.timeline.position(to) / FRAME as u64) <= from {
            // Less than a frame; the silence covers it.
            self.next = to;
            let due = self.timeline.position(to).saturating_sub(from * FRAME as u64);
            self.samples.resize(due as usize, 0);
            return;
        }
        self.start_at(to);
        told.push(hole(self.stream, FrameIndex(from), FrameIndex(self.at)));
    }

    /// All samples before the client's frame `end` are told, and the frame they end in is filled up.
    fn cut(&mut self, end: FrameIndex, told: &mut Vec<Told>) {
        if let Some(decoder) = &mut self.decoder {
            decoder.finish(&mut self.samples);
        }
        let due = self.timeline.position(end).saturating_sub(self.at * FRAME as u64) as usize;
        self.samples.truncate(due.max(self.samples.len() / FRAME * FRAME));
        self.samples.resize(self.samples.len().next_multiple_of(FRAME), 0);
        self.take_whole(told);
    }

    fn start_at(&mut self, frame: FrameIndex) {
        let position = self.timeline.position(frame);
        self.at = position / FRAME as u64;
        self.samples.clear();
        self.samples.resize(position as usize % FRAME, 0);
        self.next = frame;
    }

    fn take_whole(&mut self, told: &mut Vec<Told>) {
        let whole = self.samples.len() / FRAME * FRAME;
        for part in self.samples[..whole].chunks(FRAMES * FRAME) {
            let bytes: Vec<u8> = part.iter().flat_map(|sample| sample.to_le_bytes()).collect();
            let count = (part.len() / FRAME) as u16;
            let (first, body) = (FrameIndex(self.at), Bytes::from(bytes));
            told.push(Told::Frames { stream: self.stream, first, count, body });
            self.at += u64::from(count);
        }
        self.samples.drain(..whole);
    }
}

#[cfg(test)]
mod tests {
    use glasslink_protocol::GapCause;

    use super::*;

    fn decoding(format: StreamFormat, from: u64) -> (Decoding, Opened) {
        let (continues, label) = (None, String::new());
        Decoding::new(&Opened { stream: StreamId(1), format, from: FrameIndex(from), continues, label })
    }

    /// Ranges told, and what they are.
    fn ranges(told: &[Told]) -> Vec<(&'static str, u64, u64)> {
        let range = |told: &Told| match told {
            Told::Frames { first, count, body, .. } => {
                assert_eq!(body.len(), usize::from(*count) * 320);
                ("frames", first.0, first.0 + u64::from(*count))
            }
            Told::Gap(gap) => ("gap", gap.from.0, gap.to.0),
            Told::Missed { from, to, .. } => ("missed", from.0, to.0),
            Told::Ended { at, .. } => ("ended", at.0, at.0),
            Told::Opened(_) => unreachable!("only the door opens streams"),
        };
        told.iter().map(range).collect()
    }

    #[test]
    fn every_frame_of_10_ms_is_told_as_samples_a_gap_or_missed() {
        let (mut decoding, opened) = decoding(StreamFormat::lc3(16_000, 20).unwrap(), 7);
        assert_eq!((opened.from, opened.format), (FrameIndex(7), AppAudio::pcm_format()));
        let mut told = Vec::new();
        decoding.frames(FrameIndex(7), 5, &[0; 100], &mut told);
        let format = StreamFormat::lc3(16_000, 20).unwrap();
        let gap = Gap::new(StreamId(1), FrameIndex(12), FrameIndex(20), GapCause::Radio, &format);
        decoding.gap(&gap, &mut told);
        decoding.frames(FrameIndex(20), 2, &[0; 40], &mut told);
        decoding.missed(FrameIndex(30), &mut told);
        decoding.frames(FrameIndex(30), 1, &[0; 20], &mut told);
        decoding.ended(FrameIndex(31), &mut told);
        let expected = [
            ("frames", 7, 12),
            ("gap", 12, 20),
            ("frames", 20, 22),
            ("missed", 22, 30),
            ("frames", 30, 31),
            ("ended", 31, 31),
        ];
        assert_eq!(ranges(&told), expected);
    }

    #[test]
    fn frames_of_another_length_and_rate_come_out_on_the_same_grid_without_a_hole() {
        let formats = [
            StreamFormat::lc3(44_100, 100).unwrap(),
            StreamFormat::opus(48_000, 960).unwrap(),
            StreamFormat::pcm(11_025).unwrap(),
        ];
        for format in formats {
            let (mut decoding, opened) = decoding(format, 33);
            let mut told = Vec::new();
            let size = format.frame_bytes().unwrap_or(1) as usize;
            let frame = if format.frame_bytes().is_some() { vec![0; size] } else { vec![1, 0, 0xf8] };
            for first in 33..83 {
                decoding.frames(FrameIndex(first), 1, &frame, &mut told);
            }
            let gap = Gap::new(StreamId(1), FrameIndex(83), FrameIndex(203), GapCause::Absent, &format);
            decoding.gap(&gap, &mut told);
            for first in 203..253 {
                decoding.frames(FrameIndex(first), 1, &frame, &mut told);
            }
            decoding.ended(FrameIndex(253), &mut told);
            let mut at = opened.from.0;
            for (_, from, to) in ranges(&told) {
                assert_eq!(from, at, "{format:?}: {told:?}");
                at = to;
            }
            let end = format.stream_time(FrameIndex(253)).as_secs_f64() * 100.0;
            assert!((at as f64 - end).abs() <= 1.0, "{format:?}: {at} is not {end}");
        }
    }

    #[test]
    fn a_gap_shorter_than_a_frame_is_silence() {
        let format = StreamFormat::opus(48_000, 120).unwrap();
        let (mut decoding, _) = decoding(format, 0);
        let mut told = Vec::new();
        let frame = [1, 0, 0xf8];
        for first in 0..6 {
            decoding.frames(FrameIndex(first), 1, &frame, &mut told);
        }
        let gap = Gap::new(StreamId(1), FrameIndex(6), FrameIndex(7), GapCause::Radio, &format);
        decoding.gap(&gap, &mut told);
        decoding.ended(FrameIndex(8), &mut told);
        let (_, _, end) = *ranges(&told).last().unwrap();
        assert_eq!(end, 2, "{told:?}");
    }
}
