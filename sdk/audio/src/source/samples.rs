use std::task::{Context, Poll, ready};

use glasslink_protocol::{FormatError, FrameIndex, StreamFormat};

use super::{Captured, Pace, Pacer, Source, SourceError};

/// Samples in memory, as PCM frames of 10 ms. The last one is filled up with silence.
#[derive(Debug)]
pub struct SampleSource {
    format: StreamFormat,
    samples: Vec<i16>,
    next: FrameIndex,
    pacer: Pacer,
}

impl SampleSource {
    /// `samples`: mono, at `sample_rate` hertz.
    pub fn new(samples: Vec<i16>, sample_rate: u32, pace: Pace) -> Result<Self, FormatError> {
        let format = StreamFormat::pcm(sample_rate)?;
        Ok(Self { format, samples, next: FrameIndex(0), pacer: Pacer::new(pace) })
    }
}

impl Source for SampleSource {
    fn format(&self) -> StreamFormat {
        self.format
    }

    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        frame: &mut Vec<u8>,
    ) -> Poll<Result<Option<Captured>, SourceError>> {
        let size = self.format.frame_samples() as usize;
        let Some(samples) = self.samples.chunks(size).nth(self.next.0 as usize) else {
            frame.clear();
            return Poll::Ready(Ok(None));
        };
        let (from, to) = (self.format.stream_time(self.next), self.format.stream_time(self.next + 1));
        let captured_at = ready!(self.pacer.poll_due(cx, from, to));
        fill(frame, samples, size);
        self.next += 1;
        Poll::Ready(Ok(Some(Captured::Frame { captured_at })))
    }
}

/// Puts `samples` into `frame`, little-endian, with silence up to `size` samples.
pub(super) fn fill(frame: &mut Vec<u8>, samples: &[i16], size: usize) {
    frame.clear();
    frame.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    frame.resize(size * 2, 0);
}
