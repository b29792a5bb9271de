use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Instant;

use glasslink_audio::journal::{RecordedRun, Recording};
use glasslink_audio::{Captured, Source, SourceError};
use glasslink_protocol::{FrameIndex, StreamFormat, StreamId};

use super::cursor::{FrameCursor, Next};

/// Frames of a recording as they were recorded, with their gaps, as fast as they are polled.
#[derive(Debug)]
pub struct RecordedSource {
    stream: StreamId,
    format: StreamFormat,
    label: String,
    cursor: FrameCursor,
    total: u64,
    read: Arc<AtomicU64>,
}

impl RecordedSource {
    pub(crate) fn new(
        recording: Arc<Recording>,
        stream: StreamId,
        (format, label): (StreamFormat, String),
        runs: Arc<[RecordedRun]>,
        (from, to): (FrameIndex, FrameIndex),
    ) -> Self {
        let cursor = FrameCursor::new(recording, stream, runs, from.0..to.0);
        Self { stream, format, label, cursor, total: to.since(from), read: Arc::default() }
    }

    /// The stream of the recording that they are of.
    pub fn stream(&self) -> StreamId {
        self.stream
    }

    /// What a person calls it.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Frames there are, gaps included.
    pub fn frames(&self) -> u64 {
        self.total
    }

    /// How many were taken so far, for who shows how far it got.
    pub fn progress(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.read)
    }
}

impl Source for RecordedSource {
    fn format(&self) -> StreamFormat {
        self.format
    }

    fn poll_next(
        &mut self,
        _: &mut Context<'_>,
        frame: &mut Vec<u8>,
    ) -> Poll<Result<Option<Captured>, SourceError>> {
        frame.clear();
        let next = self.cursor.next().map_err(|error| SourceError::Device(Box::new(error)))?;
        let captured = match next {
            None => None,
            Some(Next::Gap { frames, cause }) => Some(Captured::Gap { frames, cause }),
            Some(Next::Frame(bytes)) => {
                frame.extend_from_slice(bytes);
                Some(Captured::Frame { captured_at: Instant::now() })
            }
        };
        self.read.store(self.total.saturating_sub(self.cursor.left()), Ordering::Relaxed);
        Poll::Ready(Ok(captured))
    }
}
