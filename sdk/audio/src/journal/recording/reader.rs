use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use glasslink_protocol::{
    ClockMark, Epoch, EventNumber, FrameIndex, Gap, GapCause, SessionId, StreamFormat, StreamId,
    TranscriptEvent,
};
use serde::de::DeserializeOwned;

use super::kinds::{
    CLOCK, ClockPayload, END, EVENT, EventPayload, FINISHED, FRAMES, GAP, GapPayload, KEPT, MARKER, Marker,
    MarkerPayload, PCM_CONTENT, SESSION, STREAM, SessionInfo, StreamInfo, TRANSCRIBED,
};
use super::store::Context;
use super::{FullQuality, Journal};
use crate::journal::disk::DiskLock;
use crate::journal::log::{Damage, Log, LogError, LogId, LogWriter, Record};

/// A recording, to be read; also while it is written.
#[derive(Clone, Debug)]
pub struct Recording {
    context: Context,
    dir: PathBuf,
    log: Log,
    lock: Arc<DiskLock>,
}

/// A stream of a recording, and how far it got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedStream {
    pub stream: StreamId,
    pub info: StreamInfo,
    /// The first frame of which nothing is known.
    pub next: FrameIndex,
    /// The relay keeps every frame before this one.
    pub kept: FrameIndex,
    /// The finals of the frames before this one are known.
    pub transcribed: FrameIndex,
    /// Where it ended; `None` if its program did not get to say.
    pub end: Option<FrameIndex>,
}

/// A transcript event and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedEvent {
    pub epoch: Epoch,
    pub number: EventNumber,
    pub event: TranscriptEvent,
}

/// Frames of a stream that the journal has, or that are a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordedRun {
    pub from: FrameIndex,
    /// The first frame after it.
    pub to: FrameIndex,
    pub gap: Option<GapCause>,
}

/// What lies next in a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    Frame { index: FrameIndex, frame: &'a [u8] },
    Gap(Gap),
}

/// Why something of a recording could not be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// The cause says why.
    #[error("the recording in {} cannot be read: {cause}", path.display())]
    Io { path: PathBuf, cause: io::Error },
    /// The recording has no such stream, or its description is damaged.
    #[error("the recording has no stream {0}")]
    UnknownStream(StreamId),
    /// The full-quality audio cannot be read.
    #[error(transparent)]
    Pcm(#[from] LogError),
}

impl Recording {
    pub(super) fn new(context: Context, dir: PathBuf, log: Log, lock: Arc<DiskLock>) -> Self {
        Self { context, dir, log, lock }
    }

    pub fn session(&self) -> SessionId {
        SessionId(self.log.id().id)
    }

    /// The folder it is in.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What it belongs to; only the session itself where the rest is damaged.
    pub fn info(&self) -> Result<SessionInfo, RecordingError> {
        let unknown = SessionInfo { session: self.session(), continues: None, program: String::new() };
        let sticky = self.log.sticky().map_err(|cause| self.io(cause))?;
        Ok(sticky.get(&(SESSION, 0)).and_then(|record| parse(&record.payload)).unwrap_or(unknown))
    }

    /// Milliseconds since the Unix epoch at which it was begun.
    pub fn created_ms(&self) -> Option<i64> {
        self.log.created_ms()
    }

    /// What was cut off or damaged when it was found.
    pub fn damage(&self) -> &[Damage] {
        self.log.damage()
    }

    /// Whether everything was uploaded, and the transcript is whole.
    pub fn is_finished(&self) -> Result<bool, RecordingError> {
        let sticky = self.log.sticky().map_err(|cause| self.io(cause))?;
        Ok(sticky.get(&(FINISHED, 0)).is_some_and(|record| record.from == 1))
    }

    pub fn streams(&self) -> Result<Vec<RecordedStream>, RecordingError> {
        let sticky = self.log.sticky().map_err(|cause| self.io(cause))?;
        let streams =
            sticky.iter().filter(|((kind, _), _)| *kind == STREAM).filter_map(|((_, lane), record)| {
                let place = |kind| sticky.get(&(kind, *lane)).map(|record| FrameIndex(record.from));
                let info: StreamInfo = parse(&record.payload)?;
                let covered =
                    [FRAMES, GAP].into_iter().filter_map(|kind| self.log.coverage(kind, *lane).pop());
                let next = FrameIndex(covered.map(|range| range.end).max().unwrap_or(0));
                let end = place(END);
                Some(RecordedStream {
                    stream: StreamId(*lane),
                    info,
                    next: end.map_or(next, |end| end.max(next)),
                    kept: place(KEPT).unwrap_or_default(),
                    transcribed: place(TRANSCRIBED).unwrap_or_default(),
                    end,
                })
            });
        Ok(streams.collect())
    }

    /// Every gap of a stream, ordered: those that were told, and as `disk` what the journal does not have.
    pub fn gaps(&self, stream: StreamId) -> Result<Vec<Gap>, RecordingError> {
        let format = self.stream(stream)?.info.format;
        let gap = |run: RecordedRun| run.gap.map(|cause| Gap::new(stream, run.from, run.to, cause, &format));
        Ok(self.runs(stream)?.into_iter().filter_map(gap).collect())
    }

    /// What a stream is made of from its first frame to [`RecordedStream::next`], ordered and without holes. Frames
    /// that were told as lost all the same, because the relay would not have them or they could not be read, are gaps.
    pub fn runs(&self, stream: StreamId) -> Result<Vec<RecordedRun>, RecordingError> {
        let recorded = self.stream(stream)?;
        let (format, end) = (recorded.info.format, recorded.next.0);
        let told = self.told_gaps(stream)?;
        let hole = |range: Range<u64>| {
            let gaps = fill(&told, range, stream, &format).into_iter();
            gaps.map(|gap| RecordedRun { from: gap.from, to: gap.to, gap: Some(gap.cause) })
        };
        let mut runs = Vec::new();
        let mut next = 0;
        for Range { start, end } in self.log.coverage(FRAMES, stream.0) {
            runs.extend(hole(next..start));
            runs.extend(recorded_run(start..end, &told));
            next = end;
        }
        runs.extend(hole(next..end));
        Ok(runs)
    }

    /// Hands out what a stream has in `range`, in order and without holes: what cannot be read is a gap `disk`. Frames
    /// from [`RecordedStream::next`] on are no holes: they do not exist yet.
    pub fn frames(
        &self,
        stream: StreamId,
        range: Range<FrameIndex>,
        mut take: impl FnMut(Piece<'_>),
    ) -> Result<(), RecordingError> {
        let recorded = self.stream(stream)?;
        let format = recorded.info.format;
        let range = range.start.0..range.end.min(recorded.next).0;
        let mut gaps: Option<Vec<Gap>> = None;
        let mut next = range.start;
        let mut problem = None;
        let mut give_gaps = |hole: Range<u64>, take: &mut dyn FnMut(Piece<'_>)| {
            if hole.is_empty() || problem.is_some() {
                return;
            }
            let told = match &mut gaps {
                Some(told) => told,
                None => match self.told_gaps(stream) {
                    Ok(told) => gaps.insert(told),
                    Err(error) => {
                        problem = Some(error);
                        return;
                    }
                },
            };
            for gap in fill(told, hole, stream, &format) {
                take(Piece::Gap(gap));
            }
        };
        let read = self.log.bulk(FRAMES, stream.0, &range, |record| {
            for (index, frame) in (record.from..).zip(split(record, &format)) {
                if index < next || index >= range.end {
                    continue;
                }
                give_gaps(next..index, &mut take);
                take(Piece::Frame { index: FrameIndex(index), frame });
                next = index + 1;
            }
        });
        read.map_err(|cause| self.io(cause))?;
        give_gaps(next..range.end, &mut take);
        problem.map_or(Ok(()), Err)
    }

    pub fn clock_marks(&self) -> Result<Vec<ClockMark>, RecordingError> {
        self.control(CLOCK, |record| {
            let ClockPayload { monotonic_us, utc_ms, utc_offset_min } = parse(record.payload)?;
            let (stream, index) = (StreamId(record.lane), FrameIndex(record.from));
            Some(ClockMark { stream, index, monotonic_us, utc_ms, utc_offset_min })
        })
    }

    pub fn markers(&self) -> Result<Vec<Marker>, RecordingError> {
        self.control(MARKER, |record| {
            let MarkerPayload { label } = parse(record.payload)?;
            Some(Marker { stream: StreamId(record.lane), at: FrameIndex(record.from), label })
        })
    }

    /// What the relay said, in the order in which it came.
    pub fn events(&self) -> Result<Vec<RecordedEvent>, RecordingError> {
        self.control(EVENT, |record| {
            let EventPayload { epoch, number, event } = parse(record.payload)?;
            Some(RecordedEvent { epoch, number, event })
        })
    }

    /// Hands out the full-quality samples of a stream: their rate in hertz, the place of the first, and their bytes.
    pub fn pcm(
        &self,
        stream: StreamId,
        samples: &Range<u64>,
        mut take: impl FnMut(u32, u64, &[u8]),
    ) -> Result<(), RecordingError> {
        let Some(full) = self.full_quality()? else { return Ok(()) };
        let Some(sample_rate) = full.sample_rate(stream)? else { return Ok(()) };
        full.samples(stream, samples, |first, bytes| take(sample_rate, first, bytes))
    }

    /// The full-quality audio beside the frames, to be read at many places; `None` if there is none.
    pub fn full_quality(&self) -> Result<Option<FullQuality>, RecordingError> {
        let id = LogId { content: PCM_CONTENT, id: self.log.id().id };
        let dir = self.dir.join("pcm");
        match self.context.open(&dir, id, false) {
            Ok(log) => Ok(Some(FullQuality::new(log))),
            Err(LogError::Nothing { .. }) => Ok(None),
            Err(_) if self.context.disk.list(&dir).is_err() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Goes on with it: marks, events and new streams. An old stream gets no more frames but those of its own program.
    pub fn resume(self) -> Result<Journal, RecordingError> {
        let is_finished = self.is_finished()?;
        let Self { context, dir, log, lock } = self;
        let io = |cause| RecordingError::Io { path: dir.clone(), cause };
        let writer = LogWriter::resume(log, context.limits, &context.syncer).map_err(io)?;
        Ok(Journal::new(context, dir, writer, lock, is_finished))
    }

    /// Deletes it from the disk.
    pub fn remove(self) -> Result<(), RecordingError> {
        let disk = Arc::clone(&self.context.disk);
        let pcm = self.dir.join("pcm");
        for dir in [&pcm, &self.dir] {
            let Ok(names) = disk.list(dir) else { continue };
            let files = names.iter().filter(|name| *name != "pcm" && *name != "lock");
            for path in files.map(|name| dir.join(name)) {
                disk.remove_file(&path).map_err(|cause| self.io(cause))?;
            }
            if *dir == pcm {
                disk.remove_dir(dir).map_err(|cause| self.io(cause))?;
            }
        }
        // The lock goes last, so that nobody takes half of it for a recording.
        let _ = disk.remove_file(&self.dir.join("lock"));
        disk.remove_dir(&self.dir).map_err(|cause| self.io(cause))
    }

    fn stream(&self, stream: StreamId) -> Result<RecordedStream, RecordingError> {
        let mut streams = self.streams()?.into_iter();
        streams.find(|recorded| recorded.stream == stream).ok_or(RecordingError::UnknownStream(stream))
    }

    /// The gaps that were told, ordered.
    fn told_gaps(&self, stream: StreamId) -> Result<Vec<Gap>, RecordingError> {
        let gaps = self.control(GAP, |record| {
            let GapPayload { cause } = parse(record.payload)?;
            let Range { start, end } = record.range();
            let gap = Gap { stream, from: FrameIndex(start), to: FrameIndex(end), ms: 0, cause };
            (record.lane == stream.0).then_some(gap)
        })?;
        let ordered: BTreeMap<FrameIndex, Gap> = gaps.into_iter().map(|gap| (gap.from, gap)).collect();
        Ok(ordered.into_values().collect())
    }

    fn control<T>(
        &self,
        kind: u8,
        mut read: impl FnMut(&Record<'_>) -> Option<T>,
    ) -> Result<Vec<T>, RecordingError> {
        let mut found = Vec::new();
        let all = self.log.control_of_kind(kind, |record| found.extend(read(record)));
        all.map_err(|cause| self.io(cause))?;
        Ok(found)
    }

    fn io(&self, cause: io::Error) -> RecordingError {
        RecordingError::Io { path: self.dir.clone(), cause }
    }
}

/// Frames `range`, which are recorded, and those among them that were told as lost.
fn recorded_run(range: Range<u64>, told: &[Gap]) -> Vec<RecordedRun> {
    let run = |from, to, gap| RecordedRun { from: FrameIndex(from), to: FrameIndex(to), gap };
    let mut runs = Vec::new();
    let mut next = range.start;
    for gap in told.iter().filter(|gap| gap.from.0 < range.end && gap.to.0 > range.start) {
        let (from, to) = (gap.from.0.max(next), gap.to.0.min(range.end));
        if from >= to {
            continue;
        }
        if next < from {
            runs.push(run(next, from, None));
        }
        runs.push(run(from, to, Some(gap.cause)));
        next = to;
    }
    if next < range.end {
        runs.push(run(next, range.end, None));
    }
    runs
}

/// `hole` as gaps: those that were told, and `disk` between them. Neighbours of one cause are one.
fn fill(told: &[Gap], hole: Range<u64>, stream: StreamId, format: &StreamFormat) -> Vec<Gap> {
    let mut gaps: Vec<Gap> = Vec::new();
    let mut add = |from: u64, to: u64, cause: GapCause| {
        if from >= to {
            return;
        }
        let (mut from, to) = (FrameIndex(from), FrameIndex(to));
        if let Some(last) = gaps.pop_if(|last| last.to == from && last.cause == cause) {
            from = last.from;
        }
        gaps.push(Gap::new(stream, from, to, cause, format));
    };
    let mut next = hole.start;
    for gap in told.iter().filter(|gap| gap.from.0 < hole.end && gap.to.0 > hole.start) {
        add(next, gap.from.0.min(hole.end), GapCause::Disk);
        add(next.max(gap.from.0), gap.to.0.min(hole.end), gap.cause);
        next = next.max(gap.to.0);
    }
    add(next, hole.end, GapCause::Disk);
    gaps
}

/// The frames of a record; none if it has not as many as it says.
fn split<'a>(record: &Record<'a>, format: &StreamFormat) -> impl Iterator<Item = &'a [u8]> {
    let mut rest = record.payload;
    let frame_bytes = format.frame_bytes().map(|bytes| bytes as usize);
    let whole = frame_bytes.is_none_or(|bytes| bytes * record.count as usize == rest.len());
    (0..if whole { record.count } else { 0 }).map_while(move |_| {
        let len = if let Some(bytes) = frame_bytes {
            bytes
        } else {
            let (len, behind) = rest.split_first_chunk::<2>()?;
            rest = behind;
            usize::from(u16::from_le_bytes(*len))
        };
        let (frame, behind) = rest.split_at_checked(len)?;
        rest = behind;
        Some(frame)
    })
}

fn parse<T: DeserializeOwned>(payload: &[u8]) -> Option<T> {
    serde_json::from_slice(payload).ok()
}
