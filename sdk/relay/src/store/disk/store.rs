use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use glasslink_audio::journal::log::{LogWriter, Record};
use glasslink_protocol::{
    ClockMark, Durability, Epoch, EventNumber, FrameIndex, Gap, GapCause, StreamId, StreamStart,
    TranscriptEvent,
};
use tokio::time::Instant;

use crate::identity::Identity;
use crate::store::disk::data_dir::DataDir;
use crate::store::disk::records::{
    CLOCK, END, EVENT, FRAMES, GAP, GapPayload, HOLDER, HolderPayload, SESSION, STREAM, SessionPayload,
    TRANSCRIBED,
};
use crate::store::disk::session_log::SessionLog;
use crate::store::disk::stream::DiskStream;
use crate::store::{Held, Piece, Store};

/// A session in files of its own.
pub(crate) struct DiskStore {
    data: Arc<DataDir>,
    dir: PathBuf,
    log: SessionLog,
    streams: HashMap<StreamId, Box<DiskStream>>,
}

impl DiskStore {
    pub(super) fn create(
        data: Arc<DataDir>,
        dir: PathBuf,
        writer: LogWriter,
        identity: &Identity,
        epoch: Epoch,
    ) -> Self {
        let mut log = SessionLog::new(writer, data.troubled());
        log.put_json(SESSION, 0, 0, &SessionPayload { identity: identity.to_string(), epoch });
        Self { data, dir, log, streams: HashMap::new() }
    }

    pub(super) fn restored(
        data: Arc<DataDir>,
        dir: PathBuf,
        writer: LogWriter,
        streams: HashMap<StreamId, Box<DiskStream>>,
    ) -> Self {
        let log = SessionLog::new(writer, data.troubled());
        Self { data, dir, log, streams }
    }

    /// Frames that were gathered are kept once they are written.
    fn learn_written(&mut self) {
        for (lane, to) in self.log.take_written() {
            if let Some(stream) = self.streams.get_mut(&StreamId(lane)) {
                stream.written(FrameIndex(to));
            }
        }
    }

    /// Whether the disk takes what it is given.
    fn is_steady(&self) -> bool {
        self.log.retry_at().is_none()
    }

    fn mark(&mut self, kind: u8, stream: StreamId, at: FrameIndex) {
        self.log.put(&Record { kind, lane: stream.0, from: at.0, count: 0, payload: &[] });
        self.learn_written();
    }
}

impl Store for DiskStore {
    fn durability(&self) -> Durability {
        Durability::Disk
    }

    fn open(&mut self, start: &StreamStart) {
        self.log.put_json(STREAM, start.stream.0, start.from.0, start);
        self.streams.insert(start.stream, Box::new(DiskStream::new(start.format, start.from)));
    }

    fn frames(&mut self, stream: StreamId, first: FrameIndex, count: u16, body: &[u8]) {
        self.log.gather(stream.0, first.0, u32::from(count), body);
        if let Some(stream) = self.streams.get_mut(&stream) {
            stream.frames(first, count, body);
        }
        self.log.write_gathered();
        self.learn_written();
    }

    fn gap(&mut self, gap: &Gap) {
        let payload = GapPayload { to: gap.to.0, cause: gap.cause };
        let payload = serde_json::to_vec(&payload).unwrap_or_default();
        let record = Record { kind: GAP, lane: gap.stream.0, from: gap.from.0, count: 0, payload: &payload };
        let written = self.log.put(&record);
        self.learn_written();
        if let Some(stream) = self.streams.get_mut(&gap.stream) {
            stream.gap(gap.from, gap.to, gap.cause, written);
        }
    }

    fn end(&mut self, stream: StreamId, at: FrameIndex) {
        self.mark(END, stream, at);
    }

    fn clock(&mut self, mark: &ClockMark) {
        self.log.put_json(CLOCK, mark.stream.0, mark.index.0, mark);
    }

    fn event(&mut self, number: EventNumber, event: &TranscriptEvent) {
        let payload = serde_json::to_vec(event).unwrap_or_default();
        self.log.put(&Record { kind: EVENT, lane: 0, from: number.0, count: 1, payload: &payload });
    }

    fn holder(&mut self, (holder, attach): (u64, u64), remote_speech: bool) {
        self.log.put_json(HOLDER, 0, 0, &HolderPayload { holder, attach, remote_speech });
    }

    fn kept(&self, stream: StreamId) -> FrameIndex {
        self.streams.get(&stream).map_or(FrameIndex(0), |stream| stream.kept)
    }

    fn piece(&mut self, stream: StreamId, at: FrameIndex) -> Option<Piece<'_>> {
        let steady = self.is_steady();
        self.streams.get_mut(&stream)?.piece(self.log.log(), stream.0, at, steady)
    }

    fn before(&self, stream: StreamId, to: FrameIndex) -> (FrameIndex, FrameIndex) {
        let origin = self.streams.get(&stream).map_or(to, |stream| stream.origin(to));
        (origin, origin)
    }

    fn release(&mut self, stream: StreamId, to: FrameIndex) {
        self.mark(TRANSCRIBED, stream, to);
        if let Some(stream) = self.streams.get_mut(&stream) {
            stream.release(to);
        }
    }

    fn close(&mut self, stream: StreamId) {
        self.streams.remove(&stream);
    }

    fn held(&self, stream: StreamId) -> Held {
        let steady = self.is_steady();
        self.streams.get(&stream).map_or_else(Held::default, |stream| stream.held(steady))
    }

    fn crowding(&self) -> Option<usize> {
        None
    }

    fn oldest(&self, stream: StreamId, from: FrameIndex, frames: u64) -> Vec<(FrameIndex, FrameIndex)> {
        let steady = self.is_steady();
        self.streams.get(&stream).map_or_else(Vec::new, |stream| stream.oldest(from, frames, steady))
    }

    fn retry_at(&self) -> Option<Instant> {
        self.log.retry_at()
    }

    fn write_at(&self) -> Option<Instant> {
        self.log.gathered_due()
    }

    fn retry(&mut self) {
        self.log.write_gathered();
        self.learn_written();
        let streams = &mut self.streams;
        self.log.retry(|record| {
            let Some(stream) = streams.get_mut(&StreamId(record.lane)) else { return };
            let to = match record.kind {
                FRAMES => record.range().end,
                GAP => serde_json::from_slice(record.payload).map_or(0, |gap: GapPayload| gap.to),
                _ => 0,
            };
            stream.written(FrameIndex(to));
        });
    }

    fn over(self: Box<Self>) -> Option<String> {
        let Self { data, dir, log, .. } = *self;
        drop(log);
        data.archive(&dir)
    }
}

/// A gap as a log has it.
pub(super) fn gap_of(record: &Record<'_>) -> Option<(FrameIndex, FrameIndex, GapCause)> {
    let gap: GapPayload = serde_json::from_slice(record.payload).ok()?;
    (record.from < gap.to).then_some((FrameIndex(record.from), FrameIndex(gap.to), gap.cause))
}
