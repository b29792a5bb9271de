use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use glasslink_protocol::{ClockMark, FrameIndex, Gap, GapCause, StreamFormat, StreamId};

use super::pause::Pausable;
use super::{Journal, Marker, Stored, StreamInfo, WriteError};
use crate::clock::{clock_mark, now};
use crate::{Captured, Source, SourceError};

/// Writes what a source yields to a journal, before anybody else gets it.
///
/// It is a [`Source`] itself: what it yields is on disk already, or the journal's state says that it is not. To record
/// whether or not anyone takes the frames, let [`run`](Self::run) drive it.
#[derive(Debug)]
pub struct Recorder<S> {
    source: Pausable<S>,
    info: StreamInfo,
    journal: Journal,
    stream: StreamId,
    next: FrameIndex,
    /// The last frame with a clock mark, and when the last frame was captured.
    marked: Option<FrameIndex>,
    last: Option<Instant>,
    utc_offset_min: i32,
    ended: bool,
    control: RecorderControl,
}

/// Says where a [`Recorder`] is, and tells it to pause. Clones are the same.
#[derive(Clone, Debug)]
pub struct RecorderControl {
    journal: Journal,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    place: Mutex<(StreamId, FrameIndex)>,
    is_paused: AtomicBool,
}

/// Takes what a [`Recorder`] has written. Must return at once: a link's buffer, a bounded queue.
pub trait FrameSink: Send {
    /// Asked before each frame: the new stream that what is captured from here on belongs to, if it is to be one. It
    /// continues the present one, which ends.
    fn continuation(&mut self) -> Option<StreamId> {
        None
    }

    /// `stored`: whether the journal has it, and memory need not.
    fn frame(&mut self, index: FrameIndex, captured_at: Instant, frame: &[u8], stored: Stored);
    fn gap(&mut self, gap: Gap);
    fn clock(&mut self, mark: ClockMark);
}

/// Nobody takes the frames.
impl FrameSink for () {
    fn frame(&mut self, _: FrameIndex, _: Instant, _: &[u8], _: Stored) {}
    fn gap(&mut self, _: Gap) {}
    fn clock(&mut self, _: ClockMark) {}
}

/// What a recorder wrote.
enum Written {
    Frame { captured_at: Instant, stored: Stored, mark: Option<ClockMark> },
    Gap { frames: u64, cause: GapCause },
}

/// How often a stream is tied to the clocks.
const MARK_EVERY: Duration = Duration::from_secs(10);
/// A jump from one frame to the next that is no late scheduling.
const DISCONTINUITY: Duration = Duration::from_millis(250);

impl<S: Source> Recorder<S> {
    /// Records `source` as a new stream. `utc_offset_min`: minutes from UTC to local time.
    pub fn new(
        source: S,
        journal: Journal,
        stream: StreamId,
        info: &StreamInfo,
        utc_offset_min: i32,
    ) -> Result<Self, WriteError> {
        let info = StreamInfo { format: source.format(), ..info.clone() };
        let _ = journal.open_stream(stream, &info, now())?;
        let next = FrameIndex(0);
        let shared = Shared { place: Mutex::new((stream, next)), is_paused: AtomicBool::new(false) };
        let control = RecorderControl { journal: journal.clone(), shared: Arc::new(shared) };
        Ok(Self {
            source: Pausable::new(source),
            info,
            journal,
            stream,
            next,
            marked: None,
            last: None,
            utc_offset_min,
            ended: false,
            control,
        })
    }

    /// Markers and pauses, from elsewhere.
    pub fn control(&self) -> RecorderControl {
        self.control.clone()
    }

    pub fn stream(&self) -> StreamId {
        self.stream
    }

    /// Records until the source ends, and hands on to `sink` what was written. Returns where the stream ends, the last
    /// one if `sink` had it continued, and the error that ended it if there was one.
    pub async fn run(mut self, sink: &mut impl FrameSink) -> (FrameIndex, Result<(), SourceError>) {
        let mut frame = Vec::new();
        loop {
            if let Some(stream) = sink.continuation()
                && let Err(error) = self.go_on_as(stream)
            {
                return (self.next, Err(error));
            }
            let index = self.next;
            let written = std::future::poll_fn(|cx| self.poll_written(cx, &mut frame)).await;
            match written {
                Ok(Some(Written::Frame { captured_at, stored, mark })) => {
                    if let Some(mark) = mark {
                        sink.clock(mark);
                    }
                    sink.frame(index, captured_at, &frame, stored);
                }
                Ok(Some(Written::Gap { cause, .. })) => {
                    sink.gap(Gap::new(self.stream, index, self.next, cause, &self.info.format));
                }
                Ok(None) => return (self.next, Ok(())),
                Err(error) => return (self.next, Err(error)),
            }
        }
    }

    fn poll_written(
        &mut self,
        cx: &mut Context<'_>,
        frame: &mut Vec<u8>,
    ) -> Poll<Result<Option<Written>, SourceError>> {
        self.source.pause(self.control.is_paused());
        let captured = ready!(self.source.poll_next(cx, frame));
        let index = self.next;
        let written = match captured {
            Ok(Some(Captured::Frame { captured_at })) => {
                let mark = self.mark(index, captured_at);
                let stored = self.journal.append(self.stream, index, &[frame], now()).map_err(refused)?;
                self.next += 1;
                Ok(Some(Written::Frame { captured_at, stored, mark }))
            }
            Ok(Some(Captured::Gap { frames, cause })) => {
                self.next += frames;
                // The first frame after it gets a mark.
                (self.marked, self.last) = (None, None);
                let gap = Gap::new(self.stream, index, self.next, cause, &self.info.format);
                let _ = self.journal.gap(&gap, now()).map_err(refused)?;
                Ok(Some(Written::Gap { frames, cause }))
            }
            Ok(None) => {
                self.end();
                Ok(None)
            }
            Err(error) => {
                self.end();
                Err(error)
            }
        };
        self.tell_place();
        Poll::Ready(written)
    }

    fn tell_place(&self) {
        *self.control.place() = (self.stream, self.next);
    }

    /// Ends the stream here, and goes on with another.
    fn go_on_as(&mut self, stream: StreamId) -> Result<(), SourceError> {
        let _ = self.journal.go_on(self.stream, self.next, stream, &self.info, now()).map_err(refused)?;
        self.stream = stream;
        self.next = FrameIndex(0);
        (self.marked, self.last) = (None, None);
        self.tell_place();
        Ok(())
    }

    fn end(&mut self) {
        if !std::mem::replace(&mut self.ended, true) {
            // Sticky: if it is not stored now, it is when the disk is back; and a recording without it is found too.
            let _ = self.journal.end(self.stream, self.next, now());
        }
    }

    /// Ties frame `index` to the clocks, if it is time to.
    fn mark(&mut self, index: FrameIndex, captured_at: Instant) -> Option<ClockMark> {
        let expected = self.last.replace(captured_at).map(|last| last + self.info.format.frame_duration());
        let jumped = expected.is_some_and(|expected| {
            captured_at.max(expected).saturating_duration_since(captured_at.min(expected)) >= DISCONTINUITY
        });
        let due =
            self.marked.is_none_or(|marked| self.info.format.duration(index.since(marked)) >= MARK_EVERY);
        if !jumped && !due {
            return None;
        }
        self.marked = Some(index);
        let mark = clock_mark(self.stream, index, captured_at, self.utc_offset_min);
        // A mark waits in the journal's memory while the disk fails.
        let _ = self.journal.clock(&mark, now());
        Some(mark)
    }
}

impl RecorderControl {
    /// The stream that is recorded at present, and its next frame.
    pub fn position(&self) -> (StreamId, FrameIndex) {
        *self.place()
    }

    /// Marks this place of the recording.
    pub fn marker(&self, label: impl Into<String>) -> Result<Marker, WriteError> {
        let (stream, at) = self.position();
        let marker = Marker { stream, at, label: label.into() };
        // It waits in the journal's memory while the disk fails.
        let _ = self.journal.marker(&marker, now())?;
        Ok(marker)
    }

    /// From the next frame on nothing is recorded, and the time counts as a gap. A source with a device closes it.
    pub fn pause(&self) {
        self.shared.is_paused.store(true, Ordering::Relaxed);
    }

    pub fn resume(&self) {
        self.shared.is_paused.store(false, Ordering::Relaxed);
    }

    pub fn is_paused(&self) -> bool {
        self.shared.is_paused.load(Ordering::Relaxed)
    }

    fn place(&self) -> MutexGuard<'_, (StreamId, FrameIndex)> {
        self.shared.place.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Source> Source for Recorder<S> {
    fn format(&self) -> StreamFormat {
        self.info.format
    }

    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        frame: &mut Vec<u8>,
    ) -> Poll<Result<Option<Captured>, SourceError>> {
        let written = ready!(self.poll_written(cx, frame))?;
        Poll::Ready(Ok(written.map(|written| match written {
            Written::Frame { captured_at, .. } => Captured::Frame { captured_at },
            Written::Gap { frames, cause } => Captured::Gap { frames, cause },
        })))
    }

    fn rearm(&mut self) {
        self.source.source.rearm();
    }

    fn pause(&mut self, paused: bool) -> bool {
        if paused {
            self.control.pause();
        } else {
            self.control.resume();
        }
        true
    }
}

/// Writes the samples of a PCM source to a journal as they pass: the full quality beside the frames that are sent.
#[derive(Debug)]
pub struct PcmTee<S> {
    source: Pausable<S>,
    journal: Journal,
    stream: StreamId,
    next: FrameIndex,
    /// The sample that the stream began with.
    origin: u64,
}

impl<S: Source> PcmTee<S> {
    /// `stream`: the one whose frames are made of these samples. The [`Recorder`] of it opens it, and the samples follow
    /// it where it goes on as another.
    pub fn new(source: S, journal: Journal, stream: StreamId) -> Self {
        Self { source: Pausable::new(source), journal, stream, next: FrameIndex(0), origin: 0 }
    }
}

impl<S: Source> Source for PcmTee<S> {
    fn format(&self) -> StreamFormat {
        self.source.source.format()
    }

    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        frame: &mut Vec<u8>,
    ) -> Poll<Result<Option<Captured>, SourceError>> {
        let captured = ready!(self.source.poll_next(cx, frame))?;
        match captured {
            Some(Captured::Frame { .. }) => {
                let format = self.source.source.format();
                if let Some((by, after)) = self.journal.continuation(self.stream) {
                    let samples = after.as_nanos() * u128::from(format.sample_rate()) / 1_000_000_000;
                    self.origin += u64::try_from(samples).unwrap_or(u64::MAX);
                    self.stream = by;
                }
                let sample = self.next.0 * u64::from(format.frame_samples());
                let first = sample.saturating_sub(self.origin);
                // A hole in the full-quality audio is one; the frames are what counts.
                let _ = self
                    .journal
                    .append_pcm(self.stream, format.sample_rate(), first, frame, now())
                    .map_err(refused)?;
                self.next += 1;
            }
            Some(Captured::Gap { frames, .. }) => {
                self.next += frames;
            }
            None => {}
        }
        Poll::Ready(Ok(captured))
    }

    fn rearm(&mut self) {
        self.source.source.rearm();
    }

    fn pause(&mut self, paused: bool) -> bool {
        self.source.pause(paused);
        true
    }
}

/// A source that does not keep to its format, or a stream recorded twice.
fn refused(error: WriteError) -> SourceError {
    SourceError::Device(Box::new(error))
}
