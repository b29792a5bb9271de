use std::collections::{HashMap, VecDeque};

use glasslink_protocol::{Durability, FrameIndex, Gap, GapCause, StreamId, StreamStart};
use tokio::time::Instant;

use crate::store::{Held, Piece, Store};

/// What a chunk costs beyond its bytes.
const CHUNK_OVERHEAD: usize = size_of::<Chunk>() + 16;

/// A session's audio in memory: gone with the process.
#[derive(Debug, Default)]
pub(crate) struct MemoryStore {
    streams: HashMap<StreamId, Stream>,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Stream {
    /// Consecutive, the oldest first.
    chunks: VecDeque<Chunk>,
    /// Frames in `chunks`.
    frames: u64,
    kept: FrameIndex,
}

#[derive(Debug)]
struct Chunk {
    from: FrameIndex,
    to: FrameIndex,
    at: Instant,
    content: Content,
}

#[derive(Debug)]
enum Content {
    /// Copied out of the connection's buffer, which is larger.
    Frames(Box<[u8]>),
    Gap(GapCause),
}

impl Chunk {
    fn bytes(&self) -> usize {
        CHUNK_OVERHEAD
            + match &self.content {
                Content::Frames(body) => body.len(),
                Content::Gap(_) => 0,
            }
    }

    fn frames(&self) -> u64 {
        match self.content {
            Content::Frames(_) => self.to - self.from,
            Content::Gap(_) => 0,
        }
    }
}

impl MemoryStore {
    fn push(&mut self, stream: StreamId, chunk: Chunk) {
        if let Some(stream) = self.streams.get_mut(&stream) {
            self.bytes += chunk.bytes();
            stream.frames += chunk.frames();
            stream.kept = chunk.to;
            stream.chunks.push_back(chunk);
        }
    }
}

impl Store for MemoryStore {
    fn durability(&self) -> Durability {
        Durability::Memory
    }

    fn open(&mut self, start: &StreamStart) {
        self.streams.insert(start.stream, Stream { kept: start.from, ..Stream::default() });
    }

    fn frames(&mut self, stream: StreamId, first: FrameIndex, count: u16, body: &[u8]) {
        let content = Content::Frames(body.into());
        let to = first + u64::from(count);
        self.push(stream, Chunk { from: first, to, at: Instant::now(), content });
    }

    fn gap(&mut self, gap: &Gap) {
        let content = Content::Gap(gap.cause);
        self.push(gap.stream, Chunk { from: gap.from, to: gap.to, at: Instant::now(), content });
    }

    fn kept(&self, stream: StreamId) -> FrameIndex {
        self.streams.get(&stream).map_or(FrameIndex(0), |stream| stream.kept)
    }

    fn piece(&mut self, stream: StreamId, at: FrameIndex) -> Option<Piece<'_>> {
        let stream = self.streams.get(&stream)?;
        let index = stream.chunks.partition_point(|chunk| chunk.to <= at);
        let chunk = stream.chunks.get(index)?;
        Some(match &chunk.content {
            Content::Frames(body) => {
                Piece::Frames { first: chunk.from, count: (chunk.to - chunk.from) as u16, body }
            }
            Content::Gap(cause) => Piece::Gap { from: chunk.from, to: chunk.to, cause: *cause },
        })
    }

    fn before(&self, stream: StreamId, to: FrameIndex) -> (FrameIndex, FrameIndex) {
        let front = self.streams.get(&stream).and_then(|stream| stream.chunks.front());
        // What was let go of may have been of one piece with it; nobody remembers.
        let from = front.filter(|front| front.frames() > 0 && front.to > to).map_or(to, |front| front.from);
        (from.min(to), from.min(to))
    }

    fn release(&mut self, stream: StreamId, to: FrameIndex) {
        let Some(stream) = self.streams.get_mut(&stream) else { return };
        while let Some(chunk) = stream.chunks.pop_front_if(|chunk| chunk.to <= to) {
            self.bytes -= chunk.bytes();
            stream.frames -= chunk.frames();
        }
        if stream.chunks.is_empty() {
            stream.chunks.shrink_to(16);
        }
    }

    fn close(&mut self, stream: StreamId) {
        if let Some(stream) = self.streams.remove(&stream) {
            self.bytes -= stream.chunks.iter().map(Chunk::bytes).sum::<usize>();
        }
    }

    fn held(&self, stream: StreamId) -> Held {
        let Some(stream) = self.streams.get(&stream) else { return Held::default() };
        Held {
            frames: stream.frames,
            oldest: stream.chunks.iter().find(|chunk| chunk.frames() > 0).map(|chunk| chunk.at),
        }
    }

    fn crowding(&self) -> Option<usize> {
        Some(self.bytes)
    }

    fn oldest(&self, stream: StreamId, from: FrameIndex, frames: u64) -> Vec<(FrameIndex, FrameIndex)> {
        let Some(stream) = self.streams.get(&stream) else { return Vec::new() };
        let mut runs: Vec<(FrameIndex, FrameIndex)> = Vec::new();
        let mut found = 0;
        for chunk in stream.chunks.iter().filter(|chunk| chunk.frames() > 0 && chunk.to > from) {
            if found >= frames {
                break;
            }
            let first = chunk.from.max(from);
            found += chunk.to - first;
            match runs.last_mut() {
                Some((_, end)) if *end == first => *end = chunk.to,
                _ => runs.push((first, chunk.to)),
            }
        }
        runs
    }
}

#[cfg(test)]
mod tests {
    use glasslink_protocol::StreamFormat;

    use super::*;

    const ID: StreamId = StreamId(1);

    fn store() -> MemoryStore {
        let mut store = MemoryStore::default();
        store.open(&StreamStart {
            stream: ID,
            format: StreamFormat::lc3(16_000, 20).unwrap(),
            from: FrameIndex(0),
            transcribed: FrameIndex(0),
            continues: None,
            label: String::new(),
        });
        store
    }

    fn gap(from: u64, to: u64) -> Gap {
        let format = StreamFormat::lc3(16_000, 20).unwrap();
        Gap::new(ID, FrameIndex(from), FrameIndex(to), GapCause::Absent, &format)
    }

    #[test]
    fn pieces_are_found_by_any_frame_in_them() {
        let mut store = store();
        store.frames(ID, FrameIndex(10), 2, &[1; 40]);
        store.gap(&gap(12, 900));
        store.frames(ID, FrameIndex(900), 1, &[2; 20]);
        let second = Piece::Frames { first: FrameIndex(10), count: 2, body: &[1; 40] };
        assert_eq!(store.piece(ID, FrameIndex(11)), Some(second));
        let absent = Piece::Gap { from: FrameIndex(12), to: FrameIndex(900), cause: GapCause::Absent };
        assert_eq!(store.piece(ID, FrameIndex(12)), Some(absent));
        assert_eq!(store.piece(ID, FrameIndex(901)), None);
        assert_eq!(store.held(ID).frames, 3, "gaps are not held");
    }

    #[test]
    fn what_is_released_takes_no_room() {
        let mut store = store();
        for index in 0..100 {
            store.frames(ID, FrameIndex(index * 5), 5, &[0; 100]);
        }
        store.release(ID, FrameIndex(52));
        assert_eq!(store.held(ID).frames, 450, "a message is let go as a whole");
        store.close(ID);
        assert_eq!(store.crowding(), Some(0));
    }

    #[test]
    fn the_oldest_frames_are_told_without_the_gaps_between_them() {
        let mut store = store();
        store.frames(ID, FrameIndex(0), 10, &[0; 200]);
        store.frames(ID, FrameIndex(10), 10, &[0; 200]);
        store.gap(&gap(20, 1000));
        store.frames(ID, FrameIndex(1000), 10, &[0; 200]);
        let runs = |from, frames| {
            let runs = store.oldest(ID, FrameIndex(from), frames);
            runs.into_iter().map(|(from, to)| (from.0, to.0)).collect::<Vec<_>>()
        };
        assert_eq!(runs(0, 5), [(0, 10)]);
        assert_eq!(runs(4, 20), [(4, 20), (1000, 1010)]);
        assert_eq!(runs(1010, 20), []);
    }
}
