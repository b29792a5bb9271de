//! Where a session's audio waits for its transcript, and where the session itself outlives the process.

mod disk;
mod memory;

use glasslink_protocol::{
    ClockMark, Durability, EventNumber, FrameIndex, Gap, GapCause, StreamId, StreamStart, TranscriptEvent,
};
use tokio::time::Instant;

pub use disk::DataError;
pub(crate) use disk::{DataDir, FRAMES, Restored, contents, look};
pub(crate) use memory::MemoryStore;

/// What a session keeps.
pub(crate) trait Store: Send {
    fn durability(&self) -> Durability;

    fn open(&mut self, start: &StreamStart);

    /// `body` as in an audio message of the stream.
    fn frames(&mut self, stream: StreamId, first: FrameIndex, count: u16, body: &[u8]);

    fn gap(&mut self, gap: &Gap);

    /// Everything before here is kept, with this store's durability.
    fn kept(&self, stream: StreamId) -> FrameIndex;

    /// What there is at `at`; `None` when nothing was kept there yet.
    fn piece(&mut self, stream: StreamId, at: FrameIndex) -> Option<Piece<'_>>;

    /// Everything from the first of the two up to `to` is of one piece, and from the second on it can still be read.
    fn before(&self, stream: StreamId, to: FrameIndex) -> (FrameIndex, FrameIndex);

    /// No transcript of what is before `to` is wanted any more.
    fn release(&mut self, stream: StreamId, to: FrameIndex);

    /// Nothing of the stream is wanted any more.
    fn close(&mut self, stream: StreamId);

    /// What waits of a stream.
    fn held(&self, stream: StreamId) -> Held;

    /// Whether what waits has to be let go when it grows; its bytes, then.
    fn crowding(&self) -> Option<usize>;

    /// At least `frames` of the oldest frames from `from` on, or all: where they stand, without the gaps.
    fn oldest(&self, stream: StreamId, from: FrameIndex, frames: u64) -> Vec<(FrameIndex, FrameIndex)>;

    /// The stream ends before frame `at`.
    fn end(&mut self, _stream: StreamId, _at: FrameIndex) {}

    fn clock(&mut self, _mark: &ClockMark) {}

    fn event(&mut self, _number: EventNumber, _event: &TranscriptEvent) {}

    /// Who holds the session now, and the number of that connection; whether they let speech leave this machine.
    fn holder(&mut self, _holder: (u64, u64), _remote_speech: bool) {}

    /// When [`Store::retry`] is to be called, as long as something is not kept that should be.
    fn retry_at(&self) -> Option<Instant> {
        None
    }

    /// When [`Store::retry`] is to be called for what is written later than it comes, to be written with more.
    fn write_at(&self) -> Option<Instant> {
        None
    }

    fn retry(&mut self) {}

    /// The session is over. The folder of its files, if any are kept.
    fn over(self: Box<Self>) -> Option<String> {
        None
    }
}

/// Consecutive frames, or their absence.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// The frame that was asked for is among them.
    Frames { first: FrameIndex, count: u16, body: &'a [u8] },
    /// Nothing in this range exists.
    Gap { from: FrameIndex, to: FrameIndex, cause: GapCause },
    /// Nothing before `to` can be read any more.
    Lost { to: FrameIndex },
}

/// How much of a stream waits, and for how long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) frames: u64,
    pub(crate) oldest: Option<Instant>,
}
