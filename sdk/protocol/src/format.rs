use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::FrameIndex;

/// How a frame's bytes are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Codec {
    Lc3,
    Opus,
    /// Signed 16-bit little-endian samples.
    PcmS16le,
}

/// What the frames of a stream are. Streams are mono.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Fields", into = "Fields")]
pub struct StreamFormat {
    codec: Codec,
    sample_rate: u32,
    frame_samples: u32,
    frame_bytes: u32,
}

/// Why a stream format was refused. Each names the field to correct.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// Rates from 8,000 to 48,000 Hz exist in the codecs; resample first.
    #[error("sample rate {0} Hz is outside 8000 to 48000 Hz")]
    SampleRate(u32),
    /// Frames from 2.5 to 120 ms exist in the codecs.
    #[error("a frame of {frame_samples} samples at {sample_rate} Hz is not between 2.5 and 120 ms")]
    FrameSamples { frame_samples: u32, sample_rate: u32 },
    /// LC3 has frames of 20 to 400 bytes; PCM has two bytes a sample; Opus frames vary, so theirs is 0.
    #[error("{codec:?} frames cannot have {frame_bytes} bytes")]
    FrameBytes { codec: Codec, frame_bytes: u32 },
}

#[derive(Serialize, Deserialize)]
struct Fields {
    codec: Codec,
    sample_rate: u32,
    frame_samples: u32,
    frame_bytes: u32,
}

impl StreamFormat {
    /// Largest frame any format allows, bytes: 120 ms of PCM at 48 kHz.
    pub const MAX_FRAME_BYTES: usize = 11_520;

    /// `sample_rate` in hertz; `frame_samples` per frame; `frame_bytes` per frame, 0 where sizes vary.
    pub fn new(
        codec: Codec,
        sample_rate: u32,
        frame_samples: u32,
        frame_bytes: u32,
    ) -> Result<Self, FormatError> {
        if !(8_000..=48_000).contains(&sample_rate) {
            return Err(FormatError::SampleRate(sample_rate));
        }
        let frame_us = u64::from(frame_samples) * 1_000_000 / u64::from(sample_rate);
        if !(2_500..=120_000).contains(&frame_us) {
            return Err(FormatError::FrameSamples { frame_samples, sample_rate });
        }
        let fits = match codec {
            Codec::Lc3 => (20..=400).contains(&frame_bytes),
            Codec::Opus => frame_bytes == 0,
            Codec::PcmS16le => frame_bytes == frame_samples * 2,
        };
        if !fits {
            return Err(FormatError::FrameBytes { codec, frame_bytes });
        }
        Ok(Self { codec, sample_rate, frame_samples, frame_bytes })
    }

    /// LC3 with 10 ms frames of `frame_bytes` bytes (10.884 ms at 44.1 kHz, as the codec has it).
    pub fn lc3(sample_rate: u32, frame_bytes: u32) -> Result<Self, FormatError> {
        let frame_samples = if sample_rate == 44_100 { 480 } else { sample_rate / 100 };
        Self::new(Codec::Lc3, sample_rate, frame_samples, frame_bytes)
    }

    /// 16-bit PCM in 10 ms frames.
    pub fn pcm(sample_rate: u32) -> Result<Self, FormatError> {
        let frame_samples = sample_rate / 100;
        Self::new(Codec::PcmS16le, sample_rate, frame_samples, frame_samples * 2)
    }

    /// Opus with frames of `frame_samples` samples at `sample_rate` hertz.
    pub fn opus(sample_rate: u32, frame_samples: u32) -> Result<Self, FormatError> {
        Self::new(Codec::Opus, sample_rate, frame_samples, 0)
    }

    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// Hertz.
    pub fn sample_rate(&self) -> u32 {
        self.sample_rate
    }

    /// Samples a frame decodes to.
    pub fn frame_samples(&self) -> u32 {
        self.frame_samples
    }

    /// Bytes of a frame; `None` where each frame has its own size.
    pub fn frame_bytes(&self) -> Option<u32> {
        (self.frame_bytes > 0).then_some(self.frame_bytes)
    }

    /// Whether a frame of `bytes` bytes can belong to a stream of this format.
    pub fn accepts(&self, bytes: usize) -> bool {
        match self.frame_bytes() {
            Some(size) => bytes == size as usize,
            None => (1..=Self::MAX_FRAME_BYTES).contains(&bytes),
        }
    }

    /// Time one frame lasts.
    pub fn frame_duration(&self) -> Duration {
        self.stream_time(FrameIndex(1))
    }

    /// Time from the start of the stream to the first sample of frame `index`.
    pub fn stream_time(&self, index: FrameIndex) -> Duration {
        self.duration(index.0)
    }

    /// Time that `frames` frames last.
    pub fn duration(&self, frames: u64) -> Duration {
        let nanos = u128::from(frames) * u128::from(self.frame_samples) * 1_000_000_000
            / u128::from(self.sample_rate);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// Whole frames that fit into `time`.
    pub fn frames_in(&self, time: Duration) -> u64 {
        let frames =
            time.as_nanos() * u128::from(self.sample_rate) / (u128::from(self.frame_samples) * 1_000_000_000);
        u64::try_from(frames).unwrap_or(u64::MAX)
    }
}

impl TryFrom<Fields> for StreamFormat {
    type Error = FormatError;

    fn try_from(fields: Fields) -> Result<Self, FormatError> {
        Self::new(fields.codec, fields.sample_rate, fields.frame_samples, fields.frame_bytes)
    }
}

impl From<StreamFormat> for Fields {
    fn from(format: StreamFormat) -> Self {
        let StreamFormat { codec, sample_rate, frame_samples, frame_bytes } = format;
        Self { codec, sample_rate, frame_samples, frame_bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stream_time_is_exact_at_every_index() {
        let format = StreamFormat::lc3(44_100, 100).unwrap();
        assert_eq!(format.frame_duration(), Duration::from_nanos(10_884_353));
        // A rounded frame duration would be 0.4 s off here.
        assert_eq!(format.stream_time(FrameIndex(44_100_000)).as_secs(), 480_000);
    }

    #[test]
    fn impossible_formats_are_refused_by_the_field_at_fault() {
        assert!(matches!(StreamFormat::lc3(96_000, 20), Err(FormatError::SampleRate(96_000))));
        assert!(matches!(StreamFormat::lc3(16_000, 19), Err(FormatError::FrameBytes { .. })));
        assert!(matches!(StreamFormat::opus(16_000, 0), Err(FormatError::FrameSamples { .. })));
        let json = r#"{"codec":"pcm_s16le","sample_rate":16000,"frame_samples":160,"frame_bytes":20}"#;
        assert!(serde_json::from_str::<StreamFormat>(json).is_err());
    }
}
