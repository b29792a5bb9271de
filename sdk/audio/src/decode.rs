use glasslink_lc3::{Decoder, FrameDuration};
use glasslink_protocol::{Codec, StreamFormat};

use crate::Resampler;

/// Turns the frames of a stream into 16-bit mono samples at [`SAMPLE_RATE`](Self::SAMPLE_RATE), lost ones concealed.
///
/// Sample *n* lies at the time *n* / 16,000 s of the stream, as long as each frame is decoded, or `None` in its place.
#[derive(Debug)]
pub struct FrameDecoder {
    format: StreamFormat,
    codec: Inner,
    /// One decoded frame.
    pcm: Vec<i16>,
    rate: Option<RateChange>,
}

#[derive(Debug)]
enum Inner {
    Lc3(Box<Decoder>),
    #[cfg(feature = "opus")]
    Opus(crate::opus::OpusFrames),
    Pcm,
}

#[derive(Debug)]
struct RateChange {
    resampler: Resampler,
    input: Vec<f32>,
    output: Vec<f32>,
}

/// What the samples of a frame are.
#[must_use = "a concealed frame is made up, and someone should know"]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decoded {
    /// Decoded from the frame.
    Ok,
    /// Made up from those before: the frame was lost, damaged, or of a size that the stream does not have.
    Concealed,
}

/// This build cannot decode the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecoderError {
    /// Opus needs this crate's feature `opus`.
    #[error("{0:?} cannot be decoded by this build")]
    Codec(Codec),
    /// The codec has no such rate or frame; another one was declared than is sent.
    #[error("{codec:?} has no frames of {samples} samples at {rate} Hz")]
    Format { codec: Codec, samples: u32, rate: u32 },
}

impl FrameDecoder {
    /// Hertz of the samples that come out: what speech engines take.
    pub const SAMPLE_RATE: u32 = 16_000;

    pub fn new(format: StreamFormat) -> Result<Self, DecoderError> {
        let (codec, rate, samples) = (format.codec(), format.sample_rate(), format.frame_samples());
        let wrong = DecoderError::Format { codec, samples, rate };
        let codec = match codec {
            Codec::Lc3 => Inner::Lc3(Box::new(lc3(rate, samples).ok_or(wrong)?)),
            Codec::PcmS16le => Inner::Pcm,
            #[cfg(feature = "opus")]
            Codec::Opus => Inner::Opus(crate::opus::OpusFrames::new(rate, samples).ok_or(wrong)?),
            #[cfg(not(feature = "opus"))]
            Codec::Opus => return Err(DecoderError::Codec(codec)),
        };
        let resampler = Resampler::new(rate, Self::SAMPLE_RATE).map_err(|_| wrong)?;
        let rate = (rate != Self::SAMPLE_RATE).then(|| RateChange {
            resampler,
            input: Vec::new(),
            output: Vec::new(),
        });
        Ok(Self { format, codec, pcm: vec![0; samples as usize], rate })
    }

    /// Appends the samples of the next frame; `None` for one that was lost.
    pub fn decode(&mut self, frame: Option<&[u8]>, samples: &mut Vec<i16>) -> Decoded {
        let frame = frame.filter(|frame| self.format.accepts(frame.len()));
        let decoded = match &mut self.codec {
            Inner::Lc3(decoder) => match decoder.decode(frame, &mut self.pcm) {
                Ok(glasslink_lc3::Decoded::Ok) => Decoded::Ok,
                Ok(glasslink_lc3::Decoded::Concealed) => Decoded::Concealed,
                // Sizes were checked above; a frame refused all the same is one more that is lost.
                Err(_) => fade(&mut self.pcm),
            },
            #[cfg(feature = "opus")]
            Inner::Opus(decoder) => match decoder.decode(frame, &mut self.pcm) {
                true if frame.is_some() => Decoded::Ok,
                true => Decoded::Concealed,
                false => fade(&mut self.pcm),
            },
            Inner::Pcm => match frame {
                Some(frame) => {
                    let samples = frame.as_chunks().0.iter().map(|bytes| i16::from_le_bytes(*bytes));
                    self.pcm.iter_mut().zip(samples).for_each(|(to, from)| *to = from);
                    Decoded::Ok
                }
                None => fade(&mut self.pcm),
            },
        };
        match &mut self.rate {
            None => samples.extend_from_slice(&self.pcm),
            Some(rate) => rate.change(&self.pcm, samples),
        }
        decoded
    }

    /// Appends what resampling still holds back; the next frame begins a new stream.
    pub fn finish(&mut self, samples: &mut Vec<i16>) {
        if let Some(rate) = &mut self.rate {
            rate.resampler.finish(&mut rate.output);
            rate.take(samples);
        }
    }
}

impl RateChange {
    fn change(&mut self, pcm: &[i16], samples: &mut Vec<i16>) {
        self.input.clear();
        self.input.extend(pcm.iter().map(|sample| f32::from(*sample)));
        self.resampler.process(&self.input, &mut self.output);
        self.take(samples);
    }

    fn take(&mut self, samples: &mut Vec<i16>) {
        let rounded = |sample: f32| sample.round().clamp(-32_768.0, 32_767.0) as i16;
        samples.extend(self.output.drain(..).map(rounded));
    }
}

fn lc3(rate: u32, samples: u32) -> Option<Decoder> {
    let durations = [FrameDuration::Ms10, FrameDuration::Ms7_5];
    let decoders = durations.into_iter().filter_map(|duration| Decoder::new(rate, duration).ok());
    decoders.into_iter().find(|decoder| decoder.frame_samples() == samples as usize)
}

/// Repeats the last frame backwards, which joins it without a click, at half its level.
fn fade(pcm: &mut [i16]) -> Decoded {
    pcm.reverse();
    for sample in pcm {
        *sample /= 2;
    }
    Decoded::Concealed
}
