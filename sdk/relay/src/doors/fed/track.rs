use std::collections::VecDeque;
use std::time::{Duration, Instant};

use glasslink_audio::clock_mark;
use glasslink_protocol::{
    AudioMessage, Codec, FrameIndex, HEADER_BYTES, MAX_AUDIO_BYTES, MAX_FRAMES_PER_MESSAGE, StreamFormat,
    StreamId, StreamStart,
};

use super::feed::Feed;

/// Stream time between two clock marks, and the pause in what comes that wants another.
const MARKS: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_secs(1);

/// One source's audio: streams that each go on from the one before. A new one begins where what was said so far is to
/// be settled, or the frames become others.
pub(in crate::doors) struct Track {
    label: String,
    /// Those that are not settled, oldest first; only the last one may be open.
    legs: VecDeque<Leg>,
    last: Option<StreamId>,
    /// Where the next one begins: the audio of those before.
    begins: Duration,
    /// Samples of less than a frame.
    rest: Vec<u8>,
    marked_at: Option<(Duration, Instant)>,
}

struct Leg {
    stream: StreamId,
    format: StreamFormat,
    begins: Duration,
    next: FrameIndex,
    transcribed: FrameIndex,
    ended: bool,
}

/// What is still to come of what came before a [`Track::split`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::doors) enum Split {
    /// Nothing had come since the last one.
    Nothing,
    /// All its text was said.
    Settled,
    /// The rest of this stream's text.
    Awaited(StreamId),
}

impl Leg {
    fn end(&self) -> Duration {
        self.begins + self.format.stream_time(self.next)
    }

    fn is_done(&self) -> bool {
        self.ended && self.transcribed >= self.next
    }
}

impl Track {
    /// `label`: what a person calls the source.
    pub(in crate::doors) fn new(label: String) -> Self {
        Self {
            label,
            legs: VecDeque::new(),
            last: None,
            begins: Duration::ZERO,
            rest: Vec::new(),
            marked_at: None,
        }
    }

    /// Takes signed 16-bit little-endian samples, any number of bytes of them.
    pub(in crate::doors) fn samples(&mut self, feed: &mut Feed, format: StreamFormat, bytes: &[u8]) {
        let Some(size) = format.frame_bytes().map(|size| size as usize) else { return };
        let missing = (size - self.rest.len()) % size;
        if missing > bytes.len() {
            self.rest.extend_from_slice(bytes);
            return;
        }
        let (first, rest) = bytes.split_at(missing);
        if !self.rest.is_empty() {
            self.rest.extend_from_slice(first);
            let frame = std::mem::take(&mut self.rest);
            self.frames(feed, format, &frame, 1);
        }
        let whole = rest.len() / size * size;
        let most = (MAX_AUDIO_BYTES - HEADER_BYTES) / size * size;
        let most = most.min(usize::from(MAX_FRAMES_PER_MESSAGE) * size);
        for frames in rest[..whole].chunks(most) {
            self.frames(feed, format, frames, frames.len() / size);
        }
        self.rest.extend_from_slice(&rest[whole..]);
    }

    /// Takes one encoded frame, of a size that the format has.
    pub(in crate::doors) fn frame(&mut self, feed: &mut Feed, format: StreamFormat, frame: &[u8]) {
        if format.frame_bytes().is_some() {
            self.frames(feed, format, frame, 1);
        } else {
            // Its format has no frame of more.
            let length = u16::try_from(frame.len()).unwrap_or_default();
            let body = [&length.to_le_bytes(), frame].concat();
            self.frames(feed, format, &body, 1);
        }
    }

    fn frames(&mut self, feed: &mut Feed, format: StreamFormat, body: &[u8], count: usize) {
        if self.legs.back().is_some_and(|leg| !leg.ended && leg.format != format) {
            self.split(feed);
        }
        if self.legs.back().is_none_or(|leg| leg.ended) {
            self.open(feed, format);
        }
        let Some(leg) = self.legs.back_mut() else { return };
        let count = u16::try_from(count).unwrap_or(MAX_FRAMES_PER_MESSAGE);
        let (at, now) = (leg.end(), tokio::time::Instant::now().into_std());
        let is_due = |(marked, came): (Duration, Instant)| at >= marked + MARKS || now >= came + PAUSE;
        if self.marked_at.is_none_or(is_due) {
            let lasts = format.duration(u64::from(count));
            feed.clock(clock_mark(leg.stream, leg.next, now.checked_sub(lasts).unwrap_or(now), 0));
            self.marked_at = Some((at, now));
        }
        if let Some((_, came)) = &mut self.marked_at {
            *came = now;
        }
        feed.audio(&AudioMessage { stream: leg.stream, first: leg.next, count, body });
        leg.next += u64::from(count);
    }

    fn open(&mut self, feed: &mut Feed, format: StreamFormat) {
        let stream = feed.new_stream();
        feed.open(StreamStart {
            stream,
            format,
            from: FrameIndex(0),
            transcribed: FrameIndex(0),
            continues: self.last,
            label: self.label.clone(),
        });
        let (next, transcribed) = (FrameIndex(0), FrameIndex(0));
        let begins = self.begins;
        self.legs.push_back(Leg { stream, format, begins, next, transcribed, ended: false });
        self.last = Some(stream);
        self.marked_at = None;
    }

    /// No more audio belongs to what came so far: its text is settled without waiting for any.
    pub(in crate::doors) fn split(&mut self, feed: &mut Feed) -> Split {
        let partial = std::mem::take(&mut self.rest);
        if !partial.is_empty() {
            let format = self.legs.back().filter(|leg| !leg.ended).map(|leg| leg.format);
            if let Some(format) = format.filter(|format| format.codec() == Codec::PcmS16le) {
                let mut frame = partial.clone();
                frame.resize(format.frame_bytes().unwrap_or_default() as usize, 0);
                self.frames(feed, format, &frame, 1);
            }
        }
        let Some(leg) = self.legs.back_mut().filter(|leg| !leg.ended) else { return Split::Nothing };
        leg.ended = true;
        feed.end(leg.stream, leg.next);
        // The silence behind the last samples is not the client's.
        let added = match leg.format.frame_bytes() {
            Some(size) if !partial.is_empty() => {
                let missing = u64::from(size).saturating_sub(partial.len() as u64) / 2;
                Duration::from_nanos(missing * 1_000_000_000 / u64::from(leg.format.sample_rate()))
            }
            _ => Duration::ZERO,
        };
        self.begins = leg.end().saturating_sub(added);
        if leg.is_done() {
            self.legs.pop_back();
            return Split::Settled;
        }
        Split::Awaited(leg.stream)
    }

    /// Where a frame begins in the audio of the track; `None` for what is not of it, or settled.
    pub(in crate::doors) fn time(&self, stream: StreamId, frame: FrameIndex) -> Option<Duration> {
        let leg = self.legs.iter().find(|leg| leg.stream == stream)?;
        Some(leg.begins + leg.format.stream_time(frame))
    }

    /// All finals before `to` were said. Whether that settles the stream: it is forgotten, then.
    pub(in crate::doors) fn transcribed(&mut self, stream: StreamId, to: FrameIndex) -> bool {
        let Some(at) = self.legs.iter().position(|leg| leg.stream == stream) else { return false };
        let leg = &mut self.legs[at];
        leg.transcribed = leg.transcribed.max(to);
        let is_done = leg.is_done();
        if is_done {
            self.legs.remove(at);
        }
        is_done
    }

    /// Streams whose text is not settled.
    pub(super) fn awaited(&self) -> usize {
        self.legs.len()
    }

    /// Whether the text of all that came is settled.
    pub(in crate::doors) fn is_settled(&self) -> bool {
        self.legs.is_empty()
    }

    /// How much audio came.
    pub(in crate::doors) fn lasts(&self) -> Duration {
        self.legs.back().map_or(self.begins, |leg| if leg.ended { self.begins } else { leg.end() })
    }
}
