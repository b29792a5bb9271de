use std::collections::VecDeque;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use glasslink_protocol::{Codec, StreamFormat};

use super::samples::fill;
use super::{Captured, Source, SourceError};
use crate::Resampler;

/// A PCM source at another rate, frame for frame.
///
/// Frames come up to 60 ms later than they would without; their times of capture are theirs.
#[derive(Debug)]
pub struct Resampled<S> {
    source: S,
    format: StreamFormat,
    resampler: Resampler,
    input: Vec<f32>,
    /// Resampled; the first `taken` samples are yielded.
    output: Vec<f32>,
    taken: usize,
    pcm: Vec<i16>,
    /// When the frames inside were captured.
    captured_at: VecDeque<Instant>,
    /// What came from the source, to be yielded after the frames before it.
    held: Option<Result<Option<Captured>, SourceError>>,
}

/// Why a source cannot be resampled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResampledError {
    /// Its frames are no PCM.
    #[error("a source of {0:?} frames cannot be resampled: only PCM can")]
    NotPcm(Codec),
    /// Frames of 10 ms at rates that are whole hundreds of hertz, 8 to 48 kHz, become others of 10 ms.
    #[error(
        "a source of {samples} samples a frame at {from} Hz cannot be resampled to {to} Hz: frames of 10 ms at whole hundreds of hertz can"
    )]
    Frame { samples: u32, from: u32, to: u32 },
}

impl<S: Source> Resampled<S> {
    /// `source` at `sample_rate` hertz.
    pub fn new(source: S, sample_rate: u32) -> Result<Self, ResampledError> {
        let (from, to) = (source.format(), sample_rate);
        if from.codec() != Codec::PcmS16le {
            return Err(ResampledError::NotPcm(from.codec()));
        }
        let (samples, from) = (from.frame_samples(), from.sample_rate());
        let wrong = ResampledError::Frame { samples, from, to };
        if samples * 100 != from || !to.is_multiple_of(100) {
            return Err(wrong);
        }
        let format = StreamFormat::pcm(to).map_err(|_| wrong)?;
        let resampler = Resampler::new(from, to).map_err(|_| wrong)?;
        Ok(Self {
            source,
            format,
            resampler,
            input: Vec::with_capacity(samples as usize),
            output: Vec::new(),
            taken: 0,
            pcm: Vec::with_capacity(format.frame_samples() as usize),
            captured_at: VecDeque::with_capacity(16),
            held: None,
        })
    }

    fn take(&mut self, frame: &mut Vec<u8>) -> Option<Captured> {
        let size = self.format.frame_samples() as usize;
        let samples = self.output.get(self.taken..self.taken + size)?;
        let captured_at = self.captured_at.pop_front()?;
        self.pcm.clear();
        self.pcm.extend(samples.iter().map(|sample| sample.round().clamp(-32_768.0, 32_767.0) as i16));
        fill(frame, &self.pcm, size);
        self.taken += size;
        Some(Captured::Frame { captured_at })
    }
}

impl<S: Source> Source for Resampled<S> {
    fn format(&self) -> StreamFormat {
        self.format
    }

    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        frame: &mut Vec<u8>,
    ) -> Poll<Result<Option<Captured>, SourceError>> {
        loop {
            if let Some(captured) = self.take(frame) {
                return Poll::Ready(Ok(Some(captured)));
            }
            self.output.drain(..self.taken);
            self.taken = 0;
            if let Some(held) = self.held.take() {
                frame.clear();
                return Poll::Ready(held);
            }
            match ready!(self.source.poll_next(cx, frame)) {
                Ok(Some(Captured::Frame { captured_at })) => {
                    self.input.clear();
                    self.input.extend(
                        frame.as_chunks().0.iter().map(|bytes| f32::from(i16::from_le_bytes(*bytes))),
                    );
                    self.captured_at.push_back(captured_at);
                    self.resampler.process(&self.input, &mut self.output);
                }
                other => {
                    self.resampler.finish(&mut self.output);
                    self.held = Some(other);
                }
            }
        }
    }
    fn rearm(&mut self) {
        self.source.rearm();
    }

    fn pause(&mut self, paused: bool) -> bool {
        self.source.pause(paused)
    }
}
