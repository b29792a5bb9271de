//! Where a session's audio waits for its transcript.

mod memory;

use glasslink_protocol::{FrameIndex, Gap, GapCause, StreamId, StreamStart};
use tokio::time::Instant;

pub(crate) use memory::MemoryStore;

/// What a session keeps. What was given to it counts as kept when the call returns.
pub(crate) trait Store: Send {
    fn open(&mut self, start: &StreamStart);

    /// `body` as in an audio message of the stream.
    fn frames(&mut self, stream: StreamId, first: FrameIndex, count: u16, body: &[u8]);

    fn gap(&mut self, gap: &Gap);

    /// What there is at `at`; `None` when nothing was given yet.
    fn piece(&mut self, stream: StreamId, at: FrameIndex) -> Option<Piece<'_>>;

    /// Nothing before `to` is needed any more.
    fn release(&mut self, stream: StreamId, to: FrameIndex);

    /// Nothing of the stream is needed any more.
    fn close(&mut self, stream: StreamId);

    /// What is held of a stream.
    fn held(&self, stream: StreamId) -> Held;

    /// Bytes held of all streams.
    fn bytes(&self) -> usize;

    /// At least `frames` of the oldest frames from `from` on, or all: where they stand, without the gaps.
    fn oldest(&self, stream: StreamId, from: FrameIndex, frames: u64) -> Vec<(FrameIndex, FrameIndex)>;
}

/// Consecutive frames, or their absence.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// The frame that was asked for is among them.
    Frames { first: FrameIndex, count: u16, body: &'a [u8] },
    /// Nothing before `to` exists.
    Gap { to: FrameIndex, cause: GapCause },
}

/// How much of a stream waits, and for how long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) frames: u64,
    pub(crate) oldest: Option<Instant>,
}
