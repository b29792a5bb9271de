use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use glasslink::audio::{Captured, Source, SourceError};
use glasslink::{Event, FrameIndex, StreamFormat, StreamId, TranscriptEvent};

/// How long captions take. At real time only: otherwise no frame has a time at which it was spoken.
#[derive(Default)]
pub(crate) struct Measure {
    started: BTreeMap<StreamId, (Arc<OnceLock<Instant>>, StreamFormat)>,
    first_partial: Option<Duration>,
    finals: Vec<Duration>,
}

/// Notes when the first frame of a source was captured.
pub(crate) struct Timed<S> {
    source: S,
    started: Arc<OnceLock<Instant>>,
}

impl<S: Source> Timed<S> {
    pub(crate) fn new(source: S) -> Self {
        Self { source, started: Arc::default() }
    }

    pub(crate) fn started(&self) -> Arc<OnceLock<Instant>> {
        Arc::clone(&self.started)
    }
}

impl<S: Source> Source for Timed<S> {
    fn format(&self) -> StreamFormat {
        self.source.format()
    }

    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        frame: &mut Vec<u8>,
    ) -> Poll<Result<Option<Captured>, SourceError>> {
        let polled = self.source.poll_next(cx, frame);
        if let Poll::Ready(Ok(Some(Captured::Frame { captured_at }))) = polled {
            let _ = self.started.set(captured_at);
        }
        polled
    }
}

impl Measure {
    pub(crate) fn follow(&mut self, stream: StreamId, format: StreamFormat, started: Arc<OnceLock<Instant>>) {
        self.started.insert(stream, (started, format));
    }

    pub(crate) fn event(&mut self, event: &Event, arrived: Instant) {
        match event {
            Event::Partial(partial) if self.first_partial.is_none() => {
                self.first_partial = self.since(partial.stream, partial.from, arrived);
            }
            Event::Transcript { event: TranscriptEvent::Final(said), .. } => {
                self.finals.extend(self.since(said.stream, said.to, arrived));
            }
            _ => {}
        }
    }

    /// From the capture of the first voiced frame to the arrival of the first partial.
    pub(crate) fn first_partial(&self) -> Option<Duration> {
        self.first_partial
    }

    /// From the capture of a final's last voiced frame to its arrival: what `percent` of the finals stay within.
    pub(crate) fn final_after_speech(&self, percent: usize) -> Option<Duration> {
        let mut finals = self.finals.clone();
        finals.sort_unstable();
        let place = (finals.len() * percent).div_ceil(100).checked_sub(1)?;
        finals.get(place).copied()
    }

    fn since(&self, stream: StreamId, index: FrameIndex, arrived: Instant) -> Option<Duration> {
        let (started, format) = self.started.get(&stream)?;
        let captured = *started.get()? + format.stream_time(index);
        Some(arrived.saturating_duration_since(captured))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_the_nearest_rank() {
        let finals = (1..=20).rev().map(Duration::from_millis).collect();
        let measure = Measure { finals, ..Measure::default() };
        assert_eq!(measure.final_after_speech(50), Some(Duration::from_millis(10)));
        assert_eq!(measure.final_after_speech(95), Some(Duration::from_millis(19)));
        assert_eq!(Measure::default().final_after_speech(50), None);
    }
}
