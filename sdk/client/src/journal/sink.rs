use std::sync::Arc;
use std::time::Instant;

use glasslink_audio::journal::{FrameSink, Stored};
use glasslink_protocol::{ClockMark, FrameIndex, Gap, StreamFormat, StreamId};
use glasslink_session::{OpenError, StreamOptions, WhenFull};

use crate::shared::Shared;

/// Sends what a [`Recorder`](glasslink_audio::journal::Recorder) has written. Whatever becomes of the link, recording
/// goes on. Dropping it ends the stream on the link.
#[derive(Debug)]
pub struct LinkSink {
    shared: Arc<Shared>,
    stream: StreamId,
    /// Whether somebody waits for what is said now.
    live: bool,
    /// The first frame behind those that the journal does not have: memory holds them until they are kept.
    hole_end: Option<FrameIndex>,
}

impl LinkSink {
    /// Opens the stream. Where nobody waits for what is said now, `options` refuse rather than drop.
    pub(crate) fn open(
        shared: &Arc<Shared>,
        format: StreamFormat,
        options: &StreamOptions,
    ) -> Result<Self, OpenError> {
        let stream = shared.open(format, recorded(options))?;
        Ok(Self::new(shared, stream, options))
    }

    /// Opens the stream that goes on from `earlier`, which has ended, in another format.
    pub(crate) fn going_on(
        shared: &Arc<Shared>,
        earlier: StreamId,
        format: StreamFormat,
        options: &StreamOptions,
    ) -> Result<Self, OpenError> {
        let stream = shared.go_on_as(earlier, format, recorded(options))?;
        Ok(Self::new(shared, stream, options))
    }

    fn new(shared: &Arc<Shared>, stream: StreamId, options: &StreamOptions) -> Self {
        let live = options.when_full == WhenFull::DropOldest;
        Self { shared: Arc::clone(shared), stream, live, hole_end: None }
    }

    /// The stream that the relay gets at present.
    pub fn stream(&self) -> StreamId {
        self.stream
    }
}

/// The journal has room where memory has none: a recorded source never waits.
fn recorded(options: &StreamOptions) -> StreamOptions {
    StreamOptions { when_full: WhenFull::DropOldest, ..options.clone() }
}

impl FrameSink for LinkSink {
    fn continuation(&mut self) -> Option<StreamId> {
        if !self.live {
            return None;
        }
        let by = self.shared.with(|session, _| session.continuation(self.stream))?;
        self.shared.went_on(std::mem::replace(&mut self.stream, by), by);
        self.hole_end = None;
        Some(by)
    }

    fn frame(&mut self, index: FrameIndex, _captured_at: Instant, frame: &[u8], stored: Stored) {
        let stream = self.stream;
        let hole_end = &mut self.hole_end;
        let pushed = self.shared.with(|session, now| {
            let pushed = session.push(now, stream, frame)?;
            match stored {
                Stored::NotStored => *hole_end = Some(index + 1),
                Stored::OnDisk => {
                    let kept = session.kept_before(stream);
                    if hole_end.is_some_and(|end| kept.is_some_and(|kept| kept >= end)) {
                        *hole_end = None;
                    }
                    if hole_end.is_none() {
                        session.journaled(stream, index + 1);
                    }
                }
            }
            Ok::<_, glasslink_session::PushError>(pushed)
        });
        match pushed {
            Ok(pushed) => debug_assert_eq!(pushed, index, "journal and link count alike"),
            // A link that was closed takes nothing; the recording has it.
            Err(error) => tracing::debug!(%error, stream = stream.0, "recorded and not sent"),
        }
    }

    fn gap(&mut self, gap: Gap) {
        let skipped =
            self.shared.with(|session, now| session.skip(now, self.stream, gap.frames(), gap.cause));
        if let Err(error) = skipped {
            tracing::debug!(%error, stream = self.stream.0, "recorded and not sent");
        }
    }

    fn clock(&mut self, mark: ClockMark) {
        self.shared.mark(mark);
    }
}

impl Drop for LinkSink {
    fn drop(&mut self) {
        self.shared.end_stream(self.stream);
    }
}
