use std::future::Future as _;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use glasslink::audio::{Captured, Source, SourceError};
use glasslink::{GapCause, StreamFormat};
use tokio::time::{Instant, Sleep, sleep_until};

/// A source that is this late was not running: what it did not capture is not there.
const SUSPENDED: Duration = Duration::from_millis(500);

/// Whether a source captures.
#[derive(Debug, Default)]
pub(crate) struct Switch {
    pub(crate) paused: AtomicBool,
    pub(crate) over: AtomicBool,
}

/// Frames on the beat of the clock, each with its number in it.
pub(crate) struct Ticks {
    format: StreamFormat,
    switch: Arc<Switch>,
    next: u64,
    due: Instant,
    sleep: Pin<Box<Sleep>>,
}

impl Ticks {
    pub(crate) fn new(format: StreamFormat, switch: Arc<Switch>) -> Self {
        let due = Instant::now() + format.frame_duration();
        Self { format, switch, next: 0, due, sleep: Box::pin(sleep_until(due)) }
    }

    fn pass(&mut self, frames: u64) {
        self.next += frames;
        self.due += self.format.duration(frames);
    }
}

impl Source for Ticks {
    fn format(&self) -> StreamFormat {
        self.format
    }

    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        frame: &mut Vec<u8>,
    ) -> Poll<Result<Option<Captured>, SourceError>> {
        loop {
            if self.switch.over.load(Ordering::Relaxed) {
                return Poll::Ready(Ok(None));
            }
            let paused = self.switch.paused.load(Ordering::Relaxed);
            let wake = if paused { Instant::now() + self.format.frame_duration() } else { self.due };
            self.sleep.as_mut().reset(wake);
            ready!(self.sleep.as_mut().poll(cx));
            if paused {
                continue;
            }
            let late = self.due.elapsed();
            if late > SUSPENDED {
                let frames = (late.as_nanos() / self.format.frame_duration().as_nanos()) as u64;
                self.pass(frames);
                frame.clear();
                return Poll::Ready(Ok(Some(Captured::Gap { frames, cause: GapCause::Absent })));
            }
            frame.clear();
            frame.extend(self.next.to_le_bytes());
            frame.resize(self.format.frame_bytes().unwrap_or(8) as usize, 0);
            let captured_at = (self.due - self.format.frame_duration()).into_std();
            self.pass(1);
            return Poll::Ready(Ok(Some(Captured::Frame { captured_at })));
        }
    }
}
