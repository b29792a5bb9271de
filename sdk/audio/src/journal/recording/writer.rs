use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use glasslink_protocol::{
    ClockMark, Epoch, EventNumber, FrameIndex, Gap, StreamFormat, StreamId, TranscriptEvent,
};
use serde::Serialize;
use tokio::sync::watch;

use super::Recording;
use super::kinds::{
    CLOCK, ClockPayload, END, EVENT, EventPayload, FINISHED, FRAMES, GAP, GapPayload, KEPT, MARKER, Marker,
    MarkerPayload, PCM, PCM_CONTENT, PcmPayload, SESSION, STREAM, SessionInfo, StreamInfo, TRANSCRIBED,
};
use super::state::{JournalState, Stored};
use super::store::Context;
use crate::journal::disk::DiskLock;
use crate::journal::log::{AppendError, Log, LogId, LogWriter, Record};

/// A recording, to be written. Clones write to the same.
///
/// What is given to it is with the operating system before a call returns, so that a killed program loses none of it,
/// and durable within a second. A disk that does not take it is no error here: the call says so ([`Stored`]), the
/// caller keeps what it has, and the journal goes back to disk by itself. What it could not store is a gap of cause
/// `disk` to a reader; marks and gaps are kept in memory and written then.
#[derive(Clone, Debug)]
pub struct Journal {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    context: Context,
    dir: PathBuf,
    log: Log,
    inner: Mutex<Inner>,
    state: watch::Sender<JournalState>,
}

struct Inner {
    writer: LogWriter,
    pcm: Option<LogWriter>,
    streams: BTreeMap<StreamId, StreamFormat>,
    /// Streams that were ended to go on as another: which, and where.
    continued: BTreeMap<StreamId, (StreamId, FrameIndex)>,
    pending: VecDeque<Pending>,
    /// Frames with their lengths.
    scratch: Vec<u8>,
    lock: Arc<DiskLock>,
    is_finished: bool,
}

/// A control record that waits for the disk.
struct Pending {
    kind: u8,
    lane: u32,
    from: u64,
    count: u32,
    payload: Vec<u8>,
}

/// The caller's mistake: what it gave was not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// Open it first.
    #[error("stream {0} is not open in the journal")]
    UnknownStream(StreamId),
    /// A stream keeps what it was opened as.
    #[error("stream {0} is in the journal already, as something else")]
    StreamChanged(StreamId),
    /// The stream has no frames of this size.
    #[error("stream {stream} has no frames of {bytes} bytes")]
    FrameBytes { stream: StreamId, bytes: usize },
    /// Frames are written in order, once.
    #[error("frame {from} of stream {stream} comes after frames up to {next}")]
    OutOfOrder { stream: StreamId, from: FrameIndex, next: FrameIndex },
    /// A payload has 256 KiB at most.
    #[error("{0} bytes are too large for a record")]
    TooLarge(usize),
}

/// Marks and gaps that wait while the disk fails: an hour of the worst radio.
const MAX_PENDING: usize = 16 * 1024;

impl Journal {
    pub(super) fn new(
        context: Context,
        dir: PathBuf,
        writer: LogWriter,
        lock: Arc<DiskLock>,
        is_finished: bool,
    ) -> Self {
        let log = writer.log().clone();
        let inner = Inner {
            writer,
            pcm: None,
            streams: BTreeMap::new(),
            continued: BTreeMap::new(),
            pending: VecDeque::new(),
            scratch: Vec::new(),
            lock,
            is_finished,
        };
        let state = watch::Sender::new(JournalState::Writing);
        Self { shared: Arc::new(Shared { context, dir, log, inner: Mutex::new(inner), state }) }
    }

    pub fn state(&self) -> JournalState {
        self.shared.state.borrow().clone()
    }

    /// The state as it changes.
    pub fn watch_state(&self) -> watch::Receiver<JournalState> {
        self.shared.state.subscribe()
    }

    /// The recording as it is written.
    pub fn recording(&self) -> Recording {
        let lock = Arc::clone(&self.lock().lock);
        Recording::new(self.shared.context.clone(), self.shared.dir.clone(), self.shared.log.clone(), lock)
    }

    pub(super) fn session(&self, info: &SessionInfo, now: Instant) -> Result<Stored, WriteError> {
        self.put_json(SESSION, 0, 0, 0, info, now)
    }

    /// Makes a stream known. Opening it again, the same, changes nothing.
    pub fn open_stream(
        &self,
        stream: StreamId,
        info: &StreamInfo,
        now: Instant,
    ) -> Result<Stored, WriteError> {
        let mut inner = self.lock();
        if *inner.streams.entry(stream).or_insert(info.format) != info.format {
            return Err(WriteError::StreamChanged(stream));
        }
        if inner.is_finished {
            inner.is_finished = false;
            let unfinished = Record { kind: FINISHED, lane: 0, from: 0, count: 0, payload: &[] };
            // Sticky: if it is not stored now, it is with what is next.
            let _ = self.put(&mut inner, unfinished, now)?;
        }
        drop(inner);
        self.put_json(STREAM, stream.0, 0, 0, info, now)
    }

    /// Ends `stream` before frame `at`, and opens `by`, which goes on from there.
    pub fn go_on(
        &self,
        stream: StreamId,
        at: FrameIndex,
        by: StreamId,
        info: &StreamInfo,
        now: Instant,
    ) -> Result<Stored, WriteError> {
        let info = StreamInfo { continues: Some(stream), ..info.clone() };
        let _ = self.end(stream, at, now)?;
        let stored = self.open_stream(by, &info, now)?;
        self.lock().continued.insert(stream, (by, at));
        Ok(stored)
    }

    /// As which stream `stream` goes on, and from which time of it.
    pub(crate) fn continuation(&self, stream: StreamId) -> Option<(StreamId, Duration)> {
        let inner = self.lock();
        let (by, at) = *inner.continued.get(&stream)?;
        Some((by, inner.streams.get(&stream)?.stream_time(at)))
    }

    /// Frames from `first` on, exactly as they will be sent, before they are sent.
    pub fn append(
        &self,
        stream: StreamId,
        first: FrameIndex,
        frames: &[&[u8]],
        now: Instant,
    ) -> Result<Stored, WriteError> {
        let mut inner = self.lock();
        let format = *inner.streams.get(&stream).ok_or(WriteError::UnknownStream(stream))?;
        if let Some(wrong) = frames.iter().find(|frame| !format.accepts(frame.len())) {
            return Err(WriteError::FrameBytes { stream, bytes: wrong.len() });
        }
        let mut payload = std::mem::take(&mut inner.scratch);
        payload.clear();
        for frame in frames {
            if format.frame_bytes().is_none() {
                payload.extend((frame.len() as u16).to_le_bytes());
            }
            payload.extend_from_slice(frame);
        }
        let count = frames.len() as u32;
        let record = Record { kind: FRAMES, lane: stream.0, from: first.0, count, payload: &payload };
        let stored = self.put(&mut inner, record, now);
        inner.scratch = payload;
        stored
    }

    /// Full-quality samples beside the frames of `stream`, from its sample `first` on.
    pub fn append_pcm(
        &self,
        stream: StreamId,
        sample_rate: u32,
        first: u64,
        samples: &[u8],
        now: Instant,
    ) -> Result<Stored, WriteError> {
        let mut inner = self.lock();
        if !inner.streams.contains_key(&stream) {
            return Err(WriteError::UnknownStream(stream));
        }
        let Shared { context, dir, log, .. } = &*self.shared;
        let writer = inner.pcm.get_or_insert_with(|| {
            let id = LogId { content: PCM_CONTENT, id: log.id().id };
            context.writer_or_resumed(dir.join("pcm"), id)
        });
        let payload = serde_json::to_vec(&PcmPayload { sample_rate }).unwrap_or_default();
        let format = Record { kind: STREAM, lane: stream.0, from: 0, count: 0, payload: &payload };
        let count = (samples.len() / 2) as u32;
        let audio = Record { kind: PCM, lane: stream.0, from: first, count, payload: samples };
        let result = writer.append(format, now).and_then(|()| writer.append(audio, now));
        self.judge(stream, result)
    }

    pub fn gap(&self, gap: &Gap, now: Instant) -> Result<Stored, WriteError> {
        let count = u32::try_from(gap.frames()).unwrap_or(u32::MAX);
        self.put_json(GAP, gap.stream.0, gap.from.0, count, &GapPayload { cause: gap.cause }, now)
    }

    pub fn clock(&self, mark: &ClockMark, now: Instant) -> Result<Stored, WriteError> {
        let ClockMark { stream, index, monotonic_us, utc_ms, utc_offset_min } = *mark;
        self.put_json(
            CLOCK,
            stream.0,
            index.0,
            0,
            &ClockPayload { monotonic_us, utc_ms, utc_offset_min },
            now,
        )
    }

    pub fn marker(&self, marker: &Marker, now: Instant) -> Result<Stored, WriteError> {
        let payload = MarkerPayload { label: marker.label.clone() };
        self.put_json(MARKER, marker.stream.0, marker.at.0, 0, &payload, now)
    }

    /// The relay keeps every frame before `next`.
    pub fn kept(&self, stream: StreamId, next: FrameIndex, now: Instant) -> Result<Stored, WriteError> {
        self.put(
            &mut self.lock(),
            Record { kind: KEPT, lane: stream.0, from: next.0, count: 0, payload: &[] },
            now,
        )
    }

    /// The finals of the frames before `to` are known.
    pub fn transcribed(&self, stream: StreamId, to: FrameIndex, now: Instant) -> Result<Stored, WriteError> {
        let record = Record { kind: TRANSCRIBED, lane: stream.0, from: to.0, count: 0, payload: &[] };
        self.put(&mut self.lock(), record, now)
    }

    /// The stream ends before frame `at`.
    pub fn end(&self, stream: StreamId, at: FrameIndex, now: Instant) -> Result<Stored, WriteError> {
        self.put(
            &mut self.lock(),
            Record { kind: END, lane: stream.0, from: at.0, count: 0, payload: &[] },
            now,
        )
    }

    /// What the relay said, so that a transcript can be finished after a restart.
    pub fn event(
        &self,
        epoch: Epoch,
        number: EventNumber,
        event: &TranscriptEvent,
        now: Instant,
    ) -> Result<Stored, WriteError> {
        let payload = EventPayload { epoch, number, event: event.clone() };
        self.put_json(EVENT, 0, number.0, 0, &payload, now)
    }

    /// Everything is uploaded and the transcript is whole: a restart has nothing to do here.
    pub fn finished(&self, now: Instant) -> Result<Stored, WriteError> {
        let mut inner = self.lock();
        inner.is_finished = true;
        self.put(&mut inner, Record { kind: FINISHED, lane: 0, from: 1, count: 0, payload: &[] }, now)
    }

    fn put_json(
        &self,
        kind: u8,
        lane: u32,
        from: u64,
        count: u32,
        payload: &impl Serialize,
        now: Instant,
    ) -> Result<Stored, WriteError> {
        // Our payloads are maps of numbers and texts, which JSON always has a form for.
        let payload = serde_json::to_vec(payload).unwrap_or_default();
        self.put(&mut self.lock(), Record { kind, lane, from, count, payload: &payload }, now)
    }

    fn put(&self, inner: &mut Inner, record: Record<'_>, now: Instant) -> Result<Stored, WriteError> {
        while let Some(next) = inner.pending.front() {
            let Pending { kind, lane, from, count, ref payload } = *next;
            let result = inner.writer.append(Record { kind, lane, from, count, payload }, now);
            if self.judge(StreamId(lane), result) == Ok(Stored::NotStored) {
                break;
            }
            inner.pending.pop_front();
        }
        let result = inner.writer.append(record, now);
        if let Some(trouble) = inner.writer.take_trouble() {
            // The folder may be a new one.
            let lock = self.shared.context.disk.lock(&self.shared.dir.join("lock"));
            if let Ok(Some(lock)) = lock {
                inner.lock = Arc::new(lock);
            }
            // The disk may be well again by now, but what was written last is not sure to be there: let it be seen.
            let stored = self.judge(StreamId(record.lane), result);
            self.set_state(JournalState::failing(&trouble));
            return stored;
        }
        let stored = self.judge(StreamId(record.lane), result);
        if stored == Ok(Stored::NotStored) && (64..128).contains(&record.kind) {
            inner.postpone(record);
        }
        stored
    }

    fn judge(&self, stream: StreamId, result: Result<(), AppendError>) -> Result<Stored, WriteError> {
        match result {
            Ok(()) => {
                self.set_state(JournalState::Writing);
                Ok(Stored::OnDisk)
            }
            Err(AppendError::Disk(error)) => {
                self.set_state(JournalState::failing(&error));
                Ok(Stored::NotStored)
            }
            Err(AppendError::Suspended) => Ok(Stored::NotStored),
            Err(AppendError::TooLarge(bytes)) => Err(WriteError::TooLarge(bytes)),
            Err(AppendError::OutOfOrder { from, next }) => {
                Err(WriteError::OutOfOrder { stream, from: FrameIndex(from), next: FrameIndex(next) })
            }
        }
    }

    fn set_state(&self, state: JournalState) {
        self.shared.state.send_if_modified(|known| {
            let changed = *known != state;
            if changed {
                *known = state;
            }
            changed
        });
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.shared.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Keeps a record until the disk takes it. A gap that goes on where the last one ended makes it longer.
    fn postpone(&mut self, record: Record<'_>) {
        if let Some(last) = self.pending.back_mut()
            && (last.kind, last.lane, last.payload.as_slice()) == (GAP, record.lane, record.payload)
            && record.kind == GAP
            && last.from + u64::from(last.count) == record.from
            && let Some(count) = last.count.checked_add(record.count)
        {
            last.count = count;
            return;
        }
        if self.pending.len() == MAX_PENDING {
            self.pending.pop_front();
        }
        let Record { kind, lane, from, count, payload } = record;
        self.pending.push_back(Pending { kind, lane, from, count, payload: payload.to_vec() });
    }
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner").field("writer", &self.writer).finish_non_exhaustive()
    }
}
