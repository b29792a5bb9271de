use std::ops::Range;

use super::format::Record;

/// What a segment has, and where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Index {
    /// Ranges that records cover, joined where one continues the last of its kind and lane.
    pub(super) runs: Vec<Run>,
    /// Every record that is not bulk, and a bulk record of each lane about every [`STRIDE`] bytes, by offset.
    pub(super) landmarks: Vec<Landmark>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) kind: u8,
    pub(super) lane: u32,
    pub(super) from: u64,
    pub(super) to: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Landmark {
    pub(super) offset: u32,
    pub(super) kind: u8,
    pub(super) lane: u32,
    pub(super) from: u64,
}

/// A random access reads twice this at most; 8 hours of LC3 have 9,000 landmarks, 200 KiB.
const STRIDE: u32 = 16 * 1024;

const RUN_BYTES: usize = 24;
const LANDMARK_BYTES: usize = 20;

impl Index {
    pub(super) fn add(&mut self, record: &Record<'_>, offset: u32) {
        let Range { start: from, end: to } = record.range();
        let (kind, lane) = (record.kind, record.lane);
        if from < to {
            // A segment has few lanes at a time, so the run to go on with is near the end.
            let last = self.runs.iter_mut().rev().take(64).find(|run| (run.kind, run.lane) == (kind, lane));
            match last {
                Some(run) if run.to == from => run.to = to,
                _ => self.runs.push(Run { kind, lane, from, to }),
            }
        }
        let near = |landmark: &&Landmark| (landmark.kind, landmark.lane) == (kind, lane);
        let mut recent = self.landmarks.iter().rev().take_while(|landmark| offset - landmark.offset < STRIDE);
        if !record.is_bulk() || recent.find(near).is_none() {
            self.landmarks.push(Landmark { offset, kind, lane, from });
        }
    }

    /// Where to start reading for what `lane` has from `from` on.
    pub(super) fn start_of(&self, kind: u8, lane: u32, from: u64) -> Option<u32> {
        let of_lane =
            || self.landmarks.iter().filter(|landmark| (landmark.kind, landmark.lane) == (kind, lane));
        of_lane()
            .take_while(|landmark| landmark.from <= from)
            .last()
            .or_else(|| of_lane().next())
            .map(|it| it.offset)
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let size = 8 + self.runs.len() * RUN_BYTES + self.landmarks.len() * LANDMARK_BYTES;
        let mut out = Vec::with_capacity(size);
        out.extend((self.runs.len() as u32).to_le_bytes());
        for run in &self.runs {
            out.extend(u32::from(run.kind).to_le_bytes());
            out.extend(run.lane.to_le_bytes());
            out.extend(run.from.to_le_bytes());
            out.extend(run.to.to_le_bytes());
        }
        out.extend((self.landmarks.len() as u32).to_le_bytes());
        for landmark in &self.landmarks {
            out.extend(landmark.offset.to_le_bytes());
            out.extend(u32::from(landmark.kind).to_le_bytes());
            out.extend(landmark.lane.to_le_bytes());
            out.extend(landmark.from.to_le_bytes());
        }
        out
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (runs, rest) = list::<RUN_BYTES>(bytes)?;
        let (landmarks, rest) = list::<LANDMARK_BYTES>(rest)?;
        let run = |bytes: &[u8; RUN_BYTES]| {
            let (kind, lane) = (u8::try_from(word(bytes, 0)?).ok()?, word(bytes, 4)?);
            let (from, to) = (long(bytes, 8)?, long(bytes, 16)?);
            (from < to).then_some(Run { kind, lane, from, to })
        };
        let landmark = |bytes: &[u8; LANDMARK_BYTES]| {
            let (offset, kind) = (word(bytes, 0)?, u8::try_from(word(bytes, 4)?).ok()?);
            Some(Landmark { offset, kind, lane: word(bytes, 8)?, from: long(bytes, 12)? })
        };
        let index = Self {
            runs: runs.iter().map(run).collect::<Option<_>>()?,
            landmarks: landmarks.iter().map(landmark).collect::<Option<_>>()?,
        };
        let ordered = index.landmarks.is_sorted_by_key(|landmark| landmark.offset);
        (rest.is_empty() && ordered).then_some(index)
    }
}

fn list<const N: usize>(bytes: &[u8]) -> Option<(&[[u8; N]], &[u8])> {
    let (count, rest) = bytes.split_first_chunk::<4>()?;
    let (items, rest) = rest.split_at_checked((u32::from_le_bytes(*count) as usize).checked_mul(N)?)?;
    Some((items.as_chunks().0, rest))
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes[at..].first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

fn long(bytes: &[u8], at: usize) -> Option<u64> {
    bytes[at..].first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}
