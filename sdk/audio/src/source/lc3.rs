use std::task::{Context, Poll, ready};

use glasslink_lc3::{Encoder, FrameDuration};
use glasslink_protocol::{Codec, StreamFormat};

use super::{Captured, Source, SourceError};

/// A PCM source, encoded as LC3, until somebody who cannot decode it asks for the samples.
#[derive(Debug)]
pub struct Lc3Source<S> {
    source: S,
    format: StreamFormat,
    encoder: Encoder,
    pcm: Vec<i16>,
}

/// Why a source cannot be encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lc3SourceError {
    /// Its frames are no PCM; they need no encoding.
    #[error("a source of {0:?} frames cannot be encoded: only PCM can")]
    NotPcm(Codec),
    /// Frames of 10 ms at 8, 16, 24, 32 or 48 kHz can be encoded: see [`Resampled`](crate::Resampled).
    #[error(
        "a source of {samples} samples a frame at {rate} Hz cannot be encoded: 10 ms at 8, 16, 24, 32 or 48 kHz can"
    )]
    Frame { samples: u32, rate: u32 },
    /// Frames of 20 to 400 bytes exist.
    #[error("LC3 frames of {0} bytes do not exist: 20 to 400 do")]
    FrameBytes(u32),
}

impl<S: Source> Lc3Source<S> {
    /// 16 kbit/s: what LC3 carries speech with, and the smallest frame there is.
    pub const FRAME_BYTES: u32 = 20;

    /// Encodes `source` with frames of `frame_bytes` bytes: 20 are 16 kbit/s, 40 are 32 kbit/s.
    pub fn new(source: S, frame_bytes: u32) -> Result<Self, Lc3SourceError> {
        let pcm = source.format();
        if pcm.codec() != Codec::PcmS16le {
            return Err(Lc3SourceError::NotPcm(pcm.codec()));
        }
        let (samples, rate) = (pcm.frame_samples(), pcm.sample_rate());
        let wrong_frame = Lc3SourceError::Frame { samples, rate };
        let encoder = Encoder::new(rate, FrameDuration::Ms10).map_err(|_| wrong_frame)?;
        let format =
            StreamFormat::lc3(rate, frame_bytes).map_err(|_| Lc3SourceError::FrameBytes(frame_bytes))?;
        if format.frame_samples() != samples {
            return Err(wrong_frame);
        }
        Ok(Self { source, format, encoder, pcm: Vec::with_capacity(samples as usize) })
    }
}

impl<S: Source> Source for Lc3Source<S> {
    fn format(&self) -> StreamFormat {
        self.format
    }

    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        frame: &mut Vec<u8>,
    ) -> Poll<Result<Option<Captured>, SourceError>> {
        let captured = ready!(self.source.poll_next(cx, frame))?;
        if let Some(Captured::Frame { .. }) = captured
            && self.format.codec() == Codec::Lc3
        {
            self.pcm.clear();
            self.pcm.extend(frame.as_chunks().0.iter().map(|bytes| i16::from_le_bytes(*bytes)));
            frame.resize(self.format.frame_bytes().unwrap_or_default() as usize, 0);
            self.encoder
                .encode(&self.pcm, frame)
                .map_err(|error| SourceError::Codec { codec: "LC3", problem: error.to_string() })?;
        }
        Poll::Ready(Ok(captured))
    }
    fn rearm(&mut self) {
        self.source.rearm();
    }

    fn pause(&mut self, paused: bool) -> bool {
        self.source.pause(paused)
    }

    fn give_pcm(&mut self) -> bool {
        self.format = self.source.format();
        true
    }
}
