use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use glasslink_protocol::{FrameIndex, GapCause, StreamFormat, StreamId, StreamSums};
use glasslink_session::{ClientSession, PushError};

use crate::clock;
use crate::shared::Shared;

/// Stream time between two clock marks.
const MARK_INTERVAL: Duration = Duration::from_secs(10);

/// One source's frames on their way to the relay. Dropping it ends the stream.
///
/// After a long outage the relay gets what is pushed as another stream, which continues this one, so that captions go
/// on at once ([`Event::Continued`](crate::Event::Continued)). To who pushes it is the same.
#[derive(Debug)]
pub struct AudioStream {
    shared: Arc<Shared>,
    id: AtomicU32,
    format: StreamFormat,
    /// The frame from which on a clock mark is due.
    next_mark: AtomicU64,
}

impl AudioStream {
    pub(crate) fn new(shared: Arc<Shared>, id: StreamId, format: StreamFormat) -> Self {
        Self { shared, id: AtomicU32::new(id.0), format, next_mark: AtomicU64::new(0) }
    }

    /// The stream that the relay gets at present.
    pub fn id(&self) -> StreamId {
        StreamId(self.id.load(Ordering::Relaxed))
    }

    pub fn format(&self) -> StreamFormat {
        self.format
    }

    /// Takes one codec frame whose last sample was just captured, and says its index in the stream that
    /// [`AudioStream::id`] names. Never blocks, and allocates nothing once the buffer has its size.
    pub fn push(&self, frame: &[u8]) -> Result<FrameIndex, PushError> {
        let now = tokio::time::Instant::now();
        self.push_at(frame, now.checked_sub(self.format.frame_duration()).unwrap_or(now))
    }

    /// Takes one codec frame whose first sample was captured at `captured_at`.
    pub fn push_captured(&self, frame: &[u8], captured_at: Instant) -> Result<FrameIndex, PushError> {
        self.push_at(frame, captured_at.into())
    }

    fn push_at(&self, frame: &[u8], captured_at: tokio::time::Instant) -> Result<FrameIndex, PushError> {
        let (earlier, id, pushed) = self.shared.with(|session, now| {
            let earlier = self.id();
            let id = self.present(session);
            (earlier, id, session.push(now, id, frame))
        });
        if id != earlier {
            self.shared.went_on(earlier, id);
        }
        let index = pushed?;
        if index.0 >= self.next_mark.load(Ordering::Relaxed) {
            let next = index.0 + self.format.frames_in(MARK_INTERVAL).max(1);
            self.next_mark.store(next, Ordering::Relaxed);
            self.shared.mark(clock::mark(id, index, captured_at));
        }
        Ok(index)
    }

    /// Counts `frames` frames that do not exist, and why, so that the index moves with the clock.
    pub fn skip(&self, frames: u64, cause: GapCause) -> Result<(), PushError> {
        // What comes after a hole is tied to the clocks anew.
        self.next_mark.store(0, Ordering::Relaxed);
        self.shared.with(|session, now| session.skip(now, self.id(), frames, cause))
    }

    /// The source stands still on purpose, until the next push: nobody is to re-arm it.
    pub fn pause(&self) {
        self.shared.with(|session, _| session.pause_stream(self.id()));
    }

    /// The stream ends behind the last frame pushed.
    pub fn end(self) {}

    /// The ledger of the stream that [`AudioStream::id`] names; `None` once it is done.
    pub fn sums(&self) -> Option<StreamSums> {
        self.shared.look(|session| session.sums(self.id()))
    }

    /// The stream that the next frame belongs to.
    fn present(&self, session: &mut ClientSession) -> StreamId {
        let id = self.id();
        let Some(by) = session.continuation(id) else { return id };
        self.id.store(by.0, Ordering::Relaxed);
        self.next_mark.store(0, Ordering::Relaxed);
        by
    }
}

impl Drop for AudioStream {
    fn drop(&mut self) {
        self.shared.end_stream(self.id());
    }
}
