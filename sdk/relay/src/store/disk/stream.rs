use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use glasslink_audio::journal::log::Log;
use glasslink_protocol::{FrameIndex, GapCause, StreamFormat};
use tokio::time::Instant;

use crate::speech::is_concealed;
use crate::store::disk::records::FRAMES;
use crate::store::{Held, Piece};

/// Bytes of a stream's newest frames that stay in memory, so that an engine that keeps up reads no disk.
const FRESH_BYTES: usize = 2 << 10;

/// Frames read from disk at once.
const READ_FRAMES: u64 = 200;

/// How far behind what is transcribed a recognition may start: further back, gaps are forgotten.
const REMEMBERED: Duration = Duration::from_secs(90);

/// Where a stream stands in a session's log.
pub(super) struct DiskStream {
    format: StreamFormat,
    /// Everything before here is written.
    pub(super) kept: FrameIndex,
    /// Everything before here came.
    next: FrameIndex,
    /// No transcript is wanted of what is before here.
    settled: FrameIndex,
    /// From where on everything is of one piece, as far as it is not told by `gaps`.
    origin: FrameIndex,
    gaps: BTreeMap<FrameIndex, (FrameIndex, GapCause)>,
    fresh: Chunks,
    /// What was read from disk last.
    read: Chunks,
    /// Where frames were asked for last.
    reader: Option<FrameIndex>,
    /// When the first of the frames came that wait now.
    waiting_since: Option<Instant>,
}

/// Consecutive frames in memory.
#[derive(Default)]
struct Chunks {
    chunks: VecDeque<Chunk>,
    bytes: usize,
}

struct Chunk {
    first: FrameIndex,
    count: u16,
    body: Box<[u8]>,
}

impl Chunk {
    fn end(&self) -> FrameIndex {
        self.first + u64::from(self.count)
    }
}

impl Chunks {
    fn push(&mut self, first: FrameIndex, count: u16, body: &[u8]) {
        self.bytes += body.len() + size_of::<Chunk>();
        self.chunks.push_back(Chunk { first, count, body: body.into() });
    }

    fn pop(&mut self) {
        if let Some(chunk) = self.chunks.pop_front() {
            self.bytes -= chunk.body.len() + size_of::<Chunk>();
        }
    }

    fn at(&self, at: FrameIndex) -> Option<&Chunk> {
        let index = self.chunks.partition_point(|chunk| chunk.end() <= at);
        self.chunks.get(index).filter(|chunk| chunk.first <= at)
    }
}

impl DiskStream {
    pub(super) fn new(format: StreamFormat, from: FrameIndex) -> Self {
        Self {
            format,
            kept: from,
            next: from,
            settled: from,
            origin: from,
            gaps: BTreeMap::new(),
            fresh: Chunks::default(),
            read: Chunks::default(),
            reader: None,
            waiting_since: None,
        }
    }

    /// As it was found: everything before `kept` is written.
    pub(super) fn restored(
        format: StreamFormat,
        from: FrameIndex,
        kept: FrameIndex,
        settled: FrameIndex,
        gaps: BTreeMap<FrameIndex, (FrameIndex, GapCause)>,
    ) -> Self {
        let waiting_since = (settled < kept).then(Instant::now);
        let mut stream = Self { kept, next: kept, gaps, waiting_since, ..Self::new(format, from) };
        stream.release(settled);
        stream
    }

    /// Frames that will be written.
    pub(super) fn frames(&mut self, first: FrameIndex, count: u16, body: &[u8]) {
        self.fresh.push(first, count, body);
        self.next = first + u64::from(count);
        self.waiting_since.get_or_insert_with(Instant::now);
    }

    /// Everything before `to` is written.
    pub(super) fn written(&mut self, to: FrameIndex) {
        self.kept = self.kept.max(to);
        // What is not written can be read nowhere else; what nobody has asked for yet may never be.
        while let Some(oldest) = self.fresh.chunks.front().map(Chunk::end)
            && oldest <= self.kept
            && (self.fresh.bytes > FRESH_BYTES || self.reader.is_none_or(|reader| oldest <= reader))
        {
            self.fresh.pop();
        }
    }

    pub(super) fn gap(&mut self, from: FrameIndex, to: FrameIndex, cause: GapCause, written: bool) {
        self.gaps.insert(from, (to, cause));
        self.next = self.next.max(to);
        if written {
            self.kept = self.kept.max(to);
        }
    }

    /// Up to where frames may be used. `steady`: the disk takes what it is given, so that what came will be written.
    fn usable(&self, steady: bool) -> FrameIndex {
        if steady { self.next.max(self.kept) } else { self.kept }
    }

    pub(super) fn piece(&mut self, log: &Log, lane: u32, at: FrameIndex, steady: bool) -> Option<Piece<'_>> {
        self.reader = Some(at);
        if at >= self.usable(steady) {
            return None;
        }
        let gap = self.gaps.range(..=at).next_back().map(|(from, (to, cause))| (*from, *to, *cause));
        if let Some((from, to, cause)) = gap.filter(|(_, to, _)| *to > at) {
            return Some(Piece::Gap { from, to, cause });
        }
        if self.fresh.at(at).is_none() && self.read.at(at).is_none() {
            self.read_from(log, lane, at);
        }
        let chunk = self.fresh.at(at).or_else(|| self.read.at(at));
        if let Some(Chunk { first, count, body }) = chunk {
            return Some(Piece::Frames { first: *first, count: *count, body });
        }
        let next_chunk = self.read.chunks.front().map(|chunk| chunk.first).filter(|first| *first > at);
        let next_gap = self.gaps.range(at..).next().map(|(from, _)| *from);
        let to =
            next_chunk.into_iter().chain(next_gap).fold((at + READ_FRAMES).min(self.kept), FrameIndex::min);
        Some(Piece::Lost { to })
    }

    fn read_from(&mut self, log: &Log, lane: u32, at: FrameIndex) {
        self.read = Chunks::default();
        let mut take = |record: &glasslink_audio::journal::log::Record<'_>| {
            if let Ok(count) = u16::try_from(record.count) {
                self.read.push(FrameIndex(record.from), count, record.payload);
            }
        };
        if let Err(error) = log.bulk(FRAMES, lane, &(at.0..at.0 + READ_FRAMES), &mut take) {
            tracing::error!(%error, "kept frames cannot be read");
        }
    }

    /// From where on everything up to `to` is of one piece.
    pub(super) fn origin(&self, to: FrameIndex) -> FrameIndex {
        let cuts = self.gaps.range(..to).rev();
        let cut = cuts.map(|(from, (end, cause))| (*from, *end, *cause));
        let last =
            cut.into_iter().find(|(from, end, cause)| !is_concealed(&self.format, *from, *end, *cause));
        last.map_or(self.origin, |(_, end, _)| end.min(to))
    }

    pub(super) fn release(&mut self, to: FrameIndex) {
        self.settled = self.settled.max(to);
        if self.settled >= self.usable(true) {
            self.waiting_since = None;
        }
        let far = self.format.frames_in(REMEMBERED);
        while let Some(gap) = self.gaps.first_entry() {
            let (from, (end, cause)) = (*gap.key(), *gap.get());
            if end + far > self.settled {
                break;
            }
            gap.remove();
            if !is_concealed(&self.format, from, end, cause) {
                self.origin = end;
            }
        }
    }

    pub(super) fn held(&self, steady: bool) -> Held {
        let usable = self.usable(steady);
        let all = usable.since(self.settled);
        let unsettled = self.gaps.iter().rev().take_while(|(_, (to, _))| *to > self.settled);
        let gaps: u64 =
            unsettled.map(|(from, (to, _))| (*to).min(usable).since((*from).max(self.settled))).sum();
        let frames = all.saturating_sub(gaps);
        Held { frames, oldest: self.waiting_since.filter(|_| frames > 0) }
    }

    /// Runs of at least `frames` frames from `from` on, or of all.
    pub(super) fn oldest(
        &self,
        from: FrameIndex,
        frames: u64,
        steady: bool,
    ) -> Vec<(FrameIndex, FrameIndex)> {
        let usable = self.usable(steady);
        let (mut runs, mut at, mut found) = (Vec::new(), from, 0);
        while at < usable && found < frames {
            let before = self.gaps.range(..=at).next_back().map(|(_, (to, _))| *to).filter(|to| *to > at);
            if let Some(to) = before {
                at = to;
                continue;
            }
            let next = self.gaps.range(at..).next().map_or(usable, |(from, _)| (*from).min(usable));
            let to = next.min(at + (frames - found));
            found += to - at;
            runs.push((at, to));
            at = to;
        }
        runs
    }
}
