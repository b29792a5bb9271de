use std::collections::VecDeque;

use glasslink_protocol::{FrameIndex, GapCause};

use crate::Timestamp;

/// Gap runs kept apart before the oldest are merged: 2 % radio loss through half an hour of outage.
const MAX_RUNS: usize = 4_096;

/// What a stream's frames from the first one not yet kept are: held in memory, held by the journal, or a gap.
///
/// The runs partition `base..next` without holes, so that every frame is exactly one of the three.
#[derive(Debug, Default)]
pub(crate) struct SendBuffer {
    base: u64,
    runs: VecDeque<Run>,
    /// The frames in memory, in order, whatever lies between them.
    stored: VecDeque<Stored>,
    bytes: VecDeque<u8>,
    /// Position of `bytes[0]`, counted from the first byte ever pushed.
    first_position: u64,
    journal_frames: u64,
}

#[derive(Clone, Copy, Debug)]
struct Run {
    to: u64,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Memory,
    Journal,
    Gap(GapCause),
}

#[derive(Clone, Copy, Debug)]
struct Stored {
    position: u64,
    pushed_at: Timestamp,
}

/// The run a frame is in, from that frame on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) kind: Kind,
    pub(crate) to: FrameIndex,
    /// Place of the frame among those in memory. Means nothing for the other kinds.
    ordinal: usize,
}

impl SendBuffer {
    /// A buffer whose first frame will be `base`.
    pub(crate) fn starting_at(base: FrameIndex) -> Self {
        Self { base: base.0, ..Self::default() }
    }

    pub(crate) fn base(&self) -> FrameIndex {
        FrameIndex(self.base)
    }

    pub(crate) fn next(&self) -> FrameIndex {
        FrameIndex(self.runs.back().map_or(self.base, |run| run.to))
    }

    /// Frames held, in memory or journal.
    pub(crate) fn frames(&self) -> u64 {
        self.stored.len() as u64 + self.journal_frames
    }

    /// Frames held that come at or after `index`.
    pub(crate) fn frames_behind(&self, index: FrameIndex) -> u64 {
        let mut from = self.base;
        let mut frames = 0;
        for run in &self.runs {
            if !matches!(run.kind, Kind::Gap(_)) {
                frames += run.to.saturating_sub(from.max(index.0));
            }
            from = run.to;
        }
        frames
    }

    /// Bytes of the frames in memory.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn push(&mut self, frame: &[u8], now: Timestamp) {
        let position = self.first_position + self.bytes.len() as u64;
        self.stored.push_back(Stored { position, pushed_at: now });
        self.bytes.extend(frame);
        self.extend(1, Kind::Memory);
    }

    /// Adds `frames` frames that have no bytes here.
    pub(crate) fn extend(&mut self, frames: u64, kind: Kind) {
        if frames == 0 {
            return;
        }
        if kind == Kind::Journal {
            self.journal_frames += frames;
        }
        let to = self.next().0 + frames;
        match self.runs.back_mut() {
            Some(last) if last.kind == kind => last.to = to,
            _ => self.runs.push_back(Run { to, kind }),
        }
        self.coarsen();
    }

    /// Lets go of everything before `to`. Says how many of those were frames.
    pub(crate) fn release(&mut self, to: FrameIndex) -> u64 {
        let to = to.0.min(self.next().0);
        let mut frames = 0;
        while self.base < to {
            let Some(run) = self.runs.front().copied() else { break };
            let upto = run.to.min(to);
            let count = upto - self.base;
            match run.kind {
                Kind::Memory => {
                    self.drop_stored(0, count as usize);
                    frames += count;
                }
                Kind::Journal => {
                    self.journal_frames -= count;
                    frames += count;
                }
                Kind::Gap(_) => {}
            }
            self.base = upto;
            if upto == run.to {
                self.runs.pop_front();
            }
        }
        frames
    }

    /// Everything was released and nothing follows: the memory that an outage's frames took is given back.
    pub(crate) fn finish(&mut self) {
        if self.runs.is_empty() {
            *self = Self::starting_at(FrameIndex(self.base));
        }
    }

    /// What `index` is, and up to where the same holds.
    pub(crate) fn item_at(&self, index: FrameIndex) -> Option<Item> {
        let mut from = self.base;
        let mut ordinal = 0;
        for run in &self.runs {
            if index.0 < run.to {
                let into = index.0.checked_sub(from)?;
                return Some(Item {
                    kind: run.kind,
                    to: FrameIndex(run.to),
                    ordinal: ordinal + into as usize,
                });
            }
            if run.kind == Kind::Memory {
                ordinal += (run.to - from) as usize;
            }
            from = run.to;
        }
        None
    }

    /// How many frames from the start of `item`, at most `most`, fit into `room` bytes.
    pub(crate) fn fitting(&self, item: Item, most: usize, room: usize, overhead: usize) -> usize {
        let start = self.position(item.ordinal);
        (1..=most)
            .rev()
            .find(|count| (self.position(item.ordinal + count) - start) as usize + count * overhead <= room)
            .unwrap_or(1)
    }

    /// Appends `count` frames of `item` to `out`, each preceded by its length when `prefixed`.
    pub(crate) fn write(&self, item: Item, count: usize, prefixed: bool, out: &mut impl bytes::BufMut) {
        let mut ordinal = item.ordinal;
        if prefixed {
            for _ in 0..count {
                let length = self.position(ordinal + 1) - self.position(ordinal);
                out.put_u16_le(length as u16);
                self.write_bytes(ordinal, ordinal + 1, out);
                ordinal += 1;
            }
        } else {
            self.write_bytes(ordinal, ordinal + count, out);
        }
    }

    /// When the oldest frame in memory at or after `protected` was pushed.
    pub(crate) fn oldest(&self, protected: FrameIndex) -> Option<Timestamp> {
        self.evictable(protected).map(|(_, ordinal, _)| self.stored[ordinal].pushed_at)
    }

    /// When the oldest frame in memory was pushed, if it is before `limit`.
    pub(crate) fn oldest_before(&self, limit: FrameIndex) -> Option<Timestamp> {
        let (from, ordinal, _) = self.evictable(self.base())?;
        (from < limit.0).then(|| self.stored[ordinal].pushed_at)
    }

    /// Lets go of the oldest frame in memory at or after `protected` and of those behind it in the same run that
    /// were pushed before `pushed_before`, and none at or after `limit`. They become a run of `kind`.
    pub(crate) fn evict(
        &mut self,
        protected: FrameIndex,
        pushed_before: Timestamp,
        limit: FrameIndex,
        kind: Kind,
    ) -> Option<(FrameIndex, FrameIndex)> {
        let (from, ordinal, to) = self.evictable(protected)?;
        let most = limit.0.checked_sub(from)?.min(to - from);
        if most == 0 {
            return None;
        }
        let old =
            (1..most).take_while(|n| self.stored[ordinal + *n as usize].pushed_at < pushed_before).count();
        let count = 1 + old as u64;
        self.drop_stored(ordinal, count as usize);
        if kind == Kind::Journal {
            self.journal_frames += count;
        }
        self.recode(from, from + count, kind);
        Some((FrameIndex(from), FrameIndex(from + count)))
    }

    /// Turns `from..to`, of which no frame may be in memory, into a gap. Says how many frames that were.
    pub(crate) fn give_up(&mut self, from: FrameIndex, to: FrameIndex, cause: GapCause) -> u64 {
        let mut frames = 0;
        let mut at = from.0.max(self.base);
        while at < to.0 {
            let Some(item) = self.item_at(FrameIndex(at)) else { break };
            let upto = item.to.0.min(to.0);
            let count = upto - at;
            match item.kind {
                Kind::Journal => self.journal_frames -= count,
                Kind::Memory => self.drop_stored(item.ordinal, count as usize),
                Kind::Gap(_) => {
                    at = upto;
                    continue;
                }
            }
            frames += count;
            self.recode(at, upto, Kind::Gap(cause));
            at = upto;
        }
        frames
    }

    /// First evictable index, its ordinal, and the end of its run.
    fn evictable(&self, protected: FrameIndex) -> Option<(u64, usize, u64)> {
        let mut from = self.base;
        let mut ordinal = 0;
        for run in &self.runs {
            if run.kind == Kind::Memory {
                let first = from.max(protected.0);
                if first < run.to {
                    return Some((first, ordinal + (first - from) as usize, run.to));
                }
                ordinal += (run.to - from) as usize;
            }
            from = run.to;
        }
        None
    }

    fn position(&self, ordinal: usize) -> u64 {
        match self.stored.get(ordinal) {
            Some(stored) => stored.position,
            None => self.first_position + self.bytes.len() as u64,
        }
    }

    fn write_bytes(&self, from: usize, to: usize, out: &mut impl bytes::BufMut) {
        let start = (self.position(from) - self.first_position) as usize;
        let end = (self.position(to) - self.first_position) as usize;
        let (front, back) = self.bytes.as_slices();
        if start < front.len() {
            out.put_slice(&front[start..end.min(front.len())]);
        }
        if end > front.len() {
            out.put_slice(&back[start.saturating_sub(front.len())..end - front.len()]);
        }
    }

    /// Removes `count` stored frames from `ordinal` on, keeping positions of the others true.
    fn drop_stored(&mut self, ordinal: usize, count: usize) {
        let start = (self.position(ordinal) - self.first_position) as usize;
        let end = (self.position(ordinal + count) - self.first_position) as usize;
        self.bytes.drain(start..end);
        self.stored.drain(ordinal..ordinal + count);
        // Frames before the removed ones move up, so that positions stay consecutive.
        let shift = (end - start) as u64;
        for stored in self.stored.range_mut(..ordinal) {
            stored.position += shift;
        }
        self.first_position += shift;
    }

    /// Makes `from..to`, which lies within one run, a run of `kind`, merging it with equal neighbours.
    fn recode(&mut self, from: u64, to: u64, kind: Kind) {
        let Some(mut at) = self.runs.iter().position(|run| from < run.to) else { return };
        let start = if at == 0 { self.base } else { self.runs[at - 1].to };
        let old = self.runs[at];
        if start < from {
            self.runs.insert(at, Run { to: from, kind: old.kind });
            at += 1;
        }
        if to == old.to {
            self.runs[at].kind = kind;
        } else {
            self.runs.insert(at, Run { to, kind });
        }
        self.merge_with_next(at);
        if at > 0 {
            self.merge_with_next(at - 1);
        }
        self.coarsen();
    }

    fn merge_with_next(&mut self, at: usize) {
        if at + 1 < self.runs.len() && self.runs[at].kind == self.runs[at + 1].kind {
            self.runs.remove(at);
        }
    }

    /// Keeps the number of runs bounded by merging the oldest neighbouring losses. Their sum stays the same.
    fn coarsen(&mut self) {
        while self.runs.len() > MAX_RUNS {
            let loss = |run: &Run| matches!(run.kind, Kind::Gap(cause) if cause.is_loss());
            let Some(at) =
                (0..self.runs.len() - 1).find(|at| loss(&self.runs[*at]) && loss(&self.runs[at + 1]))
            else {
                return;
            };
            self.runs[at + 1].kind = Kind::Gap(GapCause::Overflow);
            self.runs.remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_origin(Duration::from_millis(ms))
    }

    fn filled(frames: u8) -> SendBuffer {
        let mut buffer = SendBuffer::default();
        for n in 0..frames {
            buffer.push(&[n; 4], at(u64::from(n)));
        }
        buffer
    }

    fn read(buffer: &SendBuffer, index: u64, count: usize) -> Vec<u8> {
        let mut out = Vec::new();
        buffer.write(buffer.item_at(FrameIndex(index)).unwrap(), count, false, &mut out);
        out
    }

    #[test]
    fn frames_come_out_as_they_went_in() {
        let mut buffer = filled(10);
        assert_eq!(read(&buffer, 3, 2), [3, 3, 3, 3, 4, 4, 4, 4]);
        assert_eq!(buffer.release(FrameIndex(4)), 4);
        assert_eq!((buffer.base(), buffer.next(), buffer.frames()), (FrameIndex(4), FrameIndex(10), 6));
        assert_eq!(read(&buffer, 4, 1), [4; 4]);
        assert_eq!(buffer.item_at(FrameIndex(3)), None);
        assert_eq!(buffer.item_at(FrameIndex(10)), None);
    }

    #[test]
    fn a_stream_that_is_over_gives_its_memory_back_and_keeps_its_place() {
        let mut buffer = filled(10);
        buffer.finish();
        assert_eq!(buffer.frames(), 10, "not yet");
        buffer.release(FrameIndex(10));
        buffer.finish();
        assert_eq!((buffer.bytes.capacity(), buffer.stored.capacity()), (0, 0));
        assert_eq!((buffer.base(), buffer.next()), (FrameIndex(10), FrameIndex(10)));
    }

    #[test]
    fn frames_in_doubt_survive_an_eviction_of_those_behind_them() {
        let mut buffer = filled(10);
        let evicted = buffer.evict(FrameIndex(3), at(6), FrameIndex(u64::MAX), Kind::Gap(GapCause::Overflow));
        assert_eq!(evicted, Some((FrameIndex(3), FrameIndex(6))));
        assert_eq!(read(&buffer, 0, 3), [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]);
        assert_eq!(read(&buffer, 6, 1), [6; 4]);
        let gap = buffer.item_at(FrameIndex(3)).unwrap();
        assert_eq!((gap.kind, gap.to), (Kind::Gap(GapCause::Overflow), FrameIndex(6)));
        let again = buffer.evict(FrameIndex(3), at(0), FrameIndex(u64::MAX), Kind::Gap(GapCause::Overflow));
        assert_eq!(again, Some((FrameIndex(6), FrameIndex(7))));
        assert_eq!(buffer.item_at(FrameIndex(3)).unwrap().to, FrameIndex(7));
        assert_eq!((buffer.frames(), buffer.release(FrameIndex(10))), (6, 6));
    }

    #[test]
    fn gaps_and_journal_runs_keep_their_place() {
        let mut buffer = filled(4);
        buffer.extend(3, Kind::Gap(GapCause::Radio));
        buffer.push(&[9; 4], at(9));
        assert!(buffer.evict(FrameIndex(0), at(4), FrameIndex(u64::MAX), Kind::Journal).is_some());
        assert_eq!(buffer.frames(), 5);
        assert_eq!(buffer.item_at(FrameIndex(0)).unwrap().kind, Kind::Journal);
        assert_eq!(read(&buffer, 7, 1), [9; 4]);
        assert_eq!(buffer.give_up(FrameIndex(0), FrameIndex(2), GapCause::Disk), 2);
        assert_eq!(buffer.frames(), 3);
        assert_eq!(buffer.release(FrameIndex(8)), 3);
        assert_eq!((buffer.frames(), buffer.memory_bytes()), (0, 0));
    }

    #[test]
    fn variable_frames_are_preceded_by_their_length() {
        let mut buffer = SendBuffer::default();
        buffer.push(&[1], at(0));
        buffer.push(&[2, 2], at(0));
        let item = buffer.item_at(FrameIndex(0)).unwrap();
        let mut out = Vec::new();
        buffer.write(item, 2, true, &mut out);
        assert_eq!(out, [1, 0, 1, 2, 0, 2, 2]);
        assert_eq!(buffer.fitting(item, 2, 6, 2), 1);
        assert_eq!(buffer.fitting(item, 2, 7, 2), 2);
    }

    #[test]
    fn the_number_of_runs_is_bounded_and_no_frame_forgotten() {
        let mut buffer = SendBuffer::default();
        for n in 0..10_000 {
            let cause = if n % 2 == 0 { GapCause::Radio } else { GapCause::Overflow };
            buffer.extend(1, Kind::Gap(cause));
        }
        assert!(buffer.runs.len() <= MAX_RUNS);
        assert_eq!(buffer.next(), FrameIndex(10_000));
    }
}
