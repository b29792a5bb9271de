use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use glasslink_audio::journal::{Piece, RecordedRun, Recording, RecordingError};
use glasslink_protocol::{FrameIndex, GapCause, StreamId};

/// Goes through what a stream has, a batch of frames at a time.
#[derive(Debug)]
pub(super) struct FrameCursor {
    recording: Arc<Recording>,
    stream: StreamId,
    runs: Arc<[RecordedRun]>,
    /// What is read next, and where it ends.
    next: u64,
    end: u64,
    batch: u64,
    bytes: Vec<u8>,
    items: VecDeque<Item>,
}

#[derive(Clone, Debug)]
enum Item {
    Frame(Range<usize>),
    Gap(u64, GapCause),
}

/// What a stream has next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next<'a> {
    Frame(&'a [u8]),
    Gap { frames: u64, cause: GapCause },
}

/// The first look reads a second, so that it is there at once; later ones more, so that they are few.
const FIRST_BATCH: u64 = 100;
const LARGEST_BATCH: u64 = 3_200;

impl FrameCursor {
    pub(super) fn new(
        recording: Arc<Recording>,
        stream: StreamId,
        runs: Arc<[RecordedRun]>,
        range: Range<u64>,
    ) -> Self {
        let (bytes, items) = (Vec::new(), VecDeque::new());
        Self { recording, stream, runs, next: range.start, end: range.end, batch: FIRST_BATCH, bytes, items }
    }

    /// Frames that are not handed out yet.
    pub(super) fn left(&self) -> u64 {
        let waiting = self.items.iter().map(|item| match item {
            Item::Frame(_) => 1,
            Item::Gap(frames, _) => *frames,
        });
        self.end.saturating_sub(self.next) + waiting.sum::<u64>()
    }

    pub(super) fn next(&mut self) -> Result<Option<Next<'_>>, RecordingError> {
        if self.items.is_empty() {
            self.read()?;
        }
        Ok(self.items.pop_front().map(|item| match item {
            Item::Frame(place) => Next::Frame(&self.bytes[place]),
            Item::Gap(frames, cause) => Next::Gap { frames, cause },
        }))
    }

    fn read(&mut self) -> Result<(), RecordingError> {
        self.bytes.clear();
        if self.next >= self.end {
            return Ok(());
        }
        let place = self.runs.partition_point(|run| run.to.0 <= self.next);
        let Some(run) = self.runs.get(place) else {
            self.next = self.end;
            return Ok(());
        };
        let end = run.to.0.min(self.end);
        // What was told as lost because it could not be sent may be on the disk all the same.
        let is_hole = run.gap.filter(|cause| !matches!(cause, GapCause::Rejected | GapCause::Disk));
        if let Some(cause) = is_hole {
            self.items.push_back(Item::Gap(end - self.next, cause));
            self.next = end;
            return Ok(());
        }
        let to = end.min(self.next + self.batch);
        self.batch = (self.batch * 2).min(LARGEST_BATCH);
        let (bytes, items) = (&mut self.bytes, &mut self.items);
        self.recording.frames(self.stream, FrameIndex(self.next)..FrameIndex(to), |piece| match piece {
            Piece::Frame { frame, .. } => {
                let start = bytes.len();
                bytes.extend_from_slice(frame);
                items.push_back(Item::Frame(start..bytes.len()));
            }
            Piece::Gap(gap) => items.push_back(Item::Gap(gap.frames(), gap.cause)),
        })?;
        self.next = to;
        Ok(())
    }
}
