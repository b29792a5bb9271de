use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use glasslink_protocol::{FrameIndex, GapCause, StreamFormat, StreamId, StreamSums};
use glasslink_session::PushError;

use crate::clock;
use crate::shared::Shared;

/// Stream time between two clock marks.
const MARK_INTERVAL: Duration = Duration::from_secs(10);

/// One source's frames on their way to the relay. Dropping it ends the stream.
#[derive(Debug)]
pub struct AudioStream {
    shared: Arc<Shared>,
    id: StreamId,
    format: StreamFormat,
    /// The frame from which on a clock mark is due.
    next_mark: AtomicU64,
}

impl AudioStream {
    pub(crate) fn new(shared: Arc<Shared>, id: StreamId, format: StreamFormat) -> Self {
        Self { shared, id, format, next_mark: AtomicU64::new(0) }
    }

    pub fn id(&self) -> StreamId {
        self.id
    }

    pub fn format(&self) -> StreamFormat {
        self.format
    }

    /// Takes one codec frame whose last sample was just captured. Never blocks, and allocates nothing once the
    /// buffer has its size.
    pub fn push(&self, frame: &[u8]) -> Result<FrameIndex, PushError> {
        let now = tokio::time::Instant::now();
        self.push_at(frame, now.checked_sub(self.format.frame_duration()).unwrap_or(now))
    }

    /// Takes one codec frame whose first sample was captured at `captured_at`.
    pub fn push_captured(&self, frame: &[u8], captured_at: Instant) -> Result<FrameIndex, PushError> {
        self.push_at(frame, captured_at.into())
    }

    fn push_at(&self, frame: &[u8], captured_at: tokio::time::Instant) -> Result<FrameIndex, PushError> {
        let index = self.shared.with(|session, now| session.push(now, self.id, frame))?;
        if index.0 >= self.next_mark.load(Ordering::Relaxed) {
            let next = index.0 + self.format.frames_in(MARK_INTERVAL).max(1);
            self.next_mark.store(next, Ordering::Relaxed);
            self.shared.mark(clock::mark(self.id, index, captured_at));
        }
        Ok(index)
    }

    /// Counts `frames` frames that do not exist, and why, so that the index moves with the clock.
    pub fn skip(&self, frames: u64, cause: GapCause) -> Result<(), PushError> {
        // What comes after a hole is tied to the clocks anew.
        self.next_mark.store(0, Ordering::Relaxed);
        self.shared.with(|session, now| session.skip(now, self.id, frames, cause))
    }

    /// The stream ends behind the last frame pushed.
    pub fn end(self) {}

    /// The stream's ledger; `None` once it is done.
    pub fn sums(&self) -> Option<StreamSums> {
        self.shared.look(|session| session.sums(self.id))
    }
}

impl Drop for AudioStream {
    fn drop(&mut self) {
        self.shared.end_stream(self.id);
    }
}
