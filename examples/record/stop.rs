use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use glasslink::StreamFormat;
use glasslink::audio::{Captured, Level, LevelMeter, Source, SourceError};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// How loud it is and how far it got, as others see it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heard(Arc<Gauges>);

#[derive(Debug, Default)]
struct Gauges {
    peak_dbfs: AtomicU32,
    frames: AtomicU64,
}

impl Heard {
    /// Relative to full scale.
    pub(crate) fn peak_dbfs(&self) -> f32 {
        f32::from_bits(self.0.peak_dbfs.load(Ordering::Relaxed))
    }

    pub(crate) fn frames(&self) -> u64 {
        self.0.frames.load(Ordering::Relaxed)
    }
}

/// A source of PCM that says how loud it is.
pub(crate) struct Metered<S> {
    source: S,
    meter: LevelMeter,
    samples: Vec<i16>,
    heard: Heard,
}

impl<S: Source> Metered<S> {
    pub(crate) fn new(source: S, heard: Heard) -> Self {
        let meter = LevelMeter::new(source.format().sample_rate(), Duration::from_millis(50));
        heard.0.peak_dbfs.store(Level::SILENCE.peak_dbfs.to_bits(), Ordering::Relaxed);
        Self { source, meter, samples: Vec::new(), heard }
    }
}

impl<S: Source> Source for Metered<S> {
    fn format(&self) -> StreamFormat {
        self.source.format()
    }

    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        frame: &mut Vec<u8>,
    ) -> Poll<Result<Option<Captured>, SourceError>> {
        let captured = ready!(self.source.poll_next(cx, frame))?;
        match captured {
            Some(Captured::Frame { .. }) => {
                self.samples.clear();
                self.samples.extend(frame.as_chunks().0.iter().map(|bytes| i16::from_le_bytes(*bytes)));
                if let Some(level) = self.meter.update(&self.samples) {
                    self.heard.0.peak_dbfs.store(level.peak_dbfs.to_bits(), Ordering::Relaxed);
                }
                self.heard.0.frames.fetch_add(1, Ordering::Relaxed);
            }
            Some(Captured::Gap { frames, .. }) => {
                self.heard.0.peak_dbfs.store(Level::SILENCE.peak_dbfs.to_bits(), Ordering::Relaxed);
                self.heard.0.frames.fetch_add(frames, Ordering::Relaxed);
            }
            None => {}
        }
        Poll::Ready(Ok(captured))
    }
}

/// A source that ends when it is told to, so that its recording ends as it should.
pub(crate) struct Stoppable<S> {
    source: S,
    stop: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl<S: Source> Stoppable<S> {
    pub(crate) fn new(source: S, stop: CancellationToken) -> Self {
        Self { source, stop: Box::pin(stop.cancelled_owned()) }
    }
}

impl<S: Source> Source for Stoppable<S> {
    fn format(&self) -> StreamFormat {
        self.source.format()
    }

    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        frame: &mut Vec<u8>,
    ) -> Poll<Result<Option<Captured>, SourceError>> {
        if self.stop.as_mut().poll(cx).is_ready() {
            frame.clear();
            return Poll::Ready(Ok(None));
        }
        self.source.poll_next(cx, frame)
    }
}
